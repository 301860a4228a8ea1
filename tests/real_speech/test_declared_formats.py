"""Recordings sent as what they are, and as what they are not."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.speech import recordings
from tests.captioning.test_format_check import RATE, RAW, WRITE, WRONG, Wave, at, told
from tests.marks import needs_speech

pytestmark = [needs_speech, pytest.mark.long]

FOLDERS = ["english_other", "librispeech", "mandarin", "multilingual", "noise", "telephone"]


@cache
def recorded(folder: str) -> list[Wave]:
    long = [each for each in recordings(folder) if each.seconds > 4][::3]
    return [read_pcm16(each.path)[: 8 * RATE] / 32768 for each in long[:6]]


@pytest.mark.parametrize("level", [30.0, 0.01])
@pytest.mark.parametrize("folder", FOLDERS)
def test_loud_and_quiet_recordings_are_what_was_declared(folder: str, level: float) -> None:
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
        assert "full scale of 32768" in said


@pytest.mark.parametrize("folder", [*FOLDERS, "spontaneous"])
def test_recordings_as_declared_are_not_told(folder: str) -> None:
    for recording in recordings(folder)[::4]:
        wave = read_pcm16(recording.path)[: 8 * RATE] / 32768
        for encoding in RAW:
            assert told(WRITE[encoding](wave), encoding) == [], (recording.path.name, encoding)


@pytest.mark.parametrize("folder", ["english_other", "librispeech", "mandarin", "multilingual"])
def test_recordings_in_a_wrong_format_are_told(folder: str) -> None:
    long = [each for each in recordings(folder) if each.seconds > 3][::4]
    missed = []
    for recording in long:
        wave = read_pcm16(recording.path)[: 12 * RATE] / 32768
        for sent, declared, sentence in WRONG:
            said = told(WRITE[sent](wave), declared)
            if not said or sentence not in said[0]:
                missed.append((recording.path.name, sent, declared, said))
    assert len(missed) < 0.15 * len(long) * len(WRONG), missed
