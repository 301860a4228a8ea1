"""The Python client: what goes wrong is a sentence, and a session is an iteration to its end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import pytest
from websockets.asyncio.server import ServerConnection, serve

from surtitle import client as package
from surtitle.client import (
    CAPTIONS_PATH,
    ClientError,
    Disconnected,
    Event,
    ViewerEvent,
    connect,
)
from surtitle.client.dialing import endpoint
from surtitle.engine.states import EngineState
from surtitle.gateway.access import KeyFile, add_key
from surtitle.messages import (
    Ack,
    Ended,
    Error,
    Final,
    Flushed,
    Ready,
    Resumed,
    Speech,
    Start,
    Update,
)
from tests.gateway.fakes import LOUD, QUIET, FakeEngine, make_gateway


@asynccontextmanager
async def listening(**options: float) -> AsyncIterator[tuple[str, FakeEngine]]:
    """A gateway with a fake engine that answers each job at once."""

    class Answering(FakeEngine):
        def submit(self, job, deliver):  # type: ignore[no-untyped-def]
            super().submit(job, deliver)
            asyncio.get_running_loop().call_soon(self.answer, job.decode_options.prompt or "words")

    engine = Answering()
    gateway = make_gateway(engine, **options)  # type: ignore[arg-type]
    await gateway.start("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{gateway.port}", engine
    finally:
        await gateway.drain(0)


async def test_a_session_is_an_iteration_up_to_ended() -> None:
    async with listening() as (url, _), connect(url, Start(partials=False)) as captions:
        assert isinstance(captions.ready, Ready)
        await captions.send(LOUD * 20)
        await captions.flush()
        await captions.update(Update(prompt="second"))
        await captions.send(QUIET * 40 + LOUD * 20)
        await captions.stop()
        messages = [message async for message in captions if not isinstance(message, Ack)]
    assert [type(m) for m in messages] == [Speech, Final, Flushed, Speech, Final, Ended]
    assert [m.text for m in messages if isinstance(m, Final)] == ["words", "second"]


async def test_who_stops_waiting_for_an_event_can_wait_again() -> None:
    async with listening() as (url, _), connect(url, Start(partials=False)) as captions:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(captions), 0.01)
        await captions.send(LOUD * 20)
        await captions.stop()
        messages = [message async for message in captions if not isinstance(message, Ack)]
    assert [type(m) for m in messages] == [Speech, Final, Ended]


async def test_a_session_that_was_silent_for_long_goes_on() -> None:
    async with (
        asyncio.timeout(10),
        listening(idle_timeout_s=0.2) as (url, _),
        connect(url, Start(partials=False)) as captions,
    ):
        await captions.send(LOUD * 20)
        events: list[Event] = []
        while not events or not isinstance(events[-1], Resumed):
            events.append(await anext(captions))
        await captions.stop()
        events += [event async for event in captions]
    answers = [event for event in events if not isinstance(event, Ack)]
    assert [type(event) for event in answers] == [Speech, Final, Disconnected, Resumed, Ended]


async def test_nothing_is_taken_after_the_stop() -> None:
    async with listening() as (url, _), connect(url) as captions:
        await captions.stop()
        await captions.stop()
        for saying in (captions.send(LOUD), captions.flush(), captions.update(Update(prompt="x"))):
            with pytest.raises(ClientError, match="after `stop`") as raised:
                await saying
            assert raised.value.code == "stopped"
        assert [type(m) async for m in captions] == [Ended]


async def test_who_sends_what_is_at_hand_lets_others_have_their_turn() -> None:
    turns = 0

    async def another() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with listening() as (url, _), connect(url) as captions:
        task = asyncio.create_task(another())
        for _ in range(50):
            await captions.send(QUIET)
        task.cancel()
    assert turns >= 49


async def test_an_error_that_is_not_fatal_is_a_message_among_others() -> None:
    async with listening() as (url, _), connect(url) as captions:
        await captions.update(Update(language="tlh"))
        await captions.stop()
        assert [type(m) async for m in captions] == [Error, Ended]


async def test_a_fatal_error_is_raised_with_the_sentence_of_the_server() -> None:
    async with listening() as (url, _), connect(url, Start(encoding="pcm_f32le")) as captions:
        await captions.send(b"\x00\x00\xc0\x7f")  # NaN
        with pytest.raises(ClientError, match="NaN or infinite samples"):
            async for _message in captions:
                pass


async def test_a_start_that_cannot_be_used_is_raised_at_once() -> None:
    async with listening() as (url, _):
        with pytest.raises(ClientError, match="does not support the language 'tlh'"):
            async with connect(url, Start(language="tlh")):
                pass


async def test_a_refusal_says_why() -> None:
    async with listening() as (url, engine):
        engine.state = EngineState.FAILED
        with pytest.raises(ClientError, match=r"HTTP 503.*The recognition engine has failed\."):
            async with connect(url):
                pass


async def test_a_key_opens_a_server_that_asks_for_one(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    key = add_key(path, "studio", ["speak"])
    gateway = make_gateway(FakeEngine(), keys=KeyFile(path).ring)
    await gateway.start("127.0.0.1", 0)
    url = f"http://127.0.0.1:{gateway.port}"
    try:
        async with connect(url, key=key) as captions:
            assert isinstance(captions.ready, Ready)
        with pytest.raises(ClientError, match=r"HTTP 401.*valid key or token"):
            async with connect(url):
                pass
    finally:
        await gateway.drain(0)


async def test_a_server_that_goes_away_in_the_middle() -> None:
    async def cut(server: ServerConnection) -> None:
        await server.recv()
        await server.send(
            '{"type":"ready","seq":1,"session":"s","token":"","model":"m","sample_rate":16000,'
            '"resume_window_s":0}'
        )
        server.transport.abort()

    async with serve(cut, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", patience_s=0) as captions:
            with pytest.raises(ClientError, match="The connection to the server was lost"):
                async for _message in captions:
                    pass
            with pytest.raises(ClientError, match="The connection to the server was lost"):
                await captions.send(b"\0\0")


async def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with pytest.raises(ClientError, match=f"Cannot reach a Surtitle server at .*:{port}/"):
        async with connect(f"http://127.0.0.1:{port}"):
            pass


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-x\r\n", b""]
)
async def test_something_else_listens(answer: bytes) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ClientError) as raised:
            async with connect(f"http://127.0.0.1:{port}"):
                pass
    assert f"127.0.0.1:{port}" in str(raised.value)


@pytest.mark.parametrize("greeting", ["hello", "{}", '{"type":"ended"}', '{"type":"other"}'])
async def test_another_websocket_server_listens(greeting: str) -> None:
    async def greet(server: ServerConnection) -> None:
        await server.send(greeting)
        await server.wait_closed()

    async with serve(greet, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(ClientError, match="does not speak Surtitle's protocol"):
            async with connect(f"ws://127.0.0.1:{port}"):
                pass


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("localhost:8765", "ws://localhost:8765/v1/captions"),
        ("http://host:1", "ws://host:1/v1/captions"),
        ("https://host/", "wss://host/v1/captions"),
        ("wss://host/behind/a/proxy", "wss://host/behind/a/proxy/v1/captions"),
        ("ws://host/v1/captions?language=en", "ws://host/v1/captions?language=en"),
        ("ws://[::1]:8765", "ws://[::1]:8765/v1/captions"),
    ],
)
def test_addresses(given: str, url: str) -> None:
    assert endpoint(given, CAPTIONS_PATH) == url


@pytest.mark.parametrize(
    "given",
    ["", "ftp://host", "ws://", "ws://[::1", "ws://host:port", "ws://a..b", f"ws://{64 * 'a'}.org"],
)
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(ClientError, match="is not a server address"):
        endpoint(given, CAPTIONS_PATH)


def test_every_kind_of_event_can_be_imported_from_the_package() -> None:
    kinds = {kind.__name__ for kind in (*get_args(Event), *get_args(ViewerEvent))}
    assert kinds <= set(package.__all__)
