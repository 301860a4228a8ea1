"""A lane: an engine on another machine, at the other end of one long-lived WebSocket.

What is owed is kept here until it is answered. Where the connection breaks, or no heartbeat comes, the
lane is not ready, so that a pool hands the jobs to other engines; where it comes back first, they are
sent again. Where the connection is slower than the audio, jobs wait here until it takes more, and what
has become superfluous meanwhile is not sent.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial

import structlog
from websockets.asyncio.client import ClientConnection

from surtitle.engine import wire
from surtitle.engine.dialing import NO_ENGINE, Dial, LaneOptions, NotReached, dial, receive
from surtitle.engine.engine import Deliver, Member, OnLoad, OnState, hand_over
from surtitle.engine.scheduler import Owner
from surtitle.engine.states import EngineState
from surtitle.jobs import Job, ModelInfo, Result

log = structlog.get_logger("surtitle.engine")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 3.0
"""Between two tries to connect."""
BROKEN_S = 15.0
"""An engine that was away for so long will hardly be back in a moment."""


class Lane:
    """The engine at a URL, see Member. Use it on one event loop."""

    failure: str | None = None
    """See Engine.failure: an engine that is not there may come back."""

    def __init__(
        self,
        url: str,
        options: LaneOptions,
        on_state: OnState,
        on_load: OnLoad,
        *,
        dial_engine: Dial | None = None,
    ) -> None:
        """`url` as `ws://host:port`; `on_state` and `on_load` as for Supervisor. `dial_engine` reaches
        the engine in another way than by this URL.
        """
        self._url = url.rstrip("/")
        self._dial = dial_engine or partial(dial, self._url, options)
        self._on_state = on_state
        self._on_load = on_load
        self._state = EngineState.LOADING
        self._owed: dict[str, tuple[Job, Deliver]] = {}  # by job id
        self._owners: dict[str, Owner] = {}  # by session
        self._beat = wire.Beat(0.0, overloaded=False)
        self._strikes: Mapping[str, int] = {}
        self._outbox: deque[wire.ToEngine | str] | None = None
        """What is to be sent, jobs by their ids; None while there is no connection."""
        self._partials: dict[str, Job] = {}  # by session: the newest one, while it is not sent
        self._news = asyncio.Event()  # something is in the outbox
        self._lost_at = time.monotonic()  # or since when it has not been reached
        self._said = ""  # of what is wrong, so that it is said once
        self._task: asyncio.Task[None] | None = None
        self.model: ModelInfo | None = None
        """See Engine.model."""

    @property
    def name(self) -> str:
        """See Member.name."""
        return self._url

    @property
    def state(self) -> EngineState:
        """See Engine.state."""
        return self._state

    @property
    def utilization(self) -> float:
        """See Engine.utilization: of all gateways that it serves."""
        return self._beat.utilization

    @property
    def owed_jobs(self) -> int:
        """See Engine.owed_jobs."""
        return len(self._owed)

    @property
    def members(self) -> Sequence[Member]:
        """See Engine.members."""
        return (self,)

    @property
    def strikes(self) -> Mapping[str, int]:
        """See Member.strikes: as the engine has told them."""
        return self._strikes

    def overloaded_for(self, owner: str) -> bool:
        """See Engine.overloaded_for."""
        return self._beat.overloaded or owner in self._beat.overloaded_for

    def start(self) -> asyncio.Task[None]:
        """See Engine.start."""
        self._task = asyncio.create_task(self._run(), name="lane")
        return self._task

    async def stop(self) -> None:
        """See Engine.stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def place(self, session: str, owner: Owner) -> None:
        """See Engine.place."""
        self._owners[session] = owner
        self._send(wire.Place(session, owner.name, owner.patient))

    def submit(self, job: Job, deliver: Deliver) -> None:
        """See Engine.submit."""
        self._owed[job.id] = job, deliver
        self._send_job(job)

    def promote(self, job: Job) -> None:
        """See Engine.promote."""
        if (owed := self._owed.get(job.id)) is not None:
            self._owed[job.id] = job, owed[1]
            self._send(wire.Promote(job.id))

    def cancel(self, job: Job) -> None:
        """See Engine.cancel."""
        if self._owed.pop(job.id, None) is not None:
            self._forget_partial(job)
            self._send(wire.Cancel(job.id))

    def discard_session(self, session: str) -> None:
        """See Engine.discard_session."""
        self._owners.pop(session, None)
        self._partials.pop(session, None)
        for job_id in [job.id for job, _ in self._owed.values() if job.session == session]:
            del self._owed[job_id]
        self._send(wire.Discard(session))

    def release(self) -> None:
        """See Member.release."""
        for job, _ in list(self._owed.values()):
            self.cancel(job)

    # -- inside ---------------------------------------------------------------------------------

    def _send(self, message: wire.ToEngine | str) -> None:
        if self._outbox is not None:
            self._outbox.append(message)
            self._news.set()

    def _send_job(self, job: Job) -> None:
        """The partial that it would replace at the engine need not go there."""
        waiting = self._partials.get(job.session)
        is_newest = waiting is None or waiting.utterance <= job.utterance
        if waiting is not None and is_newest:
            del self._partials[job.session]
            self._deliver(Result(waiting.id, dropped="superseded"))
        if job.kind == "partial" and is_newest:
            self._partials[job.session] = job
        self._send(job.id)

    def _forget_partial(self, job: Job) -> None:
        """It is sent, or nobody waits for it any more."""
        waiting = self._partials.get(job.session)
        if waiting is not None and waiting.id == job.id:
            del self._partials[job.session]

    async def _run(self) -> None:
        """Be connected, again and again."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                socket, engine = await self._dial()
                async with socket:
                    self._said, pause_s = "", FIRST_PAUSE_S
                    log.info(
                        "engine found",
                        member=self.name,
                        engine=engine.engine,
                        incarnation=engine.incarnation,
                    )
                    await self._serve(socket)
            except NotReached as error:
                self._say(str(error))
            self._lose()
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _serve(self, socket: ClientConnection) -> None:
        """Send what is owed, and go on until the connection breaks."""
        self._outbox = deque()
        self._partials.clear()
        for session, owner in self._owners.items():
            self._send(wire.Place(session, owner.name, owner.patient))
        for job, _ in list(self._owed.values()):
            self._send_job(job)
        sending = asyncio.create_task(self._send_all(socket, self._outbox), name="lane")
        try:
            while True:
                self._take(await receive(socket))
        except NotReached:
            self._lose()  # jobs go elsewhere before a connection is closed that may be dead
            raise
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send_all(self, socket: ClientConnection, outbox: deque[wire.ToEngine | str]) -> None:
        while True:
            while outbox:
                if (message := self._message(outbox.popleft())) is not None:
                    await socket.send(wire.encode(message))
            self._news.clear()
            await self._news.wait()

    def _message(self, queued: wire.ToEngine | str) -> wire.ToEngine | None:
        """Of a job that is no longer owed there is none."""
        if not isinstance(queued, str):
            return queued
        if (owed := self._owed.get(queued)) is None:
            return None
        self._forget_partial(owed[0])
        return wire.Submit.of(owed[0])

    def _take(self, message: wire.ToGateway) -> None:
        match message:
            case wire.Answer(result):
                self._deliver(result)
            case wire.Beat():
                before, self._beat = self._beat, message
                told = (message.overloaded, message.overloaded_for)
                if told != (before.overloaded, before.overloaded_for):
                    self._on_load(message.overloaded)
            case wire.State(state, model, strikes):
                self.model, self._strikes = model or self.model, strikes
                self._become(state)
            case _:
                raise NotReached(NO_ENGINE)

    def _deliver(self, result: Result) -> None:
        if (owed := self._owed.pop(result.job_id, None)) is not None:
            job, deliver = owed
            hand_over(deliver, job, result)

    def _lose(self) -> None:
        """There is no connection."""
        if self._outbox is not None:
            self._outbox, self._lost_at, self._strikes = None, time.monotonic(), {}
        if time.monotonic() - self._lost_at > BROKEN_S:
            self._become(EngineState.BROKEN)
        elif self._state is not EngineState.LOADING:
            self._become(EngineState.RECOVERING)

    def _become(self, state: EngineState) -> None:
        if state is not self._state:
            self._state = state
            self._on_state(state)

    def _say(self, why: str) -> None:
        """Log what is wrong, once."""
        if why != self._said:
            self._said = why
            log.warning("engine not reached", member=self.name, why=why)
