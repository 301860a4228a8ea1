"""The bundled models hear somebody who repeats himself, and read texts that only look like it."""

import random

import numpy as np
import pytest

from quality.made import again
from surtitle.jobs import SAMPLE_RATE, DecodeOptions, Job, JobKind, Pcm16, Voice
from surtitle.recognition.attempt import Decoded
from surtitle.recognition.guard import Evidence, refusal, suspicion
from surtitle.recognition.repetition import bare_words
from tests.real_speech.sounds import say
from tests.recognition.test_whisper import ENGLISH, decoded, decoder, job, sample

pytestmark = pytest.mark.long  # what the models make of speech, not what the code does with it

MODELS = ["tiny.en", "base"]
WORDS = DecodeOptions(language="en", words=True)


def said_again(phrase: str, times: int) -> Pcm16:
    """Without the silence behind it that ends an utterance."""
    return again(say(phrase), times, random.Random(4))[:-SAMPLE_RATE]


def asked(
    model: str, audio: Pcm16, kind: JobKind, stretches: int, options: DecodeOptions = ENGLISH
) -> Job:
    """A job of audio in which voice activity has heard so many stretches of speech."""
    seconds = len(audio) / SAMPLE_RATE
    window_s = decoder(model).info.windows.fit(seconds, kind)
    speech_ms = round(1000 * seconds) - 1000
    return Job("a", "s", 1, kind, audio, options, window_s, Voice(speech_ms, speech_ms, stretches))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", ["partial", "final"])
@pytest.mark.parametrize(
    ("phrase", "times"),
    [("We are closed today.", 5), ("I have a dream today.", 5), ("Stand back, please.", 6)],
)
def test_who_repeats_himself_is_shown(model: str, kind: JobKind, phrase: str, times: int) -> None:
    result = decoded([asked(model, said_again(phrase, times), kind, times)], model)["a"]
    assert result.suppressed is None
    last_word = bare_words(phrase)[-1]
    # Where it is said without a pause, Whisper may miss some.
    assert times - 2 <= bare_words(result.text).count(last_word) <= times + 1


@pytest.mark.parametrize("model", MODELS)
def test_the_words_of_what_is_repeated_stand_where_they_are_said(model: str) -> None:
    audio = said_again("I have a dream today.", 5)
    result = decoded([asked(model, audio, "final", 5, WORDS)], model)["a"]
    assert " ".join(word.text for word in result.words) == result.text
    starts = [word.start_ms for word in result.words]
    assert starts == sorted(starts)
    ends = [word.end_ms for word in result.words if "today" in word.text]
    assert len(ends) >= 3
    assert np.diff(ends).min() > 700
    assert np.diff(ends).max() < 3000  # one may be missed


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("size", "times"), [(1, 12), (2, 8), (4, 6), (6, 4)])
def test_a_loop_that_the_audio_has_no_time_for_is_not_taken_for_speech(
    model: str, size: int, times: int
) -> None:
    """What is said, and then its last words again and again."""
    said = job("a", 0.0, 4.6, model=model)
    words = decoded([said], model)["a"].text.split()
    text = " ".join([*words, *words[-size:] * times])
    decoding = decoder(model)._begin(said)
    decoding.language, decoding.window_s = "en", said.window_s
    tokens = decoder(model)._tokenizer(decoding).encode(" " + text)
    loop = Decoded(tokens, Evidence(text, said.seconds, -0.1, 0.01))
    heard = decoder(model)._aligned(decoding, loop).evidence
    assert suspicion(heard) == "repetition"
    assert refusal(heard) is not None


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("syllable", ["b", "ha", "the"])
def test_nor_is_one_inside_its_last_word(model: str, syllable: str) -> None:
    said = job("a", 0.0, 4.6, model=model)
    words = decoded([said], model)["a"].text.split()
    text = " ".join([*words, "-".join([syllable] * 40)])
    decoding = decoder(model)._begin(said)
    decoding.language, decoding.window_s = "en", said.window_s
    tokens = decoder(model)._tokenizer(decoding).encode(" " + text)
    loop = Decoded(tokens, Evidence(text, said.seconds, -0.1, 0.01))
    assert suspicion(decoder(model)._aligned(decoding, loop).evidence) == "repetition"


@pytest.mark.parametrize("model", MODELS)
def test_a_loop_of_the_model_itself_is_held_back(model: str) -> None:
    """In windows without a margin the models loop; what they then write must not be shown."""
    audio = sample()
    loops = 0
    for end_s in np.arange(0.6, 6.0, 0.6):
        cut = audio[: round(end_s * SAMPLE_RATE)]
        result = decoded([Job("a", "s", 1, "partial", cut, ENGLISH, round(end_s + 0.1, 1))], model)
        text = result["a"].text
        loops += result["a"].suppressed == "repetition"
        if result["a"].suppressed is None:
            assert len(bare_words(text)) <= 5 * end_s + 3
    assert loops
