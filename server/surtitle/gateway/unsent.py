"""Messages that wait for a client who reads slowly. Pure."""

from collections import deque

from surtitle.messages import Ack, Partial, ServerMessage, format_message

PARTIALS_WHILE_UNSENT = 8
"""Messages that may wait before partials are skipped."""
MOST_UNSENT = 1024
"""Messages that may wait at all: a session keeps fewer for one who comes back."""


class Unsent:
    """What was said and not sent yet, in its order. Partials and acknowledgements give way."""

    def __init__(self) -> None:
        self._messages: deque[ServerMessage] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: ServerMessage) -> bool:
        """Have a message wait; False where too many do, and it is not among them."""
        if len(self._messages) >= PARTIALS_WHILE_UNSENT:
            # The newest acknowledgement counts.
            gives_way = (Partial, Ack) if isinstance(message, Ack) else Partial
            self._messages = deque(m for m in self._messages if not isinstance(m, gives_way))
        if len(self._messages) >= MOST_UNSENT:  # its client takes one now and then
            return False
        self._messages.append(message)
        return True

    def take(self) -> ServerMessage:
        """The next one. Raises IndexError where there is none."""
        return self._messages.popleft()

    def clear(self) -> None:
        """None of them need be sent any more."""
        self._messages.clear()

    @property
    def held_bytes(self) -> int:
        """Their size."""
        return sum(len(format_message(message)) for message in self._messages)
