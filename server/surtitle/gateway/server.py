"""websockets on one port: listen, admit, serve the pages, drain.

Plain HTTP requests get the pages and the health checks. A handshake on `/v1/captions` becomes a
`Connection`, one on `/v1/channels/NAME` a viewer of that channel. What must be refused is refused
before the handshake, with a status that says why.
"""

import asyncio
import http
import re
import ssl
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from websockets.asyncio.server import Server, ServerConnection
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from surtitle import memory
from surtitle.background import DaemonThread
from surtitle.engine.policy import EngineState
from surtitle.engine.supervisor import Engine
from surtitle.errors import ConfigurationError
from surtitle.gateway.access import ANYBODY, SAME_ORIGIN, Caller, KeyRing, OriginPolicy
from surtitle.gateway.caption_socket import MANY_PLACES, CaptionSocket, listen
from surtitle.gateway.connection import Connection, ConnectionOptions
from surtitle.gateway.hosted import Service, Sessions
from surtitle.gateway.limits import AddressLimits, network_of
from surtitle.gateway.live import ANYWHERE, MAX_READERS, serve_reader
from surtitle.gateway.places import Places
from surtitle.gateway.proxies import TRUST_NONE, TrustedProxies
from surtitle.gateway.reading import InputTurns, ReadingTurns
from surtitle.gateway.shedding import MemoryGuard, Pressure
from surtitle.gateway.web import Page, QrCodes, json_page, serve_page, static_page
from surtitle.messages import CHANNEL_NAME, Start
from surtitle.metrics import CONTENT_TYPE, Metrics
from surtitle.telemetry import LoopLag

log = structlog.get_logger("surtitle.gateway")

