"""What a client asked for at a point of its audio, until voice activity gets there. Pure.

Marks of one window of voice activity are reached together, so only what makes a difference is kept of
them: of updates in a row the newest, and one of each kind that ends an utterance, since there is
nothing left for a second one to end. Order is kept: a flush between two updates comes between them.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from surtitle.captioning.endpointing import WINDOW_SAMPLES

MarkKind = Literal["update", "flush", "discard", "break_off", "end"]

_ONCE = {"flush", "discard", "break_off"}
"""What leaves nothing to do for a second one."""


@dataclass(frozen=True, slots=True)
class _Mark:
    window: int
    kind: MarkKind
    action: Callable[[], None]
    held_bytes: int


class Marks:
    """Actions by the sample at which they take effect."""

    def __init__(self) -> None:
        self._marks: deque[_Mark] = deque()
        self.held_bytes = 0
        """How much the actions hold, as `add` was told."""

    def __len__(self) -> int:
        return len(self._marks)

    def add(
        self, sample: int, kind: MarkKind, action: Callable[[], None], held_bytes: int = 0
    ) -> None:
        """Do `action` at a sample, which is not before that of the newest mark."""
        window = sample // WINDOW_SAMPLES
        newest = list(takewhile(lambda mark: mark.window == window, reversed(self._marks)))
        if kind in _ONCE and any(mark.kind == kind for mark in newest):
            return
        if kind == "update" and newest and newest[0].kind == "update":
            self.held_bytes -= self._marks.pop().held_bytes
        self._marks.append(_Mark(window, kind, action, held_bytes))
        self.held_bytes += held_bytes

    def take_reached(self, position: int) -> Callable[[], None] | None:
        """The oldest action, where voice activity has judged all windows before its sample; else None.

        `position` is the sample after the newest judged window.
        """
        if not self._marks or self._marks[0].window * WINDOW_SAMPLES > position:
            return None
        mark = self._marks.popleft()
        self.held_bytes -= mark.held_bytes
        return mark.action
