"""What the first bytes tell of a container."""

import pytest

from surtitle.decoding.formats import SNIFFED_BYTES, knows_no_length, sniff
from surtitle.messages import ContainerEncoding

HEADS: list[tuple[bytes, ContainerEncoding | None]] = [
    (b"RIFF\x24\x08\x00\x00WAVEfmt ", "wav"),
    (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
    (b"BW64\xff\xff\xff\xffWAVEds64", "wav"),
    (b"RIFF\x24\x08\x00\x00AVI LIST", None),
    (b"OggS\x00\x02\x00\x00\x00\x00\x00\x00", "ogg"),
    (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81", "webm"),
    (b"fLaC\x00\x00\x00\x22\x10\x00\x10\x00", "flac"),
    (b"\x00\x00\x00\x18ftypmp42", "mp4"),
    (b"\x00\x00\x00\x08wide\x00\x00\x00\x00", "mp4"),
    (b"ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00", None),
    (b"", None),
]


@pytest.mark.parametrize(("head", "encoding"), HEADS)
def test_a_container_is_known_by_its_first_bytes(
    head: bytes, encoding: ContainerEncoding | None
) -> None:
    assert sniff(head[:SNIFFED_BYTES]) == encoding


FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
"""The GUID of ASF's file properties object (Advanced Systems Format specification, 10.2)."""


def asf(flags: int) -> bytes:
    """The start of an ASF whose file properties have these flags, 64 bytes behind their size."""
    return b"\x30\x26\xb2\x75" + bytes(26) + FILE_PROPERTIES + bytes(72) + bytes([flags, 0, 0, 0])


@pytest.mark.parametrize(
    ("head", "expected"),
    [(asf(0b01), True), (asf(0b11), True), (asf(0b10), False), (asf(0)[:60], False), (b"", False)],
)
def test_an_asf_from_a_pipe_knows_no_length(head: bytes, expected: bool) -> None:
    assert knows_no_length(head) is expected
