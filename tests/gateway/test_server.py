"""Admission, health, handshake and drain on a real port, with a fake engine behind."""

import asyncio
import gc
import logging
import random
import re
import sys
import urllib.error
import urllib.request
import weakref
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from lab.ledger import expect
from lab.nonsense import talk_nonsense
from surtitle.captioning.endpointing import WINDOW_SAMPLES
from surtitle.captioning.session import CaptionSession
from surtitle.engine.states import EngineState
from surtitle.errors import ConfigurationError
from surtitle.gateway import qr_codes, reading
from surtitle.gateway.access import KeyFile, add_key
from surtitle.gateway.connection import Connection
from surtitle.gateway.hosted import HostedSession
from surtitle.gateway.http import HttpConnection
from surtitle.gateway.limits import AddressLimits
from surtitle.gateway.origins import Names, OriginPolicy
from surtitle.gateway.proxies import TrustedProxies
from surtitle.gateway.server import MIN_WITHOUT_SESSION
from surtitle.gateway.stream import ClientStream
from surtitle.gateway.websocket import WebSocket
from surtitle.messages import (
    Ack,
    Error,
    Final,
    Ready,
    Resume,
    Resumed,
    ServerMessage,
    Speech,
    Status,
    format_message,
)
from surtitle.runtime import memory
from tests.gateway.fakes import LOUD, QUIET, everything_logged
from tests.gateway.site import START, Site, listening
from tests.gateway.test_http import HANDSHAKE

Said = TypeVar("Said", bound=ServerMessage)


@pytest.mark.parametrize(
    ("state", "status", "word"),
    [
        (EngineState.LOADING, 503, "loading"),
        (EngineState.READY, 200, "ready"),
        (EngineState.RECOVERING, 503, "recovering"),
        (EngineState.BROKEN, 503, "failed"),
        (EngineState.FAILED, 503, "failed"),
    ],
)
async def test_ready_and_alive_are_two_things(state: EngineState, status: int, word: str) -> None:
    async with listening() as site:
        site.engine.state = state
        assert await site.get("/readyz") == (status, {"state": word, "model": "fake"})
        status, health = await site.get("/healthz")
        assert (status, health["state"], health["sessions"]) == (200, "serving", 0)
        assert health["loop_lag_ms"].keys() == {"p50", "p99", "max"}


@pytest.mark.parametrize(
    ("state", "loaded", "reason"),
    [
        (EngineState.LOADING, False, "The model is being loaded."),
        (EngineState.FAILED, True, "The recognition engine has failed."),
        (
            EngineState.BROKEN,
            True,
            "The recognition worker keeps crashing; the server is still trying to restart it.",
        ),
    ],
)
async def test_without_an_engine_sessions_are_refused_with_the_reason(
    state: EngineState, loaded: bool, reason: str
) -> None:
    async with listening() as site:
        site.engine.state = state
        site.engine.model = site.engine.model if loaded else None
        assert await site.refusal() == (503, "5", reason)


async def test_readiness_and_metrics_name_the_workers_where_there_are_several() -> None:
    async with listening() as site:
        states = (EngineState.READY, EngineState.RECOVERING)
        site.engine.members = [
            SimpleNamespace(name=f"worker-{n}", state=state, utilization=0.5, owed_jobs=n)
            for n, state in enumerate(states, 1)
        ]
        _, body = await site.get("/readyz")
        assert body["members"] == {"worker-1": "ready", "worker-2": "recovering"}
        page = site.gateway._metrics.page().decode()
        assert 'surtitle_member_ready{member="worker-1"} 1.0' in page
        assert 'surtitle_member_ready{member="worker-2"} 0.0' in page
        assert 'surtitle_member_owed_jobs{member="worker-2"} 2.0' in page


@pytest.mark.parametrize("name", ["", "east-2"])
async def test_sessions_begin_with_the_name_of_the_server(name: str) -> None:
    async with listening(server_name=name) as site, connect(site.websocket) as socket:
        await socket.send(START)
        ready = expect(await socket.recv())
        assert isinstance(ready, Ready)
        assert re.fullmatch(rf"{name}\.[\w-]{{12}}" if name else r"[\w-]{12}", ready.session)
        path = f"/v1/captions/{ready.session}.vtt"
        assert (await site.ask(path, "HEAD"))[0] == 200


