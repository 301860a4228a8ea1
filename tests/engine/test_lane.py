"""Lanes where something is wrong: other versions, secrets, silence, broken connections, nonsense."""

import asyncio
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from surtitle.engine import dialing, lane, lanes, wire
from surtitle.engine.dialing import LaneOptions, engine_tls
from surtitle.engine.lane import Lane
from surtitle.engine.pool import EnginePool
from surtitle.engine.scheduler import Owner
from surtitle.engine.states import EngineState
from surtitle.jobs import Job, JobKind, Result
from tests.engine.jobs import job
from tests.engine.scripted import MODEL
from tests.engine.serving import LIMIT_S, SECRET, served, until
from tests.gateway.certificates import make_certificate
from tests.gateway.fakes import everything_logged


class Here:
    """A lane, and what came of it."""

    def __init__(self, url: str, options: LaneOptions | None = None) -> None:
        self.states: list[EngineState] = []
        self.results: list[Result] = []
        options = options or LaneOptions("here", SECRET)
        self.lane = Lane(url, options, self.states.append, lambda overloaded: None)

    def submit(self, job: Job) -> Job:
        self.lane.submit(job, self.results.append)
        return job


@asynccontextmanager
async def reaching(
    url: str, options: LaneOptions | None = None, *, ready: bool = True
) -> AsyncIterator[Here]:
    here = Here(url, options)
    here.lane.start()
    try:
        if ready:
            await until(lambda: here.lane.state is EngineState.READY)
        yield here
    finally:
        await here.lane.stop()


