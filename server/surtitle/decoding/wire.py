"""What goes between the server and a decoder process: frames of a kind, a length and a payload.

    server -> decoder   OPEN (JSON, once), DATA (bytes as they came), MARK, END
    decoder -> server   PID (once), TRACKS (JSON), PCM (int16), MISSING, MARK, ENDED,
                        FAILED (a sentence)

A MARK comes back once all that was sent before it is decoded as far as it can be: so what a client
asks for at a point of its bytes takes effect at that point of its audio. Nothing is pickled.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum

_HEADER = struct.Struct("<BI")
_PLACE = struct.Struct("<QQ")

MAX_PAYLOAD_BYTES = 1 << 20
"""Of one frame: what a decoder process says is not trusted either."""


class Kind(IntEnum):
    """What a frame is."""

    OPEN = 0
    DATA = 1
    MARK = 2
    END = 3
    TRACKS = 4
    PCM = 5
    MISSING = 6
    ENDED = 7
    FAILED = 8
    PID = 9


class BrokenStream(Exception):
    """The other end does not keep to the format."""


def pack(kind: Kind, payload: bytes = b"") -> bytes:
    """One frame."""
    return _HEADER.pack(kind, len(payload)) + payload


def pack_place(kind: Kind, start_sample: int, samples: int) -> bytes:
    """A MISSING or ENDED: a place in the audio and a length, in samples at 16 kHz."""
    return pack(kind, _PLACE.pack(start_sample, samples))


def unpack_place(payload: bytes) -> tuple[int, int]:
    """(start, length) of a MISSING or ENDED, in samples. Raises BrokenStream."""
    if len(payload) != _PLACE.size:
        raise BrokenStream
    start, length = _PLACE.unpack(payload)
    return start, length


class Unpacker:
    """Bytes in any pieces -> frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        """The frames that are whole by now. Raises BrokenStream."""
        self._data += data
        while len(self._data) >= _HEADER.size:
            number, length = _HEADER.unpack_from(self._data)
            if length > MAX_PAYLOAD_BYTES or number not in Kind.__members__.values():
                raise BrokenStream
            end = _HEADER.size + length
            if len(self._data) < end:
                return
            payload = bytes(self._data[_HEADER.size : end])
            del self._data[:end]
            yield Kind(number), payload