async def test_while_the_worker_recovers_sessions_are_admitted() -> None:
    """They keep speaking; nothing is lost."""
    async with listening() as site:
        site.engine.state = EngineState.RECOVERING
        async with connect(site.websocket) as client:
            await client.send(START)
            assert isinstance(expect(await client.recv()), Ready)


async def test_nothing_of_an_ended_session_waits_for_the_garbage_collector() -> None:
    """It comes once in hundreds of sessions, and each of them has its audio."""

    def alive() -> Counter[str]:
        kept = {
            ClientStream,
            HttpConnection,
            WebSocket,
            ServerProtocol,
            Connection,
            HostedSession,
            CaptionSession,
        }
        return Counter(type(each).__name__ for each in gc.get_objects() if type(each) in kept)

    async with listening() as site:
        gc.collect()
        before = alive()
        gc.disable()
        try:
            async with connect(site.websocket) as client:
                await client.send(START)
                assert isinstance(expect(await client.recv()), Ready)
                await client.send(QUIET)
                during = alive() - before
                await client.send('{"type":"stop"}')
                await client.wait_closed()
            assert (await site.get("/healthz"))[0] == 200
            assert (await site.get("/v1/nothing"))[0] == 404
            await site.until_empty()
            del client
            async with asyncio.timeout(5):
                while alive() != before:  # noqa: ASYNC110 - no event tells it
                    await asyncio.sleep(0.01)
        finally:
            gc.enable()
        assert during["CaptionSession"] == 1


async def test_a_session_that_is_ended_to_save_memory_holds_none() -> None:
    async with listening() as site:
        gc.disable()
        try:
            async with connect(site.websocket) as client:
                await client.send(START)
                assert isinstance(expect(await client.recv()), Ready)
                await client.send(QUIET)
                (hosted,) = site.gateway._sessions
                session, name = weakref.ref(hosted.session), hosted.id
                del hosted
                site.gateway._sessions.shed(name)
                await client.wait_closed()
            await site.until_empty()
            async with asyncio.timeout(5):
                while session() is not None:  # noqa: ASYNC110 - no event tells it
                    await asyncio.sleep(0.01)
        finally:
            gc.enable()


async def test_who_comes_while_the_service_is_not_normal_is_told() -> None:
    async with listening() as site:
        for told in ("recovering", "normal"):
            site.gateway.tell(lambda owner, told=told: (told, "It is."))  # type: ignore[misc]
            async with connect(site.websocket) as client:
                await client.send(START)
                assert isinstance(expect(await client.recv()), Ready)
                second = expect(await client.recv())
                if told == "normal":
                    assert isinstance(second, Ack)
                else:
                    assert isinstance(second, Status) and second.state == "recovering"


async def test_a_full_server_says_so_and_has_room_again_later() -> None:
    async with listening() as site:
        async with connect(site.websocket) as one, connect(site.websocket) as two:
            for client in (one, two):
                await client.send(START)
                assert isinstance(expect(await client.recv()), Ready)
            full = (503, "5", "The server has reached its session limit.")
            assert await site.refusal() == full
        async with connect(site.websocket) as client:
            await client.send(START)
            assert isinstance(expect(await client.recv()), Ready)


