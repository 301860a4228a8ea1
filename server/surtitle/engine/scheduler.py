"""Which jobs go to the worker next. Pure: a queue with rules, no clock.

1. A job that is retried after the worker died goes first, and alone: nothing else runs beside it, so
   if it kills the worker again, nobody else is harmed.
2. Finals before partials. Finals are never dropped.
3. A speculative final takes its turn among the partials until it is waited for. Half of them are taken
   back before that, and each costs as much as two partials.
4. Fair between sessions: one job a session, then the next session.
5. A waiting partial is replaced by a newer one of its session, and dropped when a final of its
   utterance comes.
6. A batch has jobs of one kind and one window: the effort of a decode and the length of its window
   hold for all of it.
"""

from collections import deque
from collections.abc import Callable, Iterable

from surtitle.jobs import Job


class Scheduler:
    """The jobs that wait. Bounded by its users: a session has one of an open utterance, few finals."""

    def __init__(self) -> None:
        self._alone: deque[Job] = deque()
        self._finals: dict[str, deque[Job]] = {}  # by session; the order of keys is the rotation
        self._open: dict[str, Job] = {}  # by session, the newest partial or speculative final

    def __len__(self) -> int:
        finals = sum(len(queue) for queue in self._finals.values())
        return len(self._alone) + finals + len(self._open)

    def add(self, job: Job) -> list[Job]:
        """Queue a job; returns the waiting jobs that it makes superfluous (they leave the queue)."""
        waiting = self._open.get(job.session)
        replaced = (
            [waiting]
            if waiting is not None
            and waiting.kind == "partial"
            and waiting.utterance <= job.utterance
            else []
        )
        in_turn = job.kind == "partial" or job.speculative
        if in_turn and (waiting is None or replaced):
            self._open[job.session] = job  # a replaced one's place in the order is kept
        elif job.kind == "final":
            if replaced:
                del self._open[job.session]
            self._finals.setdefault(job.session, deque()).append(job)
        else:
            return [job]  # what waits is of a newer utterance, or a final of this one
        return replaced

    def hurry(self, job: Job) -> bool:
        """A speculative final is waited for now; False where it is not in the queue (any more).

        `job` takes its place: the same one, but no longer speculative.
        """
        waiting = self._open.get(job.session)
        if waiting is None or waiting.id != job.id:
            return False
        del self._open[job.session]
        self.add(job)
        return True

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
            waiting = self._open.values()
        first = next(iter(waiting), None)
        if first is None:
            return []
        alike = [job for job in waiting if (job.kind, job.window_s) == (first.kind, first.window_s)]
        batch = alike[: min(limit(first), -(-len(alike) // free))]
        for job in batch:
            self._take(job)
        return batch

    def _take(self, job: Job) -> None:
        if self._open.get(job.session) is job:
            del self._open[job.session]
            return
        queue = self._finals.pop(job.session)
        queue.popleft()
        if queue:
            self._finals[job.session] = queue  # to the end of the rotation

    def discard(self, job_id: str, session: str) -> bool:
        """Take a waiting final back; False where it does not wait (any more)."""
        if session in self._open and self._open[session].id == job_id:
            del self._open[session]
            return True
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
        if session in self._open:
            gone.append(self._open.pop(session))
        return gone
