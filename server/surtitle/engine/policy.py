"""The watchdog's decisions. Pure: what happened and when in, what to do out.

What states the worker and the engine have, and what leads from one to the other, is in `states`; what
is done on the way, and when, is here.

Rules. A worker has `startup_s` to say ready, a batch has `lease_s` until its last result; beyond that
it is told to terminate and, `kill_grace_s` later, killed. Several batches may be under way, each under
a lease of its own. A final that was running when the worker died is tried once more, with nothing
beside it; a second death quarantines it (`failed`). A partial is not worth a second try. A respawn
waits twice as long after each death in a row, at first not at all; a batch that comes back ends the
row, and so does a worker that was there for `healthy_s`. After `max_deaths` in a row the engine is
broken: no new sessions are taken, those that are there stay, and a worker is tried every `breaker_s`,
until one answers. Where no worker was ever ready, one that says why it cannot start, or
`max_start_failures` that die before they are ready, end the engine: the cause is not going to change. A
worker whose memory has grown too much is replaced on purpose, between batches.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from surtitle.engine.states import (
    ENGINE,
    WORKER,
    EngineEvent,
    EngineState,
    WorkerEvent,
    WorkerState,
)
from surtitle.jobs import Job


@dataclass(frozen=True, slots=True)
class WatchdogOptions:
    """Limits of the supervision, in seconds."""

    lease_s: float = 30.0
    startup_s: float = 120.0
    kill_grace_s: float = 1.0
    first_backoff_s: float = 0.5
    max_start_failures: int = 3
    max_deaths: int = 5
    breaker_s: float = 15.0
    healthy_s: float = 60.0
    max_growth: float = 2.0
    """How many times what it had when it was ready, and `spare_bytes`, a worker's memory may become."""
    spare_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a new worker."""


@dataclass(frozen=True, slots=True)
class Terminate:
    """Ask the worker to end (SIGTERM), and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Recycle:
    """Let the worker end by itself, for it is to be replaced, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Kill:
    """End the worker (SIGKILL)."""


@dataclass(frozen=True, slots=True)
class RetryAlone:
    """Decode this job once more, by itself."""

    job: Job


@dataclass(frozen=True, slots=True)
class Drop:
    """Answer this partial that it was dropped: the final will come."""

    job: Job


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Answer this job with an error: it took two workers down."""

    job: Job


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The engine has failed for good."""

    cause: str


@dataclass(slots=True)
class _Lease:
    """A batch that the worker holds."""

    jobs: dict[str, Job]  # not answered yet, by id
    deadline: float


Action = Spawn | Terminate | Recycle | Kill | RetryAlone | Drop | Quarantine | GiveUp


_SERVING = (WorkerState.READY, WorkerState.RETIRING)
_REPLACED = (WorkerState.RETIRING, WorkerState.LEAVING)


@dataclass(slots=True)
class Watchdog:
    """The state of supervision. Every method takes `now` in seconds of one monotonic clock."""

    options: WatchdogOptions
    state: EngineState = EngineState.LOADING
    _worker: WorkerState = WorkerState.ABSENT
    _deadline: float = math.inf
    """Of the worker's state, where that is no matter of its leases: of the back-off, the start-up, or
    the grace that it has to end."""
    _leases: list[_Lease] = field(default_factory=list)
    _parallel: int = 1  # batches that this worker takes at once
    _memory_when_ready: int | None = None  # bytes
    _retired_for: str = ""  # why the worker is replaced
    _spawned_at: float = 0.0
    _deaths_in_a_row: int = 0
    _retried: dict[str, str] = field(default_factory=dict)
    """The finals on their second try: their ids, and their sessions."""
    _abandoned: set[str] = field(default_factory=set)  # ids of running jobs nobody waits for

    @property
    def free(self) -> int:
        """How many batches may be handed over now."""
        if self._worker is not WorkerState.READY:
            return 0
        if any(job.id in self._retried for job in self.running):
            return 0  # it may kill the worker, and nobody else
        return self._parallel - len(self._leases)

    @property
    def running(self) -> tuple[Job, ...]:
        """The jobs under lease that are not answered yet."""
        return tuple(job for lease in self._leases for job in lease.jobs.values())

    @property
    def batches(self) -> list[tuple[Job, ...]]:
        """The same for each lease."""
        return [tuple(lease.jobs.values()) for lease in self._leases]

    # -- what happens to the worker -------------------------------------------------------------

    def start(self, now: float) -> list[Action]:
        """Begin: the first worker."""
        return self._spawn(now)

    def on_ready(self, parallel: int) -> None:
        """The worker has loaded its model, and takes so many batches at once."""
        self._worker = WORKER[self._worker, WorkerEvent.LOADED]
        if self._worker is WorkerState.READY:
            self.state = ENGINE[self.state, EngineEvent.UP]
            self._parallel = parallel

    def on_memory(self, used_bytes: int) -> None:
        """So much memory has the worker now; called now and then."""
        if self._worker not in _SERVING:
            return
        if self._memory_when_ready is None:
            self._memory_when_ready = used_bytes
        allowed = self.options.max_growth * self._memory_when_ready + self.options.spare_bytes
        if used_bytes > allowed:
            self._worker = WORKER[self._worker, WorkerEvent.GROWN]
            then, now = self._memory_when_ready >> 20, used_bytes >> 20
            self._retired_for = f"its memory has grown from {then} to {now} MB"

    @property
    def planned(self) -> bool:
        """Whether the worker may end now, for it is to be replaced and nobody waits for its work."""
        return self._worker in _REPLACED and not self._awaited

    def on_start_failure(self, cause: str) -> list[Action]:
        """The worker said why it cannot work; its end will follow."""
        return self._give_up(cause) if self.state is EngineState.LOADING else []

    def on_death(self, cause: str, now: float) -> list[Action]:
        """The worker's process has ended."""
        lost, planned = self._awaited, self.planned
        if not planned:
            self._count_death(now)
        self._worker = WORKER[self._worker, WorkerEvent.DIED]
        self._deadline, self._memory_when_ready = math.inf, None
        for job_id in self._abandoned:
            self._retried.pop(job_id, None)
        self._leases, self._abandoned = [], set()
        if self.state is EngineState.FAILED:
            return []
        actions = [self._after_death(job) for job in lost]
        deaths = self._deaths_in_a_row
        if self.state is EngineState.LOADING and deaths >= self.options.max_start_failures:
            why = f"The worker died {deaths} times in a row before it was ready; last: {cause}."
            return actions + self._give_up(why)
        is_storm = deaths >= self.options.max_deaths
        self.state = ENGINE[self.state, EngineEvent.STORM if is_storm else EngineEvent.DOWN]
        self._deadline = now if planned else now + self._backoff_s
        return actions + self.tick(now)

    # -- what passes with time ------------------------------------------------------------------

    @property
    def next_deadline(self) -> float | None:
        """When `tick` has something to do, or None."""
        return None if self._due_at == math.inf else self._due_at

    def tick(self, now: float) -> list[Action]:
        """See whether a time limit has passed."""
        if now < self._due_at:
            return []
        match self._worker:
            case WorkerState.ABSENT:
                return self._spawn(now)
            case WorkerState.STARTING:
                why = f"the worker took longer than {self.options.startup_s:g} s for its start"
                return self._end(WorkerEvent.OVERDUE, Terminate(why), now)
            case WorkerState.RETIRING if not self._leases:
                self.state = ENGINE[self.state, EngineEvent.DOWN]
                return self._end(WorkerEvent.IDLE, Recycle(self._retired_for), now)
            case WorkerState.READY | WorkerState.RETIRING:
                self.state = ENGINE[self.state, EngineEvent.DOWN]
                why = f"the worker took longer than {self.options.lease_s:g} s for a batch"
                return self._end(WorkerEvent.OVERDUE, Terminate(why), now)
            case WorkerState.LEAVING | WorkerState.ABORTED | WorkerState.ENDING:
                return self._end(WorkerEvent.OVERDUE, Kill(), now)  # again, should one not do

    @property
    def _due_at(self) -> float:
        """When the worker's state has lasted long enough."""
        if self._worker is WorkerState.RETIRING and not self._leases:
            return -math.inf
        if self._worker in _SERVING:
            return min((lease.deadline for lease in self._leases), default=math.inf)
        return self._deadline

    # -- what happens to jobs -------------------------------------------------------------------

    def on_grant(self, batch: Iterable[Job], now: float) -> None:
        """A batch was handed to the worker."""
        self._leases.append(_Lease({job.id: job for job in batch}, now + self.options.lease_s))

    def on_result(self, job_id: str, now: float) -> bool:
        """A result came, so the others of its batch have the time of a lease again. False for one that
        nobody waits for: it must not be used."""
        lease = next((lease for lease in self._leases if job_id in lease.jobs), None)
        if lease is None:
            return False
        del lease.jobs[job_id]
        lease.deadline = max(lease.deadline, now + self.options.lease_s)
        self._retried.pop(job_id, None)
        self._abandoned.discard(job_id)
        if not lease.jobs:
            self._leases.remove(lease)
            if self._worker in _SERVING:
                self._deaths_in_a_row = 0
        return True

    def retry(self, job: Job) -> None:
        """A worker died on this final elsewhere: here is its second try."""
        self._retried[job.id] = job.session

    @property
    def strikes(self) -> dict[str, int]:
        """How many workers have died, or hang, with a job under way, by its id."""
        strikes = Counter(self._retried.keys())
        if self._worker not in _SERVING:
            strikes.update(job.id for job in self.running)
        return dict(strikes)

    def abandon(self, job: Job) -> None:
        """Nobody waits for this job any more: should it kill the worker, it is not tried again."""
        if any(job.id in lease.jobs for lease in self._leases):
            self._abandoned.add(job.id)
        else:
            self._retried.pop(job.id, None)

    def forget_session(self, session: str) -> None:
        """A session is gone: keep nothing about it but what is running."""
        running = {job.id for job in self.running if job.session == session}
        self._abandoned |= running
        self._retried = {
            job_id: of for job_id, of in self._retried.items() if job_id in running or of != session
        }

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _awaited(self) -> list[Job]:
        return [job for job in self.running if job.id not in self._abandoned]

    def _spawn(self, now: float) -> list[Action]:
        self._worker = WORKER[self._worker, WorkerEvent.SPAWNED]
        self._spawned_at, self._deadline = now, now + self.options.startup_s
        return [Spawn()]

    def _end(self, event: WorkerEvent, how: Action, now: float) -> list[Action]:
        """The worker is told to end, and has a grace to do so."""
        self._worker = WORKER[self._worker, event]
        self._deadline = now + self.options.kill_grace_s
        return [how]

    def _give_up(self, cause: str) -> list[Action]:
        self.state = ENGINE[self.state, EngineEvent.HOPELESS]
        return [GiveUp(cause)]

    def _after_death(self, job: Job) -> Action:
        if job.kind == "partial":
            return Drop(job)
        if job.id in self._retried:
            del self._retried[job.id]
            return Quarantine(job)
        self._retried[job.id] = job.session
        return RetryAlone(job)

    def _count_death(self, now: float) -> None:
        """Enter a death that was not planned. A worker that was there for long ends the row."""
        was_ready = self._worker not in (WorkerState.STARTING, WorkerState.ABORTED)
        if was_ready and now - self._spawned_at >= self.options.healthy_s:
            self._deaths_in_a_row = 0
        self._deaths_in_a_row += 1

    @property
    def _backoff_s(self) -> float:
        """How long to wait before the next start, after so many deaths."""
        if self._deaths_in_a_row >= self.options.max_deaths:
            return self.options.breaker_s
        if self._deaths_in_a_row == 1:
            return 0.0
        return self.options.first_backoff_s * 2.0 ** (self._deaths_in_a_row - 2)
