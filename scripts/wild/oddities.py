"""Headers that are wrong, tags and names of every kind, files that are no audio, and a long one."""

import struct
from pathlib import Path

import numpy as np

from wild.expectation import Piece
from wild.maker import EITHER, FINE, UNREADABLE, Maker, encode, ffmpeg

HEADERS, TAGS, NAMES = "WAV headers", "tags and attachments", "names"
NOTHING, LONG = "not audio", "long"
HOUR_S = 3600


def make(maker: Maker) -> None:
    """With the short talk."""
    _headers(maker)
    _tags(maker)
    _names(maker)
    _no_audio(maker)
    _long(maker)


def _wav(samples: bytes, riff: int, size: int, extra: bytes = b"") -> bytes:
    head = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16
    )
    return head + extra + struct.pack("<4sI", b"data", size) + samples


def _headers(maker: Maker) -> None:
    samples = np.rint(maker.short.wave * 32767).astype("<i2").tobytes()
    size = len(samples)
    voice = [maker.whole("short")]
    for name, riff, data in (
        ("zero", 0, 0),
        ("stream", 0xFFFFFFFF, 0xFFFFFFFF),
        ("largest", 0x7FFFFFFF, 0x7FFFFFFF - 36),
        ("crashed", 36, 0),
        ("too-short", 36 + size // 2, size // 2),
        ("odd", 36 + size - 1, size - 1),
    ):
        path = maker.path(f"length-{name}.wav")
        path.write_bytes(_wav(samples, riff, data))
        maker.add(path, HEADERS, FINE, voice)
    path = maker.path("length-too-long.wav")
    path.write_bytes(_wav(samples, 36 + 2 * size, 2 * size))
    maker.add(path, HEADERS, (4,), voice, missing_s=(maker.short.seconds, maker.short.seconds))
    chunks = {
        "list": struct.pack("<4sI", b"LIST", 4000) + b"INFO" + bytes(3996),
        "odd-chunk": struct.pack("<4sI", b"junk", 5) + b"abcde\0",
        "bext": struct.pack("<4sI", b"bext", 602) + bytes(602),
    }
    for name, extra in chunks.items():
        path = maker.path(f"chunk-{name}.wav")
        path.write_bytes(_wav(samples, 36 + len(extra) + size, size, extra))
        maker.add(path, HEADERS, FINE, voice)
    path = maker.path("chunk-behind.wav")
    path.write_bytes(
        _wav(samples, 36 + size + 1008, size) + struct.pack("<4sI", b"LIST", 1000) + bytes(1000)
    )
    maker.add(path, HEADERS, FINE, voice)
    path = maker.path("length-none.au")
    path.write_bytes(
        struct.pack(">4sIIIII", b".snd", 24, 0xFFFFFFFF, 3, 16000, 1)
        + np.rint(maker.short.wave * 32767).astype(">i2").tobytes()
    )
    maker.add(path, HEADERS, FINE, voice)
    path = maker.path("length-none.flac")
    encode(maker.short.wave, 16_000, path)
    flac = bytearray(path.read_bytes())
    flac[21] &= 0xF0  # the number of samples is the last 36 bits of bytes 18 to 25
    flac[22:26] = bytes(4)
    path.write_bytes(bytes(flac))
    maker.add(path, HEADERS, FINE, voice)


def _tags(maker: Maker) -> None:
    voice = [maker.whole("short")]
    latin = "Gespräch über Öl".encode("latin-1")

    def written(name: str, data: bytes) -> None:
        path = maker.path(name)
        path.write_bytes(data)
        maker.add(path, TAGS, FINE, voice)

    made = {
        name: _plain(maker, name, *options)
        for name, options in {
            "t.mp3": ("-b:a", "64k", "-metadata", "title=" + "x" * 16),
            "t.ogg": ("-c:a", "libvorbis", "-metadata", "title=" + "x" * 16),
            "t.opus": ("-c:a", "libopus", "-metadata", "title=" + "x" * 16),
            "t.flac": ("-metadata", "title=" + "x" * 16),
            "t.m4a": ("-c:a", "aac", "-metadata", "title=" + "x" * 16),
            "t.mkv": ("-c:a", "libvorbis", "-metadata", "title=" + "x" * 16),
            "t.wav": ("-metadata", "title=" + "x" * 16),
        }.items()
    }
    for name, data in made.items():
        # (The checksum of the Ogg page does not fit then, and the page counts as damage.)
        if name not in ("t.ogg", "t.opus"):
            written(f"latin1-{name}", data.replace(b"x" * 16, latin))
    huge = "y" * 200_000
    for name, options in {
        "huge-tag.mp3": ("-b:a", "64k"),
        "huge-tag.ogg": ("-c:a", "libvorbis"),
        "huge-tag.flac": (),
        "huge-tag.m4a": ("-c:a", "aac"),
    }.items():
        written(name, _plain(maker, name, *options, "-metadata", "comment=" + huge[:100_000]))
    written("many-tags.flac", _plain(maker, "many.flac", *_many(1000)))
    written("many-tags.mkv", _plain(maker, "many.mkv", "-c:a", "flac", *_many(1000)))
    cover = maker.folder / "sources" / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=2000x2000:d=1:r=1", "-frames:v", "1", str(cover))
    voice_file = maker.folder / "sources" / "voice.wav"
    encode(maker.short.wave, 16_000, voice_file)
    for name, codec in (("cover.mp3", "libmp3lame"), ("cover.m4a", "aac"), ("cover.flac", "flac")):
        path = maker.path(name)
        ffmpeg(
            *("-i", str(voice_file), "-i", str(cover), "-map", "0:a", "-map", "1:v", "-c:a", codec),
            *("-c:v", "png", "-disposition:v", "attached_pic", f"file:{path}"),
        )
        maker.add(path, TAGS, FINE, voice)
    path = maker.path("attachment.mkv")
    ffmpeg(
        *("-i", str(voice_file), "-attach", str(cover), "-metadata:s:t", "mimetype=image/png"),
        *("-c:a", "flac", f"file:{path}"),
    )
    maker.add(path, TAGS, FINE, voice)


def _many(count: int) -> list[str]:
    return [
        part for number in range(count) for part in ("-metadata", f"tag{number}=value {number}")
    ]


def _plain(maker: Maker, name: str, *options: str) -> bytes:
    path = maker.folder / "sources" / name
    encode(maker.short.wave, 16_000, path, *options)
    return path.read_bytes()


def _names(maker: Maker) -> None:
    data = _plain(maker, "name.wav")
    for name in (
        "talk-10:30.wav",
        "file:x.wav",
        "http:x.wav",
        "concat:a|b.wav",
        "pipe:0",
        "100%d.wav",
    ):
        _named(maker, maker.path(name), data)
    for name in (
        "spaces in it.wav",
        "Gespräch – 今日.wav",
        "no-ending",
        "wrong-ending.mp3",
        "'quotes\".wav",
    ):
        _named(maker, maker.path(name), data)


def _named(maker: Maker, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    maker.add(path, NAMES, FINE, [maker.whole("short")])


def _no_audio(maker: Maker) -> None:
    for name, data in {
        "empty.wav": b"",
        "empty.mp3": b"",
        "one-byte.ogg": b"O",
        "text.txt": b"These are words, but nobody speaks them.\n" * 50,
        "page.mp3": b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n" * 20,
        "json.webm": b'{"error": "not found"}',
        "noise.bin": maker.chance.randbytes(20_000),
        "zeros.wav": bytes(20_000),
        "zip.m4a": b"PK\x03\x04" + maker.chance.randbytes(3000),
        "header-only.flac": b"fLaC",
        "list.m3u": b"#EXTM3U\nhttp://127.0.0.1:9/talk.mp3\n",
        "concat.txt": b"ffconcat version 1.0\nfile /etc/hostname\n",
    }.items():
        path = maker.path(f"no-{name}")
        path.write_bytes(data)
        maker.add(path, NOTHING, UNREADABLE)
    path = maker.path("no-picture.png")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=1:r=1", "-frames:v", "1", f"file:{path}")
    maker.add(path, NOTHING, UNREADABLE)
    for name, seconds in (("silence.wav", 4.0), ("short.wav", 0.01), ("nothing.wav", 0.0)):
        path = maker.path(f"no-{name}")
        encode(np.zeros(round(seconds * 16_000), np.float32), 16_000, path)
        maker.add(path, NOTHING, FINE if seconds else (0, 1))


def _long(maker: Maker) -> None:
    """An hour, with a talk at its start, in its middle and at its end."""
    talk = maker.short
    wave = np.zeros(HOUR_S * 16_000, np.float32)
    places = [0.0, HOUR_S / 2, HOUR_S - talk.seconds]
    for at_s in places:
        start = round(at_s * 16_000)
        wave[start : start + len(talk.wave)] = talk.wave
    path = maker.path("hour.flac")
    encode(wave, 16_000, path)
    maker.add(path, LONG, FINE, [Piece("short", 0.0, talk.seconds, at_s) for at_s in places])
    path = maker.path("hour.mp3")
    encode(wave, 16_000, path, "-b:a", "32k")
    maker.add(path, LONG, EITHER, [Piece("short", 0.0, talk.seconds, at_s) for at_s in places])
