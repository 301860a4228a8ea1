"""A server that comes near the bound on its memory: it refuses, sheds, tells, and recovers."""

import asyncio
import contextlib
import json
from pathlib import Path

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lab.ledger import NO_FAULTS, converse, spoken_word
from lab.server_process import FAKE_DECODER, ServerProcess, figure, readiness, start_server
from tests.faults.speaker import Speaker

MIB = 1 << 20
ROOM_MB = 200
"""Beyond what the server takes by itself: what sessions may hold."""
RESUME_WINDOW_S = 10.0
RECOVERY_S = 60.0
"""What was left behind is decoded first, and that may wait until nobody has spoken for ten seconds."""
OVERSHOOT_MB = 120
"""What may come before the largest sessions are ended and gone: it is looked four times a second, and
the room fills in four seconds."""
SPEECH = spoken_word() * 118
PIECES = [SPEECH[at : at + 64_000] for at in range(0, len(SPEECH), 64_000)]


def used_mb(server: ServerProcess) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss) // MIB


def own_mb() -> int:
    """What a server takes without sessions."""
    server = start_server(decoder=FAKE_DECODER)
    try:
        return used_mb(server)
    finally:
        server.stop()


async def hoard(server: ServerProcess, file: Path, errors: list[str]) -> None:
    """A minute of speech that is not answered."""
    start = {"type": "start", "language": "en", "partials": False, "prompt": f"wait:{file}"}
    with contextlib.suppress(ConnectionClosed):
        async with connect(server.websocket_url) as socket:
            sending = asyncio.create_task(pour(socket, [json.dumps(start), *PIECES]))
            try:
                async for frame in socket:  # it may be ended before all is sent
                    message = json.loads(frame)
                    if message["type"] == "error":
                        errors.append(f"{message['code']}: {message['message']}")
            finally:
                sending.cancel()


async def pour(socket: ClientConnection, messages: list[str | bytes]) -> None:
    """Send all of it, as long as the connection lasts."""
    with contextlib.suppress(ConnectionClosed):
        for message in messages:
            await socket.send(message)


async def let_go(unanswered: Path) -> None:
    """Let what waits for this file to go be answered, also what begins late and makes it anew."""
    while True:
        unanswered.unlink(missing_ok=True)  # noqa: ASYNC240 - of a test's own folder
        await asyncio.sleep(0.1)


@pytest.mark.alone  # others take the time in which the memory fills
async def test_a_server_short_of_memory_refuses_and_ends_those_that_hold_most(
    tmp_path: Path,
) -> None:
    limit_mb = own_mb() + ROOM_MB
    server = start_server(
        decoder=FAKE_DECODER,
        max_memory_mb=limit_mb,
        lease_s=120,
        resume_window_s=RESUME_WINDOW_S,
    )
    highest_mb, sentences, errors, pressures = 0, set[str](), list[str](), list[float]()
    speaking = asyncio.create_task(Speaker(server).speak(8))
    hoarders = list[asyncio.Task[None]]()
    while not speaking.done():
        if len(hoarders) < 240:
            file = tmp_path / "unanswered"
            hoarders.append(asyncio.create_task(hoard(server, file, errors)))
        highest_mb = max(highest_mb, used_mb(server))
        if readiness(server.url) == (503, "overloaded_memory"):
            pressures.append(figure(server, "surtitle_memory_pressure"))
            try:
                async with connect(server.websocket_url):
                    pass
            except InvalidStatus as answer:
                assert answer.response.status_code == 503
                sentences.add(json.loads(bytes(answer.response.body or b""))["error"])
        await asyncio.sleep(0.02)
    delays_s = await speaking  # nothing of it is lost, see Speaker
    print(f"highest {highest_mb} of {limit_mb} MB, {len(errors)} ended; answers after {delays_s}")
    assert max(delays_s) < 4
    assert highest_mb < limit_mb + OVERSHOOT_MB
    assert max(pressures) > 0  # it may have gone between the two questions
    assert sentences == {"The server is short of memory."}
    refused = "busy: The server is short of memory."  # since it let them in
    ended = [error for error in errors if error != refused]
    assert set(ended) == {"busy: The server is short of memory, and this session uses much of it."}
    for hoarder in hoarders:
        hoarder.cancel()
    await asyncio.gather(*hoarders, return_exceptions=True)
    answering = asyncio.create_task(let_go(tmp_path / "unanswered"))
    # What was left behind is held as long as its client may come back for it.
    async with asyncio.timeout(RECOVERY_S):
        while readiness(server.url)[0] != 200:  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.1)
    # Who was left behind while memory was short is ended too, and nobody is there to be told.
    assert figure(server, "surtitle_sessions_shed_total") >= len(ended)
    assert used_mb(server) < 0.85 * limit_mb
    assert (await converse(server.url, "say:again")).faults == NO_FAULTS
    changes = [line["state"] for line in server.events("memory")]
    assert changes[0] == "refusing" and "shedding" in changes and changes[-1] == "none"
    assert len(changes) < 30  # it is told once a change
    answering.cancel()
    assert server.stop() == 0
    assert server.errors == []
