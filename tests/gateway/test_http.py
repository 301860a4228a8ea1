"""HTTP/1.1 over a real socket: one request after the other, and clients that are slow or wrong."""

import asyncio
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from surtitle.gateway import http, routes, stream
from surtitle.gateway.answering import SENDING_S
from surtitle.gateway.budget import TURN_S, InputBudget
from surtitle.gateway.connection import AT_ONCE_BYTES
from surtitle.gateway.http import (
    BEHIND_BYTES,
    BODY_BUFFER_BYTES,
    MAX_HEAD_BYTES,
    PART_BYTES,
    HttpConnection,
    Phase,
    connection_of,
)
from surtitle.gateway.inputs import InputTurns
from surtitle.gateway.listening import MANY_PLACES, Listener
from surtitle.gateway.origins import Names, OriginPolicy
from surtitle.gateway.places import Places
from surtitle.gateway.stream import ClientStream
from surtitle.runtime.allowance import Allowance
from tests.gateway.fakes import everything_logged
from tests.gateway.site import listening

LIMIT_S = 5.0
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def answering(answer: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """An application that answers each request so."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await answer(Request(scope, receive))
        await response(scope, receive, send)

    return app


async def path_of(request: Request) -> Response:
    return PlainTextResponse(request.url.path)


async def body_of(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


class Client:
    """One connection, over which a test says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self, *, to_head: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        async with asyncio.timeout(LIMIT_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value
                for name, _, value in (line.partition(": ") for line in head[1:])
            }
            length = 0 if to_head else int(headers.get("content-length", 0))
            return int(head[0].split()[1]), headers, await self.reader.readexactly(length)

    async def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(request)
        return await self.answer(to_head=request.startswith(b"HEAD"))

    async def is_closed(self) -> bool:
        """Whether the server closes, having said nothing more."""
        async with asyncio.timeout(LIMIT_S):
            with suppress(ConnectionError):
                return await self.reader.read() == b""
        return True


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def serving(app: ASGIApp, send_timeout_s: float = LIMIT_S) -> AsyncIterator[int]:
    """The port of a server with this application."""
    places = Places[ClientStream](MANY_PLACES)
    listener = Listener(app, inputs=InputTurns(), places=places, send_timeout_s=send_timeout_s)
    port = await listener.start("127.0.0.1", 0, None, "nothing")
    try:
        yield port
        async with asyncio.timeout(LIMIT_S):
            while len(places):  # noqa: ASYNC110 - the count is no event
                await asyncio.sleep(0.01)
    finally:
        await listener.close()


@asynccontextmanager
async def client_of(app: ASGIApp, send_timeout_s: float = LIMIT_S) -> AsyncIterator[Client]:
    async with serving(app, send_timeout_s) as port, connected(port) as client:
        yield client


# -- one request after the other ----------------------------------------------------------------


async def test_a_connection_serves_many_requests() -> None:
    async with client_of(answering(path_of)) as client:
        for number in range(20):
            request = b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number
            status, headers, body = await client.ask(request)
            assert (status, body) == (200, b"/%d" % number)
            assert "connection" not in headers


async def test_requests_that_come_together_are_answered_in_their_order() -> None:
    async with client_of(answering(path_of)) as client:
        requests = [b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(50)]
        client.writer.write(b"".join(requests))
        for number in range(50):
            assert (await client.answer())[2] == b"/%d" % number


@pytest.mark.parametrize("piece", [1, 7, 60])
async def test_a_request_may_come_in_pieces(piece: int) -> None:
    async with client_of(answering(body_of)) as client:
        request = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n0123456789"
        for begin in range(0, len(request), piece):
            client.writer.write(request[begin : begin + piece])
            await asyncio.sleep(0.001)
        assert (await client.answer())[2] == b"10 bytes"


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.0\r\n\r\n", GET[:-2] + b"Connection: close\r\n\r\n"]
)
async def test_who_wants_no_more_is_left(request_: bytes) -> None:
    async with client_of(answering(path_of)) as client:
        assert (await client.ask(request_))[2] == b"/"
        assert await client.is_closed()


