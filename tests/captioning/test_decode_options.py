"""What a session can be: audio, language and task against the model."""

from dataclasses import replace

import numpy as np
import pytest

from surtitle.captioning.decode_options import make_decode_options, whisper_language
from surtitle.errors import BadAudio, BadStart
from surtitle.jobs import DecodeOptions, ModelInfo
from surtitle.messages import Start
from tests.captioning.driver import BASE, TINY_EN, open_session


def test_bad_audio_is_refused() -> None:
    driver = open_session(Start(language="en", encoding="pcm_f32le"))
    with pytest.raises(BadAudio):
        driver.feed(np.array([np.nan], "<f4").tobytes())


@pytest.mark.parametrize(
    ("tag", "model", "code"),
    [
        ("en", BASE, "en"),
        ("en-US", BASE, "en"),
        ("ZH-Hans", BASE, "zh"),
        ("auto", BASE, None),
        (None, BASE, None),
        ("auto", TINY_EN, "en"),
        (None, TINY_EN, "en"),
        ("en-GB", TINY_EN, "en"),
        ("AUTO", BASE, None),
        ("cmn-Hans-CN", BASE, "zh"),
    ],
)
def test_languages(tag: str | None, model: ModelInfo, code: str | None) -> None:
    assert whisper_language(tag, model) == code


@pytest.mark.parametrize(
    ("tag", "code"),
    [("nb-NO", "no"), ("fil", "tl"), ("jv", "jw"), ("iw", "he"), ("in", "id"), ("ji", "yi")],
)
def test_names_that_whisper_has_of_its_own(tag: str, code: str) -> None:
    model = replace(BASE, languages=("en", code))
    assert whisper_language(tag, model) == code


def test_a_language_that_the_model_does_not_know() -> None:
    with pytest.raises(BadStart, match=r"tiny\.en does not support the language 'de', only en\."):
        whisper_language("de", TINY_EN)
    with pytest.raises(BadStart):
        open_session(Start(languages=["en", "xx"]))
    with pytest.raises(BadStart):
        open_session(Start(language="xx"))


def test_an_english_model_cannot_translate() -> None:
    with pytest.raises(BadStart, match="cannot translate"):
        make_decode_options(Start(task="translate"), TINY_EN)
    assert make_decode_options(Start(task="translate", language="de"), BASE) == DecodeOptions(
        language="de", task="translate"
    )


def test_everything_of_a_start_reaches_the_recipe() -> None:
    start = Start(
        language="auto",
        languages=["en", "de-DE"],
        hotwords=["Surtitle"],
        prompt="An opera.",
        words=True,
    )
    assert make_decode_options(start, BASE) == DecodeOptions(
        language=None,
        languages=("en", "de"),
        hotwords=("Surtitle",),
        prompt="An opera.",
        words=True,
    )
