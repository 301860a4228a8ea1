"""The benchmark as ratios to a baseline measured in the same run, and its history. Pure.

A second on one machine says nothing about a second on another, nor on a busy day; that our server
takes a third of the time of the obvious one, in the same minutes, does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

TOLERANCE = 1.25
"""A ratio that grew by more than this factor is worth a warning; repeated runs differ by less."""
WER_POINTS = 1.0
"""The same for a difference of error rates, in points."""


class Entry(Struct, frozen=True):
    """One line of the history."""

    date: str
    revision: str
    cpu: str
    speech: str
    """What was spoken: entries with other speech or another CPU are not compared."""
    ratios: dict[str, float]
    """Ours over the baseline, less is better; those named WER are differences in points."""


def ratios(rows: Sequence[Mapping[str, Any]], direct_path: float) -> dict[str, float]:
    """From the rows of a load test (its JSON) of the labels ours and naive."""
    by_place = {(row["label"], row["sessions"]): row for row in rows}
    found = {}
    for count in sorted({row["sessions"] for row in rows}):
        ours, naive = by_place["ours", count], by_place["naive", count]
        for name, path in (
            ("CPU per audio second", ("costs", "cpu_per_audio_s")),
            ("final delay p50", ("final", "p50")),
            ("word delay p50", ("word_shown", "p50")),
        ):
            pair = [row[path[0]][path[1]] for row in (ours, naive)]
            if None not in pair:  # never
                found[f"{name}, N = {count}"] = round(pair[0] / pair[1], 3)
        difference = ours["wer_percent"] - naive["wer_percent"]
        found[f"WER points, N = {count}"] = round(difference, 2)
    found["direct path, served / bare"] = round(direct_path, 3)
    return found


def previous(entries: Sequence[Entry], now: Entry) -> Entry | None:
    """The last entry that can be compared."""
    same = (each for each in reversed(entries) if (each.cpu, each.speech) == (now.cpu, now.speech))
    return next(same, None)


def worse(before: Entry, now: Entry) -> list[str]:
    """The ratios that got worse by more than noise."""
    return [
        name
        for name, value in now.ratios.items()
        if name in before.ratios
        and value
        > (
            before.ratios[name] + WER_POINTS
            if name.startswith("WER")
            else before.ratios[name] * TOLERANCE
        )
    ]
