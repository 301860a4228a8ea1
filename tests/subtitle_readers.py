"""SRT and WebVTT as FFmpeg, webvtt-py and pysubs2 understand them: a path -> cues."""

from collections.abc import Callable
from pathlib import Path

import av
import pysubs2
import webvtt
from av.subtitles.subtitle import AssSubtitle

from surtitle.subtitles.cues import Cue


def read_with_ffmpeg(source: Path | str) -> list[Cue]:
    """The cues as a player based on FFmpeg shows them; of a file, or of an address."""
    cues = []
    with av.open(str(source)) as container:
        (stream,) = container.streams.subtitles
        for packet in container.demux(stream):
            if packet.pts is None or packet.duration is None or packet.time_base is None:
                continue  # the end of the stream
            (subtitle,) = packet.decode()
            assert isinstance(subtitle, AssSubtitle)
            ms = 1000 * packet.time_base
            lines = tuple(subtitle.dialogue.decode().splitlines())
            cues.append(Cue(int(packet.pts * ms), int((packet.pts + packet.duration) * ms), lines))
    return cues


def read_with_webvtt(path: Path) -> list[Cue]:
    """The cues of a strict parser of either format. It leaves WebVTT's escapes as they are."""
    captions = webvtt.from_srt(str(path)) if path.suffix == ".srt" else webvtt.read(str(path))
    return [
        Cue(_ms(caption.start), _ms(caption.end), tuple(caption.text.splitlines()))
        for caption in captions.captions
    ]


def read_with_pysubs2(path: Path) -> list[Cue]:
    """The cues as an editor of subtitles loads them."""
    events = pysubs2.load(str(path), encoding="utf-8")
    return [Cue(event.start, event.end, tuple(event.plaintext.splitlines())) for event in events]


def _ms(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)


READERS: list[Callable[[Path], list[Cue]]] = [read_with_ffmpeg, read_with_pysubs2, read_with_webvtt]
