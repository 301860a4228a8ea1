"""Real decoder processes, seen from the event loop of a server."""

import asyncio
import contextlib
import io
import os
import signal
import socket
import struct
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from lab.places import REPOSITORY
from lab.waiting import is_alive, left_over
from surtitle.decoding.decoders import BEHIND_BYTES, Decoders, Decoding
from surtitle.decoding.pacing import Pacing
from surtitle.decoding.wire import Kind, pack, pack_place
from surtitle.errors import Busy
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.messages import ContainerEncoding
from tests.captioning.chunking import ragged
from tests.containers import Track, click_times_s, clicks, encode, in_flac
from tests.decoding.listening import in_stream
from tests.marks import long

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

LIMIT_S = 15.0
"""Generous: the machine may be busy, and decoders are nice."""


class Told:
    """What a decoder says, in order."""

    def __init__(self) -> None:
        self.samples = 0
        self.parts: list[Pcm16] = []
        self.missing: list[tuple[int, int]] = []
        self.marks: list[int] = []
        """How many samples had come at each mark."""
        self.rooms = 0
        self.ended = False
        self.failures: list[str] = []

    def on_samples(self, samples: Pcm16) -> None:
        self.parts.append(samples)
        self.samples += len(samples)

    def on_missing(self, start_sample: int, samples: int) -> None:
        self.missing.append((start_sample, samples))

    def on_mark(self) -> None:
        self.marks.append(self.samples)

    def on_room(self) -> None:
        self.rooms += 1

    def on_end(self) -> None:
        self.ended = True

    def on_failure(self, why: str) -> None:
        self.failures.append(why)

    @property
    def over(self) -> bool:
        return self.ended or bool(self.failures)

    @property
    def clicks_s(self) -> list[float]:
        return click_times_s(np.concatenate(self.parts))


async def until(condition: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.002)


@asynccontextmanager
async def decoders() -> AsyncIterator[Decoders]:
    """Those of a server; at its end none of its processes is left."""
    room = Decoders()
    try:
        yield room
    finally:
        processes = family(room)
        room.close()
        assert await asyncio.to_thread(left_over, processes) == []


def family(room: Decoders) -> list[psutil.Process]:
    """The process that forks, and its children."""
    if room.pid is None:
        return []
    forker = psutil.Process(room.pid)
    return [forker, *forker.children()]


def children(room: Decoders) -> list[psutil.Process]:
    return [process for process in family(room)[1:] if is_alive(process)]


async def decoded(room: Decoders, data: bytes, encoding: ContainerEncoding) -> Told:
    """All of some bytes."""
    told = Told()
    decoding = room.open(encoding, told)
    await send(decoding, data)
    decoding.finish()
    await until(lambda: told.over)
    decoding.close()
    return told


async def send(decoding: Decoding, data: bytes) -> None:
    for start in range(0, len(data), 16_384):
        decoding.feed(data[start : start + 16_384])
        await until(lambda: not decoding.behind)


def descriptors() -> int:
    """How many this process has open."""
    return psutil.Process().num_fds()


def speech(seconds: float = 4) -> bytes:
    return encode("webm", Track(clicks(seconds), "libopus"), options={"live": "1"})


async def assert_works(room: Decoders) -> None:
    told = await decoded(room, speech(2), "webm")
    assert (told.ended, told.clicks_s) == (True, [0.5, 1.5])


# -- samples and marks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "file_format", "codec"),
    [
        ("webm", "webm", "libopus"),
        ("ogg", "ogg", "libopus"),
        ("flac", "flac", "flac"),
        ("wav", "wav", "pcm_s16le"),
        ("mp4", "mp4", "aac"),
        ("mp3", "mp3", "libmp3lame"),
        ("aac", "adts", "aac"),
        ("auto", "mpegts", "aac"),
    ],
)
async def test_samples_come(encoding: ContainerEncoding, file_format: str, codec: str) -> None:
    async with decoders() as room:
        told = await decoded(room, encode(file_format, Track(clicks(4), codec)), encoding)
        assert (told.ended, told.failures, told.missing) == (True, [], [])
        assert told.samples == pytest.approx(4 * SAMPLE_RATE, abs=1200)
        assert told.clicks_s == pytest.approx([0.5, 1.5, 2.5, 3.5], abs=0.06)


