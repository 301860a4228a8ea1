"""Times of containers: audio that begins later than the picture, holes, clocks that begin anywhere."""

import numpy as np

from wild.expectation import Hole, Piece
from wild.maker import FINE, Maker, NoEncoder, encode, ffmpeg

KIND = "container times"
VIDEO = ("-c:v", "libx264", "-preset", "ultrafast")


def make(maker: Maker) -> None:
    """With the short talk, or both."""
    sources = maker.folder / "sources"
    voice = sources / "clock.wav"
    encode(maker.short.wave, 16_000, voice)
    picture = ("-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=16")
    for name, codec in (
        ("mp4", "aac"),
        ("mkv", "libopus"),
        ("mov", "aac"),
        ("ts", "aac"),
        ("webm", "libopus"),
        ("flv", "aac"),
    ):
        video = ("-c:v", "libvpx", "-deadline", "realtime") if name == "webm" else VIDEO
        path = maker.path(f"begins-at-5s.{name}")
        rate = "44100" if name == "flv" else "48000"
        _run(
            maker,
            path,
            *(*picture, "-itsoffset", "5", "-i", str(voice), "-map", "0:v", "-map", "1:a", *video),
            *("-ar", rate, "-c:a", codec),
        )
        maker.add(path, KIND, FINE, [maker.whole("short", 5.0)])
    for name, codec in (("mkv", "libopus"), ("ts", "aac"), ("mp4", "aac")):
        path = maker.path(f"clock-at-an-hour.{name}")
        _run(
            maker,
            path,
            *("-i", str(voice), "-ar", "48000", "-c:a", codec, "-output_ts_offset", "3600"),
        )
        # An edit list says when the audio of an MP4 begins: an hour of silence is what it says.
        if name == "mp4":
            path.unlink(missing_ok=True)
            continue
        maker.add(path, KIND, FINE, [maker.whole("short")])
    _holes(maker)
    _priming(maker)


def _holes(maker: Maker) -> None:
    """Seven seconds without packets between the two talks."""
    short_s = maker.short.seconds
    both = np.concatenate([maker.short.wave, maker.other.wave])
    joined = maker.folder / "sources" / "both.wav"
    encode(both, 16_000, joined)
    moved = f"asetpts=PTS+gte(T\\,{short_s})*7/TB"
    for name, codec in (("mkv", "libopus"), ("mp4", "aac"), ("webm", "libopus"), ("ts", "aac")):
        path = maker.path(f"hole-of-7s.{name}")
        _run(
            maker,
            path,
            *("-i", str(joined), "-af", f"asetnsamples=160,{moved}", "-ar", "48000"),
            *("-c:a", codec),
        )
        maker.add(
            path,
            KIND,
            (0, 4),
            [maker.whole("short"), maker.whole("other", short_s + 7.0)],
            missing_s=(0.0, 7.5),
        )


def _priming(maker: Maker) -> None:
    """What players cut off: samples before the start, and an edit list."""
    talk = maker.short
    first_end_s = talk.utterances[0].end_s + 0.4
    whole = maker.folder / "sources" / "whole.m4a"
    encode(talk.wave, 16_000, whole, "-c:a", "aac")
    path = maker.path("edit-list.m4a")
    _run(maker, path, "-ss", f"{first_end_s:.3f}", "-i", str(whole), "-c", "copy")
    piece = Piece("short", first_end_s, talk.seconds, 0.0)
    maker.add(path, KIND, FINE, [piece], [Hole(0.0, 0.1)])
    path = maker.path("trimmed.mkv")
    _run(
        maker,
        path,
        *("-ss", f"{first_end_s:.3f}", "-i", str(whole), "-ar", "48000", "-c:a", "libopus"),
    )
    maker.add(path, KIND, FINE, [piece], [Hole(0.0, 0.1)])


def _run(maker: Maker, path: object, *arguments: str) -> None:
    try:
        ffmpeg(*arguments, f"file:{path}")
    except NoEncoder:
        maker.left_out.append(str(path))
        raise
