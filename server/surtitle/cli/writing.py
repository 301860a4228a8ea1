"""Captions written in a format, into a file or to standard output.

A file is written beside its place while captions come (`partfile`), and is valid at every moment.
"""

import asyncio
import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from msgspec import json
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from surtitle.cli.partfile import PartFile
from surtitle.client import ClientError, Event, ViewerEvent
from surtitle.messages import Channel, Final, Revised, revise
from surtitle.runtime.printable import printable, printable_json
from surtitle.subtitles.cues import Layout, LiveLayout, ReadingSpeed, lay_out, reading_speed
from surtitle.subtitles.formats import CueFormat, cue_format


class CaptionWriter:
    """Writes the messages of a stream in a format: text, jsonl, srt, vtt or ass.

    Captions have their better texts, but for what was written at once and cannot be changed. Cues are
    written at once into a file only: at the end they are laid out anew, all together.
    """

    def __init__(self, output: TextIO, kind: str | None, layout: Layout | None = None) -> None:
        """`layout` is for cues. Without a `kind` nothing is written."""
        self._output = output
        self._kind = kind
        self._layout = layout
        self._cues = cue_format(kind) if kind else None
        self._is_file = _is_file(output)
        self._live = LiveLayout(layout)
        self._cues_written = 0
        self.is_empty = True
        """Whether no message has come that is of use to anybody."""
        self._session = ""  # of the channel, where one is watched
        self._finals: dict[tuple[str, int], Final] = {}  # by session and utterance
        self._revised = False
        self._finished = False

    @property
    def takes_revisions(self) -> bool:
        """Whether a better text of what has come is of use."""
        return self._kind == "jsonl" or self._cues is not None or self._corrects

    @property
    def _corrects(self) -> bool:
        return self._kind == "text" and self._is_file

    def write(self, message: Event | ViewerEvent) -> None:
        """Take the next message."""
        self.is_empty &= not isinstance(message, Final)
        if self._kind == "jsonl":
            self._line(printable_json(json.encode(message).decode()))
            return
        match message:
            case Channel():
                self._session = message.session
            case Final():
                if self._kind == "text":
                    self._line(printable(message.text))
                if self._cues is not None or self._corrects:
                    self._finals[self._session, message.utterance] = message
                if self._cues is not None and self._is_file:
                    self._write_cues(self._cues, message)
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
        if self._cues is not None:
            if self._is_file:
                self._output.seek(0)
                self._output.truncate()
            self._output.write(self._cues.header)
            self._output.writelines(self._cues.blocks(cues, 1))
        self._output.flush()
        return reading_speed(cues)

    def _write_cues(self, form: CueFormat, final: Final) -> None:
        """As they are by now, for the case that there is no end."""
        cues = self._live.add(replace(final, text=printable(final.text)))
        if cues and not self._cues_written:
            self._output.write(form.header)
        self._output.writelines(form.blocks(cues, self._cues_written + 1))
        self._cues_written += len(cues)
        self._output.flush()

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
    with contextlib.suppress(OSError):  # it is none of the system's
        return output is not sys.stdout and stat.S_ISREG(os.fstat(output.fileno()).st_mode)
    return False


@dataclass(frozen=True, slots=True)
class Writing:
    """What is written, and where."""

    kind: str
    """text, jsonl, srt, vtt or ass."""
    output: str | None
    """A path, or None for standard output."""
    layout: Layout | None = None
    """For srt, vtt and ass."""

    @property
    def is_shown(self) -> bool:
        """Whether it is what a terminal shows anyway."""
        shown = sys.stdout.isatty() and sys.stderr.isatty()  # the view is on standard error
        return self.kind == "text" and self.output is None and shown

    @property
    def needs_words(self) -> bool:
        """Whether the times of words are needed: cues are timed by them."""
        return self.kind in ("srt", "vtt", "ass")

    @contextmanager
    def writer(self, *, until_interrupted: bool = False) -> Iterator[CaptionWriter]:
        """A file that is there is replaced when the block ends well. Where it runs `until_interrupted`,
        Ctrl+C is such an end, and a file that is there stays if nothing was said. Raises ClientError
        where the file cannot be written.
        """
        if self.output is None:
            yield from self._written_to(sys.stdout)
            return
        try:
            if _is_special(self.output):
                with Path(self.output).open("w", encoding="utf-8") as file:
                    yield from self._written_to(file)
            else:
                yield from self._written_beside(self.output, until_interrupted)
        except OSError as error:
            reason = error.strerror or error
            raise ClientError(f"Cannot write {self.output}: {reason}.", "not_writable") from error

    def _written_to(self, output: TextIO) -> Iterator[CaptionWriter]:
        writer = CaptionWriter(output, None if self.is_shown else self.kind, self.layout)
        try:
            yield writer
        finally:
            writer.finish()

    def _written_beside(self, path: str, until_interrupted: bool) -> Iterator[CaptionWriter]:
        part = PartFile(path)
        for left in part.left:
            _tell(f"{left} is left from a run that was cut off. It stays until you delete it.")
        writer = CaptionWriter(part.file, self.kind, self.layout)
        try:
            yield writer
        except BaseException as error:
            if until_interrupted and isinstance(error, asyncio.CancelledError):
                _complete(part, writer, until_interrupted)
            elif writer.is_empty:
                part.remove()
            else:
                writer.finish()
                _tell(f"What was captioned by then is in {part.give_up()}.")
            raise
        _complete(part, writer, until_interrupted)


def _complete(part: PartFile, writer: CaptionWriter, until_interrupted: bool) -> None:
    """Where somebody has only listened and heard nothing, a file that was there is better."""
    writer.finish()
    if until_interrupted and writer.is_empty and part.has_target:
        part.remove()
        _tell(f"Nothing was said. {part.target} stays as it was.")
    else:
        part.complete()


def _is_special(path: str) -> bool:
    """Whether it is a pipe or a device, and no file."""
    return Path(path).exists() and not Path(path).is_file()


def _tell(sentence: str) -> None:
    Console(stderr=True).print(Text(printable(sentence), "yellow"))
