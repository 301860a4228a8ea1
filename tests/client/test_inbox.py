"""What waits for a loop."""

import asyncio

import pytest

from surtitle.client.inbox import Inbox, superseded_by
from surtitle.messages import Ack, Partial, ServerMessage, Speech

LIMIT_S = 10


def partial(utterance: int, text: str) -> Partial:
    return Partial(seq=1, utterance=utterance, start_ms=0, end_ms=9, stable=text, unstable="")


async def test_the_newest_partial_of_an_utterance_and_the_newest_ack_wait_and_all_else() -> None:
    inbox: Inbox[ServerMessage] = Inbox(superseded_by)
    speech = Speech(seq=1, utterance=2, start_ms=5)
    for message in (
        partial(1, "a"),
        Ack(received=1, safe=0),
        partial(2, "x"),
        speech,
        partial(1, "a b"),
        speech,
        Ack(received=2, safe=0),
    ):
        inbox.put(message)
    inbox.end()
    left = [message async for message in inbox]
    assert left == [partial(2, "x"), speech, partial(1, "a b"), speech, Ack(received=2, safe=0)]


async def test_a_wait_that_is_cancelled_loses_nothing_and_ends_nothing() -> None:
    inbox: Inbox[int] = Inbox()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(inbox), 0.01)
    inbox.put(1)
    inbox.put(2)
    inbox.end()
    assert [item async for item in inbox] == [1, 2]


async def test_two_loops_share_what_comes_and_both_end() -> None:
    inbox: Inbox[int] = Inbox()

    async def take() -> list[int]:
        return [item async for item in inbox]

    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        loops = [group.create_task(take()) for _ in range(2)]
        for item in range(4):
            inbox.put(item)
            await asyncio.sleep(0)
        inbox.end()
    assert sorted(item for loop in loops for item in loop.result()) == [0, 1, 2, 3]


async def test_it_ends_once_and_every_loop_from_then_on_hears_how() -> None:
    inbox: Inbox[int] = Inbox()
    inbox.put(1)
    inbox.end(ValueError("why"))
    inbox.end()
    inbox.put(2)
    assert await anext(inbox) == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="why"):
            await anext(inbox)
