"""The engine: scheduler, watchdog and worker process joined on the event loop.

`submit` takes a job and calls back with its one result. The decisions are in `scheduler` and
`policy`; this file carries them out.
"""

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from surtitle.engine.engine import Deliver, Member, OnLoad, OnState, hand_over, quarantined
from surtitle.engine.load import Overdue, OwnersLoad, Utilization
from surtitle.engine.policy import (
    Action,
    Drop,
    GiveUp,
    Kill,
    Quarantine,
    Recycle,
    RetryAlone,
    Spawn,
    Terminate,
    Watchdog,
    WatchdogOptions,
)
from surtitle.engine.process import CAUSES_OF_DEATH, NOT_STARTED, Incarnation
from surtitle.engine.scheduler import MANY, Owner, Rank, Scheduler
from surtitle.engine.speakers import Speakers
from surtitle.engine.states import EngineState
from surtitle.jobs import ENGINE_FAILED, Dropped, Job, JobKind, ModelInfo, Result
from surtitle.recognition.worker import Answer, Started, StartFailed, WorkerOptions
from surtitle.runtime.metrics import Metrics

log = structlog.get_logger("surtitle.engine")

KEPT_S = 0.25
"""How long a place is kept for those who speak, from an owner of whom much waits: their audio is read
eight times a second. After that it is better used than empty."""
HELD_S = 0.1
"""How long after a job of somebody who speaks what is patient does not begin: the next one is near, and
would have to share the processor."""
CLOCK_STEP_S = 0.002
"""By so much a timer of uvloop may come too soon."""
ROUNDS = 2
"""So many times what the worker takes at once is more than an owner can be served with soon."""
OVERDUE_CHECK_S = 0.25
"""How often it is looked for jobs that wait too long."""
LOAD_CHECK_S = 1.0
"""How often an overload is looked at again where nothing happens."""
MEMORY_CHECK_S = 10.0
"""How often the worker's memory is looked at."""
_FAILED_MESSAGE = "The recognition engine has failed; see the server's log."


@dataclass(slots=True)
class _Waiting:
    deliver: Deliver
    job: Job
    since: float
    due_since: float
    """Of a job that replaced a partial that was still waiting: since when the first one waited. Of a
    final that was speculative: since when it is waited for."""
    started: bool = False


