"""Connections over TLS: as others are, on both event loops."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from surtitle.captioning.session import CaptionSession
from surtitle.client import connect
from surtitle.gateway import http, reading
from surtitle.gateway.http import Phase
from surtitle.gateway.secure import SecureTransport
from surtitle.gateway.tls import Certificates
from surtitle.messages import Ended
from tests.gateway.certificates import make_certificate
from tests.gateway.fakes import FakeEngine, make_gateway
from tests.gateway.loops import NewLoop, both_loops, run_on
from tests.gateway.test_http import GET, HANDSHAKE, frame

# -- one connection, without a socket -----------------------------------------------------------


class Below(asyncio.Transport):
    """The TCP connection: what is written waits for the client."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.said: list[str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def write_eof(self) -> None:
        self.said.append("eof")

    def close(self) -> None:
        self.said.append("close")


class Heard(asyncio.Protocol):
    """The stream: what it was told."""

    def __init__(self) -> None:
        self.data = b""
        self.told: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        self.data += data

    def eof_received(self) -> bool:
        self.told.append("eof")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")


class Pair:
    """A client and the server's end, which gets what the client says in pieces of a size."""

    def __init__(self, files: tuple[Path, Path], piece: int) -> None:
        self.piece = piece
        self.below, self.heard = Below(), Heard()
        self.near = SecureTransport(Certificates(*files).context, self.heard)
        self.near.connection_made(self.below)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        trusting = ssl.create_default_context(cafile=str(files[0]))
        self.client = trusting.wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")

    def shake_hands(self) -> None:
        for _ in range(2):
            with suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            self.deliver()

    def deliver(self) -> None:
        """Have all that waits arrive."""
        data = self.outgoing.read()
        for begin in range(0, len(data), self.piece):
            self.near.data_received(data[begin : begin + self.piece])
        self.incoming.write(self.below.written)
        self.below.written = b""

    def read(self) -> bytes | None:
        """What the client understands; None where there is nothing to be read."""
        with suppress(ssl.SSLWantReadError):
            return self.client.read(1 << 20)
        return None


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("secure"), "it")


@pytest.fixture(params=[1, 7, 1 << 20], ids=["byte by byte", "in sevens", "whole"])
def pair(request: pytest.FixtureRequest, files: tuple[Path, Path]) -> Iterator[Pair]:
    pair = Pair(files, request.param)
    pair.shake_hands()
    yield pair
    pair.near.connection_lost(None)
    assert pair.heard.told[0] == "made" and pair.heard.told[-1] == "lost"


def test_whoever_has_much_decrypted_pays_for_it(files: tuple[Path, Path]) -> None:
    """Records of one byte, of which a megabyte is fifty thousand, and a handshake that says nothing."""
    pair = Pair(files, 1 << 20)
    paid: list[float] = []
    pair.near = SecureTransport(Certificates(*files).context, pair.heard, paid.append)
    pair.near.connection_made(pair.below)
    pair.shake_hands()
    assert len(paid) == 2 and min(paid) > 0
    for _ in range(1000):
        pair.client.write(b"x")
    pair.deliver()
    assert pair.heard.data == b"x" * 1000
    assert len(paid) == 3
    pair.near.connection_lost(None)


