"""The three ways in which every reader of bytes is tested: whole, byte by byte, ragged."""

import random
from collections.abc import Callable, Iterator

import pytest

Chunking = Callable[[bytes], Iterator[bytes]]


def whole(data: bytes) -> Iterator[bytes]:
    """Everything at once."""
    yield data


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    """The smallest pieces there are."""
    for index in range(len(data)):
        yield data[index : index + 1]


def ragged(data: bytes) -> Iterator[bytes]:
    """Pieces of odd lengths, now and then an empty one; the same ones each time."""
    lengths = random.Random(7)
    start = 0
    while start < len(data):
        end = start + lengths.choice((0, 1, 2, 3, 5, 331, 1021, 4099))
        yield data[start:end]
        start = end


CHUNKINGS: tuple[Chunking, ...] = (whole, byte_by_byte, ragged)

three_ways = pytest.mark.parametrize("chunking", CHUNKINGS, ids=lambda chunking: chunking.__name__)
