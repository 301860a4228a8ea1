"""One call from a source to captions."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection

from surtitle.client import ClientError, connect
from surtitle.messages import Ack, Ended, Final, Speech, Start
from tests.client.scenes import ENDED, break_off, greet, playing, say
from tests.client.test_client import listening
from tests.gateway.fakes import LOUD, QUIET

LIMIT_S = 10
SPEECH = [LOUD] * 20 + [QUIET] * 40


async def spoken() -> AsyncIterator[bytes]:
    for piece in SPEECH:
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("live", [False, True])
async def test_all_of_a_source_is_captioned(live: bool) -> None:
    for audio in (SPEECH, iter(SPEECH), spoken()):
        async with (
            asyncio.timeout(LIMIT_S),
            listening() as (url, _),
            connect(url, Start(partials=False)) as captions,
        ):
            events = [event async for event in captions.caption(audio, live=live)]
        assert [type(e) for e in events if not isinstance(e, Ack)] == [Speech, Final, Ended]
        assert isinstance(events[-1], Ended) and events[-1].audio_ms == 32 * len(SPEECH)


async def test_a_source_that_breaks_off_is_told_after_its_last_caption() -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for piece in spoken():
            yield piece
        raise OSError("unplugged")

    seen: list[type] = []
    async with (
        asyncio.timeout(LIMIT_S),
        listening() as (url, _),
        connect(url, Start(partials=False)) as captions,
    ):
        with pytest.raises(OSError, match="unplugged"):
            async for event in captions.caption(broken()):
                seen.append(type(event))  # noqa: PERF401 - it raises
    assert Final in seen and seen[-1] is Ended


async def test_who_leaves_the_loop_leaves_the_source() -> None:
    left = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                await asyncio.sleep(0)
                yield LOUD
        finally:
            left.set()

    async with asyncio.timeout(LIMIT_S):
        async with listening() as (url, _), connect(url) as captions:
            async for event in captions.caption(endless(), live=True):
                if isinstance(event, Speech):
                    break
        await left.wait()


async def test_a_source_that_goes_on_is_let_go_of_when_the_session_ends() -> None:
    silent = asyncio.Event()

    async def silence() -> AsyncIterator[bytes]:
        yield LOUD
        await silent.wait()

    async def end(server: ServerConnection) -> None:
        await greet(server)
        await server.recv()
        await say(server, ENDED)

    async with asyncio.timeout(LIMIT_S), playing(end) as url, connect(url) as captions:
        assert [type(event) async for event in captions.caption(silence())] == [Ended]


async def test_a_session_that_fails_says_why_and_has_one_source() -> None:
    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await break_off(server)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(leave) as url,
        connect(url, patience_s=0) as captions,
    ):
        events = captions.caption(spoken())
        with pytest.raises(RuntimeError, match="already has a source"):
            captions.caption(spoken())
        with pytest.raises(ClientError, match="closed the connection"):
            async for _ in events:
                pass
        with pytest.raises(ClientError):
            captions.caption(spoken())


async def test_who_stops_early_hears_what_was_said() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield LOUD

    async with asyncio.timeout(LIMIT_S), listening() as (url, _), connect(url) as captions:
        events = []
        async for event in captions.caption(endless()):
            events.append(type(event))
            if isinstance(event, Speech):
                await captions.stop()
    assert events[-1] is Ended and Final in events
