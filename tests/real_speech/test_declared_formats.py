"""Recordings sent as what they are, and as what they are not."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.speech import recordings
from tests.captioning.test_format_check import RATE, RAW, WRITE, Wave, at, told
from tests.marks import needs_speech

pytestmark = needs_speech

FOLDERS = ["english_other", "librispeech", "mandarin", "multilingual", "noise", "telephone"]


@cache
def recorded(folder: str) -> list[Wave]:
    long = [each for each in recordings(folder) if each.seconds > 4][::3]
    return [read_pcm16(each.path)[: 8 * RATE] / 32768 for each in long[:6]]


@pytest.mark.parametrize("level", [1.0, 30.0, 0.01])
@pytest.mark.parametrize("folder", FOLDERS)
def test_recordings_at_any_level_are_what_was_declared(folder: str, level: float) -> None:
    for wave in recorded(folder):
        for encoding in RAW:
            assert told(WRITE[encoding]((level * wave).clip(-1, 1)), encoding) == []


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
@pytest.mark.parametrize("folder", FOLDERS)
def test_recordings_on_two_channels_are_not_taken_for_one(folder: str, rate: int) -> None:
    waves = [at(rate, wave) for wave in recorded(folder)]
    for left, other in pairwise(waves):
        shorter = min(len(left), len(other))
        for right in (left, 0.9 * left, -left, 0 * left, np.roll(left, 7), other):
            both = np.stack([left[:shorter], right[:shorter]], axis=1).ravel()
            assert told(WRITE["pcm_s16le"](both), "pcm_s16le", rate, 2) == []


@pytest.mark.parametrize("folder", ["librispeech", "mandarin", "multilingual"])
def test_one_channel_declared_as_two_is_told(folder: str) -> None:
    for wave in recorded(folder):
        [said] = told(WRITE["pcm_s16le"](at(48_000, wave)), "pcm_s16le", 48_000, 2)
        assert "one channel" in said


@pytest.mark.parametrize("folder", ["librispeech", "mandarin", "multilingual"])
def test_floats_of_another_scale_are_told(folder: str) -> None:
    for wave in recorded(folder):
        [said] = told(WRITE["floats of ±32768"](wave), "pcm_f32le")
        assert "full scale 32768" in said
