"""Audio goes from the socket straight to the session, and never before what came before it."""

import asyncio
import time
from collections import Counter

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect

from lab.ledger import expect
from surtitle.captioning.endpointing import WINDOW_SAMPLES
from surtitle.gateway import routes
from surtitle.gateway.budget import TURN_S
from surtitle.gateway.connection import AT_ONCE_BYTES
from surtitle.gateway.stream import LARGE_SLICE_BYTES, SLICE_BYTES, ClientStream
from surtitle.gateway.web import Page
from surtitle.gateway.websocket import WebSocket
from surtitle.messages import Error
from tests.gateway.loops import NewLoop, both_loops, run_on
from tests.gateway.site import START, Site, listening


async def burst(client: ClientConnection, *messages: str | bytes | list[bytes]) -> None:
    """Send messages so that they come in one read; a list is one message in fragments."""
    for message in messages:
        if isinstance(message, str):
            client.protocol.send_text(message.encode())
        elif isinstance(message, bytes):
            client.protocol.send_binary(message)
        else:
            client.protocol.send_binary(message[0], fin=False)
            for part in message[1:-1]:
                client.protocol.send_continuation(part, fin=False)
            client.protocol.send_continuation(message[-1], fin=True)
    client.send_data()  # nobody else has had a turn since the first


async def finals(site: Site, count: int) -> list[list[int]]:
    """The samples of the final job of each of the first utterances."""
    async with asyncio.timeout(5):
        while True:
            newest = {
                j.utterance: j.audio.tolist() for j, _ in site.engine.jobs if j.kind == "final"
            }
            if len(newest) >= count:
                return [newest[number] for number in sorted(newest)]
            await asyncio.sleep(0.001)


def told_apart(number: int) -> bytes:
    """Loud audio of ten windows that no other number gives."""
    return np.full(10 * WINDOW_SAMPLES, 1000 + number, np.int16).tobytes()


async def test_audio_does_not_overtake_a_message_before_it() -> None:
    async with listening() as site, connect(site.websocket) as client:
        await burst(client, '{"type":"start","partials":false}', told_apart(1))
        await client.recv()
        flush = '{"type":"flush"}'
        await burst(client, told_apart(2), flush, told_apart(3), told_apart(4), flush)
        first, second = await finals(site, 2)
        assert set(first) == {1001, 1002} and len(first) == 20 * WINDOW_SAMPLES
        assert set(second) == {1003, 1004} and len(second) == 20 * WINDOW_SAMPLES


async def test_audio_does_not_overtake_a_message_in_fragments() -> None:
    async with listening() as site, connect(site.websocket) as client:
        await client.send('{"type":"start","partials":false}')
        await client.recv()
        whole = told_apart(2)
        await burst(client, told_apart(1), [whole[:100], whole[100:101], whole[101:]])
        await burst(client, told_apart(3), '{"type":"flush"}')
        (audio,) = await finals(site, 1)
        values = [1001] * 10 + [1002] * 10 + [1003] * 10
        assert audio == [value for value in values for _ in range(WINDOW_SAMPLES)]


async def test_audio_does_not_overtake_a_large_frame_before_it() -> None:
    """One that is taken in many pieces, with turns of others between them."""
    async with listening() as site, connect(site.websocket) as client:
        await burst(client, '{"type":"start","partials":false}')
        await client.recv()
        samples = np.arange(5000, 5000 + 50 * WINDOW_SAMPLES, dtype=np.int16)
        large = samples.tobytes()
        assert len(large) > AT_ONCE_BYTES
        (socket,) = sockets(site)
        socket.work.take(10.0, time.perf_counter())  # each piece waits for a turn now
        await burst(client, large, told_apart(3), '{"type":"flush"}')
        (audio,) = await finals(site, 1)
        assert audio == samples.tolist() + [1003] * 10 * WINDOW_SAMPLES


