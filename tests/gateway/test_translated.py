"""Clients of other services on a server with a scripted engine: sockets, sessions, limits, faults."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from surtitle.gateway.access import add_key, read_keys
from surtitle.gateway.shares import Shares
from surtitle.gateway.translated import MAX_OWED, TranslatedConnection
from tests.gateway.serving import PAUSE, WORD
from tests.gateway.site import Site
from tests.gateway.test_uploads import serving, until_gone

LISTEN = "/v1/listen?encoding=linear16&sample_rate=16000&interim_results=true"
REALTIME = "/v1/realtime?intent=transcription"
FLUX = "/v2/listen?encoding=linear16&sample_rate=16000"
VOSK = "/vosk"
PATHS = [LISTEN, REALTIME, FLUX, VOSK]
SPOKEN = PAUSE + WORD + PAUSE
CONFIG = '{"config":{"sample_rate":16000}}'
RATE_16K = (
    '{"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcm",'
    '"rate":16000}}}}}'
)


def address(site: Site, path: str) -> str:
    return f"ws://127.0.0.1:{site.gateway.port}{path}"


@asynccontextmanager
async def connected(site: Site, path: str, **how: Any) -> AsyncIterator[ClientConnection]:
    async with connect(address(site, path), **how) as socket:
        if path == VOSK:
            await socket.send(CONFIG)
        elif path == REALTIME:
            await socket.send(RATE_16K)
        yield socket


def audio(path: str, data: bytes) -> str | bytes:
    """As the clients of a path send it."""
    if path != REALTIME:
        return data
    text = base64.b64encode(data).decode()
    return json.dumps({"type": "input_audio_buffer.append", "audio": text})


END = {
    LISTEN: '{"type":"CloseStream"}',
    FLUX: '{"type":"CloseStream"}',
    VOSK: '{"eof" : 1}',
    REALTIME: '{"type":"input_audio_buffer.commit"}',
}


def texts(said: list[dict[str, Any]]) -> list[str]:
    """The finals among what was said, whatever they are called."""
    found = []
    for each in said:
        if each.get("is_final"):
            found.append(each["channel"]["alternatives"][0]["transcript"])
        elif (
            each.get("event") == "EndOfTurn"
            or "text" in each
            or ("transcript" in each and "usage" in each)
        ):
            found.append(each.get("transcript", each.get("text", "")))
    return [text.lower().rstrip(".") for text in found if text]


async def read_all(socket: ClientConnection, until: int | None = None) -> list[dict[str, Any]]:
    """What is said until the socket closes, or so many finals have come."""
    said: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while until is None or len(texts(said)) < until:
                said.append(json.loads(await socket.recv()))
    assert until is None or len(texts(said)) == until
    return said


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_said_is_answered_and_nothing_is_left(path: str) -> None:
    async with serving() as site:
        async with connected(site, path) as socket:
            for begin in range(0, 2 * len(SPOKEN), 3200):
                await socket.send(audio(path, (SPOKEN * 2)[begin : begin + 3200]))
            await socket.send(END[path])
            said = await read_all(socket, 2 if path == REALTIME else None)
            assert " ".join(texts(said)) == "word1 word2"
            if path != REALTIME:
                assert socket.close_code == 1000
        await until_gone(site)


@pytest.mark.parametrize("path", PATHS)
async def test_whoever_goes_in_mid_speech_leaves_nothing_behind(path: str) -> None:
    async with serving(lambda job: None) as site:
        async with connected(site, path) as socket:
            await socket.send(audio(path, PAUSE + WORD))
            async with asyncio.timeout(5):
                while not len(site.gateway._sessions):  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.01)
            socket.transport.abort()
        async with asyncio.timeout(5):
            while site.gateway._connections:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
        await until_gone(site)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("garbage", ["no json", "[" * 5000, '{"type":7}', "{}", "\x00"])
async def test_garbage_harms_nobody(path: str, garbage: str) -> None:
    async with serving() as site:
        async with connected(site, path) as victim, connected(site, path) as attacker:
            await attacker.send(garbage)
            await attacker.send(b"\x01\x02\x03")
            await victim.send(audio(path, SPOKEN))
            await victim.send(END[path])
            said = await read_all(victim, 1 if path == REALTIME else None)
            assert texts(said) == ["word1"]
        await until_gone(site)


@pytest.mark.parametrize("path", PATHS)
async def test_whoever_sends_nothing_but_garbage_is_cut_off(path: str) -> None:
    async with serving() as site, connected(site, path) as socket:
        for _ in range(60):
            await socket.send("no json")
        await read_all(socket)
        assert socket.close_code not in (None, 1000)


async def test_a_slow_reader_misses_interim_results_and_no_final() -> None:
    async with serving() as site, connect(address(site, LISTEN), max_queue=1) as socket:
        socket.transport.pause_reading()
        for _ in range(12):
            await socket.send(SPOKEN)
            await asyncio.sleep(0)
        await socket.send(END[LISTEN])
        await asyncio.sleep(0.5)
        socket.transport.resume_reading()
        said = await read_all(socket)
        assert texts(said) == [f"word{n}" for n in range(1, 13)]


@pytest.mark.parametrize("says_end", [True, False])
async def test_what_is_no_audio_is_told_as_theirs(
    says_end: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.gateway.dialects.deepgram.Deepgram.idle_timeout_s", 0.5)
    async with serving() as site, connect(address(site, "/v1/listen")) as socket:
        await socket.send(bytes(range(256)) * 200)
        if says_end:
            await socket.send(END[LISTEN])
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, (socket.close_reason or "")[:9]) == (1008, "DATA-0000")


@pytest.mark.parametrize(
    ("path", "status", "header"),
    [
        ("/v1/listen?encoding=bogus", 400, "dg-error"),
        ("/v1/listen?language=nowhere", 400, "dg-request-id"),
        ("/v2/listen?eot_threshold=7", 400, "dg-error"),
        ("/v1/listen?" + "&".join(f"a{n}=1" for n in range(300)), 400, "dg-error"),
    ],
)
async def test_a_handshake_that_makes_no_sense_is_refused(
    path: str, status: int, header: str
) -> None:
    async with serving() as site:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(address(site, path)):
                pass
        response = refused.value.response
        assert response.status_code == status
        assert response.headers[header]
        body = json.loads(bytes(response.body or b""))
        assert {"err_code", "err_msg", "request_id"} <= body.keys()


@pytest.mark.parametrize("path", PATHS)
async def test_a_full_server_says_so_in_their_words(path: str) -> None:
    async with serving(lambda job: None, max_sessions=1) as site, connected(site, path) as socket:
        await socket.send(audio(path, WORD))
        async with asyncio.timeout(5):
            while not site.gateway._with_session:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
        with pytest.raises(InvalidStatus) as refused:
            async with connect(address(site, path)):
                pass
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"]


async def test_an_idle_realtime_connection_takes_no_session() -> None:
    async with serving(max_sessions=1) as site:
        async with (
            connected(site, REALTIME),
            connected(site, REALTIME),
            connected(site, REALTIME) as last,
        ):
            await last.send(audio(REALTIME, SPOKEN))
            assert texts(await read_all(last, 1)) == ["word1"]
        await until_gone(site)


async def test_several_channels_count_as_so_many_sessions() -> None:
    path = LISTEN + "&channels=3&multichannel=true"
    async with serving(max_sessions=3, max_sessions_per_key=9) as site:
        async with connect(address(site, path)) as socket:
            frame = b"".join(
                bytes(2) + SPOKEN[i : i + 2] + bytes(2) for i in range(0, len(SPOKEN), 2)
            )
            await socket.send(frame[:100_001])
            await socket.send(frame[100_001:])
            async with asyncio.timeout(5):
                while not site.gateway._with_session:  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.01)
            assert (await site.refusal())[0] == 503
            await socket.send(END[LISTEN])
            said = await read_all(socket)
        assert {tuple(each["channel_index"]) for each in said if "channel_index" in each} == {
            (1, 3)
        }
        assert said[-1]["channels"] == 3
        await until_gone(site)


async def test_one_channel_of_several_is_finalized() -> None:
    path = LISTEN + "&channels=2&multichannel=true"
    async with serving(max_sessions=9, max_sessions_per_key=9) as site:
        async with connect(address(site, path)) as socket:
            both = PAUSE + WORD
            await socket.send(b"".join(both[i : i + 2] * 2 for i in range(0, len(both), 2)))
            await socket.send('{"type":"Finalize","channel":1}')
            (finalized,) = [each for each in await read_all(socket, 1) if each.get("is_final")]
            assert (finalized["channel_index"], finalized["from_finalize"]) == ([1, 2], True)
            await socket.send(END[LISTEN])
            (other,) = [each for each in await read_all(socket) if each.get("is_final")]
            assert (other["channel_index"], other["from_finalize"]) == ([0, 2], False)
        await until_gone(site)


@pytest.mark.parametrize(
    ("path", "offered", "chosen"),
    [
        (LISTEN, ["token", "KEY"], "token"),
        (LISTEN, ["bearer", "KEY", "x-deepgram-session-id", "0f0f"], "bearer"),
        (REALTIME, ["realtime", "openai-insecure-api-key.KEY", "openai-project.P"], "realtime"),
        (VOSK, ["x"], None),
    ],
)
async def test_the_subprotocol_that_they_want_is_chosen_and_their_keys_hold(
    tmp_path: Path, path: str, offered: list[str], chosen: str | None
) -> None:
    key = add_key(tmp_path / "keys.toml", "studio", ["speak"])
    ring = read_keys(tmp_path / "keys.toml")
    names = [name.replace("KEY", key) for name in offered]
    async with serving(keys=lambda: ring, max_sessions_per_key=9) as site:
        if chosen is None:
            with pytest.raises(InvalidStatus):
                await connect(address(site, path), subprotocols=names)  # type: ignore[arg-type]
            return
        async with connect(address(site, path), subprotocols=names) as socket:  # type: ignore[arg-type]
            assert socket.subprotocol == chosen
        wrong = [name.replace("KEY", "st_wrong") for name in offered]
        with pytest.raises(InvalidStatus) as refused:
            await connect(address(site, path), subprotocols=wrong)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 401


@pytest.mark.parametrize("allowed", [False, True])
async def test_a_key_in_a_page_is_refused_with_advice(tmp_path: Path, allowed: bool) -> None:
    key = add_key(tmp_path / "keys.toml", "studio", ["speak"])
    ring = read_keys(tmp_path / "keys.toml")
    token = ring.make_token("page", ["speak"], 4e9)
    async with serving(keys=lambda: ring, keys_in_pages=allowed, max_sessions_per_key=9) as site:
        page = f"http://127.0.0.1:{site.gateway.port}"
        for secret in (key, token):
            how: dict[str, Any] = {"subprotocols": ["token", secret], "origin": page}
            if allowed or secret == token:
                async with connect(address(site, LISTEN), **how):
                    continue
            with pytest.raises(InvalidStatus) as refused:
                await connect(address(site, LISTEN), **how)
            assert refused.value.response.status_code == 403
            assert b"`surtitle token`" in bytes(refused.value.response.body or b"")


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer", "bearer"])
async def test_keys_in_headers_whatever_they_are_called(tmp_path: Path, scheme: str) -> None:
    key = add_key(tmp_path / "keys.toml", "studio", ["speak"])
    ring = read_keys(tmp_path / "keys.toml")
    async with serving(keys=lambda: ring) as site:
        headers = {"Authorization": f"{scheme} {key}"}
        async with connect(address(site, LISTEN), additional_headers=headers):
            pass


@pytest.mark.parametrize("path", PATHS)
async def test_pages_of_other_origins_are_refused(path: str) -> None:
    async with serving() as site:
        with pytest.raises(InvalidStatus) as refused:
            await connect(address(site, path), origin="https://evil.test")  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403


async def test_silence_on_the_line_ends_a_stream_of_deepgram(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("surtitle.gateway.dialects.deepgram.Deepgram.idle_timeout_s", 0.5)
    async with serving() as site, connected(site, LISTEN) as socket:
        await socket.send(WORD)
        said = await read_all(socket)
        assert (socket.close_code, (socket.close_reason or "")[:8]) == (1011, "NET-0001")
        assert texts(said) == ["word1"]  # what was said is answered first


async def test_keep_alive_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.gateway.dialects.deepgram.Deepgram.idle_timeout_s", 0.5)
    async with serving() as site, connected(site, LISTEN) as socket:
        for _ in range(8):
            await socket.send('{"type":"KeepAlive"}')
            await asyncio.sleep(0.2)
        await socket.send(END[LISTEN])
        await read_all(socket)
        assert socket.close_code == 1000


@pytest.mark.parametrize("path", [FLUX, LISTEN])
async def test_pings_keep_a_stream_of_flux_alone(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clients have nothing else to send while their microphone is closed."""
    for dialect in ("flux.Flux", "deepgram.Deepgram"):
        monkeypatch.setattr(f"surtitle.gateway.dialects.{dialect}.idle_timeout_s", 0.5)
    async with serving() as site, connected(site, path) as socket:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(8):
                await (await socket.ping())
                await asyncio.sleep(0.2)
            await socket.send(END[path])
        await read_all(socket)
        assert socket.close_code == (1000 if path == FLUX else 1011)


