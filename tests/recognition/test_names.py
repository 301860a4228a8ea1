"""Names that the models get wrong, spoken by a synthetic voice: with hotwords they come out right."""

from functools import cache

import numpy as np
import pytest

from make_sample import speak
from surtitle.jobs import SAMPLE_RATE, DecodeOptions, Job, Pcm16, Result
from tests.recognition.test_whisper import decoded, decoder, sample

MODELS = ["tiny.en", "base"]
SENTENCES = (
    "Doctor Aldren Vashtiva met Oksana Brilleaux in Tarnowick.",
    "The Zephyrix engine was built by Kjell Ravnsborg.",
    "We asked Miriam Quenneville about the Surtitle server.",
)
NAMES = (
    "Aldren",
    "Vashtiva",
    "Oksana",
    "Brilleaux",
    "Tarnowick",
    "Zephyrix",
    "Kjell",
    "Ravnsborg",
    "Miriam",
    "Quenneville",
    "Surtitle",
)

pytestmark = pytest.mark.long  # what the models make of speech, not what the code does with it


@cache
def spoken(sentence: str) -> Pcm16:
    return speak([sentence], seed=7)


def decode(model: str, audio: Pcm16, hotwords: tuple[str, ...]) -> Result:
    window_s = decoder(model).info.windows.fit(len(audio) / SAMPLE_RATE, "final")
    decode_options = DecodeOptions(language="en", hotwords=hotwords)
    return decoded([Job("1", "s", 1, "final", audio, decode_options, window_s)], model)["1"]


def names_right(model: str, hotwords: tuple[str, ...]) -> int:
    text = " ".join(decode(model, spoken(sentence), hotwords).text for sentence in SENTENCES)
    return sum(name in text for name in NAMES)


@pytest.mark.parametrize("model", MODELS)
def test_hotwords_make_most_names_right(model: str) -> None:
    assert names_right(model, ()) <= len(NAMES) // 2
    assert names_right(model, NAMES) >= len(NAMES) - 3


@pytest.mark.parametrize("model", MODELS)
def test_hotwords_that_nobody_says_are_not_invented(model: str) -> None:
    speech = decode(model, sample()[: 11 * SAMPLE_RATE], NAMES)
    assert speech.text
    assert not [name for name in NAMES if name in speech.text]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["Tarnowick", "Vashtiva"])
def test_a_name_said_alone_is_written_as_it_was_given(model: str, name: str) -> None:
    """It has no other word, like one that is invented: the decode without hotwords tells."""
    result = decode(model, spoken(f"{name}."), NAMES)
    assert (result.text.strip("."), result.suppressed) == (name, None)


@pytest.mark.parametrize("model", MODELS)
def test_hotwords_are_not_heard_in_noise(model: str) -> None:
    noise = np.random.default_rng(3).normal(0, 300, 2 * SAMPLE_RATE).astype(np.int16)
    for hotwords in [("Vashtiva",), NAMES, ("Okay, thank you.",)]:
        result = decode(model, noise, hotwords)
        assert result.suppressed or not result.text
