"""HTTP/1.1 on one connection: h11 reads and writes it, an ASGI application answers.

One request after the other: what a client sends behind one that is being answered waits. A WebSocket's
handshake is a request like any other, whose answer hands the connection over (`HttpConnection.switch`).

Each phase of a connection has its time. A client that needs more is cut off, whatever it sends.
"""

import asyncio
import contextlib
import http
import json
import math
import re
from email.utils import formatdate
from enum import Enum, auto
from urllib.parse import unquote

import h11
import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Scope

from surtitle.gateway.stream import LINGER_S, SLICE_BYTES, ClientStream, Layer, Pause

log = structlog.get_logger("surtitle.gateway")

MAX_HEAD_BYTES = 1 << 15
MAX_HEAD_LINES = 130
"""Of a request without its body, and of what follows the chunks of one. To parse 32 KiB of the shortest
headers takes 20 ms."""
_END_OF_HEAD = re.compile(rb"\n\r?\n")
BEHIND_BYTES = 1 << 16
"""What may come behind a request, as long as that is not answered."""
BODY_BUFFER_BYTES = 1 << 16
"""Of a body that nobody has taken yet, before no more is read."""
PART_BYTES = 16_384
"""Of an answer, on its way at once."""
REQUEST_S = 0.001
"""What a request costs its client, beside reading and answering it."""
ANSWER_S = 30.0
"""How long a client may take to read an answer of known length: 10 kB a second for the largest file."""

SCOPE_KEY = "surtitle.connection"


_ABSOLUTE = re.compile(rb"https?://([^/?]*)/?", re.IGNORECASE)
"""What a target begins with that names the host too, as proxies are asked: that one counts, whatever
the header says (RFC 9112, 3.2.2)."""


class Phase(Enum):
    """What a connection waits for."""

    IDLE = auto()
    """Another request, or none."""
    HEAD = auto()
    """The rest of a request, but for its body. The first one begins with the connection."""
    BODY = auto()
    """More of a body, which somebody wants to read."""
    ANSWER = auto()
    """Whoever makes the answer, and the client who reads it: they have limits of their own."""


PHASE_S: dict[Phase, float] = {
    Phase.IDLE: 15.0,
    Phase.HEAD: 10.0,
    Phase.BODY: 10.0,
    Phase.ANSWER: math.inf,
}
"""How long each may last."""
BODY_BYTES_PER_S = 1000.0
"""With so much a second, the time for a body does not run out."""


def connection_of(scope: Scope) -> "HttpConnection":
    """The connection on which a request has come."""
    connection = scope[SCOPE_KEY]
    assert isinstance(connection, HttpConnection)
    return connection


