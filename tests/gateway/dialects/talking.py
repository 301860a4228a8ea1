"""What a session says and a dialect asks for, in tests."""

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from surtitle.errors import WireError
from surtitle.gateway.dialects.dialect import Action, Dialect, Say
from surtitle.messages import (
    Ended,
    EndedBy,
    Failed,
    Final,
    Flushed,
    Partial,
    Pause,
    PauseOver,
    Ready,
    ServerMessage,
    Speech,
    Status,
    Suppressed,
    WordTiming,
)


def speech(utterance: int = 1, start_ms: int = 500) -> Speech:
    return Speech(seq=1, utterance=utterance, start_ms=start_ms)


def partial(
    stable: str, unstable: str = "", utterance: int = 1, start_ms: int = 500, end_ms: int = 1200
) -> Partial:
    return Partial(
        seq=1,
        utterance=utterance,
        start_ms=start_ms,
        end_ms=end_ms,
        stable=stable,
        unstable=unstable,
    )


def words(text: str, start_ms: int = 500) -> list[WordTiming]:
    return [
        WordTiming(
            text=word, start_ms=start_ms + 100 * i, end_ms=start_ms + 100 * i + 90, confidence=0.875
        )
        for i, word in enumerate(text.split())
    ]


def final(
    text: str,
    utterance: int = 1,
    start_ms: int = 500,
    end_ms: int = 1500,
    ended_by: EndedBy = "pause",
) -> Final:
    return Final(
        seq=1,
        utterance=utterance,
        start_ms=start_ms,
        end_ms=end_ms,
        text=text,
        language="en",
        language_probability=1.0,
        confidence=0.75,
        ended_by=ended_by,
        words=words(text, start_ms),
    )


def pause(text: str, utterance: int = 1, *, finished: bool = True) -> Pause:
    return Pause(
        seq=1,
        utterance=utterance,
        start_ms=500,
        end_ms=1500,
        text=text,
        finished=finished,
        confidence=0.75,
        words=words(text),
    )


def over(utterance: int = 1) -> PauseOver:
    return PauseOver(seq=1, utterance=utterance)


def suppressed(
    utterance: int = 1, reason: str = "no_speech", ended_by: EndedBy = "pause"
) -> Suppressed:
    return Suppressed(
        seq=1, utterance=utterance, start_ms=500, end_ms=1500, reason=reason, ended_by=ended_by
    )


def failed(utterance: int = 1) -> Failed:
    return Failed(
        seq=1,
        utterance=utterance,
        start_ms=500,
        end_ms=1500,
        code="quarantined",
        message="Given up.",
    )


def flushed(audio_ms: int = 2000, flushes: int = 1) -> Flushed:
    return Flushed(seq=1, audio_ms=audio_ms, flushes=flushes)


def ended(audio_ms: int = 3000) -> Ended:
    return Ended(
        seq=1,
        audio_ms=audio_ms,
        captioned_ms=audio_ms,
        silence_ms=0,
        suppressed_ms=0,
        failed_ms=0,
        utterances=1,
    )


def told(dialect: Dialect, *messages: ServerMessage, channel: int = 0) -> list[Action]:
    return [action for message in messages for action in dialect.tell(message, channel)]


def frames(actions: Iterable[Action]) -> list[Any]:
    """The frames among what a dialect asks for."""
    return [json.loads(action.frame) for action in actions if isinstance(action, Say)]


def others(actions: Iterable[Action]) -> list[Action]:
    return [action for action in actions if not isinstance(action, Say)]


# -- anything -------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
texts = st.sampled_from(["", "so", "So it is.", "So it was.", "你好。", " and"])
times = st.integers(0, 5000)
numbers = st.integers(1, 4)
ends = st.sampled_from(["pause", "length", "flush", "discard", "stop"])
any_message = st.one_of(
    st.builds(speech, numbers, times),
    st.builds(partial, texts, texts, numbers, times, times),
    st.builds(final, texts, numbers, times, times, ends),
    st.builds(pause, texts, numbers, finished=st.booleans()),
    st.builds(over, numbers),
    st.builds(suppressed, numbers, st.sampled_from(["no_speech", "discarded"]), ends),
    st.builds(failed, numbers),
    st.builds(flushed, times, numbers),
    st.builds(ended, times),
    st.just(Status(seq=1, state="normal", message="It is.")),
    st.just(Ready(seq=1, session="s", token="t", model="m", sample_rate=16_000, resume_window_s=0)),
)


def events(names: Iterable[str], fields: Iterable[str]) -> st.SearchStrategy[str]:
    """Text frames: nonsense, and JSON with such a type and such fields of any kind."""
    some = st.dictionaries(st.sampled_from(list(fields)), json_values, max_size=4)
    typed = st.builds(
        lambda name, more: json.dumps({**more, "type": name}), st.sampled_from(list(names)), some
    )
    return typed | json_values.map(json.dumps) | st.text(max_size=40)


def survives(
    dialect: Dialect, inputs: Iterable[str | bytes | ServerMessage], channel: int = 0
) -> None:
    """It asks for actions, or raises what its connection can tell, whatever comes in whatever order."""
    list(dialect.begin())
    for one in inputs:
        try:
            if isinstance(one, str):
                actions = list(dialect.take_text(one))
            elif isinstance(one, bytes):
                actions = list(dialect.take_bytes(one))
            else:
                actions = list(dialect.tell(one, channel))
        except WireError as error:
            assert error.close_code is None
            actions = list(dialect.fail(error))
        frames(actions)
