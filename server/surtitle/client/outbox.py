"""What a client has said and the server may still want to hear again. Pure.

A stream of audio bytes, counted from its first byte whatever session they went to, with commands
between them. A command stands at the byte before which it was given.
"""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from operator import attrgetter

from surtitle.messages import Flush, Stop, Update

Command = Update | Flush | Stop


@dataclass(frozen=True, slots=True)
class Audio:
    """Bytes of the stream from `start` on."""

    number: int
    """0, 1, 2 … over all items."""
    start: int
    data: bytes

    @property
    def end(self) -> int:
        """The byte after the last one."""
        return self.start + len(self.data)


@dataclass(frozen=True, slots=True)
class Said:
    """A command, and the byte before which it was given."""

    number: int
    start: int
    command: Command

    @property
    def end(self) -> int:
        """A command has no length."""
        return self.start


Item = Audio | Said


class Outbox:
    """The items since `safe`, oldest first; at most `max_bytes` of audio, or all where that is None."""

    def __init__(self, max_bytes: int | None) -> None:
        self._max_bytes = max_bytes
        self._items: deque[Item] = deque()
        self._count = 0  # of all items there ever were
        self.end = 0
        """Bytes of audio there were."""
        self.start = 0
        """The oldest byte that is kept."""
        self.safe = 0
        """Everything before this byte is answered; what lies between it and `start` is lost."""

    def add_audio(self, data: bytes) -> None:
        """Append audio, and drop the oldest where there is too much.

        Commands stay: they still hold for what is said after them.
        """
        self._add(Audio(self._count, self.end, data))
        self.end += len(data)
        while self._max_bytes is not None and self.end - self.start > self._max_bytes:
            place = next(i for i, item in enumerate(self._items) if isinstance(item, Audio))
            oldest = self._items[place]
            if oldest.end == self.end:
                break  # one frame is kept whatever its size
            self.start = oldest.end
            del self._items[place]

    def add_command(self, command: Command) -> None:
        """Append a command."""
        self._add(Said(self._count, self.end, command))

    def _add(self, item: Item) -> None:
        self._items.append(item)
        self._count += 1

    def forget_before(self, byte: int) -> list[Command]:
        """Everything before this byte is answered; returns the commands that were given before it."""
        passed: list[Command] = []
        while self._items and self._items[0].end <= byte:
            item = self._items[0]
            if isinstance(item, Said) and item.start == byte:
                break  # it may not have come yet
            self._items.popleft()
            if isinstance(item, Said):
                passed.append(item.command)
        self.safe = min(max(self.safe, byte), self.end)
        self.start = max(self.start, self.safe)
        return passed

    def number_at(self, byte: int) -> int:
        """The number of the first item to send so that the server has all from this byte on."""
        for item in self._items:
            if item.end > byte or (isinstance(item, Said) and item.start >= byte):
                return item.number
        return self._count

    def next(self, number: int) -> Item | None:
        """The item with this number, or the first after it that is kept; None where none is yet."""
        place = bisect_left(self._items, number, key=attrgetter("number"))
        return self._items[place] if place < len(self._items) else None
