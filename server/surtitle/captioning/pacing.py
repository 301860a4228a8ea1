"""When the next partial of an utterance is due. Pure.

Where the engine has time, words are to be seen soon: a partial is due once the one before it is back
and the least interval of new speech is there. The busier the engine is, the longer the interval. A
partial that is not back after the longest one is followed by the next all the same, which takes its
place if it still waits. Where an utterance begins and ends does not depend on any of this.
"""

from surtitle.jobs import ms_to_samples

MIN_INTERVAL_MS = 160
LONGEST_INTERVAL_MS = 608
"""New speech between two partials: of an engine that has time, if no longer one is asked for, and of
one that has none. What the short one brings is in docs/quality.md."""
EASY_UTILIZATION = 0.4
BUSY_UTILIZATION = 0.7
"""Shares of the engine's time: up to the first the least interval holds, from the second on the
longest. 32 speakers on two cores take 0.7 of it with the longest."""


class PartialPace:
    """How often the open utterance of a session is decoded. Positions and lengths are in samples."""

    def __init__(self, least_interval_ms: int) -> None:
        self._least = ms_to_samples(least_interval_ms)
        self._longest = max(self._least, ms_to_samples(LONGEST_INTERVAL_MS))
        self._interval = self._least
        self._heard_to = 0
        self._awaited = ""  # id of the newest partial, while it is not back

    def adapt(self, utilization: float) -> None:
        """So much of the engine's time is taken, from 0 to 1."""
        share = (utilization - EASY_UTILIZATION) / (BUSY_UTILIZATION - EASY_UTILIZATION)
        share = min(max(share, 0.0), 1.0)
        self._interval = self._least + round(share * (self._longest - self._least))

    def pass_over(self, position: int) -> None:
        """What was said before this needs no partial, and none is waited for.

        After a cut in running speech more than that was heard.
        """
        self._heard_to = max(self._heard_to, position)
        self._awaited = ""

    def on_submitted(self, job_id: str, position: int) -> None:
        """A partial of the speech up to this was asked for."""
        self._heard_to, self._awaited = position, job_id

    def on_result(self, job_id: str) -> None:
        """The result of a job is back."""
        if job_id == self._awaited:
            self._awaited = ""

    def is_due(self, position: int) -> bool:
        """Whether speech up to this is worth another partial."""
        return position - self._heard_to >= (self._longest if self._awaited else self._interval)
