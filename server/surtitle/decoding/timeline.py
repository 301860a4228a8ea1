"""Where decoded audio belongs, by the clock of its container. Pure.

A container may say that its audio begins later than its picture, or has a hole: there must be
silence, or all that follows is captioned too early. Its clock may also be wrong: it jitters, one
damaged time stamp says anything, a broadcast starts its clock anew. So a jump counts only once the
next piece of audio agrees with it, and so does the first time stamp of all. A far one counts only once
more audio agrees than has its time from one stamp.
"""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

JITTER_S = 0.1
"""Time stamps may be off by so much: they are rounded, and the sound card's clock is not the
container's."""
DAMAGED_JITTER_S = 0.005
"""The same where something could not be decoded: then a small hole is one."""
OVERLAP_S = 1.0
"""A clock that goes back by less repeats itself; by more it has started anew."""
MAX_HOLE_S = 4 * 3600.0
"""A longer hole is taken for a new clock."""
MAX_UNCLOCKED_HOLE_S = 3600.0
"""The same in formats whose clock starts anew now and then. Most start at 0, which is back; of those
of a broadcast that start anywhere in its 26.5 h, one in 26 does in the hour that comes."""
FAR_S = 10.0
"""A jump of more is far, and clocks that are off by less may be the same (FFmpeg's
-dts_delta_threshold)."""
SURE_S = 0.7
"""So much audio may have its time from one stamp (ISO/IEC 13818-1, 2.7.4)."""
MAX_CLOCKS = 32
"""So many that were left may be gone back to."""


@dataclass(frozen=True, slots=True)
class Piece(Generic[T]):
    """Some decoded audio."""

    begins_s: float | None
    """By the clock of the container; None where it does not say."""
    length_s: float
    audio: T
    after_damage: bool = False
    """Whether something before it could not be decoded."""


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """Audio, and the silence that goes before it."""

    silence_s: float
    is_damage: bool
    """Whether the silence stands for what could not be decoded."""
    audio: T


class Timeline(Generic[T]):
    """The axis of one container's audio; of a broadcast, that of all its tracks in a row."""

    def __init__(
        self,
        origin_s: float | None,
        max_hole_s: float = MAX_HOLE_S,
        *,
        holes_are_damage: bool = False,
    ) -> None:
        """`origin_s` is where the container begins, by its clock; None: with its first audio.

        `holes_are_damage`: the format has none but by loss.
        """
        self._holes_are_damage = holes_are_damage
        self._max_hole_s = max_hole_s
        self._next_s = origin_s
        """Where the next piece is expected, by the container's clock; None: anywhere."""
        self._has_begun = False
        self._surplus_s = 0.0
        """How much more audio there was than time; the next hole is shorter by it."""
        self._now_s = 0.0
        """How much audio and silence there was."""
        self._left: list[tuple[float, float]] = []
        """Clocks that others have taken the place of: what they said, and `_now_s` at that time."""
        self._held: deque[Piece[T]] = deque()
        """What begins at an unexpected time, and what follows it."""
        self._held_s = 0.0
        """How long that is."""

    def place(self, piece: Piece[T]) -> list[Placed[T]]:
        """Take the next piece; returns what has its place by now, in order."""
        if not self._held:
            if self._is_expected(piece, self._next_s, is_first=not self._has_begun):
                return [self._go_on(piece)]
            self._hold(piece)
            return []
        begins_s = self._held[0].begins_s
        assert begins_s is not None
        if not self._is_expected(piece, begins_s + self._held_s):
            return self._stay() + self.place(piece)
        self._hold(piece)
        return self._jump() if self._is_sure() else []

    def finish(self) -> list[Placed[T]]:
        """There is no more: what is still held."""
        return self._jump() if self._is_sure() else self._stay()

    def _is_expected(self, piece: Piece[T], at_s: float | None, *, is_first: bool = False) -> bool:
        if piece.begins_s is None or at_s is None:
            return piece.begins_s is None
        jitter_s = DAMAGED_JITTER_S if piece.after_damage else JITTER_S
        return abs(piece.begins_s - at_s) <= (0.0 if is_first else jitter_s)

    def _hold(self, piece: Piece[T]) -> None:
        self._held.append(piece)
        self._held_s += piece.length_s

    def _is_sure(self) -> bool:
        return abs(self._hole_s()) <= FAR_S or self._held_s > SURE_S

    def _hole_s(self) -> float:
        """What lies before that which is held; negative where the clock goes back."""
        begins_s = self._held[0].begins_s if self._held else None
        return 0.0 if begins_s is None or self._next_s is None else begins_s - self._next_s

    def _go_on(self, piece: Piece[T]) -> Placed[T]:
        self._has_begun = True
        self._now_s += piece.length_s
        if self._next_s is not None:
            self._next_s += piece.length_s
        return Placed(0.0, False, piece.audio)

    def _stay(self) -> list[Placed[T]]:
        """The time of what is held was wrong."""
        placed = [self._go_on(held) for held in self._held]
        self._held.clear()
        self._held_s = 0.0
        return placed

    def _jump(self) -> list[Placed[T]]:
        """What is held begins where it says."""
        if not self._held:
            return []
        silence_s = self._silence_s(self._hole_s())
        self._now_s += silence_s
        self._next_s = self._held[0].begins_s
        # Before its first audio nothing of a container is lost: it begins late.
        is_damage = self._has_begun and (self._held[0].after_damage or self._holes_are_damage)
        first, *others = self._stay()
        return [Placed(silence_s, is_damage, first.audio), *others]

    def _silence_s(self, hole_s: float) -> float:
        """How much of a hole is one."""
        if abs(hole_s) > FAR_S and (left := self._find_left(hole_s)) is not None:
            del self._left[left:]
            return 0.0
        if hole_s > FAR_S and 0 < self._now_s <= SURE_S:
            return 0.0  # the first stamp was wrong
        if 0 < hole_s <= self._max_hole_s:
            silence_s = max(hole_s - self._surplus_s, 0.0)
            self._surplus_s -= hole_s - silence_s
            return silence_s
        if -OVERLAP_S < hole_s < 0 and self._has_begun:
            self._surplus_s -= hole_s
        elif hole_s and self._next_s is not None:
            self._left = [*self._left, (self._next_s, self._now_s)][-MAX_CLOCKS:]
        return 0.0

    def _find_left(self, hole_s: float) -> int | None:
        """Which clock goes on behind the hole that another had taken the place of, as that of an
        advertisement does: where it was, or where it would be by now."""
        begins_s = (self._next_s or 0.0) + hole_s
        for index, (clock_s, then_s) in enumerate(self._left):
            if clock_s - FAR_S <= begins_s <= clock_s + self._now_s - then_s + FAR_S:
                return index
        return None