def test_records_of_one_byte_cost_no_more_than_they_must(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    class Reading(ssl.SSLObject):
        def read(self, len: int = 1024, buffer: bytearray | None = None) -> bytes:  # type: ignore[override]
            asked.append(len)
            return super().read(len)

    pair = Pair(files, 1 << 20)
    context = Certificates(*files).context
    context.sslobject_class = Reading
    pair.near = SecureTransport(context, pair.heard)
    pair.near.connection_made(pair.below)
    pair.shake_hands()
    pair.client.write(b"x")
    pair.deliver()
    assert pair.heard.data == b"x"
    assert max(asked) <= 16_384  # for which room is made each time: the most that a record has
    pair.near.connection_lost(None)


def test_both_hear_what_is_said(pair: Pair) -> None:
    for size in (1, 100, 300):
        pair.heard.data = b""
        pair.client.write(bytes(range(256)) * size)
        pair.deliver()
        assert pair.heard.data == bytes(range(256)) * size
        pair.near.write(bytes(range(256)) * size)
        pair.deliver()
        heard = b""
        while (part := pair.read()) is not None:
            heard += part
        assert heard == bytes(range(256)) * size


def test_who_says_his_last_may_still_hear(pair: Pair) -> None:
    pair.client.write(b"the last")
    with suppress(ssl.SSLWantReadError):
        pair.client.unwrap()
    pair.deliver()
    assert (pair.heard.data, pair.heard.told) == (b"the last", ["made", "eof"])
    pair.near.write(b"an answer")
    pair.near.close()
    assert pair.below.said == ["close"]
    assert pair.below.written


@pytest.mark.parametrize("way", ["write_eof", "close"])
def test_what_comes_after_our_last_is_not_decrypted(pair: Pair, way: str) -> None:
    """It counts all the same."""
    pair.near.write(b"the last")
    getattr(pair.near, way)()
    pair.client.write(b"more")
    size = pair.outgoing.pending
    pair.deliver()
    assert pair.read() == b"the last"
    assert pair.read() == b""  # that was told, in TLS
    assert len(pair.heard.data) == size and b"more" not in pair.heard.data
    pair.near.write(b"nothing")
    assert pair.below.written == b""


@pytest.mark.parametrize("rubbish", [b"GET / HTTP/1.1\r\n\r\n", b"\x17\x03\x03\x00\x05hello"])
def test_what_is_no_tls_ends_the_connection(pair: Pair, rubbish: bytes) -> None:
    pair.near.data_received(rubbish)
    assert pair.below.said == ["close"]
    assert pair.heard.data == b""
    pair.near.write(b"nothing")


# -- over real sockets --------------------------------------------------------------------------


async def test_sessions_over_tls_are_read_in_turns_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path, "it")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    gateway = make_gateway(FakeEngine(), max_sessions=10)
    await gateway.start("127.0.0.1", 0, Certificates(certificate, key).context)

    async def speak(frames: int) -> int:
        async with connect(f"https://127.0.0.1:{gateway.port}") as captions:
            for _ in range(frames):
                await captions.send(bytes(640))
                await asyncio.sleep(0.005)
            await captions.stop()
            (ended,) = [event async for event in captions if isinstance(event, Ended)]
            return ended.audio_ms

    try:
        async with asyncio.timeout(20):
            spoken_ms = await asyncio.gather(*(speak(frames) for frames in (50, 70, 90)))
        assert spoken_ms == [1000, 1400, 1800]
    finally:
        await gateway.drain(0)


