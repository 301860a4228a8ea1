"""Live WebVTT: what readers get, how many there may be, and that a bad one harms nobody."""

import asyncio
import contextlib
import http.client
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from lab.ledger import expect
from surtitle.gateway.http import BEHIND_BYTES
from surtitle.gateway.live import HISTORY_FINALS, MAX_READERS, LiveCaptions
from surtitle.messages import Final, Ready, Revised
from surtitle.subtitles.cues import Cue, Layout
from tests.gateway.fakes import LOUD, QUIET
from tests.gateway.site import START, Site, listening
from tests.subtitle_readers import read_with_webvtt

LIMIT_S = 10


def final(number: int, text: str = "") -> Final:
    """An utterance of a second, two seconds after the one before."""
    return Final(
        seq=number,
        utterance=number,
        start_ms=3000 * number,
        end_ms=3000 * number + 1000,
        text=text or f"Caption {number}.",
        language="en",
        language_probability=1.0,
        confidence=0.9,
    )


# -- what is kept -------------------------------------------------------------------------------


async def followed(live: LiveCaptions) -> str:
    return "".join([text async for text in live.follow()])


async def test_a_reader_gets_what_was_said_and_then_what_is_said() -> None:
    live = LiveCaptions(Layout())
    live.add(final(1))
    reading = asyncio.create_task(followed(live))
    await asyncio.sleep(0)
    live.add(final(2))
    live.close()
    assert await reading == (
        "WEBVTT\n\n00:00:03.000 --> 00:00:04.000\nCaption 1.\n\n"
        "00:00:06.000 --> 00:00:07.000\nCaption 2.\n\n"
    )


async def test_one_that_comes_too_late_misses_the_oldest() -> None:
    live = LiveCaptions(Layout())
    for number in range(HISTORY_FINALS + 3):
        live.add(final(number))
    live.close()
    blocks = (await followed(live)).split("\n\n")[1:-1]
    assert len(blocks) == HISTORY_FINALS
    assert blocks[0].endswith("Caption 3.")


async def test_one_that_falls_behind_the_history_goes_on_with_what_is_kept() -> None:
    live = LiveCaptions(Layout())
    reader = live.follow()
    await anext(reader)
    live.add(final(0))
    assert "Caption 0." in await anext(reader)
    for number in range(1, HISTORY_FINALS + 3):
        live.add(final(number))
    live.close()
    rest = "".join([text async for text in reader])
    assert rest.count("-->") == HISTORY_FINALS
    assert "Caption 2." not in rest and "Caption 3." in rest


def revised(number: int, text: str) -> Revised:
    """A better text of `final(number)`."""
    place = final(number)
    return Revised(
        seq=100 + number,
        utterance=number,
        start_ms=place.start_ms,
        end_ms=place.end_ms,
        text=text,
        confidence=0.95,
    )


async def test_who_reads_later_gets_the_better_text() -> None:
    live = LiveCaptions(Layout())
    early = live.follow()
    await anext(early)
    for number in (1, 2, 3):
        live.add(final(number))
    first = await anext(early)
    live.revise(revised(2, "A better caption & a longer one."))  # laid out
    live.add(final(4))
    live.revise(revised(4, "Not read yet."))
    live.close()
    assert first + "".join([text async for text in early]) == (
        "00:00:03.000 --> 00:00:04.000\nCaption 1.\n\n"
        "00:00:06.000 --> 00:00:07.000\nCaption 2.\n\n"
        "00:00:09.000 --> 00:00:10.000\nCaption 3.\n\n"
        "00:00:12.000 --> 00:00:13.000\nNot read yet.\n\n"
    )
    assert await followed(live) == (
        "WEBVTT\n\n"
        "00:00:03.000 --> 00:00:04.000\nCaption 1.\n\n"
        "00:00:06.000 --> 00:00:07.000\nA better caption &amp; a longer one.\n\n"
        "00:00:09.000 --> 00:00:10.000\nCaption 3.\n\n"
        "00:00:12.000 --> 00:00:13.000\nNot read yet.\n\n"
    )


async def test_a_caption_that_belongs_to_its_neighbour_is_gone_for_who_reads_later() -> None:
    live = LiveCaptions(Layout())
    live.add(final(1))
    live.revise(revised(1, ""))
    live.add(final(2))
    assert live.held_bytes > 0
    live.close()
    assert await followed(live) == "WEBVTT\n\n00:00:06.000 --> 00:00:07.000\nCaption 2.\n\n"
    live.revise(revised(2, ""))
    assert await followed(live) == "WEBVTT\n\n"


# -- over HTTP ----------------------------------------------------------------------------------


@asynccontextmanager
async def speaking(site: Site) -> AsyncIterator[tuple[ClientConnection, str]]:
    """A session on the site, and the path of its captions."""
    async with connect(site.websocket) as client:
        await client.send(START)
        ready = expect(await client.recv())
        assert isinstance(ready, Ready)
        yield client, f"/v1/captions/{ready.session}.vtt"


async def say(site: Site, client: ClientConnection, text: str) -> None:
    """One utterance, up to its final."""
    await client.send(LOUD * 20 + QUIET * 40)
    async with asyncio.timeout(LIMIT_S):
        while not isinstance(expect(await client.recv()), Final):
            site.engine.answer(text)
            await asyncio.sleep(0)


class Reader:
    """An HTTP client that reads an answer as it comes."""

    def __init__(self, site: Site, path: str, **headers: str) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", site.gateway.port, timeout=LIMIT_S)
        self.path, self.headers = path, headers

    async def __aenter__(self) -> http.client.HTTPResponse:
        def ask() -> http.client.HTTPResponse:
            self.http.request("GET", self.path, headers=self.headers)
            return self.http.getresponse()

        self.response = await asyncio.to_thread(ask)
        return self.response

    async def __aexit__(self, *exc_info: object) -> None:
        self.response.close()
        self.http.close()


