"""A session on one connection after another: what is sent again, who may come back, and how long."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from surtitle.gateway import kept
from surtitle.gateway.connection import Connection
from surtitle.gateway.hosted import HostedSession
from surtitle.jobs import Result
from surtitle.messages import (
    Ack,
    Ended,
    Error,
    Final,
    Partial,
    Ready,
    Resume,
    Resumed,
    ServerMessage,
    Speech,
    format_message,
)
from tests.gateway.fakes import (
    LOUD,
    QUIET,
    FakeEngine,
    FakeSocket,
    LoudnessRounds,
    make_sessions,
    opening,
    timeouts,
)

WORD = LOUD * 20
PAUSE = QUIET * 40
START = '{"type":"start","partials":false}'


class Client:
    """One connection, seen from the client."""

    def __init__(self, site: "Site", owner: str) -> None:
        self.socket = FakeSocket()
        connection = Connection(
            self.socket, opening(site.engine, site.sessions, owner=owner), timeouts()
        )
        self.task = asyncio.create_task(connection.run(None))

    def put(self, *frames: str | bytes) -> None:
        self.socket.put(*frames)

    def said(self, *kinds: type[ServerMessage]) -> list[ServerMessage]:
        return [m for m in self.socket.sent if isinstance(m, kinds)]

    @property
    def order(self) -> list[str]:
        return [type(m).__name__ for m in self.socket.sent if not isinstance(m, Ack)]

    @property
    def ready(self) -> Ready:
        (ready,) = self.said(Ready)
        assert isinstance(ready, Ready)
        return ready

    @property
    def resumed(self) -> Resumed:
        (resumed,) = self.said(Resumed)
        assert isinstance(resumed, Resumed)
        return resumed

    def last_seq(self) -> int:
        return max(m.seq for m in self.socket.sent if not isinstance(m, Ack | Resumed))

    async def break_off(self) -> None:
        self.socket.break_off()
        await self.task


class Site:
    """A server without a network."""

    def __init__(self, resume_window_s: float = 60) -> None:
        self.engine = FakeEngine()
        self.rounds = LoudnessRounds()
        self.sessions = make_sessions(self.engine, self.rounds, resume_window_s=resume_window_s)
        self.clients: list[Client] = []

    def connect(self, *frames: str | bytes, owner: str = "somebody") -> Client:
        client = Client(self, owner)
        self.clients.append(client)
        client.put(*frames)
        return client

    async def start(self, *frames: str | bytes, owner: str = "somebody") -> Client:
        client = self.connect(START, *frames, owner=owner)
        await until(lambda: client.said(Ready))
        return client

    def resume(self, ready: Ready, token: str, last_seq: int) -> Client:
        return self.connect(
            format_message(Resume(session=ready.session, token=token, last_seq=last_seq))
        )

    @property
    def only(self) -> HostedSession:
        (session,) = self.sessions
        return session


@asynccontextmanager
async def site(resume_window_s: float = 60) -> AsyncIterator[Site]:
    serving = Site(resume_window_s)
    try:
        yield serving
    finally:
        for client in serving.clients:
            client.socket.reads.set()
            client.socket.break_off()
        async with asyncio.timeout(5):
            await asyncio.gather(*(client.task for client in serving.clients))
        serving.sessions.close()
        assert not len(serving.sessions)
        assert len(set(serving.engine.discarded)) == len(serving.engine.discarded)
        assert serving.rounds.forgotten == len(serving.engine.discarded)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0)


def fatal(client: Client) -> tuple[str, tuple[int, str] | None]:
    """The last error, and the close that followed it."""
    error = client.said(Error)[-1]
    assert isinstance(error, Error) and error.fatal
    return error.code, client.socket.closed


async def test_what_was_missed_is_sent_again_and_the_audio_goes_on_at_its_byte() -> None:
    async with site() as s:
        first = await s.start(WORD, PAUSE)
        await until(lambda: s.engine.jobs and first.said(Speech))
        seen = first.last_seq()
        await first.break_off()
        s.engine.answer("one")  # nobody listens
        second = s.resume(first.ready, first.ready.token, seen)
        await until(lambda: second.said(Final))
        assert second.order == ["Resumed", "Final"]
        assert second.resumed.received == len(WORD + PAUSE)
        second.put(WORD, PAUSE)
        await until(lambda: s.engine.jobs)
        s.engine.answer("two")
        second.put('{"type":"stop"}')
        await until(lambda: second.socket.closed)
        messages = [*first.socket.sent, *second.socket.sent]
        numbers = [m.seq for m in messages if not isinstance(m, Ack | Resumed)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert [m.text for m in messages if isinstance(m, Final)] == ["one", "two"]
        (ended,) = second.said(Ended)
        assert isinstance(ended, Ended) and ended.utterances == 2


async def test_partials_are_not_sent_again() -> None:
    async with site() as s:
        first = s.connect('{"type":"start"}', WORD)
        await until(lambda: s.engine.jobs)
        s.engine.answer("more words than are held back until they are sure")
        await until(lambda: first.said(Partial))
        await first.break_off()
        second = s.resume(first.ready, first.ready.token, 0)
        await until(lambda: second.said(Resumed, Speech)[1:])
        assert second.order == ["Resumed", "Ready", "Speech"]


async def test_a_connection_that_still_hangs_on_loses_the_session() -> None:
    async with site() as s:
        first = await s.start(WORD)
        await until(lambda: first.said(Speech))
        second = s.resume(first.ready, first.ready.token, first.last_seq())
        await until(lambda: first.socket.closed)
        assert fatal(first) == ("resumed_elsewhere", (4409, "resumed_elsewhere"))
        first.put(WORD, '{"type":"stop"}')  # too late
        second.put(PAUSE)
        await until(lambda: s.engine.jobs)
        s.engine.answer("once")
        await until(lambda: second.said(Final))
        assert second.order == ["Resumed", "Final"]
        assert s.only.session.ack().received == len(WORD + PAUSE)
        assert not s.only.session.stopping


async def test_one_that_does_not_read_is_cut_off_and_comes_back() -> None:
    async with site() as s:
        first = await s.start()
        first.socket.reads.clear()
        first.put(WORD, PAUSE)
        await until(lambda: s.engine.jobs)
        s.engine.answer("late")
        second = s.resume(first.ready, first.ready.token, 1)
        await until(lambda: second.said(Final))
        assert second.order == ["Resumed", "Speech", "Final"]


async def test_the_token_is_a_new_one_each_time_and_the_one_before_holds_until_it_is_used() -> None:
    async with site() as s:
        first = await s.start()

        async def resume(token: str) -> str:
            client = s.resume(first.ready, token, 1)
            await until(lambda: client.said(Resumed))
            return client.resumed.token

        original = first.ready.token
        lost = await resume(original)  # say that this answer did not arrive
        second = await resume(original)
        third = await resume(second)
        assert len({original, lost, second, third}) == 4
        for stale in (original, lost):
            client = s.resume(first.ready, stale, 1)
            await client.task
            assert fatal(client) == ("unknown_session", (4404, "unknown_session"))
        assert await resume(third)


@pytest.mark.parametrize("wrong", ["session", "token", "empty token", "non-ascii token"])
async def test_who_does_not_know_session_and_token_learns_nothing(wrong: str) -> None:
    async with site() as s:
        first = await s.start()
        token = {"token": "x" * 32, "empty token": "", "non-ascii token": "é"}.get(
            wrong, first.ready.token
        )
        session = "other" if wrong == "session" else first.ready.session
        other = s.connect(format_message(Resume(session=session, token=token, last_seq=0)))
        await until(lambda: other.socket.closed)
        assert fatal(other) == ("unknown_session", (4404, "unknown_session"))
        assert other.order == ["Error"]
        assert not first.socket.closed


async def test_nobody_comes_back_after_the_window_and_what_was_heard_is_answered() -> None:
    async with site(resume_window_s=0.05) as s:
        first = await s.start(WORD)
        await until(lambda: first.said(Speech))
        live = s.only.live
        await first.break_off()
        await until(lambda: s.engine.jobs)  # it was stopped
        late = s.resume(first.ready, first.ready.token, 1)
        await until(lambda: late.socket.closed)
        assert fatal(late)[0] == "unknown_session"
        s.engine.answer("last words")
        assert not len(s.sessions)
        following = [block async for block in live.follow()]
        assert "last words" in following[-1]


async def test_so_many_wait_and_no_more() -> None:
    async with site() as s:
        clients = [await s.start() for _ in range(3)]
        for client in clients:
            await client.break_off()
        back = [s.resume(c.ready, c.ready.token, 1) for c in clients]
        await until(lambda: all(b.said(Resumed, Error) for b in back))
        assert [b.order for b in back] == [["Error"], ["Resumed"], ["Resumed"]]


async def test_of_those_that_nobody_can_come_back_to_no_more_are_left_than_of_others() -> None:
    async with site() as s:  # two may wait
        for _ in range(6):
            client = await s.start(WORD)
            await client.break_off()
            assert len(s.sessions) <= 3  # and one has its last answer to come


async def test_who_leaves_many_sessions_behind_pushes_out_his_own() -> None:
    async with site() as s:
        clients = [await s.start(owner=owner) for owner in ("a", "b", "b")]
        for client in clients:
            await client.break_off()
        back = [s.resume(c.ready, c.ready.token, 1) for c in clients]
        await until(lambda: all(b.said(Resumed, Error) for b in back))
        assert [b.order for b in back] == [["Resumed"], ["Error"], ["Resumed"]]


async def test_what_ends_a_connection_alone_takes_no_number_of_the_session() -> None:
    """Whoever has the session next would miss it."""
    async with site() as s:
        old = await s.start(WORD, PAUSE)
        await until(lambda: s.engine.jobs)
        before = old.last_seq()
        new = s.resume(old.ready, old.ready.token, before)
        await until(lambda: old.said(Error))
        assert old.last_seq() == before
        s.engine.answer()
        await until(lambda: new.said(Final))
        assert [m.seq for m in new.said(Final) if isinstance(m, Final)] == [before + 1]


async def test_a_session_that_has_ended_can_be_asked_for_its_end() -> None:
    async with site() as s:
        first = await s.start(WORD)
        await until(lambda: first.said(Speech))
        first.socket.reads.clear()
        first.put('{"type":"stop"}')
        await until(lambda: s.engine.jobs)
        await first.break_off()
        s.engine.answer("the end")
        second = s.resume(first.ready, first.ready.token, first.last_seq())
        await until(lambda: second.socket.closed)
        assert second.order == ["Resumed", "Final", "Ended"]
        assert second.socket.closed == (1000, "")
        await until(lambda: not len(s.sessions))


async def test_a_stop_may_be_said_twice() -> None:
    async with site() as s:
        first = await s.start(WORD, '{"type":"stop"}')
        await until(lambda: s.engine.jobs)
        await first.break_off()
        second = s.resume(first.ready, first.ready.token, 1)
        second.put('{"type":"stop"}')
        await until(lambda: second.said(Speech))
        s.engine.answer("once")
        await until(lambda: second.socket.closed)
        assert second.order == ["Resumed", "Speech", "Final", "Ended"]


async def test_a_client_that_closes_is_done() -> None:
    async with site() as s:
        first = await s.start(WORD)
        first.socket.leave()
        await first.task
        assert not len(s.sessions)


async def test_an_error_that_ends_the_session_ends_it() -> None:
    async with site() as s:
        first = await s.start()
        first.put("no JSON")
        await first.task
        assert fatal(first) == ("bad_text", (1007, "bad_text"))
        assert not len(s.sessions)


async def test_an_error_that_is_not_fatal_is_kept() -> None:
    async with site() as s:
        first = await s.start('{"type":"dance"}')
        await until(lambda: first.said(Error))
        await first.break_off()
        second = s.resume(first.ready, first.ready.token, 1)
        await until(lambda: second.said(Error))
        assert second.order == ["Resumed", "Error"]


async def test_messages_from_too_long_ago_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_MESSAGES", 4)
    async with site() as s:
        first = await s.start()
        for seq in (3, 5, 7):  # two messages each
            first.put(WORD, PAUSE)
            await until(lambda: s.engine.jobs)
            s.engine.answer("words")
            await until(lambda seq=seq: first.last_seq() == seq)  # type: ignore[misc]
        assert first.last_seq() == 7
        await first.break_off()
        late = s.resume(first.ready, first.ready.token, 2)
        await until(lambda: late.socket.closed)
        assert fatal(late)[0] == "unknown_session"
        second = s.resume(first.ready, first.ready.token, 3)
        await until(lambda: len(second.order) == 5)
        assert second.order == ["Resumed", "Speech", "Final", "Speech", "Final"]


async def test_resume_is_the_first_message_or_none() -> None:
    async with site() as s:
        first = await s.start()
        first.put(format_message(Resume(session="a", token="b", last_seq=0)))
        await until(lambda: first.said(Error))
        (error,) = first.said(Error)
        assert isinstance(error, Error) and (error.code, error.fatal) == ("bad_message", False)


async def test_a_mistake_of_ours_without_a_client_ends_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with site() as s:
        first = await s.start(WORD, PAUSE)
        await until(lambda: s.engine.jobs)
        session = s.only

        def fail(result: Result) -> None:
            raise KeyError("inside")

        await first.break_off()
        monkeypatch.setattr(session.session, "receive_result", fail)
        s.engine.answer()
        assert (len(s.sessions), s.sessions.waiting) == (0, 0)
