"""Delays count from the speech inside a recording, not from the recording's edges."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from load.metrics import Change, Spoken
from load.session import Heard
from quality.delays import delays_of, summarize
from surtitle.jobs import SAMPLE_RATE


def test_a_recording_with_silence_at_both_ends() -> None:
    quiet = np.zeros(SAMPLE_RATE, np.int16)
    speech = np.tile(np.array([9000, -9000], np.int16), SAMPLE_RATE)  # two seconds
    heard = Heard(
        0,
        [Spoken(str(Path("a.wav")), "hello there", 100.0, 104.0, ())],
        [
            Change(102.0, "", "hello"),
            Change(103.2, "", "hello there"),
            Change(103.5, "Hello there.", ""),
        ],
        goodbye_s=110.0,
    )
    figures = delays_of(heard, np.concatenate([quiet, speech, quiet]), (1.5, 3.0))
    margin_s = 0.04
    assert figures.first_partial_s == pytest.approx(1.0 + margin_s)
    assert figures.final_s == pytest.approx(0.5 - margin_s)
    assert figures.word_shown_s == pytest.approx([0.5, 0.2])
    unanswered = replace(figures, answered=False, first_partial_s=math.inf, final_s=math.inf)
    delays = summarize([figures, figures, replace(unanswered, word_shown_s=[], word_kept_s=[])])
    assert (delays.recordings, delays.word_shown.count, delays.final.count) == (3, 4, 2)
    assert delays.word_shown.p50 == pytest.approx(0.2)
    assert delays.word_kept.p90 == pytest.approx(0.5)
    assert delays.first_text.p95 == pytest.approx(1.0 + margin_s)
    assert delays.final.p95 == pytest.approx(0.5 - margin_s)
