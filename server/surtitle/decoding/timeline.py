"""Where decoded audio belongs, by the clock of its container. Pure.

A container may say that its audio begins later than its picture, or has a hole: there must be
silence, or all that follows is captioned too early. Its clock may also be wrong: it jitters, one
damaged time stamp says anything, a broadcast starts its clock anew. So a jump counts only once the
next piece of audio agrees with it, and so does the first time stamp of all.
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
MAX_UNCLOCKED_HOLE_S = 10.0
"""The same in formats whose clock starts anew now and then (FFmpeg's -dts_delta_threshold)."""


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
    """The axis of one container's audio."""

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
        self._held: deque[Piece[T]] = deque()
        """What begins at an unexpected time."""

    @property
    def end_s(self) -> float | None:
        """Up to where audio has come, by the container's clock; None: there was none."""
        return self._next_s

    def place(self, piece: Piece[T]) -> list[Placed[T]]:
        """Take the next piece; returns what has its place by now, in order."""
        if not self._held:
            if self._is_expected(piece, self._next_s, is_first=not self._has_begun):
                return [self._go_on(piece)]
            self._held.append(piece)
            return []
        last = self._held[-1]
        assert last.begins_s is not None
        if self._is_expected(piece, last.begins_s + last.length_s):
            return [*self._jump(), self._go_on(piece)]
        released = [self._go_on(held) for held in self._held]  # its time was wrong
        self._held.clear()
        return released + self.place(piece)

    def finish(self) -> list[Placed[T]]:
        """There is no more: what is still held."""
        return self._jump() if self._held else []

    def _is_expected(self, piece: Piece[T], at_s: float | None, *, is_first: bool = False) -> bool:
        if piece.begins_s is None or at_s is None:
            return piece.begins_s is None
        jitter_s = DAMAGED_JITTER_S if piece.after_damage else JITTER_S
        return abs(piece.begins_s - at_s) <= (0.0 if is_first else jitter_s)

    def _go_on(self, piece: Piece[T]) -> Placed[T]:
        self._has_begun = True
        if self._next_s is not None:
            self._next_s += piece.length_s
        return Placed(0.0, False, piece.audio)

    def _jump(self) -> list[Placed[T]]:
        """The piece that is held begins where it says."""
        piece = self._held.popleft()
        assert piece.begins_s is not None
        hole_s = 0.0 if self._next_s is None else piece.begins_s - self._next_s
        silence_s = 0.0
        if 0 < hole_s <= self._max_hole_s:
            silence_s = max(hole_s - self._surplus_s, 0.0)
            self._surplus_s -= hole_s - silence_s
        elif -OVERLAP_S < hole_s < 0 and self._has_begun:
            self._surplus_s -= hole_s
        # Before its first audio nothing of a container is lost: it begins late.
        is_damage = self._has_begun and (piece.after_damage or self._holes_are_damage)
        self._next_s = piece.begins_s
        self._go_on(piece)
        return [Placed(silence_s, is_damage, piece.audio)]