async def test_who_has_said_his_last_still_gets_the_answer() -> None:
    async with client_of(answering(path_of)) as client:
        client.writer.write(GET)
        client.writer.write_eof()
        assert (await client.answer())[2] == b"/"
        assert await client.is_closed()


async def test_all_that_was_asked_before_the_last_word_is_answered() -> None:
    async with client_of(answering(body_of)) as client:
        post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
        client.writer.write(GET + GET + post)
        client.writer.write_eof()
        bodies = [(await client.answer())[2] for _ in range(3)]
        assert bodies == [b"0 bytes", b"0 bytes", b"5 bytes"]
        assert await client.is_closed()


async def test_the_target_may_name_the_host_too() -> None:
    async with client_of(answering(path_of)) as client:
        request = b"GET http://localhost/there?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert (await client.ask(request))[2] == b"/there"


@pytest.mark.skipif(sys.platform != "linux", reason="the states of TCP are Linux's")
async def test_many_may_come_at_once_before_they_are_taken() -> None:
    """As an audience does, when a link is opened in a hall."""
    with ExitStack() as stack:
        async with serving(answering(path_of)) as port:
            clients = [stack.enter_context(socket.socket()) for _ in range(300)]
            for client in clients:  # the loop takes none meanwhile
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", port))
            states = {
                client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) for client in clients
            }
            assert states == {b"\x01"}  # established
            for client in clients:
                client.close()


# -- bodies -------------------------------------------------------------------------------------


async def test_a_body_in_chunks() -> None:
    async with client_of(answering(body_of)) as client:
        request = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"3e8\r\n" + bytes(1000) + b"\r\n"
        assert (await client.ask(request + 100 * chunk + b"0\r\n\r\n"))[2] == b"100000 bytes"


CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("piece", [100, 100_000])
async def test_what_follows_a_body_in_chunks_is_bounded(piece: int) -> None:
    """Others are answered meanwhile."""
    async with serving(answering(body_of)) as port:
        async with connected(port) as client:
            few = CHUNKED + b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 100 + b"\r\n"
            assert (await client.ask(few + GET))[2] == b"5 bytes"
            assert (await client.answer())[2] == b"0 bytes"
        async with connected(port) as client, connected(port) as other:
            many = CHUNKED + b"5\r\nhello\r\n0\r\n" + b"a:\n" * 5000
            for begin in range(0, len(many), piece):
                client.writer.write(many[begin : begin + piece])
                await asyncio.sleep(0)
            assert (await other.ask(GET))[0] == 200
            assert await client.is_closed()


async def test_of_two_lengths_the_chunks_count_and_the_connection_is_closed() -> None:
    """RFC 9112, 6.1: who sends both may want to smuggle something past a proxy."""
    for first, second in ((b"Content-Length: 5", b""), (b"", b"Content-Length: 5")):
        head = CHUNKED[:-4].replace(b"Transfer", first + b"\r\nTransfer" if first else b"Transfer")
        head += (b"\r\n" + second if second else b"") + b"\r\n\r\n"
        async with client_of(answering(body_of)) as client:
            client.writer.write(head + b"2\r\nhi\r\n0\r\n\r\n" + GET)
            _, headers, body = await client.answer()
            assert (headers["connection"], body) == ("close", b"2 bytes")
            assert await client.is_closed()


async def test_who_waits_to_be_told_to_go_on_is_told() -> None:
    head = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    )
    async with client_of(answering(body_of)) as client:
        status, _, _ = await client.ask(head)
        assert status == 100
        assert (await client.ask(b"hello"))[2] == b"5 bytes"
    async with client_of(answering(path_of)) as client:  # nobody wants the body
        assert (await client.ask(head))[0] == 200
        assert await client.is_closed()


