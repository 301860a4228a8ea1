"""A connection that breaks: how long the client tries, what it says again, what it tells of."""

import asyncio
import socket
from http import HTTPStatus

import pytest
from msgspec import structs
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from surtitle.client import Captions, ClientError, Event, Gap, State, connect, dialing
from surtitle.client import captions as client
from surtitle.client.dialing import Disconnected
from surtitle.messages import (
    Ack,
    ClientMessage,
    Ended,
    Error,
    Final,
    Resume,
    Resumed,
    Revised,
    Start,
    Update,
    format_message,
)
from tests.client.scenes import ENDED, Scene, break_off, greet, playing, say

LIMIT_S = 10


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "FIRST_WAIT_S", 0.01)


async def all_of(captions: Captions) -> list[Event]:
    return [event async for event in captions]


# -- patience -----------------------------------------------------------------------------------


async def test_a_connection_that_breaks_at_once_time_and_again_is_of_no_use() -> None:
    """As behind a proxy that does not let a large frame through."""

    async def cut(server: ServerConnection) -> None:
        await greet(server)
        await server.recv()
        await break_off(server)

    events: list[Event] = []
    async with (
        asyncio.timeout(LIMIT_S),
        playing(forever=cut) as url,
        connect(url, patience_s=0.2) as captions,
    ):
        await captions.send(bytes(3200))
        with pytest.raises(ClientError, match=r"Gave up after 0 s\."):
            async for event in captions:
                events.append(event)  # noqa: PERF401 - it raises
    # The waits are at least 5, 10, 20 … ms: the sixth ends beyond all patience.
    assert 1 <= sum(isinstance(event, Resumed) for event in events) <= 6


async def test_patience_counts_anew_after_a_connection_that_was_of_use() -> None:
    async def acknowledge(server: ServerConnection) -> None:
        await greet(server)
        await say(server, Ack(received=0, safe=0))
        await break_off(server)

    async def end(server: ServerConnection) -> None:
        await greet(server)
        await say(server, ENDED)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(*[acknowledge] * 5, end) as url,
        connect(url, patience_s=1e-9) as captions,
    ):
        assert isinstance((await all_of(captions))[-1], Ended)


async def fall_silent(server: ServerConnection) -> None:
    """What a server does with a client that sends nothing, such as one that is muted."""
    await greet(server)
    await say(server, Error(seq=2, code="idle", message="Nothing was received.", fatal=True))
    await server.close(4408)


async def close_silently(server: ServerConnection) -> None:
    await greet(server)
    await server.close(4408)


@pytest.mark.parametrize("silence", [fall_silent, close_silently])
async def test_who_sends_nothing_for_long_comes_back(silence: Scene) -> None:
    async def end(server: ServerConnection) -> None:
        await greet(server)
        await say(server, ENDED)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(silence, end) as url,
        connect(url) as captions,
    ):
        events = await all_of(captions)
    assert [type(event) for event in events] == [Disconnected, Resumed, Ended]


@pytest.mark.parametrize(("code", "close"), [("idle", 4408), ("busy", 1013)])
async def test_a_server_that_keeps_the_session_is_not_told_that_it_is_over(
    code: str, close: int
) -> None:
    """A client that closes with 1000 ends its session for good."""
    closed: list[int | None] = []

    async def take_leave(server: ServerConnection) -> None:
        await greet(server)
        await say(server, Error(seq=2, code=code, message="For now.", fatal=True))
        await asyncio.wait({asyncio.create_task(server.wait_closed())}, timeout=0.1)
        await server.close(close)
        closed.append(server.close_code)

    async def end(server: ServerConnection) -> None:
        await greet(server)
        await say(server, ENDED)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(take_leave, end) as url,
        connect(url) as captions,
    ):
        events = await all_of(captions)
    assert closed == [close]
    assert events[0] == Disconnected("For now.")
    assert [type(event) for event in events] == [Disconnected, Resumed, Ended]


async def test_silence_does_not_use_up_patience() -> None:
    async def end(server: ServerConnection) -> None:
        await greet(server)
        await say(server, ENDED)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(*[fall_silent] * 5, end) as url,
        connect(url, patience_s=1e-9) as captions,
    ):
        assert isinstance((await all_of(captions))[-1], Ended)


async def test_silence_is_the_end_for_who_does_not_come_back() -> None:
    async with (
        asyncio.timeout(LIMIT_S),
        playing(fall_silent) as url,
        connect(url, patience_s=0) as captions,
    ):
        with pytest.raises(ClientError, match="Nothing was received"):
            await all_of(captions)


# -- gaps ---------------------------------------------------------------------------------------


