"""A viewer whose connection breaks, or is left."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec import structs
from websockets.asyncio.server import ServerConnection

from surtitle.client import ClientError, Disconnected, ViewerEvent, dialing, viewer, watch
from surtitle.messages import Channel, Final, Revised, ViewerMessage, revise
from tests.client.scenes import Scene, break_off, playing, say

LIMIT_S = 10
LIVE = Channel(channel="hall", state="live", session="one", viewers=1)


def final(utterance: int) -> Final:
    return Final(
        seq=utterance,
        utterance=utterance,
        start_ms=1000 * utterance,
        end_ms=1000 * utterance + 900,
        text="so",
        language="en",
        language_probability=1.0,
        confidence=1.0,
    )


def revised(utterance: int, text: str) -> Revised:
    return Revised(
        seq=utterance,
        utterance=utterance,
        start_ms=1000 * utterance,
        end_ms=1000 * utterance + 900,
        text=text,
        confidence=0.5,
    )


async def welcome(server: ServerConnection) -> None:
    """All that a viewer gets at once, and then no more."""
    for message in (LIVE, final(1), LIVE):
        await say(server, message)
    await break_off(server)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "FIRST_WAIT_S", 0.01)


async def test_a_connection_that_breaks_after_the_welcome_is_of_no_use() -> None:
    seen: list[ViewerEvent] = []
    async with (
        asyncio.timeout(LIMIT_S),
        playing(forever=welcome) as url,
        watch(url, "hall", patience_s=0.2) as messages,
    ):
        with pytest.raises(ClientError, match=r"Gave up after 0 s\."):
            async for message in messages:
                seen.append(message)  # noqa: PERF401 - it raises
    # The waits are at least 5, 10, 20 … ms: the sixth ends beyond all patience.
    assert 2 <= sum(isinstance(message, Disconnected) for message in seen) <= 7


async def test_patience_counts_anew_after_a_connection_that_was_of_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(viewer, "LONGEST_WAIT_S", -1)  # whatever comes, comes late enough

    async def go_on(server: ServerConnection) -> None:
        for message in (LIVE, final(1), final(2)):
            await say(server, message)
        await server.wait_closed()

    async with (
        asyncio.timeout(LIMIT_S),
        playing(*[welcome] * 5, go_on) as url,
        watch(url, "hall", patience_s=1e-9) as messages,
    ):
        answers = (message async for message in messages if isinstance(message, Final))
        assert [await anext(answers), await anext(answers)] == [final(1), final(2)]


def telling(*messages: ViewerMessage) -> Scene:
    """A connection on which this is said before it breaks."""

    async def tell(server: ServerConnection) -> None:
        for message in messages:
            await say(server, message)
        await break_off(server)

    return tell


async def test_a_better_text_comes_once_also_if_it_came_while_nobody_was_there() -> None:
    first = telling(LIVE, final(1), final(2), final(3), revised(1, "sew"))
    history = revise(final(1), revised(1, "sew")), revise(final(2), revised(2, "")), final(3)
    second = telling(LIVE, *history, LIVE, revised(3, "soh"), final(4))
    third = telling(LIVE, revise(final(3), revised(3, "soh")), final(4), LIVE, final(5))

    seen: list[Final | Revised] = []
    async with (
        asyncio.timeout(LIMIT_S),
        playing(first, second, third, forever=stay) as url,
        watch(url, "hall") as messages,
    ):
        async for message in messages:
            if isinstance(message, Final | Revised):
                seen.append(message)
            if message == final(5):
                break
    assert seen == [
        *(final(1), final(2), final(3), revised(1, "sew")),
        *(revised(2, ""), revised(3, "soh"), final(4), final(5)),
    ]


async def test_what_a_person_corrects_comes_as_long_as_a_server_takes_it() -> None:
    finals = [final(number) for number in range(1, 301)]  # a quarter of an hour of short ones
    better = structs.replace(revised(1, "sew"), by="anna")
    late = structs.replace(revised(2, "sow"), by="anna")

    async def come_back(server: ServerConnection) -> None:
        told = [revise(finals[0], better), revise(finals[1], late), *finals[2:]]
        await telling(LIVE, *told, LIVE)(server)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(telling(LIVE, *finals, better), come_back) as url,
        watch(url, "hall") as messages,
    ):
        corrections = (message async for message in messages if isinstance(message, Revised))
        first, second = await anext(corrections), await anext(corrections)
    assert (first.utterance, first.text, first.by) == (1, "sew", "anna")
    assert (second.utterance, second.text, second.by) == (2, "sow", "anna")


async def test_a_better_text_of_what_was_never_told_is_none() -> None:
    told = telling(
        LIVE, final(2), revised(1, "sew"), revised(2, "soh"), revised(2, "soh"), final(3)
    )
    seen: list[Final | Revised] = []
    async with (
        asyncio.timeout(LIMIT_S),
        playing(told, forever=stay) as url,
        watch(url, "hall") as messages,
    ):
        async for message in messages:
            if isinstance(message, Final | Revised):
                seen.append(message)
            if message == final(3):
                break
    assert seen == [final(2), revised(2, "soh"), final(3)]


async def test_a_frozen_server_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "CLOSE_S", 0.05)
    thawed = asyncio.Event()

    async def freeze(server: ServerConnection) -> None:
        server.transport.pause_reading()
        await say(server, LIVE)
        await thawed.wait()
        server.transport.abort()

    async with playing(freeze) as url, asyncio.timeout(LIMIT_S):
        watching = watch(url, "hall")
        async with watching as messages:
            assert await anext(messages) == LIVE
            leaving = asyncio.create_task(watching.__aexit__())
            await asyncio.wait({leaving}, timeout=LIMIT_S / 2)
            was_left = leaving.done()
            thawed.set()
    assert was_left


async def stay(server: ServerConnection) -> None:
    await say(server, LIVE)
    await server.wait_closed()


async def test_who_stops_waiting_can_wait_again() -> None:
    more = asyncio.Event()

    async def speak(server: ServerConnection) -> None:
        await say(server, LIVE)
        await more.wait()
        await say(server, final(1))
        await server.wait_closed()

    async with asyncio.timeout(LIMIT_S), playing(speak) as url, watch(url, "hall") as messages:
        assert await anext(messages) == LIVE
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(messages), 0.01)
        more.set()
        assert await anext(messages) == final(1)


async def test_a_loop_in_another_task_ends_when_the_channel_is_left() -> None:
    left = asyncio.Event()
    seen: list[ViewerEvent] = []

    async def listen(server: ServerConnection) -> None:
        await stay(server)
        left.set()

    async def show(messages: AsyncIterator[ViewerEvent]) -> None:
        async for message in messages:
            seen.append(message)  # noqa: PERF401 - looked at meanwhile

    async with asyncio.timeout(LIMIT_S), playing(listen) as url:
        async with watch(url, "hall") as messages:
            showing = asyncio.create_task(show(messages))
            while not seen:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0)
        await showing
        await left.wait()
    assert seen == [LIVE]


async def test_a_channel_that_is_left_at_once_is_closed() -> None:
    left = asyncio.Event()

    async def listen(server: ServerConnection) -> None:
        await stay(server)
        left.set()

    async with asyncio.timeout(LIMIT_S), playing(listen) as url:
        async with watch(url, "hall"):
            pass
        await left.wait()
