"""Files and text are told from samples by how they begin."""

import base64
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.places import SAMPLE
from surtitle.captioning.first_bytes import ENOUGH_BYTES, recognise


@pytest.mark.parametrize(
    ("name", "options", "encoding"),
    [
        ("a.wav", [], "wav"),
        ("a.rf64.wav", ["-rf64", "always"], "wav"),
        ("a.flac", [], "flac"),
        ("a.ogg", ["-c:a", "libopus"], "ogg"),
        ("a.webm", ["-c:a", "libopus"], "webm"),
        ("a.mkv", ["-c:a", "flac"], "webm"),
        ("a.mp4", ["-c:a", "aac"], "mp4"),
        ("a.mp3", [], "mp3"),
        ("bare.mp3", ["-id3v2_version", "0", "-write_xing", "0"], "mp3"),
        ("48k.mp3", ["-id3v2_version", "0", "-write_xing", "0", "-ar", "48000"], "mp3"),
        ("8k.mp3", ["-id3v2_version", "0", "-write_xing", "0", "-ar", "8000"], "mp3"),
        ("a.mp2", [], "mp3"),
        ("a.aac", [], "aac"),
        ("a.ts", ["-c:a", "aac"], "auto"),
        ("a.aiff", [], "auto"),
        ("a.caf", [], "auto"),
        ("a.wma", [], "auto"),
        ("a.wv", [], "auto"),
        ("a.flv", ["-ar", "44100"], "auto"),
    ],
)
def test_what_ffmpeg_writes(name: str, options: list[str], encoding: str, tmp_path: Path) -> None:
    made = tmp_path / name
    subprocess.run(["ffmpeg", "-v", "error", "-i", SAMPLE, "-t", "3", *options, made], check=True)
    kind = recognise(made.read_bytes()[:ENOUGH_BYTES])
    assert kind is not None
    assert kind.encoding == encoding


PCM = read_pcm16(SAMPLE)[8000:24_000].tobytes()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (base64.b64encode(PCM), "base64 text"),
        (base64.encodebytes(PCM), "base64 text"),
        (PCM.hex().encode(), "base64 text"),
        (b"data:audio/webm;base64," + base64.b64encode(PCM), "text"),
        (json.dumps({"audio": base64.b64encode(PCM).decode()}).encode(), "JSON"),
        (b'{"type":"start","sample_rate":16000}', "JSON"),
        (json.dumps(np.frombuffer(PCM, np.int16).tolist()).encode(), "text"),
        (
            b"It is a truth universally acknowledged, that a single man must be in want. " * 9,
            "text",
        ),
    ],
)
def test_text_is_not_samples(text: bytes, name: str) -> None:
    kind = recognise(text[:ENOUGH_BYTES])
    assert kind is not None
    assert (kind.name, kind.encoding) == (name, "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        PCM[:ENOUGH_BYTES],
        bytes(ENOUGH_BYTES),
        b"\xff" * ENOUGH_BYTES,
        b"\x7f" * ENOUGH_BYTES,
        b"\x47" * ENOUGH_BYTES,
        b"@@" * 2048,
        np.full(4096, 0x3A51, "<i2").tobytes(),
        # Offset samples whose bytes are printable without exception.
        (
            np.random.default_rng(1).normal(0x7266, 120, 4096).astype("<i2") & 0x7F7F | 0x2020
        ).tobytes(),
        np.random.default_rng(1).normal(0x72, 4, 4096).clip(0x60, 0x7E).astype(np.uint8).tobytes(),
    ],
)
def test_samples_are_nothing_else(data: bytes) -> None:
    assert recognise(data) is None
