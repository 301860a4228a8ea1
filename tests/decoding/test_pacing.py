"""Who sends much to his decoder waits for his turn; who sends little never does."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from surtitle.decoding.decoders import BEHIND_BYTES, SLICE_BYTES, Decoding
from surtitle.decoding.pacing import (
    AUDIO_BYTES,
    AUDIO_BYTES_PER_S,
    HEAD_BYTES,
    HEAD_BYTES_PER_S,
    SHARED_BYTES,
    SHARED_BYTES_PER_S,
    Pacing,
)
from surtitle.decoding.wire import Kind, pack
from tests.decoding.test_decoders import Told, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

MANY = 24
MUCH_BYTES = 4 << 20


class Decoder:
    """One that takes all it is given, as soon as it comes."""

    def __init__(self, pacing: Pacing) -> None:
        ours, self._socket = socket.socketpair()
        self._socket.setblocking(False)
        self.told = Told()
        self.decoding = Decoding(ours, self.told, pacing)
        self.taken_bytes = 0
        asyncio.get_running_loop().add_reader(self._socket, self._take)

    def _take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.taken_bytes += len(self._socket.recv(1 << 20))

    async def say_something(self) -> None:
        self._socket.send(pack(Kind.PCM, bytes(2)))
        await until(lambda: self.told.samples)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self.decoding.close()
        self._socket.close()


@asynccontextmanager
async def decoders(count: int, pacing: Pacing) -> AsyncIterator[list[Decoder]]:
    made = [Decoder(pacing) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.close()


@pytest.mark.parametrize("heard", [False, True], ids=["no sample yet", "audio"])
async def test_all_who_send_much_share_what_there_is(heard: bool) -> None:
    pacing, loop = Pacing(), asyncio.get_running_loop()
    at_once, per_s = (AUDIO_BYTES, AUDIO_BYTES_PER_S) if heard else (HEAD_BYTES, HEAD_BYTES_PER_S)
    async with decoders(MANY, pacing) as greedy:
        for each in greedy:
            if heard:
                await each.say_something()
        began_s = loop.time()
        for each in greedy:
            each.decoding.feed(bytes(MUCH_BYTES))
        while loop.time() - began_s < 1.0:
            await asyncio.sleep(0.01)
            taken_bytes, now_s = sum(each.taken_bytes for each in greedy), loop.time()
            own = at_once + SLICE_BYTES + per_s * (now_s - began_s)
            shared = SHARED_BYTES + SLICE_BYTES + SHARED_BYTES_PER_S * (now_s - began_s)
            assert taken_bytes <= MANY * own + shared
        assert all(each.decoding.behind for each in greedy)
        most = max(each.taken_bytes for each in greedy)
        assert most - min(each.taken_bytes for each in greedy) <= 2 * SLICE_BYTES


async def test_who_sends_little_never_waits_for_those() -> None:
    pacing = Pacing()
    async with decoders(MANY, pacing) as greedy, decoders(1, pacing) as (modest,):
        for each in greedy:
            each.decoding.feed(bytes(MUCH_BYTES))
        await asyncio.sleep(0.05)
        modest.decoding.feed(bytes(HEAD_BYTES // 2))
        assert not modest.decoding.behind
        await modest.say_something()
        modest.decoding.feed(bytes(AUDIO_BYTES // 2))
        assert not modest.decoding.behind
        await until(lambda: modest.taken_bytes > (HEAD_BYTES + AUDIO_BYTES) // 2)
        assert sum(each.taken_bytes for each in greedy) < MANY * MUCH_BYTES // 2


async def test_a_file_that_is_alone_is_passed_on_quickly_and_there_is_room_when_it_is() -> None:
    async with decoders(1, Pacing()) as (alone,):
        alone.decoding.feed(bytes(MUCH_BYTES))
        assert alone.decoding.behind
        assert alone.told.rooms == 0
        await until(lambda: alone.taken_bytes > MUCH_BYTES)
        assert alone.told.rooms == 1
        assert not alone.decoding.behind


async def test_one_that_is_closed_while_it_waits_takes_no_turn() -> None:
    pacing = Pacing()
    async with decoders(2, pacing) as (closed, other):
        for each in (closed, other):
            each.decoding.feed(bytes(MUCH_BYTES))
        closed.decoding.close()
        taken_bytes = closed.taken_bytes
        await until(lambda: other.taken_bytes > MUCH_BYTES)
        assert closed.taken_bytes - taken_bytes < HEAD_BYTES + BEHIND_BYTES
        assert closed.told.rooms == 0