async def test_samples_come_while_the_rest_is_still_to_come() -> None:
    async with decoders() as room:
        told = Told()
        decoding = room.open("webm", told)
        data = speech()
        decoding.feed(data[: len(data) // 2])
        await until(lambda: told.samples > 1.7 * SAMPLE_RATE)
        assert not told.over
        decoding.feed(data[len(data) // 2 :])
        decoding.finish()
        await until(lambda: told.ended)
        assert told.samples == pytest.approx(4 * SAMPLE_RATE, abs=400)


async def test_a_mark_comes_back_behind_what_came_before_it() -> None:
    data = speech()
    places = [len(data) * share // 10 for share in (0, 3, 3, 6, 8, 10)]
    marks = []
    async with decoders() as room:
        for size in (200, 5000, len(data)):
            told = Told()
            decoding = room.open("webm", told)
            at = 0
            for place in places:
                while at < place:
                    decoding.feed(data[at : min(at + size, place)])
                    at = min(at + size, place)
                decoding.mark()
            decoding.finish()
            await until(lambda: told.ended)  # noqa: B023
            marks.append(told.marks)
    assert marks[0] == marks[1] == marks[2], "the same however they are cut"
    assert len(marks[0]) == len(places)
    assert marks[0] == sorted(marks[0])
    for mark, place in zip(marks[0], places, strict=True):
        can_be = len(in_stream(data[:place], "webm").samples) if place else 0
        assert can_be - 0.05 * SAMPLE_RATE <= mark <= can_be


async def test_damage_is_told_and_the_rest_goes_on() -> None:
    data = bytearray(encode("mp3", Track(clicks(8), "libmp3lame")))
    middle = len(data) // 2
    data[middle : middle + 900] = bytes(900)
    async with decoders() as room:
        told = await decoded(room, bytes(data), "mp3")
    assert told.ended
    ((start, length),) = told.missing
    assert start / SAMPLE_RATE == pytest.approx(4.0, abs=0.2)
    assert 0.02 < length / SAMPLE_RATE < 0.3
    assert len(told.clicks_s) == 8


@pytest.mark.parametrize(
    ("encoding", "data"),
    [("webm", b"hello, world" * 900), ("ogg", bytes(9000)), ("auto", b"hello, world" * 9000)],
)
async def test_what_is_no_audio_is_told_in_a_sentence(
    encoding: ContainerEncoding, data: bytes
) -> None:
    async with decoders() as room:
        told = await decoded(room, data, encoding)
        assert not told.ended
        (why,) = told.failures
        assert why.endswith(".")
        assert "died" not in why


async def test_many_at_once_do_not_disturb_each_other() -> None:
    data, rubbish = speech(), b"nonsense" * 4000
    async with decoders() as room:
        results = await asyncio.gather(
            *(decoded(room, rubbish if number % 4 == 3 else data, "webm") for number in range(24))
        )
        for number, told in enumerate(results):
            assert told.ended is (number % 4 != 3)
            if told.ended:
                assert told.clicks_s == [0.5, 1.5, 2.5, 3.5]


# -- bombs --------------------------------------------------------------------------------------


def flac_with_comments(count: int) -> bytes:
    comment = struct.pack("<I", 5) + b"A=123"
    block = struct.pack("<I", 0) + struct.pack("<I", count) + comment * count
    data = in_flac(np.zeros(SAMPLE_RATE, np.int16))
    streaminfo = data[4:42]
    return b"fLaC\x00" + streaminfo[1:] + b"\x84" + struct.pack(">I", len(block))[1:] + block


def ebml(name: bytes, content: bytes) -> bytes:
    return name + (len(content) | 1 << 56).to_bytes(8, "big") + content


def matroska(*, track: bytes = b"", body: bytes = b"", extra: bytes = b"") -> bytes:
    """PCM at 16 kHz in Matroska, and what one likes to add."""
    header = ebml(b"\x1a\x45\xdf\xa3", ebml(b"\x42\x82", b"matroska"))
    audio = ebml(
        b"\xe1",
        ebml(b"\xb5", struct.pack(">d", 16000.0))
        + ebml(b"\x9f", b"\x01")
        + ebml(b"\x62\x64", b"\x10"),
    )
    entry = ebml(
        b"\xae",
        ebml(b"\xd7", b"\x01")
        + ebml(b"\x73\xc5", b"\x01")
        + ebml(b"\x83", b"\x02")
        + ebml(b"\x86", b"A_PCM/INT/LIT")
        + track
        + audio,
    )
    tracks = ebml(b"\x16\x54\xae\x6b", entry)
    segment = (
        ebml(b"\x15\x49\xa9\x66", ebml(b"\x2a\xd7\xb1", b"\x0f\x42\x40")) + tracks + extra + body
    )
    return header + ebml(b"\x18\x53\x80\x67", segment)


def cluster(*blocks: bytes) -> bytes:
    inner = b"".join(ebml(b"\xa3", b"\x81\x00\x00\x80" + block) for block in blocks)
    return ebml(b"\x1f\x43\xb6\x75", ebml(b"\xe7", b"\x00") + inner)


ZLIB = ebml(b"\x6d\x80", ebml(b"\x62\x40", ebml(b"\x50\x34", ebml(b"\x42\x54", b"\x00"))))
TAGS = ebml(
    b"\x12\x54\xc3\x67",
    ebml(b"\x73\x73", ebml(b"\x67\xc8", ebml(b"\x45\xa3", b"N") + ebml(b"\x44\x87", b"v")))
    * 40_000,
)
ATTACHMENT = ebml(
    b"\x19\x41\xa4\x69",
    ebml(
        b"\x61\xa7",
        ebml(b"\x46\x6e", b"a") + ebml(b"\x46\x60", b"a/b") + ebml(b"\x46\x5c", bytes(40 << 20)),
    ),
)

BOMBS: dict[str, Callable[[], tuple[ContainerEncoding, bytes]]] = {
    "compressed PCM": lambda: (
        "webm",
        matroska(track=ZLIB, body=cluster(zlib.compress(bytes(40 << 20), 9))),
    ),
    "many blocks of compressed PCM": lambda: (
        "webm",
        matroska(track=ZLIB, body=cluster(*[zlib.compress(bytes(4 << 20), 9)] * 60)),
    ),
    "300,000 comments of FLAC": lambda: ("flac", flac_with_comments(300_000)),
    "40,000 tags of Matroska": lambda: ("webm", matroska(extra=TAGS)),
    "an attachment of 40 MB": lambda: (
        "webm",
        matroska(extra=ATTACHMENT, body=cluster(bytes(3200))),
    ),
}


def test_what_the_bombs_are_made_of_is_audio() -> None:
    """They fail by their size, not because they are no Matroska or FLAC."""
    pcm = (np.arange(16_000) % 100 * 50).astype("<i2").tobytes()
    for data in (
        matroska(body=cluster(pcm)),
        matroska(track=ZLIB, body=cluster(zlib.compress(pcm))),
        matroska(body=cluster(pcm), extra=ebml(b"\x12\x54\xc3\x67", b"")),
    ):
        with av.open(io.BytesIO(data), "r") as container:
            assert sum(frame.samples for frame in container.decode(audio=0)) == 16_000


@pytest.mark.parametrize(
    "name", [name if "comments" in name or "many" in name else long(name) for name in BOMBS]
)
async def test_a_bomb_ends_its_own_decoder_and_disturbs_nobody(name: str) -> None:
    encoding, bomb = BOMBS[name]()
    async with decoders() as room:
        await assert_works(room)
        bad, good = Told(), Told()
        attack = room.open(encoding, bad)
        victim = room.open("webm", good)
        data = speech()
        peaks, gaps = [0], [0.0]
        at = fed = 0
        started = last = time.monotonic()
        # What is audio without end goes on until its session has had enough of it.
        while not (good.over and (bad.over or bad.samples > 600 * SAMPLE_RATE)):
            assert time.monotonic() - started < 90
            if fed < len(bomb) and not attack.behind:
                attack.feed(bomb[fed : fed + 262_144])
                fed += 262_144
                if fed >= len(bomb):
                    attack.finish()
            if at < len(data):
                victim.feed(data[at : at + 400])
                at += 400
                if at >= len(data):
                    victim.finish()
            await asyncio.sleep(0.001)
            now = time.monotonic()
            gaps.append(now - last)
            last = now
            with contextlib.suppress(psutil.NoSuchProcess):
                peaks += [child.memory_info().rss for child in children(room)]
        assert good.ended
        assert good.clicks_s == [0.5, 1.5, 2.5, 3.5]
        assert max(peaks) < 400 << 20
        # Generous: other tests may run beside this. Decoding on the loop took many seconds.
        assert max(gaps) < 2, "the event loop was held up"
        assert all(why.endswith(".") for why in bad.failures)
        attack.close()
        victim.close()
        await assert_works(room)


async def test_silence_without_end_is_held_back_by_who_listens() -> None:
    """A few bytes that hold hours: what is decoded waits in the socket, not in anybody's memory."""
    bomb = in_flac(np.zeros(3600 * SAMPLE_RATE, np.int16))
    async with decoders() as room:
        told = Told()
        decoding = room.open("flac", told)
        decoding.feed(bomb)
        decoding.finish()
        await until(lambda: told.samples)
        decoding.pause()
        paused_at = told.samples
        (child,) = children(room)
        await until(lambda: child.status() == psutil.STATUS_SLEEPING)
        assert told.samples == paused_at
        assert told.samples < 600 * SAMPLE_RATE
        assert child.memory_info().rss < 200 << 20
        decoding.resume()
        await until(lambda: told.samples > paused_at + 100 * SAMPLE_RATE)
        decoding.close()


async def test_a_decoder_that_takes_nothing_lets_no_more_come() -> None:
    async with decoders() as room:
        told = Told()
        decoding = room.open("webm", told)
        data = speech()
        decoding.feed(data[:4000])
        await until(lambda: told.samples)
        (child,) = children(room)
        child.send_signal(signal.SIGSTOP)
        sent = 0
        while not decoding.behind:
            decoding.feed(bytes(16_384))
            sent += 16_384
            await asyncio.sleep(0)
            assert sent < 4 << 20
        assert BEHIND_BYTES < decoding.held_bytes < BEHIND_BYTES + 40_000
        assert told.rooms == 0
        child.send_signal(signal.SIGCONT)
        await until(lambda: not decoding.behind)
        assert told.rooms == 1
        decoding.close()
        assert decoding.held_bytes == 0


# -- ends ---------------------------------------------------------------------------------------


async def test_a_decoder_that_is_killed_is_told_of_and_others_go_on() -> None:
    data = speech()
    async with decoders() as room:
        first, second = Told(), Told()
        doomed = room.open("webm", first)
        doomed.feed(data[:9000])
        await until(lambda: first.samples)
        (child,) = children(room)
        other = room.open("webm", second)
        other.feed(data[:9000])
        await until(lambda: second.samples)
        child.kill()
        await until(lambda: first.over)
        assert first.failures == [
            "The decoder of this audio died, or exceeded its memory or time limit: the audio is "
            "damaged or malicious. Other sessions are not affected."
        ]
        doomed.feed(data[9000:])  # nobody minds
        doomed.mark()
        doomed.finish()
        doomed.close()
        other.feed(data[9000:])
        other.finish()
        await until(lambda: second.over)
        assert second.clicks_s == [0.5, 1.5, 2.5, 3.5]


async def test_a_new_process_forks_once_the_old_one_was_killed() -> None:
    async with decoders() as room:
        told = Told()
        decoding = room.open("webm", told)
        decoding.feed(speech()[:9000])
        await until(lambda: told.samples)
        processes = family(room)
        assert len(processes) == 2
        os.kill(processes[0].pid, signal.SIGKILL)
        await until(lambda: told.failures)
        assert await asyncio.to_thread(left_over, processes) == []
        decoding.close()
        await assert_works(room)
        assert room.pid != processes[0].pid


async def test_one_that_is_closed_at_any_moment_leaves_no_process_and_no_descriptor() -> None:
    data = speech()
    async with decoders() as room:
        await assert_works(room)
        before = descriptors()
        for share in (0.0, 0.001, 0.02, 0.4, 1.0):
            for wait in (False, True):
                told = Told()
                decoding = room.open("webm", told)
                decoding.feed(data[: int(len(data) * share)])
                decoding.mark()
                if wait:
                    await until(lambda: told.marks)  # noqa: B023
                came = told.samples
                decoding.close()
                decoding.close()
                await asyncio.sleep(0)
                assert (told.samples, told.over) == (came, False)
        await until(lambda: not children(room), 2 * LIMIT_S)
        assert descriptors() == before


async def test_the_end_of_the_server_is_that_of_all_decoders() -> None:
    room = Decoders()
    told = [Told() for _ in range(5)]
    for each in told:
        room.open("webm", each).feed(speech()[:9000])
    await until(lambda: all(each.samples for each in told))
    processes = family(room)
    assert len(processes) == 6
    room.close()
    room.close()
    assert await asyncio.to_thread(left_over, processes) == []
    await until(lambda: all(each.failures for each in told))


SERVER = """
import asyncio, sys
from surtitle.decoding.decoders import Decoders
from tests.decoding.test_decoders import Told, family, speech, until
async def main():
    room, told = Decoders(), [Told() for _ in range(3)]
    for each in told:
        room.open("webm", each).feed(speech()[:9000])
    await until(lambda: all(each.samples for each in told))
    print(*(process.pid for process in family(room)), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere decoders end with their socket")
@pytest.mark.parametrize("stopped", [False, True], ids=["as they are", "decoders stopped"])
async def test_a_server_that_is_killed_leaves_no_decoder(stopped: bool) -> None:
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVER),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
    )
    try:
        assert server.stdout is not None
        pids = (await asyncio.wait_for(server.stdout.readline(), 2 * LIMIT_S)).split()
        processes = [psutil.Process(int(pid)) for pid in pids]
        assert len(processes) == 4
        if stopped:
            for process in processes[1:]:
                process.send_signal(signal.SIGSTOP)
    finally:
        server.kill()
        await server.wait()
    assert await asyncio.to_thread(left_over, processes) == []


# -- decoders that say nonsense -----------------------------------------------------------------


@contextlib.contextmanager
def pretended(told: Told) -> Iterator[socket.socket]:
    """The decoder's end of a decoding, for the test to speak at."""
    ours, theirs = socket.socketpair()
    decoding = Decoding(ours, told, Pacing())
    with theirs:
        yield theirs
    decoding.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"hello, world",
        pack(Kind.PCM, b"odd"),
        pack(Kind.MISSING, b"short"),
        b"\x05\xff\xff\xff\xff",
        b"\x63\x00\x00\x00\x00",
        b"\x05\x10",
    ],
    ids=["text", "half a sample", "half a place", "too long", "unknown", "cut off"],
)
async def test_a_decoder_that_says_nonsense_is_given_up(nonsense: bytes) -> None:
    told = Told()
    with pretended(told) as decoder:
        decoder.sendall(pack(Kind.PCM, b"\1\0\2\0") + nonsense)
        if nonsense == b"\x05\x10":
            decoder.close()
        await until(lambda: told.over)
        assert told.samples == 2
        assert len(told.failures) == 1
        assert "died" in told.failures[0]


async def test_what_a_decoder_says_may_come_in_any_pieces() -> None:
    told = Told()
    with pretended(told) as decoder:
        data = (
            pack(Kind.TRACKS, b"{}")
            + pack(Kind.PCM, bytes(2000))
            + pack_place(Kind.MISSING, 3, 4)
            + pack(Kind.MARK)
            + pack(Kind.PCM, bytes(20))
            + pack_place(Kind.ENDED, 0, 4)
        )
        for piece in ragged(data):
            decoder.sendall(piece)
            await asyncio.sleep(0)
        await until(lambda: told.over)
    assert (told.samples, told.marks, told.missing) == (1010, [1000], [(3, 4)])
    assert (told.ended, told.failures) == (True, [])


async def test_nothing_follows_what_a_decoder_says_last() -> None:
    told = Told()
    with pretended(told) as decoder:
        decoder.sendall(pack(Kind.FAILED, b"Oh no.") + pack(Kind.PCM, bytes(20)) + b"nonsense")
        await until(lambda: told.over)
        await asyncio.sleep(0.01)
    assert (told.failures, told.samples, told.ended) == (["Oh no."], 0, False)


# -- the process that forks ---------------------------------------------------------------------

NO_FORK = """
import os, sys
real, refused = os.fork, []
def fork():
    if not refused:
        refused.append(True)
        raise BlockingIOError("no more processes")
    return real()
os.fork = fork
from surtitle.decoding.forkserver import main
main(int(sys.argv[1]), int(sys.argv[2]))
"""


async def test_a_fork_that_fails_costs_one_session_alone() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        forker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", NO_FORK, str(theirs.fileno()), str(os.getpid())),
            pass_fds=[theirs.fileno()],
        )
        try:
            results = []
            for _ in range(2):
                told = Told()
                mine, its = socket.socketpair()
                with its:
                    socket.send_fds(ours, [b"d"], [its.fileno()])
                decoding = Decoding(mine, told, Pacing())
                decoding._send(pack(Kind.OPEN, b'{"encoding":"webm"}'))
                decoding.feed(speech(2))
                decoding.finish()
                await until(lambda: told.over)  # noqa: B023
                results.append((told.ended, len(told.failures)))
            assert results == [(False, 1), (True, 0)]
        finally:
            forker.kill()
            await forker.wait()


async def test_many_that_come_and_go_disturb_nobody() -> None:
    """More than the socket takes on which processes are asked for, or than can be forked meanwhile."""
    async with decoders() as room:
        victim = Told()
        decoding = room.open("webm", victim, "victim")
        decoding.feed(speech()[:9000])
        await until(lambda: victim.samples)
        forker = room.pid
        for _ in range(10):
            for _ in range(100):
                room.open("webm", Told(), "greedy").close()
            await asyncio.sleep(0.01)
        assert len(family(room)) <= 2 + 20
        decoding.feed(speech()[9000:])
        decoding.finish()
        await until(lambda: victim.over)
        assert (victim.ended, victim.failures, room.pid) == (True, [], forker)


async def test_who_has_few_gets_a_process_before_who_asks_for_many() -> None:
    async with decoders() as room:
        greedy = [room.open("webm", Told(), "greedy") for _ in range(40)]
        told = Told()
        room.open("webm", told, "modest").feed(speech()[:9000])
        await until(lambda: told.samples)
        assert len(children(room)) < 40  # not all of the other's were first
        for each in greedy:
            each.close()


@pytest.mark.parametrize("error", [BlockingIOError, OSError])
async def test_a_machine_that_comes_to_itself_decodes_again(
    monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error("nothing left")

    async with decoders() as room:
        with monkeypatch.context() as short:
            short.setattr("surtitle.decoding.decoders.launch", fail)
            told = Told()
            room.open("webm", told)
            await until(lambda: told.over)
            assert len(told.failures) == 1
        with monkeypatch.context() as short:
            short.setattr("surtitle.decoding.decoders.socket.socketpair", fail)
            with pytest.raises(Busy):
                room.open("webm", Told())
        await assert_works(room)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
async def test_where_memory_is_short_a_decoder_goes_before_the_server() -> None:
    async with decoders() as room:
        await assert_works(room)
        forker, *others = family(room)
        assert oom_score(str(forker.pid)) > oom_score("self")
        for process in others:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                assert oom_score(str(process.pid)) > oom_score("self")


def oom_score(process: str) -> int:
    return int(Path(f"/proc/{process}/oom_score_adj").read_text())
