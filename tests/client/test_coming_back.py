"""A connection that breaks: how long the client tries, what it says again, what it tells of."""

import asyncio
import socket
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from surtitle.client import Captions, ClientError, Event, Gap, connect, dialing
from surtitle.client import captions as client
from surtitle.client.dialing import Disconnected
from surtitle.messages import (
    Ack,
    ClientMessage,
    Ended,
    Error,
    Resumed,
    Start,
    Update,
    format_message,
)
from tests.client.scenes import ENDED, Scene, break_off, greet, playing, say

LIMIT_S = 10


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "FIRST_WAIT_S", 0.01)


async def all_of(captions: Captions) -> list[Event]:
    return [event async for event in captions]


# -- patience -----------------------------------------------------------------------------------


async def test_a_connection_that_breaks_at_once_time_and_again_is_of_no_use() -> None:
    """As behind a proxy that does not let a large frame through."""

    async def cut(server: ServerConnection) -> None:
        await greet(server)
        await server.recv()
        await break_off(server)

    events: list[Event] = []
    async with (
        asyncio.timeout(LIMIT_S),
        playing(forever=cut) as url,
        connect(url, patience_s=0.2) as captions,
    ):
        await captions.send(bytes(3200))
        with pytest.raises(ClientError, match=r"Gave up after 0 s\."):
            async for event in captions:
                events.append(event)  # noqa: PERF401 - it raises
    # The waits are at least 5, 10, 20 … ms: the sixth ends beyond all patience.
    assert 1 <= sum(isinstance(event, Resumed) for event in events) <= 6


async def test_patience_counts_anew_after_a_connection_that_was_of_use() -> None:
    async def acknowledge(server: ServerConnection) -> None:
        await greet(server)
        await say(server, Ack(received=0, safe=0))
        await break_off(server)

    async def end(server: ServerConnection) -> None:
        await greet(server)
        await say(server, ENDED)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(*[acknowledge] * 5, end) as url,
        connect(url, patience_s=1e-9) as captions,
    ):
        assert isinstance((await all_of(captions))[-1], Ended)


async def fall_silent(server: ServerConnection) -> None:
    """What a server does with a client that sends nothing, such as one that is muted."""
    await greet(server)
    await say(server, Error(seq=2, code="idle", message="Nothing was received.", fatal=True))
    await server.close(4408)


async def close_silently(server: ServerConnection) -> None:
    await greet(server)
    await server.close(4408)


@pytest.mark.parametrize("silence", [fall_silent, close_silently])
async def test_who_sends_nothing_for_long_comes_back(silence: Scene) -> None:
    async def end(server: ServerConnection) -> None:
        await greet(server)
        await say(server, ENDED)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(silence, end) as url,
        connect(url) as captions,
    ):
        events = await all_of(captions)
    assert [type(event) for event in events] == [Disconnected, Resumed, Ended]


async def test_silence_does_not_use_up_patience() -> None:
    async def end(server: ServerConnection) -> None:
        await greet(server)
        await say(server, ENDED)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(*[fall_silent] * 5, end) as url,
        connect(url, patience_s=1e-9) as captions,
    ):
        assert isinstance((await all_of(captions))[-1], Ended)


async def test_silence_is_the_end_for_who_does_not_come_back() -> None:
    async with (
        asyncio.timeout(LIMIT_S),
        playing(fall_silent) as url,
        connect(url, patience_s=0) as captions,
    ):
        with pytest.raises(ClientError, match="Nothing was received"):
            await all_of(captions)


# -- gaps ---------------------------------------------------------------------------------------


