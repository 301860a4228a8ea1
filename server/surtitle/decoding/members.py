"""One stream of bytes -> the containers in it, one after the other. Pure.

A recorder that is stopped and started again, a radio's next title, and a client that sends each
second as a file of its own all send several containers in a row. FFmpeg takes the second header for
damage, or the second title for more of the first. Here each begins anew.
"""

import re
import struct
import zlib
from collections.abc import Generator, Iterator
from typing import Protocol

from surtitle.captioning.mpeg_frames import adts_frame_bytes, have_frames, mpeg_frame_bytes
from surtitle.messages import ContainerEncoding


class Begin:
    """A new container begins."""


BEGIN = Begin()
Part = bytes | Begin


class Splitter(Protocol):
    """Bytes in any pieces -> the same bytes, with a BEGIN before each container but the first."""

    def feed(self, data: bytes) -> Iterator[Part]:
        """Take the next bytes; what may be the start of a header is held back."""
        ...

    def finish(self) -> Iterator[Part]:
        """There are no more."""
        ...


class NoSplitter:
    """For formats of which several in a row are one."""

    def feed(self, data: bytes) -> Iterator[Part]:
        """See Splitter."""
        yield data

    def finish(self) -> Iterator[Part]:
        """See Splitter."""
        return iter(())


class HeaderSplitter:
    """For containers whose header has a signature that nothing else in them has."""

    def __init__(self, magic: bytes, rest: bytes, longest: int, least_bytes: int = 0) -> None:
        """`rest` is a pattern of what follows the `magic` in a header, at most `longest` bytes; of
        `least_bytes` is each container."""
        self._magic = magic
        self._pattern = re.compile(re.escape(magic) + rest, re.DOTALL)
        self._longest = len(magic) + longest
        self._least_bytes = least_bytes
        self._held = b""
        self._passed = False  # the first header
        self._since = 0  # bytes from the newest header on

    def feed(self, data: bytes) -> Iterator[Part]:
        """See Splitter."""
        data = self._held + data
        start = 0
        for found in self._pattern.finditer(data):
            if self._passed and self._since + found.start() - start < self._least_bytes:
                continue
            if found.start() > start:
                yield data[start : found.start()]
            if self._passed or found.start():
                yield BEGIN
            yield found[0]
            self._passed = True
            start = found.end()
            self._since = len(found[0])
        end = max(self._end_of_certain(data), start)
        self._since += end - start
        self._held = data[end:]
        if end > start:
            self._passed = True
            yield data[start:end]

    def finish(self) -> Iterator[Part]:
        """See Splitter."""
        if self._held:
            yield self._held
        self._held = b""

    def _end_of_certain(self, data: bytes) -> int:
        """Up to where no header may have begun that is not whole yet."""
        place = data.find(self._magic, max(len(data) - self._longest, 0))
        while place >= 0:
            if self._pattern.match(data, place) is None:
                return place
            place = data.find(self._magic, place + 1)
        for size in range(min(len(self._magic) - 1, len(data)), 0, -1):
            if data.endswith(self._magic[:size]):
                return len(data) - size
        return len(data)


class OggSplitter:
    """For Ogg: a page that begins a stream, after one that goes on with another, begins a chain's
    next link."""

    _PAGE = re.compile(rb"OggS\x00([\x00-\x07])", re.DOTALL)
    _BEGINS = 2
    """Bit of a page's header type (RFC 3533, 6)."""

    def __init__(self) -> None:
        self._pages = HeaderSplitter(b"OggS", rb"\x00[\x00-\x07]", 2)
        self._goes_on = False

    def feed(self, data: bytes) -> Iterator[Part]:
        """See Splitter."""
        for part in self._pages.feed(data):
            yield from self._judge(part)

    def finish(self) -> Iterator[Part]:
        """See Splitter."""
        for part in self._pages.finish():
            yield from self._judge(part)

    def _judge(self, part: Part) -> Iterator[Part]:
        if isinstance(part, Begin):
            return  # of a page
        page = self._PAGE.match(part)
        if page is not None:
            begins = bool(page[1][0] & self._BEGINS)
            if begins and self._goes_on:
                yield BEGIN
            self._goes_on = not begins
        yield part


