"""Which jobs go to the worker next. Pure: a queue with rules, no clock.

1. A job that is retried after the worker died goes first, and alone: if it kills the worker again,
   nobody else is harmed.
2. Finals before partials. Finals are never dropped.
3. Fair between sessions: one job a session, then the next session.
4. A waiting partial is replaced by a newer one of its session, and dropped when the final of its
   utterance comes.
"""

from collections import deque

from surtitle.jobs import Job


class Scheduler:
    """The jobs that wait. Bounded by its users: a session has one partial and few finals waiting."""

    def __init__(self) -> None:
        self._alone: deque[Job] = deque()
        self._finals: dict[str, deque[Job]] = {}  # by session; the order of keys is the rotation
        self._partials: dict[str, Job] = {}  # by session, the newest

    def __len__(self) -> int:
        finals = sum(len(queue) for queue in self._finals.values())
        return len(self._alone) + finals + len(self._partials)

    def add(self, job: Job) -> list[Job]:
        """Queue a job; returns the waiting jobs that it makes superfluous (they leave the queue)."""
        replaced = []
        waiting = self._partials.get(job.session)
        if waiting is not None and waiting.utterance <= job.utterance:
            replaced.append(waiting)
            if job.kind == "final":
                del self._partials[job.session]
        if job.kind == "final":
            self._finals.setdefault(job.session, deque()).append(job)
        elif waiting is None or replaced:
            self._partials[job.session] = job  # a replaced one's place in the order is kept
        else:
            return [job]  # a newer utterance's partial waits already
        return replaced

    def add_alone(self, job: Job) -> None:
        """Queue a job that must be decoded by itself, before all others."""
        self._alone.append(job)

    def next_batch(self, limit: int) -> list[Job]:
        """Take up to `limit` jobs to decode together; empty where nothing waits."""
        if self._alone:
            return [self._alone.popleft()]
        batch: list[Job] = []
        while len(batch) < limit and self._finals:
            session = next(iter(self._finals))
            queue = self._finals.pop(session)
            batch.append(queue.popleft())
            if queue:
                self._finals[session] = queue  # to the end of the rotation
        while len(batch) < limit and self._partials:
            batch.append(self._partials.pop(next(iter(self._partials))))
        return batch

    def discard_session(self, session: str) -> list[Job]:
        """Forget the jobs of a session that has gone; returns them."""
        gone = [job for job in self._alone if job.session == session]
        self._alone = deque(job for job in self._alone if job.session != session)
        gone += self._finals.pop(session, ())
        if session in self._partials:
            gone.append(self._partials.pop(session))
        return gone
