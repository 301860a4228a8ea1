"""Several engines as one: a worker for each device, or engines on other machines.

The pool has the ledger of what is owed, with its audio, so that what one member cannot answer another
one does. Where jobs go is decided in `placement`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from surtitle.engine.engine import Deliver, Member, OnLoad, OnState, hand_over, quarantined
from surtitle.engine.placement import Placement
from surtitle.engine.scheduler import NOBODY, Owner
from surtitle.engine.states import EngineState
from surtitle.jobs import ENGINE_FAILED, Job, ModelInfo, Result

log = structlog.get_logger("surtitle.engine")

MakeMember = Callable[[OnState, OnLoad], Member]
"""Makes a member, which tells these of its state and load."""


@dataclass(slots=True)
class _Owed:
    job: Job
    deliver: Deliver
    member: int


class EnginePool:
    """The members as one engine, see Engine."""

    def __init__(
        self,
        members: Iterable[MakeMember] = (),
        on_state: OnState = lambda state: None,
        on_load: OnLoad = lambda overloaded: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_state` and `on_load` as for Supervisor; `clock` in seconds."""
        self._clock = clock
        self._on_state = on_state
        self._on_load = on_load
        self._placement = Placement()
        self._told_state = self._placement.state
        self._members: dict[int, Member] = {}
        self._added = 0
        self._owed: dict[str, _Owed] = {}  # by job id
        self._owners: dict[str, Owner] = {}  # by session
        self._known: dict[str, set[int]] = {}  # the members that know a session
        self._model: ModelInfo | None = None
        self._over: asyncio.Future[None] | None = None  # done when a member cannot go on
        self._task: asyncio.Task[None] | None = None
        for make in members:
            self.add(make)

    def add(self, make: MakeMember) -> int:
        """One more member; returns its number."""
        self._added += 1
        number = self._added
        self._placement.add(number)
        self._members[number] = member = make(partial(self._on_member_state, number), self._on_load)
        if self._over is not None:
            self._start(member)
        return number

    async def remove(self, number: int) -> None:
        """A member goes: others do what it owes, as far as there are any."""
        member = self._members.pop(number)
        self._placement.remove(number)
        self._note_states()
        self._take_over(number, member)
        for known in self._known.values():
            known.discard(number)
        self._tell()
        await member.stop()

    @property
    def state(self) -> EngineState:
        """See Engine.state: ready where any member is."""
        return self._placement.state

    @property
    def failure(self) -> str | None:
        """See Engine.failure."""
        if self.state is not EngineState.FAILED:
            return None
        failures = dict.fromkeys(member.failure for member in self.members)
        return " ".join(failure for failure in failures if failure)

    @property
    def model(self) -> ModelInfo | None:
        """See Engine.model: that of the members that decode."""
        return self._model

    @property
    def utilization(self) -> float:
        """See Engine.utilization: the mean of the members that are ready."""
        ready = self._ready
        return sum(member.utilization for member in ready) / len(ready) if ready else 0.0

    @property
    def owed_jobs(self) -> int:
        """See Engine.owed_jobs."""
        return len(self._owed)

    @property
    def members(self) -> Sequence[Member]:
        """See Engine.members."""
        return list(self._members.values())

    def overloaded_for(self, owner: str) -> bool:
        """See Engine.overloaded_for: only where no member has room."""
        ready = self._ready
        return bool(ready) and all(member.overloaded_for(owner) for member in ready)

    def start(self) -> asyncio.Task[None]:
        """See Engine.start."""
        self._over = asyncio.get_running_loop().create_future()
        for member in self.members:
            self._start(member)
        self._task = asyncio.create_task(_wait_for(self._over), name="engines")
        return self._task

    async def stop(self) -> None:
        """See Engine.stop."""
        if self._task is not None:
            self._task.cancel()
        await asyncio.gather(*(member.stop() for member in self.members))

    def place(self, session: str, owner: Owner) -> None:
        """See Engine.place."""
        self._owners[session] = owner
        for number in self._known.get(session, ()):
            self._members[number].place(session, owner)

    def submit(self, job: Job, deliver: Deliver) -> None:
        """See Engine.submit."""
        number = self._placement.member_for(job, self._clock())
        self._owed[job.id] = _Owed(job, deliver, number)
        member, known = self._members[number], self._known.setdefault(job.session, set())
        if number not in known:
            known.add(number)
            member.place(job.session, self._owners.get(job.session, NOBODY))
        member.submit(job, partial(self._on_answer, number))

    def promote(self, job: Job) -> None:
        """See Engine.promote."""
        if (owed := self._owed.get(job.id)) is not None:
            owed.job = replace(job, alone=owed.job.alone)
            self._members[owed.member].promote(owed.job)

    def cancel(self, job: Job) -> None:
        """See Engine.cancel."""
        if (owed := self._owed.pop(job.id, None)) is not None:
            self._members[owed.member].cancel(owed.job)

    def discard_session(self, session: str) -> None:
        """See Engine.discard_session."""
        self._owners.pop(session, None)
        self._placement.forget_session(session)
        for job_id in [owed.job.id for owed in self._owed.values() if owed.job.session == session]:
            del self._owed[job_id]
        for number in self._known.pop(session, ()):
            self._members[number].discard_session(session)

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _ready(self) -> list[Member]:
        return [self._members[number] for number in self._placement.ready]

    def _start(self, member: Member) -> None:
        member.start().add_done_callback(self._on_end)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """Without its own task a member only looks alive."""
        if not task.cancelled() and (error := task.exception()) is not None:
            assert self._over is not None
            if not self._over.done():
                self._over.set_exception(error)

    def _on_answer(self, number: int, result: Result) -> None:
        """A member has answered a job."""
        owed = self._owed.get(result.job_id)
        if owed is None or owed.member != number:  # it was taken from that member
            return
        if result.error_code == ENGINE_FAILED:
            self._note_states()  # it answers before it tells
        if result.error_code == ENGINE_FAILED and self.state is not EngineState.FAILED:
            self.submit(owed.job, owed.deliver)
        else:
            self._answer(owed, result)

    def _answer(self, owed: _Owed, result: Result) -> None:
        del self._owed[owed.job.id]
        hand_over(owed.deliver, owed.job, result)

    def _on_member_state(self, number: int, state: EngineState) -> None:
        if number in self._members:  # else it was removed
            self._note_states()
            for other in self._placement.to_relieve:
                self._take_over(other, self._members[other])
            self._tell()

    def _note_states(self) -> None:
        """Tell the placement how the members are. One whose model hears other languages than the others
        would misunderstand the jobs of their sessions: it has to wait until it is alone.
        """
        ready = [m.model for m in self.members if m.state is EngineState.READY and m.model]
        if ready and not any(_is_alike(model, self._model) for model in ready):
            self._model = ready[0]
        for number, member in self._members.items():
            state, model = member.state, member.model
            if state is EngineState.READY and not (model and _is_alike(model, self._model)):
                state = EngineState.BROKEN
            self._placement.on_state(
                number, state, model.parallel * model.max_batch if model else 1
            )

    def _tell(self) -> None:
        if self.state is not self._told_state:
            self._told_state = self.state
            self._on_state(self.state)

    def _take_over(self, number: int, member: Member) -> None:
        """Hand what a member owes to others."""
        owed = [owed for owed in self._owed.values() if owed.member == number]
        if not owed:
            return
        strikes = member.strikes
        member.release()
        log.warning("jobs move", member=member.name, jobs=len(owed))
        for each in owed:
            job = each.job
            match strikes.get(job.id, 0):
                case 0:
                    self.submit(job, each.deliver)
                case 1 if job.kind == "final":
                    self.submit(replace(job, alone=True), each.deliver)
                case 1:
                    self._answer(each, Result(job.id, dropped="worker_died"))
                case _:
                    self._answer(each, quarantined(job))


def _is_alike(model: ModelInfo, other: ModelInfo | None) -> bool:
    """Whether one can do the jobs that were made for the other."""
    return other is not None and (model.languages, model.windows) == (
        other.languages,
        other.windows,
    )


async def _wait_for(over: asyncio.Future[None]) -> None:
    await over