class Mp4Splitter:
    """For MP4, whose boxes have lengths: a file type after the index or a fragment begins a new one.

    What is no box is damage. FFmpeg makes of it what it can; but among fragments it would find none of
    those that follow, so what comes before the next one is left out. A fragment may know where in the
    file it is: where bytes are missing before it, it is moved there again.
    """

    _HEADER = struct.Struct(">I4s")
    _FRAGMENT = re.compile(rb"\x00[\x00-\x0f]..moof\x00\x00\x00\x10mfhd", re.DOTALL)
    _FRAGMENT_BYTES = 16
    _PLACE = re.compile(
        rb"....moof\x00\x00\x00\x10mfhd.{8}....traf....tfhd...(.).{4}(.{8})", re.DOTALL
    )
    _PLACE_BYTES = 56
    """Of a fragment, up to behind its place, if it has one (ISO/IEC 14496-12, 8.8.7)."""
    _HAS_PLACE = 1
    """The flag `base-data-offset-present`."""
    _MAX_MISSING_BYTES = 16 << 20
    _NOTHING_BYTES = 1 << 20
    """About how large a box of nothing is at most."""
    _AMONG_FRAGMENTS = frozenset(
        (
            *(b"moof", b"mdat", b"sidx", b"ssix", b"styp", b"emsg", b"prft", b"free", b"skip"),
            *(b"uuid", b"mfra", b"meta", b"ftyp", b"moov", b"wide"),
        )
    )
    """Boxes at the top of a file in fragments (ISO/IEC 14496-12)."""

    def __init__(self) -> None:
        self._held = b""
        self._left: int | None = 0  # bytes of the box that goes on; None: all that comes
        self._has_content = False
        self._is_lost = False  # what comes is no box
        self._position = 0  # bytes given on
        self._base: int | None = None  # the place that a fragment would have at position 0
        self.is_fragmented = False
        """Whether there was a fragment."""

    def feed(self, data: bytes) -> Iterator[Part]:
        """See Splitter."""
        for part in self._split(data):
            if isinstance(part, Begin):
                self._position, self._base = 0, None
            else:
                self._position += len(part)
            yield part

    def _split(self, data: bytes) -> Iterator[Part]:
        data = self._held + data
        self._held = b""
        while data:
            if self._is_lost:
                data = yield from self._find_fragment(data)
                continue
            if self._left is None or self._left >= len(data):
                self._left = None if self._left is None else self._left - len(data)
                yield data
                return
            if self._left:
                yield data[: self._left]
                data = data[self._left :]
            size = self._size(data)
            if size == 0:
                self._held, self._left = data, 0
                return
            if size is None and self.is_fragmented:
                self._is_lost, self._left = True, 0
                continue
            if data[4:8] == b"ftyp" and self._has_content:
                self._has_content = self.is_fragmented = False
                yield BEGIN
            if (place := self._place(data)) is not None:
                self._base = place - self._position
            self._has_content |= data[4:8] in (b"moov", b"moof", b"mdat")
            self.is_fragmented |= data[4:8] == b"moof"
            self._left = size

    def leave_out(self) -> int:
        """Go to the end of the box that goes on, without its bytes; how many these are."""
        left, self._left = self._left or 0, self._left and 0
        return left

    def finish(self) -> Iterator[Part]:
        """See Splitter."""
        if self._held and not self._is_lost:
            yield self._held
        self._held = b""

    def _find_fragment(self, data: bytes) -> Generator[Part, None, bytes]:
        """Go to the next fragment, if it has come; returns what begins with it.

        What is left out becomes boxes of nothing: fragments may know where in the file they are.
        """
        found = self._FRAGMENT.search(data)
        self._is_lost = found is None or len(data) < found.start() + self._PLACE_BYTES
        if found is None or self._is_lost:
            # More is held back than the start of a fragment, so that a box is never too small for it.
            start = len(data) - 3 * self._FRAGMENT_BYTES if found is None else 0
            start = start if start >= self._HEADER.size else 0
            yield from self._nothing(start)
            self._held = data[start:]
            return b""
        start = found.start()
        place = self._place(data[start:])
        left_out = start
        if place is not None and self._base is not None:
            left_out = place - self._base - self._position
            if not 0 <= left_out - start <= self._MAX_MISSING_BYTES:
                left_out = start
        yield from self._nothing(left_out)
        return data[start:]

    def _nothing(self, size: int) -> Iterator[bytes]:
        while size >= self._HEADER.size:
            box = size if size < 2 * self._NOTHING_BYTES else self._NOTHING_BYTES
            yield self._HEADER.pack(box, b"free") + bytes(box - self._HEADER.size)
            size -= box

    def _place(self, data: bytes) -> int | None:
        """Where in the file the fragment says to be that begins here, or the start of its samples."""
        found = self._PLACE.match(data)
        if found is None or not found[1][0] & self._HAS_PLACE:
            return None
        return int.from_bytes(found[2], "big")

    def _size(self, data: bytes) -> int | None:
        """Bytes of the box that begins here: 0 where its header is not whole, None: there is none."""
        if len(data) < 8:
            return 0
        size, name = self._HEADER.unpack_from(data)
        least = self._HEADER.size
        if size == 1:  # the length follows the name
            if len(data) < 16:
                return 0
            size, least = int.from_bytes(data[8:16], "big"), 16
        if name == b"moof" and len(data) < min(size, self._PLACE_BYTES):
            return 0
        is_box = name in self._AMONG_FRAGMENTS if self.is_fragmented else name.isalnum()
        return size if size >= least and is_box else None