async def test_a_full_server_lets_those_in_who_come_back() -> None:
    """And keeps the place of one who may, from others."""

    def at(place: int) -> dict[str, str]:
        return {"X-Forwarded-For": f"203.0.113.{place}"}

    async with listening(proxies=TrustedProxies(["127.0.0.1"])) as site:
        async with connect(site.websocket, additional_headers=at(1)) as first:
            await first.send(START)
            ready = expect(await first.recv())
            assert isinstance(ready, Ready)
            first.transport.abort()
        async with asyncio.timeout(5):
            while not site.gateway._sessions.waiting:  # noqa: ASYNC110 - the count is no event
                await asyncio.sleep(0.01)
        async with connect(site.websocket, additional_headers=at(2)) as other:
            await other.send(START)
            assert isinstance(expect(await other.recv()), Ready)
            async with connect(site.websocket, additional_headers=at(3)) as stranger:
                await stranger.send(START)
                error = expect(await stranger.recv())
                assert isinstance(error, Error) and (error.code, error.fatal) == ("busy", True)
                await stranger.wait_closed()
                assert stranger.close_code == 1013
            async with connect(site.websocket, additional_headers=at(1)) as back:
                resume = Resume(session=ready.session, token=ready.token, last_seq=ready.seq)
                await back.send(format_message(resume))
                assert isinstance(expect(await back.recv()), Resumed)
                assert (await site.refusal(additional_headers=at(3)))[0] == 503


async def test_an_overloaded_server_refuses_and_keeps_whom_it_has() -> None:
    async with listening() as site, connect(site.websocket) as client:
        await client.send(START)
        assert isinstance(expect(await client.recv()), Ready)
        site.engine.overloaded = True
        reason = "The server is overloaded: captions are already late."
        assert await site.refusal() == (503, "5", reason)
        site.gateway.tell(lambda owner: ("overloaded", "It is."))
        assert expect(await client.recv()) == Status(seq=2, state="overloaded", message="It is.")
        site.engine.overloaded = False
        async with connect(site.websocket):
            pass


@pytest.mark.parametrize("state", [EngineState.READY, EngineState.FAILED])
async def test_who_sends_much_and_goes_leaves_nothing_behind(state: EngineState) -> None:
    """Neither one who is let in nor one who is refused, whose frames nobody reads."""
    async with listening() as site:
        site.engine.state = state
        before = len(asyncio.all_tasks())
        for seed in range(40):
            await talk_nonsense(site.gateway.port, random.Random(seed))
        async with asyncio.timeout(1):  # the library alone waits for ten
            while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - the count is no event
                await asyncio.sleep(0.01)
        assert not site.gateway._connections


async def test_what_happens_is_counted() -> None:
    async with listening() as site:

        async def figures() -> dict[str, float]:
            def fetch() -> str:
                url = f"http://127.0.0.1:{site.gateway.port}/metrics"
                with urllib.request.urlopen(url, timeout=5) as response:
                    return str(response.read().decode())

            families = text_string_to_metric_families(await asyncio.to_thread(fetch))
            return {
                f"{s.name.removeprefix('surtitle_')}{''.join(s.labels.values())}": s.value
                for family in families
                for s in family.samples
            }

        async with connect(site.websocket) as client:
            await client.send('{"type":"start","partials":false}')
            await client.send(LOUD * 20 + QUIET * 40)
            async with asyncio.timeout(5):
                while not site.engine.jobs:  # noqa: ASYNC110 - what is waited for is no event
                    await asyncio.sleep(0.01)
            site.engine.answer("words")
            await client.send('{"type":"stop"}')
            async for _ in client:
                pass
        site.engine.overloaded = True
        await site.refusal()
        counted = await figures()
        assert counted["sessions_opened_total"] == 1
        assert counted["audio_seconds_total"] == pytest.approx(60 * 0.032)
        assert counted["utterances_totalfinal"] == counted["final_seconds_count"] == 1
        assert counted["answered_seconds_totalfinal"] == pytest.approx(25 * 0.032, abs=0.01)
        assert counted["refusals_total503"] == 1
        assert counted["ready"] == 1
        assert counted["sessions"] == counted["connections"] == 0


async def test_an_address_that_asks_for_too_much_is_refused() -> None:
    limits = AddressLimits(
        max_connections=1, handshakes_per_s=1e-6, burst=3, is_exempt=lambda address: False
    )
    async with listening(limits=limits) as site:
        async with connect(site.websocket):
            sentence = "This address has reached its session limit."
            assert await site.refusal() == (429, "5", sentence)
        await site.until_empty()
        async with connect(site.websocket):
            pass
        sentence = "Too many connections per second from this address; wait a moment."
        assert await site.refusal() == (429, "5", sentence)


