"""How a recording is sent: an index that comes last goes first, and still points rightly."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.node.running import run_program


def write(path: Path, *, video: bool = False, options: dict[str, str] | None = None) -> Path:
    """Three seconds of a tone, as the container that the name says."""
    rate = 48_000
    tone = (np.sin(np.arange(3 * rate) / 20) * 8000).astype(np.int16)
    with av.open(str(path), "w", options=options) as container:
        codec = {".flac": "flac", ".mp3": "libmp3lame"}.get(path.suffix, "aac")
        audio = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(audio, av.AudioStream)
        picture = container.add_stream("mpeg4", rate=25) if video else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
            for number in range(75):
                image = np.full((64, 64, 3), number * 3, np.uint8)
                container.mux(picture.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            container.mux(picture.encode())
        for start in range(0, len(tone), 1024):
            block = tone[None, start : start + 1024]
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate = rate
            container.mux(audio.encode(frame))
        container.mux(audio.encode())
    return path


def decoded(path: Path) -> NDArray[np.float32]:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=1)


def boxes(data: bytes) -> list[str]:
    """The types of the outermost boxes."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        found.append(data[at + 4 : at + 8].decode())
        at += int.from_bytes(data[at + 8 : at + 16]) if size == 1 else size or len(data)
    return found


def ordered(node: str, path: Path) -> tuple[int, Path]:
    """The bytes before the first sound, and the file as it is sent."""
    sent = path.with_name(f"sent{path.suffix}")
    return int(run_program(node, "order_container.mjs", path, sent)), sent


@pytest.mark.parametrize("name", ["talk.m4a", "talk.mov", "film.mp4", "film.mov"])
def test_an_index_that_comes_last_is_sent_first(node_20: str, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, video=name.startswith("film"))
    before = boxes(path.read_bytes())
    assert before.index("moov") > before.index("mdat")
    head_bytes, sent = ordered(node_20, path)
    after = boxes(sent.read_bytes())
    assert after.index("moov") < after.index("mdat")
    assert sorted(before) == sorted(after)
    np.testing.assert_array_equal(decoded(sent), decoded(path))
    assert sent.read_bytes()[head_bytes + 4 : head_bytes + 8] == b"mdat"


def with_large_offsets(data: bytes) -> bytes:
    """The same file, whose index has its places in 64 bits, and whose media box a size in 64 bits."""
    moov = data.index(b"moov") - 4
    table = data.index(b"stco") - 4
    size, count = (
        struct.unpack_from(">I", data, table)[0],
        struct.unpack_from(">I", data, table + 12),
    )
    places = struct.unpack_from(f">{count[0]}I", data, table + 16)
    mdat = data.index(b"mdat") - 4
    media_size = struct.unpack_from(">I", data, mdat)[0]
    media = struct.pack(">I4sQ", 1, b"mdat", media_size + 8) + data[mdat + 8 : moov]
    grown = struct.pack(
        f">I4sII{len(places)}Q",
        size + 4 * len(places),
        b"co64",
        0,
        len(places),
        *(place + 8 for place in places),
    )
    index = bytearray(data[moov:table] + grown + data[table + size :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        at = index.index(name) - 4
        struct.pack_into(">I", index, at, struct.unpack_from(">I", index, at)[0] + 4 * len(places))
    return data[:mdat] + media + bytes(index)


def test_places_and_sizes_of_64_bits(node_20: str, tmp_path: Path) -> None:
    path = write(tmp_path / "talk.m4a")
    expected = decoded(path)
    path.write_bytes(with_large_offsets(path.read_bytes()))
    np.testing.assert_array_equal(decoded(path), expected)  # so much for this test
    _, sent = ordered(node_20, path)
    np.testing.assert_array_equal(decoded(sent), expected)
    assert boxes(sent.read_bytes())[1] == "moov"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fast.m4a", {"movflags": "faststart"}),
        ("parts.mp4", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
        ("talk.mp3", {}),
        ("talk.flac", {}),
    ],
)
def test_what_can_be_decoded_as_it_comes_is_sent_as_it_is(
    node_20: str, tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    path = write(tmp_path / name, options=options)
    head_bytes, sent = ordered(node_20, path)
    data = sent.read_bytes()
    assert data == path.read_bytes()
    sound = {".m4a": b"mdat", ".mp4": b"moof", ".mp3": b"\xff\xfb", ".flac": b"\xff\xf8"}[
        path.suffix
    ]
    assert sound in data[head_bytes : head_bytes + 8]


def damaged(data: bytes, name: str) -> bytes:
    moov = data.index(b"moov") - 4
    match name:
        case "no index":
            return data[:moov]
        case "a broken index":
            return data[: moov + 100]
        case "a size that is none":
            return data[:moov] + b"\0\0\0\3" + data[moov + 4 :]
        case "a table that is too long":
            at = data.index(b"stco") + 8
            return data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]
        case _:
            return {"nothing": b"", "short": data[:6], "a tag": b"ID3\4\0\0\x7f\x7f\x7f\x7f"}[name]


@pytest.mark.parametrize(
    "name",
    [
        "no index",
        "a broken index",
        "a size that is none",
        "a table that is too long",
        "nothing",
        "short",
        "a tag",
    ],
)
def test_what_is_damaged_is_sent_as_it_is(node_20: str, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "talk.m4a")
    path.write_bytes(damaged(path.read_bytes(), name))
    head_bytes, sent = ordered(node_20, path)
    assert sent.read_bytes() == path.read_bytes()
    assert head_bytes <= path.stat().st_size
