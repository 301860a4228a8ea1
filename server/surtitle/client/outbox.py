"""What a client has said and the server may still want to hear again. Pure.

A stream of audio bytes, counted from its first byte whatever session they went to, with commands
between them. A command stands at the byte before which it was given.
"""

from collections import deque
from dataclasses import dataclass

from surtitle.messages import Flush, Stop, Update

Command = Update | Flush | Stop


@dataclass(frozen=True, slots=True)
class Audio:
    """Bytes of the stream from `start` on."""

    start: int
    data: bytes

    @property
    def end(self) -> int:
        """The byte after the last one."""
        return self.start + len(self.data)


@dataclass(frozen=True, slots=True)
class Said:
    """A command, and the byte before which it was given."""

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
        self._first = 0  # number of the first item kept, counted from the beginning
        self.end = 0
        """Bytes of audio there were."""
        self.start = 0
        """The oldest byte that is kept."""
        self.safe = 0
        """Everything before this byte is answered; what lies between it and `start` is lost."""

    def add_audio(self, data: bytes) -> list[Said]:
        """Append audio. The oldest is dropped where there is too much; returns commands in it."""
        self._items.append(Audio(self.end, data))
        self.end += len(data)
        dropped: list[Said] = []
        while self._max_bytes is not None and self.end - self.start > self._max_bytes:
            if len(self._items) == 1:
                break
            item = self._drop()
            self.start = item.end
            if isinstance(item, Said):
                dropped.append(item)
        return dropped

    def add_command(self, command: Command) -> None:
        """Append a command."""
        self._items.append(Said(self.end, command))

    def forget_before(self, byte: int) -> list[Command]:
        """Everything before this byte is answered; returns the commands that were given before it."""
        passed: list[Command] = []
        while self._items and self._items[0].end <= byte:
            item = self._items[0]
            if isinstance(item, Said) and item.start == byte:
                break  # it may not have come yet
            self._drop()
            if isinstance(item, Said):
                passed.append(item.command)
        self.safe = min(max(self.safe, byte), self.end)
        self.start = max(self.start, self.safe)
        return passed

    def _drop(self) -> Item:
        self._first += 1
        return self._items.popleft()

    def number_at(self, byte: int) -> int:
        """The number of the first item to send so that the server has all from this byte on."""
        for place, item in enumerate(self._items):
            if item.end > byte or (isinstance(item, Said) and item.start >= byte):
                return self._first + place
        return self._first + len(self._items)

    def next(self, number: int) -> tuple[int, Item] | None:
        """The item with this number, or the first after it that is kept; None where none is yet."""
        number = max(number, self._first)
        place = number - self._first
        return (number, self._items[place]) if place < len(self._items) else None
