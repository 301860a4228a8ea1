"""What the terminal shows: captions growing in place, and captions written in a format."""

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from msgspec import json
from msgspec.structs import replace
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.spinner import Spinner
from rich.text import Text

from surtitle.client import ClientError, Disconnected, Event, Gap, ViewerEvent
from surtitle.messages import (
    Channel,
    Failed,
    Final,
    Partial,
    Ready,
    Resumed,
    Revised,
    Speech,
    Status,
    Suppressed,
    revise,
)
from surtitle.runtime.printable import printable, printable_json
from surtitle.subtitles.cues import Layout, ReadingSpeed, lay_out, reading_speed
from surtitle.subtitles.formats import format_srt, format_vtt

CHANNEL_STATES = {
    "live": "{viewers} watching",
    "away": "the speaker has lost the connection and may come back",
    "waiting": "nobody is speaking here now",
}


def clock(ms: int) -> str:
    """Milliseconds as minutes, seconds and tenths."""
    minutes, rest = divmod(ms, 60_000)
    return f"{minutes:02}:{rest / 1000:04.1f}"


def _text(text: str, style: str = "") -> Text:
    """What a server has said, as the terminal shows it."""
    return Text(printable(text), style)


class CaptionView:
    """Captions in a terminal: finals scroll up with their times, the partial grows in place.

    A line that was read stays as it is: a better text of it is not shown. Without a terminal (a pipe, a
    log) each final is a line and partials are left out.
    """

    def __init__(self, console: Console, position: Callable[[], str]) -> None:
        """`position` is what the line below the captions begins with."""
        self._console = console
        self._position = position
        self._open: Partial | Speech | None = None
        self._status = ""
        self._session = ""  # of the channel, where one is watched
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=10, transient=True
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the view while the block runs."""
        if not self._console.is_terminal:
            yield
            return
        with self._live:
            yield

    def show(self, message: Event | ViewerEvent) -> None:
        """Take the next message."""
        match message:
            case Speech() | Partial():
                if self._open is None or message.utterance >= self._open.utterance:
                    self._open = message
            case Final():
                self._answer(message, _text(message.text))
            case Suppressed():
                self._answer(message, _text(f"[{message.reason}]", "dim"))
            case Failed():
                self._answer(message, _text(f"[{message.message}]", "red"))
            case Status():
                self._status = "" if message.state == "normal" else message.message
            case Disconnected():
                self._status = message.reason + " Reconnecting …"
            case Resumed() | Ready():
                self._status = ""
            case Channel():
                if message.state == "waiting" or message.session != self._session:
                    self._open = None  # nobody will answer it
                self._session = message.session
                self._status = CHANNEL_STATES[message.state].format(viewers=message.viewers)
            case Gap():
                lost = f"[{(message.end_ms - message.start_ms) / 1000:.1f} s lost]"
                times = Text(f"{clock(message.start_ms)} – {clock(message.end_ms)}  ", style="cyan")
                self._console.print(times + Text(lost, style="red"))
            case _:
                pass

    def _answer(self, message: Final | Suppressed | Failed, text: Text) -> None:
        if self._open is not None and self._open.utterance <= message.utterance:
            self._open = None
        self._live.refresh()  # take the partial away before its final is printed above
        times = Text(f"{clock(message.start_ms)} – {clock(message.end_ms)}  ", style="cyan")
        self._console.print(times + text)

    def _render(self) -> RenderableType:
        lines: list[RenderableType] = []
        if isinstance(self._open, Partial):
            start = Text(f"{clock(self._open.start_ms)} …        ", style="cyan")
            lines.append(
                start + _text(self._open.stable) + _text(self._open.unstable, "italic dim")
            )
        state = "listening" if self._open is None else "speech"
        lines.append(_text(f"{self._position()}  {state}  {self._status}", "dim"))
        return Group(*lines)


class CaptionWriter:
    """Writes the messages of a stream in a format: text, jsonl, srt or vtt.

    Captions have their better texts, but for text that was written at once where it cannot be changed.
    """

    def __init__(self, output: TextIO, kind: str | None, layout: Layout | None = None) -> None:
        """`layout` is for srt and vtt. Without a `kind` nothing is written.

        Text is written at once; a file of it is corrected at the end.
        """
        self._output = output
        self._kind = kind
        self._layout = layout
        self._holds = kind in ("srt", "vtt")
        self._corrects = kind == "text" and _is_file(output)
        self._session = ""  # of the channel, where one is watched
        self._finals: dict[tuple[str, int], Final] = {}  # by session and utterance
        self._revised = False
        self._finished = False

    @property
    def takes_revisions(self) -> bool:
        """Whether a better text of what has come is of use."""
        return self._kind == "jsonl" or self._holds or self._corrects

    def write(self, message: Event | ViewerEvent) -> None:
        """Take the next message; text and jsonl are written at once."""
        if self._kind == "jsonl":
            self._line(printable_json(json.encode(message).decode()))
            return
        match message:
            case Channel():
                self._session = message.session
            case Final():
                if self._kind == "text":
                    self._line(printable(message.text))
                if self._holds or self._corrects:
                    self._finals[self._session, message.utterance] = message
            case Revised():
                key = self._session, message.utterance
                if (final := self._finals.get(key)) is not None:
                    self._finals[key] = revise(final, message)
                    self._revised = True

    def finish(self) -> ReadingSpeed | None:
        """Write what is only complete at the end; returns how fast the cues must be read.

        Once: further calls do nothing.
        """
        if self._finished:
            return None
        self._finished = True
        finals = [
            replace(final, text=printable(final.text))
            for final in self._finals.values()
            if final.text  # else all of it belongs to the words beside it
        ]
        if self._kind == "text":
            self._finish_text(final.text + "\n" for final in finals)
            return None
        cues = lay_out(finals, self._layout)
        if self._kind == "srt":
            self._output.writelines(format_srt(cues))
        elif self._kind == "vtt":
            self._output.writelines(format_vtt(cues))
        self._output.flush()
        return reading_speed(cues)

    def _finish_text(self, lines: Iterable[str]) -> None:
        if self._corrects and self._revised:
            self._output.seek(0)
            self._output.writelines(lines)
            self._output.truncate()
        self._output.flush()

    def _line(self, text: str) -> None:
        self._output.write(text + "\n")
        self._output.flush()


def _is_file(output: TextIO) -> bool:
    """Whether what was written there can be changed: a file of our own, no pipe and no terminal.

    What standard output leads to may be somebody else's, too.
    """
    return output is not sys.stdout and stat.S_ISREG(os.fstat(output.fileno()).st_mode)


@dataclass(frozen=True, slots=True)
class Writing:
    """What is written, and where."""

    kind: str
    """text, jsonl, srt or vtt."""
    output: str | None
    """A path, or None for standard output."""
    layout: Layout | None = None
    """For srt and vtt."""

    @property
    def is_shown(self) -> bool:
        """Whether it is what a terminal shows anyway."""
        shown = sys.stdout.isatty() and sys.stderr.isatty()  # the view is on standard error
        return self.kind == "text" and self.output is None and shown

    @property
    def needs_words(self) -> bool:
        """Whether the times of words are needed: cues are timed by them."""
        return self.kind in ("srt", "vtt")

    @contextmanager
    def writer(self) -> Iterator[CaptionWriter]:
        """Raises ClientError where the file cannot be written. What has come is written in any case."""
        with _open(self.output) as output:
            writer = CaptionWriter(output, None if self.is_shown else self.kind, self.layout)
            try:
                yield writer
            finally:
                writer.finish()


@contextmanager
def _open(path: str | None) -> Iterator[TextIO]:
    """The file to write to, or standard output. Raises ClientError."""
    if path is None:
        yield sys.stdout
        return
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise ClientError(f"Cannot write {path}: {error.strerror}.", "not_writable") from error


@contextmanager
def waiting(console: Console, text: str) -> Iterator[None]:
    """A spinner with a text while the block runs; one plain line without a terminal."""
    if not console.is_terminal:
        console.print(text)
        yield
        return
    with Live(Spinner("dots", text), console=console, transient=True):
        yield


@contextmanager
def byte_progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for `models.locate`: report(stage, done, total) in bytes.

    Without a terminal nothing is shown.
    """
    if not console.is_terminal:
        yield lambda stage, done, total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(f"{stage} model")
            progress.update(tasks[stage], completed=done, total=total)

        yield report
