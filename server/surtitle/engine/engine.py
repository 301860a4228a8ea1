"""What an engine is: it takes jobs and answers them. Sessions and the server know no more of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from surtitle.engine.scheduler import Owner
from surtitle.engine.states import EngineState
from surtitle.jobs import QUARANTINED, Job, ModelInfo, Result

log = structlog.get_logger("surtitle.engine")

Deliver = Callable[[Result], None]
OnState = Callable[[EngineState], None]
OnLoad = Callable[[bool], None]

_QUARANTINE_MESSAGE = (
    "The recognition worker died twice on this audio, so it was skipped; everything else continues."
)


class Engine(Protocol):
    """Decodes. Use it on one event loop.

    Each job gets exactly one answer: a result, an error, or that it was dropped. One that its session
    takes back gets none, nor does what is still owed when the engine is stopped.
    """

    @property
    def state(self) -> EngineState:
        """How the engine is."""
        ...

    @property
    def failure(self) -> str | None:
        """Why the engine has given up, in a sentence; set when the state is FAILED."""
        ...

    @property
    def model(self) -> ModelInfo | None:
        """The loaded model; None until the first worker is ready."""
        ...

    @property
    def utilization(self) -> float:
        """How much of its time was taken in the last seconds, from 0 to 1; all where jobs waited."""
        ...

    @property
    def owed_jobs(self) -> int:
        """How many jobs are not answered yet."""
        ...

    @property
    def members(self) -> Sequence["Member"]:
        """The engines that it is made of: itself, where it is one."""
        ...

    def overloaded_for(self, owner: str) -> bool:
        """Whether captions come late by now: no new session of this owner should be taken."""
        ...

    def start(self) -> asyncio.Task[None]:
        """Begin to load the model; returns a task that runs until the engine is stopped."""
        ...

    async def stop(self) -> None:
        """End it, soon and whatever it does. What is owed is not answered any more."""
        ...

    def place(self, session: str, owner: Owner) -> None:
        """Whose turns the jobs of a session take from now on; NOBODY's without this."""
        ...

    def submit(self, job: Job, deliver: Deliver) -> None:
        """Queue a job. `deliver` gets its answer, once; perhaps before this returns."""
        ...

    def promote(self, job: Job) -> None:
        """A speculative final is waited for now; `job` is that one, no longer speculative."""
        ...

    def cancel(self, job: Job) -> None:
        """Take a job back: its result is of no use any more and is not delivered."""
        ...

    def discard_session(self, session: str) -> None:
        """Forget the jobs of a session that has gone."""
        ...


class Member(Engine, Protocol):
    """An engine that others can take over from."""

    @property
    def name(self) -> str:
        """What it is called in logs and figures."""
        ...

    @property
    def strikes(self) -> Mapping[str, int]:
        """How many workers have died, or hang, with a job under way; by its id."""
        ...

    def release(self) -> None:
        """Forget all jobs: none of them is answered any more."""
        ...


def hand_over(deliver: Deliver, job: Job, result: Result) -> None:
    """Deliver an answer. What a session makes of it must not stop the answers of others."""
    try:
        deliver(result)
    except Exception:
        log.exception("a result could not be delivered", trace=job.trace)


def quarantined(job: Job) -> Result:
    """The answer to a job that took two workers down."""
    log.error("gave up on a job", trace=job.trace, job=job.id)
    return Result(job.id, error_code=QUARANTINED, error=_QUARANTINE_MESSAGE)