async def test_a_gap_is_told_once_and_what_was_changed_in_it_is_said_until_it_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "KEEP_S", 2.0)
    spoken = asyncio.Event()
    heard: list[bytes | str] = []
    started: list[ClientMessage] = []

    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await break_off(server)

    async def hear_a_second_and_more(server: ServerConnection) -> None:
        await spoken.wait()
        await greet(server)
        heard.extend([await server.recv(), await server.recv(), await server.recv()])
        await break_off(server)

    async def have_a_second(server: ServerConnection) -> None:
        await greet(server, received=32_000)
        heard.extend([await server.recv(), await server.recv()])
        await break_off(server)

    async def forget(server: ServerConnection) -> None:
        await server.recv()
        await say(server, Error(seq=0, code="unknown_session", message="Who?", fatal=True))
        await server.close(4404)

    async def begin_again(server: ServerConnection) -> None:
        started.append(await greet(server))
        heard.append(await server.recv())
        await say(server, ENDED)

    script = [leave, hear_a_second_and_more, have_a_second, forget, begin_again]
    second, update = bytes(32_000), Update(prompt="new")
    async with asyncio.timeout(LIMIT_S), playing(*script) as url, connect(url) as captions:
        events = aiter(captions)
        await anext(events)  # it has broken: nothing waits for the server
        captions.offer(second)
        await captions.update(update)
        for _ in range(4):
            captions.offer(b"word" * 8000)
        spoken.set()
        gaps = [event async for event in events if isinstance(event, Gap)]
    assert gaps == [Gap(0, 3000)]
    said = format_message(update)
    assert heard == [second, said, second * 2, said, second * 2, b"word" * 8000]
    assert started == [Start(prompt="new")]


