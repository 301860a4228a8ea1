"""What is read, as the containers in it: one after the other, or whole where that must be.

FFmpeg pulls bytes; here is where they come from.
"""

import io
import re
from typing import BinaryIO, Protocol

from surtitle.decoding.members import (
    Begin,
    Mp4Splitter,
    NoSplitter,
    Splitter,
    TagSplitter,
    WavSplitter,
)
from surtitle.messages import ContainerEncoding

READ_BYTES = 65_536
MAX_HEAD_BYTES = 32 << 20
"""Of a stream, before its first sample; and of one whose index comes last, in all: so much is
kept."""
SEARCH_BYTES = 1 << 20
"""So much is looked through at once for what begins in it."""
_UNEVEN_CAF, _UNEVEN_CAF_BYTES = re.compile(rb"caff\x00\x01..desc.{24}\x00{4}", re.DOTALL), 40
"""The start of a CAF whose packets have no size in common, which is a field of its description."""
_FASTSTART, _COPY = "-movflags +faststart OUT.mp4", "OUT.mka"


class Unreadable(Exception):
    """Nothing can be decoded; the text is a sentence for a person."""


class Source(Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; waits for the first one. b"" at the end."""
        ...


class Members:
    """What a splitter makes of a source, as one file after the other."""

    def __init__(self, source: Source, head: bytes, splitter: Splitter) -> None:
        self._source = source
        self._splitter = splitter
        self._data = bytearray()
        self._later: list[bytes | Begin] = []  # what lies behind the end of this one
        self._kept: bytearray | None = None  # what has been read, for whom it may be put back
        self._number = -1  # of the one that is read
        self._ended = False
        self.member_bytes = 0
        """Of this one, how much has been read."""
        self._take(head)

    @property
    def missing_bytes(self) -> int:
        """Of a WAV that has come to its end, how much less has come than its header says."""
        if not isinstance(self._splitter, WavSplitter):
            return 0
        return sum(self._splitter.missing_bytes[self._number : self._number + 1])

    @property
    def goes_on(self) -> bool:
        """Whether another one follows."""
        return bool(self._later)

    def begin(self) -> bool:
        """Go to the next one; False where there is none."""
        if self._number < 0:
            self._number = 0
            return True
        if not self._later:
            return False
        self._number += 1
        self.member_bytes = 0
        later, self._later = self._later[1:], []
        for part in later:
            self._add(part)
        return True

    def skip(self) -> None:
        """Go to the end of this one, where FFmpeg has not read so far."""
        while self.read(READ_BYTES):
            pass

    def read(self, size: int) -> bytes:
        """What PyAV calls: at most `size` bytes of this one, b"" at its end."""
        while not self._data and not self._later and not self._ended:
            self._take(self._source.read(READ_BYTES))
        data = bytes(self._data[:size])
        del self._data[:size]
        self.member_bytes += len(data)
        if self._kept is not None:
            self._kept += data
        return data

    def keep(self) -> None:
        """What is read from now on may have to be put back."""
        self._kept = bytearray()

    def let_go(self) -> bytes:
        """What was read since `keep`, which is no longer kept."""
        kept, self._kept = bytes(self._kept or b""), None
        return kept

    def unread(self, data: bytes) -> None:
        """Put back what was read."""
        self.member_bytes -= len(data)
        self._data[:0] = data

    def _take(self, data: bytes) -> None:
        for part in self._splitter.feed(data) if data else self._splitter.finish():
            self._add(part)
        self._ended |= not data

    def _add(self, part: bytes | Begin) -> None:
        if self._later or isinstance(part, Begin):
            self._later.append(part)
        else:
            self._data += part


class _Head:
    """The start of a stream, as far as it was looked at."""

    def __init__(self, stream: Members) -> None:
        self._stream = stream
        self.data = bytearray()

    def at(self, place: int, size: int) -> bytes:
        """So many bytes, waited for; fewer at the end."""
        while len(self.data) < place + size and (more := self._stream.read(READ_BYTES)):
            self.data += more
        return bytes(self.data[place : place + size])


def with_index_last(stream: Members, encoding: ContainerEncoding) -> io.BytesIO | None:
    """The whole MP4 or CAF where its index comes behind its samples, which FFmpeg must go back to;
    else None.

    Raises Unreadable where it is too large for that.
    """
    head, advice = _Head(stream), ""
    if encoding == "mp4" and _samples_of_mp4_are_first(head):
        advice = _FASTSTART
    elif encoding == "auto" and _samples_of_caf_are_first(head):
        advice = _COPY
    if not advice:
        stream.unread(bytes(head.data))
        return None
    whole = io.BytesIO()
    whole.write(head.data)
    while more := stream.read(READ_BYTES):
        whole.write(more)
        if whole.tell() > MAX_HEAD_BYTES:
            raise Unreadable(
                f"This file has its index at its end and is larger than {MAX_HEAD_BYTES >> 20} "
                f"MiB: rewrite it with the index first (`ffmpeg -i IN -c copy {advice}`)."
            )
    whole.seek(0)
    return whole


def _samples_of_mp4_are_first(head: _Head) -> bool:
    place = 0
    while place <= MAX_HEAD_BYTES:
        size, kind = int.from_bytes(head.at(place, 4), "big"), head.at(place + 4, 4)
        if size == 1:
            size = int.from_bytes(head.at(place + 8, 8), "big")
        if kind in (b"mdat", b"moov", b"moof") or size < 8:
            return kind == b"mdat"
        place += size
    return False


def _samples_of_caf_are_first(head: _Head) -> bool:
    """Before the table of their packets, where these have no size in common."""
    if head.at(0, 4) != b"caff" or not _UNEVEN_CAF.match(head.at(0, _UNEVEN_CAF_BYTES)):
        return False
    place = 8
    while place <= MAX_HEAD_BYTES:
        kind, size = head.at(place, 4), int.from_bytes(head.at(place + 4, 8), "big")
        if kind in (b"data", b"pakt", b""):
            return kind == b"data"
        place += 12 + size
    return False


def has_several(file: BinaryIO, splitter: Splitter) -> bool:
    """Whether another one follows, or it is in fragments, of which each may be lost."""
    if isinstance(splitter, NoSplitter):
        return False
    found = False
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    while not found and (data := file.read(SEARCH_BYTES)):
        parts = [*splitter.feed(data)]
        found = any(isinstance(part, Begin) for part in parts)
        if isinstance(splitter, Mp4Splitter):
            found |= splitter.is_fragmented
            # Samples are not read to find what follows them. A box says any length.
            left = max(length - file.tell(), 0)
            file.seek(min(splitter.leave_out(), left), io.SEEK_CUR)
        if isinstance(splitter, TagSplitter):
            found |= splitter.has_inner
    file.seek(0)
    return found


def read_at_least(source: Source, size: int) -> bytes:
    """At least `size` bytes, unless fewer come."""
    data = b""
    while len(data) < size and (more := source.read(READ_BYTES)):
        data += more
    return data
