"""Sockets are read together: nobody is forgotten, nothing is lost, and one alone does not wait."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, cast

import pytest

from surtitle.gateway.reading import MAX_TURN_S, SOCKETS_AT_ONCE, ReadingTurns
from tests.gateway.fakes import everything_logged
from tests.gateway.loops import both_loops, run_on


class Reader(asyncio.Protocol):
    """A socket that takes part, and where it was read."""

    def __init__(
        self, turns: ReadingTurns, number: int, log: list[int], times: list[float]
    ) -> None:
        self.turns = turns
        self.number = number
        self.log = log
        self.times = times
        self.received = bytearray()
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.turns.join(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.log.append(self.number)
        self.times.append(time.monotonic())
        self.turns.rest(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.turns.leave(self)
        self.ended.set()

    def stop_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def read_on(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()


class Site:
    """Readers, and the other ends of their sockets."""

    def __init__(self) -> None:
        self.turns = ReadingTurns()
        self.log: list[int] = []  # who was read, in order
        self.times: list[float] = []  # and when
        self.readers: list[Reader] = []
        self.far: list[socket.socket] = []

    async def open(self, count: int) -> None:
        for _ in range(count):
            await self._open_one()

    async def _open_one(self) -> None:
        near, far = socket.socketpair()
        reader = Reader(self.turns, len(self.readers), self.log, self.times)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: reader, near)
        self.readers.append(reader)
        self.far.append(far)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.001)


@asynccontextmanager
async def site(count: int) -> AsyncIterator[Site]:
    made = Site()
    await made.open(count)
    try:
        yield made
    finally:
        for reader, far in zip(made.readers, made.far, strict=True):
            reader.transport.abort()
            far.close()


@both_loops
def test_all_that_is_sent_arrives_whole_and_in_order(new_loop: Any) -> None:
    async def main() -> None:
        async with site(SOCKETS_AT_ONCE + 7) as s:
            for piece in range(30):
                for number, far in enumerate(s.far):
                    far.send(bytes([piece, number]))
                await asyncio.sleep(0.004)
            await s.until(lambda: all(len(r.received) == 60 for r in s.readers))
            for number, reader in enumerate(s.readers):
                assert reader.received == b"".join(bytes([p, number]) for p in range(30))

    run_on(new_loop, main())


@both_loops
def test_frames_that_come_one_by_one_are_read_together(new_loop: Any) -> None:
    """Each is read about once a turn, whatever comes when; also one that had nothing before."""

    async def main() -> None:
        async with site(20) as s:
            for far in s.far:
                far.send(b"first")
            await s.until(lambda: all(r.received for r in s.readers))
            s.times.clear()
            for piece in range(100):
                s.far[piece * 7 % 20].send(b"x")
                await asyncio.sleep(0.005)
            await s.until(lambda: sum(len(r.received) for r in s.readers) == 5 * 20 + 100)
            pauses = [b - a for a, b in pairwise(s.times) if b - a > 0.003]
            assert len(pauses) <= 2 * (s.times[-1] - s.times[0]) / MAX_TURN_S + 2

    run_on(new_loop, main())


@both_loops
def test_one_alone_is_read_at_once_also_after_others_have_gone(new_loop: Any) -> None:
    async def main() -> None:
        async with site(1) as s:

            async def is_read_at_once() -> None:
                for _ in range(50):
                    before = len(s.log)
                    s.far[0].send(b"x")
                    await asyncio.sleep(0.0005)
                    assert len(s.log) == before + 1

            await is_read_at_once()
            await s.open(1)
            s.far[0].send(b"y")
            s.far[1].send(b"y")
            await s.until(lambda: s.readers[1].received)
            s.far[1].close()
            await s.readers[1].ended.wait()
            await s.until(lambda: s.readers[0].received.endswith(b"y"))
            await asyncio.sleep(MAX_TURN_S)  # it may rest still, until the turn
            await is_read_at_once()

    run_on(new_loop, main())


@both_loops
def test_who_goes_while_it_rests_is_noticed_in_the_next_turn(new_loop: Any) -> None:
    async def main() -> None:
        async with site(20) as s:
            for far in s.far:
                far.send(b"x")
            await s.until(lambda: len(s.log) == 20)
            s.far[3].close()
            async with asyncio.timeout(2):
                await s.readers[3].ended.wait()
            s.far[4].send(b"y")
            await s.until(lambda: s.readers[4].received == b"xy")

    run_on(new_loop, main())


class Counted:
    """A socket that is read by nobody, and what was asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def stop_reading(self) -> None:
        self.calls.append("stop")

    def read_on(self) -> None:
        self.calls.append("read")


async def test_many_are_read_in_groups_between_which_the_loop_gets_its_turn() -> None:
    turns = ReadingTurns()
    sockets = [Counted() for _ in range(3 * SOCKETS_AT_ONCE)]
    for each in sockets:
        turns.join(each)
    for each in sockets:
        turns.rest(each)
    open_at_once = 0
    async with asyncio.timeout(5):
        while sum(each.calls.count("read") for each in sockets) < len(sockets):
            open_at_once = max(open_at_once, sum(each.calls[-1] == "read" for each in sockets))
            await asyncio.sleep(0)
    assert 0 < open_at_once <= SOCKETS_AT_ONCE


@pytest.mark.parametrize("fails", ["read", "stop"])
async def test_a_mistake_at_one_socket_keeps_no_other_from_being_read(fails: str) -> None:
    class Broken(Counted):
        def read_on(self) -> None:
            super().read_on()
            if fails == "read":
                raise ValueError("It failed.")

        def stop_reading(self) -> None:
            super().stop_reading()
            if fails == "stop" and self.calls.count("stop") > 1:
                raise ValueError("It failed.")

    turns, broken = ReadingTurns(), Broken()
    sockets = [broken, *(Counted() for _ in range(SOCKETS_AT_ONCE + 5))]
    for each in sockets:
        turns.join(each)
    for each in sockets:
        turns.rest(each)
    others = sockets[1:]
    with everything_logged() as logged:
        async with asyncio.timeout(5):
            while min(each.calls.count("read") for each in others) < 3:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.001)
    assert [line["event"] for line in logged] == ["a socket cannot be read in turns"]


async def test_who_has_left_or_never_joined_is_let_alone() -> None:
    turns = ReadingTurns()
    stays, other, left, stranger = (Counted() for _ in range(4))
    for each in (stays, other, left):
        turns.join(each)
    for each in (stays, other, left):
        turns.rest(each)
    turns.leave(left)
    turns.rest(left)
    turns.rest(stranger)
    asked = list(left.calls)
    await asyncio.sleep(0.1)
    assert "read" in stays.calls
    assert left.calls == asked
    assert stranger.calls == []
