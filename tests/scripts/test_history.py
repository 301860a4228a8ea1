"""Ratios of our server to the baseline, and what counts as worse."""

from typing import Any

import pytest

from load.history import Entry, previous, ratios, worse


def row(label: str, cpu: float, final: float | None, word: float, wer: float) -> dict[str, Any]:
    return {
        "label": label,
        "sessions": 4,
        "costs": {"cpu_per_audio_s": cpu},
        "final": {"p50": final},
        "word_shown": {"p50": word},
        "wer_percent": wer,
    }


def entry(ratios: dict[str, float], cpu: str = "2 x A") -> Entry:
    return Entry("2026-01-01", "abc", cpu, "sample", ratios)


def test_ratios_are_ours_over_the_baselines() -> None:
    rows = [row("naive", 0.4, 2.0, 1.0, 5.0), row("ours", 0.1, 1.0, 0.5, 5.5)]
    assert ratios(rows, 1.02) == {
        "CPU per audio second, N = 4": 0.25,
        "final delay p50, N = 4": 0.5,
        "word delay p50, N = 4": 0.5,
        "WER points, N = 4": 0.5,
        "direct path, served / bare": 1.02,
    }


def test_there_is_no_ratio_to_never() -> None:
    rows = [row("naive", 0.4, None, 1.0, 5.0), row("ours", 0.1, 1.0, 0.5, 5.5)]
    assert "final delay p50, N = 4" not in ratios(rows, 1.0)


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ({"CPU": 0.4}, {"CPU": 0.5}, []),
        ({"CPU": 0.4}, {"CPU": 0.51}, ["CPU"]),
        ({"CPU": 0.4}, {"CPU": 0.1}, []),
        ({"WER points": -0.5}, {"WER points": 0.4}, []),
        ({"WER points": -0.5}, {"WER points": 0.6}, ["WER points"]),
        ({}, {"new": 9.0}, []),
    ],
)
def test_only_more_than_noise_is_worse(
    before: dict[str, float], now: dict[str, float], found: list[str]
) -> None:
    assert worse(entry(before), entry(now)) == found


def test_only_the_same_processor_is_compared() -> None:
    old, other = entry({"a": 1.0}), entry({"a": 2.0}, cpu="8 x B")
    assert previous([old, other], entry({"a": 3.0})) == old
    assert previous([other], entry({"a": 3.0})) is None
