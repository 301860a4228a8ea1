"""vosk-server's protocol: one answer for each message, whatever comes when."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.errors import BadAudio, BadMessage, InternalError
from surtitle.gateway.dialects.dialect import Audio, Close, Flush, Open, Stop
from surtitle.gateway.dialects.vosk import Vosk
from surtitle.messages import Start
from tests.gateway.dialects.talking import (
    any_message,
    ended,
    events,
    final,
    flushed,
    frames,
    json_values,
    others,
    partial,
    suppressed,
    survives,
    told,
)

CONFIG = '{ "config" : { "sample_rate" : 16000 } }'
"""As test.py sends it."""


def vosk(config: str = CONFIG) -> Vosk:
    dialect = Vosk()
    assert not list(dialect.take_text(config))
    return dialect


def answer(dialect: Vosk) -> Any:
    (reply,) = frames(dialect.take_bytes(b"ab"))
    return reply


def test_it_begins_with_the_first_audio() -> None:
    opened, audio = others(vosk().take_bytes(b"ab"))
    assert opened == Open(Start(sample_rate=16_000, words=True))
    assert audio == Audio(b"ab")
    opened, _ = others(Vosk().take_bytes(b"ab"))
    assert opened == Open(Start(sample_rate=8000, words=True))


def test_jigasi_has_a_rate_with_a_point_and_phrases_are_hotwords() -> None:
    config = '{"config":{"sample_rate":48000.0,"phrase_list":["zero one","[unk]"],"words":0}}'
    opened, _ = others(vosk(config).take_bytes(b"ab"))
    assert opened == Open(Start(sample_rate=48_000, words=True, hotwords=["zero one"]))


def test_each_message_has_one_answer() -> None:
    dialect = vosk()
    assert answer(dialect) == {"partial": ""}
    assert not told(dialect, partial("So ", "it is,"))
    assert answer(dialect) == {"partial": "so it is"}
    assert answer(dialect) == {"partial": "so it is"}
    assert not told(dialect, final("So it is."), final("Well!", 2))
    first = answer(dialect)
    assert first["text"] == "so it is"
    assert first["result"][0] == {"conf": 0.875, "start": 0.5, "end": 0.59, "word": "so"}
    assert answer(dialect)["text"] == "well"
    assert answer(dialect) == {"partial": ""}


def test_what_is_no_speech_is_shown_no_longer() -> None:
    dialect = vosk()
    told(dialect, partial("so"), suppressed())
    assert answer(dialect) == {"partial": ""}


@pytest.mark.parametrize("eof", ['{"eof" : 1}', '{"eof":1}', '{"eof":true}'])
def test_the_end_has_all_that_was_not_told(eof: str) -> None:
    dialect = vosk()
    answer(dialect)
    assert list(dialect.take_text(eof)) == [Stop()]
    said, close = told(dialect, final("So it is."), final("Well.", 2), ended())
    assert frames([said])[0]["text"] == "so it is well"
    assert close == Close()
    assert not list(dialect.take_bytes(b"ab"))


def test_the_end_without_audio() -> None:
    said, close = vosk().take_text('{"eof" : 1}')
    assert (frames([said]), close) == ([{"text": ""}], Close())


def test_a_reset_is_answered_once_all_is_and_what_follows_waits() -> None:
    dialect = vosk()
    answer(dialect)
    assert list(dialect.take_text('{"reset" : 1}')) == [Flush()]
    assert not frames(dialect.take_bytes(b"ab"))  # Jigasi does not wait
    replies = frames(told(dialect, final("So it is.", ended_by="flush"), flushed()))
    assert [reply.get("text", reply.get("partial")) for reply in replies] == ["so it is", ""]
    assert answer(dialect) == {"partial": ""}


def test_resets_that_come_together_each_have_an_answer() -> None:
    dialect = vosk()
    answer(dialect)
    for _ in range(2):
        list(dialect.take_text('{"reset":1}'))
    assert not frames(dialect.take_bytes(b"ab"))
    replies = frames(told(dialect, final("so", ended_by="flush"), flushed(100, 2)))
    assert [reply.get("text", reply.get("partial")) for reply in replies] == ["so", "", ""]


def test_a_rate_in_quotes_is_a_rate() -> None:
    opened, _ = others(vosk('{"config":{"sample_rate":"16000"}}').take_bytes(b"ab"))
    assert opened == Open(Start(sample_rate=16_000, words=True))


def test_a_reset_right_before_the_end_still_has_an_answer() -> None:
    dialect = vosk()
    answer(dialect)
    list(dialect.take_text('{"reset":1}'))
    list(dialect.take_text('{"eof":1}'))
    assert frames(told(dialect, final("so"), ended())) == [
        {"partial": ""},
        {"result": [{"conf": 0.875, "start": 0.5, "end": 0.59, "word": "so"}], "text": "so"},
    ]


def test_options() -> None:
    dialect = vosk('{"config":{"sample_rate":16000,"words":0}}')
    told(dialect, final("So."))
    assert answer(dialect) == {"text": "so"}
    dialect = vosk('{"config":{"sample_rate":16000,"max_alternatives":3}}')
    told(dialect, final("So."))
    (alternative,) = answer(dialect)["alternatives"]
    assert (alternative["text"], alternative["confidence"]) == ("so", 0.75)


def test_a_stream_that_fails_is_closed() -> None:
    assert list(Vosk().fail(BadAudio("No."))) == [Close(1003, "bad_audio")]
    assert not list(Vosk().fail(BadMessage("No.")))


def test_what_was_said_is_told_before_a_stream_that_fails_is_closed() -> None:
    dialect = vosk()
    answer(dialect)
    told(dialect, final("So it is."), final("Well.", 2))
    said, close = dialect.fail(InternalError("No."))
    assert frames([said])[0]["text"] == "so it is well"
    assert close == Close(1011, "internal")


def test_silence_is_borne_for_ever() -> None:
    assert Vosk.idle_timeout_s == math.inf


@given(
    st.lists(
        st.sampled_from([CONFIG, '{"eof":1}', '{"reset":1}'])
        | st.builds(lambda value: json.dumps({"config": value}), json_values)
        | events(["x"], ["config", "eof", "reset"])
        | st.binary(max_size=20)
        | any_message
    )
)
def test_anything_in_any_order(inputs: list[Any]) -> None:
    survives(Vosk(), inputs)


@given(st.lists(st.sampled_from(["audio", "reset", "final", "flushed"])))
def test_there_are_never_more_answers_than_messages(steps: list[str]) -> None:
    dialect = vosk()
    asked = answered = resets = 0
    for step in steps:
        match step:
            case "audio":
                asked += 1
                answered += len(frames(dialect.take_bytes(b"ab")))
            case "reset":
                asked, resets = asked + 1, resets + 1
                answered += len(frames(dialect.take_text('{"reset":1}')))
            case "flushed" if resets:
                resets -= 1
                answered += len(frames(told(dialect, flushed())))
            case "final":
                answered += len(frames(told(dialect, final("so"))))
        assert answered <= asked
    for _ in range(resets):
        answered += len(frames(told(dialect, flushed())))
    assert answered == asked