async def test_a_body_that_nobody_takes_stays_with_the_client() -> None:
    """And what the application has not asked for is bounded."""
    go_on = asyncio.Event()
    held: list[int] = []

    async def slowly(request: Request) -> Response:
        await go_on.wait()
        total = 0
        async for part in request.stream():
            held.append(len(part))
            total += len(part)
        return PlainTextResponse(f"{total} bytes")

    size = 20_000_000
    async with client_of(answering(slowly)) as client:
        client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        client.writer.write(bytes(size))
        await asyncio.sleep(0.3)
        waiting = client.writer.transport.get_write_buffer_size()
        assert waiting > size // 2
        go_on.set()
        assert (await client.answer())[2] == b"%d bytes" % size
        assert max(held) <= BODY_BUFFER_BYTES + (1 << 18)


async def test_an_answer_is_read_though_the_body_goes_on() -> None:
    """A socket that is closed with something unread in it would send a reset instead."""
    async with client_of(answering(path_of)) as client:
        client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n")
        client.writer.write(bytes(800_000))
        assert (await client.answer())[2] == b"/"
        assert await client.is_closed()


async def test_who_goes_in_the_middle_of_a_body_is_noticed() -> None:
    gone = asyncio.Event()

    async def read(request: Request) -> Response:
        try:
            await request.body()
        except ClientDisconnect:
            gone.set()
        return PlainTextResponse("")

    async with client_of(answering(read)) as client:
        client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello")
        client.writer.write_eof()
        async with asyncio.timeout(LIMIT_S):
            await gone.wait()


# -- answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, 3_000_001])
async def test_a_large_answer_is_whole(size: int) -> None:
    async def large(request: Request) -> Response:
        return Response(b"x" * size)

    async with client_of(answering(large)) as client:
        for _ in range(2):
            assert (await client.ask(GET))[2] == b"x" * size


async def test_who_does_not_read_is_cut_off_and_has_cost_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "ANSWER_S", 0.3)
    unsent: list[int] = []
    original = ClientStream.write

    def write(self: ClientStream, data: bytes) -> None:
        original(self, data)
        unsent.append(self.unsent_bytes)

    monkeypatch.setattr(stream.ClientStream, "write", write)

    async def large(request: Request) -> Response:
        return Response(bytes(30_000_000))

    async with serving(answering(large)) as port, connected(port) as client:
        client.reader._limit = 1024  # type: ignore[attr-defined]
        client.writer.write(GET)
        await asyncio.sleep(0.8)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            async with asyncio.timeout(LIMIT_S):
                await client.reader.readexactly(30_000_000)
    assert max(unsent) <= 3 * PART_BYTES


