"""Finals -> cues: lines that can be read, and when to show them.

All finals of a talk are laid out together, so that a sentence which the recogniser had to cut is not
cut on the screen. Of all ways to break the text into lines and the lines into cues, the cheapest is
taken (as Knuth and Plass do for paragraphs, "Breaking Paragraphs into Lines", 1981): a break costs what
`breaks` says, empty space costs its square, and a cue costs something if it holds a single word or is
gone too soon. `web_demo/cues.js` does the same, with the same integers.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Literal

from surtitle.messages import Final, WordTiming
from surtitle.subtitles.breaks import BOUND, CLAUSE, SENTENCE, break_cost, text_units, text_width

Style = Literal["block", "roll-up"]

APART_MS = 1000
"""Silence over which no cue reaches: what comes after it would be read before it is said."""
PAUSE_MS = 300
"""Silence that is a good place for a break, whatever the words."""
FLICKER_MS = 500
"""A screen that is empty for less than this flickers; such gaps are closed (Netflix, "Frame gap")."""

MAX_UNITS = 48
LOOK_AHEAD = 24
"""Of Steps, in units: a cue of two lines has 16 words."""

_CUE = 10  # the cost of one more cue
_ORPHAN = 40  # of a word alone, where there is a neighbour to take it
_HASTE = 15  # of a cue that must go before it can be read
_INSTANT = 1_000_000  # columns a second that nobody has to read
_INNER_END = 8  # of a sentence that ends inside a cue, and once more where that is inside a line


@dataclass(frozen=True, slots=True)
class Layout:
    """How captions are laid out.

    Two lines of 42 columns for 1 to 7 seconds with two frames between cues are what broadcasters and
    streaming services ask for. A gap of 0 lets a cue take over from the one before.
    """

    width: int = 42
    """Columns of a line; full-width characters take two."""
    lines: int = 2
    """Lines on screen."""
    min_ms: int = 1000
    """A shorter cue stays on into the silence after it, as far as that goes."""
    columns_per_s: int = 20
    """So does one that would have to be read faster than this."""
    max_ms: int = 7000
    """What is said in a longer time makes several cues, as far as it has several words."""
    gap_ms: int = 80
    """At least so long between two cues; with roll-up there is none."""
    style: Style = "block"
    """Blocks replace each other; roll-up lines push the one above out."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines of text and when to show them, in milliseconds of session audio."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Unit:
    """What stays whole, with when it is said and what a break after it costs."""

    text: str
    width: int
    start_ms: int
    end_ms: int
    cost: int = SENTENCE


def lay_out(finals: Iterable[Final], layout: Layout | None = None) -> list[Cue]:
    """The cues of a talk, in order and without overlap."""
    layout = layout or Layout()
    shown = replace(layout, lines=1) if layout.style == "roll-up" else layout
    passages = [[cue for cue, _ in _cues(units, shown)] for units in _passages(finals)]
    if layout.style == "roll-up":
        passages = [_roll_up(cues, layout.lines) for cues in passages]
    return _on_screen([cue for cues in passages for cue in cues], layout)


def lay_out_in_steps(finals: Iterable[Final], layout: Layout | None = None) -> Iterator[Cue]:
    """The same, see Steps."""
    steps = Steps(layout)
    for final in finals:
        yield from steps.add(final)
    yield from steps.end()