@pytest.mark.parametrize("path", PATHS)
async def test_a_server_that_stops_answers_what_was_said(path: str) -> None:
    async with serving() as site, connected(site, path) as socket:
        await socket.send(audio(path, PAUSE + WORD))
        async with asyncio.timeout(5):
            while not any(hosted.session.is_open for hosted in site.gateway._sessions):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        draining = asyncio.create_task(site.gateway.drain(5))
        said = await read_all(socket)
        await draining
        assert socket.close_code == 1001
        assert texts(said) == ["word1"]


async def test_a_megabyte_of_audio_in_one_event_is_taken_in_pieces() -> None:
    async with serving() as site, connected(site, REALTIME) as socket:
        await socket.send(audio(REALTIME, SPOKEN + PAUSE * 400))
        assert texts(await read_all(socket, 1)) == ["word1"]


async def test_more_than_can_be_recognised_is_not_read() -> None:
    async with serving(lambda job: None) as site, connected(site, LISTEN) as socket:

        async def flood() -> None:
            while True:
                await socket.send((WORD * 10 + PAUSE) * 2)

        flooding = asyncio.create_task(flood())
        async with asyncio.timeout(20):
            while not any(hosted.full for hosted in site.gateway._sessions):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        (hosted,) = site.gateway._sessions
        assert hosted.session.unanswered_s < 70
        flooding.cancel()
        socket.transport.abort()


