"""Which jobs go to the worker next. Pure: a queue with rules, no clock.

1. A job that is retried after the worker died goes first, and alone: nothing else runs beside it, so
   if it kills the worker again, nobody else is harmed.
2. Finals before partials. Finals are never dropped.
3. Fair between sessions: one job a session, then the next session.
4. A waiting partial is replaced by a newer one of its session, and dropped when the final of its
   utterance comes.
5. A batch has jobs of one kind and one window: the effort of a decode and the length of its window
   hold for all of it.
"""

from collections import deque
from collections.abc import Callable, Iterable

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

    def next_batch(
        self, limit: Callable[[Job], int], *, free: int = 1, idle: bool = True
    ) -> list[Job]:
        """Take jobs to decode together; empty where none may start now.

        `limit` says how many jobs like the given one a batch may hold. `free` is how many batches
        the worker can still take: what waits is spread over them. `idle` says whether the worker has
        nothing else under way.
        """
        if self._alone:
            return [self._alone.popleft()] if idle else []
        if self._finals:
            waiting: Iterable[Job] = [queue[0] for queue in self._finals.values()]
        else:
            waiting = self._partials.values()
        first = next(iter(waiting), None)
        if first is None:
            return []
        alike = [job for job in waiting if job.window_s == first.window_s]
        batch = alike[: min(limit(first), -(-len(alike) // free))]
        for job in batch:
            self._take(job)
        return batch

    def _take(self, job: Job) -> None:
        if job.kind == "partial":
            del self._partials[job.session]
            return
        queue = self._finals.pop(job.session)
        queue.popleft()
        if queue:
            self._finals[job.session] = queue  # to the end of the rotation

    def discard(self, job_id: str, session: str) -> bool:
        """Take a waiting final back; False where it does not wait (any more)."""
        queue = self._finals.get(session, deque())
        job = next((job for job in (*queue, *self._alone) if job.id == job_id), None)
        if job is None:
            return False
        if job in self._alone:
            self._alone.remove(job)
            return True
        queue.remove(job)
        if not queue:
            del self._finals[session]
        return True

    def discard_session(self, session: str) -> list[Job]:
        """Forget the jobs of a session that has gone; returns them."""
        gone = [job for job in self._alone if job.session == session]
        self._alone = deque(job for job in self._alone if job.session != session)
        gone += self._finals.pop(session, ())
        if session in self._partials:
            gone.append(self._partials.pop(session))
        return gone
