"""N speakers at once at real-time pace: do the captions come in time, and to the right one?

    python scripts/load_test.py --manifest FOLDER --sessions 8 [--server URL | --model tiny.en]

Each session speaks clips of one speaker (the part of the file name before the first "-"), with a
pause of 1.5 s after each; sessions start 1.3 s apart. Prints the median and the 95th percentile of
the delays as a microphone would see them, the word error rate of each session against its own
transcript, and, as a check that no text reached another session, the lowest rate against a foreign
one.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from measure_accuracy import Case, read_cases, score
from surtitle.app import first_of, running
from surtitle.captionfile import Figures, FileStream
from surtitle.client import connect
from surtitle.config import load_settings
from surtitle.media import read_chunks
from surtitle.messages import Failed, Final, ServerMessage, Start
from surtitle.telemetry import configure_logging

PAUSE_S = 1.5
STAGGER_S = 1.3


@dataclass
class Speaker:
    """One session: what is said, and what came back."""

    name: str
    clips: list[Case]
    text: str = ""
    failed: int = 0
    figures: Figures = field(default_factory=Figures)

    @property
    def transcript(self) -> str:
        """Everything that this speaker says."""
        return " ".join(clip.transcript for clip in self.clips)

    def chunks(self) -> Iterator[bytes]:
        """The clips with pauses, in chunks of 100 ms."""
        pause = [bytes(3200)] * int(PAUSE_S * 10)
        for clip in self.clips:
            yield from read_chunks(clip.path)
            yield from pause

    async def run(self, url: str, start_after_s: float) -> None:
        """Speak at real-time pace."""
        await asyncio.sleep(start_after_s)

        def collect(message: ServerMessage) -> None:
            if isinstance(message, Final):
                self.text += " " + message.text
            self.failed += isinstance(message, Failed)

        async with connect(url, Start(language="en")) as captions:
            stream = FileStream(captions, self.chunks(), real_time=True)
            self.figures = await stream.run(collect)


def choose(cases: list[Case], sessions: int, seconds: float) -> list[Speaker]:
    """The first speakers of the manifest with about so many seconds of clips each."""
    speakers: dict[str, list[Case]] = {}
    for case in cases:
        clips = speakers.setdefault(case.path.name.split("-")[0], [])
        if sum(clip.seconds for clip in clips) < seconds:
            clips.append(case)
    if len(speakers) < sessions:
        sys.exit(f"The manifest has only {len(speakers)} speakers.")
    return [Speaker(name, clips) for name, clips in list(speakers.items())[:sessions]]


@contextlib.asynccontextmanager
async def server(url: str | None, model: str) -> AsyncIterator[str]:
    """The server to load: the one given, or one of our own."""
    if url is not None:
        yield url
        return
    settings = load_settings({"model": model, "port": 0, "log_level": "warning"})
    configure_logging(settings.log())
    async with running(settings) as app:
        await first_of(app.ready, app.failed)
        yield app.url


async def measure(options: argparse.Namespace) -> list[Speaker]:
    """Run all sessions."""
    speakers = choose(read_cases([], options.manifest), options.sessions, options.seconds)
    async with server(options.server, options.model) as url:
        await asyncio.gather(*(s.run(url, i * STAGGER_S) for i, s in enumerate(speakers)))
    return speakers


def report(speakers: list[Speaker]) -> None:
    """Print the delays, and the error rates by session."""
    console = Console()
    delays = Table("delay in seconds", "p50", "p95", "worst", "count")
    for label, values in (
        (
            "start of speech → first partial",
            [v for s in speakers for v in s.figures.first_partial_s],
        ),
        ("end of speech → final", [v for s in speakers for v in s.figures.final_s]),
    ):
        shown = [f"{np.percentile(values, q):.2f}" for q in (50, 95, 100)] if values else ["–"] * 3
        delays.add_row(label, *shown, str(len(values)))
    console.print(delays)
    sessions = Table("speaker", "own error rate %", "least against another's %", "failed")
    for own in speakers:
        others = [score(s.transcript, own.text, "en").percent for s in speakers if s is not own]
        rate = score(own.transcript, own.text, "en").percent
        least = f"{min(others):.0f}" if others else "–"
        sessions.add_row(own.name, f"{rate:.1f}", least, str(own.failed))
    console.print(sessions)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=30, help="of speech for each session")
    parser.add_argument("--server", help="URL; else a server of its own")
    parser.add_argument("--model", default="tiny.en")
    report(asyncio.run(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