class Steps:
    """Lays out a talk final by final, in steps of milliseconds: all of an hour takes seconds.

    The cues are those of `lay_out`, but in a passage of more than MAX_UNITS. There, the beginning is
    laid out before its end is known: what comes LOOK_AHEAD units later hardly ever changes it.
    """

    def __init__(self, layout: Layout | None = None) -> None:
        self._layout = layout or Layout()
        self._rolls = self._layout.style == "roll-up"
        self._shown = replace(self._layout, lines=1) if self._rolls else self._layout
        self._units: list[_Unit] = []  # of the passage, as far as they are not laid out
        self._above: list[str] = []  # lines of the passage that are still on screen
        self._last: Cue | None = (
            None  # which is on screen until the next one leaves it no more time
        )
        self._is_last_of_passage = True
        self._free_ms = 0

    def add(self, final: Final) -> list[Cue]:
        """The next final; the cues that nothing can change any more."""
        found: list[Cue] = []
        units = _timed_units(final)
        if self._units and units:
            self._units[-1], units[0] = _joined(self._units[-1], units[0], final.language)
        for unit in units:
            if self._units and unit.start_ms - self._units[-1].end_ms >= APART_MS:
                found += self._end_passage()
            self._units.append(unit)
        while len(self._units) > MAX_UNITS:
            cues = _cues(self._units, self._shown)
            end = len(self._units) - LOOK_AHEAD
            ready = [(cue, to) for cue, to in cues if to <= end] or cues[:1]
            found += self._show([cue for cue, _ in ready])
            del self._units[: ready[-1][1]]
        return found

    def end(self) -> list[Cue]:
        """No more comes."""
        found = self._end_passage() if self._units else []
        if self._last is not None:
            found.append(self._timed(self._last, None))
            self._last = None
        return found

    def _end_passage(self) -> list[Cue]:
        found = self._show([cue for cue, _ in _cues(self._units, self._shown)])
        self._units, self._above, self._is_last_of_passage = [], [], True
        return found

    def _show(self, cues: Iterable[Cue]) -> list[Cue]:
        found = []
        for cue in cues:
            if self._last is not None:
                found.append(self._timed(self._last, cue.start_ms))
            if self._rolls:
                self._above = [*self._above, *cue.lines][-self._layout.lines :]
                cue = replace(cue, lines=tuple(self._above))
            self._last, self._is_last_of_passage = cue, False
        return found

    def _timed(self, cue: Cue, next_ms: int | None) -> Cue:
        if self._rolls and next_ms is not None and not self._is_last_of_passage:
            cue = replace(cue, end_ms=next_ms)  # it is there until the next line pushes it up
        shown = _timed(cue, self._free_ms, next_ms, self._layout)
        self._free_ms = shown.end_ms
        return shown


class LiveLayout:
    """Cues of finals as they come, when the next one is not known yet.

    Each final is laid out alone. Its last cue takes its minimum time, and what comes next waits for it.
    """

    def __init__(self, layout: Layout | None = None) -> None:
        # Who reads slowly would make all that follows late.
        self._layout = replace(layout or Layout(), columns_per_s=_INSTANT)
        self.free_ms = 0
        """When the screen is free again."""

    def add(self, final: Final) -> list[Cue]:
        """The cues of the next final."""
        cues = self._after(final, self.free_ms)
        if cues:
            self.free_ms = cues[-1].end_ms
        return cues

    def again(self, final: Final, free_ms: int, until_ms: int) -> list[Cue]:
        """The cues of one that was there before, with another text, in the time that it had."""
        return [
            Cue(cue.start_ms, min(cue.end_ms, until_ms), cue.lines)
            for cue in self._after(final, free_ms)
            if cue.start_ms < until_ms
        ]

    def _after(self, final: Final, free_ms: int) -> list[Cue]:
        waiting = []
        for cue in lay_out([final], self._layout):
            start_ms = max(cue.start_ms, free_ms)
            # One that had to wait past its end gets its time all the same.
            least_ms = min(self._layout.min_ms, cue.end_ms - cue.start_ms)
            waiting.append(Cue(start_ms, max(cue.end_ms, start_ms + least_ms), cue.lines))
            free_ms = waiting[-1].end_ms
        return waiting


# -- from finals to units -------------------------------------------------------------------------


def _passages(finals: Iterable[Final]) -> list[list[_Unit]]:
    """The units of all finals, parted where nobody speaks for long."""
    passages: list[list[_Unit]] = []
    for final in finals:
        units = _timed_units(final)
        if passages and units:
            passages[-1][-1], units[0] = _joined(passages[-1][-1], units[0], final.language)
        for unit in units:
            if passages and unit.start_ms - passages[-1][-1].end_ms < APART_MS:
                passages[-1].append(unit)
            else:
                passages.append([unit])
    return passages


def _joined(last: _Unit, first: _Unit, language: str) -> tuple[_Unit, _Unit]:
    """The last unit of a final and the first of the next one, as parts of one text."""
    if len(text_units(last.text[-1] + first.text[0])) == 1:  # they would become one word
        first = replace(first, text=" " + first.text, width=first.width + 1)
    return _with_cost(last, first, language), first


