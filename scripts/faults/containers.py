"""Sessions that send recordings in containers, some hurt, some whose decoder is killed; and senders
that fall silent.

A session that nothing can be made of ends with `bad_audio`. Whatever happens, each utterance that was
announced is answered once, in order, before the session ends, and where it comes to its end the account
adds up.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import psutil
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from attacks.files import live_speech, muxed
from faults.account import LIMIT_S, WORDS, Account, tell
from lab.ledger import SILENCE_1S, spoken_word
from lab.server_process import ServerProcess
from surtitle.jobs import SAMPLE_RATE

AT_ONCE = 4
"""Sessions side by side."""
SPOKEN_WORDS = 8
"""Of one session."""
PIECE_BYTES = 4000
PIECE_S = 0.005
KILL_EVERY_S = 0.3
ANSWERED_WITHIN_S = 4.0
"""A sender that falls silent is answered before this: a second, and what the machine needs."""
_FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}


@dataclass
class Told:
    """What a session was told."""

    opened: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ended: dict[str, int] | None = None
    closed: int | None = None
    late: int = 0
    """Answers that came only once the session was told to end."""

    def take(self, message: dict[str, object]) -> None:
        """Enter a message."""
        match message["type"]:
            case "speech":
                self.opened.append(int(str(message["utterance"])))
            case "final" | "suppressed" | "failed":
                self.answered.append(int(str(message["utterance"])))
            case "error":
                self.errors.append(str(message["code"]))
            case "ended":
                self.ended = {
                    name: value for name, value in message.items() if isinstance(value, int)
                }
            case _:
                pass

    def enter(self, account: Account) -> None:
        """Add it up."""
        account.sessions += 1
        account.words += len(self.opened)
        account.lost += len(set(self.opened) - set(self.answered))
        account.doubled += sum(times - 1 for times in Counter(self.answered).values())
        account.unexpected += len(set(self.answered) - set(self.opened))
        account.unexpected += self.late
        account.disorder += self.answered != sorted(self.answered)
        if self.ended is not None:
            parts = ("captioned_ms", "silence_ms", "suppressed_ms", "failed_ms")
            adds_up = sum(self.ended[part] for part in parts) == self.ended["audio_ms"]
            account.unbalanced += not adds_up or self.ended["utterances"] != len(self.opened)
        elif "bad_audio" not in self.errors or self.closed != 1003:
            account.problems.append(f"neither an end nor bad_audio: {self.errors} {self.closed}")
        if "internal" in self.errors:
            account.problems.append("an internal error")


@cache
def recordings() -> dict[str, bytes]:
    """Some words in each form that a session may send, by its encoding."""
    samples = np.frombuffer((spoken_word() + SILENCE_1S) * SPOKEN_WORDS, np.int16)
    return {
        "webm": b"".join(live_speech(samples, "webm")),
        "ogg": b"".join(live_speech(samples, "ogg")),
        "wav": muxed(samples, "wav", "pcm_s16le", SAMPLE_RATE),
        "flac": muxed(samples, "flac", "flac", SAMPLE_RATE),
        "mp3": muxed(samples, "mp3", "libmp3lame", SAMPLE_RATE),
        "aac": muxed(samples, "adts", "aac", SAMPLE_RATE),
        "mp4": muxed(samples, "mp4", "aac", SAMPLE_RATE, options=_FRAGMENTED),
    }


def hurt(data: bytes, chance: random.Random) -> bytes:
    """The same with bytes changed, taken out, put in, doubled or cut off."""
    hurt = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        place, length = chance.randrange(len(hurt)), chance.choice([1, 10, 100, 1000, 5000])
        match chance.choice(["change", "change", "take", "put", "double", "cut"]):
            case "change":
                hurt[place : place + length] = chance.randbytes(length)
            case "take":
                del hurt[place : place + length]
            case "put":
                hurt[place:place] = chance.randbytes(length)
            case "double":
                hurt[place:place] = hurt[place : place + length]
            case _:
                del hurt[max(place, 100) :]
        if len(hurt) < 100:
            hurt += chance.randbytes(100)
    return bytes(hurt)


async def converse(port: int, encoding: str, pieces: Sequence[bytes]) -> Told:
    """Send it piece by piece, and listen to the end."""
    told = Told()
    async with (
        asyncio.timeout(LIMIT_S),
        connect(
            f"ws://127.0.0.1:{port}/v1/captions", compression=None, ping_interval=None
        ) as socket,
    ):

        async def feed() -> None:
            with contextlib.suppress(ConnectionClosed):
                await socket.send(
                    json.dumps({"type": "start", "language": "en", "encoding": encoding})
                )
                for piece in pieces:
                    await socket.send(piece)
                    await asyncio.sleep(PIECE_S)
                await socket.send('{"type": "stop"}')

        feeding = asyncio.create_task(feed())
        with contextlib.suppress(ConnectionClosed):  # with an error: its code says which
            async for frame in socket:
                told.take(json.loads(frame))
        told.closed = socket.close_code
        feeding.cancel()
    return told


def _cut(data: bytes) -> list[bytes]:
    return [data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES)]


async def send_damaged(server: ServerProcess, count: int, seed: int, account: Account) -> None:
    """Hurt recordings, some at once, declared as what they were or as `auto`."""

    async def one_after_the_other() -> None:
        while account.faults < count:
            account.faults += 1
            await _send_one(server, random.Random(f"{seed} {account.faults}"), account)

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))


async def _send_one(server: ServerProcess, chance: random.Random, account: Account) -> None:
    encoding = chance.choice(sorted(recordings()))
    pieces = _cut(hurt(recordings()[encoding], chance))
    told = await converse(server.port, chance.choice([encoding, "auto"]), pieces)
    told.enter(account)


async def kill_decoders(server: ServerProcess, count: int, seed: int, account: Account) -> None:
    """Sound recordings, whose decoders are killed at any moment."""
    chance = random.Random(seed)
    bystanders = {server.process.pid, server.worker_pid}

    async def kill() -> None:
        while True:
            await asyncio.sleep(chance.random() * 2 * KILL_EVERY_S)
            decoders = [each for each in server.tree() if _is_decoder(each, bystanders)]
            if decoders:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(decoders).pid, signal.SIGKILL)
                    account.faults += 1

    async def send() -> None:
        while account.faults < count:
            encoding = chance.choice(sorted(recordings()))
            told = await converse(server.port, encoding, _cut(recordings()[encoding]))
            told.enter(account)

    killing = asyncio.create_task(kill())
    try:
        await asyncio.gather(*(send() for _ in range(AT_ONCE)))
    finally:
        killing.cancel()


def _is_decoder(process: psutil.Process, bystanders: set[int]) -> bool:
    """Whether it decodes for sessions, or makes the processes that do."""
    with contextlib.suppress(psutil.Error):
        return process.pid not in bystanders and any(
            "surtitle.decoding" in word for word in process.cmdline()
        )
    return False


async def fall_silent(server: ServerProcess, count: int, seed: int, account: Account) -> None:
    """Senders that stop in the middle of a word; each is answered soon, without a goodbye."""

    async def one_after_the_other() -> None:
        while account.faults < count:
            account.faults += 1
            told = await _mumble(server.port, random.Random(f"{seed} {account.faults}"))
            told.enter(account)

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))


async def _mumble(port: int, chance: random.Random) -> Told:
    """Words that break off; silence after each, until it is answered."""
    told, word = Told(), spoken_word()
    async with (
        asyncio.timeout(LIMIT_S),
        connect(
            f"ws://127.0.0.1:{port}/v1/captions", compression=None, ping_interval=None
        ) as socket,
    ):
        await socket.send('{"type": "start", "language": "en"}')
        for _ in range(3):
            await socket.send(word[: chance.randrange(8000, 16_000) & ~1])
            before = len(told.answered)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANSWERED_WITHIN_S):
                    while len(told.answered) == before:
                        told.take(json.loads(await socket.recv()))
        told.late = len(told.opened) - len(told.answered)
        await socket.send('{"type": "stop"}')
        async for frame in socket:
            told.take(json.loads(frame))
        told.closed = socket.close_code
    return told


async def speak_beside(server: ServerProcess, account: Account, over: asyncio.Event) -> None:
    """Somebody who speaks as PCM beside all this, and loses nothing."""
    while not over.is_set():
        words = [str(number) for number in range(WORDS // 4)]
        await tell(server.port, [f"say:{word}" for word in words], words, account)
