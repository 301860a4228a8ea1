"""Chinese in the script that was asked for: Whisper mixes simplified and traditional characters."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise

from opencc import OpenCC

from surtitle.jobs import Script

_CONFIGURATIONS: dict[Script, str] = {"hans": "t2s", "hant": "s2t", "tw": "s2tw", "hk": "s2hk"}
"""OpenCC's: by characters and phrases, not by vocabulary, so that the words are the speaker's."""


def write_parts(parts: Sequence[str], script: Script) -> list[str]:
    """The parts of one text in that script; what is in it already, or no Chinese, stays.

    They are converted together, since a character may depend on those beside it.
    """
    convert = _converter(script).convert
    text = "".join(parts)
    written = convert(text)
    if len(written) != len(text):
        return [convert(part) for part in parts]
    ends = list(accumulate(map(len, parts), initial=0))
    return [written[start:end] for start, end in pairwise(ends)]


@cache
def _converter(script: Script) -> OpenCC:
    """Reads the dictionaries, once."""
    return OpenCC(_CONFIGURATIONS[script])