async def test_sessions_at_the_same_moment_do_not_slip_past_the_limit() -> None:
    async with listening() as site, AsyncExitStack() as stack:
        address = site.websocket + "?language=en"
        attempts = (stack.enter_async_context(connect(address)) for _ in range(12))
        clients = await asyncio.gather(*attempts, return_exceptions=True)
        first = [expect(await c.recv()) for c in clients if not isinstance(c, BaseException)]
        assert {type(c) for c in clients if isinstance(c, BaseException)} <= {InvalidStatus}
        assert sum(isinstance(message, Ready) for message in first) == 2
        assert {m.code for m in first if isinstance(m, Error)} <= {"busy"}


async def test_who_is_let_in_is_counted_at_once(tmp_path: Path) -> None:
    """So a second one, who comes in the same turn of the loop, is told so before it is let in."""
    key = add_key(tmp_path / "keys.toml", "a", ["speak"])
    async with listening(KeyFile(tmp_path / "keys.toml").ring, max_sessions_per_key=1) as site:
        writers = [await asyncio.open_connection("127.0.0.1", site.gateway.port) for _ in range(4)]
        asks = HANDSHAKE[:-2] + b"Authorization: Bearer " + key.encode() + b"\r\n\r\n"
        for _, writer in writers:
            writer.write(asks)
        async with asyncio.timeout(5):
            lines = [await reader.readline() for reader, _ in writers]
        assert sorted(line.split()[1] for line in lines) == [b"101", b"429", b"429", b"429"]
        for _, writer in writers:
            writer.transport.abort()
        await site.until_empty()
        headers = {"Authorization": f"Bearer {key}"}
        async with connect(site.websocket, additional_headers=headers) as client:
            await client.send(START)
            assert isinstance(expect(await client.recv()), Ready)


async def test_who_is_let_in_and_gone_before_it_begins_leaves_no_place(tmp_path: Path) -> None:
    """Nor one for whom there was a mistake of ours."""
    key = add_key(tmp_path / "keys.toml", "a", ["speak"])
    headers = {"Authorization": f"Bearer {key}"}
    async with listening(KeyFile(tmp_path / "keys.toml").ring, max_sessions_per_key=1) as site:
        for _ in range(5):
            _, writer = await asyncio.open_connection("127.0.0.1", site.gateway.port)
            writer.write(HANDSHAKE[:-2] + f"Authorization: Bearer {key}\r\n\r\n".encode())
            writer.transport.abort()
        async with asyncio.timeout(5):
            while len(site.gateway._streams):  # noqa: ASYNC110 - the count is no event
                await asyncio.sleep(0.01)
        await site.until_empty()
        async with connect(site.websocket, additional_headers=headers) as client:
            await client.send(START)
            assert isinstance(expect(await client.recv()), Ready)


