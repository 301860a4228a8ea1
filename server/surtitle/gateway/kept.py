"""The newest messages of a session, for a client that comes back. Pure.

Partials are not among them: the next one replaces them.
"""

from collections import deque

from surtitle.messages import ServerMessage, format_message

KEPT_MESSAGES = 256
"""Of a session: a hundred utterances."""
KEPT_BYTES = 1 << 18
"""The same as frames. Answers with word times are the largest; those of several minutes fit."""


class KeptMessages:
    """Numbered messages in order, as many as the bounds let."""

    def __init__(self) -> None:
        self._messages: deque[tuple[int, ServerMessage, int]] = deque()  # with number and bytes
        self.lost_seq = 0
        """Number of the newest message that is not kept any more."""
        self.held_bytes = 0
        """Size of what is kept, as frames."""

    def add(self, seq: int, message: ServerMessage) -> None:
        """Keep a message; the oldest ones go where there are too many."""
        size = len(format_message(message))
        self._messages.append((seq, message, size))
        self.held_bytes += size
        while len(self._messages) > KEPT_MESSAGES or self.held_bytes > KEPT_BYTES:
            self.lost_seq, _, size = self._messages.popleft()
            self.held_bytes -= size

    def after(self, seq: int) -> list[ServerMessage] | None:
        """What followed the message with this number; None where not all of that is kept."""
        if seq < self.lost_seq:
            return None
        return [message for number, message, _ in self._messages if number > seq]