class WavSplitter:
    """For WAV as a stream, whose header cannot know how much will come.

    A length that is none (0, or the largest there is), and one after which audio goes on, are not
    obeyed; chunks that are no audio are left out, with `fact`, which says another length. Each header
    that is given on says so: FFmpeg then reads to the end.
    """

    _HEADER = re.compile(rb"(?:RIFF|RF64|BW64).{4}WAVE", re.DOTALL)
    _HEADER_BYTES = 12
    _NO_AUDIO = frozenset(
        (
            *(b"LIST", b"id3 ", b"ID3 ", b"cue ", b"bext", b"fact", b"PEAK", b"JUNK", b"junk"),
            *(b"smpl", b"inst", b"iXML", b"_PMX", b"PAD ", b"FLLR", b"afsp", b"plst", b"adtl"),
            *(b"acid", b"DISP", b"axml"),
        )
    )
    """Chunks that may follow the audio, of any length."""
    _MAX_OTHER_BYTES = 1 << 20
    """Of any other chunk behind the audio: what is longer is audio that looks like a name."""
    LONGEST_BYTES = 0x7FFF0000
    """A data chunk that claims to be longer claims nothing: what recorders write that do not know."""

    def __init__(self) -> None:
        self._held = b""
        self._in_data = False
        self._left: int | None = None  # bytes of the chunk that goes on; None in data: to the end
        self._skips = False  # the chunk is no audio
        self._pads = False  # a zero follows the audio, whose length is odd
        self.missing_bytes: list[int] = []
        """Of each container, how much of the length that its data chunk names has not come."""

    def feed(self, data: bytes) -> Iterator[Part]:
        """See Splitter."""
        data = self._held + data
        self._held = b""
        start = 0
        for found in self._HEADER.finditer(data):
            yield from self._chunks(data[start : found.start()], whole=True)
            yield from self._begin(found[0])
            start = found.end()
        end = max(self._end_of_certain(data), start)
        tail = data[end:]
        yield from self._chunks(data[start:end], whole=False)
        self._held += tail

    def finish(self) -> Iterator[Part]:
        """See Splitter."""
        held, self._held = self._held, b""
        yield from self._chunks(held, whole=True)

    def _begin(self, header: bytes) -> Iterator[Part]:
        if self.missing_bytes:
            yield BEGIN
        self.missing_bytes.append(0)
        self._in_data, self._left, self._skips, self._pads = False, 0, False, False
        # A plain RIFF header: of RF64, what makes it one is the length, which is not obeyed.
        yield b"RIFF\xff\xff\xff\xffWAVE"

    def _chunks(self, data: bytes, *, whole: bool) -> Iterator[Part]:
        """Walk through the chunks of a container; `whole` says that it ends with these bytes."""
        while data:
            if self._left is None:
                yield data
                return
            if self._left:
                part, data = data[: self._left], data[self._left :]
                self._left -= len(part)
                if self._in_data and not self._skips:
                    self._note_missing(self._left)
                if not self._skips:
                    yield part
                continue
            if len(data) < 8 + self._pads and not whole:
                self._held = data
                return
            data = yield from self._next_chunk(data)

    def _note_missing(self, size: int) -> None:
        if self.missing_bytes:  # else it has no header
            self.missing_bytes[-1] = size

    def _next_chunk(self, data: bytes) -> Generator[Part, None, bytes]:
        """Enter the chunk that begins here; returns what follows its header."""
        chunk = data[1:] if self._pads and data[:1] == b"\0" else data
        name, size = chunk[:4], int.from_bytes(chunk[4:8], "little")
        if not self._in_data and name == b"data":
            self._in_data, self._skips = True, False
            known = 0 < size <= self.LONGEST_BYTES
            self._left = size if known else None
            self._note_missing(self._left or 0)
            self._pads = known and size % 2 == 1
            yield b"data\xff\xff\xff\xff"
            return data[8:]
        if self._in_data and not self._is_no_audio(name, size):
            if not data.strip(b"\0") and len(data) < 8:
                return b""  # padding
            self._left, self._skips = None, False  # audio goes on: the length was wrong
            return data
        self._left, self._skips = size + size % 2, self._in_data or name != b"fmt "
        self._pads = False
        if not self._skips:
            yield chunk[:8]
        return chunk[8:]

    def _is_no_audio(self, name: bytes, size: int) -> bool:
        is_other = name != b"data" and len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)
        return name in self._NO_AUDIO or (is_other and size <= self._MAX_OTHER_BYTES)

    def _end_of_certain(self, data: bytes) -> int:
        for start in range(max(len(data) - self._HEADER_BYTES + 1, 0), len(data)):
            tail = data[start:]
            if any(
                tail[:4] == name[: len(tail[:4])] for name in (b"RIFF", b"RF64", b"BW64")
            ) and b"WAVE".startswith(tail[8:12]):
                return start
        return len(data)


