"""An engine that does what the test says."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from surtitle.engine.engine import Deliver, Member, OnLoad, OnState
from surtitle.engine.scheduler import Owner
from surtitle.engine.states import EngineState
from surtitle.jobs import Job, ModelInfo, Result

MODEL = ModelInfo("fake", "cpu", "int8", ("en",), load_s=0.0)


@dataclass
class Scripted:
    """It holds its jobs until it is told what becomes of them."""

    name: str
    on_state: OnState = lambda state: None
    on_load: OnLoad = lambda overloaded: None
    state: EngineState = EngineState.LOADING
    model: ModelInfo | None = None
    failure: str | None = None
    utilization: float = 0.0
    overloaded: set[str] = field(default_factory=set)
    held: dict[str, tuple[Job, Deliver]] = field(default_factory=dict)
    under_way: set[str] = field(default_factory=set)
    owners: dict[str, Owner] = field(default_factory=dict)
    stale: list[tuple[str, Deliver]] = field(default_factory=list)

    def turn(self, state: EngineState) -> None:
        """Be in another state."""
        self.state = state
        if state is EngineState.READY:
            self.model = MODEL
        self.on_state(state)

    def answer(self, job_id: str, text: str = "") -> None:
        """Decode a job."""
        job, deliver = self.held.pop(job_id)
        self.under_way.discard(job_id)
        self.stale.append((job_id, deliver))
        deliver(Result(job.id, text=text or f"by {self.name}"))

    @property
    def owed_jobs(self) -> int:
        return len(self.held)

    @property
    def members(self) -> Sequence[Member]:
        return (self,)

    def overloaded_for(self, owner: str) -> bool:
        return owner in self.overloaded

    def start(self) -> asyncio.Task[None]:
        raise NotImplementedError

    async def stop(self) -> None:
        pass

    def place(self, session: str, owner: Owner) -> None:
        self.owners[session] = owner

    def submit(self, job: Job, deliver: Deliver) -> None:
        assert job.id not in self.held
        self.held[job.id] = job, deliver

    def promote(self, job: Job) -> None:
        self.held[job.id] = job, self.held[job.id][1]

    def cancel(self, job: Job) -> None:
        self._let_go(job.id)

    def discard_session(self, session: str) -> None:
        self.owners.pop(session, None)
        for job_id in [each.id for each, _ in self.held.values() if each.session == session]:
            self._let_go(job_id)

    @property
    def strikes(self) -> Mapping[str, int]:
        lost = set() if self.state is EngineState.READY else self.under_way
        return {job.id: job.alone + (job.id in lost) for job, _ in self.held.values()}

    def release(self) -> None:
        for job_id in list(self.held):
            self._let_go(job_id)

    def _let_go(self, job_id: str) -> None:
        self.under_way.discard(job_id)
        self.stale.append((job_id, self.held.pop(job_id)[1]))