@pytest.mark.parametrize(
    ("start", "frame_bytes", "piece_bytes", "kept_bytes"),
    [
        (Start(), 2, 32_001, 32_001),
        (Start(channels=2, sample_rate=8000), 4, 16_002, 48_006),
        (Start(encoding="pcm_f32le", sample_rate=8000), 4, 31_999, 63_998),
    ],
)
async def test_a_session_begins_with_a_whole_sample_whatever_was_dropped(
    start: Start,
    frame_bytes: int,
    piece_bytes: int,
    kept_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "KEEP_S", 2.0)  # 64,000 bytes
    whole = bytes(range(1, 251)) * 1000
    offered = asyncio.Event()
    heard = b""

    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await break_off(server)

    async def forget(server: ServerConnection) -> None:
        await offered.wait()
        await server.recv()
        await say(server, Error(seq=0, code="unknown_session", message="Who?", fatal=True))
        await server.close(4404)

    async def hear(server: ServerConnection) -> None:
        nonlocal heard
        await greet(server)
        while isinstance(data := await server.recv(), bytes):
            heard += data
        await say(server, ENDED)

    script = [leave, forget, hear]
    async with (
        asyncio.timeout(LIMIT_S),
        playing(*script) as url,
        connect(url, start) as captions,
    ):
        assert isinstance(await anext(captions), Disconnected)
        for number in range(4):
            captions.offer(whole[number * piece_bytes :][:piece_bytes])
        await captions.stop()
        offered.set()
        gaps = [event for event in await all_of(captions) if isinstance(event, Gap)]
    end = 4 * piece_bytes
    dropped = end - kept_bytes
    missing = dropped % frame_bytes
    assert missing
    assert heard == bytes(missing) + whole[dropped:end]
    assert gaps == [Gap(0, dropped * 1000 // 32_000)]


# -- better texts -------------------------------------------------------------------------------


FINAL = Final(
    seq=2, utterance=1, start_ms=0, end_ms=900, text="a kernel", language="en",
    language_probability=1.0, confidence=0.5,
)  # fmt: skip
BETTER = Revised(
    seq=3, utterance=1, start_ms=0, end_ms=900, text="a colonel", confidence=0.9
)  # fmt: skip


async def test_a_better_text_is_not_told_again_and_asks_for_no_audio() -> None:
    resumes: list[ClientMessage] = []

    async def correct(server: ServerConnection) -> None:
        await greet(server)
        await say(server, FINAL)
        await say(server, BETTER)
        await break_off(server)

    async def end(server: ServerConnection) -> None:
        resumes.append(await greet(server))
        await say(server, ENDED)

    async with asyncio.timeout(LIMIT_S), playing(correct, end) as url, connect(url) as captions:
        events = await all_of(captions)
    assert events[:2] == [FINAL, BETTER]
    assert resumes == [Resume(session="s", token="t", last_seq=BETTER.seq)]


async def test_of_a_container_that_begins_again_a_better_text_is_dropped_with_its_final() -> None:
    async def correct(server: ServerConnection) -> None:
        await greet(server)
        await say(server, FINAL)
        await say(server, BETTER)
        await break_off(server)

    async def forget(server: ServerConnection) -> None:
        await server.recv()
        await say(server, Error(seq=0, code="unknown_session", message="Who?", fatal=True))
        await server.close(4404)

    next_one = structs.replace(FINAL, utterance=2), structs.replace(BETTER, utterance=2)

    async def begin_again(server: ServerConnection) -> None:
        await greet(server)
        for message in (FINAL, BETTER, *next_one, ENDED):
            await say(server, message)

    script = [correct, forget, begin_again]
    async with (
        asyncio.timeout(LIMIT_S),
        playing(*script) as url,
        connect(url, Start(encoding="webm", revisions=True)) as captions,
    ):
        events = await all_of(captions)
    texts = [event for event in events if isinstance(event, Final | Revised)]
    assert texts == [FINAL, BETTER, *next_one]


# -- size ---------------------------------------------------------------------------------------


async def test_a_piece_of_any_length_is_sent_in_frames_that_the_server_takes() -> None:
    whole = bytes(range(256)) * (3 << 12) + b"odd"  # 3 MiB; a server takes 1 MiB
    heard = b""

    async def hear(server: ServerConnection) -> None:
        nonlocal heard
        await greet(server)
        while isinstance(data := await server.recv(), bytes):
            heard += data
        await say(server, ENDED)

    async with asyncio.timeout(LIMIT_S), playing(hear) as url, connect(url) as captions:
        events = [event async for event in captions.caption([whole])]
    assert events == [ENDED]
    assert heard == whole


async def test_silence_of_many_channels_is_sent_in_frames_that_the_server_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "KEEP_S", 0.5)
    start = Start(encoding="pcm_f32le", sample_rate=48_000, channels=8)
    second = 48_000 * 8 * 4
    back = asyncio.Event()
    heard = b""

    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await break_off(server)

    async def hear(server: ServerConnection) -> None:
        nonlocal heard
        await back.wait()
        await greet(server)
        while isinstance(data := await server.recv(), bytes):
            heard += data
        await say(server, ENDED)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(leave, hear) as url,
        connect(url, start) as captions,
    ):
        assert isinstance(await anext(captions), Disconnected)
        captions.offer(b"lost" * (second // 4))
        captions.offer(b"kept")
        back.set()
        await captions.stop()
        events = await all_of(captions)
    assert [event for event in events if isinstance(event, Gap)] == [Gap(0, 1000)]
    assert heard == bytes(second) + b"kept"


# -- room ---------------------------------------------------------------------------------------


async def test_a_send_that_is_cancelled_has_not_taken_its_audio() -> None:
    thaw = asyncio.Event()
    heard = 0

    async def freeze(server: ServerConnection) -> None:
        nonlocal heard
        await greet(server)
        server.transport.pause_reading()
        await thaw.wait()
        server.transport.resume_reading()
        while isinstance(data := await server.recv(), bytes):
            heard += len(data)
        await say(server, ENDED)

    async with asyncio.timeout(LIMIT_S), playing(freeze) as url, connect(url) as captions:
        taken = 0
        with pytest.raises(TimeoutError):
            while True:
                await asyncio.wait_for(captions.send(bytes(1 << 18)), 0.2)
                taken += 1 << 18
        thaw.set()
        await captions.stop()
        await all_of(captions)
    assert heard == taken


async def test_a_file_loses_nothing_while_the_server_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "KEEP_S", 2.0)
    back = asyncio.Event()
    whole = b"".join(bytes([number]) * 32_000 for number in range(20))
    heard = b""

    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await break_off(server)

    async def hear(server: ServerConnection) -> None:
        nonlocal heard
        await back.wait()
        await greet(server)
        while isinstance(data := await server.recv(), bytes):
            heard += data
            await say(server, Ack(received=len(heard), safe=len(heard)))
        await say(server, ENDED)

    async def feed(captions: Captions) -> None:
        for start in range(0, len(whole), 32_000):
            await captions.send(whole[start : start + 32_000])
        await captions.stop()

    async with asyncio.timeout(LIMIT_S), playing(leave, hear) as url, connect(url) as captions:
        assert isinstance(await anext(captions), Disconnected)
        feeding = asyncio.create_task(feed(captions))
        await asyncio.wait({feeding}, timeout=0.1)
        assert not feeding.done()
        assert captions._outbox.end == 2 * 32_000
        back.set()
        events = await all_of(captions)
        await feeding
    assert heard == whole
    assert not [event for event in events if isinstance(event, Gap)]


async def test_a_server_that_answers_slowly_is_waited_for_as_it_may_be_restarted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that it has heard and not answered is there for the next one."""
    monkeypatch.setattr(client, "KEEP_S", 2.0)
    full = asyncio.Event()
    heard = b""

    async def answer_nothing(server: ServerConnection) -> None:
        await greet(server)
        for _ in range(4):
            await server.recv()
        await full.wait()
        await break_off(server)

    async def forget(server: ServerConnection) -> None:
        await server.recv()
        await say(server, Error(seq=0, code="unknown_session", message="Who?", fatal=True))
        await server.close(4404)

    async def hear(server: ServerConnection) -> None:
        nonlocal heard
        await greet(server)
        while isinstance(data := await server.recv(), bytes):
            heard += data
            await say(server, Ack(received=len(heard), safe=len(heard)))
        await say(server, ENDED)

    script = [answer_nothing, forget, hear]
    async with asyncio.timeout(LIMIT_S), playing(*script) as url, connect(url) as captions:
        for _ in range(4):
            await captions.send(bytes(16_000))
        waiting = asyncio.create_task(captions.send(b"word" * 4000))
        await asyncio.wait({waiting}, timeout=0.1)
        assert not waiting.done()
        full.set()
        await waiting
        await captions.stop()
        events = await all_of(captions)
    assert heard == bytes(64_000) + b"word" * 4000
    assert not [event for event in events if isinstance(event, Gap)]


async def test_who_waits_for_room_hears_that_the_server_will_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "KEEP_S", 1.0)

    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await break_off(server)

    async with asyncio.timeout(LIMIT_S):
        async with playing(leave) as url:
            opening = connect(url, patience_s=0.1)
            captions = await opening.__aenter__()
        with pytest.raises(ClientError, match="Gave up"):
            while True:
                await captions.send(bytes(32_000))
        await opening.__aexit__()


CONTAINER = Start(encoding="webm")


async def feed_container(captions: Captions, frames: int) -> None:
    for number in range(frames):
        await captions.send(bytes([number]) * 1000)


async def test_a_container_may_be_longer_than_what_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of it is answered before its end; the newest is kept, and enough where only a connection
    breaks."""
    monkeypatch.setattr(client, "KEEP_CONTAINER_BYTES", 10_000)
    heard = b""

    async def hear_most(server: ServerConnection) -> None:
        nonlocal heard
        await greet(server)
        for _ in range(20):
            data = await server.recv()
            assert isinstance(data, bytes)
            heard += data
        await break_off(server)

    async def hear_the_rest(server: ServerConnection) -> None:
        nonlocal heard
        await greet(server, received=len(heard))
        while isinstance(data := await server.recv(), bytes):
            heard += data
        await say(server, ENDED)

    script = [hear_most, hear_the_rest]
    async with (
        asyncio.timeout(LIMIT_S),
        playing(*script) as url,
        connect(url, CONTAINER) as captions,
    ):
        await feed_container(captions, 50)
        assert captions._outbox.end - captions._outbox.start <= 11_000
        await captions.stop()
        await all_of(captions)
    assert heard == b"".join(bytes([number]) * 1000 for number in range(50))


async def forget_session(server: ServerConnection) -> None:
    await server.recv()
    await say(server, Error(seq=0, code="unknown_session", message="Who?", fatal=True))
    await server.close(4404)


async def have_little(server: ServerConnection) -> None:
    await greet(server, received=1000)
    await server.wait_closed()


@pytest.mark.parametrize("second", [forget_session, have_little])
async def test_a_container_whose_beginning_is_needed_again_is_lost(
    second: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "KEEP_CONTAINER_BYTES", 10_000)

    async def hear(server: ServerConnection) -> None:
        await greet(server)
        for _ in range(20):
            await server.recv()
        await break_off(server)

    async with (
        asyncio.timeout(LIMIT_S),
        playing(hear, second) as url,
        connect(url, CONTAINER) as captions,
    ):
        await feed_container(captions, 20)
        with pytest.raises(ClientError, match="cannot be continued from the middle") as raised:
            await all_of(captions)
    assert raised.value.code == "lost"


async def test_a_live_container_of_which_something_was_dropped_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "KEEP_CONTAINER_BYTES", 10_000)
    back = asyncio.Event()

    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await break_off(server)

    async def listen(server: ServerConnection) -> None:
        await back.wait()
        await greet(server)
        await server.wait_closed()

    async with (
        asyncio.timeout(LIMIT_S),
        playing(leave, listen) as url,
        connect(url, CONTAINER) as captions,
    ):
        assert isinstance(await anext(captions), Disconnected)
        for _ in range(20):
            captions.offer(bytes(1000))
        back.set()
        with pytest.raises(ClientError, match="cannot be continued from the middle"):
            await all_of(captions)