@pytest.mark.parametrize("fails", ["make_way", "run"])
async def test_a_mistake_of_ours_costs_no_place(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = add_key(tmp_path / "keys.toml", "a", ["speak"])
    headers = {"Authorization": f"Bearer {key}"}

    def fail(*_: object) -> None:
        raise ValueError("It failed.")

    async with listening(
        KeyFile(tmp_path / "keys.toml").ring, max_sessions_per_key=MIN_WITHOUT_SESSION + 1
    ) as site:
        with everything_logged() as logged, monkeypatch.context() as patch:
            patch.setattr(Connection, fails, fail)
            async with AsyncExitStack() as stack:
                for _ in range(MIN_WITHOUT_SESSION + 1):
                    connecting = connect(site.websocket, additional_headers=headers)
                    await stack.enter_async_context(connecting)
        assert "a connection failed" in [line["event"] for line in logged]
        await site.until_empty()
        assert not site.gateway._admission._by_caller
        assert not len(site.gateway._without_session)
        assert not site.gateway._turns._members  # type: ignore[union-attr]


async def test_one_who_speaks_alone_is_read_at_once_beside_many_who_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """He would wait for a turn with the others."""
    monkeypatch.setattr(reading, "TURN_PER_SOCKET_S", 60.0)
    monkeypatch.setattr(reading, "MAX_TURN_S", 60.0)
    async with listening() as site, AsyncExitStack() as stack:
        for _ in range(5):
            silent = await stack.enter_async_context(connect(site.websocket))
            await silent.send('{"type":"dance"}')
            assert isinstance(expect(await silent.recv()), Error)
        async with connect(site.websocket) as client:
            await client.send(START)
            assert isinstance(expect(await client.recv()), Ready)
            (hosted,) = site.gateway._sessions
            async with asyncio.timeout(5):
                for _ in range(10):
                    before_s = hosted.session.received_s
                    await client.send(QUIET)
                    while hosted.session.received_s == before_s:  # noqa: ASYNC110 - no event
                        await asyncio.sleep(0)


@pytest.mark.parametrize("silent", [2, 20, 100])
async def test_connections_without_a_session_take_no_places(silent: int) -> None:
    """There is a bound for them too: those that have waited longest make way."""
    async with listening() as site, AsyncExitStack() as stack:
        mute = [await stack.enter_async_context(connect(site.websocket)) for _ in range(silent)]
        async with connect(site.websocket) as client:
            await client.send(START)
            assert isinstance(expect(await client.recv()), Ready)
        for each in mute[: max(0, silent - MIN_WITHOUT_SESSION)]:
            error = expect(await each.recv())
            assert isinstance(error, Error) and error.code == "busy"
        assert len(site.gateway._connections) <= MIN_WITHOUT_SESSION + 1


@pytest.mark.parametrize("said", ["", "nonsense", '{"type":"dance"}', "a ping"])
async def test_who_does_not_start_is_sent_away(said: str) -> None:
    """Whatever else it says."""
    async with listening(start_timeout_s=0.3) as site, connect(site.websocket) as client:
        async with asyncio.timeout(5):
            if said == "a ping":
                await (await client.ping())
            elif said:
                await client.send(said)
            await client.wait_closed()
        assert client.close_code == (1007 if said == "nonsense" else 4408)


async def test_who_has_started_is_not_asked_to() -> None:
    async with listening(start_timeout_s=0.2) as site, connect(site.websocket) as client:
        await client.send(START)
        assert isinstance(expect(await client.recv()), Ready)
        acks = 0
        while acks < 2:
            acks += isinstance(expect(await client.recv()), Ack)


@pytest.mark.parametrize(
    "request_line",
    [b"GET / HTTP/1.1\r\n", b"GET /v1/captions HTTP/1.1\r\nUpgrade: websocket\r\n"],
)
async def test_a_request_that_does_not_end_is_cut_off(request_line: bytes) -> None:
    async with listening() as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.port)
        writer.write(request_line)
        sent = 0
        answer = asyncio.create_task(reader.read())
        with suppress(ConnectionError):
            async with asyncio.timeout(5):
                while not answer.done():
                    writer.write(b"X-Header: " + b"x" * 4000 + b"\r\n")
                    sent += 4000
                    await writer.drain()
                    await asyncio.sleep(0.01)
        assert sent <= 200_000
        assert (await answer).startswith(b"HTTP/1.1 431 ")
        assert (await site.get("/healthz"))[0] == 200
        writer.close()


async def test_there_are_so_many_sockets_and_the_longest_idle_makes_way() -> None:
    async with listening(max_sockets=16) as site, AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(connect(site.websocket))
        await speaker.send(START)
        assert isinstance(expect(await speaker.recv()), Ready)
        viewer = await stack.enter_async_context(connect(site.channel))
        await viewer.recv()
        half = [await asyncio.open_connection("127.0.0.1", site.gateway.port) for _ in range(40)]
        async with asyncio.timeout(5):
            for reader, _ in half[:26]:
                with suppress(ConnectionError):
                    assert await reader.read() == b""
        assert (await site.get("/healthz"))[0] == 200  # for which another one goes
        async with asyncio.timeout(5):
            await (await speaker.ping())
            await (await viewer.ping())
        assert len(site.gateway._streams) <= 16
        for _, writer in half:
            writer.close()


