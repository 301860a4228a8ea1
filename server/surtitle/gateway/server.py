"""Sessions and viewers on one port: listen, serve, drain.

What is asked and who may ask is decided elsewhere (`routes`, `admission`). Here a WebSocket that has
been let in becomes a `Connection`, or a viewer of a channel.
"""

import asyncio
import contextlib
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import structlog
from websockets.frames import CloseCode

from surtitle.engine.states import EngineState
from surtitle.engine.supervisor import Engine
from surtitle.errors import ConfigurationError
from surtitle.gateway.access import SAME_ORIGIN, KeyRing, OriginPolicy
from surtitle.gateway.admission import Admission, Asking, Refusal, Visitor
from surtitle.gateway.connection import Connection, Timeouts
from surtitle.gateway.dialects.dialect import Dialect
from surtitle.gateway.dialects.wyoming import Wyoming
from surtitle.gateway.handshake import Take
from surtitle.gateway.limits import AddressLimits
from surtitle.gateway.listening import MANY_PLACES, Listener
from surtitle.gateway.live import LiveCaptions
from surtitle.gateway.opening import Opening, SessionOptions
from surtitle.gateway.places import Places
from surtitle.gateway.proxies import TRUST_NONE, ClientAddress, TrustedProxies
from surtitle.gateway.reading import InputTurns, ReadingTurns
from surtitle.gateway.registry import Service, Sessions
from surtitle.gateway.routes import Routes, Serving, figures_app
from surtitle.gateway.shedding import MemoryGuard, Pressure
from surtitle.gateway.stream import ClientStream
from surtitle.gateway.translated import TranslatedConnection
from surtitle.gateway.uploads import Spools, Upload
from surtitle.gateway.web import Page, QrCodes, json_page
from surtitle.gateway.websocket import WebSocket
from surtitle.messages import Start
from surtitle.runtime import memory
from surtitle.runtime.background import DaemonThread
from surtitle.runtime.metrics import Metrics
from surtitle.runtime.telemetry import LoopLag
from surtitle.subtitles.cues import Layout

if TYPE_CHECKING:
    from surtitle.gateway.wyoming import WyomingServer, WyomingSocket

log = structlog.get_logger("surtitle.gateway")

VIEWERS_PER_S = 50.0
"""From one address, after `max_viewers` at once: a hall of phones has one address. It is for those who
try one name after the other."""
MIN_WITHOUT_SESSION = 16
"""Connections that have not sent `start` yet, where `max_sessions` is less; beyond that the one that
has waited longest makes way."""
MEMORY_CHECK_S = 0.25
"""How often the memory is looked at: a fast client sends tens of megabytes in that time."""
TRIM_EVERY_S = 10.0
"""How often what is free is given back to the system at most, after sessions have ended. It holds up
whoever wants memory meanwhile, for some milliseconds."""
TRIM_FROM_BYTES = 32 << 20
"""The server must have grown by so much, or there is not enough to give back."""


