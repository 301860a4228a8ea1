"""Matroska by hand: files that no muxer would write. Element IDs are those of RFC 9559."""

import struct
from collections.abc import Iterable

VIDEO, AUDIO = 1, 2
UNKNOWN = b"\x01" + b"\xff" * 7
"""The length of an element that ends where the stream does."""
ZLIB = 0


def element(name: int, *parts: bytes) -> bytes:
    """An element; its length always takes 8 bytes."""
    payload = b"".join(parts)
    return _id(name) + (len(payload) | 1 << 56).to_bytes(8, "big") + payload


def endless(name: int) -> bytes:
    """The head of an element without an end."""
    return _id(name) + UNKNOWN


def number(name: int, value: int) -> bytes:
    """An unsigned integer."""
    return element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _id(name: int) -> bytes:
    return name.to_bytes((name.bit_length() + 7) // 8, "big")


def head(doc_type: bytes = b"webm") -> bytes:
    """EBML header, an endless segment, and its info: times are in milliseconds."""
    return (
        element(0x1A45DFA3, number(0x4286, 1), element(0x4282, doc_type), number(0x4287, 4))
        + endless(0x18538067)
        + element(0x1549A966, number(0x2AD7B1, 1_000_000))
    )


def tracks(entries: Iterable[bytes]) -> bytes:
    """The list of tracks."""
    return element(0x1654AE6B, *entries)


def _entry(track: int, kind: int, codec: bytes, *details: bytes) -> bytes:
    return element(
        0xAE,
        number(0xD7, track),
        number(0x73C5, track),
        number(0x83, kind),
        element(0x86, codec),
        *details,
    )


def audio(
    track: int,
    codec: bytes = b"A_PCM/INT/LIT",
    *,
    rate: int = 16_000,
    bits: int = 16,
    channels: int = 1,
    compression: int | None = None,
) -> bytes:
    """A track of sound, whose blocks may be compressed."""
    sound = element(
        0xE1,
        element(0xB5, struct.pack(">d", rate)),
        number(0x9F, channels),
        number(0x6264, bits),
    )
    packed = b""
    if compression is not None:
        packed = element(0x6D80, element(0x6240, element(0x5034, number(0x4254, compression))))
    return _entry(track, AUDIO, codec, sound, packed)


def video(track: int, width: int, height: int, codec: bytes, private: bytes) -> bytes:
    """A track of pictures."""
    size = element(0xE0, number(0xB0, width), number(0xBA, height))
    return _entry(track, VIDEO, codec, element(0x63A2, private), size)


def cluster(at_ms: int, *blocks: bytes) -> bytes:
    """Blocks from a time on."""
    return element(0x1F43B675, number(0xE7, at_ms), *blocks)


def block(track: int, payload: bytes, offset_ms: int = 0) -> bytes:
    """A frame of a track."""
    number_of = bytes([0x80 | track]) if track < 127 else (track | 0x4000).to_bytes(2, "big")
    return element(0xA3, number_of, offset_ms.to_bytes(2, "big", signed=True), b"\x80", payload)


def attachment(name: bytes, data: bytes) -> bytes:
    """An attached file."""
    return element(
        0x61A7,
        element(0x466E, name),
        element(0x4660, b"application/octet-stream"),
        element(0x465C, data),
        number(0x46AE, 1),
    )


def attachments(*files: bytes) -> bytes:
    """All attached files."""
    return element(0x1941A469, *files)


def tags(count: int) -> bytes:
    """So many tags, each of its own name."""
    simple = (
        element(0x67C8, element(0x45A3, b"T%05d" % n), element(0x4487, b"x")) for n in range(count)
    )
    return element(0x1254C367, *(element(0x7373, each) for each in simple))


def void(size: int) -> bytes:
    """Nothing, of so many bytes."""
    return element(0xEC, bytes(size))
