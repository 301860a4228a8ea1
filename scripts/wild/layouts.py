"""Channels and tracks: the voice is not where the first channel of the first track is."""

import numpy as np

from wild.maker import FINE, Maker, encode, ffmpeg
from wild.talk import Wave

CHANNELS, TRACKS = "channels", "tracks"
ONE_VOICE = ((2, 1), (3, 2), (4, 3), (6, 3), (8, 3), (12, 10), (16, 15), (24, 20), (9, 4), (60, 47))
"""Channels, and the one that has the voice, from 0."""


def make(maker: Maker) -> None:
    """With the short talk, beside it the other one."""
    wave = maker.short.wave
    _write(maker, "opposite.wav", np.stack([wave, -wave], axis=1))
    _write(maker, "opposite.flac", np.stack([wave, -wave], axis=1))
    _write(maker, "nearly-opposite.wav", np.stack([wave, -0.97 * wave], axis=1))
    _write(maker, "same.wav", np.stack([wave, wave], axis=1))
    for channels, voice in ONE_VOICE:
        _write(maker, f"{voice + 1}-of-{channels}.wav", _alone(wave, channels, voice))
    for channels, voice in ((3, 2), (6, 3), (8, 3)):
        _write(maker, f"{voice + 1}-of-{channels}.flac", _alone(wave, channels, voice))
    _write(maker, "3-of-6.m4a", _alone(wave, 6, 2), "-c:a", "aac", rate=16_000)
    _write(maker, "3-of-6.ac3", _alone(maker.at(48_000, "short"), 6, 2), rate=48_000)
    _write(
        maker,
        "2-of-2.opus",
        _alone(maker.at(48_000, "short"), 2, 1),
        "-c:a",
        "libopus",
        rate=48_000,
    )
    hiss = maker_noise(len(wave)) * np.float32(0.002)
    _write(maker, "voice-and-hiss.wav", np.stack([hiss, wave, hiss, hiss], axis=1))
    _tracks(maker)


def maker_noise(samples: int) -> Wave:
    """The same each time."""
    return np.random.default_rng(5).normal(0, 1, samples).astype(np.float32)


def _alone(wave: Wave, channels: int, voice: int) -> Wave:
    all_channels = np.zeros((len(wave), channels), np.float32)
    all_channels[:, voice] = wave
    return all_channels


def _write(maker: Maker, name: str, wave: Wave, *options: str, rate: int = 16_000) -> None:
    path = maker.path(name)
    encode(wave, rate, path, *options)
    maker.add(path, CHANNELS, FINE, [maker.whole("short")])


def _tracks(maker: Maker) -> None:
    sources = maker.folder / "sources"
    short, other, silent = (sources / f"{name}.wav" for name in ("short", "other", "silent"))
    encode(maker.short.wave, 16_000, short)
    encode(maker.other.wave, 16_000, other)
    encode(np.zeros_like(maker.other.wave), 16_000, silent)
    second = ("-disposition:a:0", "0", "-disposition:a:1", "default")
    first = ("-disposition:a:0", "default", "-disposition:a:1", "0")
    for name, codec in (("mkv", "libopus"), ("mp4", "aac"), ("mka", "flac")):
        for label, inputs, disposition, arguments in (
            ("default-second", (other, short), second, ()),
            ("default-first", (short, other), first, ()),
            ("silent-first", (silent, short), second, ()),
            ("asked-second", (other, short), first, ("--track", "2")),
        ):
            if name == "mka" and label != "default-second":
                continue
            path = maker.path(f"{label}.{name}")
            ffmpeg(
                *("-i", str(inputs[0]), "-i", str(inputs[1]), "-map", "0:a", "-map", "1:a"),
                *("-ar", "48000", "-c:a", codec, *disposition, f"file:{path}"),
            )
            maker.add(path, TRACKS, FINE, [maker.whole("short")], arguments=arguments)
    film = maker.path("picture.mp4")
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=12", "-i", str(short), "-map", "0:v"),
        *("-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", f"file:{film}"),
    )
    maker.add(film, TRACKS, FINE, [maker.whole("short")])
    silent_film = maker.path("no-sound.mp4")
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=3", "-c:v", "libx264"),
        *("-preset", "ultrafast", f"file:{silent_film}"),
    )
    maker.add(silent_film, "not audio", (1,))