class TagSplitter:
    """For MP3 and AAC: leaves ID3v2 tags out, which come again wherever files are joined.

    A picture of the cover in one has what looks like frames, and takes the time of its bytes. Where
    many frames follow each other in a tag, its size is damaged: audio goes on.
    """

    _TAG = re.compile(rb"ID3[\x02-\x04].(.)([\x00-\x7f]{4})", re.DOTALL)
    _HEADER_BYTES = 10
    _HAS_FOOTER = 0x10
    """Of its flags (ID3v2.4, 3.1)."""
    _SYNC = re.compile(rb"\xff(?=[\xe0-\xff]|\Z)")
    _FRAMES = 5
    """So many with alike headers are no picture: by chance, once in 10^20 bytes."""

    def __init__(self) -> None:
        self._held = b""
        self._left = 0  # bytes of the tag that goes on
        self._has_audio = False
        self.has_inner = False
        """Whether there was a tag behind audio, or audio in a tag."""

    def feed(self, data: bytes) -> Iterator[Part]:
        """See Splitter."""
        data = self._held + data
        self._held = b""
        while data:
            if self._left:
                data = self._leave_out(data)
                continue
            found = self._TAG.search(data)
            end = self._end_of_certain(data) if found is None else found.start()
            if end:
                self._has_audio = True
                yield data[:end]
            if found is None:
                self._held = data[end:]
                return
            self.has_inner |= self._has_audio
            self._left = self._size(found)
            data = data[end:]

    def finish(self) -> Iterator[Part]:
        """See Splitter."""
        if self._held and not self._left:
            yield self._held
        self._held = b""

    def _leave_out(self, data: bytes) -> bytes:
        """Go on in the tag; returns what is behind it."""
        tag = data[: self._left]
        for sync in self._SYNC.finditer(tag):
            start = sync.start()
            found = [
                have_frames(tag, frame_bytes, self._FRAMES, start)
                for frame_bytes in (mpeg_frame_bytes, adts_frame_bytes)
            ]
            if True in found:
                self._left, self.has_inner = 0, True
                return data[start:]
            if None in found and len(tag) < self._left:
                self._left -= start
                self._held = tag[start:]
                return b""
        self._left -= len(tag)
        return data[len(tag) :]

    def _size(self, tag: re.Match[bytes]) -> int:
        size = 0
        for byte in tag[2]:
            size = size << 7 | byte
        has_footer = bool(tag[1][0] & self._HAS_FOOTER)
        return size + self._HEADER_BYTES * (1 + has_footer)

    def _end_of_certain(self, data: bytes) -> int:
        for start in range(max(len(data) - self._HEADER_BYTES + 1, 0), len(data)):
            if b"ID3".startswith(data[start : start + 3]):
                return start
        return len(data)


