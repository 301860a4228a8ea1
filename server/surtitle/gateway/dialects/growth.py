"""Text that only grows, for clients that append what they are sent. Pure.

What a partial holds as stable is sent as it grows; at the final, the rest of it, where it goes on from
what was sent. Where it does not, nothing more is sent: the final says what is right.
"""

from surtitle.captioning.stability import join


class Growth:
    """What was sent of one text, which may be that of several utterances."""

    def __init__(self) -> None:
        self.text = ""
        """Of the finals by now."""
        self._sent = ""  # of the oldest utterance that is not answered

    def grow(self, stable: str) -> str:
        """What there is to send of the utterance that is not answered; empty for nothing."""
        if not stable.startswith(self._sent) or len(stable) == len(self._sent):
            return ""
        before, self._sent = self._sent, stable
        if before:
            return stable[len(before) :]
        return join(self.text, stable)[len(self.text) :]

    def finish(self, final: str) -> str:
        """The utterance has this text; returns what there is to send of it."""
        delta = self.grow(final)
        self.text, self._sent = join(self.text, final), ""
        return delta

    def give_up(self) -> None:
        """The utterance has no text."""
        self._sent = ""
