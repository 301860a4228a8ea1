"""Who speaks quickly is captioned, and so is who says the same again and again."""

import random

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.server_process import ServerProcess
from lab.speech import recordings
from quality.made import again, quicker
from surtitle.messages import Start, Suppressed
from tests.marks import long, needs_speech
from tests.real_speech.scoring import stream, word_error_rate, words_of
from tests.real_speech.sounds import say, silence

ENGLISH = Start(language="en")


@needs_speech
@pytest.mark.parametrize("pace", [1.75, 2.0])
@pytest.mark.parametrize("name", ["LJ001-0001", "LJ001-0004", "LJ001-0005"])
async def test_a_quick_reader_is_captioned(either: ServerProcess, name: str, pace: float) -> None:
    recording = next(r for r in recordings("english_other") if r.path.stem == name)
    audio = np.concatenate([quicker(read_pcm16(recording.path), pace), silence(1)])
    result = await stream(either.url, audio, ENGLISH)
    assert not result.of(Suppressed)
    assert word_error_rate(recording.transcript, result.text()) <= 0.25


@needs_speech
@pytest.mark.parametrize("name", ["vm-nobodyavail", *map(long, ["agent-pass", "vm-repeat"])])
async def test_an_announcement_that_is_made_five_times_is_captioned(
    either: ServerProcess, name: str
) -> None:
    recording = next(r for r in recordings("telephone") if r.path.stem.endswith(name))
    audio = again(read_pcm16(recording.path), 5, random.Random(1))
    result = await stream(either.url, audio, ENGLISH)
    assert not result.of(Suppressed)
    last_word = words_of(recording.transcript)[-1]
    # Whisper may miss some, most often the last.
    assert 3 <= words_of(result.text()).count(last_word) <= 5


@pytest.mark.parametrize(
    ("phrase", "times"),
    [("Happy birthday to you.", 4), ("I have a dream.", 6), ("Stand back, please.", 6)],
)
async def test_what_somebody_says_several_times_is_not_held_back(
    either: ServerProcess, phrase: str, times: int
) -> None:
    audio = again(say(phrase), times, random.Random(2))
    result = await stream(either.url, audio, ENGLISH)
    assert not result.of(Suppressed)
    last_word = words_of(phrase)[-1]
    # Whisper may miss some: `base` now and then takes the first for all.
    assert 1 <= words_of(result.text()).count(last_word) <= times + 1
