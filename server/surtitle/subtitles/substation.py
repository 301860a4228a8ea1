"""Cues -> Advanced SubStation Alpha (ASS), for editors of subtitles and players that draw them."""

from collections.abc import Iterable, Iterator

import pysubs2

from surtitle.subtitles.cues import Cue

_STYLE = pysubs2.SSAStyle(fontsize=54, outline=3, shadow=0, marginl=96, marginr=96, marginv=54)
"""As television has it: white with a black edge, in the lower part and clear of the edges."""
_INFO = {
    "ScriptType": "v4.00+",
    "PlayResX": "1920",  # what sizes are measured in, whatever the picture has
    "PlayResY": "1080",
    "WrapStyle": "2",  # lines are broken already
    "ScaledBorderAndShadow": "yes",
}
MAX_MS = 36_000_000 - 10
"""The format has one digit for hours."""


def format_events(cues: Iterable[Cue]) -> Iterator[str]:
    """A line for each cue, as they stand after the header; none for what is said after ten hours."""
    for cue in cues:
        if cue.end_ms > MAX_MS:
            return
        text = r"\N".join(map(_escaped, cue.lines))
        event = pysubs2.SSAEvent(start=cue.start_ms, end=cue.end_ms, text=text)
        yield _written([event]).removeprefix(HEADER)


def _written(events: list[pysubs2.SSAEvent]) -> str:
    file = pysubs2.SSAFile()
    file.info = dict(_INFO)
    file.styles = {"Default": _STYLE}
    file.events = events
    return file.to_string("ass")


def _escaped(line: str) -> str:
    """As it was said, in all readers: the format has no escapes (that of libass is unknown to others).

    Braces become wide ones, and something unseen (U+2060) parts a backslash from the letter after it.
    """
    return line.replace("\\", "\\\u2060").replace("{", "\uff5b").replace("}", "\uff5d")


HEADER = _written([])
