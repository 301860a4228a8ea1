"""Links that break at any byte, and servers that are restarted: each word comes once and in order."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from lab.ledger import SILENCE_1S, spoken_word
from lab.link import Cut, Link
from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from surtitle.client import Captions, Disconnected, Event, Gap, State, connect, dialing
from surtitle.client import captions as client
from surtitle.messages import Ended, Final, Resumed, Start, Update
from tests.faults.story import WORDS, Story


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    running = start_server(decoder=FAKE_DECODER)
    try:
        yield running
        assert not running.errors
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(dialing, "LONGEST_WAIT_S", 0.1)


def cuts(seed: int, kinds: list[Cut], most: int) -> Iterator[tuple[int, Cut] | None]:
    """Cuts at random bytes, the first few in the handshake and the greeting."""
    chance = random.Random(seed)
    yield 300_000, kinds[0]  # the first connection must be made
    for limit in (100, 400, 700, 900):
        yield chance.randrange(limit), kinds[0]
    for _ in range(most):
        yield chance.randrange(1000, 150_000), chance.choice(kinds)


@pytest.mark.parametrize("seed", range(3))
async def test_a_link_that_breaks_at_any_byte_loses_and_doubles_nothing(
    server: ServerProcess, seed: int
) -> None:
    story = Story()
    port = server.port
    async with Link(port, cuts(seed, [Cut.RESET, Cut.CLOSE], 25)) as link:
        await story.tell(link.port)
    story.check()
    assert link.cuts >= 10
    assert sum(isinstance(event, Resumed) for event in story.events) >= 5


async def test_a_link_that_swallows_everything_is_noticed(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialing, "SILENT_SERVER_S", 1.5)
    story = Story()
    port = server.port
    # On a busy machine, a link that works may be silent for as long.
    plan = [(size, Cut.BLACK_HOLE) for size in (400_000, 200_000, 200_000)]
    async with Link(port, iter(plan)) as link:
        await story.tell(link.port)
    story.check(halved=link.connections)  # to the server the link is there, and silent
    assert link.cuts >= 2


async def test_a_server_that_is_killed_and_started_again_answers_all(
    server: ServerProcess,
) -> None:
    """The session is lost with it: the client opens another one from where nothing is answered."""
    story = Story()
    mortal = start_server(decoder=FAKE_DECODER)
    port = mortal.port
    async with Link(port, iter([])) as link:
        telling = asyncio.create_task(story.tell(link.port))
        for _ in range(2):
            heard = len(story.texts)
            async with asyncio.timeout(20):
                while len(story.texts) < heard + 4:  # noqa: ASYNC110 - what is waited for is no event
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(mortal.stop, 9)
            mortal = await asyncio.to_thread(start_server, decoder=FAKE_DECODER)
            link.target_port = mortal.port
        await telling
    mortal.stop()
    story.check()
    assert sum(isinstance(event, Disconnected) for event in story.events) >= 2


async def test_a_server_that_is_stopped_in_mid_sentence_hands_over_to_the_next() -> None:
    story = Story()
    first = start_server(decoder=FAKE_DECODER)
    async with Link(first.port, iter([])) as link:
        telling = asyncio.create_task(story.tell(link.port))
        async with asyncio.timeout(20):
            while len(story.texts) < 5:  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.01)
        second = await asyncio.to_thread(start_server, decoder=FAKE_DECODER)
        stopping = asyncio.create_task(asyncio.to_thread(first.stop))
        link.target_port = second.port
        assert await stopping == 0
        await telling
    second.stop()
    # The open utterance is finished before the stop: what follows of the same word may be one more.
    assert sorted(set(map(int, story.texts))) == list(range(WORDS))
    ended = story.events[-1]
    assert isinstance(ended, Ended) and ended.audio_ms == WORDS * 1500


@pytest.mark.parametrize("forgets", [False, True])
async def test_more_than_is_kept_is_told_as_a_gap(
    monkeypatch: pytest.MonkeyPatch, forgets: bool
) -> None:
    """What was changed in it holds all the same, in the session that goes on or in the next one."""
    monkeypatch.setattr(client, "KEEP_S", 2.0)
    server = start_server(decoder=FAKE_DECODER, resume_window_s=0 if forgets else 60)
    port = server.port
    async with (
        Link(port, iter([])) as link,
        connect(f"ws://127.0.0.1:{link.port}", Start(language="en")) as captions,
    ):
        listening = asyncio.create_task(_all_of(captions))
        await captions.send(SILENCE_1S)
        link.target_port = 1  # nobody is there
        link.cut()
        async with asyncio.timeout(5):
            while captions.state is State.OPEN:  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.01)
        captions.offer(SILENCE_1S)
        await captions.update(Update(prompt="say:after the gap"))
        for _ in range(9):
            captions.offer(SILENCE_1S)
        captions.offer(spoken_word() + SILENCE_1S[:16_000])
        link.target_port = port
        await captions.stop()
        events = await listening
    server.stop()
    (gap,) = (event for event in events if isinstance(event, Gap))
    assert gap.start_ms <= 1000 and gap.end_ms == 10_000
    assert [event.text for event in events if isinstance(event, Final)] == ["after the gap"]
    ended = events[-1]
    assert isinstance(ended, Ended) and ended.audio_ms == 12_000  # silence stands for what is lost


async def _all_of(captions: Captions) -> list[Event]:
    return [event async for event in captions]