async def test_audio_after_stop_is_a_mistake_on_the_short_way_too() -> None:
    async with listening() as site, connect(site.websocket) as client:
        await client.send(START)
        await client.recv()
        await burst(client, told_apart(1), '{"type":"stop"}')
        await finals(site, 1)
        await burst(client, told_apart(2))
        while not isinstance(message := expect(await client.recv()), Error):
            pass
        assert (message.code, message.fatal) == ("bad_message", False)


@both_loops
def test_what_waits_for_its_turn_comes_whole_and_in_order(new_loop: NewLoop) -> None:
    """Many small frames in one piece take several turns, with messages and pings between them."""

    async def main() -> None:
        async with listening() as site, connect(site.websocket) as client:
            await client.send('{"type":"start","partials":false}')
            await client.recv()
            samples = np.arange(5000, 5000 + 20 * WINDOW_SAMPLES, dtype=np.int16)
            for place, sample in enumerate(samples):
                client.protocol.send_binary(sample.tobytes())
                if place % 1000 == 0:
                    client.protocol.send_ping(str(place).encode())
                    client.protocol.send_text(b'{"type":"update","language":"en"}')
            client.protocol.send_text(b'{"type":"flush"}')
            piece = b"".join(client.protocol.data_to_send())
            assert len(piece) > 30 * SLICE_BYTES
            client.transport.write(piece)
            (audio,) = await finals(site, 1)
            assert audio == samples.tolist()
            assert not any(socket._held for socket in sockets(site))

    run_on(new_loop, main())


async def test_slices_are_large_where_little_is_in_them_and_small_again_where_much_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    receive = WebSocket.receive

    def receiving(self: WebSocket, data: bytes) -> int:
        sizes.append(len(data))
        return receive(self, data)

    async with listening() as site, connect(site.websocket) as client:
        await client.send('{"type":"start","partials":false}')
        await client.recv()
        monkeypatch.setattr(WebSocket, "receive", receiving)
        for audio, size in ((bytes(640), LARGE_SLICE_BYTES), (bytes(2), SLICE_BYTES)):
            for _ in range(50_000 // (len(audio) + 8)):
                client.protocol.send_binary(audio)
            sizes.clear()
            client.transport.write(b"".join(client.protocol.data_to_send()))
            await (await client.ping())  # all before it is worked on
            assert sizes[2:-2].count(size) > 0.8 * len(sizes[2:-2])


async def test_who_goes_while_something_waits_leaves_nothing_behind() -> None:
    async with listening() as site:
        for _ in range(5):
            async with connect(site.websocket) as client:
                client.transport.write(b"\x8a\x80\0\0\0\0" * 5000)
                await client.ping()
                client.transport.abort()
        await site.until_empty()
        assert not sockets(site)


def sockets(site: Site) -> list[ClientStream]:
    """The connections of a server."""
    places = site.gateway._streams
    return [*places._settled, *places._owners]


@pytest.mark.parametrize("takes_s", [TURN_S, 3 * TURN_S])
async def test_requests_that_take_long_are_answered_in_many_turns(
    takes_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though all have come: others have theirs in between."""
    loop, turns, answered_in = asyncio.get_running_loop(), 0, []

    def tick() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(tick)

    def answer(path: str) -> Page:
        until_s = time.perf_counter() + takes_s
        while time.perf_counter() < until_s:
            pass
        answered_in.append(turns)
        return Page(200, b"")

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        line = await reader.readline()
        writer.close()
        return line

    monkeypatch.setattr(routes, "static_page", answer)
    async with listening() as site:
        port = site.gateway.port
        clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(16)]
        loop.call_soon(tick)
        async with asyncio.timeout(10):
            lines = await asyncio.gather(*(ask(*client) for client in clients))
    assert lines == [b"HTTP/1.1 200 OK\r\n"] * 16
    assert max(Counter(answered_in).values()) <= 2  # one may come first, before a turn begins
