"""What a client has said and the server may still want to hear again. Pure.

A stream of audio bytes, counted from its first byte whatever session they went to, with commands
between them. A command stands at the byte before which it was given. A cursor says what is sent next.
"""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from operator import attrgetter

from surtitle.messages import Discard, Flush, Stop, Update

Command = Update | Flush | Discard | Stop


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


@dataclass(frozen=True, slots=True)
class Silence:
    """Stands for audio that is not kept any more, so that times after it stay right."""

    length: int
    """Bytes."""


class Outbox:
    """The items since `safe`, oldest first; about `max_bytes` of audio, or all where that is None."""

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
        self.sent = 0
        """The server has been sent everything before this byte, or silence for it."""
        self._next_number = 0  # of the item to be sent next
        self._gaps_told_to = 0  # what was lost up to this byte has been told

    @property
    def is_full(self) -> bool:
        """Whether as much is kept as may be. What is added all the same is kept, too."""
        return self._max_bytes is not None and self.end - self.start >= self._max_bytes

    @property
    def unsent(self) -> int:
        """Bytes that the server has not been sent yet."""
        return self.end - self.sent

    def add_audio(self, data: bytes) -> None:
        """Append audio."""
        self._add(Audio(self._count, self.end, data))
        self.end += len(data)

    def drop_oldest(self, *, sent: bool = False) -> None:
        """Drop the oldest audio where there is too much; only what was `sent` where that is asked for.

        The newest frame stays, whatever its size. Commands stay: they still hold for what is said
        after them.
        """
        while self._max_bytes is not None and self.end - self.start > self._max_bytes:
            place = next(i for i, item in enumerate(self._items) if isinstance(item, Audio))
            oldest = self._items[place]
            if oldest.end == self.end or (sent and oldest.end > self.sent):
                break
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

    # -- the cursor -----------------------------------------------------------------------------

    def go_back(self, byte: int) -> None:
        """The server has all before this byte, and needs what follows."""
        self.sent, self._next_number = byte, self.number_at(byte)

    def take(self, most_bytes: int) -> bytes | Silence | Command | None:
        """What is to be sent next; None where all was. Audio and silence come in pieces that are no
        longer than that: a server takes no frame of any length.
        """
        item = self.next(self._next_number)
        if item is None:
            return None
        if item.start > self.sent:
            length = min(item.start - self.sent, most_bytes)
            self.sent += length
            return Silence(length)
        start, self.sent = self.sent, min(item.end, self.sent + most_bytes)
        if self.sent == item.end:
            self._next_number = item.number + 1
        if isinstance(item, Said):
            return item.command
        return item.data[start - item.start : self.sent - item.start]

    def take_gap(self) -> tuple[int, int] | None:
        """The bytes that the server needs and nobody has any more, unless they were told before."""
        start, end = max(self.sent, self._gaps_told_to), self.start
        if start >= end:
            return None
        self._gaps_told_to = end
        return start, end
