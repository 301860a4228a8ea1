"""Wyoming's events, as Home Assistant sends and reads them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event
from wyoming.info import Info

from surtitle.errors import BadMessage, BadStart
from surtitle.gateway.dialects.dialect import Audio, Close, Open, Stop
from surtitle.gateway.dialects.wyoming import Wyoming
from surtitle.messages import MAX_HOTWORDS, Start
from tests.captioning.driver import BASE
from tests.gateway.dialects.talking import (
    any_message,
    ended,
    events,
    failed,
    final,
    frames,
    json_values,
    others,
    partial,
    survives,
    told,
)


def wyoming(*, external_vad: bool = True) -> Wyoming:
    return Wyoming(BASE, "1.2.3", external_vad=external_vad)


def event(kind: str, **data: Any) -> str:
    return json.dumps({"type": kind, "data": data})


def asked(dialect: Wyoming, *frames: str | bytes) -> list[Any]:
    return [
        action
        for frame in frames
        for action in (
            dialect.take_text(frame) if isinstance(frame, str) else dialect.take_bytes(frame)
        )
    ]


BEGIN = (event("transcribe", language="en"), event("audio-start", rate=16_000, width=2, channels=1))
STOP = event("audio-stop")


def test_it_says_what_it_can() -> None:
    (said,) = frames(asked(wyoming(), event("describe")))
    (program,) = Info.from_event(Event("info", said["data"])).asr
    assert program.installed
    assert program.requires_external_vad
    assert program.supports_transcript_streaming
    (model,) = program.models
    assert (model.name, model.languages, model.version) == (
        "base",
        ["en", "zh", "de", "fr"],
        "1.2.3",
    )


def test_a_ping_is_answered() -> None:
    assert frames(asked(wyoming(), event("ping", text="hi"))) == [
        {"type": "pong", "data": {"text": "hi"}}
    ]


def test_a_command_is_a_session_and_one_transcript() -> None:
    dialect = wyoming()
    assert asked(dialect, *BEGIN, b"abcd", STOP) == [
        Open(Start(sample_rate=16_000, language="en")),
        Audio(b"abcd"),
        Stop(),
    ]
    said = frames(
        told(
            dialect,
            partial("So it "),
            final("So it is."),
            partial("Well", utterance=2),
            final("Well.", 2),
            ended(),
        )
    )
    assert [each["type"] for each in said] == [
        "transcript-start",
        *["transcript-chunk"] * 4,
        "transcript-stop",
        "transcript",
    ]
    assert said[-1]["data"] == {"text": "So it is. Well.", "language": "en"}
    chunks = [each["data"]["text"] for each in said if each["type"] == "transcript-chunk"]
    assert "".join(chunks) == "So it is. Well."


@pytest.mark.parametrize(
    ("shown", "transcript", "joined"),
    [
        ("Then my was", "Then Moses was afraid.", "Then my was afraid."),
        ("Then my", "Then Moses was afraid.", "Then my was afraid."),
        ("Them", "Then Moses was afraid.", "Them Moses was afraid."),
        ("Then Moses was afraid of", "Then Moses was afraid.", "Then Moses was afraid of"),
        ("then moses", "Then Moses was afraid.", "then moses was afraid."),
        ("他很怕人", "他很怕。", "他很怕人"),
        ("我很怕", "他很怕你。", "我很怕你。"),
    ],
)
def test_one_wrong_word_is_not_the_last_one_that_is_shown(
    shown: str, transcript: str, joined: str
) -> None:
    dialect = wyoming()
    asked(dialect, *BEGIN, b"ab", STOP)
    said = frames(told(dialect, partial(shown), final(transcript), ended()))
    chunks = [each["data"]["text"] for each in said if each["type"] == "transcript-chunk"]
    assert "".join(chunks) == joined
    assert said[-1]["data"]["text"] == transcript


def test_another_command_is_another_session() -> None:
    dialect = wyoming()
    asked(dialect, *BEGIN, b"ab", STOP)
    told(dialect, final("So."), ended())
    again = asked(dialect, event("transcribe", language="de"), BEGIN[1], b"ab", STOP)
    assert again[0] == Open(Start(sample_rate=16_000, language="de"))
    assert frames(told(dialect, final("Ja."), ended()))[-1]["data"]["text"] == "Ja."


def test_another_command_must_wait_for_the_transcript() -> None:
    dialect = wyoming()
    asked(dialect, *BEGIN, b"ab", STOP)
    with pytest.raises(BadMessage, match="Wait for the transcript"):
        asked(dialect, BEGIN[0])
    assert not asked(dialect, b"ab")
    assert frames(told(dialect, final("So."), ended()))[-1]["data"]["text"] == "So."
    assert others(asked(dialect, *BEGIN, b"ab"))


def test_without_audio_and_without_speech_there_is_an_empty_transcript() -> None:
    dialect = wyoming()
    assert frames(asked(dialect, event("transcribe"), STOP))[-1]["data"]["text"] == ""
    assert others(asked(dialect, *BEGIN, STOP))[-1] == Stop()
    assert frames(told(dialect, failed(), ended())) == [
        {"type": "transcript", "data": {"text": "", "language": "en"}}
    ]


def test_with_our_own_endpoint_the_first_pause_ends_a_command() -> None:
    dialect = wyoming(external_vad=False)
    asked(dialect, *BEGIN, b"ab")
    actions = told(dialect, final("So it is."))
    assert others(actions) == [Stop()]
    assert frames(told(dialect, ended()))[-1]["data"]["text"] == "So it is."
    assert not asked(dialect, b"ab", STOP)  # it goes on sending for a while


def test_words_to_listen_for_and_formats() -> None:
    dialect = wyoming()
    wishes = event("transcribe", transcript_names=["Mortimer"], transcript_terms=["medicine", " "])
    start = event("audio-start", rate=48_000, width=4, channels=2)
    opened, *audio = asked(dialect, wishes, start, b"\0\0\1\0\0", b"\0\2\0")
    assert opened == Open(Start(sample_rate=48_000, channels=2, hotwords=["Mortimer", "medicine"]))
    assert b"".join(each.data for each in audio) == b"\1\0\2\0"


def test_of_many_names_those_that_fit_are_taken_and_the_language_stays() -> None:
    names = [f"Lamp {number}" for number in range(1500)]
    wishes = event("transcribe", language="en", transcript_names=names, transcript_terms=["light"])
    (opened,) = asked(wyoming(), wishes, BEGIN[1])
    assert opened == Open(Start(sample_rate=16_000, language="en", hotwords=names[:MAX_HOTWORDS]))


def test_unknown_events_are_ignored_and_broken_ones_told() -> None:
    dialect = wyoming()
    assert not asked(dialect, event("select-program", name="x"), event("no-such-event"))
    with pytest.raises(BadMessage):
        asked(dialect, event("audio-start", rate=1, width=2, channels=1))
    with pytest.raises(BadMessage):
        asked(dialect, event("audio-start", rate=16_000, width=3, channels=1))


def test_a_language_that_the_model_does_not_know_is_told_and_another_may_follow() -> None:
    dialect = wyoming()
    with pytest.raises(BadMessage, match="does not support"):
        asked(dialect, event("transcribe", language="xx"))
    assert not asked(dialect, BEGIN[1], b"ab", STOP)
    assert others(asked(dialect, *BEGIN, b"ab"))


def test_what_goes_wrong_is_told_and_ends_the_connection() -> None:
    error, close = wyoming().fail(BadStart("No."))
    assert frames([error]) == [{"type": "error", "data": {"text": "No.", "code": "bad_start"}}]
    assert close == Close()


@given(
    st.lists(
        st.builds(
            lambda kind, data: json.dumps({"type": kind, "data": data}),
            st.sampled_from(["transcribe", "audio-start", "audio-stop", "describe", "ping"]),
            json_values,
        )
        | st.sampled_from([*BEGIN, STOP])
        | events(["x"], ["data"])
        | st.binary(max_size=20)
        | any_message
    ),
    st.booleans(),
)
def test_anything_in_any_order(inputs: list[Any], external_vad: bool) -> None:
    survives(wyoming(external_vad=external_vad), inputs)