class TsSplitter:
    """For MPEG transport streams: where its tables take a track or a program away, or give it back,
    another one begins.

    FFmpeg would wait for the old one to go on, or know nothing of the new one. Only tables within one
    packet are read, and none that is damaged or announces what will be.
    """

    _TABLE = re.compile(
        rb"\x47([\x40-\x7f].)[\x10-\x1f]\x00(?:(\x00)|\x02)\xb0([\x09-\xb4])", re.DOTALL
    )
    """The start of a packet with a PAT, or else a PMT: PID and length (ISO/IEC 13818-1, 2.4.4)."""
    _TABLE_BYTES = 8
    _PACKET_BYTES = 188
    _HOLDS = 1
    """The flag `current_next_indicator`."""
    _PICTURES = frozenset((0x01, 0x02, 0x10, 0x1B, 0x24, 0x33, 0xD1, 0xEA))
    """Types of streams that are no audio."""
    _REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

    def __init__(self) -> None:
        self._held = b""
        self._pat = b""  # the packet
        self._programs: frozenset[bytes] = frozenset()
        self._tracks: dict[bytes, frozenset[bytes]] = {}  # by PID and number of the program
        self._gone: dict[bytes, frozenset[bytes]] = {}  # those that were taken away

    def feed(self, data: bytes) -> Iterator[Part]:
        """See Splitter."""
        data = self._held + data
        start, end = 0, self._end_of_certain(data)
        for found in self._TABLE.finditer(data):
            at = found.start()
            packet = data[at : at + self._PACKET_BYTES]
            if len(packet) < self._PACKET_BYTES:
                end = min(end, at)
                break
            table = packet[5 : self._TABLE_BYTES + found[3][0]]
            # Its checksum goes from the high bits to the low ones, zlib's the other way.
            is_whole = zlib.crc32(table.translate(self._REVERSED)) == 0xFFFFFFFF
            if not is_whole or not table[5] & self._HOLDS or table[7]:
                continue
            pid = self._pid(found[1])
            is_pat = found[2] is not None
            begins = self._read_pat(packet, table) if is_pat else self._read_pmt(pid, table)
            if begins:
                yield data[start:at]
                yield BEGIN
                if not is_pat:
                    yield self._pat
                start = at
        self._held = data[end:]
        if end > start:
            yield data[start:end]

    def finish(self) -> Iterator[Part]:
        """See Splitter."""
        if self._held:
            yield self._held
        self._held = b""

    def _read_pat(self, packet: bytes, table: bytes) -> bool:
        """Whether it names a program no longer."""
        entries = [table[start : start + 4] for start in range(8, len(table) - 4, 4)]
        programs = frozenset(self._pid(each[2:]) for each in entries if any(each[:2]))
        takes_away = not self._programs <= programs
        self._pat, self._programs = packet, programs
        if takes_away:
            self._tracks.clear()
            self._gone.clear()
        return takes_away

    def _read_pmt(self, pid: bytes, table: bytes) -> bool:
        """Whether it names a track no longer, or again."""
        if pid not in self._programs:
            return False
        tracks = set()
        at = 12 + self._length(table[10:12])
        while at + 5 <= len(table) - 4:
            if table[at] not in self._PICTURES:
                tracks.add(table[at : at + 1] + self._pid(table[at + 1 : at + 3]))
            at += 5 + self._length(table[at + 3 : at + 5])
        program = pid + table[3:5]
        before = self._tracks.get(program, frozenset())
        gone = self._gone.get(program, frozenset())
        self._tracks[program] = frozenset(tracks)
        self._gone[program] = (gone | before) - tracks
        return not before <= tracks or not gone.isdisjoint(tracks)

    @staticmethod
    def _pid(data: bytes) -> bytes:
        return bytes((data[0] & 0x1F, data[1]))

    @staticmethod
    def _length(data: bytes) -> int:
        return (data[0] & 0x0F) << 8 | data[1]

    def _end_of_certain(self, data: bytes) -> int:
        newest = data.rfind(b"\x47", max(len(data) - self._TABLE_BYTES + 1, 0))
        return len(data) if newest < 0 else newest


