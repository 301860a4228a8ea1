"""Text of others that a terminal may show: nothing in it moves the cursor or turns letters round."""

import re
from collections.abc import MutableMapping
from typing import Any

_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
# C0 and C1 controls, among them ESC and CSI; embeddings, overrides and isolates of direction (Unicode
# Standard Annex 9), which reorder what stands beside them; annotations, tags, halves of surrogates.
# Marks of direction and joiners stay: Hebrew, Persian and emoji are written with them.
_UNFIT = (
    "\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f"
)
_ANY_UNFIT = re.compile(f"[{_UNFIT}]")


def printable(text: str) -> str:
    """The text as one line: spaces for what parts lines, U+FFFD for each other control character."""
    return _ANY_UNFIT.sub(lambda found: " " if found[0] in _SPACES else "\ufffd", text)


def printable_json(text: str) -> str:
    """JSON that means the same, with escapes for what a terminal would act on."""
    return _ANY_UNFIT.sub(_escaped, text)


def printable_event(event: MutableMapping[str, Any]) -> dict[str, Any]:
    """What a line of the log says, its texts as `printable` has them; stacks keep their lines."""
    return {
        name: value if not isinstance(value, str) else _by_lines(name, value)
        for name, value in event.items()
    }


def _by_lines(name: str, text: str) -> str:
    if name not in ("stack", "exception"):
        return printable(text)
    return "\n".join(map(printable, text.split("\n")))


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
