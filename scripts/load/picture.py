"""The figures as a picture: the delay of finals and of words against the number of sessions."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from load.summary import ServiceLevel, Summary

COLOURS = ("#0b6e99", "#d1495b", "#e09f3e", "#5c7c2f", "#7b5ea7", "#6b6b6b")
MARKERS = "osD^vP"
TOP = 4.0
"""A panel shows at most so many times the service level: what is beyond lies on its upper edge."""


def draw(rows: Sequence[Summary], level: ServiceLevel, file: Path) -> None:
    """Write the picture; its format follows from the file's name."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    finals, words = figure.subplots(1, 2)
    _panel(finals, rows, lambda row: row.final.p95, level.final_p95_s)
    finals.set_title("End of speech → final, 95th percentile", loc="left", fontsize=11)
    _panel(words, rows, lambda row: row.word_shown.p50, level.word_shown_p50_s)
    words.set_title("Word spoken → word shown, median", loc="left", fontsize=11)
    finals.set_ylabel("seconds")
    handles, labels = finals.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=len(labels), frameon=False, fontsize=10
    )
    figure.supxlabel(
        "filled: holds the whole service level · hollow: does not · upper edge: beyond the scale",
        fontsize=8.5,
        color="#666666",
    )
    figure.savefig(file, dpi=150)


def _panel(
    axes: Any, rows: Sequence[Summary], value: Callable[[Summary], float], level_s: float
) -> None:
    top = min(TOP * level_s, max(1.15 * max(map(value, rows)), 1.6 * level_s))
    axes.axhspan(0, level_s, color="#2a9d8f", alpha=0.10, linewidth=0)
    axes.axhline(level_s, color="#2a9d8f", linewidth=1, linestyle="--")
    axes.annotate(
        f"service\nlevel\n{level_s:g} s",
        (1.0, level_s),
        xycoords=("axes fraction", "data"),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        color="#1f7a6f",
    )
    for index, label in enumerate(dict.fromkeys(row.label for row in rows)):
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        own = sorted((row for row in rows if row.label == label), key=lambda row: row.sessions)
        axes.plot(
            [row.sessions for row in own],
            [min(value(row), top) for row in own],
            color=colour,
            marker=marker,
            linewidth=1.8 if index else 3,
            markersize=7,
            label=label,
            clip_on=False,
        )
        failed = [row for row in own if row.misses]
        if failed:  # an empty line, not clipped, upsets the layout
            axes.plot(
                [row.sessions for row in failed],
                [min(value(row), top) for row in failed],
                color=colour,
                marker=marker,
                linestyle="",
                markersize=7,
                markerfacecolor="white",
                clip_on=False,
                zorder=3,
            )
    counts = sorted({row.sessions for row in rows})
    if len(counts) > 1:
        axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(counts))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:g}"))
    axes.set_xlabel("sessions at once")
    axes.set_ylim(0, top)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
