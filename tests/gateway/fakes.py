"""What stands in for the engine, voice activity and the socket in tests of the gateway."""

import asyncio
import contextlib
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from lab.ledger import expect
from surtitle.archive.archive import Archive
from surtitle.captioning.endpointing import WINDOW_SAMPLES, EndpointingOptions
from surtitle.decoding.decoders import Decoders
from surtitle.engine.engine import Member
from surtitle.engine.scheduler import Owner
from surtitle.engine.states import EngineState
from surtitle.gateway.access import KeyRing
from surtitle.gateway.channels import Channel, Channels
from surtitle.gateway.connection import Timeouts
from surtitle.gateway.limits import AddressLimits
from surtitle.gateway.opening import Opening, SessionOptions
from surtitle.gateway.origins import SAME_ORIGIN, OriginPolicy
from surtitle.gateway.proxies import TRUST_NONE, TrustedProxies
from surtitle.gateway.registry import Sessions
from surtitle.gateway.server import Gateway
from surtitle.gateway.whereabouts import AUTO
from surtitle.jobs import Job, ModelInfo, Result
from surtitle.messages import ServerMessage
from surtitle.runtime.metrics import Metrics
from surtitle.sinks.sink import Sinks
from surtitle.subtitles.cues import Layout
from surtitle.vad.rounds import VadClient

LOUD = np.full(WINDOW_SAMPLES, 1000, np.int16).tobytes()
QUIET = bytes(2 * WINDOW_SAMPLES)


SESSION_OPTIONS = SessionOptions(
    endpointing=EndpointingOptions(),
    language="auto",
    max_backlog_s=60.0,
    partial_interval_ms=160,
    partial_window_ms=8000,
    silent_after_ms=1000,
)


def timeouts(**changes: float) -> Timeouts:
    return Timeouts(
        **{"start_timeout_s": 10.0, "idle_timeout_s": 60.0, "send_timeout_s": 5.0} | changes
    )


def opening(
    engine: "FakeEngine", sessions: Sessions, owner: str = "", max_backlog_s: float = 60.0
) -> Opening:
    options = replace(SESSION_OPTIONS, max_backlog_s=max_backlog_s)
    return Opening(engine, sessions, options, owner=owner)


class FakeEngine:
    """Keeps the jobs; the test answers them."""

    def __init__(self) -> None:
        self.state = EngineState.READY
        self.model: ModelInfo | None = ModelInfo("fake", "cpu", "none", ("en",), 0.0)
        self.jobs: list[tuple[Job, Callable[[Result], None]]] = []
        self.overloaded = False
        self.utilization = 0.0
        self.cancelled: list[str] = []  # ids of jobs
        self.discarded: list[str] = []
        self.promoted: list[str] = []  # ids of jobs
        self.placed: dict[str, Owner] = {}  # by session
        self.failure: str | None = None
        self.members: list[Member] = []

    @property
    def owed_jobs(self) -> int:
        return len(self.jobs)

    def start(self) -> asyncio.Task[None]:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    def submit(self, job: Job, deliver: Callable[[Result], None]) -> None:
        self.jobs.append((job, deliver))

    def overloaded_for(self, owner: str) -> bool:
        return self.overloaded

    def place(self, session: str, owner: Owner) -> None:
        self.placed[session] = owner

    def promote(self, job: Job) -> None:
        self.promoted.append(job.id)

    def cancel(self, job: Job) -> None:
        self.cancelled.append(job.id)
        self.jobs = [(other, deliver) for other, deliver in self.jobs if other.id != job.id]

    def discard_session(self, session: str) -> None:
        self.discarded.append(session)

    def answer(self, text: str = "words", *, before: float = math.inf) -> None:
        """Answer everything that was submitted, of utterances before this one."""
        jobs = [entry for entry in self.jobs if entry[0].utterance < before]
        self.jobs = [entry for entry in self.jobs if entry[0].utterance >= before]
        for job, deliver in jobs:
            deliver(Result(job.id, text=text, language="en"))


class LoudnessRounds:
    """Voice activity by loudness, at once: LOUD windows are speech."""

    def __init__(self) -> None:
        self.forgotten = 0

    def request(self, client: VadClient) -> None:
        asyncio.get_running_loop().call_soon(self._score, client)

    def _score(self, client: VadClient) -> None:
        windows = client.take_windows(1000)
        if len(windows):
            loud = [float(w.max() > 500) for w in windows]
            client.receive_probabilities(loud, loud)

    def forget(self, client: VadClient) -> None:
        self.forgotten += 1


