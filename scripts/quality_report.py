"""How good are the captions of a model: right, calm, in time, and nothing invented or lost?

    python scripts/quality_report.py --model tiny.en FOLDER ...
    python scripts/quality_report.py --model base FOLDER ... --markdown out.md --picture out.png
    python scripts/quality_report.py --model base FOLDER ... --fast [--mode file]

FOLDER has a manifest.tsv (columns file, seconds, language, transcript), or has folders that do. Each
recording in a language of the model is spoken into a server of its own process, through the socket, at
the pace of speech, several at a time; a share of them alone, for delays. Beside it stands what
faster-whisper makes of the whole file offline. With --fast everything is sent at once: error rates, and
what was suppressed, no delays and no partials; with --mode file as `surtitle caption --fast` does it.
With --revisions the server is asked for better texts of finals; their error rates stand beside those of
the finals. docs/quality.md says what the figures mean.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
import uvloop
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from load.meter import Meter
from load.metrics import UtteranceFigures
from load.target import Running, Target, TargetError, running
from load.wordtimes import cache_folder as word_times_folder
from load.wordtimes import word_ends
from quality.delays import delays_of
from quality.document import NoPlace, fill
from quality.figures import Report, Result, report, result_of
from quality.listen import Listened, listen_to_all, send_at_once, speak
from quality.offline import Offline, cache_folder
from quality.picture import draw
from quality.recordings import NoRecordings, Recording, read_recordings, sample, word_folders
from quality.tables import markdown
from quality.word_times import WordTimes
from quality.word_times import measure as measure_word_times


class Measurement:
    """One run of the report, with its progress on the terminal."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        self._options = options
        self._console = console
        languages = {"en"} if options.model.endswith(".en") else None
        self._recordings = read_recordings(options.folders, languages)
        alone_s = 0.0 if options.fast else options.alone_seconds
        self._alone = sample(self._recordings, alone_s)

    async def run(self) -> Report:
        """Measure everything. Raises TargetError where the server does not start."""
        offline = Offline(self._options.model, self._options.cache)
        texts: dict[Path, str] = {}
        with self._progress("offline decode", self._recordings) as done:
            for recording in self._recordings:
                texts[recording.path] = offline.text(recording)
                done(recording)
        ends = self._word_ends()
        async with running(Target("surtitle", "surtitle", self._server())) as server:
            listened, others_cores = await self._listen(server)
            word_times = await self._word_times(server)
        results = [self._result(each, texts, ends) for each in listened]
        return report(
            self._options.model,
            results,
            real_time=not self._options.fast,
            sessions=self._options.sessions,
            word_times=word_times,
            others_cores=others_cores,
        )

    def _word_ends(self) -> dict[Path, tuple[float, ...]]:
        clips = [recording.clip() for recording in self._alone]
        by_path = {recording.path: recording for recording in self._alone}
        with self._progress("word times", self._alone) as done:
            return word_ends(clips, self._options.word_times, lambda c: done(by_path[c.path]))

    async def _listen(self, server: Running) -> tuple[list[Listened], float]:
        """First those that are alone. Also: how many cores other programs used meanwhile."""
        crowd = [each for each in self._recordings if each not in self._alone]
        how = send_at_once if self._options.fast else speak
        speaking = partial(how, revisions=self._options.revisions, mode=self._options.mode)
        assert server.pid is not None
        meter = Meter(server.pid)
        began = time.monotonic()
        meter.start()
        listened: list[Listened] = []
        for title, recordings, sessions in (
            ("one at a time", self._alone, 1),
            (f"{self._options.sessions} at a time", crowd, self._options.sessions),
        ):
            with self._progress(title, recordings) as done:
                listened += await listen_to_all(server.url, recordings, sessions, speaking, done)
        others_s = (await meter.stop()).others_cpu_s
        return listened, others_s / (time.monotonic() - began)

    async def _word_times(self, server: Running) -> dict[str, WordTimes]:
        return {
            folder.name: await measure_word_times(server.url, folder)
            for folder in word_folders(self._recordings)
        }

    def _server(self) -> str:
        """The command; the server is told to refuse nobody, since each recording must be heard."""
        return (
            f"{sys.executable} -m surtitle serve --model {self._options.model} --port {{port}} "
            f"--log-level warning --overload-wait-ms 60000 {self._options.serve}"
        )

    def _result(
        self, listened: Listened, texts: dict[Path, str], ends: dict[Path, tuple[float, ...]]
    ) -> Result:
        path = listened.recording.path
        delays: UtteranceFigures | None = None
        if path in ends and listened.heard.spoken:
            delays = delays_of(listened.heard, listened.recording.clip().audio, ends[path])
        asked = self._options.revisions
        return result_of(listened, texts[path], delays, with_revisions=asked)

    @contextmanager
    def _progress(
        self, title: str, recordings: Sequence[Recording]
    ) -> Iterator[Callable[[Recording], None]]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
        with Progress(
            *columns, TextColumn("{task.fields[last]}"), TimeElapsedColumn(), console=self._console
        ) as bar:
            total = sum(recording.seconds for recording in recordings)
            task = bar.add_task(title, total=total, last="")

            def done(recording: Recording) -> None:
                bar.update(task, advance=recording.seconds, last=recording.path.name)

            yield done
            bar.update(task, completed=total, last="")


def write(measured: Report, options: argparse.Namespace) -> None:
    """The files that were asked for. Raises NoPlace."""
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(measured), indent=1))
    if options.picture:
        draw(measured, options.picture)
    if options.markdown:
        options.markdown.write_text(markdown(measured), encoding="utf-8")
    if options.document:
        fill(options.document, options.model, markdown(measured))


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("folders", nargs="+", type=Path, metavar="FOLDER")
    add("--model", default="base", help="name or folder of the model (base)")
    add("--sessions", type=int, default=4, help="how many speak at once (4)")
    add("--alone-seconds", type=float, default=120, help="of speech spoken alone, for delays (120)")
    add("--fast", action="store_true", help="as fast as it goes: no delays, no partials")
    add("--mode", choices=("live", "file"), default="live", help="of the sessions (live)")
    add("--revisions", action="store_true", help="also ask for better texts, and rate them")
    add("--serve", default="", help="further options of `surtitle serve`")
    add("--json", type=Path, help="write all figures there")
    add("--markdown", type=Path, help="write the tables there")
    add("--picture", type=Path, help="draw the figures there (PNG or SVG)")
    add("--document", type=Path, help="put the tables into this document, at the model's place")
    add("--cache", type=Path, default=cache_folder(), help="folder for offline decodes")
    add("--word-times", type=Path, default=word_times_folder(), help="folder for word times")
    return parser.parse_args(arguments)


async def main(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    measured = await Measurement(options, console).run()
    console.print(Markdown(markdown(measured)))
    write(measured, options)


if __name__ == "__main__":
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main(parse_arguments()))
    except (TargetError, NoRecordings, NoPlace) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
