"""The figures for people: a table on the terminal, and the same in Markdown."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from load.protocols import PROTOCOLS
from load.summary import Costs, ServiceLevel, Summary


def seconds(value: float) -> str:
    """A delay; infinity is a dash."""
    return f"{value:.2f}" if math.isfinite(value) else "–"


def _cost(show: Callable[[Costs], str]) -> Callable[[Summary], str]:
    return lambda row: show(row.costs) if row.costs is not None else "–"


def _outside(costs: Costs) -> str:
    return "–" if costs.outside_share is None else f"{costs.outside_share:.0%}"


def _verdict(row: Summary) -> str:
    return "no" if row.misses else "yes"


class _Column(NamedTuple):
    title: str
    show: Callable[[Summary], str]


LATENCY = (
    _Column("target", lambda row: row.label),
    _Column("N", lambda row: str(row.sessions)),
    _Column("first text\np50/p95", lambda r: _pair(r.first_partial.p50, r.first_partial.p95)),
    _Column("settled\np50/p95", lambda r: _pair(r.settled.p50, r.settled.p95)),
    _Column("final\np50/p95", lambda r: _pair(r.final.p50, r.final.p95)),
    _Column("word shown\np50/p90", lambda r: _pair(r.word_shown.p50, r.word_shown.p90)),
    _Column("word kept\np50/p90", lambda r: _pair(r.word_kept.p50, r.word_kept.p90)),
    _Column("WER\n%", lambda r: f"{r.wer_percent:.1f}"),
    _Column("holds\nlevel", _verdict),
)
LOAD = (
    *LATENCY[:2],
    _Column("utter-\nances", lambda r: str(r.utterances)),
    _Column("un-\nanswered", lambda r: str(r.unanswered)),
    _Column("tail\nlost", lambda r: str(r.tail_lost)),
    _Column("re-\nfused", lambda r: str(r.refused)),
    _Column("erased", lambda r: f"{r.erasure:.2f}"),
    _Column("sent\nlate s", lambda r: f"{r.late_s:.2f}"),
    _Column("CPU s/\naudio s", _cost(lambda c: f"{c.cpu_per_audio_s:.3f}")),
    _Column("outside\nmodel", _cost(_outside)),
    _Column("cores", _cost(lambda c: f"{c.cores:.2f}")),
    _Column("peak RSS\nMB", _cost(lambda c: f"{c.peak_rss_mb:.0f}")),
    _Column("others'\ncores", _cost(lambda c: f"{c.others_cores:.2f}")),
)


def _pair(one: float, other: float) -> str:
    return f"{seconds(one)}/{seconds(other)}"


def explain(level: ServiceLevel, rows: Sequence[Summary]) -> list[str]:
    """What a reader must know, one sentence a line."""
    notes = {row.label: note for row in rows if (note := PROTOCOLS[row.protocol].note)}
    return [
        "Delays in seconds, – is never. First text counts from the start of speech, settled (last "
        "change) and final (committed for good) from its end, words from the end of each.",
        f"The level: final p95 within {level.final_p95_s:g} s, words shown p50 within "
        f"{level.word_shown_p50_s:g} s, every utterance answered, no session refused, error rate "
        f"within {level.wer_points:g} point of the target's smallest run.",
        *(f"{label}: {note}." for label, note in notes.items()),
    ]


def show(console: Console, rows: Sequence[Summary], level: ServiceLevel) -> None:
    """Print the tables."""
    for title, columns in (("Delays", LATENCY), ("Load", LOAD)):
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for column in columns:
            left = column is LATENCY[0]
            table.add_column(column.title, justify="left" if left else "right", no_wrap=not left)
        for row in rows:
            table.add_row(*(column.show(row) for column in columns))
        console.print(table)
    for line in explain(level, rows):
        console.print(line, style="dim", highlight=False)
    for row in rows:
        if row.misses:
            console.print(f"{row.label}, N = {row.sessions} misses: {', '.join(row.misses)}")
        for problem in dict.fromkeys(row.problems):
            console.print(f"{row.label}, N = {row.sessions}: {problem}", style="yellow")


def markdown(rows: Sequence[Summary], level: ServiceLevel) -> str:
    """The tables and their explanation."""
    parts = []
    for columns in (LATENCY, LOAD):
        lines = [[column.title.replace("-\n", "").replace("\n", " ") for column in columns]]
        lines.append(["---"] * len(columns))
        lines += [[column.show(row) for column in columns] for row in rows]
        parts.append("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
    return "\n\n".join([*parts, *explain(level, rows)]) + "\n"
