"""Files whose format changes in the middle: other channels, rates, codecs; several files in a row."""

import numpy as np

from wild.expectation import Piece
from wild.maker import FINE, Maker, encode
from wild.talk import Wave

KIND = "format changes"

Part = tuple[int, int, tuple[str, ...]]
"""Channels, sample rate in Hz, options."""

OPUS, VORBIS = ("-c:a", "libopus"), ("-c:a", "libvorbis")
FLAC, AAC, MP2 = ("-c:a", "flac", "-f", "ogg"), ("-c:a", "aac"), ("-c:a", "mp2")
SURROUND = ("-b:a", "384k")

JOINED: dict[str, tuple[Part, Part]] = {
    "mono-stereo.aac": ((1, 48_000, ()), (2, 48_000, ())),
    "stereo-mono.aac": ((2, 48_000, ()), (1, 48_000, ())),
    "rates.aac": ((1, 48_000, ()), (1, 16_000, ())),
    "surround.ac3": ((2, 48_000, ()), (6, 48_000, SURROUND)),
    "surround-back.ac3": ((6, 48_000, SURROUND), (2, 48_000, ())),
    "surround.eac3": ((2, 48_000, ()), (6, 48_000, SURROUND)),
    "rates.mp3": ((1, 16_000, ()), (1, 44_100, ())),
    "channels.mp3": ((1, 44_100, ()), (2, 44_100, ())),
    "same.mp3": ((1, 16_000, ()), (1, 16_000, ())),
    "channels.mp2": ((1, 48_000, ()), (2, 48_000, ())),
    "chained-opus.ogg": ((1, 48_000, OPUS), (2, 48_000, OPUS)),
    "chained-vorbis.ogg": ((1, 16_000, VORBIS), (2, 44_100, VORBIS)),
    "chained-codecs.ogg": ((1, 48_000, OPUS), (1, 44_100, VORBIS)),
    "chained-flac.ogg": ((1, 16_000, FLAC), (1, 48_000, OPUS)),
    "two.webm": ((1, 48_000, OPUS), (2, 48_000, OPUS)),
    "two-codecs.mkv": ((1, 48_000, OPUS), (1, 16_000, AAC)),
    "two.wav": ((1, 16_000, ()), (1, 16_000, ())),
    "two-rates.wav": ((1, 16_000, ()), (2, 44_100, ())),
    "two-codes.wav": ((1, 16_000, ()), (1, 16_000, ("-c:a", "pcm_f32le"))),
    "two.flac": ((1, 16_000, ()), (1, 16_000, ())),
    "two-rates.flac": ((1, 16_000, ()), (2, 44_100, ())),
    "mono-stereo.ts": ((1, 48_000, AAC), (2, 48_000, AAC)),
    "mp2-stereo.ts": ((1, 48_000, MP2), (2, 48_000, MP2)),
}
"""The short talk and then the other one, each as its own file, put behind each other."""


def make(maker: Maker) -> None:
    """All of them."""
    for name, (first, second) in JOINED.items():
        _joined(maker, name, (first, second))
    _slices(maker)


def _joined(maker: Maker, name: str, parts: tuple[Part, Part]) -> None:
    """Files written one by one and put behind each other."""
    path = maker.path(name)
    data = b""
    for talk, (channels, rate, options) in zip(("short", "other"), parts, strict=True):
        part = maker.folder / "sources" / f"{talk}-{name}"
        part.parent.mkdir(exist_ok=True)
        encode(_spread(maker.at(rate, talk), channels), rate, part, *options)
        data += part.read_bytes()
    path.write_bytes(data)
    maker.add(path, KIND, FINE, _one_after_the_other(maker))


def _spread(wave: Wave, channels: int) -> Wave:
    """Into the first two channels, or the middle one of six."""
    if channels == 1:
        return wave
    all_channels = np.zeros((len(wave), channels), np.float32)
    if channels == 2:
        all_channels[:] = wave[:, None]
    else:
        all_channels[:, 2] = wave
    return all_channels


def _one_after_the_other(maker: Maker) -> list[Piece]:
    return [maker.whole("short"), maker.whole("other", maker.short.seconds)]


def _slices(maker: Maker) -> None:
    """A recorder that sends a file with a header for each second, all into one file."""
    wave = maker.short.wave
    path = maker.path("slices.wav")
    data = b""
    for start in range(0, len(wave), 16_000):
        part = maker.folder / "sources" / "slice.wav"
        encode(wave[start : start + 16_000], 16_000, part)
        data += part.read_bytes()
    path.write_bytes(data)
    maker.add(path, KIND, FINE, [maker.whole("short")])