class Supervisor:
    """The engine on one worker process. Use it on one event loop, on the main thread."""

    def __init__(
        self,
        worker: WorkerOptions,
        watchdog: WatchdogOptions,
        on_state: OnState = lambda state: None,
        on_load: OnLoad = lambda overloaded: None,
        *,
        overload_wait_s: float = 1.0,
        metrics: Metrics | None = None,
    ) -> None:
        """`on_state` is called on the loop whenever the state has changed; `on_load` whenever it has
        changed for whom the engine is overloaded, with whether it is for anybody. See LoadGauge for
        `overload_wait_s`.
        """
        self._worker_options = worker
        self._log = log.bind(member=worker.name)
        self._watchdog = Watchdog(watchdog)
        self._scheduler = Scheduler()
        self._load = OwnersLoad(overload_wait_s)
        self._overload_wait_s = overload_wait_s
        self._utilization = Utilization()
        self._metrics = metrics or Metrics()
        self._metrics.expect_deaths(CAUSES_OF_DEATH)
        self._on_state = on_state
        self._on_load = on_load
        self._told_state = self._watchdog.state
        self._incarnation: Incarnation | None = None
        self._incarnations = 0
        self._waiting: dict[str, _Waiting] = {}  # by job id: everything that is owed a result
        self._ready_since = 0.0  # when this worker said ready, on the monotonic clock
        self._has_room = False  # one more speaker would be served at once
        self._room_at = 0.0  # when there was room last, on the monotonic clock
        self._speakers = Speakers()
        self._ranks: dict[str, Rank] = {}  # of the jobs under way, by id, as they were granted
        self._freed_at = 0.0  # when the worker had a place again, on the monotonic clock
        self._spoken_at = -math.inf  # the same of a job's begin or end, of somebody who speaks
        self._grant_timer: asyncio.TimerHandle | None = None
        self._grant_at = math.inf  # when that is due
        self._told_overload = False
        self._overdue: list[Overdue] = []
        self._looked_for_overdue_at = 0.0
        self._wake = asyncio.Event()  # the watchdog task has something to do
        self._memory_checked_at = time.monotonic()
        self._wakes_at = 0.0  # when it looks by itself, on the monotonic clock
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self.model: ModelInfo | None = None
        """See Engine.model."""
        self.failure: str | None = None
        """See Engine.failure."""

    @property
    def name(self) -> str:
        """See Member.name."""
        return self._worker_options.name

    @property
    def state(self) -> EngineState:
        """See Engine.state."""
        return self._watchdog.state

    @property
    def utilization(self) -> float:
        """See Engine.utilization."""
        return self._utilization.mean(time.monotonic())

    @property
    def owed_jobs(self) -> int:
        """See Engine.owed_jobs."""
        return len(self._waiting)

    @property
    def members(self) -> Sequence[Member]:
        """See Engine.members."""
        return (self,)

    def overloaded_for(self, owner: str) -> bool:
        """See Engine.overloaded_for."""
        return self._load.overloaded_for(owner)

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, for logs and fault tests."""
        return self._incarnation.pid if self._incarnation else None

    def start(self) -> asyncio.Task[None]:
        """Start the first worker and the watchdog task; returns the task, see Engine.start."""
        self._loop = asyncio.get_running_loop()
        self._carry_out(self._watchdog.start(time.monotonic()))
        self._task = asyncio.create_task(self._watch(), name="watchdog")
        return self._task

    async def stop(self) -> None:
        """End the worker: by itself when it is idle, else by force. Well under a second."""
        self._stopping = True
        if self._grant_timer is not None:
            self._grant_timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        incarnation = self._incarnation
        if incarnation is None:
            return
        if self.state is EngineState.READY and not self._watchdog.running:
            incarnation.ask_to_end()
        else:
            incarnation.terminate()
        if not await asyncio.to_thread(incarnation.join, 0.5):
            incarnation.kill()
            await asyncio.to_thread(incarnation.join, 2.0)

    def submit(self, job: Job, deliver: Deliver) -> None:
        """See Engine.submit."""
        if self.state is EngineState.FAILED:
            deliver(_failed(job.id))
            return
        now = time.monotonic()
        waiting = _Waiting(deliver, job, now, now)
        self._waiting[job.id] = waiting
        owner = self._scheduler.owner_of(job.session)
        if not owner.patient:
            self._speakers.on_job(job.session, owner.name, now)
        if job.alone:
            self._watchdog.retry(job)
            self._scheduler.add_alone(job)
            self._grant()
            return
        for superseded in self._scheduler.add(job):
            if (older := self._waiting.get(superseded.id)) is None:
                continue
            if _waits_as(job) == "partial":
                waiting.due_since = older.due_since
            else:
                rank = self._scheduler.rank(owner, self._speaking)
                self._observe_wait(job.session, "partial", older, now, rank)
            self._drop(superseded, "superseded")
        self._grant()

    def place(self, session: str, owner: Owner) -> None:
        """See Engine.place."""
        self._scheduler.place(session, owner)
        if owner.patient:
            self._speakers.forget(session)
        self._grant()

    def promote(self, job: Job) -> None:
        """See Engine.promote."""
        if self._scheduler.promote(job) and (waiting := self._waiting.get(job.id)) is not None:
            waiting.job, waiting.due_since = job, time.monotonic()
            self._grant()

    def cancel(self, job: Job) -> None:
        """See Engine.cancel."""
        self._waiting.pop(job.id, None)
        self._scheduler.discard(job.id, job.session)
        self._watchdog.abandon(job)

    def discard_session(self, session: str) -> None:
        """See Engine.discard_session."""
        for job in (*self._scheduler.discard_session(session), *self._watchdog.running):
            if job.session == session:
                self._waiting.pop(job.id, None)
        self._speakers.forget(session)
        self._watchdog.forget_session(session)

    @property
    def strikes(self) -> Mapping[str, int]:
        """See Member.strikes."""
        return self._watchdog.strikes

    def release(self) -> None:
        """See Member.release."""
        for waiting in list(self._waiting.values()):
            self.cancel(waiting.job)

    # -- inside ---------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """The watchdog task: sleeps until the next deadline or until one has changed."""
        while True:
            self._wake.clear()
            now = time.monotonic()
            if now - self._memory_checked_at >= MEMORY_CHECK_S:
                self._check_memory(now)
            self._wakes_at = min(self._deadline, self._memory_checked_at + MEMORY_CHECK_S)
            if self._load.anybody:
                self._wakes_at = min(self._wakes_at, now + LOAD_CHECK_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(self._wakes_at - now, 0)):
                    await self._wake.wait()
            self._carry_out(self._watchdog.tick(time.monotonic()))
            self._judge_load()

    def _check_memory(self, now: float) -> None:
        self._memory_checked_at = now
        used = self._incarnation.memory_bytes() if self._incarnation is not None else None
        if used is not None:
            self._watchdog.on_memory(used)

    @property
    def _deadline(self) -> float:
        deadline = self._watchdog.next_deadline
        return math.inf if deadline is None else deadline

    def _watch_deadline(self) -> None:
        """Wake the watchdog task where it would sleep too long. (It may well wake too early.)"""
        if self._deadline < self._wakes_at:
            self._wake.set()

    def _grant(self) -> None:
        """Hand batches to the worker as long as it has room and something waits."""
        if self._incarnation is None or self.model is None:
            return
        model = self.model
        if self._has_room:
            self._room_at = time.monotonic()
        while free := self._watchdog.free:
            kept_from, held = self._kept_from(model), self._held
            batch, rank = self._scheduler.next_batch(
                lambda job: model.batch_limit(job.window_s),
                free=free,
                idle=not self._watchdog.running,
                speaking=self._speaking,
                kept_from=kept_from,
                held=held,
            )
            if not batch:
                if len(self._scheduler):
                    self._grant_later(kept_from, held)
                break
            now = time.monotonic()
            if rank is Rank.SPEAKS:
                self._spoken_at = now
            self._watchdog.on_grant(batch, now)
            self._incarnation.send(batch)
            self._metrics.on_grant(batch)
            running = self._watchdog.running
            self._ranks = {job.id: self._ranks.get(job.id, rank) for job in running}
            for job in batch:
                if (waiting := self._waiting.get(job.id)) is not None:
                    waiting.started = True
                    kind = _waits_as(job)
                    self._observe_wait(job.session, kind, waiting, now, rank, started=True)
            self._watch_deadline()
        self._has_room = self._would_serve_at_once(model)
        # What waits although there is a place would take it, too.
        taken = 1.0 if len(self._scheduler) else len(self._watchdog.batches) / model.parallel
        self._utilization.change(taken, time.monotonic())
        self._judge_load()

    def _grant_later(self, kept_from: Collection[Rank], held: Collection[Rank]) -> None:
        """Where the clock alone lets somebody begin, see that it does."""
        assert self._loop is not None
        due: list[float] = []
        if Rank.MANY in kept_from:
            due.append(self._freed_at + KEPT_S)
        elif kept_from and self._speaking:  # what is patient has the place once nobody speaks
            due.append(self._speakers.silent_at)
        if held:
            due.append(self._spoken_at + HELD_S)
        at = min(due, default=math.inf)
        if at >= self._grant_at:
            return
        if self._grant_timer is not None:
            self._grant_timer.cancel()
        self._grant_at = at
        left_s = max(at - time.monotonic(), 0.0)
        self._grant_timer = self._loop.call_later(left_s + CLOCK_STEP_S, self._grant_when_due)

    def _grant_when_due(self) -> None:
        self._grant_timer, self._grant_at = None, math.inf
        if not self._stopping:
            self._grant()

    @property
    def _speaking(self) -> Collection[str]:
        """The owners who speak."""
        return self._speakers.owners(time.monotonic())

    def _kept_from(self, model: ModelInfo) -> Collection[Rank]:
        """From whom the last place is kept, as long as somebody speaks."""
        if self._yielding_batches < max(model.parallel - 1, 1):
            return ()
        if time.monotonic() - self._freed_at < KEPT_S:
            return Rank.MANY, Rank.PATIENT
        return (Rank.PATIENT,)

    @property
    def _held(self) -> Collection[Rank]:
        """Who does not begin now, wherever there is a place."""
        return (Rank.PATIENT,) if time.monotonic() - self._spoken_at < HELD_S else ()

    @property
    def _yielding_batches(self) -> int:
        """How many places those hold who give way."""
        return sum(
            all(self._ranks.get(job.id, Rank.SPEAKS) is not Rank.SPEAKS for job in batch)
            for batch in self._watchdog.batches
        )

    def _would_serve_at_once(self, model: ModelInfo) -> bool:
        """Whether one more speaker who gives way to nobody finds a place, or finds one kept from their
        second job on."""
        if self._scheduler.holds_all:
            return False
        batches, yielding = len(self._watchdog.batches), self._yielding_batches
        yielded = max(yielding - (model.parallel - 1), 0) if model.parallel > 1 else 0
        return self._watchdog.free > 0 or model.parallel <= batches < model.parallel + yielded

    def _observe_wait(
        self,
        session: str,
        kind: JobKind,
        waiting: _Waiting,
        now: float,
        rank: Rank,
        *,
        started: bool = False,
    ) -> None:
        """Tell the gauge of load. A wait for a new worker is none, nor is one of what is patient."""
        if self.state is not EngineState.READY:
            return
        since = max(waiting.due_since, self._ready_since)
        self._metrics.on_wait(kind, now - since)
        if rank is Rank.PATIENT:
            return
        if rank is Rank.SPEAKS:
            since = min(max(since, self._room_at), now)
        owner = self._scheduler.owner_of(session).name
        gives_way = rank is Rank.MANY
        self._load.observe(owner, session, kind, since, now, gives_way=gives_way)
        if started:
            self._load.on_turn(owner, session, now)

    def _judge_load(self) -> None:
        now = time.monotonic()
        if now - self._looked_for_overdue_at >= OVERDUE_CHECK_S:
            self._looked_for_overdue_at = now
            self._overdue = list(self._find_overdue(now))
        if not self._load.update(now, self._overdue):
            return
        overloaded = self._load.anybody
        if overloaded is not self._told_overload:
            self._told_overload = overloaded
            self._log.info("overloaded" if overloaded else "load is normal again")
        self._on_load(overloaded)
        self._wake.set()

    def _find_overdue(self, now: float) -> Iterator[Overdue]:
        """The jobs that wait and whose wait would count if they were started now."""
        if self.state is not EngineState.READY:
            return
        speaking, ranks = self._speaking, dict[Owner, Rank]()
        for waiting in self._waiting.values():
            since = max(waiting.due_since, self._ready_since)
            if waiting.started or now - since <= self._overload_wait_s:
                continue
            session = waiting.job.session
            owner = self._scheduler.owner_of(session)
            if owner not in ranks:
                ranks[owner] = self._scheduler.rank(owner, speaking)
            rank = ranks[owner]
            if rank is Rank.SPEAKS:
                since = max(since, now if self._has_room else self._room_at)
            if rank is not Rank.PATIENT and now - since > self._overload_wait_s:
                yield owner.name, session, _waits_as(waiting.job), since, rank is Rank.MANY

    def _carry_out(self, actions: list[Action]) -> None:
        waiting = deque(actions)
        while waiting:
            waiting.extend(self._do(waiting.popleft()))
        if self.state is not self._told_state:
            self._told_state = self.state
            self._on_state(self.state)
        self._watch_deadline()

    def _do(self, action: Action) -> list[Action]:
        """Carry an action out; returns what follows from it."""
        match action:
            case Spawn():
                try:
                    self._spawn()
                except OSError as error:  # no descriptors or no memory left, for now
                    cause = f"{NOT_STARTED} ({error})"
                    self._log.error("worker died", cause=cause)
                    self._metrics.on_death(NOT_STARTED)
                    return self._watchdog.on_death(cause, time.monotonic())
            case Terminate(reason):
                self._log.warning("ending the worker", reason=reason, pid=self.worker_pid)
                if self._incarnation:
                    self._incarnation.terminate(hung=True)
            case Recycle(reason):
                self._log.info("replacing the worker", reason=reason, pid=self.worker_pid)
                if self._incarnation:
                    self._incarnation.ask_to_end()
            case Kill():
                self._log.warning("killing the worker", pid=self.worker_pid)
                if self._incarnation:
                    self._incarnation.kill()
            case RetryAlone(job):
                self._log.warning("retrying a job", trace=job.trace, job=job.id)
                if job.id in self._waiting:  # its session may have gone meanwhile
                    self._scheduler.add_alone(job)
            case Drop(job):
                self._drop(job, "worker_died")
            case Quarantine(job):
                self._deliver(quarantined(job))
            case GiveUp(cause):
                self._give_up(cause)
        return []

    def _spawn(self) -> None:
        assert self._loop is not None
        self._incarnations += 1
        number = self._incarnations

        def on_loop(callback: Callable[..., None]) -> Callable[..., None]:
            """Call back on the event loop, as long as there is one."""

            def call(value: object) -> None:
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
                    assert self._loop is not None
                    self._loop.call_soon_threadsafe(callback, number, value)

            return call

        self._incarnation = Incarnation(
            number, self._worker_options, on_loop(self._on_answer), on_loop(self._on_death)
        )
        self._log.info("worker started", pid=self.worker_pid, incarnation=number)

    def _is_current(self, number: int) -> bool:
        return self._incarnation is not None and self._incarnation.number == number

    def _on_answer(self, number: int, answer: Answer) -> None:
        if not self._is_current(number):
            return
        match answer:
            case Started(model):
                self.model = model
                self._log.info(
                    "worker ready",
                    model=model.name,
                    device=model.device,
                    compute_type=model.compute_type,
                    load_s=round(model.load_s, 2),
                )
                self._ready_since = time.monotonic()
                self._scheduler.many = max(MANY, ROUNDS * model.parallel * model.max_batch)
                self._watchdog.on_ready(model.parallel)
                self._check_memory(self._ready_since)
                self._carry_out([])
            case StartFailed(cause):
                if self.model is not None:  # else the engine gives up, and says why
                    self._log.error("the new worker cannot start", cause=cause, pid=self.worker_pid)
                self._carry_out(self._watchdog.on_start_failure(cause))
            case Result():
                self._metrics.on_result(answer)
                now, free = time.monotonic(), self._watchdog.free
                is_awaited = self._watchdog.on_result(answer.job_id, now)
                if self._ranks.get(answer.job_id) is Rank.SPEAKS:
                    self._spoken_at = now
                if self._watchdog.free > free:
                    self._freed_at = now
                if is_awaited:
                    self._deliver(answer)
        self._grant()
        self._watch_deadline()

    def _on_death(self, number: int, cause: str) -> None:
        if not self._is_current(number) or self._stopping:
            return
        assert self._incarnation is not None
        if self._watchdog.planned:
            self._log.info("worker ended", pid=self.worker_pid)
        else:
            stack = {"stack": words} if (words := self._incarnation.last_words) else {}
            self._log.error("worker died", cause=cause, pid=self.worker_pid, **stack)
            self._metrics.on_death(cause)
        self._incarnation = None
        self._carry_out(self._watchdog.on_death(cause, time.monotonic()))
        self._utilization.change(0.0, time.monotonic())

    def _drop(self, job: Job, why: Dropped) -> None:
        self._deliver(Result(job.id, dropped=why))

    def _deliver(self, result: Result) -> None:
        waiting = self._waiting.pop(result.job_id, None)
        if waiting is None:
            return
        wait_s = time.monotonic() - waiting.since - result.timings.total_s
        result = replace(result, timings=replace(result.timings, wait_s=max(wait_s, 0.0)))
        self._log.debug(
            "job done",
            trace=waiting.job.trace,
            job=result.job_id,
            wait_ms=round(result.timings.wait_s * 1000),
            features_ms=round(result.timings.features_s * 1000),
            inference_ms=round(result.timings.inference_s * 1000),
            total_ms=round((time.monotonic() - waiting.since) * 1000),
            suppressed=result.suppressed,
        )
        hand_over(waiting.deliver, waiting.job, result)

    def _give_up(self, cause: str) -> None:
        self._log.error("the engine gives up", cause=cause)
        self.failure = cause
        for job_id in list(self._waiting):
            self._deliver(_failed(job_id))


def _failed(job_id: str) -> Result:
    """The answer to a job where nothing is decoded any more."""
    return Result(job_id, error_code=ENGINE_FAILED, error=_FAILED_MESSAGE)


def _waits_as(job: Job) -> JobKind:
    """In which line it waits."""
    return "partial" if job.speculative else job.kind