@pytest.mark.parametrize(
    ("path", "status"), [("/metrics", 200), ("/", 404), ("/healthz", 404), ("/v1/captions", 404)]
)
async def test_figures_on_a_port_of_their_own(path: str, status: int, tmp_path: Path) -> None:
    """Without a key, and then not where everybody comes."""
    add_key(tmp_path / "keys.toml", "a", ["speak"])
    keys = KeyFile(tmp_path / "keys.toml").ring
    async with listening(keys, metrics=("127.0.0.1", 0)) as site:
        assert (await site.ask("/metrics"))[0] == 404
        assert (await site.ask(path, port=site.gateway.metrics_port))[0] == status


async def test_a_page_of_a_foreign_name_reads_no_figures_either() -> None:
    """Nor where there are keys, with which a server answers under any name: here none is asked for."""
    origins = OriginPolicy(names=Names.LOOPBACK)
    async with listening(metrics_origins=origins, metrics=("127.0.0.1", 0)) as site:
        port = site.gateway.metrics_port
        assert (await site.ask("/metrics", port=port, Host="attacker.example"))[0] == 403


async def test_a_port_for_figures_in_use_is_a_sentence() -> None:
    async with listening() as site:
        with pytest.raises(ConfigurationError, match="with --metrics-host and --metrics-port"):
            await Site().gateway.start("127.0.0.1", 0, metrics=("127.0.0.1", site.gateway.port))


@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        ({}, [101, 101, 101]),  # this machine itself
        ({"X-Forwarded-For": "203.0.113.9"}, [101, 429, 429]),
        ({"X-Forwarded-For": "127.0.0.1"}, [101, 429, 429]),
        ({"Forwarded": "for=203.0.113.9"}, [101, 429, 429]),
    ],
)
async def test_clients_of_a_proxy_on_the_same_machine_have_limits(
    headers: dict[str, str], statuses: list[int]
) -> None:
    limits = AddressLimits(max_connections=9, handshakes_per_s=1e-6, burst=1)
    proxies = TrustedProxies(["127.0.0.1"])
    async with listening(limits=limits, proxies=proxies) as site:

        async def handshake() -> int:
            try:
                async with connect(site.websocket, additional_headers=headers):
                    return 101
            except InvalidStatus as refused:
                return refused.response.status_code

        assert [await handshake() for _ in range(3)] == statuses
        other = {"X-Forwarded-For": "203.0.113.10"}
        async with connect(site.websocket, additional_headers=other):
            pass


