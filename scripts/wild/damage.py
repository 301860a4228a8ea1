"""Damage to bytes, with a seed. Pure."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

TS_PACKET_BYTES = 188


class Span(NamedTuple):
    """Bytes of a file."""

    start: int
    end: int


def cut(data: bytes, share: float) -> tuple[bytes, list[Span]]:
    """Break off after a share of it."""
    end = int(len(data) * share)
    return data[:end], [Span(end, len(data))]


def flip(data: bytes, span: Span, chance: random.Random) -> tuple[bytes, list[Span]]:
    """Every byte of the span is another one."""
    hurt = bytearray(data)
    for place in range(*span):
        hurt[place] ^= chance.randrange(1, 256)
    return bytes(hurt), [span]


def flip_some(
    data: bytes, count: int, spare: int, chance: random.Random
) -> tuple[bytes, list[Span]]:
    """Single bytes here and there, none of the first `spare`."""
    hurt = bytearray(data)
    places = sorted(chance.sample(range(spare, len(data)), count))
    for place in places:
        hurt[place] ^= 1 << chance.randrange(8)
    return bytes(hurt), [Span(place, place + 1) for place in places]


def zero(data: bytes, span: Span) -> tuple[bytes, list[Span]]:
    """As a disk that lost a block."""
    return data[: span.start] + bytes(span.end - span.start) + data[span.end :], [span]


def remove(data: bytes, span: Span) -> tuple[bytes, list[Span]]:
    """As a download that went on at the wrong place."""
    return data[: span.start] + data[span.end :], [span]


def insert(data: bytes, place: int, rubbish: bytes) -> tuple[bytes, list[Span]]:
    """Something else in the middle; what it parts is hurt."""
    return data[:place] + rubbish + data[place:], [Span(max(place - 1, 0), place + 1)]


def noise(size: int, chance: random.Random) -> bytes:
    """Rubbish."""
    return chance.randbytes(size)


def lose_packets(
    data: bytes, share: float, spare: int, chance: random.Random
) -> tuple[bytes, list[Span]]:
    """Leave out packets of a transport stream, none of the first `spare`."""
    kept, lost = bytearray(), []
    for number, start in enumerate(range(0, len(data), TS_PACKET_BYTES)):
        if number >= spare and chance.random() < share:
            lost.append(Span(start, start + TS_PACKET_BYTES))
        else:
            kept += data[start : start + TS_PACKET_BYTES]
    return bytes(kept), lost


def ogg_pages(data: bytes) -> list[Span]:
    """The pages of an Ogg stream that is whole."""
    starts = []
    place = 0
    while data[place : place + 4] == b"OggS":
        starts.append(place)
        segments = data[place + 26]
        place += 27 + segments + sum(data[place + 27 : place + 27 + segments])
    return [Span(*each) for each in pairwise([*starts, place])]


def lose(data: bytes, spans: Sequence[Span]) -> tuple[bytes, list[Span]]:
    """Leave out these."""
    kept = bytearray()
    place = 0
    for span in sorted(spans):
        kept += data[place : span.start]
        place = span.end
    return bytes(kept + data[place:]), list(spans)


def matroska_clusters(data: bytes) -> list[int]:
    """Where clusters begin."""
    places = []
    place = data.find(b"\x1f\x43\xb6\x75")
    while place >= 0:
        places.append(place)
        place = data.find(b"\x1f\x43\xb6\x75", place + 4)
    return places