class Gateway:
    """The listening socket and the connections on it."""

    def __init__(
        self,
        engine: Engine,
        sessions: Sessions,
        options: SessionOptions,
        timeouts: Timeouts,
        *,
        max_sessions: int,
        max_viewers: int,
        max_frame_bytes: int,
        max_upload_bytes: int,
        layout: Layout,
        metrics: Metrics,
        limits: AddressLimits,
        keys: Callable[[], KeyRing] | None = None,
        keys_in_pages: bool = False,
        wyoming_ends_at_pause: bool = False,
        max_sessions_per_key: int = sys.maxsize,
        origins: OriginPolicy = SAME_ORIGIN,
        metrics_origins: OriginPolicy = SAME_ORIGIN,
        max_memory_bytes: int = sys.maxsize,
        proxies: TrustedProxies = TRUST_NONE,
        max_sockets: int = MANY_PLACES,
    ) -> None:
        """`keys` gives those that hold at the moment; without it nobody is asked for one.

        `max_memory_bytes` is what this process may take, see MemoryGuard. `max_sockets` are open at
        once, of every kind; `proxies` are believed where clients are.
        """
        self._engine = engine
        self._sessions = sessions
        self._options = options
        self._timeouts = timeouts
        self._channels = sessions.channels
        self._viewers: Places[WebSocket] = Places(max_viewers)
        self._max_frame_bytes = max_frame_bytes
        self._max_upload_bytes = max_upload_bytes
        self._layout = layout
        self._spools = Spools(max_upload_bytes)
        self._metrics = metrics
        self._origins = origins
        self._metrics_origins = metrics_origins
        self._proxies = proxies
        self._memory = MemoryGuard(max_memory_bytes)
        self._admission = Admission(
            engine,
            sessions,
            limits=limits,
            viewer_limits=AddressLimits(
                max_connections=sys.maxsize, handshakes_per_s=VIEWERS_PER_S, burst=max_viewers
            ),
            max_sessions=max_sessions,
            keys=keys,
            max_sessions_per_key=max_sessions_per_key,
            origins=origins,
            is_short_of_memory=lambda: self._memory.pressure is not Pressure.NONE,
            has_room_to_watch=self._viewers.has_room_for,
            keys_in_pages=keys_in_pages,
            with_session=lambda: sum(self._with_session.values()),
        )
        self._listeners: list[Listener] = []
        self._turns: ReadingTurns | None = None
        self._streams: Places[ClientStream] = Places(max_sockets)
        self._connections: set[Connection | TranslatedConnection] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._without_session: Places[Connection | TranslatedConnection] = Places(
            max(max_sessions, MIN_WITHOUT_SESSION)
        )
        self._with_session: dict[Connection | Upload | TranslatedConnection, int] = {}
        self._uploads: set[Upload] = set()
        self._lag = LoopLag()
        self._qr_codes = QrCodes()
        self._wyoming: WyomingServer | None = None
        self._wyoming_ends_at_pause = wyoming_ends_at_pause
        self.port = self.metrics_port = self.vosk_port = self.wyoming_port = 0
        self._make_gauges()

    def _make_gauges(self) -> None:
        gauge, sessions = self._metrics.gauge, self._sessions
        gauge("connections", "Open connections.", lambda: len(self._connections))
        gauge("sessions", "Sessions, connected or not.", lambda: len(sessions))
        gauge(
            "sessions_waiting",
            "Sessions that are waiting for their client.",
            lambda: sessions.waiting,
        )
        gauge("channels", "Channels.", lambda: len(self._channels))
        gauge("viewers", "Channel viewers.", lambda: self._channels.viewers)
        gauge(
            "engine_utilization",
            "How much of the engine's time was taken in the last seconds, from 0 to 1; all of it "
            "where jobs waited.",
            lambda: self._engine.utilization,
        )
        gauge("tasks", "Tasks on the event loop.", lambda: len(asyncio.all_tasks()))
        gauge("ready", "Whether captions can be made.", self._is_ready)
        gauge(
            "loop_lag_seconds",
            "Delay of the event loop (p99 over half a minute).",
            lambda: self._lag.milliseconds()["p99"] / 1000,
        )
        limit = "Memory limit of the server."
        gauge("memory_limit_bytes", limit, lambda: self._memory.limit_bytes)
        gauge(
            "memory_pressure",
            "0: normal; 1: new sessions are refused; 2: the largest sessions are ended.",
            lambda: self._memory.pressure.value,
        )
        gauge("held_bytes", "Memory held by sessions.", self._sessions_hold)

    async def start(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        metrics: tuple[str, int] | None = None,
        vosk_port: int | None = None,
        wyoming: tuple[str, int] | None = None,
    ) -> None:
        """Listen; for those who read `metrics` and for clients of vosk-server too, where these have an
        address of their own.

        Raises ConfigurationError where an address cannot be used.
        """
        self._turns, inputs = ReadingTurns(), InputTurns()
        routes = Routes(
            Serving(
                self._admission,
                self._origins,
                self._proxies,
                caption=self._caption,
                show=self._show,
                converse=self._converse,
                live=self._live,
                health=self._health,
                readiness=self._readiness,
                figures=self._metrics.page,
                on_refusal=self._metrics.on_refusal,
                qr_codes=self._qr_codes,
                upload=self._upload,
                model=lambda: self._engine.model,
                layout=self._layout,
                max_upload_bytes=self._max_upload_bytes,
                spools=self._spools,
                max_message_bytes=self._max_frame_bytes,
            )
        )
        listen = partial(
            Listener,
            inputs=inputs,
            places=self._streams,
            send_timeout_s=self._timeouts.send_timeout_s,
        )
        if metrics is not None:
            figures = listen(figures_app(self._metrics.page, self._metrics_origins))
            self._listeners.append(figures)
            options = "--metrics-host and --metrics-port"
            self.metrics_port = await figures.start(*metrics, None, options)
        everything = listen(routes.app(has_figures=metrics is None))
        self._listeners.append(everything)
        self.port = await everything.start(host, port, tls, "--host and --port")
        if wyoming is not None:
            try:
                from surtitle.gateway.wyoming import WyomingServer
            except ImportError as error:
                raise ConfigurationError(
                    "Wyoming needs a package that is not installed: `pip install surtitle[wyoming]`."
                ) from error
            self._wyoming = WyomingServer(self._begin_wyoming, inputs)
            await self._wyoming.start(*wyoming)
            self.wyoming_port = self._wyoming.port
        if vosk_port is not None:
            vosk = listen(routes.vosk_app())
            self._listeners.append(vosk)
            self.vosk_port = await vosk.start(host, vosk_port, tls, "--host and --vosk-port")
        self._lag.start()

    async def watch_memory(self) -> None:
        """Refuse sessions, and end some, as memory runs short; ends only where it cannot be told, or
        cancelled.
        """
        own, grown = memory.used_bytes(), 0
        if own is None:
            log.warning("the server's memory cannot be measured, so it has no limit")
            self._memory = MemoryGuard(sys.maxsize)
            return
        used = own + self._sessions.used_bytes
        if self._memory.has_little_room(used):
            log.warning(
                "the server alone uses nearly all of its memory limit; see `max_memory_mb`",
                used_mb=used // memory.MIB,
                limit_mb=self._memory.limit_bytes // memory.MIB,
            )
        trimming, trimmed_at, ended = DaemonThread("trim memory"), time.monotonic(), 0
        try:
            while True:
                if (now_own := memory.used_bytes()) is not None:  # else it is as it was
                    # And those that decode for its sessions; the worker's is another matter.
                    used, grown = now_own + self._sessions.used_bytes, now_own - own
                if self._memory.judge(used):
                    pressure = self._memory.pressure
                    say = log.info if pressure is Pressure.NONE else log.warning
                    say("memory", state=pressure.name.lower(), used_mb=used // memory.MIB)
                if self._memory.pressure is not Pressure.NONE:
                    held = {hosted.id: hosted.held_bytes for hosted in self._sessions}
                    for session in self._memory.offenders(used, held, time.monotonic()):
                        self._sessions.shed(session)
                now = time.monotonic()
                is_time = now - trimmed_at >= TRIM_EVERY_S and ended != self._sessions.ended
                if self._memory.pressure is not Pressure.NONE or (
                    is_time and grown > TRIM_FROM_BYTES
                ):
                    ended, trimmed_at = self._sessions.ended, now
                    await trimming.run(memory.give_back_free)
                await asyncio.sleep(MEMORY_CHECK_S)
        finally:
            trimming.stop()

    def _sessions_hold(self) -> int:
        return sum(hosted.held_bytes for hosted in self._sessions)

    def tell(self, service: Service) -> None:
        """See Sessions.tell."""
        self._sessions.tell(service)

    async def drain(self, within_s: float) -> None:
        """Refuse new sessions, let the open utterances finish, close everything.

        Cancelled, it has left some of that out; new sessions are refused all the same.
        """
        self._admission.is_draining = True
        self._lag.stop()
        for upload in self._uploads:
            upload.break_off()
        if self._connections:
            await asyncio.gather(*(c.drain(within_s) for c in self._connections))
        for hosted in self._sessions:
            hosted.live.close()  # its readers are connections too
        for listener in self._listeners:
            await listener.close()
        if self._wyoming is not None:
            await self._wyoming.close()
        if self._serving:
            await asyncio.wait(self._serving)
        self._sessions.close()
        self._qr_codes.stop()

    # -- WebSockets -----------------------------------------------------------------------------

    def _caption(self, visitor: Visitor, query: Mapping[str, list[str]]) -> Take:
        """Captions for who has been let in. `query` may hold fields of `start`."""
        start = query if query.keys() & set(Start.__struct_fields__) else None

        def take(socket: WebSocket) -> None:
            connection = Connection(
                socket,
                self._opening_for(visitor),
                self._timeouts,
                on_session=partial(self._on_session, socket),
            )
            assert self._turns is not None
            socket.receiver, socket.turns = connection, self._turns
            self._admission.enter(visitor)
            self._connections.add(connection)
            in_the_way = self._without_session.enter(connection, visitor.network)
            serving = partial(connection.run, start)
            self._begin(socket, self._serve(socket, connection, [visitor], serving, in_the_way))

        return take

    def _converse(self, visitor: Visitor, dialect: Dialect, sessions: int) -> Take:
        """See Serving. A connection with several sessions counts as so many."""

        def take(socket: WebSocket) -> None:
            opening = self._opening_for(visitor)
            connection = TranslatedConnection(socket, dialect, opening, self._timeouts)
            connection.on_session = partial(self._on_session, socket, connection)
            assert self._turns is not None
            socket.receiver, socket.turns = connection, self._turns
            visitors = [visitor] * sessions
            for each in visitors:
                self._admission.enter(each)
            self._connections.add(connection)
            in_the_way = self._without_session.enter(connection, visitor.network)
            serving = connection.run
            self._begin(socket, self._serve(socket, connection, visitors, serving, in_the_way))

        return take

    def _opening_for(self, visitor: Visitor) -> Opening:
        return Opening(
            self._engine,
            self._sessions,
            self._options,
            lambda: self._admission.refusal_of_session(visitor),
            owner=visitor.owner,
            caller=visitor.caller,
        )

    def _begin_wyoming(self, socket: "WyomingSocket", address: str) -> None:
        """Somebody has connected who speaks Wyoming."""
        visitor = self._admission.to_speak_without_key(Asking(ClientAddress(address)))
        model = self._engine.model
        if isinstance(visitor, Refusal):
            log.info("wyoming client refused", why=visitor.text)
            socket.abort()
            return
        assert model is not None, "admitted before the engine was ready"
        dialect = Wyoming(model, version("surtitle"), external_vad=not self._wyoming_ends_at_pause)
        connection = TranslatedConnection(
            socket, dialect, self._opening_for(visitor), self._timeouts
        )
        connection.on_session = partial(self._count_sessions, connection)
        self._admission.enter(visitor)
        self._connections.add(connection)
        in_the_way = self._without_session.enter(connection, visitor.network)

        async def serve() -> None:
            try:
                if in_the_way is not None:
                    in_the_way.make_way()
                await connection.run()
            finally:
                socket.abort()
                self._connections.discard(connection)
                self._with_session.pop(connection, None)
                self._without_session.leave(connection)
                self._admission.leave(visitor)

        self._begin(socket, serve())

    async def _serve(
        self,
        socket: WebSocket,
        connection: Connection | TranslatedConnection,
        visitors: list[Visitor],
        serve: Callable[[], Awaitable[None]],
        in_the_way: Connection | TranslatedConnection | None,
    ) -> None:
        """Serve one that has been counted; it is counted no longer, whatever happens."""
        assert self._turns is not None
        try:
            if in_the_way is not None:
                in_the_way.make_way()
            if not socket.is_lost:
                await serve()
        finally:
            self._connections.discard(connection)
            self._with_session.pop(connection, None)
            self._without_session.leave(connection)
            self._turns.leave(socket.stream)
            for visitor in visitors:
                self._admission.leave(visitor)

    @contextlib.contextmanager
    def _upload(self, visitor: Visitor, stream: ClientStream) -> Iterator[Upload]:
        """See Files."""
        upload = Upload(
            self._opening_for(visitor), stream, lambda: self._with_session.update({upload: 1})
        )
        self._admission.enter(visitor)
        self._uploads.add(upload)
        try:
            yield upload
        finally:
            upload.close()
            self._uploads.discard(upload)
            self._with_session.pop(upload, None)
            self._admission.leave(visitor)

    def _show(self, visitor: Visitor, channel: str) -> Take:
        """Somebody watches, as long as there is a place for him."""

        def take(socket: WebSocket) -> None:
            in_the_way = self._viewers.enter(socket, visitor.network)
            self._begin(socket, self._watch(socket, channel, in_the_way))

        return take

    async def _watch(self, socket: WebSocket, channel: str, in_the_way: WebSocket | None) -> None:
        try:
            if in_the_way is not None:
                log.info("others are waiting to watch; cut off")
                in_the_way.cut_off(CloseCode.TRY_AGAIN_LATER, "others are waiting to watch")
            if not socket.is_lost:
                socket.only_watch()
                with self._channels.watched_by(channel, socket):
                    await socket.wait_closed()
        finally:
            self._viewers.leave(socket)

    def _begin(
        self, socket: "WebSocket | WyomingSocket", serving: Coroutine[Any, Any, None]
    ) -> None:
        """Serve in a task of its own: the request has ended, and what it held is let go."""

        async def serve() -> None:
            try:
                await serving
            except Exception:
                log.exception("a connection failed")
                socket.abort()

        task = asyncio.create_task(serve(), name="websocket")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    def _count_sessions(self, connection: Connection | TranslatedConnection, more: int) -> None:
        """A connection has so many sessions more, or less."""
        self._without_session.leave(connection)
        self._with_session[connection] = self._with_session.get(connection, 0) + more

    def _on_session(
        self, socket: WebSocket, connection: Connection | TranslatedConnection, more: int = 1
    ) -> None:
        """A connection has a session, or one more, and stays."""
        self._count_sessions(connection, more)
        assert self._turns is not None
        self._turns.join(socket.stream)
        socket.stream.speak()

    # -- what pages tell ------------------------------------------------------------------------

    def _live(self, session: str) -> LiveCaptions | None:
        hosted = self._sessions.get(session)
        return None if hosted is None else hosted.live

    def _health(self) -> Page:
        body = {
            "state": "serving",
            "sessions": len(self._sessions),
            "loop_lag_ms": self._lag.milliseconds(),
        }
        return json_page(200, body)

    def _is_ready(self) -> bool:
        ready = self._engine.state is EngineState.READY and not self._admission.is_draining
        return ready and self._memory.pressure is Pressure.NONE

    def _readiness(self) -> Page:
        broken = self._engine.state is EngineState.BROKEN
        state = "failed" if broken else self._engine.state.value
        if state == "ready" and self._memory.pressure is not Pressure.NONE:
            state = "overloaded_memory"
        state = "draining" if self._admission.is_draining else state
        body: dict[str, Any] = {"state": state}
        if self._engine.model is not None:
            body["model"] = self._engine.model.name
        return json_page(200 if state == "ready" else 503, body)
