"""OpenAI's forms and answers, as its own clients send and read them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.gateway.dialects.openai_files import (
    BadField,
    Transcript,
    Wishes,
    answer,
    delta_event,
    done_event,
    error_body,
    fitting,
    read_form,
)
from surtitle.messages import Final, Start, WordTiming
from surtitle.subtitles.cues import Layout
from tests.captioning.driver import BASE, TINY_EN


def final(number: int, text: str, start_ms: int, *, words: bool = True) -> Final:
    timed = [
        WordTiming(
            text=word, start_ms=start_ms + 100 * i, end_ms=start_ms + 100 * i + 90, confidence=0.5
        )
        for i, word in enumerate(text.split())
    ]
    return Final(
        seq=number,
        utterance=number,
        start_ms=start_ms,
        end_ms=start_ms + 1000,
        text=text,
        language="en",
        language_probability=1.0,
        confidence=0.5,
        words=timed if words else None,
    )


def spoken() -> Transcript:
    transcript = Transcript()
    transcript.add(final(1, "Good evening.", 500))
    transcript.add(final(2, "How do you do?", 4000))
    return transcript


def wishes(**fields: str | list[str]) -> Wishes:
    form = {name: [value] if isinstance(value, str) else value for name, value in fields.items()}
    return read_form(form, translate=False)


def answered(**fields: str | list[str]) -> Any:
    wanted = wishes(**fields)
    text = "".join(answer(spoken(), wanted, 5250, Layout()))
    return json.loads(text) if wanted.format in ("json", "verbose_json") else text


# What openai-python 3.57.0 sends for `audio.transcriptions.create` with all its arguments.
ALL_FIELDS = {
    "model": ["whisper-1"],
    "language": ["en"],
    "prompt": ["A post-mortem."],
    "response_format": ["verbose_json"],
    "temperature": ["0.0"],
    "timestamp_granularities[]": ["word", "segment"],
    "include[]": ["logprobs"],
    "chunking_strategy": ["auto"],
}


def test_a_form_as_the_official_client_sends_it() -> None:
    assert read_form(ALL_FIELDS, translate=False) == Wishes(
        Start(
            encoding="auto",
            language="en",
            mode="file",
            partials=False,
            words=True,
            prompt="A post-mortem.",
        ),
        "verbose_json",
        ("word", "segment"),
        stream=False,
        wants_logprobs=True,
    )


def test_a_form_with_nothing_but_a_model() -> None:
    assert read_form({"model": ["whisper-1"]}, translate=False) == Wishes(
        Start(encoding="auto", mode="file", partials=False), "json", ("segment",), False, False
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("response_format", "xml"),
        ("response_format", "diarized_json"),
        ("timestamp_granularities", "sentence"),
        ("temperature", "warm"),
        ("stream", "perhaps"),
        ("language", "no where"),
        ("language", "e" * 40),
    ],
)
def test_what_cannot_be_done_is_told_with_the_field(field: str, value: str) -> None:
    name = "timestamp_granularities[]" if field == "timestamp_granularities" else field
    with pytest.raises(BadField) as refused:
        wishes(**{name: value})
    assert refused.value.param == field


def test_subtitles_are_not_streamed() -> None:
    with pytest.raises(BadField, match="cannot be streamed"):
        wishes(stream="true", response_format="srt")


def test_the_last_of_a_long_prompt_counts() -> None:
    assert wishes(prompt="x" * 5000 + "end").start.prompt == "x" * 997 + "end"


@pytest.mark.parametrize("form", ["json", "text", "srt", "vtt"])
def test_words_are_timed_where_they_are_wanted(form: str) -> None:
    assert wishes(response_format=form).start.words is (form in ("srt", "vtt"))


def test_a_translation_has_no_words() -> None:
    wanted = read_form(ALL_FIELDS, translate=True)
    assert (wanted.start.task, wanted.start.words) == ("translate", False)


def test_a_model_for_english_transcribes_where_a_translation_is_wanted() -> None:
    start = Start(task="translate")
    assert fitting(start, TINY_EN).task == "transcribe"
    assert fitting(start, BASE).task == "translate"


def test_json_and_text() -> None:
    assert answered() == {"text": "Good evening. How do you do?"}
    assert answered(response_format="text") == "Good evening. How do you do?\n"


def test_subtitles() -> None:
    assert answered(response_format="srt").startswith(
        "1\n00:00:00,500 --> 00:00:01,500\nGood evening.\n\n2\n00:00:04,000"
    )
    assert answered(response_format="vtt").startswith(
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nGood evening.\n\n"
    )


def test_verbose_json_has_words_and_segments() -> None:
    body = answered(**ALL_FIELDS)
    assert {name: body[name] for name in ("task", "language", "duration", "text")} == {
        "task": "transcribe",
        "language": "en",
        "duration": 5.25,
        "text": "Good evening. How do you do?",
    }
    assert body["words"][0] == {"word": "Good", "start": 0.5, "end": 0.59}
    assert len(body["words"]) == 6
    segment = body["segments"][1]
    assert (segment["id"], segment["start"], segment["end"]) == (1, 4.0, 5.0)
    assert segment["avg_logprob"] == -0.6931


def test_a_segment_has_the_types_that_subtitle_edit_reads() -> None:
    """Version 5. If one is another, it takes the whole answer for text."""
    asked = {"timestamp_granularities[]": ["segment", "word"]}
    body = answered(model="whisper-1", response_format="verbose_json", **asked)
    whole, number = {"id", "seek"}, {"start", "end", "avg_logprob", "no_speech_prob"}
    for segment in body["segments"]:
        assert {type(segment[name]) for name in whole} == {int}
        assert {type(segment[name]) for name in number} == {float}
        assert (type(segment["text"]), segment["tokens"]) == (str, [])


@pytest.mark.parametrize(
    ("granularities", "has"),
    [([], {"segments"}), (["word"], {"words"}), (["word", "segment"], {"words", "segments"})],
)
def test_verbose_json_has_what_was_asked_for(granularities: list[str], has: set[str]) -> None:
    asked = {"timestamp_granularities[]": granularities}
    body = answered(response_format="verbose_json", **asked)
    assert body.keys() & {"words", "segments"} == has


def test_silence_is_an_empty_text() -> None:
    for form in ("json", "text", "srt", "vtt", "verbose_json"):
        text = "".join(answer(Transcript(), wishes(response_format=form), 2000, Layout()))
        assert "Good" not in text
        assert form in ("srt",) or text


def test_events_of_a_stream() -> None:
    transcript, wanted = Transcript(), wishes(stream="true", **{"include[]": "logprobs"})
    deltas = [
        transcript.add(final(1, "Good evening.", 500)),
        transcript.add(final(2, "How do you do?", 4000)),
    ]
    assert "".join(deltas) == transcript.text
    event = json.loads(delta_event(transcript, deltas[1], wanted).removeprefix("data: "))
    assert (event["type"], event["delta"]) == ("transcript.text.delta", " How do you do?")
    assert event["logprobs"][0] == {"token": "How", "logprob": -0.6931, "bytes": [72, 111, 119]}
    done = json.loads(done_event(transcript, wanted).removeprefix("data: "))
    assert (done["type"], done["text"]) == ("transcript.text.done", transcript.text)
    assert "usage" not in done


def test_chinese_is_joined_without_spaces() -> None:
    transcript = Transcript()
    deltas = [transcript.add(final(1, "你好。", 0)), transcript.add(final(2, "再见。", 2000))]
    assert "".join(deltas) == transcript.text == "你好。再见。"


def test_an_error_has_their_shape() -> None:
    assert error_body("No.", "server_error") == {
        "error": {"message": "No.", "type": "server_error", "param": None, "code": None}
    }


@given(st.dictionaries(st.sampled_from([*ALL_FIELDS, "stream"]), st.lists(st.text(), max_size=3)))
def test_any_fields_are_wishes_or_a_known_mistake(fields: dict[str, list[str]]) -> None:
    try:
        wanted = read_form(fields, translate=False)
    except BadField as error:
        assert len(str(error)) < 300
    else:
        assert "".join(answer(spoken(), wanted, 5250, Layout()))
