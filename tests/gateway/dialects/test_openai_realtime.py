"""OpenAI's Realtime events, as its own clients send and read them."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.errors import Busy, InternalError, UnknownMessage, WireError
from surtitle.gateway.dialects.dialect import Audio, Change, Close, Discard, Flush, Open
from surtitle.gateway.dialects.openai_realtime import Mistake, OpenAIRealtime
from surtitle.messages import Start
from tests.captioning.driver import BASE
from tests.gateway.dialects.talking import (
    any_message,
    events,
    failed,
    final,
    flushed,
    frames,
    json_values,
    others,
    partial,
    speech,
    suppressed,
    survives,
    told,
)

# What openai 3.57.0 sends for `session.update`.
SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
}
TRANSCRIPTION = {"model": "gpt-4o-mini-transcribe", "language": "en", "delay": "minimal"}


def session(**fields: Any) -> str:
    given: dict[str, Any] = {"transcription": TRANSCRIPTION, "turn_detection": SERVER_VAD} | fields
    include = given.pop("include", None)
    body = {"type": "transcription", "audio": {"input": given}}
    return json.dumps(
        {"type": "session.update", "session": body | ({"include": include} if include else {})}
    )


def append(milliseconds: int = 100) -> str:
    data = bytes(48 * milliseconds)
    return json.dumps(
        {"type": "input_audio_buffer.append", "audio": base64.b64encode(data).decode()}
    )


COMMIT, CLEAR = '{"type":"input_audio_buffer.commit"}', '{"type":"input_audio_buffer.clear"}'


def realtime(*texts: str) -> OpenAIRealtime:
    dialect = OpenAIRealtime("x", BASE)
    for text in texts:
        list(dialect.take_text(text))
    return dialect


def kinds(actions: Any) -> list[str]:
    short = ("conversation.item.input_audio_transcription.", "input_audio_buffer.")
    names = [frame["type"] for frame in frames(actions)]
    return [name.removeprefix(short[0]).removeprefix(short[1]) for name in names]


def test_it_begins_with_what_it_does_by_itself() -> None:
    (created,) = frames(OpenAIRealtime("x", BASE).begin())
    assert created["type"] == "session.created"
    given = created["session"]["audio"]["input"]
    assert given["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert given["turn_detection"]["type"] == "server_vad"


def test_an_idle_connection_has_no_session_until_audio_comes() -> None:
    dialect = OpenAIRealtime("x", BASE)
    assert not others(dialect.begin())
    assert not others(dialect.take_text(session()))
    opened, audio = others(dialect.take_text(append(10)))
    assert opened == Open(Start(sample_rate=24_000, language="en", endpoint_silence_ms=500))
    assert audio == Audio(bytes(480))
    assert others(dialect.take_text(append(10))) == [Audio(bytes(480))]


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"format": {"type": "audio/pcmu"}}, {"encoding": "mulaw", "sample_rate": 8000}),
        ({"format": {"type": "audio/pcma"}}, {"encoding": "alaw", "sample_rate": 8000}),
        ({"format": {"type": "audio/pcm", "rate": 16_000}}, {"sample_rate": 16_000}),
        ({"turn_detection": None}, {"endpointing": False, "endpoint_silence_ms": None}),
        (
            {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
            {"endpoint_silence_ms": 1200},
        ),
        ({"turn_detection": {"type": "semantic_vad"}}, {"endpoint_silence_ms": 800}),
        (
            {"turn_detection": SERVER_VAD | {"silence_duration_ms": 10}},
            {"endpoint_silence_ms": 300},
        ),
        (
            {
                "transcription": {
                    "model": "gpt-live-transcribe",
                    "languages": ["en"],
                    "keywords": ["post-mortem"],
                    "prompt": "A lecture.",
                    "delay": "low",
                },
                "noise_reduction": {"type": "far_field", "strength": 0.5},
            },
            {"language": "en", "hotwords": ["post-mortem"], "prompt": "A lecture."},
        ),
        (
            {"transcription": {"languages": ["en", "de"]}},
            {"language": "auto", "languages": ["en", "de"]},
        ),
        ({"include": ["item.input_audio_transcription.logprobs"]}, {"words": True}),
    ],
)
def test_what_an_update_comes_to(fields: dict[str, Any], start: dict[str, Any]) -> None:
    dialect = OpenAIRealtime("x", BASE)
    (updated,) = frames(dialect.take_text(session(**fields)))
    assert updated["type"] == "session.updated"
    opened, _ = others(dialect.take_text(append()))
    assert isinstance(opened, Open)
    assert {name: getattr(opened.start, name) for name in start} == start


@pytest.mark.parametrize("field", ["noise_reduction", "transcription", "turn_detection"])
def test_what_is_nested_is_not_repeated(field: str) -> None:
    deep = "[" * 900 + "]" * 900
    text = '{"type":"session.update","session":{"audio":{"input":{"%s":{"x":1,"deep":%s}}}}}'
    (updated,) = frames(realtime().take_text(text % (field, deep)))
    assert updated["session"]["audio"]["input"][field] == {"x": 1}


def test_what_was_set_is_repeated() -> None:
    (updated,) = frames(OpenAIRealtime("x", BASE).take_text(session()))
    given = updated["session"]["audio"]["input"]
    assert given["turn_detection"] == SERVER_VAD
    assert given["transcription"] == TRANSCRIPTION


def test_an_update_in_mid_stream_changes_the_session() -> None:
    dialect = realtime(session(), append())
    actions = list(dialect.take_text(session(transcription={"prompt": "A post-mortem."})))
    (change,) = others(actions)
    assert isinstance(change, Change)
    assert (change.update.prompt, change.update.endpointing) == ("A post-mortem.", True)
    with pytest.raises(Mistake, match="format cannot be changed"):
        list(dialect.take_text(session(format={"type": "audio/pcmu"})))


def test_beta_clients_have_other_names() -> None:
    text = (
        '{"type":"transcription_session.update","session":{"input_audio_format":"g711_ulaw",'
        '"input_audio_transcription":{"model":"whisper-1","language":"en"},'
        '"turn_detection":{"type":"server_vad","silence_duration_ms":400}}}'
    )
    dialect = OpenAIRealtime("x", BASE)
    (updated,) = frames(dialect.take_text(text))
    assert updated["type"] == "transcription_session.updated"
    opened, _ = others(dialect.take_text(append()))
    assert isinstance(opened, Open)
    assert (opened.start.encoding, opened.start.endpoint_silence_ms) == ("mulaw", 400)


def test_with_voice_activity_an_utterance_is_an_item() -> None:
    dialect = realtime(session(), append(2000))
    actions = told(
        dialect, speech(), partial("So it ", "is"), partial("So it is"), final("So it is.")
    )
    assert kinds(actions) == [
        "speech_started",
        "delta",
        "delta",
        "speech_stopped",
        "committed",
        "conversation.item.added",
        "delta",
        "completed",
    ]
    said = frames(actions)
    assert {each.get("item_id", "item_x_1") for each in said} == {"item_x_1"}
    assert "".join(each.get("delta", "") for each in said) == "So it is."
    assert said[0]["audio_start_ms"] == 500
    assert said[3]["audio_end_ms"] == 1500
    assert said[4]["previous_item_id"] is None
    assert said[-1]["transcript"] == "So it is."
    assert said[-1]["usage"] == {"type": "duration", "seconds": 1.0}
    assert said[-1]["languages"] == [{"code": "en"}]
    ids = [each["event_id"] for each in said]
    assert len(set(ids)) == len(ids)
    (_, committed, *_) = frames(told(dialect, speech(2, 2000), final("Well.", 2, 2000, 2500)))[1:]
    assert committed["previous_item_id"] == "item_x_1"


def test_a_final_that_says_something_else_has_no_more_deltas() -> None:
    dialect = realtime(session(), append(2000))
    told(dialect, speech(), partial("So it was"))
    assert kinds(told(dialect, final("So it is."))) == [
        "speech_stopped",
        "committed",
        "conversation.item.added",
        "completed",
    ]


def test_deltas_wait_by_default_until_they_are_hardly_wrong() -> None:
    for delay, deltas in (
        (None, ["So it is."]),
        ("low", ["So", " it is."]),
        ("minimal", ["So", " it", " is."]),
    ):
        dialect = realtime(session(transcription={"delay": delay}), append(2000))
        actions = told(
            dialect,
            speech(),
            partial("So", end_ms=1000),
            partial("So it", end_ms=2500),
            final("So it is.", end_ms=3000),
        )
        assert [each["delta"] for each in frames(actions) if "delta" in each] == deltas


@pytest.mark.parametrize("more", [",[]" * 50_000, ',{"a":1}' * 50_000])
def test_a_large_event_can_only_be_audio(more: str) -> None:
    dialect = realtime(session())
    audio = base64.b64encode(bytes(200_000)).decode()
    large = '{"type":"input_audio_buffer.append","audio":"%s","event_id":"e1"}' % audio  # noqa: UP031
    taken = [action for action in dialect.take_text(large) if isinstance(action, Audio)]
    assert b"".join(action.data for action in taken) == bytes(200_000)
    assert max(len(action.data) for action in taken) <= 12_288
    with pytest.raises(Mistake, match="has at most"):
        list(dialect.take_text('{"type":"session.update","session":[0%s]}' % more))  # noqa: UP031


def test_noise_is_an_item_without_words_and_a_failure_says_so() -> None:
    dialect = realtime(session(), append(2000))
    assert frames(told(dialect, speech(), suppressed()))[-1]["transcript"] == ""
    failure = frames(told(dialect, speech(2), failed(2)))[-1]
    assert failure["type"].endswith("failed")
    assert failure["error"]["code"] == "quarantined"


def test_log_probabilities_for_each_word() -> None:
    dialect = realtime(session(include=["item.input_audio_transcription.logprobs"]), append())
    completed = frames(told(dialect, speech(), final("So it.")))[-1]
    assert completed["logprobs"] == [
        {"token": "So", "logprob": -0.1335, "bytes": [83, 111]},
        {"token": "it.", "logprob": -0.1335, "bytes": [105, 116, 46]},
    ]


# -- without voice activity -----------------------------------------------------------------------

MANUAL = session(turn_detection=None)


def test_a_commit_makes_an_item_of_all_that_was_said_before_it() -> None:
    dialect = realtime(MANUAL, append(4000))
    early = told(dialect, speech(), partial("So it "), final("So it is.", ended_by="length"))
    early += told(dialect, speech(2, 1500), partial("and", utterance=2, start_ms=1500))
    assert kinds(early) == ["delta"] * 3
    actions = list(dialect.take_text(COMMIT))
    assert kinds(actions) == ["committed", "conversation.item.added"]
    assert others(actions) == [Flush()]
    late = told(dialect, final("and so.", 2, 1500, 3000, "flush"), flushed(4000))
    assert kinds(late) == ["delta", "completed"]
    deltas = [each["delta"] for each in frames([*early, *late]) if "delta" in each]
    assert "".join(deltas) == "So it is. and so."
    assert frames(late)[-1]["transcript"] == "So it is. and so."
    assert len({each["item_id"] for each in frames([*early, *late])}) == 1


def test_each_commit_owes_an_item() -> None:
    dialect = realtime(session(turn_detection=None), append(), COMMIT, append(), COMMIT)
    assert dialect.owed == 2
    list(dialect.tell(flushed(100), 0))
    assert dialect.owed == 1


def test_what_is_said_behind_a_commit_belongs_to_the_next_item() -> None:
    dialect = realtime(MANUAL, append(2000), COMMIT, append(2000))
    late = told(dialect, speech(2, 2000), final("So.", 1, 500, 2000, "flush"))
    late += told(dialect, partial("well", utterance=2, start_ms=2000), flushed(2000))
    first, second, completed = frames(late)
    assert first["item_id"] == completed["item_id"] != second["item_id"]
    (committed, *_) = frames(dialect.take_text(COMMIT))
    assert committed["item_id"] == second["item_id"]
    assert committed["previous_item_id"] == first["item_id"]


def test_silence_that_is_committed_is_an_item_without_words() -> None:
    for update in (MANUAL, session()):
        dialect = realtime(update, append())
        actions = [*dialect.take_text(COMMIT), *told(dialect, flushed(100))]
        assert frames(actions)[-1]["transcript"] == ""
        assert kinds(actions).count("committed") == 1


def test_a_commit_in_mid_speech_with_voice_activity_ends_the_item() -> None:
    dialect = realtime(session(), append(2000))
    told(dialect, speech())
    assert others(dialect.take_text(COMMIT)) == [Flush()]
    actions = told(dialect, final("So it", ended_by="flush"), flushed(2000))
    assert kinds(actions).count("completed") == 1
    assert kinds(actions).count("committed") == 1


def test_an_empty_buffer_cannot_be_committed() -> None:
    for dialect in (
        realtime(MANUAL),
        realtime(MANUAL, append(), COMMIT),
        realtime(append(), CLEAR),
    ):
        with pytest.raises(Mistake) as mistake:
            list(dialect.take_text(COMMIT))
        (error,) = frames(dialect.fail(mistake.value))
        assert error["error"]["code"] == "input_audio_buffer_commit_empty"


def test_what_is_cleared_is_not_transcribed() -> None:
    dialect = realtime(MANUAL, append(3000))
    told(dialect, speech(), partial("So it"))
    actions = list(dialect.take_text(CLEAR))
    assert (others(actions), kinds(actions)) == ([Discard()], ["cleared"])
    assert not told(dialect, final("So it", 1, 500, 1500, "length"))  # had ended before
    assert not told(dialect, suppressed(2, "discarded", "discard"))
    list(dialect.take_text(append(2000)))
    told(dialect, speech(3, 3000), final("Well.", 3, 3000, 4000, "flush"))
    list(dialect.take_text(COMMIT))
    assert frames(told(dialect, flushed(5000)))[-1]["transcript"] == "Well."


def test_what_is_cleared_is_in_no_later_commit_however_late_its_text_is() -> None:
    dialect = realtime(MANUAL, append(1500))
    told(dialect, speech())
    list(dialect.take_text(COMMIT))
    list(dialect.take_text(append(1500)))
    told(dialect, speech(2, 1500), speech(3, 2500))  # the second was cut at its greatest length
    for text in (CLEAR, append(2000), COMMIT):
        list(dialect.take_text(text))
    said = told(dialect, final("So.", ended_by="flush"), flushed(1500))
    said += told(dialect, final("No.", 2, 1500, 2500, "length"), suppressed(3, ended_by="discard"))
    said += told(dialect, speech(4, 3100), final("Well.", 4, 3100, 4000, "flush"), flushed(5000))
    completed = [each for each in frames(said) if each["type"].endswith("completed")]
    assert [each["transcript"] for each in completed] == ["So.", "Well."]


# -- with it, and without it, while somebody speaks -------------------------------------------------


def test_voice_activity_from_mid_speech_on_says_what_is_being_said() -> None:
    dialect = realtime(MANUAL, append(2000))
    told(dialect, speech(), partial("So it "))
    updated = frames(dialect.take_text(session()))
    assert [each["type"] for each in updated] == [
        "session.updated",
        "input_audio_buffer.speech_started",
    ]
    said = told(dialect, partial("So it is"), final("So it is."))
    assert kinds(said)[-1] == "completed"
    assert frames(said)[-1]["transcript"] == "So it is."
    assert {each.get("item_id", "item_x_1") for each in [*updated, *frames(said)]} == {"item_x_1"}
    assert frames(told(dialect, speech(2), final("Well.", 2)))[-1]["transcript"] == "Well."


def test_what_was_said_before_it_is_in_the_next_item() -> None:
    for commits in (False, True):
        dialect = realtime(MANUAL, append(2000))
        told(dialect, speech(), final("So it is.", ended_by="length"))
        assert kinds(dialect.take_text(session())) == ["session.updated"]
        if commits:
            list(dialect.take_text(COMMIT))
            said = told(dialect, flushed(2000))
        else:
            said = told(dialect, speech(2, 1500), final("Well.", 2, 1500, 2000))
        completed = frames(said)[-1]
        assert completed["item_id"] == "item_x_1"
        assert completed["transcript"] == ("So it is." if commits else "So it is. Well.")


def test_what_is_committed_when_it_begins_keeps_its_item() -> None:
    dialect = realtime(MANUAL, append(2000))
    told(dialect, speech())
    list(dialect.take_text(COMMIT))
    assert kinds(dialect.take_text(session())) == ["session.updated"]
    said = told(dialect, final("So it is.", ended_by="flush"), flushed(2000))
    assert kinds(said) == ["delta", "completed"]


def test_an_item_of_voice_activity_and_that_of_a_commit_both_complete() -> None:
    dialect = realtime(session(), append(2000))
    told(dialect, speech())
    list(dialect.take_text(MANUAL))
    (committed, _) = frames(dialect.take_text(COMMIT))
    said = frames(told(dialect, final("So it is.", ended_by="flush"), flushed(2000)))
    completed = [each for each in said if each["type"].endswith("completed")]
    assert [(each["item_id"], each["transcript"]) for each in completed] == [
        ("item_x_1", "So it is."),
        (committed["item_id"], ""),
    ]


# -- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{nonsense",
        "[]",
        '{"type":7}',
        '{"type":"nothing.such","event_id":"e1"}',
        '{"type":"response.create","event_id":"e1"}',
        '{"type":"input_audio_buffer.append","audio":"***","event_id":"e1"}',
        '{"type":"input_audio_buffer.append","audio":7,"event_id":"e1"}',
        '{"type":"session.update","event_id":"e1","session":{"type":"realtime"}}',
        '{"type":"session.update","event_id":"e1","session":{"audio":{"input":{"format":{"type":"audio/mp3"}}}}}',
        '{"type":"session.update","event_id":"e1","session":{"audio":{"input":{"transcription":{"language":"nowhere"}}}}}',
        '{"type":"session.update","event_id":"e1","session":7}',
        '{"type":"session.update","event_id":"e1"}',
        '{"type":"transcription_session.update","event_id":"e1","session":{"turn_detection":7}}',
    ],
)
def test_a_mistake_is_told_and_nothing_is_lost(text: str) -> None:
    dialect = realtime(session())
    with pytest.raises(WireError) as mistake:
        list(dialect.take_text(text))
    assert mistake.value.close_code is None
    (error,) = frames(dialect.fail(mistake.value))
    assert error["type"] == "error"
    assert error["error"]["type"] == "invalid_request_error"
    assert error["error"]["message"]
    assert error["error"]["event_id"] == ("e1" if '"e1"' in text else None)
    assert others(dialect.take_text(append()))


def test_binary_frames_are_a_mistake() -> None:
    with pytest.raises(Mistake):
        list(realtime().take_bytes(b"ab"))


@pytest.mark.parametrize("error", [InternalError("It broke."), Busy("Full.")])
def test_a_fault_is_told_and_closes(error: WireError) -> None:
    said, close = realtime().fail(error)
    assert frames([said])[0]["error"]["type"] == "server_error"
    assert isinstance(close, Close)


def test_an_unknown_event_is_unknown() -> None:
    with pytest.raises(UnknownMessage):
        list(realtime().take_text('{"type":"nothing"}'))


sessions = st.builds(
    lambda kind, given, include: json.dumps(
        {"type": kind, "session": {"audio": {"input": given}, "include": include}}
    ),
    st.sampled_from(["session.update", "transcription_session.update"]),
    st.dictionaries(
        st.sampled_from(["format", "transcription", "turn_detection", "noise_reduction"]),
        json_values,
    ),
    json_values,
)


@given(
    st.lists(
        st.sampled_from([append(), COMMIT, CLEAR, session(), MANUAL])
        | sessions
        | events(
            ["session.update", "input_audio_buffer.append", "x"], ["session", "audio", "event_id"]
        )
        | any_message
    )
)
def test_anything_in_any_order(inputs: list[Any]) -> None:
    survives(OpenAIRealtime("x", BASE), inputs)


@given(
    st.lists(st.sampled_from(["So", "So it", "So it is", "Well"])),
    st.sampled_from(["So it is.", "Well."]),
)
def test_deltas_never_take_back_what_they_said(stable: list[str], text: str) -> None:
    dialect = realtime(session(), append(2000))
    actions = told(dialect, speech(), *(partial(each) for each in stable), final(text))
    joined = "".join(each["delta"] for each in frames(actions) if "delta" in each)
    grown = "".join(s for s in [joined])
    assert grown == joined
    if all(text.startswith(each) for each in stable):
        assert joined == text
