"""Containers that tests make, whole and damaged."""

import io
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from lab.places import SAMPLE
from surtitle.jobs import SAMPLE_RATE, Pcm16

Float = NDArray[np.float32]

FASTSTART = {"movflags": "faststart"}
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}
CLICK_S = 0.01
"""Length of a click."""


def in_flac(samples: Pcm16) -> bytes:
    """16 kHz mono audio as a FLAC stream; digital silence takes 15 bytes a second."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as muxer:
        stream = muxer.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        for start in range(0, len(samples), 60 * SAMPLE_RATE):
            part = samples[start : start + 60 * SAMPLE_RATE]
            frame = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            muxer.mux(stream.encode(frame))
        muxer.mux(stream.encode(None))
    return file.getvalue()


# -- sounds whose place can be told -------------------------------------------------------------


def clicks(seconds: float, rate: int = 48_000, first_s: float = 0.5) -> Float:
    """A click every second, over noise that no codec leaves out."""
    count = round(seconds * rate)
    wave = np.random.default_rng(5).standard_normal(count).astype(np.float32) * np.float32(0.003)
    burst = 0.8 * np.sin(2 * np.pi * 1200 * np.arange(round(CLICK_S * rate)) / rate)
    for at_s in np.arange(first_s, seconds - CLICK_S, 1.0):
        at = round(float(at_s) * rate)
        wave[at : at + len(burst)] += burst.astype(np.float32)
    return wave


def click_times_s(samples: Pcm16) -> list[float]:
    """Where clicks begin in 16 kHz audio."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 5000)
    begins = loud[np.flatnonzero(np.diff(loud, prepend=-SAMPLE_RATE) > SAMPLE_RATE // 4)]
    return [round(float(each) / SAMPLE_RATE, 3) for each in begins]


# -- encoding -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Track:
    """An audio track: samples of shape (n,) or (n, channels), and how they are put in."""

    frames: Float
    codec: str
    rate: int = 48_000
    begins_s: float = 0.0
    hole_at_s: float = np.inf
    """What follows comes later by `hole_s`."""
    hole_s: float = 0.0
    default: bool = False
    title: str = ""


def encode(
    file_format: str,
    *tracks: Track,
    options: Mapping[str, str] | None = None,
    picture: bool = False,
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """A file of these tracks; a `picture` begins at 0 s and is as long as they are."""
    with TemporaryDirectory() as folder:  # FFmpeg goes back to some of its files by name
        path = Path(folder) / "audio"
        with av.open(str(path), "w", format=file_format, options=dict(options or {})) as muxer:
            muxer.metadata.update(tags or {})
            streams: list[av.AudioStream] = []
            for track in tracks:
                stream = muxer.add_stream(
                    track.codec, rate=track.rate, layout=_layout(track.frames)
                )
                assert isinstance(stream, av.AudioStream)
                if track.default:
                    stream.disposition = Disposition.default
                elif any(each.default for each in tracks):
                    stream.disposition = Disposition(0)
                if track.title:
                    stream.metadata["title"] = track.title
                streams.append(stream)
            video = _add_video(muxer, file_format) if picture else None
            packets = [
                packet
                for track, stream in zip(tracks, streams, strict=True)
                for packet in _audio_packets(track, stream)
            ]
            if video is not None:
                length_s = max(len(each.frames) / each.rate + each.begins_s for each in tracks)
                packets += _video_packets(video, length_s)
            packets.sort(key=lambda packet: float((packet.dts or 0) * packet.time_base))
            for packet in packets:
                muxer.mux(packet)
        return path.read_bytes()


def by_ffmpeg(
    options: Sequence[str],
    file_format: str,
    data: bytes | None = None,
    reading: Sequence[str] = (),
    *,
    into_pipe: bool = False,
) -> bytes:
    """What the command makes of the spoken sample, or of a file; `reading` are options for that.

    `into_pipe`: it cannot go back to what it has written.
    """
    with TemporaryDirectory() as folder:
        source, made = Path(folder) / "source", Path(folder) / "made"
        if data is None:
            source = SAMPLE
        else:
            source.write_bytes(data)
        command = ["ffmpeg", "-v", "error", *reading, "-i", str(source), *options]
        command += ["-f", file_format, "pipe:1" if into_pipe else str(made)]
        done = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        if into_pipe:
            return done.stdout
        return made.read_bytes()


def _layout(frames: Float) -> str:
    channels = 1 if frames.ndim == 1 else frames.shape[1]
    return {1: "mono", 2: "stereo", 6: "5.1"}.get(channels, f"{channels} channels")


def _audio_packets(track: Track, stream: av.AudioStream) -> Iterator["av.Packet[Any]"]:
    context = stream.codec_context
    layout = _layout(track.frames)
    convert = av.AudioResampler(format=context.format, layout=layout, rate=track.rate)
    interleaved = np.ascontiguousarray(track.frames.reshape(1, -1))
    whole = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=layout)
    whole.sample_rate, whole.pts = track.rate, 0
    fifo = av.AudioFifo()
    for converted in [*convert.resample(whole), *convert.resample(None)]:
        converted.pts = None
        fifo.write(converted)
    position = 0
    context.open()
    while (piece := fifo.read(context.frame_size or 1024, partial=True)) is not None:
        late_s = track.begins_s + (track.hole_s if position >= track.hole_at_s * track.rate else 0)
        piece.pts = position + round(late_s * track.rate)
        piece.time_base = Fraction(1, track.rate)
        position += piece.samples
        yield from stream.encode(piece)
    yield from stream.encode(None)


def _add_video(muxer: "av.container.OutputContainer", file_format: str) -> "av.VideoStream":
    codec = "libvpx" if file_format in ("webm", "matroska") else "mpeg4"
    stream = muxer.add_stream(codec, rate=10)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
    return stream


def _video_packets(stream: "av.VideoStream", seconds: float) -> Iterator["av.Packet[Any]"]:
    for number in range(round(seconds * 10)):
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 10)
        yield from stream.encode(frame)
    yield from stream.encode(None)


# -- damage -------------------------------------------------------------------------------------


def hurt(data: bytes, at: float, length: int) -> bytes:
    """`length` bytes from a part of the way on are nonsense."""
    start = int(at * len(data))
    nonsense = np.random.default_rng(6).bytes(length)
    return data[:start] + nonsense + data[start + length :]


def without_packets(data: bytes, lost: Sequence[int]) -> bytes:
    """A transport stream that lacks packets of these numbers."""
    packets = [data[start : start + 188] for start in range(0, len(data), 188)]
    gone = set(lost)
    return b"".join(packet for number, packet in enumerate(packets) if number not in gone)
