"""HTTP servers on loopback that do as they are told, and say what they got."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import h11


@dataclass(frozen=True)
class Got:
    """A request, as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        query = parse_qs(urlsplit(self.target).query, strict_parsing=True, keep_blank_values=True)
        assert all(len(values) == 1 for values in query.values()), self.target
        return {name: values[0] for name, values in query.items()}


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    then: str = ""
    """`hang`: nothing of it is sent; `break`: the connection is; `flood`: the body never ends;
    `drip`: it comes byte by byte."""


OK = Answer()
HANG = Answer(then="hang")


@dataclass
class Service:
    """What came, and what is answered."""

    answer: Callable[[Got], Answer] = lambda got: OK
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    sent_bytes: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def posts(self) -> list[Got]:
        return [got for got in self.got if got.method == "POST"]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (
                got := await self._receive(reader, connection := h11.Connection(h11.SERVER))
            ) is not None:
                self.got.append(got)
                await self._send(writer, connection, self.answer(got))
                if connection.our_state is h11.MUST_CLOSE:
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _receive(
        self, reader: asyncio.StreamReader, connection: h11.Connection
    ) -> Got | None:
        request: h11.Request | None = None
        body = b""
        while True:
            event = connection.next_event()  # raises where it is no HTTP
            if event is h11.NEED_DATA:
                data = await reader.read(1 << 16)
                if not data and request is None:
                    return None
                connection.receive_data(data)
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert request is not None
                headers = {name.decode(): value.decode() for name, value in request.headers}
                return Got(request.method.decode(), request.target.decode(), headers, body)
            else:
                return None

    async def _send(
        self, writer: asyncio.StreamWriter, connection: h11.Connection, answer: Answer
    ) -> None:
        if answer.then == "hang":
            await asyncio.Event().wait()
        if answer.then == "break":
            writer.transport.abort()
            raise ConnectionAbortedError
        length = [] if answer.then else [("Content-Length", str(len(answer.body)))]
        head = h11.Response(
            status_code=answer.status, headers=[*answer.headers.items(), *length], reason=b""
        )
        writer.write(connection.send(head) or b"")
        while answer.then:
            data = connection.send(h11.Data(b"x" * (1 if answer.then == "drip" else 1 << 16)))
            writer.write(data or b"")
            await writer.drain()
            self.sent_bytes += len(data or b"")
            await asyncio.sleep(0.02 if answer.then == "drip" else 0)
        if answer.body:
            writer.write(connection.send(h11.Data(answer.body)) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()


@asynccontextmanager
async def serving(
    answer: Callable[[Got], Answer] = lambda got: OK, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Service]:
    service = Service(answer)
    tasks = set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(service._serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=False)


class ZoomMeeting:
    """A meeting as Zoom describes it: what it shows, and what breaks its rules.

    https://support.zoom.com/hc/en/article?id=zm_kb&sysparm_article=KB0060368
    """

    QUERY = "id=200610693&ns=GZHkEA==&expire=86400&sparams=id%2Cns%2Cexpire&signature=nYtX.J-q_K"

    def __init__(self, last: int = 0, *, begun: bool = True) -> None:
        self.last = last
        self.begun = begun
        self.shown: list[str] = []
        self.broken: list[str] = []

    def __call__(self, got: Got) -> Answer:
        if not got.target.partition("?")[2].startswith(self.QUERY):
            self.broken.append(f"not the address: {got.target}")
            return Answer(403)
        if (got.method, got.path) == ("GET", "/closedcaption/seq"):
            return Answer(body=str(self.last).encode())
        if (got.method, got.path) != ("POST", "/closedcaption"):
            self.broken.append(f"{got.method} {got.path}")
            return Answer(405)
        if not self.begun:
            return Answer(400)
        if re.fullmatch(r"text/plain(; charset=utf-8)?", got.headers["content-type"]) is None:
            self.broken.append(got.headers["content-type"])
        if not re.fullmatch(r"[a-z]{2}-[A-Z]{2}", got.query.get("lang", "en-US")):
            self.broken.append(got.target)
        number, text = int(got.query["seq"]), got.body.decode("utf-8", errors="strict")
        if number == self.last + 1:
            self.shown.append(text)
            self.last = number
        elif number != self.last or self.shown[-1:] != [text]:
            self.broken.append(f"{number} after {self.last}")
        return Answer(body=b"2026-05-04T12:30:15.000")


class YouTubeStream:
    """A stream as YouTube describes it. https://support.google.com/youtube/answer/6077032"""

    LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\n([^\n]+)\n")

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []
        self.broken: list[str] = []
        self._last: tuple[int, bytes] | None = None

    def __call__(self, got: Got) -> Answer:
        if (got.method, got.path, got.query.get("cid")) != ("POST", "/closedcaption", "abcd-efgh"):
            self.broken.append(got.target)
            return Answer(404)
        if not got.headers["content-type"].startswith("text/plain"):
            self.broken.append(got.headers["content-type"])
        lines = self.LINE.findall(text := got.body.decode())
        if "".join(f"{time}\n{line}\n" for time, line in lines) != text or not lines:
            self.broken.append(text)
        this = int(got.query["seq"]), got.body
        if self._last is None or this[0] == self._last[0] + 1:
            self.shown += lines
        elif this != self._last:
            self.broken.append(f"{this} after {self._last}")
        self._last = this
        return Answer(body=b"2026-05-04T12:30:15.000\n")