@asynccontextmanager
async def engine_that(
    behave: Callable[[ServerConnection], Coroutine[Any, Any, None]],
) -> AsyncIterator[str]:
    """The URL of something that listens where an engine is expected."""
    async with serve(behave, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def warnings(log: Sequence[Mapping[str, Any]], event: str) -> list[object]:
    return [line["why"] for line in log if line["event"] == event]


# -- who they are -------------------------------------------------------------------------------


async def test_an_engine_of_another_version_is_refused_in_a_sentence() -> None:
    async def newer(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(wire.encode(wire.Welcome(wire.PROTOCOL + 1, "there", "1")))
        await socket.wait_closed()

    with everything_logged() as log:
        async with engine_that(newer) as url, reaching(url, ready=False) as here:
            await until(lambda: warnings(log, "engine not reached"))
            assert here.lane.state is EngineState.LOADING
    assert warnings(log, "engine not reached") == [
        "The gateway speaks version 1 of the lane protocol, and the engine version 2: update the "
        "gateway."
    ]


async def test_a_gateway_of_another_version_is_told_the_version_and_closed() -> None:
    headers = {"Authorization": f"Bearer {SECRET}"}
    with everything_logged() as log:
        async with (
            served() as there,
            connect(there.url + wire.PATH, additional_headers=headers) as socket,
        ):
            await socket.send(wire.encode(wire.Hello(wire.PROTOCOL - 1, "older")))
            welcome = wire.decode_to_gateway(await socket.recv())
            assert welcome == wire.Welcome(wire.PROTOCOL, "there", "1")
            with pytest.raises(ConnectionClosed):
                await socket.recv()
    assert len(warnings(log, "gateway refused")) == 1


@pytest.mark.parametrize("secret", ["", "another secret!!", "not ASCII é"])
async def test_a_gateway_without_the_secret_does_not_come_in(secret: str) -> None:
    options = LaneOptions("here", secret.encode("ascii", "ignore").decode())
    with everything_logged() as log:
        async with served() as there, reaching(there.url, options, ready=False):
            await until(lambda: warnings(log, "engine not reached"))
    (why,) = warnings(log, "engine not reached")
    assert "engine_secret_file" in str(why)


async def test_an_engine_without_a_secret_asks_for_none() -> None:
    async with served(secret="") as there, reaching(there.url, LaneOptions("here")):
        pass


async def test_with_certificates_each_side_knows_the_other(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate)
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    async with served(tls=context) as there:
        url = f"wss://localhost:{there.port}"
        proven = LaneOptions("here", SECRET, engine_tls(certificate, certificate, key))
        async with reaching(url, proven) as here:
            final = here.submit(job())
            await until(lambda: there.engine.held)
            there.engine.answer(f"1/{final.id}")
            await until(lambda: here.results)
        nobody = LaneOptions("here", SECRET, engine_tls(certificate, None, None))
        with everything_logged() as log:
            async with reaching(url, nobody, ready=False):
                await until(lambda: warnings(log, "engine not reached"))


# -- what breaks --------------------------------------------------------------------------------


async def test_what_is_owed_when_an_engine_goes_is_sent_to_it_again_when_it_comes_back() -> None:
    async with served() as first:
        port, url = first.port, first.url
        async with reaching(url) as here:
            here.lane.place("a", Owner("somebody"))
            final = here.submit(job("a"))
            await until(lambda: first.engine.held)
            await first.server.stop()
            await until(lambda: here.lane.state is EngineState.RECOVERING)
            assert first.engine.held == {}  # it has nobody to answer to
            async with served(port) as second:
                await until(lambda: second.engine.held)
                assert second.engine.owners == {"1/a": Owner("somebody")}
                second.engine.answer(f"1/{final.id}")
                await until(lambda: here.results)
                assert [result.job_id for result in here.results] == [final.id]
    assert here.states[:3] == [EngineState.READY, EngineState.RECOVERING, EngineState.READY]


async def test_an_engine_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "SILENCE_S", 0.2)

    async def silent(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(wire.encode(wire.Welcome(wire.PROTOCOL, "there", "1")))
        await socket.send(wire.encode(wire.State(EngineState.READY, MODEL)))
        await socket.wait_closed()

    with everything_logged() as log:
        async with engine_that(silent) as url, reaching(url) as here:
            await until(lambda: EngineState.RECOVERING in here.states)
            # It is told once the connection is closed.
            await until(lambda: "It is silent." in warnings(log, "engine not reached"))


async def test_jobs_do_not_wait_until_a_dead_connection_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dialing, "SILENCE_S", 0.2)
    monkeypatch.setattr(dialing, "CLOSE_S", 10 * LIMIT_S)
    ended = asyncio.Event()

    async def dead(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(wire.encode(wire.Welcome(wire.PROTOCOL, "there", "1")))
        await socket.send(wire.encode(wire.State(EngineState.READY, MODEL)))
        socket.transport.pause_reading()
        await ended.wait()
        socket.transport.abort()

    async with engine_that(dead) as url, reaching(url) as here:
        await until(lambda: EngineState.RECOVERING in here.states)
        ended.set()


NO_TEXT = b"\x81\xa4type\xa4\xff\xff\xff\xff"
DEEP = b"\x82\xa1x" + b"\x91" * 5000 + b"\xc0\xa4type\xa4beat"


@pytest.mark.parametrize(
    "said", ["no frame of ours", b"\xc1", wire.encode(wire.Refused("No.")), NO_TEXT, DEEP]
)
async def test_who_is_no_engine_is_not_taken_for_one(said: str | bytes) -> None:
    async def other(socket: ServerConnection) -> None:
        await socket.send(said)
        await socket.wait_closed()

    with everything_logged() as log:
        async with engine_that(other) as url, reaching(url, ready=False) as here:
            await until(lambda: warnings(log, "engine not reached"))
            assert here.states == []


async def test_an_engine_that_was_never_reached_does_not_pass_for_one_that_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane, "BROKEN_S", 0.2)
    async with served() as never:
        pass
    async with served() as there:
        options = LaneOptions("here", SECRET)
        pool = EnginePool([partial(Lane, each.url, options) for each in (there, never)])
        pool.start()
        await until(lambda: pool.members[1].state is EngineState.BROKEN)
        assert pool.state is EngineState.READY
    await until(lambda: pool.state is EngineState.BROKEN)
    await pool.stop()


async def test_a_gateway_that_has_reached_no_engine_yet_is_loading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane, "BROKEN_S", 0.2)
    async with served() as never:
        pass
    pool = EnginePool([partial(Lane, never.url, LaneOptions("here", SECRET))])
    pool.start()
    await until(lambda: pool.members[0].state is EngineState.BROKEN)
    assert pool.state is EngineState.LOADING
    async with served(never.port):
        await until(lambda: pool.state is EngineState.READY)
    await pool.stop()


