"""Messages that wait for a client who reads slowly. Pure."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from surtitle.messages import Ack, Partial, ServerMessage, format_message

SKIPPED_WHILE_UNSENT = 8
"""Messages that may wait before some are skipped."""
MAX_UNSENT = 1024
"""Messages that may wait at all: a session keeps fewer for one who comes back."""
MAX_WAITING_BYTES = 1 << 20
"""Of them all: an hour of finals has a tenth of that."""

T = TypeVar("T")


class Unsent(Generic[T]):
    """What was said and not sent yet, in its order. Where many wait, some give way to a newer one."""

    def __init__(self, gives_way: Callable[[T, T], bool], size: Callable[[T], int]) -> None:
        """`gives_way` says whether a message that waits is skipped for another that comes, and so does
        one that would be for another of its kind; `size` how many bytes one takes.
        """
        self._gives_way = gives_way
        self._size = size
        self._messages: deque[tuple[T, int]] = deque()  # with its size
        self._yielding = (
            0  # of them, those that may give way: most often there is nothing to look for
        )
        self.held_bytes = 0
        """Their size."""

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: T) -> bool:
        """Have a message wait; False where too many do, and it is not among them."""
        if self._yielding and len(self._messages) >= SKIPPED_WHILE_UNSENT:
            self._skip_for(message)
        if len(self._messages) >= MAX_UNSENT:  # its client takes one now and then
            return False
        size = self._size(message)
        self.held_bytes += size
        self._yielding += self._may_yield(message)
        self._messages.append((message, size))
        return self.held_bytes <= MAX_WAITING_BYTES

    def _skip_for(self, message: T) -> None:
        self._messages = deque(
            waiting for waiting in self._messages if not self._gives_way(waiting[0], message)
        )
        self.held_bytes = sum(size for _, size in self._messages)
        self._yielding = sum(self._may_yield(waiting) for waiting, _ in self._messages)

    def _may_yield(self, message: T) -> bool:
        return self._gives_way(message, message)

    def take(self) -> T:
        """The next one. Raises IndexError where there is none."""
        message, size = self._messages.popleft()
        self.held_bytes -= size
        self._yielding -= self._may_yield(message)
        return message

    def clear(self) -> None:
        """None of them need be sent any more."""
        self._messages.clear()
        self.held_bytes = self._yielding = 0


def unsent_messages() -> Unsent[ServerMessage]:
    """Of our own protocol: partials and acknowledgements give way."""

    def gives_way(waiting: ServerMessage, new: ServerMessage) -> bool:
        return isinstance(waiting, Partial) or (
            isinstance(waiting, Ack) and isinstance(new, Ack)  # the newest counts
        )

    return Unsent(gives_way, lambda message: len(format_message(message)))
