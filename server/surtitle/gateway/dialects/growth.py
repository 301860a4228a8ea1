"""Text that only grows, for clients that append what they are sent. Pure.

What a partial holds as stable is sent as it grows; at the final, the rest of it. Where the final
corrects what was sent, the dialect chooses: nothing more is sent, or what follows the corrected words.

A final is decoded better than partials, and corrects some words long after they were said. Whoever
cannot take back what was sent may wait: text is sent once it has been stable for `lag_ms` of audio.
"""

from collections import deque

from surtitle.captioning.stability import join, what_follows


class Growth:
    """What was sent of one text, which may be that of several utterances."""

    def __init__(self, lag_ms: int = 0, *, outlives_corrections: bool = False) -> None:
        self.text = ""
        """Of the finals by now."""
        self._lag_ms = lag_ms
        self._outlives_corrections = outlives_corrections
        self._sent = ""  # of the oldest utterance that is not answered
        self._waiting: deque[tuple[int, str]] = deque()  # stable texts of it, and when they came

    def grow(self, stable: str, now_ms: int) -> str:
        """What there is to send of the utterance that is not answered, if anything; `now_ms` is how far
        it was heard.
        """
        self._waiting.append((now_ms, stable))
        old = ""
        while self._waiting and self._waiting[0][0] <= now_ms - self._lag_ms:
            old = self._waiting.popleft()[1]
        return self._send(old)

    def finish(self, final: str) -> str:
        """The utterance has this text; returns what there is to send of it."""
        delta = self._send(final)
        if not delta and self._outlives_corrections:
            delta = what_follows(self._sent, final)
        self.text = join(self.text, final)
        self.give_up()
        return delta

    def give_up(self) -> None:
        """The utterance has no text."""
        self._sent = ""
        self._waiting.clear()

    def _send(self, text: str) -> str:
        if not text.startswith(self._sent) or len(text) == len(self._sent):
            return ""
        before, self._sent = self._sent, text
        if before:
            return text[len(before) :]
        return join(self.text, text)[len(self.text) :]
