"""A transcript that grows: what to write at which place of its file. Pure.

The file is valid after each step. One file may have several sessions, one after the other: the times
of the first are its own, and those of others are moved to when they were said.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from msgspec import structs

from surtitle.messages import Final, Revised, revise
from surtitle.runtime.printable import printable
from surtitle.sinks.shifting import shifted
from surtitle.subtitles.cues import Cue, Layout, LiveLayout
from surtitle.subtitles.formats import VTT_HEADER, format_srt, format_vtt_cue

MAX_KEPT = 600
"""Finals that can still be corrected: those of about an hour."""
MAX_SESSIONS = 100
"""Of which the place in the file is remembered."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Cut the file to `keep_bytes`, and write `data` after them."""

    keep_bytes: int
    data: bytes


@dataclass(slots=True)
class _Block:
    """A final as it is in the file."""

    session: str
    final: Final
    """With its own times, and without those of its words."""
    shift_ms: int
    cues: list[Cue]
    free_ms: int  # when the screen was free for it
    until_ms: int  # when it is free again
    first_byte: int = 0
    first_number: int = 0


class Growing:
    """The finals of a channel as WebVTT, SubRip or text."""

    def __init__(self, extension: str, layout: Layout) -> None:
        """`extension` is one of `places.EXTENSIONS`."""
        self._extension = extension
        self._live = LiveLayout(layout)
        self._blocks: deque[_Block] = deque(maxlen=MAX_KEPT)
        self._shifts: dict[str, int] = {}  # ms, by session
        self._zero_ms = 0  # when the audio of the first session began, on the clock of arrivals
        self._size = 0  # bytes of the file
        self._cues = 0

    def take(self, session: str, message: Final | Revised, at_ms: int) -> Edit | None:
        """What a message that came at this time changes; None where that is nothing.

        A correction of what is too long ago is left out.
        """
        if isinstance(message, Revised):
            return self._revise(session, message)
        shift_ms = self._shift(session, message, at_ms)
        bare = structs.replace(message, words=None)
        free_ms = self._live.free_ms
        cues = [] if self._is_text else self._live.add(shifted(message, shift_ms))
        block = _Block(session, bare, shift_ms, cues, free_ms, self._live.free_ms)
        self._blocks.append(block)
        return self._write([block], self._size, self._cues)

    @property
    def _is_text(self) -> bool:
        return self._extension == "txt"

    def _shift(self, session: str, final: Final, at_ms: int) -> int:
        if session not in self._shifts:
            began_ms = at_ms - final.end_ms  # about: the final came some time after its end
            if not self._shifts:
                self._zero_ms = began_ms
            self._shifts[session] = max(began_ms - self._zero_ms, 0)
            if len(self._shifts) > MAX_SESSIONS:
                del self._shifts[next(iter(self._shifts))]
        return self._shifts[session]

    def _revise(self, session: str, revised: Revised) -> Edit | None:
        for at in reversed(range(len(self._blocks))):
            block = self._blocks[at]
            if block.session == session and block.final.utterance == revised.utterance:
                break
        else:
            return None
        final = revise(block.final, revised)
        if not self._is_text:
            later = shifted(final, block.shift_ms)
            block.cues = self._live.again(later, block.free_ms, block.until_ms)
        block.final = structs.replace(final, words=None)
        changed = list(islice(self._blocks, at, None))
        return self._write(changed, block.first_byte, block.first_number)

    def _write(self, blocks: list[_Block], keep_bytes: int, number: int) -> Edit | None:
        """These are the last ones, and the file keeps what is before them."""
        parts = list(self._parts(blocks, keep_bytes, number))
        data = b"".join(parts)
        if not data and keep_bytes == self._size:
            return None
        self._size = keep_bytes + len(data)
        return Edit(keep_bytes, data)

    def _parts(self, blocks: list[_Block], at: int, number: int) -> Iterator[bytes]:
        for block in blocks:
            block.first_byte, block.first_number = at, number
            number += len(block.cues)
            text = self._format(block)
            if self._extension == "vtt" and not at:
                text = VTT_HEADER + text  # which a file has though it has no cue yet
            data = text.encode()
            at += len(data)
            yield data
        self._cues = number

    def _format(self, block: _Block) -> str:
        if self._is_text:
            text = printable(block.final.text).strip()
            return text + "\n" if text else ""
        if self._extension == "srt":
            return "".join(format_srt(block.cues, block.first_number + 1))
        return "".join(map(format_vtt_cue, block.cues))
