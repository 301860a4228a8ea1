import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.decoding.wire import (
    MAX_PAYLOAD_BYTES,
    BrokenStream,
    Kind,
    Unpacker,
    pack,
    pack_place,
    unpack_place,
)
from tests.captioning.chunking import Chunking, three_ways

FRAMES = [
    (Kind.OPEN, b'{"encoding":"webm"}'),
    (Kind.DATA, bytes(range(256)) * 20),
    (Kind.MARK, b""),
    (Kind.PCM, b"\x01\x02"),
    (Kind.FAILED, b"Schade."),
    (Kind.END, b""),
]


@three_ways
def test_frames_come_out_as_they_went_in_however_they_are_cut(chunking: Chunking) -> None:
    data = b"".join(pack(kind, payload) for kind, payload in FRAMES)
    unpacker = Unpacker()
    assert [frame for piece in chunking(data) for frame in unpacker.feed(piece)] == FRAMES


@given(
    st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=300)), max_size=12),
    st.integers(1, 400),
)
def test_any_frames_in_pieces_of_any_size(frames: list[tuple[Kind, bytes]], size: int) -> None:
    data = b"".join(pack(kind, payload) for kind, payload in frames)
    unpacker = Unpacker()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert [frame for piece in pieces for frame in unpacker.feed(piece)] == frames


def test_the_format_is_a_byte_a_length_and_the_payload() -> None:
    """It is spoken between processes of one server; a change is a change for both."""
    assert pack(Kind.MISSING, b"abc") == b"\x06\x03\x00\x00\x00abc"


def test_the_largest_frame_comes_through() -> None:
    payload = bytes(MAX_PAYLOAD_BYTES)
    assert list(Unpacker().feed(pack(Kind.PCM, payload))) == [(Kind.PCM, payload)]


@pytest.mark.parametrize(
    "data",
    [
        pack(Kind.PCM, bytes(MAX_PAYLOAD_BYTES + 1))[:5],
        b"\x05\xff\xff\xff\xff",
        bytes([max(Kind) + 1, 0, 0, 0, 0]),
        b"\xff\x00\x00\x00\x00",
        b"hello, world",
    ],
    ids=["too long", "far too long", "unknown", "255", "text"],
)
def test_what_is_no_frame_is_told_before_it_is_read(data: bytes) -> None:
    unpacker = Unpacker()
    assert list(unpacker.feed(pack(Kind.MARK))) == [(Kind.MARK, b"")]
    with pytest.raises(BrokenStream):
        list(unpacker.feed(data))


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_nothing_makes_it_raise_anything_else(pieces: list[bytes]) -> None:
    unpacker = Unpacker()
    try:
        for piece in pieces:
            for kind, _ in unpacker.feed(piece):
                assert kind in Kind
    except BrokenStream:
        pass


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_place_comes_out_as_it_went_in(start: int, length: int) -> None:
    ((kind, payload),) = Unpacker().feed(pack_place(Kind.MISSING, start, length))
    assert (kind, unpack_place(payload)) == (Kind.MISSING, (start, length))


@pytest.mark.parametrize("payload", [b"", b"1234567", bytes(15), bytes(17)])
def test_what_is_no_place(payload: bytes) -> None:
    with pytest.raises(BrokenStream):
        unpack_place(payload)
