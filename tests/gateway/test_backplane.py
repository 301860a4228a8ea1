"""Channels of two servers kept in line through a store that fails, forgets and answers late."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surtitle.captioning.correcting import Correction
from surtitle.gateway import backplane as module
from surtitle.gateway.backplane import Backplane, Holder, News, StoreGone, Taken, is_answer
from surtitle.gateway.channels import Channel, Channels
from surtitle.messages import Final, Published, Revised
from tests.gateway.test_channels import Speaker, Watcher, final, partial, revised

NAME = "hall"


@dataclass
class Shared:
    """What the servers share, in place of Redis; it counts time by claims."""

    is_gone: bool = False
    fails_in: int | None = None
    """After so many requests, once: the request is carried out, and its answer lost."""
    holder: Holder | None = None
    until_ms: int = 0
    now_ms: int = 0
    said: list[tuple[int, str, str, Published]] = field(default_factory=list)
    """Numbers that only grow, as those of a stream do; servers, sessions, messages."""
    newest: int = 0
    looks: int = 0
    answered: dict[str, int] = field(default_factory=dict)
    viewers: dict[str, int] = field(default_factory=dict)
    bells: dict[str, asyncio.Event] = field(default_factory=dict)
    listened: list[str] = field(default_factory=list)
    """Channels of which a server wanted to hear."""
    on_ignore: Callable[[], object] = lambda: None

    def forget(self) -> None:
        self.holder, self.until_ms, self.said, self.answered = None, 0, [], {}


class FakeStore:
    """One server's way to it."""

    def __init__(self, shared: Shared, server: str) -> None:
        self._shared, self._server = shared, server
        self._bell = shared.bells.setdefault(server, asyncio.Event())

    async def _do(self, work: Callable[[], object], *, rings: bool = False) -> None:
        shared = self._shared
        await asyncio.sleep(0)
        if shared.is_gone:
            raise StoreGone("on request")
        work()
        if rings:
            for server, bell in shared.bells.items():
                if server != self._server:
                    bell.set()
        if shared.fails_in is not None:
            shared.fails_in -= 1
            if shared.fails_in < 0:
                shared.fails_in = None
                raise StoreGone("its answer was lost")

    async def open(self) -> None:
        await self._do(lambda: None)

    async def close(self) -> None:
        pass

    async def listen(self, channel: str) -> None:
        await self._do(lambda: self._shared.listened.append(channel))

    async def ignore(self, channel: str) -> None:
        self._shared.on_ignore()
        await self._do(lambda: None)

    async def changes(self) -> AsyncIterator[str]:
        while True:
            await self._bell.wait()
            self._bell.clear()
            if self._shared.is_gone:
                raise StoreGone("on request")
            yield NAME

    async def claim(self, channel: str, holder: Holder) -> Taken | None:
        taken: list[Taken] = []

        def claim() -> None:
            shared = self._shared
            had = shared.holder
            if (
                had is not None
                and had.session != holder.session
                and shared.until_ms > shared.now_ms
            ):
                taken.append(Taken(had.is_connected, shared.until_ms))
                return
            shared.holder, shared.until_ms = holder, shared.now_ms + 4000

        await self._do(claim, rings=True)
        return taken[0] if taken else None

    def _is_holder(self, session: str) -> bool:
        holder = self._shared.holder
        return holder is not None and holder.session == session

    async def renew(self, channel: str, holder: Holder) -> bool:
        held: list[bool] = []

        def renew() -> None:
            held.append(self._is_holder(holder.session))
            if held[0]:
                self._shared.holder = holder
                self._shared.until_ms = self._shared.now_ms + 4000

        await self._do(renew)
        return held[0]

    async def release(self, channel: str, session: str) -> None:
        def release() -> None:
            if self._is_holder(session):
                self._shared.until_ms = 0

        await self._do(release, rings=True)

    async def publish(self, channel: str, session: str, message: Published) -> bool:
        held: list[bool] = []

        def publish() -> None:
            shared = self._shared
            held.append(self._is_holder(session))
            if not held[0]:
                return
            if is_answer(message):
                if message.utterance <= shared.answered.get(session, 0):
                    return
                shared.answered[session] = message.utterance
            shared.newest += 1
            shared.said.append((shared.newest, self._server, session, message))

        await self._do(publish, rings=True)
        return held[0]

    async def amend(self, channel: str, session: str, revised: Revised) -> None:
        def amend() -> None:
            self._shared.newest += 1
            self._shared.said.append((self._shared.newest, self._server, session, revised))

        await self._do(amend, rings=True)

    async def look(self, channel: str, last: str, viewers: int) -> News:
        found: list[News] = []

        def look() -> None:
            shared = self._shared
            shared.looks += 1
            if channel != NAME:
                found.append(News("", "waiting", 0, [], ""))
                return
            shared.viewers[self._server] = viewers
            said = [
                (session, message)
                for number, server, session, message in shared.said
                if number > int(last or 0)
                and (
                    is_answer(message)
                    or server != self._server
                    or (isinstance(message, Revised) and not last)
                )
            ]
            held = shared.holder is not None and shared.until_ms > shared.now_ms
            connected = shared.holder is not None and shared.holder.is_connected
            state = "waiting" if not held else "live" if connected else "away"
            elsewhere = sum(n for server, n in shared.viewers.items() if server != self._server)
            session = "" if shared.holder is None else shared.holder.session
            found.append(News(session, state, elsewhere, said, str(shared.newest)))  # type: ignore[arg-type]

        await self._do(look)
        return found[0]


