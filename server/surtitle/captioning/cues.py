"""Finals -> SRT and WebVTT, in lines that can be read.

Each final becomes one or more cues of at most two lines. Times inside a final are those of its words
where they are known, and else in proportion to the characters.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from unicodedata import east_asian_width

from surtitle.captioning.stability import split_units
from surtitle.messages import Final

LINE_CHARACTERS = 42
LINES = 2
"""Two lines of 42: the usual limit of broadcasters and streaming services."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines of text and when to show them, in milliseconds of session audio."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def text_width(text: str) -> int:
    """Columns that a text takes: full-width characters count double."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def wrap(text: str, width: int = LINE_CHARACTERS) -> list[str]:
    """Break text into lines of at most `width` columns; a longer word gets a line of its own."""
    lines: list[str] = []
    line = ""
    for unit in split_units(text):
        if line and text_width((line + unit).strip()) > width:
            lines.append(line.strip())
            line = ""
        line += unit
    return [*lines, line.strip()] if line.strip() else lines


def cues(final: Final) -> list[Cue]:
    """The cues of one final; they cover its time without gap or overlap."""
    lines = wrap(" ".join(final.text.split()))  # a line break in it would end the cue
    blocks = [tuple(lines[i : i + LINES]) for i in range(0, len(lines), LINES)]
    bounds = _bounds(final, blocks)
    return [
        Cue(start, end, block) for (start, end), block in zip(pairwise(bounds), blocks, strict=True)
    ]


def _bounds(final: Final, blocks: Sequence[tuple[str, ...]]) -> list[int]:
    """Where the cues begin, and the end of the last."""
    sizes = [sum(len("".join(line.split())) for line in block) for block in blocks]
    total = sum(sizes) or 1
    duration = final.end_ms - final.start_ms
    bounds, done = [final.start_ms], 0
    for size in sizes:
        done += size
        at = _time_after(final, done) or final.start_ms + duration * done // total
        bounds.append(min(max(at, bounds[-1]), final.end_ms))
    bounds[-1] = final.end_ms
    return bounds


def _time_after(final: Final, characters: int) -> int | None:
    """When the word begins that follows so many characters; None where words have no times."""
    seen = 0
    for word in final.words or ():
        if seen >= characters:
            return max(word.start_ms, final.start_ms)
        seen += len("".join(word.text.split()))
    return None


def format_srt(finals: Iterable[Final]) -> Iterator[str]:
    """SubRip: numbered blocks."""
    for number, cue in enumerate((cue for final in finals for cue in cues(final)), start=1):
        start, end = _clock(cue.start_ms, ","), _clock(cue.end_ms, ",")
        yield f"{number}\n{start} --> {end}\n" + "\n".join(cue.lines) + "\n\n"


def format_vtt(finals: Iterable[Final]) -> Iterator[str]:
    """WebVTT: a header and blocks; markup characters are escaped."""
    yield "WEBVTT\n\n"
    for final in finals:
        for cue in cues(final):
            text = "\n".join(cue.lines)
            text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            yield f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n{text}\n\n"


def _clock(ms: int, separator: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{separator}{ms:03}"
