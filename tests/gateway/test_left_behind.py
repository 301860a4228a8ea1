"""Sessions that clients have left behind: they count, and give way to those that begin."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from lab.ledger import expect
from surtitle.engine.scheduler import Owner
from surtitle.gateway.access import KeyFile, add_key
from surtitle.gateway.limits import AddressLimits
from surtitle.messages import Error, Ready, Resumed
from tests.gateway.fakes import LOUD, QUIET
from tests.gateway.site import START, Site, listening

UNHEARD = LOUD * 40 + QUIET * 40
"""Speech that nobody has answered yet."""


async def start(site: Site, **how: object) -> tuple[ClientConnection, Ready]:
    """A session with speech that waits for its answer."""
    socket = await connect(site.websocket, **how)  # type: ignore[arg-type]
    await socket.send(START)
    ready = expect(await socket.recv())
    assert isinstance(ready, Ready), ready
    await socket.send(UNHEARD)
    return socket, ready


async def leave(site: Site, socket: ClientConnection) -> None:
    """Go without a word, as soon as what was sent has come."""
    before = len(site.engine.jobs)
    await until(lambda: len(site.engine.jobs) >= before)
    socket.transport.abort()
    await site.until_empty()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.01)


def limits(sessions: int) -> AddressLimits:
    """So many sessions for one address, this machine's own among them."""
    return AddressLimits(
        max_connections=sessions, handshakes_per_s=1000, burst=1000, is_exempt=lambda address: False
    )


async def refused(site: Site) -> str:
    """The sentence with which a session is refused that its connection was let in for."""
    async with connect(site.websocket) as socket:
        await socket.send(START)
        answer = expect(await socket.recv())
        assert isinstance(answer, Error) and answer.fatal and answer.code == "busy"
        return answer.message


async def test_one_address_has_no_more_sessions_than_it_may_whoever_leaves() -> None:
    async with listening(limits=limits(2)) as site:
        for _ in range(6):
            socket, _ = await start(site)
            await leave(site, socket)
            assert len(site.gateway._sessions) <= 2


async def test_the_one_that_was_left_first_gives_way_and_the_others_can_be_resumed() -> None:
    async with listening(limits=limits(2)) as site:
        sessions = []
        for _ in range(3):
            socket, ready = await start(site)
            sessions.append(ready)
            await leave(site, socket)
        for ready, outcome in zip(sessions, (Error, Resumed, Resumed), strict=True):
            async with connect(site.websocket) as socket:
                resume = {"type": "resume", "session": ready.session, "token": ready.token}
                await socket.send(json.dumps(resume | {"last_seq": 1}))
                assert isinstance(expect(await socket.recv()), outcome)
                socket.transport.abort()
                await site.until_empty()


@pytest.mark.parametrize("sessions", [3, 9])
@pytest.mark.parametrize("strangers", [1, 2, 5])
async def test_one_that_publishes_in_a_channel_gives_way_last(
    strangers: int, sessions: int
) -> None:
    """Both to those that begin and, with room for nine, to those that wait: only two may."""
    async with listening(limits=limits(sessions), max_sessions=sessions) as site:
        speaker = await connect(site.websocket)
        await speaker.send(json.dumps({"type": "start", "channel": "hall"}))
        ready = expect(await speaker.recv())
        assert isinstance(ready, Ready), ready
        await leave(site, speaker)
        for _ in range(strangers):
            socket, _ = await start(site)
            await leave(site, socket)
        async with connect(site.websocket) as socket:
            resume = {"type": "resume", "session": ready.session, "token": ready.token}
            await socket.send(json.dumps(resume | {"last_seq": 1}))
            assert isinstance(expect(await socket.recv()), Resumed)


async def test_sessions_with_a_client_never_give_way() -> None:
    async with listening(limits=limits(2)) as site:
        first, _ = await start(site)
        second, _ = await start(site)
        second.transport.abort()
        await until(lambda: site.gateway._sessions.waiting == 1)
        third, _ = await start(site)  # in place of the one that was left
        assert len(site.gateway._sessions) == 2
        assert (await site.refusal())[0] == 429
        await first.close()
        await third.close()


async def test_sessions_that_nobody_can_come_back_to_count_until_they_are_answered() -> None:
    async with listening(limits=limits(1)) as site:
        socket, _ = await start(site)
        await until(lambda: bool(site.engine.jobs))
        await leave(site, socket)
        (hosted,) = site.gateway._sessions
        site.gateway._sessions._expire(hosted)  # its window has passed
        assert len(site.gateway._sessions) == 1
        socket, _ = await start(site)
        assert hosted.id not in {each.id for each in site.gateway._sessions}
        await socket.close()


async def test_one_whose_decoder_fails_while_its_client_is_away_counts_once() -> None:
    async with listening() as site:
        socket, ready = await start(site)
        await until(lambda: bool(site.engine.jobs))
        await leave(site, socket)
        sessions = site.gateway._sessions
        hosted = sessions.get(ready.session)
        assert hosted is not None
        hosted.on_failure("It is damaged.")
        assert sessions.left_behind(lambda owner: True) == [hosted]
        assert (sessions.waiting, hosted.keeps_name) == (0, False)
        sessions._expire(hosted)  # its window has passed
        assert sessions.left_behind(lambda owner: True) == [hosted]
        site.engine.answer()
        assert not len(sessions)


