"""Quantiles, the service level, and what is counted of whom."""

import math

import msgspec
import pytest
from msgspec.structs import replace

from load.metrics import Change, Spoken, measure
from load.session import Heard
from load.summary import ServiceLevel, Spread, Summary, misses, quantile, summarize


def test_quantiles_are_values_that_occurred() -> None:
    values = [4.0, 1.0, 3.0, 2.0]
    assert quantile(values, 0.5) == 2.0
    assert quantile(values, 0.95) == 4.0
    assert quantile([1.0, 2.0, math.inf], 0.5) == 2.0
    assert quantile([1.0, 2.0, math.inf], 0.95) == math.inf
    assert quantile([], 0.5) == math.inf


def row() -> Summary:
    spoken = [Spoken("a.wav", "TWENTY FIVE CATS", 0.0, 2.0, (0.5, 1.0, 2.0))]
    changes = [Change(1.0, "", "Twenty"), Change(2.5, "25 cats", "")]
    heard = [
        Heard(0, spoken, changes, goodbye_s=9.0, audio_s=8.0, late_s=0.25),
        Heard(1, refused="HTTP 503"),
    ]
    figures = [measure(spoken, changes, 9.0)]
    return summarize("ours", "surtitle", heard, figures, "en", None)


def test_a_refused_session_is_counted_and_has_no_figures() -> None:
    summary = row()
    assert (summary.sessions, summary.refused, summary.utterances) == (2, 1, 1)
    assert (summary.audio_s, summary.late_s) == (8.0, 0.25)
    assert summary.final == Spread(0.5, 0.5, 0.5, 1)


def test_the_error_rate_is_after_whispers_normalizer() -> None:
    assert row().wer_percent == 0.0  # "25" is "twenty five"


def test_never_is_null_in_json() -> None:
    never = msgspec.json.decode(msgspec.json.encode(Spread.of([math.inf])))
    assert never == {"p50": None, "p90": None, "p95": None, "count": 1}


GOOD = replace(
    row(),
    refused=0,
    final=Spread(1.0, 1.5, 2.0, 20),
    word_shown=Spread(1.5, 3.0, 4.0, 100),
    wer_percent=5.0,
)


def test_the_level_is_held_up_to_its_limits() -> None:
    assert misses(replace(GOOD, wer_percent=6.0), GOOD, ServiceLevel()) == []


@pytest.mark.parametrize(
    ("worse", "why"),
    [
        (replace(GOOD, refused=1), "refused"),
        (replace(GOOD, final=Spread(1.0, 1.5, 2.1, 20)), "final"),
        (replace(GOOD, word_shown=Spread(1.6, 3.0, 4.0, 100)), "words"),
        (replace(GOOD, unanswered=1), "unanswered"),
        (replace(GOOD, wer_percent=6.1), "error rate"),
    ],
)
def test_each_limit_is_a_limit(worse: Summary, why: str) -> None:
    assert misses(worse, GOOD, ServiceLevel()) == [why]