@pytest.mark.parametrize("bound", ["MAX_QR_CODES", "MAX_QR_CODES_EACH"])
async def test_who_asks_for_too_many_qr_codes_is_told_when_to_come_back(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening() as site:
        text: dict[str, Any] = {"Surtitle-Text": "https%3A//captions.example/"}
        assert (await site.ask("/v1/qr", **text))[0] == 200
        monkeypatch.setattr(qr_codes, bound, 0)
        status, headers = await site.ask("/v1/qr", **text)
        assert (status, headers["Retry-After"]) == (429, "5")


async def test_the_subprotocol_is_echoed_where_it_is_offered() -> None:
    async with listening() as site:
        offered = [Subprotocol("other"), Subprotocol("surtitle.v1")]
        async with connect(site.websocket, subprotocols=offered) as client:
            assert client.subprotocol == "surtitle.v1"
        async with connect(site.websocket) as client:
            assert client.subprotocol is None


async def test_pings_are_answered_while_nothing_else_happens() -> None:
    async with listening() as site, connect(site.websocket) as client:
        async with asyncio.timeout(5):
            await (await client.ping())


async def test_a_query_string_opens_the_session() -> None:
    query = "?sample_rate=48000&language=en"
    async with listening() as site, connect(site.websocket + query) as client:
        ready = expect(await client.recv())
        assert isinstance(ready, Ready) and ready.sample_rate == 48_000


async def test_the_state_of_the_service_reaches_every_session() -> None:
    async with listening() as site, connect(site.websocket) as a, connect(site.websocket) as b:
        for client in (a, b):
            await client.send(START)
            await client.recv()
        site.gateway.tell(lambda owner: ("recovering", "Wait a moment."))
        for client in (a, b):
            status = expect(await client.recv())
            assert isinstance(status, Status) and status.state == "recovering"


async def test_draining_closes_sessions_and_refuses_new_ones() -> None:
    site = Site()
    await site.gateway.start("127.0.0.1", 0)
    async with connect(site.websocket) as speaking, connect(site.websocket) as silent:
        await speaking.send(START)
        await speaking.recv()
        await site.gateway.drain(5)
        for client in (speaking, silent):
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await client.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
    with pytest.raises(OSError):
        async with connect(site.websocket):
            pass


async def until_said(socket: ClientConnection, kind: type[Said]) -> Said:
    """The first message of its kind."""
    async with asyncio.timeout(5):
        while True:
            message = expect(await socket.recv())
            if isinstance(message, kind):
                return message


async def test_draining_lets_go_of_those_who_are_silent_first_and_of_speakers_at_a_pause() -> None:
    async with listening() as site, connect(site.websocket) as speaking:
        await speaking.send(START)
        await speaking.send(LOUD * 20)
        await until_said(speaking, Speech)
        async with connect(site.websocket) as silent:
            await silent.send(START)
            await until_said(silent, Ready)
            draining = asyncio.create_task(site.gateway.drain(20))
            await silent.wait_closed()
        await speaking.send(LOUD * 20 + QUIET * 60)  # is taken
        async with asyncio.timeout(5):
            while not (jobs := [job for job, _ in site.engine.jobs if job.kind == "final"]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert len(jobs[-1].audio) >= 40 * WINDOW_SAMPLES
        site.engine.answer("both words")
        final = await until_said(speaking, Final)
        assert final.text == "both words"
        await draining


async def test_an_address_in_use_is_a_sentence() -> None:
    async with listening() as site:
        with pytest.raises(ConfigurationError, match="Choose another with --host and --port"):
            await Site().gateway.start("127.0.0.1", site.gateway.port)


async def test_a_path_that_is_no_address_is_not_found() -> None:
    async with listening() as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.port)
        writer.write(b"GET //[/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(5):
            status = await reader.readline()
        writer.close()
        assert status.split()[1] in (b"400", b"404")


async def test_the_library_s_log_is_left_to_who_reads_it(caplog: pytest.LogCaptureFixture) -> None:
    """What it has to say of our clients is no error of anybody's."""
    assert logging.getLogger("websockets").level == logging.NOTSET
    async with listening() as site:
        for seed in range(20):
            await talk_nonsense(site.gateway.port, random.Random(seed))
    said = {each.name for each in caplog.records if each.levelno > logging.DEBUG}
    assert not {name for name in said if name.startswith("websockets")}


# -- memory -----------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("limit_bytes", [1, memory.MIB, sys.maxsize])
async def test_where_memory_cannot_be_measured_there_is_no_limit_and_it_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_bytes: int
) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    async with listening(max_memory_bytes=limit_bytes) as site:
        with everything_logged() as logged:
            async with asyncio.timeout(5):
                await site.gateway.watch_memory()
        assert [line["event"] for line in logged] == [
            "the server's memory cannot be measured, so it has no limit"
        ]
        assert (await site.get("/readyz"))[0] == 200
        assert site.gateway._memory.limit_bytes == sys.maxsize
        async with connect(site.websocket) as client:
            await client.send(START)
            assert isinstance(expect(await client.recv()), Ready)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("limit_bytes", [1, memory.MIB])
async def test_a_moment_without_a_figure_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_bytes: int
) -> None:
    monkeypatch.setattr("surtitle.gateway.memory_watch.MEMORY_CHECK_S", 0)
    looks, later = [0], asyncio.Event()

    def count() -> None:  # as long as memory is short
        looks[0] += 1
        if looks[0] == 3:
            monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
        if looks[0] == 9:
            loop.call_soon_threadsafe(later.set)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(memory, "give_back_free", count)
    async with listening(max_memory_bytes=limit_bytes) as site:
        watching = asyncio.create_task(site.gateway.watch_memory())
        async with asyncio.timeout(5):
            await later.wait()
        assert not watching.done()
        assert (await site.get("/readyz"))[1]["state"] == "overloaded_memory"
        watching.cancel()