def make_sessions(
    engine: FakeEngine,
    rounds: LoudnessRounds | None = None,
    *,
    resume_window_s: float = 60,
    metrics: Metrics | None = None,
    archive: Archive | None = None,
    sinks: Sinks | None = None,
    edit_token: Callable[[str], str | None] = lambda channel: None,
) -> Sessions:
    """Nobody's sessions yet, with voice activity by loudness."""

    def on_new(channel: Channel) -> None:
        if archive is not None:
            archive.restore(channel.name, channel.restore)
            channel.on_past = archive.correct
        if sinks is not None:
            channel.onward = partial(sinks.take, channel.name)

    return Sessions(
        engine,
        rounds or LoudnessRounds(),
        Layout(),
        resume_window_s=resume_window_s,
        max_waiting=2,
        metrics=metrics or Metrics(),
        channels=Channels(
            patience_s=5,
            on_new=on_new,
        ),
        decoders=Decoders(),
        watch_token=lambda channel: f"watch {channel}",
        edit_token=edit_token,
        archive=archive,
    )


def make_gateway(
    engine: FakeEngine,
    *,
    max_sessions: int = 2,
    max_viewers: int = 9,
    keys: Callable[[], KeyRing] | None = None,
    max_sessions_per_key: int = 99,
    origins: OriginPolicy = SAME_ORIGIN,
    metrics_origins: OriginPolicy = SAME_ORIGIN,
    limits: AddressLimits | None = None,
    proxies: TrustedProxies = TRUST_NONE,
    max_sockets: int = 1000,
    max_memory_bytes: int = sys.maxsize,
    max_upload_bytes: int = 1 << 20,
    keys_in_pages: bool = False,
    editors: KeyRing | None = None,
    edit_token: Callable[[str], str | None] = lambda channel: None,
    server_name: str = "",
    archive: Archive | None = None,
    sinks: Sinks | None = None,
    public_url: str = AUTO,
    command_for_network: str = "",
    embedding_sites: Sequence[str] = (),
    **connection: float,
) -> Gateway:
    """A gateway with voice activity by loudness, not started."""
    metrics = Metrics()
    sessions = make_sessions(
        engine, metrics=metrics, archive=archive, sinks=sinks, edit_token=edit_token
    )
    return Gateway(
        engine,
        sessions,
        replace(SESSION_OPTIONS, server_name=server_name),
        timeouts(**connection),
        max_sessions=max_sessions,
        max_viewers=max_viewers,
        max_frame_bytes=1 << 20,
        max_upload_bytes=max_upload_bytes,
        keys_in_pages=keys_in_pages,
        editors=editors,
        layout=Layout(),
        metrics=metrics,
        limits=limits or AddressLimits(max_connections=99, handshakes_per_s=99, burst=99),
        keys=keys,
        max_sessions_per_key=max_sessions_per_key,
        origins=origins,
        metrics_origins=metrics_origins,
        proxies=proxies,
        max_sockets=max_sockets,
        max_memory_bytes=max_memory_bytes,
        archive=archive,
        public_url=public_url,
        command_for_network=command_for_network,
        embedding_sites=embedding_sites,
    )


class FakeSocket:
    """The server's end of a socket whose client is the test."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[str | bytes | Exception] = asyncio.Queue()
        self.sent: list[ServerMessage] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.closed: tuple[int, str] | None = None
        self.close_received: int | None = None
        self.aborted = False
        self.is_lost = False
        self.has_input = False
        self.turn = asyncio.Event()  # of the client's messages
        self.turn.set()
        self.turns_taken = 0
        self.received = 0  # frames that the connection has taken
        self.waited_for = False  # the connection waits for the next one

    async def recv(self) -> str | bytes:
        self.waited_for = True
        frame = await self.incoming.get()
        self.waited_for = False
        if isinstance(frame, Exception):
            raise frame
        self.received += 1
        return frame

    def send_now(self, message: str) -> bool:
        if self.reads.is_set():
            self.sent.append(expect(message))
        return self.reads.is_set()

    async def send(self, message: str) -> None:
        await self.reads.wait()
        self.sent.append(expect(message))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self.reads.wait()
        self.closed = (code, reason)
        self.close_received = code

    async def in_turn(self, calls: Iterable[Callable[[], object]], room: asyncio.Event) -> None:
        for call in calls:
            await room.wait()
            await self.turn.wait()
            call()
            self.turns_taken += 1

    def abort(self) -> None:
        self.aborted = True

    # -- what the client does

    def put(self, *frames: str | bytes) -> None:
        for frame in frames:
            self.incoming.put_nowait(frame)

    def leave(self) -> None:
        """Close as one who is done."""
        self.close_received = 1000
        self.incoming.put_nowait(ConnectionClosedOK(Close(1000, ""), Close(1000, ""), True))

    def break_off(self) -> None:
        """The connection is gone without a word."""
        self.incoming.put_nowait(ConnectionClosedError(None, None))


@contextlib.contextmanager
def everything_logged() -> Iterator[list[EventDict]]:
    """What is logged in the block, whatever level an earlier test has set."""
    before = structlog.get_config()
    structlog.reset_defaults()
    try:
        with capture_logs() as logged:
            yield logged
    finally:
        structlog.configure(**before)
