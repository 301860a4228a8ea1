"""Input is worked on in turns: who has sent much waits, and nobody is forgotten."""

import asyncio
import time
from typing import Any

import pytest

from surtitle.gateway.budget import (
    ALL_SHARE,
    DEBTORS_SHARE,
    MIN_SHARE,
    TURN_S,
    WORK_SHARE,
    allowance,
)
from surtitle.gateway.inputs import InputTurns
from tests.gateway.loops import both_loops, run_on

COST_S = 0.002


def take_long() -> None:
    end_s = time.perf_counter() + COST_S
    while time.perf_counter() < end_s:
        pass


@pytest.mark.alone
@both_loops
@pytest.mark.parametrize("clients", [1, 64])
def test_whose_messages_cost_much_have_a_share_of_the_time_together(
    new_loop: Any, clients: int
) -> None:
    async def main() -> None:
        turns, done = InputTurns(), [0] * clients

        async def send(number: int) -> None:
            work = allowance()
            turns.join()
            while True:
                await turns.in_turn(work, take_long, COST_S)
                done[number] += 1
                await asyncio.sleep(0)

        senders = [asyncio.create_task(send(number)) for number in range(clients)]
        began_s, modest = time.perf_counter(), allowance()
        while min(done) < 2:  # noqa: ASYNC110 - what each may take at once
            await asyncio.sleep(0.01)
        while time.perf_counter() - began_s < 2:
            before = sum(done)
            await turns.in_turn(modest, lambda: None, COST_S)
            # One who has not taken much is first in a turn; he hears of it when that is over.
            assert sum(done) - before <= TURN_S / COST_S + 1
            await asyncio.sleep(0.02)
        took_s = time.perf_counter() - began_s
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        share = DEBTORS_SHARE + min(clients * WORK_SHARE, max(ALL_SHARE, clients * MIN_SHARE))
        # Of each the first few are within what may be taken at once.
        assert 0.2 < sum(done) / (share * took_s / COST_S + 3 * clients) < 1.2
        assert max(done) - min(done) <= 2  # all have the same

    run_on(new_loop, main())


async def test_a_message_of_one_who_has_gone_is_dropped() -> None:
    turns, work, done = InputTurns(), allowance(), list[int]()
    work.take(1.0, time.perf_counter())
    tasks = [
        asyncio.create_task(turns.in_turn(work, lambda n=n: done.append(n), COST_S))  # type: ignore[misc]
        for n in range(3)
    ]
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert done == [0, 2]


async def test_a_mistake_in_a_message_is_no_matter_of_those_that_follow() -> None:
    turns, work, done = InputTurns(), allowance(), list[int]()
    work.take(1.0, time.perf_counter())

    def fail() -> None:
        raise ValueError

    first = asyncio.create_task(turns.in_turn(work, fail, COST_S))
    await turns.in_turn(work, lambda: done.append(1), COST_S)
    await asyncio.wait([first])
    assert done == [1]
