"""Cues -> the text of SubRip and WebVTT files, piece by piece."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from surtitle.subtitles.cues import Cue

VTT_HEADER = "WEBVTT\n\n"


@dataclass(frozen=True, slots=True)
class CueFormat:
    """How a file of cues is written, also one that grows."""

    header: str
    blocks: Callable[[Iterable[Cue], int], Iterator[str]]
    """Of these cues, which are numbered from the second argument on."""


def cue_format(kind: str) -> CueFormat | None:
    """Of srt, vtt or ass; None of what has no cues."""
    match kind:
        case "srt":
            return CueFormat("", format_srt)
        case "vtt":
            return CueFormat(VTT_HEADER, lambda cues, first: map(format_vtt_cue, cues))
        case "ass":
            from surtitle.subtitles import substation  # the server needs none of it

            return CueFormat(substation.HEADER, lambda cues, first: substation.format_events(cues))
        case _:
            return None


def format_srt(cues: Iterable[Cue], first: int = 1) -> Iterator[str]:
    """SubRip: blocks, numbered from `first` on. It knows no escapes: what looks like markup stays."""
    for number, cue in enumerate(cues, start=first):
        start, end = _clock(cue.start_ms, ","), _clock(cue.end_ms, ",")
        yield f"{number}\n{start} --> {end}\n" + "\n".join(cue.lines) + "\n\n"


def format_vtt(cues: Iterable[Cue]) -> Iterator[str]:
    """WebVTT: the header and a block for each cue."""
    yield VTT_HEADER
    yield from map(format_vtt_cue, cues)


def format_vtt_cue(cue: Cue) -> str:
    """One block of WebVTT; markup characters are escaped."""
    text = "\n".join(cue.lines)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"{vtt_time(cue.start_ms)} --> {vtt_time(cue.end_ms)}\n{text}\n\n"


def vtt_time(ms: int) -> str:
    """A time as WebVTT writes it."""
    return _clock(ms, ".")


def _clock(ms: int, separator: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{separator}{ms:03}"