async def test_a_key_has_no_more_sessions_than_it_may_either(tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys.toml", "ann", ["speak"])
    async with listening(KeyFile(tmp_path / "keys.toml").ring) as site:  # one session for a key
        headers = {"Authorization": f"Bearer {key}"}
        for _ in range(3):
            socket, _ = await start(site, additional_headers=headers)
            await leave(site, socket)
            assert len(site.gateway._sessions) == 1


@pytest.mark.parametrize("left", [1, 2])
async def test_who_begins_at_the_same_address_takes_no_single_one_of_another_key(
    left: int, tmp_path: Path
) -> None:
    keys = {name: add_key(tmp_path / "keys.toml", name, ["speak"]) for name in ("ann", "eve")}
    ring = KeyFile(tmp_path / "keys.toml").ring
    async with listening(ring, limits(left), max_sessions=9, max_sessions_per_key=9) as site:
        for _ in range(left):
            headers = {"Authorization": f"Bearer {keys['ann']}"}
            socket, _ = await start(site, additional_headers=headers)
            await leave(site, socket)
        headers = {"Authorization": f"Bearer {keys['eve']}"}
        async with connect(site.websocket, additional_headers=headers) as socket:
            await socket.send(START)
            answer = expect(await socket.recv())
            assert isinstance(answer, Error if left == 1 else Ready)
        assert sum(each.owner.startswith("ann") for each in site.gateway._sessions) == 1


async def test_who_begins_takes_no_single_one_of_the_same_key_at_another_address(
    tmp_path: Path,
) -> None:
    key = add_key(tmp_path / "keys.toml", "ann", ["speak"])
    async with listening(KeyFile(tmp_path / "keys.toml").ring, max_sessions=9) as site:
        headers = {"Authorization": f"Bearer {key}"}
        socket, ready = await start(site, additional_headers=headers)
        await leave(site, socket)
        hosted = site.gateway._sessions.get(ready.session)
        assert hosted is not None
        hosted.owner = "ann 192.0.2.7"
        async with connect(site.websocket, additional_headers=headers) as socket:
            await socket.send(START)
            answer = expect(await socket.recv())
            assert isinstance(answer, Error) and answer.code == "busy"
        assert site.gateway._sessions.get(ready.session) is hosted


async def test_where_the_server_is_full_of_them_one_of_who_left_several_gives_way() -> None:
    async with listening() as site:  # two sessions at once
        for _ in range(2):
            socket, _ = await start(site)
            await leave(site, socket)
        for hosted in site.gateway._sessions:
            hosted.owner = "- 192.0.2.7"
        socket, _ = await start(site)
        assert len(site.gateway._sessions) == 2
        assert sum(each.owner == "- 192.0.2.7" for each in site.gateway._sessions) == 1
        assert await refused(site) == "The server has reached its session limit."
        await socket.close()


async def test_who_left_a_single_one_keeps_it() -> None:
    async with listening() as site:
        for number in range(2):
            socket, ready = await start(site)
            await leave(site, socket)
            hosted = site.gateway._sessions.get(ready.session)
            assert hosted is not None
            hosted.owner = f"- 192.0.2.{number}"
        assert await refused(site) == "The server has reached its session limit."
        assert len(site.gateway._sessions) == 2


async def test_whose_turns_a_session_takes_depends_on_whether_somebody_waits_for_it() -> None:
    async with listening() as site:
        socket, ready = await start(site)
        owner = site.engine.placed[ready.session]
        assert not owner.patient
        await leave(site, socket)
        assert site.engine.placed[ready.session] == Owner(owner.name, patient=True)
        async with connect(site.websocket) as socket:
            resume = {"type": "resume", "session": ready.session, "token": ready.token}
            await socket.send(json.dumps(resume | {"last_seq": 1}))
            assert isinstance(expect(await socket.recv()), Resumed)
            assert site.engine.placed[ready.session] == owner


@pytest.mark.parametrize(("seconds", "patient"), [(2, False), (3, False), (5, True), (40, True)])
async def test_one_who_sends_faster_than_people_speak_can_wait(seconds: int, patient: bool) -> None:
    async with listening() as site, connect(site.websocket) as socket:
        await socket.send(START)
        ready = expect(await socket.recv())
        assert isinstance(ready, Ready)
        for _ in range(seconds):
            await socket.send(bytes(32_000))
        (hosted,) = site.gateway._sessions
        await until(lambda: hosted.session.received_s >= seconds)
        assert site.engine.placed[ready.session].patient is patient


async def test_who_was_held_up_and_then_sends_it_all_does_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("surtitle.gateway.haste.HASTE_S", 0.5)
    async with listening() as site, connect(site.websocket) as socket:
        await socket.send(START)
        ready = expect(await socket.recv())
        assert isinstance(ready, Ready)
        await asyncio.sleep(1.5)
        (hosted,) = site.gateway._sessions
        await socket.send(bytes(32_000 * 3 // 2))
        await until(lambda: hosted.session.received_s >= 1.5)
        assert not site.engine.placed[ready.session].patient
        await socket.send(bytes(32_000))  # more than there was time for
        await until(lambda: hosted.session.received_s >= 2.5)
        assert site.engine.placed[ready.session].patient