async def test_the_end_of_an_answer_of_no_known_length_has_its_time_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As much as each part of it had; not what is left to one who has all."""
    size, closes = 3 * PART_BYTES, list[float]()
    original = ClientStream.close

    def close(self: ClientStream, within_s: float = 0.0) -> None:
        closes.append(within_s)
        original(self, within_s)

    async def growing(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield bytes(size)

        return StreamingResponse(parts(), headers={"Connection": "close"})

    monkeypatch.setattr(ClientStream, "close", close)
    async with client_of(answering(growing), send_timeout_s=2.0) as client:
        client.writer.write(GET)
        async with asyncio.timeout(LIMIT_S):
            assert (await client.reader.read()).endswith(b"0\r\n\r\n")
    assert 1.5 < closes[0] <= 2.0


async def test_an_application_that_fails_is_told_of_and_the_next_request_served() -> None:
    async def fail(request: Request) -> Response:
        if request.url.path == "/":
            raise ValueError("It failed.")
        return PlainTextResponse("fine")

    with everything_logged() as logged:
        async with serving(answering(fail)) as port:
            async with connected(port) as client:
                status, headers, body = await client.ask(GET)
                assert (status, headers["content-type"]) == (500, "application/json")
                assert "see its log" in json.loads(body)["error"]
            async with connected(port) as client:
                assert (await client.ask(GET.replace(b"/ ", b"/x ")))[2] == b"fine"
    assert [line["event"] for line in logged if line["log_level"] == "error"] == [
        "a request failed"
    ]


# -- what is no request -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET /\xed\xa0\x80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),  # half a surrogate pair
        (b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 2 * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:\n" * 5000 + b"\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),  # TLS where there is none
    ],
)
async def test_what_is_no_request_is_told_so(request_: bytes, expected: int) -> None:
    async with client_of(answering(path_of)) as client:
        client.writer.write(request_)
        if b"\n" not in request_:
            client.writer.write(b"\r\n\r\n")
        status, headers, body = await client.answer()
        assert (status, headers["connection"]) == (expected, "close")
        assert json.loads(body)["error"].startswith("This request cannot be read: ")
        assert await client.is_closed()


async def test_rubbish_behind_a_request_does_not_spoil_its_answer() -> None:
    async with client_of(answering(path_of)) as client:
        client.writer.write(GET + b"\xff\xfe\r\n\r\n")
        assert (await client.answer())[2] == b"/"
        assert (await client.answer())[0] == 400
        assert await client.is_closed()


async def test_many_tiny_headers_behind_a_request_are_refused_too() -> None:
    async with client_of(answering(path_of)) as client:
        client.writer.write(GET + GET[:-2] + b"a:\n" * 5000 + b"\r\n")
        assert (await client.answer())[2] == b"/"
        assert (await client.answer())[0] == 431
        assert await client.is_closed()


async def test_what_comes_behind_a_request_is_bounded_also_while_all_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others are served meanwhile."""
    came = answered = most = 0
    request = GET[:-2] + b"X: " + b"x" * 30_000 + b"\r\n\r\n"
    requests = 5_000_000 // len(request)
    flood: Allowance | None = None
    original = HttpConnection.receive

    def receive(self: HttpConnection, data: bytes) -> int:
        nonlocal came, most
        if self.stream.work is flood:
            came += len(data)
            most = max(most, came - answered * len(request))
        return original(self, data)

    async def count(each: Request) -> Response:
        nonlocal answered, flood
        if "x" in each.headers:
            flood = connection_of(each.scope).stream.work
            answered += 1
        return PlainTextResponse("")

    monkeypatch.setattr(HttpConnection, "receive", receive)
    async with (
        serving(answering(count)) as port,
        connected(port) as client,
        connected(port) as other,
    ):
        client.writer.write(request * requests)
        for number in range(requests):
            assert (await client.answer())[0] == 200
            if number % 10 == 0:
                assert (await other.ask(GET))[0] == 200
    assert most <= 2 * BEHIND_BYTES


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("GET / HTTP/1.1\r\nHost: localhost", 200),
        ("GET /healthz HTTP/1.1\r\nHost: localhost", 200),
        ("GET /v1/qr HTTP/1.1\r\nHost: localhost\r\nSurtitle-Text: x", 200),
        ("GET /v1/captions HTTP/1.1\r\nHost: localhost", 426),
        ("GET /nothing HTTP/1.1\r\nHost: localhost", 404),
        ("POST / HTTP/1.1\r\nHost: localhost", 405),
        ("GET / HTTP/1.1\r\nHost: [", 400),
    ],
)
async def test_a_request_waits_for_one_turn_whatever_its_answer(
    request_: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0
    in_turn = ClientStream.in_turn

    async def counted(self: ClientStream, call: Callable[[], object], most_s: float) -> None:
        nonlocal taken
        taken += 1
        await in_turn(self, call, most_s)

    monkeypatch.setattr(ClientStream, "in_turn", counted)
    async with listening() as site, connected(site.gateway.port) as client:
        assert (await client.ask(f"{request_}\r\n\r\n".encode()))[0] == expected
        assert taken == 1


async def test_few_answers_are_sent_in_one_turn_of_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are sent after the turn, and whoever speaks meanwhile waits for all of them."""
    in_turns = [0]
    begin_turn, reserve = InputBudget.begin_turn, InputBudget.reserve

    def begun(self: InputBudget) -> None:
        in_turns.append(0)
        begin_turn(self)

    def reserved(self: InputBudget, cost_s: float) -> None:
        in_turns[-1] += 1
        reserve(self, cost_s)

    monkeypatch.setattr(InputBudget, "begin_turn", begun)
    monkeypatch.setattr(InputBudget, "reserve", reserved)
    async with listening() as site, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(site.gateway.port)) for _ in range(40)]
        for client in clients:
            client.writer.write(GET)
        for client in clients:
            assert (await client.answer())[0] == 200
    assert sum(in_turns) == 40
    assert max(in_turns) <= TURN_S / SENDING_S + 1


async def test_who_is_refused_again_and_again_waits_longer_and_longer() -> None:
    """Who has taken too much has a fifth of the time, with all like him: the others go on."""
    async with listening() as site, connected(site.gateway.port) as client:
        refused = b"GET / HTTP/1.1\r\nHost: [\r\n\r\n"
        begun_s = time.monotonic()
        client.writer.write(refused * 100)
        for _ in range(100):
            assert (await client.answer())[0] == 400
        assert time.monotonic() - begun_s > 100 * http.REQUEST_S * 2


# -- each phase has its time --------------------------------------------------------------------


@pytest.mark.parametrize("said", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
async def test_a_request_that_does_not_come_to_its_end_is_given_up(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often a little of it comes."""
    monkeypatch.setitem(http.PHASE_S, Phase.HEAD, 0.3)
    async with client_of(answering(path_of)) as client:
        client.writer.write(said)
        begun_s = time.monotonic()
        with suppress(ConnectionError):
            while client.reader.at_eof() is False and time.monotonic() < begun_s + 2:
                client.writer.write(b"X: y\r\n" if said.endswith(b"\n") else b"")
                await asyncio.sleep(0.05)
                if client.reader._buffer:  # type: ignore[attr-defined]
                    break
        assert (await client.answer())[0] == 408
        assert await client.is_closed()


async def test_one_who_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a browser that connects ahead of time."""
    monkeypatch.setitem(http.PHASE_S, Phase.HEAD, 0.1)
    async with client_of(answering(path_of)) as client:
        assert await client.is_closed()


@pytest.mark.parametrize("bytes_per_s", [0, 20])
async def test_a_body_that_drips_is_given_up(
    bytes_per_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(http.PHASE_S, Phase.BODY, 0.3)
    async with client_of(answering(body_of)) as client:
        client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        closed = asyncio.create_task(client.is_closed())
        async with asyncio.timeout(LIMIT_S):
            while not closed.done():
                client.writer.write(b"x" * (bytes_per_s // 20))
                await asyncio.sleep(0.05)
        assert await closed


async def test_a_body_that_comes_slowly_but_steadily_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(http.PHASE_S, Phase.BODY, 0.4)
    monkeypatch.setattr(http, "BODY_BYTES_PER_S", 10.0)
    async with client_of(answering(body_of)) as client:
        client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        for _ in range(10):
            await asyncio.sleep(0.1)
            client.writer.write(bytes(10))
        assert (await client.answer())[2] == b"100 bytes"


async def test_a_connection_that_is_not_used_is_closed_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(http.PHASE_S, Phase.IDLE, 0.3)
    async with client_of(answering(path_of)) as client:
        for _ in range(3):
            await asyncio.sleep(0.15)
            assert (await client.ask(GET))[0] == 200
        assert await client.is_closed()


# -- what the server answers --------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/app.js", "/healthz", "/metrics", "/watch/hall", "/nothing"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "FOO"])
async def test_a_method_that_means_nothing_is_not_allowed(method: str, path: str) -> None:
    async with listening() as site, connected(site.gateway.port) as client:
        request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        status, headers, body = await client.ask(request.encode())
        assert status == 405
        assert set(headers["allow"].split(", ")) == {"GET", "HEAD"}
        assert json.loads(body) == {"error": "Method Not Allowed."}


async def test_connect_leads_nowhere() -> None:
    async with listening() as site, connected(site.gateway.port) as client:
        request = b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert (await client.ask(request))[0] in (400, 404, 405)


@pytest.mark.parametrize(
    "path", ["/", "/sample.flac", "/healthz", "/nothing", "/v1/captions/x.vtt"]
)
async def test_head_is_what_get_would_be_without_its_body(path: str) -> None:
    async with listening() as site, connected(site.gateway.port) as client:
        request = f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        status, headers, _ = await client.ask(request)
        other = await client.ask(request.replace(b"HEAD", b"GET"))
        assert (status, headers["content-length"]) == (other[0], str(len(other[2])))
        assert headers["content-type"] == other[1]["content-type"]


@pytest.mark.parametrize("path", ["/", "/app.js", "/watch/hall"])
async def test_a_file_that_the_browser_has_is_not_sent_again(path: str) -> None:
    async with listening() as site, connected(site.gateway.port) as client:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n"
        status, headers, body = await client.ask(f"{request}\r\n".encode())
        tag = headers["etag"]
        assert (status, headers["cache-control"]) == (200, "no-cache") and body
        for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
            asked = f"{request}If-None-Match: {known}\r\n\r\n".encode()
            status, headers, body = await client.ask(asked)
            assert (status, headers["etag"], body) == (304, tag, b"")
        assert (await client.ask(f'{request}If-None-Match: "x"\r\n\r\n'.encode()))[0] == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/captions", "/v1/channels/hall", "/metrics"])
@pytest.mark.parametrize(
    "host", ["[", "localhost/evil", "a b", "localhost:x", "user@localhost", "["]
)
async def test_a_host_that_is_none_is_a_bad_request(path: str, host: str) -> None:
    async with listening() as site, connected(site.gateway.port) as client:
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        assert (await client.ask(request))[0] == 400


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        ("http://localhost/healthz", "attacker.example", 200),
        ("HTTP://LOCALHOST:80/healthz", "[", 200),
        ("http://attacker.example/healthz", "localhost", 403),
        ("https://attacker.example", "localhost", 403),
        ("http://attacker.example?x", "localhost", 403),
        ("http://user@localhost/healthz", "localhost", 400),
        ("http:///healthz", "localhost", 400),
    ],
)
async def test_a_host_in_the_target_counts(target: str, host: str, expected: int) -> None:
    """And no other (RFC 9112, 3.2.2)."""
    origins = OriginPolicy(names=Names.LOOPBACK)
    async with listening(origins=origins) as site, connected(site.gateway.port) as client:
        request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        assert (await client.ask(request))[0] == expected


@pytest.mark.parametrize("path", ["/v1/captions", "/v1/channels/hall"])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("", 426),
        ("Upgrade: websocket\r\nConnection: Upgrade\r\n", 400),
        ("Upgrade: h2c\r\nConnection: Upgrade\r\n", 426),
        ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n", 400),
    ],
)
async def test_what_is_no_handshake_is_told_so(path: str, headers: str, expected: int) -> None:
    async with listening() as site, connected(site.gateway.port) as client:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()
        status, _, body = await client.ask(request)
        assert status == expected
        if expected == 426:  # it would be taken for the reason why the page was refused
            assert body == b"This address is for WebSockets.\n"
        else:
            assert json.loads(body)["error"].startswith("This is not a WebSocket handshake: ")


@pytest.mark.parametrize("path", ["/v1/captions", "/v1/channels/hall"])
@pytest.mark.parametrize("version", ["8", "14", "x", "", None])
async def test_who_speaks_another_version_is_told_ours(path: str, version: str | None) -> None:
    """RFC 6455, 4.2.2: and a page may read that."""
    lines = HANDSHAKE.decode().replace("/v1/captions", path).split("\r\n")
    lines = [line for line in lines if "Version" not in line][:-2]
    lines += [] if version is None else [f"Sec-WebSocket-Version: {version}"]
    async with listening() as site, connected(site.gateway.port) as client:
        page = f"http://localhost:{site.gateway.port}"
        lines[1] = f"Host: localhost:{site.gateway.port}"
        request = "\r\n".join([*lines, f"Origin: {page}", "", ""])
        status, headers, _ = await client.ask(request.encode())
        assert (status, headers["sec-websocket-version"]) == (400, "13")
        assert headers["access-control-allow-origin"] == page


@pytest.mark.parametrize("upgrade", ["", "Upgrade: h2c\r\nConnection: Upgrade\r\n"])
async def test_where_an_upgrade_is_required_it_is_named(upgrade: str) -> None:
    """RFC 9110, 7.8: in `Connection` too."""
    async with listening() as site, connected(site.gateway.port) as client:
        request = f"GET /v1/captions HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n".encode()
        client.writer.write(request)
        async with asyncio.timeout(LIMIT_S):
            head = (await client.reader.readuntil(b"\r\n\r\n")).lower().decode()
        assert head.startswith("http/1.1 426 ")
        assert "upgrade: websocket\r\n" in head and "connection: upgrade" in head
        if upgrade:  # what came behind it may be of the other protocol
            assert "close" in head
            await client.reader.readexactly(len("This address is for WebSockets.\n"))
            assert await client.is_closed()


@pytest.mark.parametrize("path", ["/v1/captions", "/v1/channels/hall"])
@pytest.mark.parametrize("method", ["HEAD", "POST", "DELETE"])
async def test_the_methods_of_a_websocket_are_told(path: str, method: str) -> None:
    async with listening() as site, connected(site.gateway.port) as client:
        request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        status, headers, _ = await client.ask(request.encode())
        assert (status, headers["allow"]) == (405, "GET, OPTIONS")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (b"Content-Length: 5", 400),
        (b"Transfer-Encoding: chunked", 400),
        (b"Content-Length: 0", 101),
        (b"Cookie: " + b"x" * 9000, 101),
        (b"X: \x01", 400),
        (b"X: \xff", 101),
    ],
)
async def test_odd_handshakes_are_no_mistake_of_ours(more: bytes, expected: int) -> None:
    lines = [
        b"GET /v1/captions HTTP/1.1",
        b"Host: localhost",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        more,
        b"",
        b"",
    ]
    with everything_logged() as logged:
        async with listening() as site, connected(site.gateway.port) as client:
            status, _, _ = await client.ask(b"\r\n".join(lines))
            assert status == expected
    assert not [line for line in logged if line["log_level"] == "error"]


async def test_a_mistake_in_a_route_is_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str) -> None:
        raise ValueError("It failed.")

    monkeypatch.setattr(routes, "static_page", fail)
    async with listening() as site, connected(site.gateway.port) as client:
        for _ in range(2):
            status, headers, body = await client.ask(GET)
            assert (status, headers["content-type"]) == (500, "application/json")
            assert "see its log" in json.loads(body)["error"]


async def test_no_request_takes_a_thread() -> None:
    """But for those that are given one."""
    async with listening() as site, connected(site.gateway.port) as client:
        before = threading.active_count()
        for path in ("/", "/nothing", "/healthz"):
            for method in ("GET", "POST", "HEAD"):
                request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
                await client.ask(request.encode())
        assert threading.active_count() <= before  # one of the test before may end meanwhile


@pytest.mark.parametrize(("fields", "expected"), [(64, 101), (65, 400), (15_000, 400)])
async def test_a_query_has_so_many_fields(fields: int, expected: int) -> None:
    async with listening() as site, connected(site.gateway.port) as client:
        query = b"?" + b"&".join([b"a"] * fields)
        status, _, body = await client.ask(HANDSHAKE.replace(b"captions", b"captions" + query))
        assert status == expected
        if expected == 400:
            assert json.loads(body)["error"] == "The query string has more than 64 fields."


# -- WebSockets on a stream ---------------------------------------------------------------------

HANDSHAKE = (
    b"GET /v1/captions HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def frame(opcode: int, payload: bytes) -> bytes:
    """As a client sends it, with a mask of zeros."""
    length = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, len(payload))
    return length + bytes(4) + payload


async def test_frames_that_come_with_the_handshake_are_taken() -> None:
    """However many."""
    async with listening() as site, connected(site.gateway.port) as client:
        start = frame(1, b'{"type":"start","language":"en"}')
        client.writer.write(
            HANDSHAKE + start + frame(2, bytes(200_000)) + frame(1, b'{"type":"stop"}')
        )
        async with asyncio.timeout(LIMIT_S):
            assert b'"type":"ended"' in await client.reader.read()


async def test_who_has_gone_before_the_handshake_is_answered_is_not_waited_for() -> None:
    async with listening() as site, connected(site.gateway.port) as client:
        client.writer.write(HANDSHAKE)
        client.writer.write_eof()
        async with asyncio.timeout(LIMIT_S):
            assert (await client.reader.read()).startswith(b"HTTP/1.1 101 ")
        await site.until_empty()


@pytest.mark.parametrize(
    "behind", [frame(1, b"\xff"), frame(8, struct.pack("!H", 1000)), frame(0xF, b""), b""]
)
async def test_what_is_no_text_is_told_whatever_comes_behind_it(behind: bytes) -> None:
    with everything_logged() as logged:
        async with listening() as site, connected(site.gateway.port) as client:
            start = frame(1, b'{"type":"start","language":"en"}')
            client.writer.write(HANDSHAKE + start + frame(1, b"\xff") + behind)
            async with asyncio.timeout(LIMIT_S):
                said = await client.reader.read()
            if not behind.startswith((b"\x88", b"\x8f")):
                assert b'"code":"bad_text"' in said
    assert not [line for line in logged if line["log_level"] == "error"]


@pytest.mark.parametrize("frames", [1, 3, 10])
async def test_what_is_whole_before_a_broken_frame_is_taken(frames: int) -> None:
    """However much of it waits when that comes."""
    async with listening() as site, connected(site.gateway.port) as client:
        client.writer.write(HANDSHAKE + frame(1, b'{"type":"start","language":"en"}'))
        await client.reader.readuntil(b'"ready"')
        (hosted,) = site.gateway._sessions
        size = 40_000
        assert size > AT_ONCE_BYTES  # taken piece by piece
        too_large = frame(2, bytes((1 << 20) + 1))[:14]
        client.writer.write(frame(2, bytes(size)) * frames + too_large)
        async with asyncio.timeout(LIMIT_S):
            said = await client.reader.read()
        assert b'"code":"frame_too_large"' in said
        assert struct.pack("!H", 1009) in said[-64:]
        assert hosted.session.received_s == frames * size / 32_000


async def test_a_reader_of_live_captions_leaves_his_place() -> None:
    async with listening(max_sockets=16) as site, connected(site.gateway.port) as client:
        client.writer.write(HANDSHAKE + frame(1, b'{"type":"start","language":"en"}'))
        async with asyncio.timeout(LIMIT_S):
            said = await client.reader.readuntil(b'"session":"')
            session = (await client.reader.readuntil(b'"'))[:-1].decode()
        assert said.startswith(b"HTTP/1.1 101 ")
        request = f"GET /v1/captions/{session}.vtt HTTP/1.1\r\nHost: localhost\r\n\r\n"
        async with connected(site.gateway.port) as reader:
            head = request.replace("GET", "HEAD").encode()
            assert (await reader.ask(head))[0] == 200
        async with connected(site.gateway.port) as reader:
            reader.writer.write(request.encode())
            async with asyncio.timeout(LIMIT_S):
                await reader.reader.readuntil(b"WEBVTT")
                client.writer.write(frame(1, b'{"type":"stop"}'))
                client.writer.write(frame(8, struct.pack("!H", 1000)))
                assert (await reader.reader.read()).endswith(b"0\r\n\r\n")


async def test_a_server_that_stops_waits_for_no_connection_that_is_not_used() -> None:
    async with listening() as site, connected(site.gateway.port) as client:
        assert (await client.ask(GET))[0] == 200
        begun_s = time.monotonic()
        await site.gateway.drain(0)
        assert time.monotonic() - begun_s < 0.5
        assert await client.is_closed()


async def test_sessions_whose_clients_answer_no_close_end_with_the_server() -> None:
    with everything_logged() as logged:
        async with (
            listening() as site,
            connected(site.gateway.port) as one,
            connected(site.gateway.port) as two,
        ):
            for client in (one, two):
                client.writer.write(HANDSHAKE + frame(1, b'{"type":"start","language":"en"}'))
                await client.reader.readuntil(b'"ready"')
            await site.gateway.drain(0)
            async with asyncio.timeout(LIMIT_S):
                while site.gateway._connections:  # noqa: ASYNC110 - the count is no event
                    await asyncio.sleep(0.01)
            assert site.gateway._sessions.waiting == 0
    assert not [line for line in logged if line["log_level"] == "error"]
