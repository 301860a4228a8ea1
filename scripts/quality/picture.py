"""The figures as one picture: errors, calm, delays of words, and where the audio went."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from quality.figures import ALL, Report

STREAMED, OFFLINE, LIMIT = "#0b6e99", "#b8c4cc", "#d1495b"
PARTIALS, FINALS = "#e09f3e", "#7b5ea7"
PANEL_IN, ROW_IN = 3.8, 0.34
"""Height of a panel, and of a row of bars in one that has many, in inches."""
CALM_LIMIT = 0.10
WORD_LIMIT_S = 1.0
"""What the captions are held to: words erased by words in the end, and the median delay of a word."""


def draw(report: Report, file: Path) -> None:
    """Write the picture; its format follows from the file's name."""
    heights = max(PANEL_IN, ROW_IN * len(report.errors)), PANEL_IN
    figure = Figure(figsize=(11, sum(heights)), layout="constrained")
    (errors, calm), (delays, audio) = figure.subplots(2, 2, height_ratios=heights)
    _errors(errors, report)
    _calm(calm, report)
    _delays(delays, report)
    _audio(audio, report)
    figure.suptitle(f"{report.model}, {report.sessions} sessions at once", x=0.01, ha="left")
    figure.savefig(file, dpi=150)


def _title(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(
        frameon=False,
        fontsize=9,
        loc="lower right",
        bbox_to_anchor=(1, 0.99),
        ncols=4,
        borderpad=0,
        columnspacing=1,
        handlelength=1.2,
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)


def _absent(axes: Any, why: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, why, ha="center", va="center", color="#666666")


def _errors(axes: Any, report: Report) -> None:
    if not report.errors:
        _absent(axes, "no recording has a transcript")
        return
    rows = report.errors[::-1]
    ends = [max(row.streamed_percent, row.offline_percent) for row in rows]
    places = range(len(rows))
    for shift, label, colour, values in (
        (0.2, "streamed", STREAMED, [row.streamed_percent for row in rows]),
        (-0.2, "whole file, offline", OFFLINE, [row.offline_percent for row in rows]),
    ):
        axes.barh([place + shift for place in places], values, 0.38, color=colour, label=label)
    for place, row in zip(places, rows, strict=True):
        axes.annotate(
            f"{row.points:+.1f}",
            (ends[place], place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    _labels(axes, [f"{row.label}, {row.language}" for row in rows])
    axes.set_xlabel("wrong words or characters, %")
    axes.set_xlim(0, 1.12 * max(1, *ends))
    _title(axes, "Errors")


def _calm(axes: Any, report: Report) -> None:
    if not report.calm:
        _absent(axes, "calm is measured at real-time pace")
        return
    rows = [(f"{row.label}, {row.language}", row.calm) for row in report.calm]
    if report.delays is not None:
        rows.append(("one at a time", report.alone))
    rows.reverse()
    partials = [calm.erased_by_partials / max(calm.words, 1) for _, calm in rows]
    finals = [calm.erased_by_finals / max(calm.words, 1) for _, calm in rows]
    axes.barh(range(len(rows)), partials, 0.7, color=PARTIALS, label="by partials")
    axes.barh(range(len(rows)), finals, 0.7, left=partials, color=FINALS, label="by the final")
    axes.axvline(CALM_LIMIT, color=LIMIT, linewidth=1, linestyle="--")
    _labels(axes, [label for label, _ in rows])
    axes.set_xlabel("words changed or removed, by words of the text")
    _title(axes, "Erased")


def _delays(axes: Any, report: Report) -> None:
    figures = [each.delays for each in report.recordings if each.delays is not None]
    if not figures:
        _absent(axes, "delays are measured of recordings spoken one at a time")
        return
    for label, colour, width, values in (
        ("shown", STREAMED, 4, [s for each in figures for s in each.word_shown_s]),
        ("shown for good", PARTIALS, 1.8, [s for each in figures for s in each.word_kept_s]),
    ):
        known = sorted(value for value in values if math.isfinite(value))
        shares = [100 * (i + 1) / len(values) for i in range(len(known))]
        axes.step(known, shares, where="post", color=colour, label=label, linewidth=width)
    axes.axvline(WORD_LIMIT_S, color=LIMIT, linewidth=1, linestyle="--")
    axes.axhline(50, color="#dddddd", linewidth=0.8)
    axes.set_xlim(-0.5, 4)
    axes.set_ylim(0, 100)
    axes.set_xlabel("seconds after the word was spoken, one session at a time")
    axes.set_ylabel("% of words")
    _title(axes, "Delay of words")


def _audio(axes: Any, report: Report) -> None:
    rows = [("speech", report.account), ("no speech", report.silent.account)]
    rows = [(label, account) for label, account in rows if account.audio_ms][::-1]
    left = [0.0] * len(rows)
    for label, colour in (
        ("captioned", STREAMED),
        ("silence", OFFLINE),
        ("suppressed", PARTIALS),
        ("failed", LIMIT),
    ):
        values = [100 * getattr(a, f"{label}_ms") / a.audio_ms for _, a in rows]
        axes.barh(range(len(rows)), values, 0.6, left=left, color=colour, label=label)
        left = [before + value for before, value in zip(left, values, strict=True)]
    _labels(axes, [label for label, _ in rows])
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the audio")
    _title(axes, "Audio")


def _labels(axes: Any, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.tick_params(axis="y", length=0)
    for label in axes.get_yticklabels():
        if label.get_text().startswith(f"{ALL},"):
            label.set_fontweight("bold")
