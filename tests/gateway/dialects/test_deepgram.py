"""Deepgram's messages, as its own clients send and read them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.errors import BadAudio, BadMessage, Busy, IdleTimeout, InternalError, WireError
from surtitle.gateway.dialects.deepgram import Deepgram, Identity, file_body
from surtitle.gateway.dialects.deepgram_query import BadQuery, Wishes, read_query
from surtitle.gateway.dialects.dialect import Audio, Change, Close, Flush, Open, Say, Stop
from surtitle.gateway.dialects.openai_files import Transcript
from surtitle.messages import Start, Update
from tests.captioning.driver import BASE
from tests.gateway.dialects.talking import (
    any_message,
    ended,
    events,
    failed,
    final,
    flushed,
    frames,
    others,
    partial,
    speech,
    suppressed,
    survives,
    told,
)

IDENTITY = Identity("0f0f", "2026-11-30T12:00:00.000Z", "base")
RAW = {"encoding": ["linear16"], "sample_rate": ["16000"], "language": ["en"]}


def query(**fields: str | list[str]) -> Wishes:
    given = {name: [value] if isinstance(value, str) else value for name, value in fields.items()}
    return read_query(RAW | given, BASE)


def listening(**fields: str | list[str]) -> Deepgram:
    return Deepgram(query(**fields), IDENTITY)


# What livekit-plugins-deepgram 1.8.9 and pipecat-ai 1.14.0 ask for.
LIVEKIT = {
    "model": "nova-3",
    "punctuate": "true",
    "smart_format": "false",
    "no_delay": "true",
    "interim_results": "true",
    "vad_events": "true",
    "channels": "1",
    "endpointing": "25",
    "filler_words": "true",
    "profanity_filter": "false",
    "numerals": "false",
    "mip_opt_out": "false",
    "language": "en-US",
}
PIPECAT = {
    "model": "nova-3-general",
    "channels": "1",
    "multichannel": "false",
    "detect_entities": "false",
    "diarize": "false",
    "dictation": "false",
    "interim_results": "true",
}


def test_livekit_asks_for_an_endpoint_that_would_cost_accuracy() -> None:
    wishes = query(**LIVEKIT)
    assert wishes.start.endpoint_silence_ms == 300
    assert (wishes.interim_results, wishes.vad_events, wishes.channels) == (True, True, 1)
    assert "no_delay" in wishes.ignored
    assert "model" not in wishes.ignored


def test_pipecat_says_everything_in_words() -> None:
    wishes = query(**PIPECAT)
    assert wishes.start == Start(sample_rate=16_000, language="en", words=True)
    assert wishes.channels == 1


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"encoding": "mulaw", "sample_rate": "8000"}, {"encoding": "mulaw", "sample_rate": 8000}),
        ({"encoding": "linear32"}, {"encoding": "pcm_f32le"}),
        ({"encoding": "flac", "sample_rate": []}, {"encoding": "flac"}),
        ({"encoding": "ogg-opus", "sample_rate": "48000"}, {"encoding": "ogg"}),
        ({"encoding": [], "sample_rate": []}, {"encoding": "auto"}),
        ({"channels": "2"}, {"channels": 2}),
        ({"endpointing": "false"}, {"endpointing": False}),
        ({"endpointing": "true"}, {}),
        ({"endpointing": "500"}, {"endpoint_silence_ms": 500}),
        ({"endpointing": "9999"}, {"endpoint_silence_ms": 5000}),
        (
            {"keyterm": ["post mortem", " "], "keywords": ["Hale:2"]},
            {"hotwords": ["post mortem", "Hale"]},
        ),
        ({"language": "multi"}, {"language": "auto"}),
        (
            {"language": "multi", "language_hint": ["en", "de"]},
            {"language": "auto", "languages": ["en", "de"]},
        ),
        ({"language": [], "language_hint": "de"}, {"language": "de"}),
    ],
)
def test_what_a_query_comes_to(fields: dict[str, Any], start: dict[str, Any]) -> None:
    found = query(**fields).start
    assert {name: getattr(found, name) for name in start} == start


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"encoding": "bogus"}, "not supported"),
        ({"sample_rate": "many"}, "must be a number"),
        ({"sample_rate": []}, "is required"),
        ({"sample_rate": "1000000"}, "must be a number"),
        ({"interim_results": "maybe"}, "must be true or false"),
        ({"utterance_end_ms": "1000"}, "needs `interim_results"),
        ({"utterance_end_ms": "100", "interim_results": "true"}, "must be a number"),
        ({"language": "xx-nowhere"}, "does not support"),
        ({"language": "a b"}, "must be a code"),
        ({"endpointing": "soon"}, "must be a number"),
        ({"redact": "pci"}, "`redact` is not supported"),
        ({"callback": "http://here"}, "`callback` is not supported"),
        ({"channels": "9", "multichannel": "true"}, "up to 8"),
        ({"channels": "000000001" + "29999999"}, "must be a number"),
        ({"sample_rate": "0000160009999"}, "must be a number"),
        ({"sample_rate": "9" * 5000}, "must be a number"),
        ({"encoding": "flac", "channels": "2", "multichannel": "true"}, "needs raw audio"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(BadQuery, match=why):
        query(**fields)


def test_a_final_has_its_words_twice() -> None:
    dialect = listening()
    (result,) = frames(told(dialect, speech(), final("Hello, world.")))
    assert result == {
        "type": "Results",
        "channel_index": [0, 1],
        "start": 0.5,
        "duration": 1.0,
        "is_final": True,
        "speech_final": True,
        "from_finalize": False,
        "channel": {
            "alternatives": [
                {
                    "transcript": "Hello, world.",
                    "confidence": 0.75,
                    "words": [
                        {
                            "word": "hello",
                            "start": 0.5,
                            "end": 0.59,
                            "confidence": 0.875,
                            "punctuated_word": "Hello,",
                        },
                        {
                            "word": "world",
                            "start": 0.6,
                            "end": 0.69,
                            "confidence": 0.875,
                            "punctuated_word": "world.",
                        },
                    ],
                }
            ]
        },
        "metadata": {
            "request_id": "0f0f",
            "model_uuid": "base",
            "model_info": {"name": "base", "version": "surtitle", "arch": "whisper"},
        },
    }


def test_where_the_language_is_detected_a_final_says_which_it_is() -> None:
    (result,) = frames(told(listening(language="multi"), final("So.")))
    assert result["channel"]["alternatives"][0]["languages"] == ["en"]


def test_speech_that_goes_on_after_a_cut_is_not_the_end_of_speech() -> None:
    (result,) = frames(told(listening(), final("so", ended_by="length")))
    assert (result["is_final"], result["speech_final"]) == (True, False)


def test_interim_results_only_for_who_asks_and_with_words() -> None:
    assert not told(listening(), partial("so ", "it is"))
    (action,) = told(listening(interim_results="true"), partial("so ", "it is"))
    assert isinstance(action, Say)
    assert action.skippable
    (result,) = frames([action])
    alternative = result["channel"]["alternatives"][0]
    assert (result["is_final"], result["speech_final"]) == (False, False)
    assert alternative["transcript"] == "so it is"
    assert [word["word"] for word in alternative["words"]] == ["so", "it", "is"]
    assert alternative["words"][0]["start"] == 0.5
    assert alternative["words"][-1]["end"] == 1.2


def test_what_was_shown_and_is_no_speech_is_taken_back() -> None:
    dialect = listening(interim_results="true")
    told(dialect, partial("so"))
    (result,) = frames(told(dialect, suppressed()))
    assert (result["is_final"], result["channel"]["alternatives"][0]["transcript"]) == (True, "")
    assert not told(dialect, suppressed(2), failed(3))


def test_finalize_is_answered_by_what_it_ends() -> None:
    dialect = listening()
    assert list(dialect.take_text('{"type":"Finalize"}')) == [Flush()]
    (before,) = frames(told(dialect, final("so.")))
    assert not before["from_finalize"]  # it had ended already
    (result,) = frames(told(dialect, final("it is", 2, ended_by="flush"), flushed()))
    assert (result["from_finalize"], result["is_final"], result["speech_final"]) == (
        True,
        True,
        False,
    )
    (later,) = frames(told(dialect, final("well", 3, ended_by="flush")))  # muted, say
    assert (later["from_finalize"], later["speech_final"]) == (False, True)


def test_finalize_with_nothing_open_is_answered_by_an_empty_result() -> None:
    dialect = listening()
    list(dialect.take_text('{"type":"Finalize"}'))
    (result,) = frames(told(dialect, flushed(2000)))
    assert result["from_finalize"]
    assert result["channel"]["alternatives"][0]["transcript"] == ""
    assert (result["start"], result["duration"]) == (0.0, 2.0)
    assert not told(dialect, flushed())


def test_finalizes_that_come_together_each_have_an_answer() -> None:
    dialect = listening()
    for _ in range(3):
        list(dialect.take_text('{"type":"Finalize"}'))
    answers = frames(told(dialect, final("so", ended_by="flush"), flushed(2000, 2), flushed(2100)))
    assert [each["from_finalize"] for each in answers] == [True, True, True]
    assert not told(dialect, flushed())


@pytest.mark.parametrize("end", ['{"type":"CloseStream"}', b""])
def test_an_end_before_anything_has_come(end: str | bytes) -> None:
    dialect = listening(encoding=[], sample_rate=[])
    said, close = dialect.take_text(end) if isinstance(end, str) else dialect.take_bytes(end)
    assert frames([said])[0]["duration"] == 0
    assert close == Close()


def test_a_stereo_file_is_mixed_down() -> None:
    fields = {"channels": ["2"], "multichannel": ["true"]}
    wishes = read_query(RAW | fields, BASE, is_file=True)
    assert (wishes.channels, wishes.start.channels) == (1, 2)


def test_keep_alive_changes_nothing() -> None:
    assert not list(listening().take_text('{"type":"KeepAlive"}'))


@pytest.mark.parametrize("end", ['{"type":"CloseStream"}', b""])
def test_the_end_is_metadata_and_a_close(end: str | bytes) -> None:
    dialect = listening()
    assert list(dialect.take_bytes(b"abc")) == [Audio(b"abc")]
    stop = list(dialect.take_text(end) if isinstance(end, str) else dialect.take_bytes(end))
    assert stop == [Stop()]
    assert not list(dialect.take_bytes(b"more"))
    say, close = told(dialect, ended(3210))
    (metadata,) = frames([say])
    assert close == Close()
    assert metadata["duration"] == 3.21
    assert metadata["channels"] == 1
    assert metadata["created"] == "2026-11-30T12:00:00.000Z"
    assert metadata["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_configure_changes_key_terms() -> None:
    actions = list(listening().take_text('{"type":"Configure","keyterms":["rigor mortis"]}'))
    assert others(actions) == [Change(Update(hotwords=["rigor mortis"]))]
    assert frames(actions) == [
        {"type": "ConfigureSuccess", "request_id": "0f0f", "keyterms": ["rigor mortis"]}
    ]
    nothing = list(listening().take_text('{"type":"Configure","features":{"numerals":true}}'))
    assert frames(nothing) == [{"type": "ConfigureSuccess", "request_id": "0f0f"}]


def test_events_only_for_who_asks() -> None:
    assert not told(listening(), speech())
    (started,) = frames(told(listening(vad_events="true"), speech()))
    assert started == {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.5}


def test_an_utterance_has_ended_once_nothing_was_said_for_long_enough() -> None:
    dialect = listening(interim_results="true", utterance_end_ms="1000")
    told(dialect, speech(), final("so it is"))  # the last word ends at 0.79 s
    second = bytes(32_000)
    assert not frames(dialect.take_bytes(second))
    told(dialect, speech(2, 1600))
    assert not frames(dialect.take_bytes(second))  # somebody speaks
    told(dialect, suppressed(2))
    (end,) = frames(dialect.take_bytes(b"\0\0"))
    assert end == {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 0.79}
    assert not frames(dialect.take_bytes(second))


def test_it_has_ended_where_the_final_comes_late() -> None:
    dialect = listening(interim_results="true", utterance_end_ms="1000")
    list(dialect.take_bytes(bytes(10 * 32_000)))
    ends = frames(told(dialect, speech(), speech(2, 3000), final("so it is")))
    assert [each["type"] for each in ends] == ["Results", "UtteranceEnd"]
    assert [each["type"] for each in frames(told(dialect, final("well", 2, 3000, 4000)))] == [
        "Results",
        "UtteranceEnd",
    ]
    told(dialect, speech(3, 4500), speech(4, 5500))
    last = frames(told(dialect, final("so", 3, 4500, 5000)))
    assert [each["type"] for each in last] == ["Results"]  # somebody goes on at once


def test_in_a_container_it_has_ended_with_its_final() -> None:
    dialect = listening(
        encoding=[], sample_rate=[], interim_results="true", utterance_end_ms="1000"
    )
    assert [each["type"] for each in frames(told(dialect, final("so")))] == [
        "Results",
        "UtteranceEnd",
    ]


def test_each_channel_has_a_session_and_its_own_samples() -> None:
    dialect = listening(channels="2", multichannel="true")
    start = Start(language="en", words=True)
    assert list(dialect.begin()) == [Open(start, 0), Open(start, 1)]
    got = {0: b"", 1: b""}
    stream = b"".join(bytes([i, 0, 100 + i, 0]) for i in range(50))
    for begin in range(0, len(stream), 7):
        for action in dialect.take_bytes(stream[begin : begin + 7]):
            assert isinstance(action, Audio)
            got[action.channel] += action.data
    assert got[0] == b"".join(bytes([i, 0]) for i in range(50))
    assert got[1] == b"".join(bytes([100 + i, 0]) for i in range(50))
    (result,) = frames(told(dialect, final("so"), channel=1))
    assert result["channel_index"] == [1, 2]
    assert not told(dialect, ended(), channel=1)
    assert told(dialect, ended(), channel=0)[-1] == Close()


def test_finalize_is_answered_for_each_channel() -> None:
    dialect = listening(channels="2", multichannel="true")
    list(dialect.take_text('{"type":"Finalize"}'))
    answers = [*told(dialect, flushed(), channel=1), *told(dialect, flushed(), channel=0)]
    assert [each["channel_index"] for each in frames(answers)] == [[1, 2], [0, 2]]


def test_a_channel_may_be_finalized_alone() -> None:
    dialect = listening(channels="2", multichannel="true")
    assert list(dialect.take_text('{"type":"Finalize","channel":1}')) == [Flush(1)]
    assert dialect.owed == 1
    (other,) = frames(told(dialect, final("well", ended_by="flush"), channel=0))  # muted, say
    assert not other["from_finalize"]
    (result,) = frames(told(dialect, final("so", ended_by="flush"), flushed(), channel=1))
    assert (result["channel_index"], result["from_finalize"]) == ([1, 2], True)
    assert list(listening().take_text('{"type":"Finalize","channel":0}')) == [Flush(0)]


@pytest.mark.parametrize("channel", [2, -1, "0", True, [0]])
def test_a_channel_that_there_is_not_is_a_mistake(channel: Any) -> None:
    dialect = listening(channels="2", multichannel="true")
    with pytest.raises(BadMessage, match="There is no channel"):
        list(dialect.take_text(json.dumps({"type": "Finalize", "channel": channel})))
    assert dialect.owed == 0


@pytest.mark.parametrize(
    "text", ["no json", '{"type":"Nonsense"}', '{"type":7}', "[]", '{"type":"\\ud800"}']
)
def test_what_cannot_be_used_is_told_and_the_stream_goes_on(text: str) -> None:
    dialect = listening()
    with pytest.raises(BadMessage) as mistake:
        list(dialect.take_text(text))
    (answer,) = frames(dialect.fail(mistake.value))
    assert (answer["type"], answer["variant"]) == ("Error", "SchemaError")


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (BadAudio("No."), 1008, "DATA-0000"),
        (IdleTimeout("No."), 1011, "NET-0001"),
        (InternalError("No."), 1011, "NET-0000"),
        (Busy("No."), 1013, ""),
    ],
)
def test_a_stream_that_fails_closes_as_theirs(error: Any, code: int, reason: str) -> None:
    (close,) = listening().fail(error)
    assert isinstance(close, Close)
    assert close.code == code
    assert reason in close.reason
    assert len(close.reason) < 120


@pytest.mark.parametrize("error", [InternalError("No."), Busy("No.")])
def test_after_the_end_it_closes_as_wanted_whatever_fails(error: WireError) -> None:
    """@deepgram/sdk connects again, up to 30 times, after any other code."""
    dialect = listening()
    list(dialect.take_bytes(b"abc"))
    list(dialect.take_text('{"type":"CloseStream"}'))
    said, close = dialect.fail(error)
    assert frames([said])[0]["type"] == "Metadata"
    assert close == Close()


def test_a_server_that_ends_closes_as_wanted_who_has_stopped() -> None:
    dialect = listening()
    list(dialect.take_bytes(b"ab"))
    assert list(dialect.leave()) == []  # 1001: to be tried again
    list(dialect.take_text('{"type":"CloseStream"}'))
    said, close = dialect.leave()
    assert frames([said])[0]["type"] == "Metadata"
    assert close == Close()


def test_a_file() -> None:
    transcript = Transcript()
    transcript.add(final("So it is."))
    transcript.add(final("Well.", 2, 3000, 4000))
    body = json.loads("".join(file_body(transcript, IDENTITY, 5000, "abc")))
    (channel,) = body["results"]["channels"]
    assert channel["alternatives"][0]["transcript"] == "So it is. Well."
    assert channel["detected_language"] == "en"
    assert body["metadata"]["duration"] == 5.0
    assert [word["word"] for word in channel["alternatives"][0]["words"]][-1] == "well"
    nothing = json.loads("".join(file_body(Transcript(), IDENTITY, 0, "abc")))
    assert nothing["results"]["channels"][0]["alternatives"][0]["words"] == []


@given(
    st.lists(
        events(
            ["KeepAlive", "Finalize", "CloseStream", "Configure", "x"],
            ["channel", "keyterms", "features", "y"],
        )
        | st.binary(max_size=20)
        | any_message
    )
)
def test_anything_in_any_order(inputs: list[Any]) -> None:
    wishes = {"interim_results": "true", "vad_events": "true", "utterance_end_ms": "1000"}
    survives(listening(**wishes), inputs)
    survives(listening(channels="2", multichannel="true", **wishes), inputs, channel=1)


@given(
    st.dictionaries(
        st.sampled_from(
            [*LIVEKIT, *PIPECAT, "keyterm", "utterance_end_ms", "encoding", "sample_rate", "redact"]
        ),
        st.lists(st.text(max_size=12), max_size=2),
    )
)
def test_any_query_is_wishes_or_a_known_mistake(fields: dict[str, list[str]]) -> None:
    try:
        read_query(fields, BASE)
    except BadQuery as error:
        assert len(str(error)) < 400