@pytest.mark.parametrize("said", ["text", b"\xc1", NO_TEXT, DEEP])
async def test_an_engine_that_begins_to_talk_nonsense_is_given_up(said: str | bytes) -> None:
    async def confused(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(wire.encode(wire.Welcome(wire.PROTOCOL, "there", "1")))
        await socket.send(wire.encode(wire.State(EngineState.READY, MODEL)))
        await socket.send(said)
        await socket.wait_closed()

    async with engine_that(confused) as url, reaching(url, ready=False) as here:
        await until(lambda: here.states.count(EngineState.READY) == 2)  # it is tried again
        assert here.states[1] is EngineState.RECOVERING


async def test_a_gateway_that_talks_nonsense_ends_its_own_lane_alone() -> None:
    headers = {"Authorization": f"Bearer {SECRET}"}
    async with served() as there, reaching(there.url) as here:
        final = here.submit(job())
        await until(lambda: there.engine.held)
        for nonsense in ("text", b"\xc1", NO_TEXT, DEEP, wire.encode(wire.Submit.of(job()))[:-9]):
            async with connect(there.url + wire.PATH, additional_headers=headers) as socket:
                await socket.send(wire.encode(wire.Hello(wire.PROTOCOL, "nonsense")))
                await socket.send(nonsense)
                with pytest.raises(ConnectionClosed):
                    while True:
                        await socket.recv()
        there.engine.answer(f"1/{final.id}")
        await until(lambda: here.results)
        assert here.states == [EngineState.READY]


async def test_a_gateway_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_UNSENT_BYTES", 1 << 20)
    headers = {"Authorization": f"Bearer {SECRET}"}
    async with (
        served() as there,
        connect(
            there.url + wire.PATH, additional_headers=headers, max_queue=1, close_timeout=0.1
        ) as socket,
    ):
        await socket.send(wire.encode(wire.Hello(wire.PROTOCOL, "here")))
        for n in range(128):
            await socket.send(wire.encode(wire.Submit.of(job(f"s{n}"))))
        await until(lambda: len(there.engine.held) == 128)
        answered = 0
        while there.engine.held:  # what is not answered when the lane ends is taken back
            there.engine.answer(next(iter(there.engine.held)), "x" * (1 << 19))
            answered += 1
            await asyncio.sleep(0)  # it is sent, where that is possible
        assert answered < 128


async def test_gateways_do_not_meet() -> None:
    async with served() as there, reaching(there.url) as one:
        async with reaching(there.url) as other:
            final = one.submit(job("a"))
            other.submit(job("a"))
            await until(lambda: len(there.engine.held) == 2)
        await until(lambda: len(there.engine.held) == 1)  # the other is lost
        (held,) = there.engine.held
        there.engine.answer(held)
        await until(lambda: one.results)
        assert [result.job_id for result in one.results] == [final.id]
        assert other.results == []


async def test_an_engine_that_leaves_answers_what_it_has_while_others_take_what_comes() -> None:
    async with served() as leaving, served() as staying:
        pool = EnginePool(
            [
                lambda on_state, on_load, url=url: Lane(  # type: ignore[misc]
                    url, LaneOptions("here", SECRET), on_state, on_load
                )
                for url in (leaving.url, staying.url)
            ]
        )
        pool.start()
        await until(lambda: all(m.state is EngineState.READY for m in pool.members))
        results: list[Result] = []
        first = job("a")
        pool.submit(first, results.append)
        await until(lambda: leaving.engine.held)
        leaving.server.leave()
        await until(lambda: staying.engine.held)  # it waits no longer than it must
        assert leaving.engine.held == {}
        staying.engine.answer(next(iter(staying.engine.held)))
        await until(lambda: results)
        assert pool.state is EngineState.READY
        await pool.stop()


# -- connections that are slower than the audio ---------------------------------------------------


class Reader:
    """An engine that reads what comes, once it may."""

    def __init__(self) -> None:
        self.may_read = asyncio.Event()
        self.submitted: list[str] = []

    async def __call__(self, socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(wire.encode(wire.Welcome(wire.PROTOCOL, "there", "1")))
        await socket.send(wire.encode(wire.State(EngineState.READY, MODEL)))
        socket.transport.pause_reading()
        await self.may_read.wait()
        socket.transport.resume_reading()
        async for frame in socket:
            message = wire.decode_to_engine(frame)
            if isinstance(message, wire.Submit):
                self.submitted.append(message.id)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setattr(dialing, "SILENCE_S", 10 * LIMIT_S)  # it has no heartbeat
    return Reader()


def asked(session: str, samples: int, utterance: int = 1, kind: JobKind = "partial") -> Job:
    return replace(job(session, utterance, kind), id=f"{session}/{utterance}/{samples}/{kind}")


async def test_what_is_superfluous_before_it_is_sent_is_not_sent(reader: Reader) -> None:
    reader.may_read.set()
    async with engine_that(reader) as url, reaching(url) as here:
        old, new, other = asked("a", 1), asked("a", 2), asked("b", 1)
        cancelled, gone = asked("c", 1), asked("d", 1)
        ahead, behind = asked("e", 3, utterance=2), asked("e", 1, kind="final")
        late, final = asked("f", 1), asked("f", 2, kind="final")
        for each in (old, other, new, cancelled, gone, ahead, behind, late, final):
            here.submit(each)
        here.lane.cancel(cancelled)
        here.lane.discard_session("d")
        assert [(result.job_id, result.dropped) for result in here.results] == [
            (old.id, "superseded"),
            (late.id, "superseded"),
        ]
        await until(lambda: final.id in reader.submitted)
        assert reader.submitted == [each.id for each in (other, new, ahead, behind, final)]
        assert here.lane.owed_jobs == 5


async def test_a_final_does_not_wait_behind_partials_that_are_of_no_use_any_more(
    reader: Reader,
) -> None:
    second = np.zeros(16_000, np.int16)
    async with engine_that(reader) as url, reaching(url) as here:
        for n in range(2000):
            here.submit(replace(asked("a", n), audio=second))
            await asyncio.sleep(0)  # it is sent, where that is possible
        sent = 2000 - len(here.results)
        final = here.submit(asked("a", 2000, kind="final"))
        assert here.results[-1].job_id == asked("a", 1999).id
        reader.may_read.set()
        await until(lambda: final.id in reader.submitted)
        assert len(reader.submitted) == sent
        assert sent < 1000  # of 64 MB what the kernel keeps, some megabytes


async def test_what_has_become_superfluous_while_an_engine_was_away_is_not_sent_again() -> None:
    async with served() as first, reaching(first.url) as here:
        here.submit(asked("a", 1))
        await until(lambda: first.engine.held)
        await first.server.stop()
        await until(lambda: here.lane.state is EngineState.RECOVERING)
        here.submit(asked("a", 2))
        here.submit(asked("a", 3))
        async with served(first.port) as second:
            await until(lambda: second.engine.held)
            assert list(second.engine.held) == [f"1/{asked('a', 3).id}"]
        dropped = [result.job_id for result in here.results]
        assert sorted(dropped) == [asked("a", 1).id, asked("a", 2).id]


# -- HTTP beside lanes --------------------------------------------------------------------------


async def test_the_engine_says_how_it_is_over_http() -> None:
    async with served() as there:

        def ask(path: str) -> tuple[int, bytes]:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{there.port}{path}") as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read()

        status, body = await asyncio.to_thread(ask, "/readyz")
        assert (status, json.loads(body)) == (200, {"state": "ready", "owed_jobs": 0})
        there.engine.turn(EngineState.RECOVERING)
        assert (await asyncio.to_thread(ask, "/readyz"))[0] == 503
        status, body = await asyncio.to_thread(ask, "/healthz")
        assert (status, json.loads(body)) == (200, {"state": "serving", "lanes": 0})
        assert await asyncio.to_thread(ask, "/metrics") == (200, b"figures 1\n")
        assert (await asyncio.to_thread(ask, "/"))[0] == 404
        assert (await asyncio.to_thread(ask, wire.PATH))[0] == 401