def _timed_units(final: Final) -> list[_Unit]:
    """The units of one final: with the times of its words, or in proportion to the characters."""
    texts = text_units(" ".join(final.text.split()))
    words = final.words or [
        WordTiming(
            text="".join(texts), start_ms=final.start_ms, end_ms=final.end_ms, confidence=1.0
        )
    ]
    clock = _Clock(words)
    units, seen, now_ms = [], 0, final.start_ms
    for text in texts:
        size = len(text.replace(" ", ""))
        start_ms = min(max(clock.starts_ms(seen), now_ms), final.end_ms)
        now_ms = min(max(clock.ends_ms(seen + size), start_ms), final.end_ms)
        units.append(_Unit(text, text_width(text), start_ms, now_ms))
        seen += size
    timed = [_with_cost(unit, after, final.language) for unit, after in pairwise(units)]
    return timed + units[-1:]


def _with_cost(unit: _Unit, after: _Unit, language: str) -> _Unit:
    cost = break_cost(unit.text, after.text, language)
    paused = after.start_ms - unit.end_ms >= PAUSE_MS
    return replace(unit, cost=min(cost, CLAUSE) if paused and cost < BOUND else cost)


class _Clock:
    """When a character is said, by its place among those that are no space; even within a word."""

    def __init__(self, words: Sequence[WordTiming]) -> None:
        self._words = words
        self._sizes = [len("".join(word.text.split())) for word in words]
        self._ends = list(accumulate(self._sizes))

    def starts_ms(self, place: int) -> int:
        """When the character at this place begins."""
        return next(
            (self._within(at, place) for at, end in enumerate(self._ends) if place < end), 0
        )

    def ends_ms(self, place: int) -> int:
        """When the character before this place ends."""
        at = next((at for at, end in enumerate(self._ends) if place <= end), len(self._ends) - 1)
        return self._within(at, min(place, self._ends[at]))

    def _within(self, at: int, place: int) -> int:
        word, size = self._words[at], self._sizes[at]
        said = place - (self._ends[at] - size)
        return word.start_ms + (word.end_ms - word.start_ms) * said // (size or 1)


# -- from units to cues ---------------------------------------------------------------------------


def _cues(units: Sequence[_Unit], layout: Layout) -> list[tuple[Cue, int]]:
    """The cheapest cues of a passage, each as long as it is spoken, and where in the units it ends."""
    lines_from = [_lines(units, at, layout.width) for at in range(len(units))]
    columns = [0, *accumulate(unit.width for unit in units)]
    best = [0] * (len(units) + 1)  # cost of everything from a unit on
    chosen: dict[int, tuple[int, ...]] = {}  # where the lines of a cue end, by where it begins
    for start in reversed(range(len(units))):
        costs = {}
        for breaks, cost in _line_breaks(units, lines_from, start, layout):
            end = breaks[-1]
            needed_ms = _reading_ms(columns[end] - columns[start], layout)
            costs[breaks] = cost + _cue_cost(units, start, end, needed_ms) + best[end]
        chosen[start] = min(costs, key=costs.__getitem__)
        best[start] = costs[chosen[start]]
    cues: list[tuple[Cue, int]] = []
    start = 0
    while start < len(units):
        bounds = (start, *chosen[start])
        lines = ("".join(u.text for u in units[a:b]).strip() for a, b in pairwise(bounds))
        cue = Cue(units[start].start_ms, units[bounds[-1] - 1].end_ms, tuple(lines))
        start = bounds[-1]
        cues.append((cue, start))
    return cues


def _line_breaks(
    units: Sequence[_Unit], lines_from: Sequence[list[tuple[int, int]]], start: int, layout: Layout
) -> list[tuple[tuple[int, ...], int]]:
    """Each way to end a cue that begins at `start`: where its lines end, and what they cost.

    For each end the cheapest way to get there with each number of lines.
    """
    latest_ms = units[start].start_ms + layout.max_ms
    ways: dict[int, tuple[tuple[int, ...], int]] = {start: ((), 0)}
    found: list[tuple[tuple[int, ...], int]] = []
    for _ in range(layout.lines):
        longer: dict[int, tuple[tuple[int, ...], int]] = {}
        for at, (breaks, spent) in ways.items():
            inner_break = _inner_break(units[at - 1]) if breaks else 0
            for end, cost in lines_from[at]:
                if units[end - 1].end_ms > latest_ms and end > start + 1:
                    break
                cost += spent + inner_break
                if end not in longer or cost < longer[end][1]:
                    longer[end] = ((*breaks, end), cost)
        found += longer.values()
        ways = {end: way for end, way in longer.items() if end < len(units)}
    return found


