"""Sessions of recorded speech at real-time pace: how late are the captions, how right, at what cost?

    python scripts/load_test.py
    python scripts/load_test.py --manifest FOLDER --sessions 1,2,4,8
    python scripts/load_test.py --manifest FOLDER --sessions 32 --find-largest
    python scripts/load_test.py --manifest FOLDER --sessions 1,4 --picture out.png \\
        --target 'ours=surtitle=.venv/bin/surtitle serve --model tiny.en --port {port}' \\
        --target 'naive=surtitle=.venv/bin/python scripts/naive_server.py --port {port}'

FOLDER has a manifest.tsv (columns file, seconds, language, transcript); without one the sample of
the demo page is spoken. A target is
LABEL=PROTOCOL=COMMAND with {port} in it, or LABEL=PROTOCOL=URL of a server that runs already; targets
are measured one after the other, with the same speech. Every session speaks the same clips, each
session starting at another, so that all are heard at once and error rates can be compared. Few sessions
speak them several times: of a handful of utterances one decides the p95, and one word the error rate.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import msgspec.structs
import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from load.picture import draw
from load.protocols import PROTOCOLS
from load.report import markdown, seconds, show
from load.run import Plan, run, warm_up
from load.sample import write_sample
from load.search import Search
from load.session import Part
from load.speech import Selection, choose
from load.summary import ServiceLevel, Summary, misses
from load.target import Running, Target, TargetError, parse_target, running
from load.wordtimes import cache_folder, word_ends

OURS = (
    f"ours=surtitle={sys.executable} -m surtitle serve --model tiny.en --language en "
    "--log-level warning --port {port}"
)


class LoadTest:
    """Measures targets one after the other, and keeps the rows."""

    def __init__(self, plan: Plan, level: ServiceLevel, console: Console) -> None:
        self._plan = plan
        self._level = level
        self._console = console
        self.rows: list[Summary] = []

    async def measure(
        self, target: Target, counts: list[int], *, find_largest: bool, pid: int | None = None
    ) -> None:
        """All runs of one target. Raises TargetError."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
        with Progress(
            *columns, TextColumn("{task.fields[how]}"), TimeElapsedColumn(), console=self._console
        ) as bar:
            task = bar.add_task(f"{target.label}: starting", total=1.0, how="")
            async with running(target, pid) as server:
                await warm_up(target, server, self._plan)

                async def at(count: int) -> Summary:
                    bar.reset(task, description=f"{target.label}: N = {count}", how="")
                    return await self._run(
                        target,
                        server,
                        count,
                        lambda done, how: bar.update(task, completed=done, how=how),
                    )

                if not find_largest:
                    for count in counts:
                        await at(count)
                    return
                search = Search(counts[-1])
                while (wanted := search.next()) is not None:
                    search.take(wanted, held=not (await at(wanted)).misses)
        self._console.print(f"{target.label} holds the level with up to {search.holds} sessions.")

    async def _run(
        self, target: Target, server: Running, count: int, progress: Callable[[float, str], None]
    ) -> Summary:
        row = await run(target, server, self._plan, count, progress)
        least = min(
            (each for each in [*self.rows, row] if each.label == target.label),
            key=lambda each: each.sessions,
        )
        row = msgspec.structs.replace(row, misses=misses(row, least, self._level))
        self.rows.append(row)
        self._console.print(
            f"{target.label}, N = {count}: final p95 {seconds(row.final.p95)} s, words shown p50 "
            f"{seconds(row.word_shown.p50)} s, {row.wer_percent:.1f} % wrong, "
            f"{'misses ' + ', '.join(row.misses) if row.misses else 'holds the level'}"
        )
        return row


def prepare(options: argparse.Namespace, console: Console) -> Plan:
    """Read the clips and find when their words end."""
    selection = Selection(language=options.language, pause_s=options.pause, total_s=options.seconds)
    if options.manifest is None:
        with tempfile.TemporaryDirectory() as folder:
            clips = choose(write_sample(Path(folder)), replace(selection, least_s=0))
    else:
        clips = choose(options.manifest, selection)
    if not clips:
        raise TargetError(
            f"{options.manifest} has no clip in {options.language} of "
            f"{selection.least_s:g} to {selection.most_s:g} s."
        )
    ends = word_ends(
        clips,
        options.cache,
        lambda clip: console.print(f"listening for the word times of {clip.path.name}"),
    )
    parts = [Part(clip, clip.frames(), ends[clip.path]) for clip in clips]
    return Plan(
        parts,
        options.language,
        pause_s=options.pause,
        stagger_s=options.stagger,
        quiet_s=options.quiet,
        least_utterances=options.least_utterances,
        revisions=options.revisions,
    )


def write(rows: list[Summary], level: ServiceLevel, options: argparse.Namespace) -> None:
    """The files that were asked for."""
    if options.json:
        content = msgspec.json.encode({"level": level, "rows": rows})
        options.json.write_bytes(msgspec.json.format(content, indent=1))
    if options.markdown:
        options.markdown.write_text(markdown(rows, level), encoding="utf-8")
    if options.picture:
        draw(rows, level, options.picture)


async def main(options: argparse.Namespace) -> None:
    """Measure, print, write; what was measured before an interruption is reported too."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    level = ServiceLevel(options.final_p95, options.words_p50, options.wer_points)
    test = LoadTest(prepare(options, console), level, console)
    try:
        for target in map(parse_target, options.target or [OURS]):
            await test.measure(
                target,
                sorted(options.sessions),
                find_largest=options.find_largest,
                pid=options.pid,
            )
    finally:
        if test.rows:
            show(console, test.rows, level)
            write(test.rows, level, options)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    level = ServiceLevel()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--manifest", type=Path, help="folder of recorded speech (the sample of the demo page)")
    add(
        "--sessions",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[1, 4],
        help="numbers of sessions at once, such as 1,2,4,8 (1,4)",
    )
    add("--find-largest", action="store_true", help="search the most sessions that hold the level")
    add("--seconds", type=float, default=75, help="of clips, with their pauses (75)")
    add("--least-utterances", type=int, default=20, help="in all sessions of a run together (20)")
    add("--pause", type=float, default=1.5, help="seconds of silence after each clip (1.5)")
    add("--stagger", type=float, default=1.3, help="seconds between starts of sessions (1.3)")
    add("--quiet", type=float, default=5, help="seconds without a change before the goodbye (5)")
    add(
        "--revisions",
        action="store_true",
        help="sessions ask for better texts; the figures stay those of finals",
    )
    add("--language", default="en", help="language of the clips (en)")
    add(
        "--target",
        action="append",
        help=f"LABEL=PROTOCOL=COMMAND-OR-URL; protocols: {', '.join(PROTOCOLS)}.\n"
        "May be repeated. Default: a server of our own with tiny.en",
    )
    add("--pid", type=int, help="process of a target given by its URL, for CPU and memory")
    add("--final-p95", type=float, default=level.final_p95_s, help="service level in seconds (2)")
    add("--words-p50", type=float, default=level.word_shown_p50_s, help="in seconds (1.5)")
    add("--wer-points", type=float, default=level.wer_points, help="over the smallest run (1)")
    add("--json", type=Path, help="write all figures there")
    add("--markdown", type=Path, help="write the tables there")
    add("--picture", type=Path, help="draw the delays there (PNG or SVG)")
    add("--cache", type=Path, default=cache_folder(), help="folder for word times")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main(parse_arguments()))
    except TargetError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
