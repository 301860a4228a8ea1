"""What words do on a screen while they are read: from what was seen, moment by moment. Pure.

Words come at the end and go at the beginning. So two moments are laid over each other at the words
that stay, in the order in which they stand; a word between them that was written anew goes on as the
same one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

READ_AFTER_S = 0.4
"""A word that was seen for so long is being read, and shall stand still."""
STILL_PX = 2.0
"""So little is not seen: the rounding of widths."""
SHORT_S, BRIEF_S = 1.0, 1.5
"""Words that could be read for less are counted."""
_MATCH, _CHANGE = 1.0, -1.0
_SAME_COLUMN = 0.05
"""Of two words that are equal, the one that stands where the word stood is the same one."""


class Word(NamedTuple):
    """A word on the screen, in CSS pixels."""

    text: str
    left: float
    top: float


class Moment(NamedTuple):
    """What is seen from this time on, in order."""

    at_s: float
    words: Sequence[Word]


@dataclass
class _Seen:
    """One word over time."""

    text: str
    since_s: float
    moved: bool = False
    withdrawn: bool = False  # by what was understood later, not by the screen
    gone_s: float | None = None  # None: it is there to the end


@dataclass
class Figures:
    """How still it was."""

    words: int
    """That stood long enough to be read."""
    moved: int
    """That shifted while they were read, other than with all others straight up."""
    jumps: int
    """Moments at which words moved."""
    minutes: float
    short: int
    """That were gone in less than SHORT_S, though nobody had taken them back."""
    brief: int
    """The same with BRIEF_S."""
    moves: list[str] = field(default_factory=list)
    """What moved, for who looks for the cause."""

    @property
    def moved_share(self) -> float:
        """Of the words that stood long enough to be read."""
        return self.moved / self.words if self.words else 0.0

    @property
    def jumps_a_minute(self) -> float:
        """On average."""
        return self.jumps / self.minutes if self.minutes else 0.0


def figures(moments: Sequence[Moment], end_s: float) -> Figures:
    """Of all moments up to the end."""
    seen: list[_Seen] = []
    here: list[_Seen] = []
    before: Sequence[Word] = ()
    jumps, moves = 0, []
    for at_s, words in moments:
        pairs = aligned(before, words)
        moved = _moved(before, words, pairs)
        read = [here[old] for old in moved if at_s - here[old].since_s >= READ_AFTER_S]
        for each in read:
            each.moved = True
        if read:
            jumps += 1
            moves.append(f"{at_s:.2f} s: {' '.join(each.text for each in read)}")
        here = _next(here, words, pairs, at_s, seen)
        before = words
    stood = [each for each in seen if (each.gone_s or end_s) - each.since_s >= READ_AFTER_S]
    lasted_s = [
        each.gone_s - each.since_s
        for each in seen
        if each.gone_s is not None and not each.withdrawn
    ]
    return Figures(
        words=len(stood),
        moved=sum(each.moved for each in seen),
        jumps=jumps,
        minutes=end_s / 60,
        short=sum(each_s < SHORT_S for each_s in lasted_s),
        brief=sum(each_s < BRIEF_S for each_s in lasted_s),
        moves=moves,
    )


def aligned(before: Sequence[Word], after: Sequence[Word]) -> list[tuple[int, int]]:
    """Which word is which: pairs of places, of equal words and of words written anew.

    What is gone from the beginning and what is new at the end costs nothing.
    """
    old, new = ([_bare(word.text) for word in words] for words in (before, after))
    if old == new[: len(old)]:
        return [(place, place) for place in range(len(old))]
    rows, columns = len(old) + 1, len(new) + 1
    score = [[0.0] * columns for _ in range(rows)]
    step = [[""] * columns for _ in range(rows)]
    for j in range(1, columns):
        score[0][j], step[0][j] = _CHANGE * j, "added"
    for i in range(1, rows):
        step[i][0] = "gone"
        for j in range(1, columns):
            both = _MATCH if old[i - 1] == new[j - 1] else _CHANGE
            if abs(before[i - 1].left - after[j - 1].left) <= STILL_PX:
                both += _SAME_COLUMN
            score[i][j], step[i][j] = max(
                (score[i - 1][j - 1] + both, "both"),
                (score[i - 1][j] + _CHANGE, "gone"),
                (score[i][j - 1] + _CHANGE, "added"),
            )
    i, j = rows - 1, max(range(columns), key=lambda column: score[-1][column])
    pairs = []
    while i and j:
        if step[i][j] == "both":
            pairs.append((i - 1, j - 1))
        i, j = i - (step[i][j] != "added"), j - (step[i][j] != "gone")
    return pairs[::-1]


def _moved(
    before: Sequence[Word], after: Sequence[Word], pairs: Sequence[tuple[int, int]]
) -> list[int]:
    """The places, before, of equal words that shift other than straight up with all others."""
    equal = [(i, j) for i, j in pairs if _bare(before[i].text) == _bare(after[j].text)]
    if not equal:
        return []
    ups = sorted(before[i].top - after[j].top for i, j in equal)
    scroll = max(ups[len(ups) // 2], 0.0)
    return [
        i
        for i, j in equal
        if abs(before[i].left - after[j].left) > STILL_PX
        or abs(before[i].top - after[j].top - scroll) > STILL_PX
    ]


def _next(
    here: list[_Seen],
    words: Sequence[Word],
    pairs: Sequence[tuple[int, int]],
    at_s: float,
    seen: list[_Seen],
) -> list[_Seen]:
    """Who is there now; who is not gets its end."""
    stays = dict(pairs)
    first = min(stays, default=len(here))
    for place, each in enumerate(here):
        if place not in stays:
            each.gone_s = at_s
            each.withdrawn = place > first
    came = {j: here[i] for i, j in pairs}
    now = []
    for place, word in enumerate(words):
        if place not in came:
            came[place] = _Seen(word.text, at_s)
            seen.append(came[place])
        came[place].text = word.text
        now.append(came[place])
    return now


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower() or text
