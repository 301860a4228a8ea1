"""The other end of lanes: an engine serves gateways on other machines.

Sessions and jobs of a gateway have its number before their ids, so that gateways do not meet. A gateway
that is lost has its jobs taken back: it hands them to another engine. What carries the frames is the
business of others: `lane_server` and `asgi`.
"""

import asyncio
import contextlib
import hmac
import itertools
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from surtitle.engine import wire
from surtitle.engine.engine import Engine, Member
from surtitle.engine.scheduler import Owner
from surtitle.engine.states import EngineState
from surtitle.jobs import Job, Result

log = structlog.get_logger("surtitle.engine")

HELLO_S = 5.0
"""How long a gateway may take to say hello."""
MAX_UNSENT_BYTES = 16 << 20
"""Of answers: a gateway that is so far behind does not read any more."""
LOOK_EVERY_S = 0.1
"""How often it is looked whether all is answered, before the end."""


class Gone(Exception):
    """A connection is closed, or broken."""


class Socket(Protocol):
    """A WebSocket that a gateway has opened; who made it closes it."""

    @property
    def peer(self) -> str:
        """Where the gateway is, for the log."""
        ...

    async def receive(self) -> bytes | str:
        """The next frame. Raises Gone."""
        ...

    async def send(self, frame: bytes) -> None:
        """Send a frame. Raises Gone."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered over HTTP, beside the lanes."""

    status: int
    content_type: str
    body: bytes


