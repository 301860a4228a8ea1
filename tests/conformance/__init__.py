"""Tables of cases that hold in Python and in JavaScript alike.

`downmix`: the number of `channels`, the `sample_rate` in Hz, the `frames` (a sample of each channel),
the `pushes` (how many frames come at once), and what is `expected` of all of them and of the end, to
1e-6.

`layout`: what differs from the usual `layout`, the `finals`, and the `cues` expected.

`breaks`: `widths` are texts, and how many columns they take; `units` are texts, and what of them
stays whole; `cost` is what each kind of break costs; `breaks` are units before and after a break, the
language, and the kind.

`full_stops`: a word, the next one, the language, and whether the full stop may end a sentence.

`inbox`: what is `put` into it while nobody takes anything, each with its type and utterance, and the
places in it of what is `left`.

`outbox` and `timeline`: steps, and what those give that give something. `audio` is that of a live
source: the oldest is dropped. `most_bytes` is the longest piece that is taken.

`refusals`: the `status` of a refused handshake, or the code of a `close` (1006 where there was none),
and whether it `passes`, so that the client comes back.
"""

import json
from pathlib import Path
from typing import Any


def table(name: str) -> Any:
    """One of them, as it is."""
    return json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))


def cases(name: str) -> list[dict[str, Any]]:
    """Those of one table, each with a `name`."""
    found: list[dict[str, Any]] = table(name)
    return found
