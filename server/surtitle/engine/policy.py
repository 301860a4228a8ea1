"""The watchdog's decisions. Pure: what happened and when in, what to do out.

The worker goes through these states; "die" is any end of the process, with or without our help.

    starting --ready--> ready <--grant/results--> busy
       |                  |                        |
       +------ die -------+---------- die ---------+--> waiting --(back-off over)--> starting

Rules. A worker has `startup_s` to say ready, a batch has `lease_s` until its last result; beyond
that it is told to terminate and, `kill_grace_s` later, killed. Several batches may be under way, each
under a lease of its own. A final that was running when the worker died is tried once more, with
nothing beside it; a second death quarantines it (`failed`). A partial is not
worth a second try, and its utterance gets no further partials. A respawn waits twice as long after
each death in a row, at first not at all; a batch that comes back ends the row, and so does a worker
that was there for `healthy_s`. After `max_deaths` in a row the engine is broken: no new sessions are
taken, those that are there stay, and a worker is tried every `breaker_s`, until one answers. Where no
worker was ever ready, one that says why it cannot start, or `max_start_failures` that die before they
are ready, end the engine: the cause is not going to change. A worker whose memory has grown too much
is replaced on purpose, between batches.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

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


class EngineState(Enum):
    """How the engine is, in the words of `/readyz`."""

    LOADING = "loading"
    READY = "ready"
    RECOVERING = "recovering"
    BROKEN = "broken"
    """Worker after worker has died; it is still tried."""
    FAILED = "failed"
    """It has given up."""


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
    """Forget this partial: a newer one or the final will come."""

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


@dataclass(slots=True)
class Watchdog:
    """The state of supervision. Every method takes `now` in seconds of one monotonic clock."""

    options: WatchdogOptions
    state: EngineState = EngineState.LOADING
    _alive: bool = False  # a worker process exists
    _was_ready: bool = False  # this worker has said ready
    _parallel: int = 1  # batches that this worker takes at once
    _leases: list[_Lease] = field(default_factory=list)
    _deadline: float | None = None  # of the start-up, or the grace after Terminate
    _terminating: bool = False
    _memory_when_ready: int | None = None  # bytes
    _recycling: str = ""  # why the worker is replaced on purpose, as soon as nothing is under way
    _spawned_at: float = 0.0
    _respawn_at: float | None = None
    _deaths_in_a_row: int = 0
    _start_failures: int = 0
    _ever_ready: bool = False
    _retried: set[str] = field(default_factory=set)  # ids of finals on their second try
    _abandoned: set[str] = field(default_factory=set)  # ids of running jobs nobody waits for
    _no_partials: set[tuple[str, int]] = field(default_factory=set)  # (session, utterance)

    @property
    def free(self) -> int:
        """How many batches may be handed over now."""
        if self.state is not EngineState.READY or self._terminating or self._recycling:
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

    def accepts(self, job: Job) -> bool:
        """Whether to queue a job at all."""
        return job.kind == "final" or (job.session, job.utterance) not in self._no_partials

    def start(self, now: float) -> list[Action]:
        """Begin: the first worker."""
        return self._spawn(now)

    def on_ready(self, parallel: int) -> None:
        """The worker has loaded its model, and takes so many batches at once."""
        if self._terminating:
            return  # too late
        self.state = EngineState.READY
        self._was_ready = self._ever_ready = True
        self._start_failures = 0
        self._parallel = parallel
        self._deadline = None

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
        self._retried.discard(job_id)
        self._abandoned.discard(job_id)
        if not lease.jobs:
            self._leases.remove(lease)
            if not self._terminating:
                self._deaths_in_a_row = 0
        return True

    def on_memory(self, used_bytes: int) -> None:
        """So much memory has the worker now; called now and then."""
        if self.state is not EngineState.READY:
            return
        if self._memory_when_ready is None:
            self._memory_when_ready = used_bytes
        allowed = self.options.max_growth * self._memory_when_ready + self.options.spare_bytes
        if used_bytes > allowed:
            then, now = self._memory_when_ready >> 20, used_bytes >> 20
            self._recycling = f"its memory has grown from {then} to {now} MB"

    @property
    def planned(self) -> bool:
        """Whether the worker may end now, for it is to be replaced and nobody waits for its work."""
        return bool(self._recycling) and not self._awaited

    @property
    def _awaited(self) -> list[Job]:
        return [job for job in self.running if job.id not in self._abandoned]

    def on_start_failure(self, cause: str) -> list[Action]:
        """The worker said why it cannot work; its end will follow."""
        if self._ever_ready:
            return []
        self.state = EngineState.FAILED
        return [GiveUp(cause)]

    def on_death(self, cause: str, now: float) -> list[Action]:
        """The worker's process has ended."""
        lost, planned = self._awaited, self.planned
        self._retried -= self._abandoned
        self._leases, self._abandoned = [], set()
        self._alive, self._terminating, self._deadline = False, False, None
        self._recycling, self._memory_when_ready = "", None
        if self.state is EngineState.FAILED:
            return [Quarantine(job) for job in lost]
        actions = [self._after_death(job) for job in lost]
        self._start_failures += not self._was_ready
        if not self._ever_ready and self._start_failures >= self.options.max_start_failures:
            self.state = EngineState.FAILED
            times = f"{self._start_failures} times in a row"
            return [
                *actions,
                GiveUp(f"The worker died {times} before it was ready; last: {cause}."),
            ]
        self.state = EngineState.RECOVERING if self._ever_ready else EngineState.LOADING
        self._respawn_at = now if planned else now + self._wait_s(now)
        if self._ever_ready and self._deaths_in_a_row >= self.options.max_deaths:
            self.state = EngineState.BROKEN
        return actions + self.tick(now)

    def tick(self, now: float) -> list[Action]:
        """See whether a time limit has passed."""
        if self._respawn_at is not None and now >= self._respawn_at:
            return self._spawn(now)
        due = min(self._deadlines(), default=None)
        if due is None or now < due or not self._alive:
            return []
        if self._may_recycle:
            self._terminating, self._deadline = True, now + self.options.kill_grace_s
            self.state = EngineState.RECOVERING
            return [Recycle(self._recycling)]
        if self._terminating:
            self._deadline = now + self.options.kill_grace_s  # again, should even that not do
            return [Kill()]
        limit, what = self.options.startup_s, "its start"
        if self._was_ready:
            limit, what = self.options.lease_s, "a batch"
            self.state = EngineState.RECOVERING
        self._terminating = True
        self._deadline = now + self.options.kill_grace_s
        return [Terminate(f"the worker took longer than {limit:g} s for {what}")]

    def abandon(self, job: Job) -> None:
        """Nobody waits for this job any more: should it kill the worker, it is not tried again."""
        if any(job.id in lease.jobs for lease in self._leases):
            self._abandoned.add(job.id)
        else:
            self._retried.discard(job.id)

    def forget_session(self, session: str) -> None:
        """A session is gone: keep nothing about it but what is running."""
        running = {job.id for job in self.running if job.session == session}
        self._abandoned |= running
        self._retried = {
            job_id
            for job_id in self._retried
            if job_id in running or job_id.split("/")[0] != session
        }
        self._no_partials = {key for key in self._no_partials if key[0] != session}

    @property
    def next_deadline(self) -> float | None:
        """When `tick` has something to do, or None."""
        times = [*self._deadlines(), *([] if self._respawn_at is None else [self._respawn_at])]
        return min(times, default=None)

    @property
    def _may_recycle(self) -> bool:
        return bool(self._recycling) and self._alive and not self._leases and not self._terminating

    def _deadlines(self) -> list[float]:
        """Of the start-up, of the leases; once it is terminating only of the grace."""
        if self._may_recycle:
            return [-math.inf]
        if self._deadline is not None:
            return [self._deadline]
        return [lease.deadline for lease in self._leases]

    def _spawn(self, now: float) -> list[Action]:
        self._alive, self._was_ready, self._respawn_at = True, False, None
        self._spawned_at = now
        self._deadline = now + self.options.startup_s
        return [Spawn()]

    def _after_death(self, job: Job) -> Action:
        if job.kind == "partial":
            self._no_partials.add((job.session, job.utterance))
            return Drop(job)
        if job.id in self._retried:
            self._retried.discard(job.id)
            return Quarantine(job)
        self._retried.add(job.id)
        return RetryAlone(job)

    def _wait_s(self, now: float) -> float:
        """Enter a death that was not planned; returns how long to wait before the next start."""
        if self._was_ready and now - self._spawned_at >= self.options.healthy_s:
            self._deaths_in_a_row = 0
        self._deaths_in_a_row += 1
        if self._deaths_in_a_row >= self.options.max_deaths:
            return self.options.breaker_s
        if self._deaths_in_a_row == 1:
            return 0.0
        return self.options.first_backoff_s * 2.0 ** (self._deaths_in_a_row - 2)
