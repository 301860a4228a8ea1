"""websockets on one port: listen, admit, serve the pages, drain.

Plain HTTP requests get the page and the health checks; a handshake on `/v1/captions` becomes a
`Connection`. What must be refused is refused before the handshake, with a status that says why.
"""

import asyncio
import http
import logging
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.frames import BINARY, TEXT, CloseCode, Frame
from websockets.http11 import Request, Response
from websockets.protocol import OPEN, Event
from websockets.server import ServerProtocol
from websockets.typing import Data

from surtitle.engine.policy import EngineState
from surtitle.engine.supervisor import Engine
from surtitle.errors import ConfigurationError
from surtitle.gateway.connection import Connection, ConnectionOptions, Ticker
from surtitle.gateway.web import Page, json_page, static_page
from surtitle.messages import SUBPROTOCOL, ServiceState, Start
from surtitle.telemetry import LoopLag

log = structlog.get_logger("surtitle.gateway")

CAPTIONS_PATH = "/v1/captions"
RETRY_AFTER_S = 5
HANDSHAKE_TIMEOUT_S = 10.0
UNREAD_BYTES = 16_384
"""What may lie unsent in a transport before a client counts as behind."""

# The library logs each refused or broken handshake with a traceback; here that is a client's affair.
logging.getLogger("websockets").setLevel(logging.CRITICAL)