def _lines(units: Sequence[_Unit], start: int, width: int) -> list[tuple[int, int]]:
    """Where a line that begins at `start` may end, and what it costs; a longer unit stands alone."""
    found: list[tuple[int, int]] = []
    used = -1 if units[start].text.startswith(" ") else 0
    inner = 0
    for end in range(start + 1, len(units) + 1):
        unit = units[end - 1]
        used += unit.width
        if used > width and found:
            break
        slack = max(width - used, 0) * 100 // width
        found.append((end, slack * slack // 500 + inner))
        inner += 2 * _INNER_END if unit.cost == SENTENCE else 0
    return found


def _inner_break(unit: _Unit) -> int:
    """What the break between two lines of a cue costs."""
    return _INNER_END if unit.cost == SENTENCE else unit.cost // 2


def _cue_cost(units: Sequence[_Unit], start: int, end: int, needed_ms: int) -> int:
    cost = _CUE + units[end - 1].cost
    if end == start + 1 and len(units) > 1:
        cost += _ORPHAN
    if end < len(units) and units[end].start_ms - units[start].start_ms < needed_ms:
        cost += _HASTE
    return cost


def _reading_ms(columns: int, layout: Layout) -> int:
    return max(layout.min_ms, columns * 1000 // layout.columns_per_s)


# -- from cues to the screen ----------------------------------------------------------------------


def _roll_up(cues: Sequence[Cue], lines: int) -> list[Cue]:
    """Cues of one line each -> each with the lines before it, on screen until the next one comes."""
    ends = [cue.start_ms for cue in cues[1:]] + [cues[-1].end_ms]
    return [
        Cue(cue.start_ms, end_ms, tuple(c.lines[0] for c in cues[max(at - lines, 0) : at]))
        for at, (cue, end_ms) in enumerate(zip(cues, ends, strict=True), 1)
    ]


def _on_screen(cues: Sequence[Cue], layout: Layout) -> list[Cue]:
    """Cues as long as they are shown."""
    shown: list[Cue] = []
    for at, cue in enumerate(cues):
        free_ms = shown[-1].end_ms if shown else 0
        next_ms = cues[at + 1].start_ms if at + 1 < len(cues) else None
        shown.append(_timed(cue, free_ms, next_ms, layout))
    return shown


def _timed(cue: Cue, free_ms: int, next_ms: int | None, layout: Layout) -> Cue:
    """A cue as long as it is shown: from when the screen is free, until it can be read, where the next
    one leaves the time.
    """
    start_ms = max(cue.start_ms, free_ms)
    new = cue.lines[-1:] if layout.style == "roll-up" else cue.lines
    needed_ms = _reading_ms(sum(map(text_width, new)), layout)
    end_ms = max(cue.end_ms, start_ms + needed_ms)
    if next_ms is not None:
        gap_ms = 0 if layout.style == "roll-up" else layout.gap_ms
        latest_ms = next_ms - gap_ms
        end_ms = latest_ms if latest_ms - end_ms < FLICKER_MS else end_ms
    # Where two begin at once, the second waits: no player shows a cue that takes no time.
    return Cue(start_ms, max(end_ms, start_ms + 1), cue.lines)


# -- how fast it must be read ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadingSpeed:
    """How fast cues must be read, over the time that they are on screen.

    Characters count with spaces, words are units of `breaks`: single characters in scripts without
    spaces. Television aims at 160 to 180 words a minute (BBC Subtitle Guidelines, "Timing"), streaming
    services at 20 characters a second at most (Netflix, "Reading speed limits").
    """

    characters_per_second: float
    words_per_minute: float
    fastest: float
    """Characters a second of the cue that asks most."""


def reading_speed(cues: Iterable[Cue]) -> ReadingSpeed | None:
    """Of all cues together; None without any. Lines that only rolled up are not read again."""
    characters = words = shown_ms = 0
    fastest = 0.0
    above: tuple[str, ...] = ()
    for cue in cues:
        rolled = len(cue.lines) - 1
        lines = cue.lines[rolled:] if rolled and cue.lines[:-1] == above[-rolled:] else cue.lines
        size, ms = len(" ".join(lines)), cue.end_ms - cue.start_ms
        characters += size
        words += sum(len(text_units(line)) for line in lines)
        shown_ms += ms
        fastest = max(fastest, size * 1000 / ms)
        above = cue.lines
    if not shown_ms:
        return None
    return ReadingSpeed(characters * 1000 / shown_ms, words * 60_000 / shown_ms, fastest)