class HttpConnection:
    """A layer of a stream: serves the requests that come on it."""

    def __init__(self, stream: ClientStream, app: ASGIApp, send_timeout_s: float) -> None:
        """What has no known length must be read within `send_timeout_s`, part by part."""
        self.stream = stream
        self.send_timeout_s = send_timeout_s
        self._app = app
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._exchange: _Exchange | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head_lines = 0  # of the request that comes
        self._behind = bytearray()  # what has come behind the one that is answered
        self.is_last = False  # there is no request after this one
        self.phase = Phase.HEAD
        self.enter(Phase.HEAD)

    # -- see Layer ------------------------------------------------------------------------------

    def receive(self, data: bytes) -> int:
        """See Layer."""
        if self.phase is Phase.IDLE:
            self.enter(Phase.HEAD)
        if self._is_due:
            return self._take(data)
        self._behind += data
        if len(self._behind) > BEHIND_BYTES:
            self._on_too_much()
        return 1

    def receive_eof(self) -> None:
        """A client that has finished sending may still want the answers to all that it has asked."""
        if self._exchange is None:
            self.stream.close()
        else:
            self._exchange.leave()

    def on_settled(self) -> None:
        """See Layer."""

    def go_away(self) -> None:
        """See Layer."""
        self.is_last = True
        if self._exchange is None:
            self.stream.hang_up()

    def lose(self) -> None:
        """See Layer."""
        self._behind.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._exchange is not None:
            self._exchange.cancel()

    # -- one request after the other ------------------------------------------------------------

    def enter(self, phase: Phase, left_s: float = math.inf) -> None:
        """A phase begins, or goes on for `left_s` at most."""
        self.phase = phase
        if self._timer is not None:
            self._timer.cancel()
        left_s = min(left_s, PHASE_S[phase])
        endless = left_s == math.inf
        self._timer = None if endless else self._loop.call_later(left_s, self._expire)

    @property
    def _is_due(self) -> bool:
        """Whether what comes next is of a request that is not whole yet."""
        return self._http.their_state in (h11.IDLE, h11.SEND_BODY)

    def _take(self, data: bytes) -> int:
        """Take what is due; returns how many things that were."""
        is_head = self._http.their_state is h11.IDLE
        if is_head and not self._note_head(self._head_lines + _lines_of_head(data)):
            return 1
        self._http.receive_data(data)
        events = self._go_on()
        if self._http.their_state is h11.SEND_BODY:
            # What the library does not make a body of at once are the lines that may follow chunks.
            self._note_head(_lines_of_head(self._http.trailing_data[0]))
        return events

    def _note_head(self, lines: int) -> bool:
        """Note how many lines the head has by now; False where those are too many: it is refused."""
        self._head_lines = lines
        if lines > MAX_HEAD_LINES:
            self._refuse(http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return False
        return True

    def _take_behind(self) -> None:
        """Take what has come behind the last request, up to the end of the next one.

        The library gets no more than that: it would give all of it back after each answer, as a copy.
        """
        while self._behind and self._is_due and not self.stream.is_closing:
            data = bytes(self._behind[:SLICE_BYTES])
            del self._behind[:SLICE_BYTES]
            self._take(data)

    def _go_on(self) -> int:
        """Work on what was taken; returns how many things that were."""
        events = 0
        while not self.stream.is_closing:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(error.error_status_hint)
                return events + 1
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return events
            events += 1
            match event:
                case h11.Request():
                    events += len(event.headers) >> 3
                    self._head_lines = 0
                    self.is_last |= _has_two_lengths(event)
                    self.enter(Phase.ANSWER)
                    self.stream.charge(REQUEST_S)
                    self._exchange = _Exchange(self, self._http, event)
                    self._exchange.start(self._app)
                case h11.Data() if self._exchange is not None:
                    events += len(event.data) >> 10
                    self._exchange.take_body(bytes(event.data))
                case h11.EndOfMessage() if self._exchange is not None:
                    events += len(event.headers) >> 3
                    self._exchange.end_body()
        return events

    def _on_too_much(self) -> None:
        """Much has come behind a request."""
        if self._http.our_state is h11.SEND_BODY:
            # Who goes away must be seen to, also by an answer that does not end: so it is read.
            log.info("client sends data where none is expected; cut off")
            self.stream.abort()
        else:
            self.stream.pause(Pause.FULL)

    def _refuse(self, status: int) -> None:
        """Answer what is not HTTP/1.1, or too much of it, and close."""
        if self._exchange is not None:  # its answer may be on its way
            self.stream.abort()
            return
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            phrase = http.HTTPStatus(status).phrase
            text = f"This request cannot be read: {phrase}."
            body = json.dumps({"error": text}).encode() + b"\n"
            headers = [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ]
            head = h11.Response(status_code=status, headers=headers, reason=phrase.encode())
            for part in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.stream.write(self._http.send(part) or b"")
        self.stream.close()

    def _expire(self) -> None:
        match self.phase:
            case Phase.HEAD if self._head_lines or self._http.trailing_data[0]:
                log.info("a request was not completed; cut off")
                self._refuse(http.HTTPStatus.REQUEST_TIMEOUT)
            case Phase.BODY:
                log.info("a request body was not completed; cut off")
                self.stream.abort()
            case _:
                self.stream.hang_up()

    def on_answered(self, left_s: float) -> None:
        """A request is answered; its client has so much time left to read that."""
        self._exchange = None
        is_done = self._http.our_state is self._http.their_state is h11.DONE
        if not is_done or self.is_last:
            # A client that is told before all of its body has come may never look before the end.
            is_early = self._http.their_state is h11.SEND_BODY
            self.stream.close(LINGER_S if is_early else max(left_s, LINGER_S))
            return
        self._http.start_next_cycle()
        if len(self._behind) <= BEHIND_BYTES:  # else with a later answer: there is one
            self.stream.resume(Pause.FULL)
        begun = self._http.trailing_data[0]  # in the slice in which the last one has ended
        self.enter(Phase.HEAD if begun or self._behind else Phase.IDLE)
        if not self._note_head(_lines_of_head(begun)):
            return
        self._go_on()
        self._take_behind()
        if self.stream.peer_has_closed:
            self.receive_eof()

    def switch(self, answer: bytes, layer: Layer) -> None:
        """Give the `answer` that accepts an upgrade: from now on the stream has another layer."""
        self.stream.write(answer)
        self._exchange = None
        if self._timer is not None:
            self._timer.cancel()
        self.stream.become(layer, self._http.trailing_data[0] + self._behind)


class _Exchange:
    """One request and its answer, as ASGI has them."""

    def __init__(
        self, connection: HttpConnection, http11: h11.Connection, request: h11.Request
    ) -> None:
        self._connection = connection
        self._stream = connection.stream
        self._http = http11
        self._request = request
        self._body = bytearray()
        self._news = asyncio.Event()  # of the body, or its end
        self._is_whole = False  # nothing more of the body comes
        self._has_left = False  # nothing more comes at all
        self._was_taken = False  # all of the body
        self._body_left_s = PHASE_S[Phase.BODY]  # to be waited for it
        self._until_s: float | None = None  # until when the answer must be read, once that is known
        self._task: asyncio.Task[None] | None = None

    # -- what the connection says ---------------------------------------------------------------

    def start(self, app: ASGIApp) -> None:
        """Have it answered."""
        self._task = asyncio.create_task(self._run(app), name="request")

    def take_body(self, data: bytes) -> None:
        """A part of the body has come."""
        self._body += data
        self._news.set()
        gained_s = len(data) / BODY_BYTES_PER_S
        self._body_left_s = min(self._body_left_s + gained_s, PHASE_S[Phase.BODY])
        if len(self._body) > BODY_BUFFER_BYTES:
            self._stream.pause(Pause.FULL)

    def end_body(self) -> None:
        """There is no more of it."""
        self._is_whole = True
        self._news.set()

    def leave(self) -> None:
        """The client says nothing more."""
        self._has_left = True
        self._news.set()

    def cancel(self) -> None:
        """The connection has gone."""
        self.leave()
        if self._task is not None:
            self._task.cancel()

    # -- ASGI -----------------------------------------------------------------------------------

    def _scope(self) -> Scope:
        target = self._request.target
        headers = [(name.lower(), value) for name, value in self._request.headers]
        if absolute := _ABSOLUTE.match(target):
            target = b"/" + target[absolute.end() :]
            headers = [(name, value) for name, value in headers if name != b"host"]
            headers.append((b"host", absolute[1]))
        target, _, query = target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": self._request.http_version.decode(),
            "method": self._request.method.decode(),
            "scheme": "https" if self._stream.is_secure else "http",
            "path": unquote(target.decode("ascii")),
            "raw_path": target,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": (self._stream.peer, 0),
            "server": None,
            SCOPE_KEY: self._connection,
        }

    async def _run(self, app: ASGIApp) -> None:
        try:
            await app(self._scope(), self._receive, self._send)
        except (ConnectionError, TimeoutError, ClientDisconnect):  # gone, or does not read
            self._stream.abort()
            return
        except Exception:
            log.exception("a request failed")
            if self._http.our_state is h11.SEND_BODY:
                self._stream.abort()
                return
            if self._http.our_state is h11.SEND_RESPONSE:
                await self._answer_failure()
        if self._stream.layer is self._connection:
            now_s = asyncio.get_running_loop().time()
            self._connection.on_answered((self._until_s or now_s) - now_s)

    async def _answer_failure(self) -> None:
        body = b'{"error": "Internal server error; see its log."}\n'
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._send({"type": "http.response.start", "status": 500, "headers": headers})
            await self._send({"type": "http.response.body", "body": body})

    async def _receive(self) -> Message:
        if not self._was_taken:
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                self._stream.write(self._http.send(go_on))
            if not self._body:
                await self._more_body()
            if self._body or self._is_whole:
                body, self._body = bytes(self._body), bytearray()
                self._was_taken = self._is_whole
                self._stream.resume(Pause.FULL)
                return {"type": "http.request", "body": body, "more_body": not self._is_whole}
        while not self._has_left:
            await self._next_news()
        return {"type": "http.disconnect"}

    async def _more_body(self) -> None:
        """Wait for a part of the body, its end, or that of the connection."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        self._connection.enter(Phase.BODY, self._body_left_s)
        while not (self._body or self._is_whole or self._has_left):
            await self._next_news()
        self._body_left_s -= loop.time() - began_s
        self._connection.enter(Phase.ANSWER)

    async def _next_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _send(self, message: Message) -> None:
        """See ASGI. Raises ConnectionResetError where the client has gone, TimeoutError where it does
        not read.
        """
        if self._stream.is_lost:
            raise ConnectionResetError
        if message["type"] == "http.response.start":
            self._send_head(int(message["status"]), list(message["headers"]))
            return
        await self._send_body(message.get("body", b""))
        if not message.get("more_body", False):
            self._stream.write(self._http.send(h11.EndOfMessage()) or b"")
            self._until_s = self._until_s or self._part_until_s()
            await self._until_read()

    def _send_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        if any(name.lower() == b"content-length" for name, _ in headers):
            self._until_s = asyncio.get_running_loop().time() + ANSWER_S
        headers.insert(0, (b"Date", formatdate(usegmt=True).encode()))
        # What has come behind a handshake may be meant for the other protocol.
        is_last = self._connection.is_last or self._http.their_state is not h11.DONE
        if is_last and (b"connection", b"close") not in headers:
            headers.append((b"connection", b"close"))
        reason = http.HTTPStatus(status).phrase.encode()
        head = h11.Response(status_code=status, headers=headers, reason=reason)
        self._stream.write(self._http.send(head) or b"")

    async def _send_body(self, body: bytes) -> None:
        if self._request.method == b"HEAD":
            return
        for begin in range(0, len(body), PART_BYTES):
            part = h11.Data(data=body[begin : begin + PART_BYTES])
            self._stream.write(self._http.send(part) or b"")
            await self._until_read()

    async def _until_read(self) -> None:
        """Wait for a client that is behind. Raises TimeoutError."""
        async with asyncio.timeout_at(self._until_s or self._part_until_s()):
            await self._stream.drain()

    def _part_until_s(self) -> float:
        """Until when a part must be read of an answer whose length nobody knows."""
        return asyncio.get_running_loop().time() + self._connection.send_timeout_s


def _lines_of_head(data: bytes) -> int:
    """How many lines of a request come before the first blank one."""
    return _END_OF_HEAD.split(data, 1)[0].count(b"\n")


def _has_two_lengths(request: h11.Request) -> bool:
    """Whether others may take the body for another one than we do; see RFC 9112, 6.1."""
    names = {name for name, _ in request.headers}
    return {b"transfer-encoding", b"content-length"} <= names