class Gateway:
    """The listening socket and the connections on it."""

    def __init__(
        self,
        engine: Engine,
        ticker: Ticker,
        options: ConnectionOptions,
        *,
        max_sessions: int,
        max_frame_bytes: int,
    ) -> None:
        self._engine = engine
        self._ticker = ticker
        self._options = options
        self._max_sessions = max_sessions
        self._max_frame_bytes = max_frame_bytes
        self._server: Server | None = None
        self._connections: set[Connection] = set()
        self._draining = False
        self._lag = LoopLag()
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises ConfigurationError where the address cannot be used."""
        try:
            self._server = await serve(
                self._serve,
                host,
                port,
                process_request=self._answer_http,
                subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
                select_subprotocol=_select_subprotocol,
                compression=None,
                max_size=self._max_frame_bytes,
                max_queue=4,
                open_timeout=HANDSHAKE_TIMEOUT_S,
                # A client whose audio is read slowly has its pongs read late too. Dead clients are
                # told by their silence (idle_timeout_s).
                ping_timeout=None,
                server_header=None,
                create_connection=CaptionSocket,
            )
        except OSError as error:
            raise ConfigurationError(
                f"Cannot listen on {host} port {port}: {error.strerror or error}. "
                "Choose another with --host and --port."
            ) from error
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        self._lag.start()

    def say(self, state: ServiceState, message: str) -> None:
        """Tell every client how the service is."""
        for connection in list(self._connections):
            connection.say(state, message)

    async def drain(self, within_s: float) -> None:
        """Refuse new sessions, let the open utterances finish, close everything."""
        self._draining = True
        self._lag.stop()
        if self._connections:
            await asyncio.gather(*(c.drain(within_s) for c in self._connections))
        if self._server is not None:
            # Handshakes that never ended would hold the library's close for their whole time.
            self._server.close(close_connections=True, code=1001)
            try:
                async with asyncio.timeout(1.0):
                    await self._server.wait_closed()
            except TimeoutError:
                log.debug("left half-open handshakes behind")

    # -- WebSocket ------------------------------------------------------------------------------

    async def _serve(self, socket: ServerConnection) -> None:
        assert isinstance(socket, CaptionSocket) and socket.request is not None
        connection = Connection(
            secrets.token_urlsafe(9), socket, self._engine, self._ticker, self._options
        )
        socket.connection = connection
        self._connections.add(connection)
        try:
            await connection.run(_start_query(socket.request))
        except Exception:  # the library would log it where we do not listen
            log.exception("a connection failed", session=connection.id)
        finally:
            self._connections.discard(connection)

    def _refusal(self) -> Page | None:
        """Why no session can be opened now, or None."""
        if self._draining:
            return _busy("The server is stopping.")
        if self._engine.state is EngineState.FAILED:
            return _busy("The recognition engine has failed.")
        if self._engine.model is None:
            return _busy("The model is being loaded.")
        if self._engine.overloaded:
            return _busy("The server is overloaded: captions come late already.")
        if len(self._connections) >= self._max_sessions:
            return _busy("All sessions of this server are taken.")
        return None

    # -- HTTP -----------------------------------------------------------------------------------

    def _answer_http(self, socket: ServerConnection, request: Request) -> Response | None:
        """None lets the handshake go on."""
        path = request.path.partition("?")[0]
        if path == CAPTIONS_PATH:
            page = self._refusal()
            if page is None:
                return None
        elif path == "/healthz":
            page = self._health()
        elif path == "/readyz":
            page = self._readiness()
        else:
            page = static_page(path)
        return _response(page)

    def _health(self) -> Page:
        body = {
            "state": "serving",
            "sessions": len(self._connections),
            "loop_lag_ms": self._lag.milliseconds(),
        }
        return json_page(200, body)

    def _readiness(self) -> Page:
        state = "draining" if self._draining else self._engine.state.value
        body: dict[str, Any] = {"state": state}
        if self._engine.model is not None:
            body["model"] = self._engine.model.name
        return json_page(200 if state == "ready" else 503, body)


class CaptionSocket(ServerConnection):
    """A server's WebSocket with a short way for audio, which says why it is closed.

    Audio goes from the socket straight to its session where no other message waits before it. And
    before the library closes for a broken frame, the client gets an `error`.
    """

    def __init__(self, protocol: ServerProtocol, *args: Any, **kwargs: Any) -> None:
        super().__init__(protocol, *args, **kwargs)
        self.connection: Connection | None = None
        self._waiting = 0  # messages that have begun to come and are not received yet
        self._fail = protocol.fail
        protocol.fail = self._explain_and_fail  # type: ignore[method-assign]

    def process_event(self, event: Event) -> None:
        """Hand audio over; queue everything else as the library does."""
        if isinstance(event, Frame) and (event.opcode is BINARY or event.opcode is TEXT):
            if (
                event.opcode is BINARY
                and event.fin
                and not self._waiting
                and self.connection is not None
                and self.connection.take_audio(bytes(event.data))
            ):
                return
            self._waiting += 1
        super().process_event(event)

    async def recv(self, decode: bool | None = None) -> Data:  # type: ignore[override]
        """The next message that was queued. Its taker must not wait before it takes it."""
        message: Data = await super().recv(decode)
        self._waiting -= 1
        return message

    def send_now(self, message: str) -> bool:
        """Send at once what the transport can take without waiting; False where it is behind."""
        behind = self.transport.get_write_buffer_size() > UNREAD_BYTES
        if behind or self.protocol.state is not OPEN or self.transport.is_closing():
            return False
        self.protocol.send_text(message.encode())
        self.send_data()
        return True

    def _explain_and_fail(self, code: CloseCode | int, reason: str = "") -> None:
        text = self.connection.last_words(code) if self.connection else None
        if text is not None and self.protocol.state is OPEN:
            self.protocol.send_text(text.encode())
        self._fail(code, reason)

    def abort(self) -> None:
        """Cut the transport without a closing handshake."""
        self.transport.abort()


def _select_subprotocol(socket: ServerConnection, offered: Any) -> Any:
    """Ours where it is offered; a client that offers none gets none."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


def _start_query(request: Request) -> dict[str, list[str]] | None:
    """The query string where it holds a field of `start`, else None."""
    query = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
    return query if query.keys() & set(Start.__struct_fields__) else None


def _busy(message: str) -> Page:
    page = json_page(503, {"error": message})
    page.headers["Retry-After"] = str(RETRY_AFTER_S)
    return page


def _response(page: Page) -> Response:
    status = http.HTTPStatus(page.status)
    headers = Headers(page.headers)
    headers["Content-Length"] = str(len(page.body))
    headers["Connection"] = "close"
    return Response(status.value, status.phrase, headers, page.body)