async def lines(response: http.client.HTTPResponse, count: int) -> str:
    """The next lines of an answer."""
    read = [await asyncio.to_thread(response.readline) for _ in range(count)]
    return b"".join(read).decode()


async def test_a_player_on_another_page_follows_a_session_to_its_end(tmp_path: Path) -> None:
    async with listening() as site, speaking(site) as (client, path):
        await say(site, client, "Said before.")
        async with Reader(site, path, Origin="https://player.example") as response:
            assert response.status == 200
            assert response.getheader("Content-Type") == "text/vtt; charset=utf-8"
            assert response.getheader("Transfer-Encoding") == "chunked"
            assert response.getheader("Access-Control-Allow-Origin") == "*"
            text = await lines(response, 5)
            assert text.splitlines()[-2:] == ["Said before.", ""]
            await say(site, client, "Said after.")
            text += await lines(response, 3)
            assert text.splitlines()[-2:] == ["Said after.", ""]
            await client.send('{"type":"stop"}')
            text += (await asyncio.to_thread(response.read)).decode()  # ends where the session does
        path_of_file = tmp_path / "live.vtt"
        path_of_file.write_text(text, "utf-8")
        cues = read_with_webvtt(path_of_file)
        assert [cue.lines for cue in cues] == [("Said before.",), ("Said after.",)]
        assert cues[0] == Cue(0, cues[0].end_ms, ("Said before.",))


async def test_old_clients_get_no_chunks() -> None:
    async with listening() as site, speaking(site) as (client, path):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.port)
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        await say(site, client, "Said.")
        await client.send('{"type":"stop"}')
        async with asyncio.timeout(LIMIT_S):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert b"Transfer-Encoding" not in head
        assert body.startswith(b"WEBVTT\n\n") and body.endswith(b"\nSaid.\n\n")
        writer.close()


async def test_a_session_that_is_not_there_is_not_found_from_anywhere() -> None:
    async with listening() as site:
        async with speaking(site) as (client, path):
            await client.send('{"type":"stop"}')
            async for _ in client:
                pass
        for missing in (path, "/v1/captions/x.vtt", "/v1/captions/.vtt", "/v1/captions/a/b.vtt"):
            status, _ = await site.get(missing)
            assert status == 404, missing
        async with Reader(site, path) as response:
            assert response.getheader("Access-Control-Allow-Origin") == "*"
            assert "no such session" in json.loads(response.read())["error"]


async def test_other_methods_are_refused() -> None:
    async with listening() as site, speaking(site) as (_, path):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.port)
        writer.write(f"DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        async with asyncio.timeout(LIMIT_S):
            assert (await reader.readline()).split()[1] == b"405"
        writer.close()


async def test_readers_are_bounded_and_leave_room_when_they_go() -> None:
    async with listening() as site, speaking(site) as (_, path):
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MAX_READERS):
                response = await stack.enter_async_context(Reader(site, path))
                assert response.status == 200
            async with Reader(site, path) as response:
                assert (response.status, response.getheader("Retry-After")) == (503, "5")
        async with asyncio.timeout(LIMIT_S):
            while True:
                async with Reader(site, path) as response:
                    if response.status == 200:
                        break


async def test_one_that_does_not_read_is_cut_off_and_harms_nobody() -> None:
    async with listening(send_timeout_s=0.5) as site, speaking(site) as (client, path):
        with socket.create_connection(("127.0.0.1", site.gateway.port)) as deaf:
            deaf.settimeout(LIMIT_S)
            deaf.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await asyncio.to_thread(deaf.recv, 1)
            async with Reader(site, path) as response:
                reading = asyncio.create_task(asyncio.to_thread(response.read))
                (live,) = (hosted.live for hosted in site.gateway._sessions)
                assert live.readers == 2
                for number in range(12):  # 6 MB: more than the system keeps for a socket
                    live.add(final(number, "x" * 500_000))
                async with asyncio.timeout(LIMIT_S):
                    while live.readers == 2:  # noqa: ASYNC110 - the count is no event
                        await asyncio.sleep(0.01)
                await say(site, client, "Still there.")
                await client.send('{"type":"stop"}')
                assert (await reading).endswith(b"Still there.\n\n")
            received = b""
            while data := await asyncio.to_thread(deaf.recv, 1 << 20):
                received = data
            assert not received.endswith(b"0\r\n\r\n")  # broken off, and not to be taken for whole


@pytest.mark.parametrize("piece", [b"GET / HTTP/1.1\r\n\r\n", b"x" * 1000, bytes(100_000)])
async def test_one_that_talks_without_end_is_cut_off(piece: bytes) -> None:
    async with listening() as site, speaking(site) as (client, path):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await reader.readuntil(b"WEBVTT")
        (live,) = (hosted.live for hosted in site.gateway._sessions)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(LIMIT_S):
                while live.readers:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        writer.close()
        await say(site, client, "Still there.")


@pytest.mark.parametrize("said", [b"", b"x", bytes(BEHIND_BYTES // 2)])
async def test_one_that_says_little_reads_on(said: bytes) -> None:
    async with listening() as site, speaking(site) as (client, path):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await reader.readuntil(b"WEBVTT")
        writer.write(said)
        await say(site, client, "Still there.")
        async with asyncio.timeout(LIMIT_S):
            await reader.readuntil(b"Still there.")
        writer.close()


async def test_a_stop_of_the_server_ends_the_streams() -> None:
    async with listening() as site, speaking(site) as (_, path), Reader(site, path) as response:
        await lines(response, 2)
        await site.gateway.drain(0)
        assert await asyncio.to_thread(response.read) == b""