async def test_a_gap_is_told_once_and_what_was_changed_in_it_is_said_until_it_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "KEEP_S", 2.0)
    spoken = asyncio.Event()
    heard: list[bytes | str] = []
    started: list[ClientMessage] = []

    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await break_off(server)

    async def hear_a_second_and_more(server: ServerConnection) -> None:
        await spoken.wait()
        await greet(server)
        heard.extend([await server.recv(), await server.recv(), await server.recv()])
        await break_off(server)

    async def have_a_second(server: ServerConnection) -> None:
        await greet(server, received=32_000)
        heard.extend([await server.recv(), await server.recv()])
        await break_off(server)

    async def forget(server: ServerConnection) -> None:
        await server.recv()
        await say(server, Error(seq=0, code="unknown_session", message="Who?", fatal=True))
        await server.close(4404)

    async def begin_again(server: ServerConnection) -> None:
        started.append(await greet(server))
        heard.append(await server.recv())
        await say(server, ENDED)

    script = [leave, hear_a_second_and_more, have_a_second, forget, begin_again]
    second, update = bytes(32_000), Update(prompt="new")
    async with asyncio.timeout(LIMIT_S), playing(*script) as url, connect(url) as captions:
        events = aiter(captions)
        await anext(events)  # it has broken: nothing waits for the server
        await captions.send(second)
        await captions.update(update)
        for _ in range(4):
            await captions.send(b"word" * 8000)
        spoken.set()
        gaps = [event async for event in events if isinstance(event, Gap)]
    assert gaps == [Gap(0, 3000)]
    said = format_message(update)
    assert heard == [second, said, second, said, second, b"word" * 8000]
    assert started == [Start(prompt="new")]


# -- what must not be waited for ----------------------------------------------------------------


async def test_an_address_that_is_none_where_the_server_has_moved_to() -> None:
    connections = 0

    def move(server: ServerConnection, request: Request) -> Response | None:
        nonlocal connections
        connections += 1
        if connections == 1:
            return None
        response = server.respond(HTTPStatus.FOUND, "")
        response.headers["Location"] = "ws://a..b/"
        return response

    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await break_off(server)

    async with (
        asyncio.timeout(LIMIT_S),
        serve(leave, "127.0.0.1", 0, process_request=move) as server,
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as captions:
            with pytest.raises(ClientError, match="Cannot reach a Surtitle server at"):
                await all_of(captions)


async def test_what_nobody_expected_is_raised_where_the_session_is_used() -> None:
    async def listen(server: ServerConnection) -> None:
        await greet(server)
        await server.wait_closed()

    async with asyncio.timeout(LIMIT_S), playing(listen) as url, connect(url) as captions:
        await captions.update(Update(prompt="\ud800"))  # half a character, which JSON cannot have
        with pytest.raises(UnicodeEncodeError):
            await all_of(captions)
        with pytest.raises(UnicodeEncodeError):
            await captions.send(b"\0\0")


async def test_who_still_listens_when_the_session_is_left_hears_no_more() -> None:
    async def listen(server: ServerConnection) -> None:
        await greet(server)
        await say(server, Ack(received=0, safe=0))
        await server.wait_closed()

    async with asyncio.timeout(LIMIT_S):
        async with playing(listen) as url, connect(url) as captions:
            events = aiter(captions)
            assert isinstance(await anext(events), Ack)
            waiting = asyncio.ensure_future(anext(events, None))
        assert await waiting is None


async def test_a_session_that_is_left_at_once_is_closed() -> None:
    left = asyncio.Event()
    sockets: list[ServerConnection] = []

    async def listen(server: ServerConnection) -> None:
        await greet(server)
        sockets.append(server)
        await server.wait_closed()
        left.set()

    async with asyncio.timeout(LIMIT_S), playing(listen) as url:
        async with connect(url):
            pass
        await left.wait()
    assert sockets[0].close_code == 1000


async def test_a_frozen_server_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "CLOSE_S", 0.05)
    thawed = asyncio.Event()

    async def freeze(server: ServerConnection) -> None:
        await greet(server)
        server.transport.pause_reading()
        await thawed.wait()
        server.transport.abort()

    async with playing(freeze) as url, connect(url) as captions, asyncio.timeout(LIMIT_S):
        assert captions._socket is not None
        transport = captions._socket.transport
        # So that the system takes less than is sent; it takes 4 MiB by itself.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await captions.send(bytes(1 << 20))
        while transport.get_write_buffer_size() < 1 << 18:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0)
        leaving = asyncio.create_task(captions.close())
        await asyncio.wait({leaving}, timeout=LIMIT_S / 2)
        was_left = leaving.done()
        thawed.set()
    assert was_left
