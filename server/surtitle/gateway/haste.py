"""Whether a sender sends faster than people speak. Pure."""

HASTE_S = 4.0
"""How much more audio may come than time passes before a client counts as one who sends faster than
people speak: what a connection that broke for a moment holds back, and sends at once."""
CREDIT_S = 10.0
"""How far a sender may catch up after it has fallen behind: the network held it up, or we did
ourselves, if the server has much to do. Whoever speaks must not count as hasty for that."""


class Haste:
    """How far the audio of one sender is ahead of time. Times are those of any one clock."""

    def __init__(self, now_s: float) -> None:
        self._ahead_s = 0.0  # how much more audio came lately than time passed
        self._counted_at_s = now_s

    def on_audio(self, length_s: float, now_s: float) -> None:
        """So much more has come."""
        self._ahead_s = max(self._ahead_s - (now_s - self._counted_at_s), -CREDIT_S) + length_s
        self._counted_at_s = now_s

    @property
    def is_hasty(self) -> bool:
        """Whether more has come than somebody can have spoken meanwhile."""
        return self._ahead_s > HASTE_S
