"""Telephone speech is told from the rest by what is missing in it, with real speech."""

from dataclasses import replace

import numpy as np
import pytest
import soxr

from lab.ledger import read_pcm16
from lab.places import SAMPLE
from surtitle.captioning.bandwidth import BLOCK_SAMPLES, is_narrow_band
from surtitle.jobs import SAMPLE_RATE, Pcm16, Windows
from tests.captioning.driver import BASE, open_session

PIECE = 3 * SAMPLE_RATE


def by_telephone(audio: Pcm16) -> Pcm16:
    """What is left of it after 8 kHz, and at 16 again."""
    sent = soxr.resample(audio.astype(np.float32), SAMPLE_RATE, 8000)
    heard: Pcm16 = np.round(soxr.resample(sent, 8000, SAMPLE_RATE)).astype(np.int16)
    return heard


@pytest.mark.parametrize("piece", range(3))
@pytest.mark.parametrize("loudness", [1.0, 0.1, 0.02])
def test_speech_is_wide_until_it_went_through_a_telephone(piece: int, loudness: float) -> None:
    audio = read_pcm16(SAMPLE)[piece * PIECE : (piece + 1) * PIECE]
    audio = np.round(audio * loudness).astype(np.int16)
    assert not is_narrow_band(audio)
    assert is_narrow_band(by_telephone(audio))


def test_what_cannot_be_told_is_taken_for_wide() -> None:
    assert not is_narrow_band(np.zeros(PIECE, np.int16))
    assert not is_narrow_band(by_telephone(read_pcm16(SAMPLE))[: BLOCK_SAMPLES - 1])


def test_the_final_of_telephone_speech_has_a_longer_window() -> None:
    windows = Windows(final_floor_s=7.5, partial_floor_s=5.0, telephone_floor_s=20.0)
    speech = np.pad(read_pcm16(SAMPLE)[: SAMPLE_RATE * 2], (0, SAMPLE_RATE))
    for audio, final_s in ((speech, 7.5), (by_telephone(speech), 20.0)):
        driver = open_session(model=replace(BASE, windows=windows))
        driver.feed(audio[: len(audio) // 512 * 512].tobytes())
        driver.session.flush()
        assert {job.window_s for job in driver.finals} == {final_s}
        assert {job.window_s for job in driver.partials} == {5.0}