@dataclass
class Server:
    """Its channels, and the task that keeps them in line."""

    shared: Shared
    name: str
    watcher: Watcher = field(default_factory=Watcher)

    def __post_init__(self) -> None:
        self.backplane = Backplane(FakeStore(self.shared, self.name))
        self.channels = Channels(60, self.backplane)

    @property
    def channel(self) -> Channel:
        return self.channels._channel(NAME)

    @property
    def read(self) -> list[int]:
        """The utterances whose finals a viewer here has read."""
        return [seen.utterance for seen in self.watcher.seen if isinstance(seen, Final)]


@asynccontextmanager
async def two_servers() -> AsyncIterator[tuple[Shared, Server, Server]]:
    shared = Shared()
    here, there = Server(shared, "here"), Server(shared, "there")
    tasks = [server.backplane.start() for server in (here, there)]
    with (
        here.channels.watched_by(NAME, here.watcher),
        there.channels.watched_by(NAME, there.watcher),
    ):
        yield shared, here, there
    for server, task in zip((here, there), tasks, strict=True):
        await server.backplane.stop()
        assert task.done() and (task.cancelled() or task.exception() is None)
        server.channels.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUND_S", 0.01)
    monkeypatch.setattr(module, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(module, "LONGEST_WAIT_S", 0.002)


async def test_what_is_said_here_is_read_there() -> None:
    async with two_servers() as (shared, here, there):
        speaker = Speaker("one")
        channel = here.channels.publish(NAME, speaker)
        for number in (1, 2, 3):
            channel.publish(speaker, final(number))
        await until(lambda: there.read == [1, 2, 3])
        assert here.read == there.read
        await until(lambda: there.channel.viewers == here.channel.viewers == 2)
        here.channels.release(channel, speaker)
        await until(lambda: shared.until_ms == 0)


async def test_a_name_that_another_server_renews_is_refused() -> None:
    async with two_servers() as (shared, here, there):
        first, second = Speaker("one"), Speaker("two")
        here.channels.publish(NAME, first)
        await until(lambda: there.channel._elsewhere.state == "live")
        there.channels.publish(NAME, second)
        for _ in range(50):
            shared.now_ms += 10  # the holder renews it meanwhile
            await asyncio.sleep(0.002)
        assert second.refusal is not None and NAME in second.refusal
        assert not first.has_lost
        assert there.channel.publisher is None


async def test_the_name_of_a_server_that_died_is_free_after_its_lease() -> None:
    async with two_servers() as (shared, here, there):
        shared.holder, shared.until_ms = Holder("dead", True, True, None), 4000
        speaker = Speaker("two")
        channel = there.channels.publish(NAME, speaker)
        channel.publish(speaker, final(1))
        await asyncio.sleep(0.05)
        assert speaker.refusal is None and here.read == [] and there.read == [1]
        shared.now_ms = 4001
        await until(lambda: here.read == [1])
        assert speaker.refusal is None


async def test_who_has_lost_the_name_while_the_store_was_gone_goes_on_without_it() -> None:
    async with two_servers() as (shared, here, _):
        speaker = Speaker("one")
        channel = here.channels.publish(NAME, speaker)
        await until(lambda: shared.holder is not None)
        shared.holder, shared.until_ms = Holder("thief", True, True, None), 10**9
        channel.publish(speaker, final(1))
        await until(lambda: speaker.has_lost)
        assert speaker.refusal is None
        assert not shared.said


async def test_while_the_store_is_gone_viewers_elsewhere_see_the_speaker_away() -> None:
    async with two_servers() as (shared, here, there):
        speaker = Speaker("one")
        channel = here.channels.publish(NAME, speaker)
        await until(lambda: there.channel._elsewhere.state == "live")
        shared.is_gone = True
        await until(lambda: there.channel._elsewhere.state == "away")
        channel.publish(speaker, final(1))
        await asyncio.sleep(0.02)
        assert (here.read, there.read) == ([1], [])
        shared.is_gone = False
        await until(lambda: there.read == [1])
        await until(lambda: there.channel._elsewhere.state == "live")


async def test_who_takes_a_name_over_here_says_nothing_in_the_name_of_the_other() -> None:
    async with two_servers() as (shared, here, there):
        away, next_one = Speaker("one", is_connected=False, key="k"), Speaker("two", key="k")
        channel = here.channels.publish(NAME, away)
        await until(lambda: shared.holder is not None)
        channel.publish(away, final(1))
        channel.publish(away, final(2))
        here.channels.publish(NAME, next_one)
        channel.publish(next_one, final(1))
        await until(lambda: there.read == [1, 2, 1])
        assert [(session, said.utterance) for _, _, session, said in shared.said] == [
            ("one", 1),
            ("one", 2),
            ("two", 1),
        ]


async def test_a_correction_goes_from_one_server_to_whoever_speaks_at_another() -> None:
    async with two_servers() as (_, here, there):
        speaker = Speaker("one")
        channel = here.channels.publish(NAME, speaker)
        channel.publish(speaker, final(1))
        await until(lambda: there.read == [1])
        there.channel.correct(Correction(session="one", utterance=1, text="better"), "anna")
        await until(lambda: speaker.corrections != [])
        channel.publish(speaker, speaker.corrections[0])
        await until(lambda: any(isinstance(seen, Revised) for seen in here.watcher.seen))
        await asyncio.sleep(0.05)  # it does not go round and round
    assert [said.text for said in speaker.corrections] == ["better"]
    late = Watcher()
    with there.channel.watched_by(late):
        pass
    assert [seen.text for seen in late.seen if isinstance(seen, Final)] == ["better"]


async def test_a_better_text_made_while_the_store_is_gone_is_read_there_when_it_is_back() -> None:
    async with two_servers() as (shared, here, there):
        speaker = Speaker("one")
        channel = here.channels.publish(NAME, speaker)
        channel.publish(speaker, final(1))
        await until(lambda: there.read == [1])
        shared.is_gone = True
        await until(lambda: not here.backplane.is_up)
        channel.publish(speaker, revised(1, "better"))
        shared.is_gone = False
        await until(lambda: any(isinstance(seen, Revised) for seen in there.watcher.seen))
        late = Watcher()
        with there.channel.watched_by(late):
            pass
    assert [seen.text for seen in late.seen if isinstance(seen, Final)] == ["better"]


async def test_a_correction_of_the_past_reaches_all_servers_once_the_store_is_back() -> None:
    async with two_servers() as (shared, here, there):
        speaker = Speaker("one")
        channel = here.channels.publish(NAME, speaker)
        channel.publish(speaker, final(1))
        await until(lambda: there.read == [1])
        here.channels.release(channel, speaker)
        await until(lambda: there.channel._elsewhere.state == "waiting")
        shared.is_gone = True
        await until(lambda: not there.backplane.is_up)
        there.channel.correct(Correction(session="one", utterance=1, text="better"), "anna")
        shared.is_gone = False
        await until(lambda: any(isinstance(seen, Revised) for seen in here.watcher.seen))


async def test_a_viewer_who_comes_as_the_last_one_leaves_hears_of_the_channel() -> None:
    async with two_servers() as (shared, _, there):
        with ExitStack() as viewers:

            def come() -> None:
                shared.on_ignore = lambda: None
                viewers.enter_context(there.channels.watched_by("other-hall", Watcher()))

            with there.channels.watched_by("other-hall", Watcher()):
                await until(lambda: "other-hall" in shared.listened)
                shared.on_ignore = come
            await until(lambda: shared.listened.count("other-hall") == 2)


async def test_thousands_of_channels_in_which_nobody_speaks_cost_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "ROUND_S", 0.1)
    async with two_servers() as (shared, here, there):
        with ExitStack() as stack:
            for number in range(2000):
                stack.enter_context(there.channels.watched_by(f"hall-{number}", Watcher()))
            speaker = Speaker("one")
            channel = here.channels.publish(NAME, speaker)
            channel.publish(speaker, final(1))
            await until(lambda: there.read == [1] and not there.backplane._due)
            shared.looks = 0
            await asyncio.sleep(1)
            assert 10 <= shared.looks <= 1000


STEPS = st.lists(
    st.sampled_from(["say", "grow", "gone", "back", "forget", "lose an answer", "revise", "wait"]),
    max_size=30,
)


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_whatever_the_store_does_each_final_is_read_there_once(steps: list[str]) -> None:
    async def run() -> None:
        async with two_servers() as (shared, here, there):
            speaker, number = Speaker("one"), 0
            channel = here.channels.publish(NAME, speaker)
            for step in steps:
                match step:
                    case "say":
                        number += 1
                        channel.publish(speaker, final(number))
                    case "grow":
                        channel.publish(speaker, partial(number + 1, "wo"))
                    case "revise" if number:
                        channel.publish(speaker, revised(number, "better"))
                    case "gone":
                        shared.is_gone = True
                    case "back":
                        shared.is_gone = False
                    case "forget":
                        shared.forget()
                    case "lose an answer":
                        shared.fails_in = 2
                await asyncio.sleep(0.003 if step == "wait" else 0)
            shared.is_gone, shared.fails_in = False, None
            await until(lambda: len(there.read) >= number)
            assert there.read == here.read == list(range(1, number + 1))
            assert not speaker.has_lost and speaker.refusal is None

    asyncio.run(run())