# -- what must not be waited for ----------------------------------------------------------------


async def test_an_address_that_is_none_where_the_server_has_moved_to() -> None:
    connections = 0

    def move(server: ServerConnection, request: Request) -> Response | None:
        nonlocal connections
        connections += 1
        if connections == 1:
            return None
        response = server.respond(HTTPStatus.FOUND, "")
        response.headers["Location"] = "ws://a..b/"
        return response

    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await break_off(server)

    async with (
        asyncio.timeout(LIMIT_S),
        serve(leave, "127.0.0.1", 0, process_request=move) as server,
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as captions:
            with pytest.raises(ClientError, match="Cannot reach a Surtitle server at"):
                await all_of(captions)


async def test_what_nobody_expected_is_raised_where_the_session_is_used() -> None:
    async def listen(server: ServerConnection) -> None:
        await greet(server)
        await server.wait_closed()

    async with asyncio.timeout(LIMIT_S), playing(listen) as url, connect(url) as captions:
        await captions.update(Update(prompt="\ud800"))  # half a character, which JSON cannot have
        with pytest.raises(UnicodeEncodeError):
            await all_of(captions)
        with pytest.raises(UnicodeEncodeError):
            await captions.send(b"\0\0")


async def test_who_still_listens_when_the_session_is_left_hears_no_more() -> None:
    async def listen(server: ServerConnection) -> None:
        await greet(server)
        await say(server, Ack(received=0, safe=0))
        await server.wait_closed()

    async with asyncio.timeout(LIMIT_S):
        async with playing(listen) as url, connect(url) as captions:
            events = aiter(captions)
            assert isinstance(await anext(events), Ack)
            waiting = asyncio.ensure_future(anext(events, None))
        assert await waiting is None


async def test_who_listens_to_a_session_that_was_left_at_once_hears_nothing() -> None:
    async def listen(server: ServerConnection) -> None:
        await greet(server)
        await server.wait_closed()

    async with asyncio.timeout(LIMIT_S), playing(listen) as url:
        async with connect(url) as captions:
            pass
        await captions.close()  # once more
        assert await all_of(captions) == []
        with pytest.raises(ClientError, match="has ended"):
            await captions.send(b"\0\0")


async def test_how_a_session_stands() -> None:
    gone, back = asyncio.Event(), asyncio.Event()

    async def leave(server: ServerConnection) -> None:
        await greet(server)
        await gone.wait()
        await break_off(server)

    async def end(server: ServerConnection) -> None:
        await back.wait()
        await greet(server)
        await say(server, ENDED)

    states: list[State] = []
    async with asyncio.timeout(LIMIT_S), playing(leave, end) as url, connect(url) as captions:
        states.append(captions.state)
        gone.set()
        async for _ in captions:
            states.append(captions.state)
            back.set()
        states.append(captions.state)
    assert states[:3] == [State.OPEN, State.AWAY, State.OPEN]
    assert states[-1] is State.ENDED


async def test_a_session_that_is_left_at_once_is_closed() -> None:
    left = asyncio.Event()
    sockets: list[ServerConnection] = []

    async def listen(server: ServerConnection) -> None:
        await greet(server)
        sockets.append(server)
        await server.wait_closed()
        left.set()

    async with asyncio.timeout(LIMIT_S), playing(listen) as url:
        async with connect(url):
            pass
        await left.wait()
    assert sockets[0].close_code == 1000


async def test_a_frozen_server_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "CLOSE_S", 0.05)
    thawed = asyncio.Event()

    async def freeze(server: ServerConnection) -> None:
        await greet(server)
        server.transport.pause_reading()
        await thawed.wait()
        server.transport.abort()

    async with playing(freeze) as url, connect(url) as captions, asyncio.timeout(LIMIT_S):
        assert captions._socket is not None
        transport = captions._socket.transport
        # So that the system takes less than is written; it takes 4 MiB by itself.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        transport.write(bytes(1 << 20))
        await captions.send(bytes(1 << 16))
        while transport.get_write_buffer_size() < 1 << 18:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0)
        leaving = asyncio.create_task(captions.close())
        await asyncio.wait({leaving}, timeout=LIMIT_S / 2)
        was_left = leaving.done()
        thawed.set()
    assert was_left
