"""Sessions and viewers on one port: listen, serve, drain.

What is asked and who may ask is decided elsewhere (`routes`, `admission`). Here a WebSocket that has
been let in becomes a `Connection`, or a viewer of a channel.
"""

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import structlog
from websockets.frames import CloseCode

from surtitle.archive.archive import Archive
from surtitle.engine.engine import Engine
from surtitle.engine.states import EngineState
from surtitle.errors import ConfigurationError
from surtitle.extras import install_command
from surtitle.gateway.access import KeyRing, tokens_alone
from surtitle.gateway.admission import Admission, Asking, Refusal, Visitor
from surtitle.gateway.connection import Connection, Timeouts
from surtitle.gateway.dialects.dialect import Dialect
from surtitle.gateway.dialects.wyoming import Wyoming
from surtitle.gateway.foreign import ForeignPages
from surtitle.gateway.gauges import make_gauges
from surtitle.gateway.handshake import Take
from surtitle.gateway.inputs import InputTurns
from surtitle.gateway.limits import AddressLimits
from surtitle.gateway.listening import MANY_PLACES, Listener
from surtitle.gateway.live import LiveCaptions
from surtitle.gateway.memory_watch import MemoryWatch
from surtitle.gateway.opening import Opening, SessionOptions
from surtitle.gateway.origins import SAME_ORIGIN, OriginPolicy
from surtitle.gateway.places import Places
from surtitle.gateway.proxies import TRUST_NONE, ClientAddress, TrustedProxies
from surtitle.gateway.qr_codes import QrCodes
from surtitle.gateway.reading import ReadingTurns
from surtitle.gateway.registry import Service, Sessions
from surtitle.gateway.routes import Routes, Serving, figures_app
from surtitle.gateway.shares import Shares
from surtitle.gateway.shedding import Pressure
from surtitle.gateway.stream import ClientStream
from surtitle.gateway.translated import TranslatedConnection
from surtitle.gateway.uploads import Spools, Upload
from surtitle.gateway.web import Page, json_page
from surtitle.gateway.websocket import LARGE_TOGETHER_BYTES, WebSocket
from surtitle.gateway.whereabouts import AUTO, Whereabouts
from surtitle.messages import Start
from surtitle.runtime.metrics import Metrics
from surtitle.runtime.network import main_address, own_addresses
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
SPEAK_ON = 0.5
"""The share of the time of a drain in which utterances come to their ends by themselves. In the rest,
those that have not are cut and answered."""
_READY = str(EngineState.READY.value)
LET_GO_STEP_S = 0.05
"""Between one connection that is let go and the next, where the time allows it: they all connect to
another server."""


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
        editors: KeyRing | None = None,
        wyoming_ends_at_pause: bool = False,
        max_sessions_per_key: int = sys.maxsize,
        origins: OriginPolicy = SAME_ORIGIN,
        metrics_origins: OriginPolicy = SAME_ORIGIN,
        max_memory_bytes: int = sys.maxsize,
        proxies: TrustedProxies = TRUST_NONE,
        max_sockets: int = MANY_PLACES,
        archive: Archive | None = None,
        public_url: str = AUTO,
        command_for_network: str = "",
        embedding_sites: Sequence[str] = (),
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
        self._archive = archive
        self._large = Shares(LARGE_TOGETHER_BYTES)
        self._metrics = metrics
        self._origins = origins
        self._metrics_origins = metrics_origins
        self._proxies = proxies
        self._memory = MemoryWatch(max_memory_bytes, sessions)
        self._foreign = ForeignPages(origins.allowed)
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
            editors=editors or tokens_alone(),
            with_session=lambda: sum(self._with_session.values()),
            on_foreign_page=self._foreign.on_origin,
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
        self._announcing: Callable[[], Coroutine[Any, Any, None]] | None = None
        self._announcement: asyncio.Task[None] | None = None
        self._wyoming_ends_at_pause = wyoming_ends_at_pause
        self._public_url = public_url
        self._command_for_network = command_for_network
        self._embedding_sites = tuple(embedding_sites)
        self._whereabouts: Whereabouts | None = None
        self._version = version("surtitle")  # from a file: not for each connection
        self.port = self.metrics_port = self.vosk_port = self.wyoming_port = 0
        make_gauges(
            metrics,
            engine,
            sessions,
            self._memory,
            self._lag,
            connections=lambda: len(self._connections),
            is_ready=self._is_ready,
        )

    async def start(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        metrics: tuple[str, int] | None = None,
        vosk_port: int | None = None,
        wyoming: tuple[str, int] | None = None,
        wyoming_name: str | None = None,
    ) -> None:
        """Listen; for those who read `metrics` and for clients of vosk-server too, where these have an
        address of their own. `wyoming_name` is what `announce` announces.

        Raises ConfigurationError where an address cannot be used.
        """
        self._turns, inputs = ReadingTurns(), InputTurns()
        routes = Routes(
            Serving(
                self._admission,
                self._origins,
                self._foreign,
                self._proxies,
                caption=self._caption,
                show=self._show,
                converse=self._converse,
                live=self._live,
                health=self._health,
                readiness=self._readiness,
                network=self._network,
                figures=self._metrics.page,
                on_refusal=self._metrics.on_refusal,
                qr_codes=self._qr_codes,
                upload=self._upload,
                model=lambda: self._engine.model,
                layout=self._layout,
                max_upload_bytes=self._max_upload_bytes,
                spools=self._spools,
                max_message_bytes=self._max_frame_bytes,
                archive=self._archive,
                channel=self._channels.get,
                forget=self._channels.forget,
                embedding_sites=self._embedding_sites,
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
        self._whereabouts = Whereabouts(
            everything.addresses,
            self.port,
            "http" if tls is None else "https",
            self._public_url,
            self._command_for_network,
        )
        if wyoming is not None:
            try:
                from surtitle.gateway.wyoming import WyomingServer
            except ImportError as error:
                raise ConfigurationError(
                    "Wyoming needs a package that is not installed. Run: "
                    + install_command("wyoming")
                ) from error
            self._wyoming = WyomingServer(self._begin_wyoming, inputs)
            await self._wyoming.start(*wyoming)
            self.wyoming_port = self._wyoming.port
            if wyoming_name is not None:
                try:
                    from surtitle.gateway.announcing import announce
                except ImportError as error:
                    raise ConfigurationError(
                        "Zeroconf needs a package that is not installed. Run: "
                        + install_command("zeroconf")
                    ) from error
                addresses = self._wyoming.addresses
                self._announcing = partial(announce, wyoming_name, addresses, self.wyoming_port)
        if vosk_port is not None:
            vosk = listen(routes.vosk_app())
            self._listeners.append(vosk)
            self.vosk_port = await vosk.start(host, vosk_port, tls, "--host and --vosk-port")
        self._lag.start()

    def announce(self) -> None:
        """Announce Wyoming, if that is wanted. The model must be there: Home Assistant asks for it as
        soon as it has found the server, and only once.
        """
        if self._announcing is not None and not self._admission.is_draining:
            self._announcement = asyncio.create_task(self._announcing(), name="announcement")
            self._serving.add(self._announcement)
            self._announcement.add_done_callback(self._serving.discard)

    async def watch_memory(self) -> None:
        """See MemoryWatch.run."""
        await self._memory.run()

    def tell(self, service: Service) -> None:
        """See Sessions.tell."""
        self._sessions.tell(service)

    async def drain(self, within_s: float) -> None:
        """Refuse new sessions, let go of the others at the ends of their utterances, close everything.

        Cancelled, it has left some of that out; new sessions are refused all the same.
        """
        self._admission.is_draining = True
        if self._announcement is not None:
            self._announcement.cancel()  # it is withdrawn while the rest goes on
        self._lag.stop()
        for upload in self._uploads:
            upload.break_off()
        if self._connections:
            step_s = min(within_s * SPEAK_ON / len(self._connections), LET_GO_STEP_S)
            await asyncio.gather(
                *(
                    _let_go(connection, turn * step_s, within_s)
                    for turn, connection in enumerate(self._connections)
                )
            )
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
            socket.room = self._large.share(visitor.owner)
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
            socket.room = self._large.share(visitor.owner)
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
        dialect = Wyoming(model, self._version, external_vad=not self._wyoming_ends_at_pause)
        connection = TranslatedConnection(
            socket, dialect, self._opening_for(visitor), self._timeouts
        )
        connection.on_session = partial(self._count_sessions, connection)
        socket.fail = connection.fail
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
        """Somebody watches, as long as there is a place."""

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

    @property
    def local_url(self) -> str:
        """Where this machine finds it, once it listens."""
        assert self._whereabouts is not None
        return self._whereabouts.local_url

    @property
    def network_urls(self) -> list[str]:
        """Where others find it now, the likeliest first."""
        assert self._whereabouts is not None
        return self._whereabouts.network_urls(own_addresses(), main_address())

    def _network(self) -> Page:
        assert self._whereabouts is not None
        told = self._whereabouts.told(own_addresses(), main_address())
        return json_page(200, told | {"language": self._options.language})

    def _is_ready(self) -> bool:
        return self._state == _READY

    @property
    def _state(self) -> str:
        """How the server is, in the words of `/readyz`."""
        if self._admission.is_draining:
            return "draining"
        if self._engine.state is EngineState.BROKEN:
            return "failed"
        if self._engine.state is EngineState.READY and self._memory.pressure is not Pressure.NONE:
            return "overloaded_memory"
        return str(self._engine.state.value)

    def _readiness(self) -> Page:
        state = self._state
        body: dict[str, Any] = {"state": state}
        if self._engine.model is not None:
            body["model"] = self._engine.model.name
        if len(members := self._engine.members) > 1:
            body["members"] = {member.name: member.state.value for member in members}
        return json_page(200 if state == _READY else 503, body)


async def _let_go(
    connection: Connection | TranslatedConnection, turn_s: float, within_s: float
) -> None:
    """Drain it in its turn, when nothing is being said, or when half of the time is over."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + within_s
    await asyncio.sleep(turn_s)
    await connection.pause(ends_at - within_s * (1 - SPEAK_ON) - loop.time())
    await connection.drain(max(ends_at - loop.time(), 0.0))