_MPEG_AUDIO = re.compile(rb"ID3|\xff[\xe0-\xff]")
_UNNAMED = (
    # AIFF.
    (b"FORM", rb".{4}AIF[FC]", 8, 0),
    # CAF without a table of its packets, which comes last and must be gone back from. `sox` writes its
    # header of 4096 bytes twice into a pipe.
    (b"caff", rb"\x00\x01\x00\x00desc.{16}(?:lpcm|[ua]law|ima4)", 28, 4097),
    # AU.
    (b".snd", rb"\x00\x00.{6}\x00\x00\x00[\x01-\x1b]\x00[\x00-\x05].{2}", 16, 0),
    # W64, whose names are of 16 bytes each.
    (
        b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb",
        rb"\x04\xc1\x00\x00.{8}wave\xf3\xac\xd3\x11",
        20,
        0,
    ),
)
"""The headers of containers that `start` does not name, as HeaderSplitter takes them."""


def splitter_for(encoding: ContainerEncoding, head: bytes) -> Splitter:
    """The splitter of a container that begins with `head`; of what is none of them, one that leaves
    all as it is."""
    match encoding:
        case "webm":
            # The header's first elements: version, type or the like, after a length of 1 to 8 bytes.
            first = rb".{1,8}?\x42[\x86\xf7\xf2\xf3\x82\x87\x85]"
            return HeaderSplitter(b"\x1a\x45\xdf\xa3", first, 10)
        case "ogg":
            return OggSplitter()
        case "flac":
            return HeaderSplitter(b"fLaC", rb"[\x00\x80]\x00\x00\x22", 4)
        case "mp4":
            return Mp4Splitter()
        case "wav":
            return WavSplitter()
        case "mp3" | "aac":
            return TagSplitter()
    if _MPEG_AUDIO.match(head):
        return TagSplitter()
    if head[:1] == b"\x47":
        return TsSplitter()
    for magic, rest, longest, least_bytes in _UNNAMED:
        if head.startswith(magic):
            return HeaderSplitter(magic, rest, longest, least_bytes)
    return NoSplitter()