@both_loops
def test_what_comes_with_the_end_of_a_connection_over_tls_is_heard(
    new_loop: NewLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it comes while the socket rests."""
    monkeypatch.setattr(reading, "TURN_PER_SOCKET_S", 1.0)
    monkeypatch.setattr(reading, "MAX_TURN_S", 1.0)
    certificate, key = make_certificate(tmp_path, "it")
    trusting = ssl.create_default_context(cafile=str(certificate))
    start = frame(1, b'{"type":"start","language":"en"}')

    def open_session(port: int) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        secure = trusting.wrap_socket(plain, server_hostname="127.0.0.1")
        secure.sendall(HANDSHAKE + start)
        heard = b""
        while b'"ready"' not in heard:
            heard += secure.recv(1 << 16)
        return secure

    def speak(secure: ssl.SSLSocket, frames: int) -> None:
        for _ in range(frames):
            secure.sendall(frame(2, bytes(320)))

    async def main() -> None:
        gateway = make_gateway(FakeEngine(), max_sessions=10)
        await gateway.start("127.0.0.1", 0, Certificates(certificate, key).context)

        def sessions() -> list[CaptionSession]:
            return [hosted.session for hosted in gateway._sessions]

        try:
            async with asyncio.timeout(20):
                opened = [await asyncio.to_thread(open_session, gateway.port) for _ in range(3)]
                others = opened[1:]
                for each in others:
                    await asyncio.to_thread(speak, each, 1)
                came_s = [0.0, 0.01, 0.01]
                while sorted(s.received_s for s in sessions()) != came_s:  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.01)  # it may rest now
                for each in others:
                    await asyncio.to_thread(speak, each, 9)
                    each.shutdown(socket.SHUT_WR)
                while len(gateway._connections) > 1:  # noqa: ASYNC110 - the count is no event
                    await asyncio.sleep(0.01)
            assert sorted(s.received_s for s in sessions()) == [0.0, 0.1, 0.1]
            for each in opened:
                each.close()
        finally:
            await gateway.drain(0)

    run_on(new_loop, main())


async def test_one_who_never_begins_with_tls_is_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(http.PHASE_S, Phase.HEAD, 0.3)
    gateway = make_gateway(FakeEngine())
    await gateway.start("127.0.0.1", 0, Certificates(*make_certificate(tmp_path, "one")).context)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
    finally:
        await gateway.drain(0)


@both_loops
@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"])
def test_connections_that_never_begin_with_tls_have_places_like_others(
    new_loop: NewLoop, said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path, "one")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def main() -> None:
        gateway = make_gateway(FakeEngine(), max_sockets=8)
        await gateway.start("127.0.0.1", 0, Certificates(certificate, key).context)
        url = f"https://127.0.0.1:{gateway.port}"
        try:
            async with asyncio.timeout(10), connect(url) as speaker:
                silent = [
                    await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(30)
                ]
                for _, writer in silent:
                    writer.write(said)
                ends = [asyncio.create_task(reader.read()) for reader, _ in silent]
                while sum(end.done() for end in ends) < 30 - 7:
                    await asyncio.wait(
                        [end for end in ends if not end.done()], return_when=asyncio.FIRST_COMPLETED
                    )
                assert len(gateway._streams) <= 8
                async with connect(url) as another:  # for which one of them goes
                    assert another.ready.session
                await speaker.stop()
                assert [type(event) async for event in speaker][-1] is Ended
                for _, writer in silent:
                    writer.transport.abort()
                await asyncio.gather(*ends, return_exceptions=True)
        finally:
            await gateway.drain(0)
        while len(gateway._streams):  # noqa: ASYNC110 - the count is no event
            await asyncio.sleep(0.01)

    run_on(new_loop, main())


@both_loops
def test_a_request_that_comes_with_the_end_of_the_handshake_is_answered(
    new_loop: NewLoop, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path, "one")

    async def main() -> None:
        gateway = make_gateway(FakeEngine())
        await gateway.start("127.0.0.1", 0, Certificates(certificate, key).context)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = ssl.create_default_context(cafile=str(certificate)).wrap_bio(
            incoming, outgoing, server_hostname="127.0.0.1"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        try:
            async with asyncio.timeout(10):
                while True:
                    try:
                        client.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        writer.write(outgoing.read())
                        incoming.write(await reader.read(1 << 16))
                client.write(GET)
                writer.write(outgoing.read())  # in one piece
                heard = b""
                while not heard:
                    incoming.write(await reader.read(1 << 16))
                    with suppress(ssl.SSLWantReadError):
                        heard = client.read(1 << 16)
            assert heard.startswith(b"HTTP/1.1 200 OK")
        finally:
            writer.transport.abort()
            await gateway.drain(0)

    run_on(new_loop, main())


async def test_a_server_that_stops_waits_for_no_handshake(tmp_path: Path) -> None:
    gateway = make_gateway(FakeEngine())
    await gateway.start("127.0.0.1", 0, Certificates(*make_certificate(tmp_path, "one")).context)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    async with asyncio.timeout(5):
        while not len(gateway._streams):  # noqa: ASYNC110 - the count is no event
            await asyncio.sleep(0.01)
        await gateway.drain(0)
        assert not len(gateway._streams)
        with suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()
