"""Sessions that want more than their share: those beside them do not notice, and others can come."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from functools import cache

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lab.ledger import read_pcm16
from lab.places import SAMPLE
from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from tests.faults.speaker import Speaker
from tests.marks import long

LATE_S = 1.0
"""How much later answers may come beside an attack: twice what the campaign allows, which measures on a
machine that does nothing else. What this guards against came seconds later."""
HEAVY = "pace:0.08"
"""As long as the model `base` takes for long utterances: over 2 s for the longest."""


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    """A server that must outlive the attack, with a log without errors and tracebacks."""
    server = start_server(decoder=FAKE_DECODER)
    yield server
    assert server.stop() == 0
    assert server.errors == []


@cache
def speech(seconds: int) -> bytes:
    """Speech without a pause that would end an utterance."""
    phrase = read_pcm16(SAMPLE)[16_000:40_000].tobytes()
    return (phrase * seconds)[: seconds * 32_000]


async def usual_delay(server: ServerProcess) -> float:
    """How late answers are where nothing goes on."""
    return max(await Speaker(server).speak(2))


Attack = Callable[[ServerProcess], Coroutine[None, None, None]]


@asynccontextmanager
async def under(attack: Attack, server: ServerProcess, times: int = 1) -> AsyncIterator[None]:
    """So many attackers go on until the end."""
    attackers = [asyncio.create_task(attack(server)) for _ in range(times)]
    yield
    for attacker in attackers:
        attacker.cancel()
    for ended in await asyncio.gather(*attackers, return_exceptions=True):
        assert ended is None or isinstance(ended, asyncio.CancelledError), ended


@asynccontextmanager
async def session(
    server: ServerProcess, prompt: str, **wishes: bool
) -> AsyncIterator[ClientConnection]:
    """A session that reads what comes."""
    async with connect(server.websocket_url) as socket:
        start = {"type": "start", "language": "en", "prompt": prompt, "partials": True}
        await socket.send(json.dumps(start | wishes))
        reading = asyncio.create_task(_read(socket))
        try:
            yield socket
        finally:
            reading.cancel()


async def _read(socket: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        async for _ in socket:
            pass


# -- attacks ------------------------------------------------------------------------------------


async def flush_often(server: ServerProcess) -> None:
    """Speech in time, ended four times a second."""
    async with session(server, "pace:1.5") as socket:
        sound = speech(59)
        for at in range(0, len(sound), 8000):
            await socket.send(sound[at : at + 8000])
            await socket.send('{"type":"flush"}')
            await asyncio.sleep(0.25)


async def send_a_file(server: ServerProcess) -> None:
    """As fast as the server takes it."""
    async with session(server, HEAVY) as socket:
        while True:
            await socket.send(speech(59)[:32_000])


async def send_phrases(server: ServerProcess) -> None:
    """The same with a pause after each phrase: each answer is waited for."""
    async with session(server, HEAVY) as socket:
        while True:
            await socket.send(speech(8) + bytes(48_000))


async def halt_at_once(server: ServerProcess) -> None:
    """As fast as the server takes it, and each phrase is to be decoded again with those around it."""
    async with session(server, HEAVY, partials=False, revisions=True) as socket:
        while True:
            await socket.send(speech(3) + bytes(32_000))


async def halt_in_time(server: ServerProcess) -> None:
    """The same at the pace of speech."""
    async with session(server, HEAVY, revisions=True) as socket:
        while True:
            sound = speech(3) + bytes(32_000)
            for at in range(0, len(sound), 3200):
                await socket.send(sound[at : at + 3200])
                await asyncio.sleep(0.1)


async def speak_and_leave(server: ServerProcess) -> None:
    """Again and again: a minute of speech at once, and away."""
    while True:
        socket = await connect(server.websocket_url)
        await socket.send(json.dumps({"type": "start", "language": "en", "prompt": HEAVY}))
        for at in range(0, 59 * 32_000, 64_000):
            await socket.send(speech(59)[at : at + 64_000])
        socket.transport.abort()
        await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    ("attack", "times"),
    [
        long(flush_often, 1),
        (flush_often, 4),
        long(send_a_file, 1),
        long(send_a_file, 8),
        long(send_phrases, 1),
        long(send_phrases, 8),
        long(halt_at_once, 8),
        long(halt_in_time, 4),
        long(speak_and_leave, 1),
        long(speak_and_leave, 4),
    ],
)
async def test_who_speaks_beside_is_answered_in_time(
    server: ServerProcess, attack: Attack, times: int
) -> None:
    usual_s = await usual_delay(server)
    async with under(attack, server, times):
        await asyncio.sleep(2)  # the attack is to be in full swing
        delays_s = await Speaker(server).speak(4)
    print(f"usual {usual_s:.2f} s, beside {times} x {attack.__name__}: {delays_s}")
    assert max(delays_s[1:]) < usual_s + LATE_S


@pytest.mark.parametrize(
    "attack", [flush_often, send_a_file, long(send_phrases), long(speak_and_leave)]
)
async def test_one_session_locks_nobody_out(server: ServerProcess, attack: Attack) -> None:
    refused, asked = 0, 0
    async with under(attack, server):
        speaking = asyncio.create_task(Speaker(server).speak(4))
        while not speaking.done():
            asked += 1
            try:
                async with connect(server.websocket_url):
                    pass
            except InvalidStatus:
                refused += 1
            await asyncio.sleep(0.1)
        await speaking
    print(f"{refused} of {asked} refused beside {attack.__name__}")
    assert asked > 20
    assert refused == 0


@pytest.mark.long
async def test_too_many_who_speak_are_still_too_many() -> None:
    """Each of them in time: that is load. Those who are in lose nothing; others are refused."""
    server = start_server(decoder=FAKE_DECODER)
    inside: list[Speaker] = []
    refused = 0

    async def come() -> None:
        nonlocal refused
        speaker = Speaker(server, prompt="pace:0.4")
        try:
            await speaker.speak(7)
        except InvalidStatus as error:
            assert error.response.status_code == 503
            refused += 1
        else:
            inside.append(speaker)

    coming = list[asyncio.Task[None]]()
    for _ in range(36):
        coming.append(asyncio.create_task(come()))
        await asyncio.sleep(0.35)
    await asyncio.gather(*coming)
    assert server.stop() == 0
    print(f"{len(inside)} were let in, {refused} refused")
    assert refused > 5
    assert len(inside) > 5
    assert any("overloaded" in speaker.ledger.states for speaker in inside)
