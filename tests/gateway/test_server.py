"""Admission, health, handshake and drain on a real port, with a fake engine behind."""

import asyncio
import gc
import random
import urllib.error
import urllib.request
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from surtitle.captioning.session import CaptionSession
from surtitle.engine.policy import EngineState
from surtitle.errors import ConfigurationError
from surtitle.gateway.caption_socket import CaptionSocket
from surtitle.gateway.connection import Connection
from surtitle.gateway.hosted import HostedSession
from surtitle.gateway.limits import AddressLimits
from surtitle.messages import Ack, Error, Ready, Resume, Resumed, Status, format_message
from tests.faults.nonsense import talk_nonsense
from tests.gateway.fakes import LOUD, QUIET
from tests.gateway.site import START, Site, listening
from tests.support import expect


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
            "The recognition worker has died again and again; it is still tried.",
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
        kept = {CaptionSocket, ServerProtocol, Connection, HostedSession, CaptionSession}
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
        async with connect(site.websocket), connect(site.websocket):
            full = (503, "5", "All sessions of this server are taken.")
            assert await site.refusal() == full
        async with connect(site.websocket) as client:
            await client.send(START)
            assert isinstance(expect(await client.recv()), Ready)


async def test_a_full_server_lets_those_in_who_come_back() -> None:
    async with listening() as site:
        async with connect(site.websocket) as first:
            await first.send(START)
            ready = expect(await first.recv())
            assert isinstance(ready, Ready)
            first.transport.abort()
        async with asyncio.timeout(5):
            while not site.gateway._sessions.waiting:  # noqa: ASYNC110 - the count is no event
                await asyncio.sleep(0.01)
        async with connect(site.websocket), connect(site.websocket):
            async with connect(site.websocket) as stranger:
                await stranger.send(START)
                error = expect(await stranger.recv())
                assert isinstance(error, Error) and (error.code, error.fatal) == ("busy", True)
                await stranger.wait_closed()
                assert stranger.close_code == 1013
            async with connect(site.websocket) as back:
                resume = Resume(session=ready.session, token=ready.token, last_seq=ready.seq)
                await back.send(format_message(resume))
                assert isinstance(expect(await back.recv()), Resumed)
                assert (await site.refusal())[0] == 503


async def test_an_overloaded_server_refuses_and_keeps_whom_it_has() -> None:
    async with listening() as site, connect(site.websocket) as client:
        await client.send(START)
        assert isinstance(expect(await client.recv()), Ready)
        site.engine.overloaded = True
        reason = "The server is overloaded: captions come late already."
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
            sentence = "This address has as many sessions as one may have."
            assert await site.refusal() == (429, "5", sentence)
        await site.until_empty()
        async with connect(site.websocket):
            pass
        sentence = "Too many connections a second from this address; wait a moment."
        assert await site.refusal() == (429, "5", sentence)


async def test_handshakes_at_the_same_moment_do_not_slip_past_the_limit() -> None:
    async with listening() as site, AsyncExitStack() as stack:
        attempts = (stack.enter_async_context(connect(site.websocket)) for _ in range(12))
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        refused = [o for o in outcomes if isinstance(o, InvalidStatus)]
        assert len(outcomes) - len(refused) == 2


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