async def test_of_one_event_no_more_is_taken_than_can_be_answered() -> None:
    """More than a minute of speech: the rest of it waits, and is not lost."""
    spoken = (WORD * 10 + PAUSE) * 10
    async with serving(lambda job: None) as site, connected(site, REALTIME) as socket:
        await socket.send(audio(REALTIME, spoken))
        async with asyncio.timeout(20):
            while not any(hosted.full for hosted in site.gateway._sessions):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        (hosted,) = site.gateway._sessions
        assert hosted.session.unanswered_s < 65
        async with asyncio.timeout(20):
            while hosted.session.received_s < len(spoken) / 32_000:
                site.engine.answer()
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("path", "flush"),
    [
        (LISTEN, '{"type":"Finalize"}'),
        (VOSK, '{"reset":1}'),
        (REALTIME, END[REALTIME]),
    ],
)
async def test_who_has_many_answers_to_come_is_not_read_until_they_have_come(
    path: str, flush: str
) -> None:
    many = 200
    async with serving(lambda job: None) as site, connected(site, path) as socket:
        await socket.send(audio(path, PAUSE + WORD))

        async def flood() -> None:
            for _ in range(many):
                await socket.send(flush)
                await socket.send(audio(path, bytes(2)))

        flooding = asyncio.create_task(flood())
        (connection,) = site.gateway._connections
        assert isinstance(connection, TranslatedConnection)
        async with asyncio.timeout(5):
            while connection._room.is_set():  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        assert MAX_OWED < connection._dialect.owed <= MAX_OWED + 2
        said = 0
        async with asyncio.timeout(10):
            while said < many:
                site.engine.answer()
                message = json.loads(await socket.recv())
                said += "text" in message or "usage" in message or message.get("from_finalize", 0)
        await flooding