CAPTIONS_PATH = "/v1/captions"
LIVE_PATH = re.compile(rf"{CAPTIONS_PATH}/([\w-]+)\.vtt")
CHANNEL_PATH = re.compile(rf"/v1/channels/({CHANNEL_NAME})")
AUDIENCE_PATH = re.compile(rf"/(watch|overlay)/{CHANNEL_NAME}")
QR_PATH = "/v1/qr"
QR_TEXT = "Surtitle-Text"
"""The header with the text of a QR code: it may hold a token, and URLs are written to logs."""
TOKEN_PREFIX = "token."
"""A browser cannot send headers with its handshake: it offers its token as a subprotocol."""
LIST_HEADERS = ("Connection", "Upgrade", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions")
MOST_LIST_BYTES = 2048
"""Of all of these: a browser's have 100 and its token. The library takes a millisecond or two to parse
so many, and 15 for as many as a request may have."""
VIEWERS_PER_S = 50.0
"""From one address, after `max_viewers` at once: a hall of phones has one address. It is for those who
try one name after the other."""
MIN_WITHOUT_SESSION = 16
"""Connections that have not sent `start` yet, where `max_sessions` is less; beyond that the one that
has waited longest makes way."""
RETRY_AFTER_S = 5
MEMORY_CHECK_S = 0.25
"""How often the memory is looked at: a fast client sends tens of megabytes in that time."""
TRIM_EVERY_S = 10.0
"""How often what is free is given back to the system at most, after sessions have ended. It holds up
whoever wants memory meanwhile, for some milliseconds."""
TRIM_FROM_BYTES = 32 << 20
"""The server must have grown by so much, or there is not enough to give back."""

Answer = Callable[[ServerConnection, Request], Response | Awaitable[Response] | None]


class Gateway:
    """The listening socket and the connections on it."""

    def __init__(
        self,
        engine: Engine,
        sessions: Sessions,
        options: ConnectionOptions,
        *,
        max_sessions: int,
        max_viewers: int,
        max_frame_bytes: int,
        metrics: Metrics,
        limits: AddressLimits,
        keys: Callable[[], KeyRing] | None = None,
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
        self._max_sessions = max_sessions
        self._channels = sessions.channels
        self._viewers: Places[CaptionSocket] = Places(max_viewers)
        self._viewer_limits = AddressLimits(
            max_connections=sys.maxsize, handshakes_per_s=VIEWERS_PER_S, burst=max_viewers
        )
        self._max_frame_bytes = max_frame_bytes
        self._limits = limits
        self._metrics = metrics
        self._metrics.gauge("connections", "Open connections.", lambda: len(self._connections))
        self._metrics.gauge("sessions", "Sessions, with or without one.", lambda: len(sessions))
        self._metrics.gauge(
            "sessions_waiting", "Those that wait for their client.", lambda: sessions.waiting
        )
        self._metrics.gauge("channels", "Channels.", lambda: len(self._channels))
        self._metrics.gauge("viewers", "Viewers of channels.", lambda: self._channels.viewers)
        self._metrics.gauge("tasks", "Tasks of the event loop.", lambda: len(asyncio.all_tasks()))
        self._metrics.gauge("ready", "Whether captions can be made.", self._is_ready)
        self._metrics.gauge(
            "loop_lag_seconds",
            "How late the event loop ran what was due (p99 of half a minute).",
            lambda: self._lag.milliseconds()["p99"] / 1000,
        )
        self._memory = MemoryGuard(max_memory_bytes)
        self._metrics.gauge(
            "memory_limit_bytes", "What the server may take.", lambda: self._memory.limit_bytes
        )
        self._metrics.gauge(
            "memory_pressure",
            "0; 1 where new sessions are refused; 2 where the largest are ended.",
            lambda: self._memory.pressure.value,
        )
        self._metrics.gauge("held_bytes", "What sessions hold.", self._sessions_hold)
        self._keys = keys
        self._max_sessions_per_key = max_sessions_per_key
        self._by_caller: Counter[str] = Counter()  # open connections
        self._origins = origins
        self._metrics_origins = metrics_origins
        self._proxies = proxies
        self._server: Server | None = None
        self._metrics_server: Server | None = None
        self._turns: ReadingTurns | None = None
        self._sockets: Places[CaptionSocket] = Places(max_sockets)
        self._connections: set[Connection] = set()
        self._without_session: Places[Connection] = Places(max(max_sessions, MIN_WITHOUT_SESSION))
        self._with_session: set[Connection] = set()
        self._draining = False
        self._lag = LoopLag()
        self._qr_codes = QrCodes()
        self.port = self.metrics_port = 0

    async def start(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        metrics: tuple[str, int] | None = None,
    ) -> None:
        """Listen; for those who read `metrics` too, where they have an address of their own.

        Raises ConfigurationError where an address cannot be used.
        """
        self._turns, inputs = ReadingTurns(), InputTurns()

        async def open_port(
            host: str, port: int, options: str, answer: Answer, tls: ssl.SSLContext | None
        ) -> tuple[Server, int]:
            try:
                server = await listen(
                    self._serve,
                    host,
                    port,
                    inputs=inputs,
                    places=self._sockets,
                    process_request=answer,
                    max_size=self._max_frame_bytes,
                    ssl=tls,
                )
            except (OSError, UnicodeError) as error:  # a name that is none for IDNA either
                why = error.strerror if isinstance(error, OSError) and error.strerror else error
                raise ConfigurationError(
                    f"Cannot listen on {host} port {port}: {why}. Choose another with {options}."
                ) from error
            return server, next(iter(server.sockets)).getsockname()[1]

        if metrics is not None:
            self._metrics_server, self.metrics_port = await open_port(
                *metrics, "--metrics-host and --metrics-port", self._answer_metrics, None
            )
        self._server, self.port = await open_port(
            host, port, "--host and --port", self._answer_http, tls
        )
        self._lag.start()

    async def watch_memory(self) -> None:
        """Refuse sessions, and end some, as memory runs short; ends only where it cannot be told."""
        own, grown = memory.used_bytes(), 0
        if own is None:
            log.warning("the server's memory cannot be measured: it has no limit")
            self._memory = MemoryGuard(sys.maxsize)
            return
        used = own + self._sessions.used_bytes
        if self._memory.has_little_room(used):
            log.warning(
                "the server takes nearly all of its memory by itself; see `max_memory_mb`",
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
        """Refuse new sessions, let the open utterances finish, close everything."""
        self._draining = True
        self._lag.stop()
        if self._connections:
            await asyncio.gather(*(c.drain(within_s) for c in self._connections))
        for hosted in self._sessions:
            hosted.live.close()  # its readers are connections too
        for server in (self._server, self._metrics_server):
            if server is None:
                continue
            # Handshakes that never ended would hold the library's close for their whole time.
            server.close(close_connections=True, code=1001)
            try:
                async with asyncio.timeout(1.0):
                    await server.wait_closed()
            except TimeoutError:
                log.debug("left half-open handshakes behind")
        self._sessions.close()
        self._qr_codes.stop()

    # -- WebSocket ------------------------------------------------------------------------------

    async def _serve(self, socket: ServerConnection) -> None:
        assert isinstance(socket, CaptionSocket) and socket.request is not None
        if socket.channel is not None:
            await self._show(socket, socket.channel)
            return
        address = _address(socket)
        connection = Connection(
            socket,
            self._engine,
            self._sessions,
            self._options,
            lambda: self._full(_owner(socket)) or self._crowded(socket),
            owner=_owner(socket),
            caller=socket.caller,
            on_session=partial(self._on_session, socket),
        )
        assert self._turns is not None
        socket.connection, socket.turns = connection, self._turns
        self._turns.join(socket)
        self._limits.enter(address)
        self._by_caller[socket.caller.name] += 1
        self._connections.add(connection)
        in_the_way = self._without_session.enter(connection, network_of(address))
        if in_the_way is not None:
            in_the_way.make_way()
        try:
            await connection.run(_start_query(socket.request))
        except Exception:  # the library would log it where we do not listen
            log.exception("a connection failed")
        finally:
            self._connections.discard(connection)
            self._with_session.discard(connection)
            self._without_session.leave(connection)
            self._turns.leave(socket)
            self._limits.leave(address)
            self._by_caller[socket.caller.name] -= 1
            if not self._by_caller[socket.caller.name]:
                del self._by_caller[socket.caller.name]

    async def _show(self, socket: CaptionSocket, channel: str) -> None:
        """Somebody watches, as long as there is a place for him."""
        in_the_way = self._viewers.enter(socket, network_of(_address(socket)))
        if in_the_way is not None:
            log.info("others want to watch; cut off")
            in_the_way.cut_off(CloseCode.TRY_AGAIN_LATER, "others want to watch")
        socket.only_watch()
        socket.settle()
        try:
            with self._channels.watched_by(channel, socket):
                await socket.wait_closed()
        finally:
            self._viewers.leave(socket)

    def _on_session(self, socket: CaptionSocket, connection: Connection) -> None:
        """A connection has a session, and stays."""
        self._without_session.leave(connection)
        self._with_session.add(connection)
        socket.speak()

    def _greedy(self, socket: ServerConnection) -> Page | None:
        """Why this address has had enough, or None."""
        why = self._refused_by(self._limits, socket)
        return None if why is None else _too_many(why)

    @staticmethod
    def _refused_by(limits: AddressLimits, socket: ServerConnection) -> str | None:
        assert isinstance(socket, CaptionSocket)
        client = socket.client
        return limits.refusal(client.address, time.monotonic(), is_forwarded=client.is_forwarded)

    def _foreign(self, request: Request) -> Page | None:
        """Why the page that asks may not use the server, or None."""
        origin = request.headers.get("Origin")
        if self._origins.admits(origin, request.headers.get("Host")):
            return None
        text = "Pages of this address may not use the server; see its setting `allowed_origins`."
        return json_page(403, {"error": text})

    def _stranger(self, socket: ServerConnection, request: Request) -> Page | None:
        """Why this client may not speak, or None."""
        if (page := self._foreign(request)) is not None:
            return page
        caller = self._caller(request)
        if caller is None:
            return _no_key()
        if not caller.may_speak:
            return json_page(403, {"error": "This key or token is not for speaking."})
        if self._keys is not None and self._by_caller[caller.name] >= self._max_sessions_per_key:
            return _too_many("This key has as many sessions as one may have.")
        assert isinstance(socket, CaptionSocket)
        socket.caller = caller
        return None

    def _excluded(self, channel: str, socket: ServerConnection, request: Request) -> Page | None:
        """Why this client may not watch a channel, or None."""
        if (page := self._foreign(request)) is not None:
            return page
        caller = self._caller(request)
        if caller is None:
            return _no_key()
        if (why := self._refused_by(self._viewer_limits, socket)) is not None:
            return _too_many(why)
        if not caller.may_watch(channel):
            return json_page(403, {"error": "This key or token is not for watching this channel."})
        if self._draining:
            return _busy("The server is stopping.")
        if not self._viewers.has_room_for(network_of(_address(socket))):
            return _busy("As many watch as this server can serve.")
        return None

    def _caller(self, request: Request) -> Caller | None:
        """Who asks; None where that takes a key or a token, and there is none that holds."""
        if self._keys is None:
            return ANYBODY
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        keys = self._keys()
        if scheme.lower() == "bearer":
            return keys.by_key(key.strip()) or keys.by_token(key.strip())
        offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol")).split(",")
        names = [name.strip() for name in offered]
        tokens = [
            name.removeprefix(TOKEN_PREFIX) for name in names if name.startswith(TOKEN_PREFIX)
        ]
        return keys.by_token(tokens[0]) if tokens else None

    def _refusal(self, socket: ServerConnection) -> Page | None:
        """Why this client cannot come in now, or None."""
        if self._draining:
            return _busy("The server is stopping.")
        if self._engine.state is EngineState.FAILED:
            return _busy("The recognition engine has failed.")
        if self._engine.model is None:
            return _busy("The model is being loaded.")
        if self._sessions.waiting:  # it may be one who comes back; others learn it at their `start`
            return None
        why = self._full(_owner(socket))
        return None if why is None else _busy(why)

    def _full(self, owner: str) -> str | None:
        """Why an owner can begin no session now, or None. Connections without one take no place."""
        if self._engine.state is EngineState.BROKEN:
            return "The recognition worker has died again and again; it is still tried."
        if self._memory.pressure is not Pressure.NONE:
            return "The server is short of memory."
        if self._engine.overloaded_for(owner):
            return "The server is overloaded: captions come late already."
        if len(self._with_session) >= self._max_sessions:
            return "All sessions of this server are taken."
        return None

    def _crowded(self, socket: ServerConnection) -> str | None:
        """Why the client may begin no session beside those that were left behind, or None.

        One of its own gives way; for all others that wait there are the limits.
        """
        assert isinstance(socket, CaptionSocket)
        address, owner = _address(socket), _owner(socket)
        network = network_of(address)
        left = self._sessions.left_behind(lambda owner: owner.rpartition(" ")[2] == network)
        forwarded = socket.client.is_forwarded
        is_over = self._limits.is_over(address, len(left), is_forwarded=forwarded)
        if is_over and not self._sessions.give_way(left, owner):
            return "This address has as many sessions as one may have."
        if self._keys is not None:
            caller = socket.caller.name
            left = self._sessions.left_behind(lambda owner: owner.rpartition(" ")[0] == caller)
            is_over = self._by_caller[caller] + len(left) > self._max_sessions_per_key
            if is_over and not self._sessions.give_way(left, owner):
                return "This key has as many sessions as one may have."
        left = self._sessions.left_behind(lambda owner: True)
        is_over = len(self._with_session) + len(left) >= self._max_sessions
        if is_over and not self._sessions.give_way(left, owner):
            return "All sessions of this server are taken."
        return None

    # -- HTTP -----------------------------------------------------------------------------------

    def _answer_http(
        self, socket: ServerConnection, request: Request
    ) -> Response | Awaitable[Response] | None:
        """None lets the handshake go on."""
        assert isinstance(socket, CaptionSocket)
        socket.client = self._proxies.client(
            _peer(socket),
            request.headers.get_all("X-Forwarded-For"),
            request.headers.get_all("Forwarded"),
        )
        path = request.path.partition("?")[0]
        if (page := self._misdirected(request, self._origins)) is not None:
            return self._give(socket, page)
        if path == CAPTIONS_PATH or CHANNEL_PATH.fullmatch(path):
            return self._answer_handshake(socket, request, path)
        if live := LIVE_PATH.fullmatch(path):
            page = self._follow(socket, request, live[1])
            if page is None:
                return None
        elif path == "/healthz":
            page = self._health()
        elif path == "/readyz":
            page = self._readiness()
        elif path == "/metrics" and self._metrics_server is None:
            page = self._figures(request)
        elif path == QR_PATH:
            return self._make_qr(socket, request)
        else:
            audience = AUDIENCE_PATH.fullmatch(path)
            page = static_page(path if audience is None else f"/{audience[1]}.html")
            if page.status == 200:
                socket.leave_to(partial(serve_page, page))
                return None
        return self._give(socket, page)

    def _answer_metrics(self, socket: ServerConnection, request: Request) -> Response:
        """On a port of their own, which is not for everybody, nobody is asked for a key."""
        page = self._misdirected(request, self._metrics_origins)
        if page is None and request.path.partition("?")[0] != "/metrics":
            page = json_page(404, {"error": "There is nothing here but /metrics."})
        return self._give(socket, page or self._metrics_page())

    @staticmethod
    def _misdirected(request: Request, origins: OriginPolicy) -> Page | None:
        """Why no request like this one is answered, or None."""
        for name in ("Host", "Origin", "Authorization", QR_TEXT):
            if len(request.headers.get_all(name)) > 1:
                return json_page(400, {"error": f"There is more than one header {name}."})
        lists = (item for name in LIST_HEADERS for item in request.headers.get_all(name))
        if sum(map(len, lists)) > MOST_LIST_BYTES:
            text = f"The headers {', '.join(LIST_HEADERS)} are longer than {MOST_LIST_BYTES} bytes."
            return json_page(431, {"error": text})
        if not origins.knows(request.headers.get("Host")):
            text = "This server does not go by that name; see its setting `allowed_origins`."
            return json_page(403, {"error": text})
        return None

    def _answer_handshake(
        self, socket: ServerConnection, request: Request, path: str
    ) -> Response | None:
        """None lets it go on. A page of another origin that is admitted may read a refusal."""
        page: Page | None
        if request.method == "OPTIONS":
            page = Page(204, b"", {"Access-Control-Allow-Headers": "Authorization"})
        elif path == CAPTIONS_PATH:
            page = self._greedy(socket) or self._stranger(socket, request) or self._refusal(socket)
            if page is None:
                return None
            self._metrics.on_refusal(page.status)
        else:
            channel = CHANNEL_PATH.fullmatch(path)
            assert channel is not None and isinstance(socket, CaptionSocket)
            page = self._excluded(channel[1], socket, request)
            if page is None:
                socket.channel = channel[1]
                return None
            self._metrics.on_refusal(page.status)
        origin = request.headers.get("Origin")
        if origin is not None and self._origins.admits(origin, request.headers.get("Host")):
            page.headers |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Expose-Headers": "Retry-After",
                "Vary": "Origin",
            }
        return self._give(socket, page)

    @staticmethod
    def _give(socket: ServerConnection, page: Page) -> Response:
        assert isinstance(socket, CaptionSocket)
        socket.only_answer()
        return _response(page)

    async def _make_qr(self, socket: ServerConnection, request: Request) -> Response:
        """QR codes are for who may be here."""
        assert isinstance(socket, CaptionSocket)
        page = self._foreign(request)
        if page is None:
            caller = self._caller(request)
            if caller is None:
                page = _no_key()
            elif not caller.may_make_codes:
                page = json_page(403, {"error": "This key or token is not for anything here."})
            else:
                socket.caller = caller
                text = unquote(request.headers.get(QR_TEXT, ""))
                page = await self._qr_codes.page(text, _owner(socket))
        return self._give(
            socket, page or _too_many("Too many QR codes are asked for; wait a moment.")
        )

    def _follow(self, socket: ServerConnection, request: Request, session: str) -> Page | None:
        """Let the client follow the captions of a session, or say why it cannot."""
        assert isinstance(socket, CaptionSocket)
        hosted = self._sessions.get(session)
        if hosted is None:
            page = json_page(404, {"error": "There is no such session, or it has ended."})
        elif request.method != "GET":
            page = json_page(405, {"error": "Captions can only be read."})
        elif hosted.live.readers >= MAX_READERS:
            page = _busy("Too many players follow this session.")
        else:
            socket.settle()
            socket.leave_to(
                partial(
                    serve_reader,
                    hosted.live,
                    chunked=request.protocol == "HTTP/1.1",
                    send_timeout_s=self._options.send_timeout_s,
                )
            )
            return None
        page.headers.update(ANYWHERE)
        return page

    def _health(self) -> Page:
        body = {
            "state": "serving",
            "sessions": len(self._sessions),
            "loop_lag_ms": self._lag.milliseconds(),
        }
        return json_page(200, body)

    def _is_ready(self) -> bool:
        ready = self._engine.state is EngineState.READY and not self._draining
        return ready and self._memory.pressure is Pressure.NONE

    def _figures(self, request: Request) -> Page:
        """For Prometheus; a server with keys asks for one, and not for a token for a channel."""
        caller = self._caller(request)
        if caller is None:
            return _no_key()
        if not caller.may_read_figures:
            return json_page(403, {"error": "This key or token is not for reading figures."})
        return self._metrics_page()

    def _metrics_page(self) -> Page:
        headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        return Page(200, self._metrics.page(), headers)

    def _readiness(self) -> Page:
        broken = self._engine.state is EngineState.BROKEN
        state = "failed" if broken else self._engine.state.value
        if state == "ready" and self._memory.pressure is not Pressure.NONE:
            state = "overloaded_memory"
        state = "draining" if self._draining else state
        body: dict[str, Any] = {"state": state}
        if self._engine.model is not None:
            body["model"] = self._engine.model.name
        return json_page(200 if state == "ready" else 503, body)


def _peer(socket: ServerConnection) -> str:
    """The address at the other end; "" for a socket that has no such thing."""
    remote = socket.remote_address
    return str(remote[0]) if isinstance(remote, tuple) and remote else ""


def _address(socket: ServerConnection) -> str:
    """Where a client is, as its request has shown."""
    assert isinstance(socket, CaptionSocket)
    return socket.client.address


def _owner(socket: ServerConnection) -> str:
    """Who takes turns with others: a key or a name in tokens, at an address."""
    assert isinstance(socket, CaptionSocket)
    return f"{socket.caller.name} {network_of(_address(socket))}"


def _start_query(request: Request) -> dict[str, list[str]] | None:
    """The query string where it holds a field of `start`, else None."""
    query = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
    return query if query.keys() & set(Start.__struct_fields__) else None


def _no_key() -> Page:
    page = json_page(401, {"error": "This server asks for a key or a token that holds."})
    page.headers["WWW-Authenticate"] = "Bearer"
    return page


def _busy(message: str) -> Page:
    return _later(503, message)


def _too_many(message: str) -> Page:
    return _later(429, message)


def _later(status: int, message: str) -> Page:
    page = json_page(status, {"error": message})
    page.headers["Retry-After"] = str(RETRY_AFTER_S)
    return page


def _response(page: Page) -> Response:
    status = http.HTTPStatus(page.status)
    headers = Headers(page.headers)
    headers["Content-Length"] = str(len(page.body))
    headers["Connection"] = "close"
    return Response(status.value, status.phrase, headers, page.body)
