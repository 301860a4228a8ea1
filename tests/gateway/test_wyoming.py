"""Wyoming over TCP: what its clients may not do, and what is left of those that go."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from surtitle.gateway.inputs import InputTurns
from surtitle.jobs import Job, Result
from surtitle.messages import MAX_HOTWORDS
from tests.gateway.serving import PAUSE, WORD
from tests.gateway.site import Site
from tests.gateway.test_uploads import say, until_gone


def event(kind: str, data: Any = None, payload: bytes = b"") -> bytes:
    head: dict[str, Any] = {"type": kind}
    body = b"" if data is None else json.dumps(data).encode()
    if body:
        head["data_length"] = len(body)
    if payload:
        head["payload_length"] = len(payload)
    return json.dumps(head).encode() + b"\n" + body + payload


FORM = {"rate": 16_000, "width": 2, "channels": 1}
SPOKEN = (
    event("audio-start", FORM)
    + event("audio-chunk", FORM, PAUSE + WORD + PAUSE)
    + event("audio-stop")
)
COMMAND = event("transcribe", {"language": "en"}) + SPOKEN


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self) -> dict[str, Any] | None:
        """The next event, or None at the end."""
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                if line := await self.reader.readline():
                    head: dict[str, Any] = json.loads(line)
                    data = await self.reader.readexactly(head.get("data_length", 0))
                    return {"type": head["type"], **json.loads(data or b"{}")}
        return None

    async def until(self, kind: str) -> dict[str, Any] | None:
        """The next of a kind."""
        while (found := await self.read()) is not None and found["type"] != kind:
            pass
        return found


@asynccontextmanager
async def speaking_wyoming(
    answer: Callable[[Job], Result | None] = say, **more: Any
) -> AsyncIterator[Site]:
    site = Site(**more)
    await site.gateway.start("127.0.0.1", 0, wyoming=("127.0.0.1", 0))
    loop = asyncio.get_running_loop()

    def submit(job: Job, deliver: Callable[[Result], None]) -> None:
        site.engine.jobs.append((job, deliver))
        if (result := answer(job)) is not None:
            loop.call_soon(deliver, result)

    site.engine.submit = submit  # type: ignore[method-assign]
    try:
        yield site
    finally:
        await site.gateway.drain(0)


@asynccontextmanager
async def connected(site: Site) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.wyoming_port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def test_a_command_and_another_one() -> None:
    async with speaking_wyoming(max_sessions=1) as site:
        async with connected(site) as client:
            for _ in range(2):
                client.writer.write(COMMAND)
                transcript = await client.until("transcript")
                assert transcript is not None
                assert transcript["text"] == "word1."
        await gone(site)


async def gone(site: Site) -> None:
    async with asyncio.timeout(5):
        while site.gateway._connections:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
    await until_gone(site)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\xff\n",
        b"[]\n",
        b'{"type":7}\n',
        b'{"type":"ping","data":7}\n',
        b'{"type":"audio-chunk","payload_length":2000000000}\n',
        b'{"type":"ping","data_length":2000000000}\n',
        b'{"type":"ping","data_length":-1}\n',
        b'{"type":"ping","data":{"a":"' + b"x" * 20_000 + b'"}}\n',
        b"[" * 100_000 + b"\n",
        event("ping", {"a": [[]] * 300_000}),
    ],
)
async def test_what_is_no_event_ends_the_connection_and_harms_nobody(data: bytes) -> None:
    async with speaking_wyoming(max_sessions=9) as site:
        async with connected(site) as victim, connected(site) as attacker:
            attacker.writer.write(data)
            answered = await attacker.read()
            assert answered is None or answered["type"] == "error"
            if b"_length" in data:  # as clients expect it of what nobody would announce
                assert answered is None
            victim.writer.write(COMMAND)
            assert (await victim.until("transcript") or {})["text"] == "word1."
        await gone(site)


async def test_a_home_has_many_names() -> None:
    names = [f"The lamp in room {number}" for number in range(5000)]
    async with speaking_wyoming() as site, connected(site) as client:
        client.writer.write(event("transcribe", {"language": "en", "transcript_names": names}))
        client.writer.write(SPOKEN)
        assert (await client.until("transcript") or {})["text"] == "word1."
        (job, _), *_ = site.engine.jobs
        assert job.decode_options.hotwords == tuple(names[:MAX_HOTWORDS])
        assert job.decode_options.language == "en"


async def test_what_is_too_large_is_told() -> None:
    """However much of it has come by then, its client can read why the connection ends."""
    too_large = event("transcribe", {"transcript_names": ["x" * 100] * 50_000})
    async with speaking_wyoming() as site:
        async with connected(site) as client:
            client.writer.write(event("audio-start", FORM))
            client.writer.write(event("audio-chunk", FORM, PAUSE + WORD + PAUSE))
            client.writer.write(too_large)
            error = await client.until("error")
            assert error is not None
            assert error["code"] == "frame_too_large"
            assert await client.read() is None
        await gone(site)


async def test_whoever_goes_in_mid_speech_or_does_not_read_leaves_nothing_behind() -> None:
    async with speaking_wyoming(lambda job: None, max_sessions=9, send_timeout_s=0.3) as site:
        before = len(asyncio.all_tasks())
        async with connected(site) as client:
            client.writer.write(event("audio-start", FORM))
            for _ in range(30):
                client.writer.write(event("audio-chunk", FORM, WORD))
            await asyncio.sleep(0.1)
        async with connected(site) as deaf:
            deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(3):
                    for _ in range(3000):
                        deaf.writer.write(event("ping", {"text": "x" * 999}))
                        await deaf.writer.drain()
        await gone(site)
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)


async def test_idle_ones_make_way_for_others() -> None:
    async with speaking_wyoming(max_sessions=2) as site, contextlib.AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(connected(site)) for _ in range(16)]
        await asyncio.sleep(0.2)
        async with connected(site) as client:
            client.writer.write(COMMAND)
            assert (await client.until("transcript") or {})["text"] == "word1."
        assert (await idle[0].read() or {})["type"] == "error"


async def test_data_may_be_in_the_head_of_an_event_and_behind_it() -> None:
    async with speaking_wyoming() as site, connected(site) as client:
        client.writer.write(b'{"type":"ping","data":{"text":"one"}}\n')
        assert await client.read() == {"type": "pong", "text": "one"}
        client.writer.write(
            b'{"type":"ping","data":{"text":"one"},"data_length":14}\n{"text":"two"}'
        )
        assert await client.read() == {"type": "pong", "text": "two"}


@pytest.mark.parametrize("data", [{"x": [[]] * 4000}, {str(n): 0 for n in range(1500)}])
async def test_what_an_event_costs_counts_for_its_client(
    data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little of it is used: it is read at the time of its client, not of all."""
    charged_s = 0.0
    charge = InputTurns.charge

    def counted(turns: InputTurns, work: Any, cost_s: float, now_s: float, most_s: float) -> None:
        nonlocal charged_s
        charged_s += cost_s
        charge(turns, work, cost_s, now_s, most_s)

    monkeypatch.setattr(InputTurns, "charge", counted)
    async with speaking_wyoming() as site, connected(site) as client:
        client.writer.write(event("unknown", data) * 20 + event("ping"))
        began_s = time.thread_time()
        await client.until("pong")
        assert charged_s > (time.thread_time() - began_s) / 3
