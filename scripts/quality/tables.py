"""The figures for people: tables in Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from msgspec.structs import astuple

from load.report import seconds
from load.summary import Spread
from quality.account import Account
from quality.calm import Calm
from quality.figures import CalmRow, ErrorRow, LostRow, ReadingRow, Report, RevisionRow, Silent
from quality.word_times import GOOD_S, WordTimes


def markdown(report: Report) -> str:
    """All tables, without headings."""
    parts = [_errors(report.errors)]
    if report.revisions:
        parts.append(_revisions(report.revisions))
    parts.append(_lost(report.lost))
    if report.real_time:
        parts.append(_calm(report))
    if report.delays is not None:
        parts.append(_delays(report))
    if report.real_time:
        parts.append(
            f"Audio was sent at most {report.late_s:.2f} s late; "
            f"other programs used {report.others_cores:.2f} cores in the meantime."
        )
    parts.append(_reading(report.reading))
    if report.word_times:
        parts.append(_word_times(report.word_times))
    parts.append(_account(report))
    if report.silent.recordings:
        parts.append(_silent(report.silent))
    if report.problems:
        parts.append("\n".join(f"- {problem}" for problem in report.problems))
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """One table; its first column is text, the others are figures."""
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows))


def _name(row: ErrorRow | LostRow | CalmRow | ReadingRow | RevisionRow) -> str:
    return f"{row.label}, {row.language}"


def _errors(rows: Sequence[ErrorRow]) -> str:
    asked = any(row.revised_percent is not None for row in rows)
    revised = ["revised %"] if asked else []
    return table(
        (
            "errors",
            "recordings",
            "s",
            "of",
            "streamed %",
            *revised,
            "offline %",
            "difference",
            "95 %",
        ),
        (
            (
                _name(row),
                str(row.recordings),
                f"{row.seconds:.0f}",
                f"{row.units} {row.unit}s",
                f"{row.streamed_percent:.2f}",
                *([_percent(row.revised_percent)] if asked else []),
                f"{row.offline_percent:.2f}",
                f"{row.points:+.2f}",
                "–" if row.interval is None else "{:+.1f} to {:+.1f}".format(*row.interval),
            )
            for row in rows
        ),
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _revisions(rows: Sequence[RevisionRow]) -> str:
    def cells(row: RevisionRow) -> Iterator[str]:
        yield _name(row)
        yield f"{row.revised} of {row.finals}"
        yield str(row.timed)
        yield from map(seconds, (row.after_end_p50_s, row.after_end_max_s))
        yield from map(seconds, (row.after_final_p50_s, row.after_final_max_s))

    return table(
        (
            "revisions",
            "finals revised",
            "before the goodbye",
            "s after the end, p50",
            "max",
            "s after the final, p50",
            "max",
        ),
        map(tuple, map(cells, rows)),
    )


def _lost(rows: Sequence[LostRow]) -> str:
    def cells(row: LostRow) -> Iterator[str]:
        for pair in zip(astuple(row.streamed), astuple(row.offline), strict=True):
            yield " / ".join(map(str, pair))

    return table(
        ("lost: streamed / offline", "recordings", "without text", "first word", "last word"),
        ((_name(row), str(row.streamed.recordings), *islice(cells(row), 1, None)) for row in rows),
    )


def _calm(report: Report) -> str:
    rows = [(_name(row), row.calm) for row in report.calm]
    if report.delays is not None:
        rows.append((f"of these, one at a time: {report.delays.recordings}", report.alone))
    return table(
        (
            "calm",
            "erased",
            "by partials",
            "by the final",
            "finals that rewrite stable words",
            "or letters",
            "stable text changed",
        ),
        ((name, *_calm_cells(calm)) for name, calm in rows),
    )


def _calm_cells(calm: Calm) -> tuple[str, ...]:
    return (
        f"{calm.erasure:.3f}",
        f"{calm.erased_by_partials / max(calm.words, 1):.3f}",
        f"{calm.erased_by_finals / max(calm.words, 1):.3f}",
        f"{calm.rewritten} of {calm.finals}",
        str(calm.rewritten_letters),
        str(calm.stable_broken),
    )


def _delays(report: Report) -> str:
    assert report.delays is not None
    delays = report.delays

    def cells(name: str, spread: Spread) -> tuple[str, ...]:
        return (name, str(spread.count), *map(seconds, (spread.p50, spread.p90, spread.p95)))

    return table(
        ("delay in s, one session at a time", "of", "p50", "p90", "p95"),
        (
            cells("word spoken → shown", delays.word_shown),
            cells("word spoken → shown for good", delays.word_kept),
            cells("start of speech → first text", delays.first_text),
            cells("end of speech → final", delays.final),
        ),
    )


def _reading(rows: Sequence[ReadingRow]) -> str:
    return table(
        ("reading speed", "characters per second", "words per minute", "fastest cue"),
        (
            (
                _name(row),
                f"{row.speed.characters_per_second:.1f}",
                f"{row.speed.words_per_minute:.0f}",
                f"{row.speed.fastest:.1f}",
            )
            for row in rows
        ),
    )


def _word_times(folders: dict[str, WordTimes]) -> str:
    def ms(value_s: float) -> str:
        return f"{1000 * value_s:.0f}"

    return table(
        (
            "word times",
            "words judged",
            "start error ms, p50",
            "p95",
            "end error ms, p50",
            "p95",
            f"within {1000 * GOOD_S:.0f} ms",
            "drift ms",
        ),
        (
            (
                name,
                f"{times.judged} of {times.spoken}",
                *map(ms, (times.start.p50, times.start.p95, times.end.p50, times.end.p95)),
                f"{times.good:.1%}",
                ms(times.drift_s),
            )
            for name, times in folders.items()
        ),
    )


def _account(report: Report) -> str:
    rows = [("with speech", report.account)]
    if report.silent.recordings:
        rows.append(("without speech", report.silent.account))
    return table(
        (
            "audio in s",
            "all",
            "captioned",
            "silence",
            "suppressed",
            "failed",
            "sessions that do not add up",
            "unanswered utterances",
            "reasons for suppression",
        ),
        ((name, *_account_cells(account)) for name, account in rows),
    )


def _account_cells(account: Account) -> tuple[str, ...]:
    parts = (
        account.audio_ms,
        account.captioned_ms,
        account.silence_ms,
        account.suppressed_ms,
        account.failed_ms,
    )
    held = (
        f"{reason}: {held.utterances} ({held.ms / 1000:.1f} s)"
        for reason, held in sorted(account.suppressed.items())
    )
    return (
        *(f"{ms / 1000:.1f}" for ms in parts),
        f"{account.unbalanced + account.unended} of {account.sessions}",
        str(account.unanswered),
        ", ".join(held) or "–",
    )


def _silent(silent: Silent) -> str:
    said = (
        f"Recordings without speech: {silent.recordings} ({silent.seconds:.0f} s). "
        f"Text invented for {len(silent.invented)}, offline for {silent.invented_offline}."
    )
    if not silent.invented:
        return said
    rows = ((each.file, each.final or "–", each.shown or "–") for each in silent.invented)
    return f"{said}\n\n{table(('invented', 'final', 'shown before'), rows)}"