async def test_large_messages_of_one_leave_room_for_those_of_others(tmp_path: Path) -> None:
    keys = [add_key(tmp_path / "keys.toml", name, ["speak"]) for name in ("greedy", "modest")]
    ring = read_keys(tmp_path / "keys.toml")
    greedy, modest = ({"additional_headers": {"Authorization": f"Bearer {k}"}} for k in keys)
    megabytes = audio(REALTIME, bytes(2 << 20))
    async with serving(keys=lambda: ring, max_sessions=9, max_sessions_per_key=9) as site:
        site.gateway._large = Shares(8 << 20)
        async with connected(site, REALTIME, **greedy) as one:
            head = b"\x81\xff" + (20 << 20).to_bytes(8, "big") + bytes(4)
            one.transport.write(head + b" " * (3 << 20))
            async with asyncio.timeout(5):
                while site.gateway._large._held["greedy 127.0.0.1"] < 3 << 20:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            async with connected(site, REALTIME, **greedy) as other:
                await other.send(megabytes)
                await read_all(other)
                assert other.close_code == 1013
            async with connected(site, REALTIME, **modest) as third:
                await third.send(audio(REALTIME, SPOKEN + bytes(1 << 20)))
                assert texts(await read_all(third, 1)) == ["word1"]
            one.transport.abort()
        await until_gone(site)
        async with connected(site, REALTIME, **greedy) as again:
            for _ in range(3):
                await again.send(megabytes)
            await again.send(audio(REALTIME, SPOKEN))
            assert texts(await read_all(again, 1)) == ["word1"]


async def test_the_port_of_vosk_knows_no_path_and_no_keys(tmp_path: Path) -> None:
    add_key(tmp_path / "keys.toml", "studio", ["speak"])
    ring = read_keys(tmp_path / "keys.toml")
    site = Site(keys=lambda: ring, max_sessions_per_key=9)
    await site.gateway.start("127.0.0.1", 0, vosk_port=0)
    try:
        for path in ("", "/", "/vosk", "/any/path?x=1"):
            async with connect(f"ws://127.0.0.1:{site.gateway.vosk_port}{path}") as socket:
                await socket.send('{"eof" : 1}')
                assert json.loads(await socket.recv()) == {"text": ""}
        with pytest.raises(InvalidStatus):
            await connect(f"ws://127.0.0.1:{site.gateway.port}/vosk")
    finally:
        await site.gateway.drain(0)