class Lanes:
    """Serves an engine. Use it on the engine's event loop."""

    def __init__(
        self, engine: Engine, name: str, incarnation: str, secret: str, metrics: Callable[[], bytes]
    ) -> None:
        """`name` and `incarnation` see wire.Welcome; `secret` is what gateways have to know, unless it
        is empty; `metrics` gives the page for Prometheus.
        """
        self._engine = engine
        self._welcome = wire.Welcome(wire.PROTOCOL, name, incarnation)
        self._secret = secret
        self._metrics = metrics
        self._lanes: set[_ServedLane] = set()
        self._numbers = itertools.count(1)
        self._is_leaving = False

    async def run(self) -> None:
        """Send heartbeats."""
        while True:
            for lane in self._lanes:
                lane.beat(self._engine)
            await asyncio.sleep(wire.HEARTBEAT_S)

    def leave(self) -> None:
        """Gateways are to go elsewhere; what is under way is still answered."""
        self._is_leaving = True
        self.tell_state()

    async def drain(self, within_s: float) -> None:
        """Leave, and wait until all is answered, but not longer than this."""
        self.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.owed_jobs:  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(LOOK_EVERY_S)

    def end(self) -> None:
        """Have all lanes end."""
        for lane in self._lanes:
            lane.end()

    def tell_state(self) -> None:
        """The engine's state has changed."""
        for lane in self._lanes:
            lane.send(self._state_for(lane))

    def tell_load(self) -> None:
        """For whom the engine is overloaded has changed."""
        for lane in self._lanes:
            lane.beat(self._engine)

    @property
    def owed_jobs(self) -> int:
        """How many jobs are not answered yet."""
        return self._engine.owed_jobs

    def is_known(self, authorization: str) -> bool:
        """Whether a gateway with this header may come in."""
        return not self._secret or hmac.compare_digest(
            authorization.encode("utf-8", "surrogateescape"), f"Bearer {self._secret}".encode()
        )

    def page(self, path: str) -> Page:
        """HTTP beside the lanes: who asks how the engine is, and who may not come in."""
        match path:
            case wire.PATH:
                return _text(401, b"This engine asks for its secret.\n")
            case "/healthz":
                return _json(200, {"state": "serving", "lanes": len(self._lanes)})
            case "/readyz":
                state = "draining" if self._is_leaving else self._engine.state.value
                body = {"state": state, "owed_jobs": self.owed_jobs}
                return _json(200 if state == "ready" else 503, body)
            case "/metrics":
                return _text(200, self._metrics())
        return _text(404, b"Not found.\n")

    async def serve(self, socket: Socket) -> None:
        """One lane, to its end."""
        try:
            async with asyncio.timeout(HELLO_S):
                hello = wire.decode_to_engine(await socket.receive())
            await socket.send(wire.encode(self._welcome))
        except (TimeoutError, wire.NotUnderstood, Gone):
            return
        if not isinstance(hello, wire.Hello) or hello.protocol != wire.PROTOCOL:
            log.warning("gateway refused", gateway=socket.peer, why="another version")
            return
        if self._welcome.incarnation in hello.known:
            return
        lane = _ServedLane(self._engine, next(self._numbers))
        log.info("gateway found", gateway=hello.gateway, lane=lane.number)
        self._lanes.add(lane)
        lane.send(self._state_for(lane))
        lane.beat(self._engine)
        sending = asyncio.create_task(lane.send_all(socket), name="lane")
        receiving = asyncio.create_task(lane.receive_all(socket), name="lane")
        try:
            await asyncio.wait({sending, receiving, lane.over}, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                receiving.result()
        except (wire.NotUnderstood, ValueError) as error:
            log.warning("gateway not understood", gateway=hello.gateway, why=str(error)[:200])
        except Gone:
            pass
        finally:
            self._lanes.discard(lane)
            lane.close()
            sending.cancel()
            receiving.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
            log.info("gateway lost", gateway=hello.gateway, lane=lane.number)

    def _state_for(self, lane: "_ServedLane") -> wire.State:
        state = self._engine.state
        if state is EngineState.FAILED:  # to a gateway one that is gone: it may come back
            state = EngineState.BROKEN
        if self._is_leaving and state is EngineState.READY:
            state = EngineState.RECOVERING
        return wire.State(state, self._engine.model, lane.strikes(self._engine.members))


class _ServedLane:
    """One gateway: its sessions and jobs, and what is on its way to it."""

    def __init__(self, engine: Engine, number: int) -> None:
        self.number = number
        self._engine = engine
        self._prefix = f"{number}/"
        self._jobs: dict[str, Job] = {}  # not answered yet, by the id that the engine knows
        self._owners: dict[str, str] = {}  # by session
        self._outbox = deque[bytes]()
        self._unsent = 0  # bytes of it
        self._news = asyncio.Event()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the lane has to end, whatever the gateway does."""

    def send(self, message: wire.ToGateway) -> None:
        """Queue a message."""
        frame = wire.encode(message)
        self._outbox.append(frame)
        self._unsent += len(frame)
        self._news.set()
        if self._unsent > MAX_UNSENT_BYTES:
            self.end()

    def end(self) -> None:
        """The lane has to end."""
        if not self.over.done():
            self.over.set_result(None)

    async def send_all(self, socket: Socket) -> None:
        """Send what is queued, for ever. Raises Gone."""
        while True:
            while self._outbox:
                frame = self._outbox.popleft()
                self._unsent -= len(frame)
                await socket.send(frame)
            self._news.clear()
            await self._news.wait()

    async def receive_all(self, socket: Socket) -> None:
        """Do what the gateway wants. Raises Gone, NotUnderstood, ValueError."""
        while True:
            self.take(wire.decode_to_engine(await socket.receive()))

    def beat(self, engine: Engine) -> None:
        """Say that the engine is there, and how busy."""
        busy = [owner for owner in set(self._owners.values()) if engine.overloaded_for(owner)]
        self.send(wire.Beat(engine.utilization, engine.overloaded_for(_NOBODY), busy))

    def strikes(self, members: Sequence[Member]) -> dict[str, int]:
        """Those of the jobs of this gateway."""
        return {
            job_id.removeprefix(self._prefix): count
            for member in members
            for job_id, count in member.strikes.items()
            if job_id in self._jobs
        }

    def take(self, message: wire.ToEngine) -> None:
        """Do what the gateway wants. Raises ValueError."""
        match message:
            case wire.Submit():
                job = message.job(self._prefix)
                self._jobs[job.id] = job
                self._owners.setdefault(message.session, "")
                self._engine.submit(job, self._answer)
            case wire.Place(session, owner, patient):
                self._owners[session] = owner
                self._engine.place(self._prefix + session, Owner(owner, patient))
            case wire.Promote(job_id):
                if (promoted := self._jobs.get(self._prefix + job_id)) is not None:
                    self._engine.promote(replace(promoted, speculative=False))
            case wire.Cancel(job_id):
                if (cancelled := self._jobs.pop(self._prefix + job_id, None)) is not None:
                    self._engine.cancel(cancelled)
            case wire.Discard(session):
                self._discard(session)
            case wire.Hello():
                pass

    def close(self) -> None:
        """The gateway is lost."""
        for session in list(self._owners):
            self._discard(session)

    def _discard(self, session: str) -> None:
        self._owners.pop(session, None)
        known = self._prefix + session
        for job_id in [job.id for job in self._jobs.values() if job.session == known]:
            del self._jobs[job_id]
        self._engine.discard_session(known)

    def _answer(self, result: Result) -> None:
        self._jobs.pop(result.job_id, None)
        ours = replace(result, job_id=result.job_id.removeprefix(self._prefix))
        self.send(wire.Answer(ours))


_NOBODY = "\0"
"""An owner that there is not."""


def _text(status: int, body: bytes) -> Page:
    return Page(status, "text/plain; charset=utf-8", body)


def _json(status: int, body: dict[str, object]) -> Page:
    return Page(status, "application/json", json.dumps(body).encode())
