"""Channels: one speaks, many watch."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec import structs
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as dial
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import TEXT

from surtitle.captioning.correcting import Correction
from surtitle.client import ClientError, Disconnected, ViewerEvent, connect, watch
from surtitle.errors import BadStart
from surtitle.gateway import audience, server
from surtitle.gateway import channels as module
from surtitle.gateway.access import Key, KeyRing, digest_of
from surtitle.gateway.audience import AT_ONCE
from surtitle.gateway.channels import Channel as Hall
from surtitle.gateway.channels import Channels, CorrectedMeanwhile, NothingToCorrect
from surtitle.gateway.history import HISTORY_BYTES, KEEP_S
from surtitle.gateway.proxies import TrustedProxies
from surtitle.gateway.server import Gateway
from surtitle.gateway.stream import MAX_UNSENT_BYTES, UNSENT_BYTES
from surtitle.jobs import Job, Result
from surtitle.messages import (
    MAX_HOTWORDS,
    Ack,
    Channel,
    Error,
    Failed,
    Final,
    Partial,
    Ready,
    Resume,
    Resumed,
    Revised,
    Speech,
    Start,
    ViewerMessage,
    format_message,
    parse_server_message,
    parse_viewer_message,
)
from tests.gateway.fakes import LOUD, QUIET, FakeEngine, make_gateway

WORD = LOUD * 20 + QUIET * 40


@dataclass
class Speaker:
    """A session, as a channel knows it."""

    public_id: str = "one"
    is_connected: bool = True
    keeps_name: bool = True
    key: str | None = None
    has_lost: bool = False
    refusal: str | None = None
    corrections: list[Revised] = field(default_factory=list)

    def correct(self, revised: Revised) -> None:
        self.corrections.append(revised)

    def listen_for(self, names: Sequence[str]) -> None:
        raise NotImplementedError

    def lose_channel(self) -> None:
        self.has_lost = True

    def refuse_channel(self, why: str) -> None:
        self.refusal = why


@dataclass
class Watcher:
    """A viewer's socket that reads what it is told to read."""

    reads: bool = True
    unsent_bytes: int = 0
    frames: bytes = b""
    aborted: bool = False

    def write_frame(self, frame: bytes) -> None:
        self.frames += frame
        if not self.reads:
            self.unsent_bytes += len(frame)

    def abort(self) -> None:
        self.aborted = True

    @property
    def seen(self) -> list[ViewerMessage]:
        """What came, with the framing taken away as a browser does it."""
        seen: list[ViewerMessage] = []
        rest = self.frames
        while rest:
            assert rest[0] == 0x80 | TEXT
            length, begin = rest[1], 2
            if length == 126:
                length, begin = int.from_bytes(rest[2:4], "big"), 4
            message = parse_viewer_message(rest[begin : begin + length])
            assert message is not None
            seen.append(message)
            rest = rest[begin + length :]
        return seen

    @property
    def said(self) -> list[str]:
        """The same, shortly."""
        return [_short(message) for message in self.seen]


@dataclass
class Kept:
    """How a session is kept."""

    times_left: int = 0

    def add(self, final: Final) -> None:
        pass

    def revise(self, revised: Revised) -> None:
        raise NotImplementedError

    def leave_channel(self) -> None:
        self.times_left += 1

    def end(self) -> None:
        pass


def _short(message: ViewerEvent) -> str:
    match message:
        case Channel():
            return f"{message.state} {message.session}".strip()
        case Partial():
            return f"{message.utterance} {message.stable}{message.unstable}…"
        case Final():
            return f"{message.utterance} {message.text}"
        case Disconnected():
            return "disconnected"
    return f"{message.utterance} {type(message).__name__}"


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    hall = Hall("hall", patience_s=5)
    yield hall
    hall.close()


def speech(utterance: int) -> Speech:
    return Speech(seq=1, utterance=utterance, start_ms=0)


def partial(utterance: int, text: str) -> Partial:
    return Partial(seq=1, utterance=utterance, start_ms=0, end_ms=500, stable=text, unstable="")


def final(utterance: int, text: str = "word") -> Final:
    return Final(
        seq=1,
        utterance=utterance,
        start_ms=0,
        end_ms=500,
        text=text,
        language="en",
        language_probability=1,
        confidence=0.9,
    )


def _channel(message: ViewerEvent) -> Channel:
    assert isinstance(message, Channel)
    return message


async def settle() -> None:
    """Let everything pending be sent."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_comes_before_anybody_speaks_waits(hall: Hall) -> None:
    watcher = Watcher()
    with hall.watched_by(watcher):
        assert watcher.said == ["waiting"]
        hall.claim(Speaker())
        await settle()
    assert watcher.said == ["waiting", "live one"]


async def test_all_who_watch_see_what_is_said(hall: Hall) -> None:
    speaker, watchers = Speaker(), [Watcher() for _ in range(3 * AT_ONCE + 1)]
    hall.claim(speaker)
    with ExitStack() as stack:
        for watcher in watchers:
            stack.enter_context(hall.watched_by(watcher))
        for message in (speech(1), partial(1, "he"), final(1, "hello")):
            hall.publish(speaker, message)
            await settle()
    assert {tuple(w.said) for w in watchers} == {("live one", "1 Speech", "1 he…", "1 hello")}
    last = watchers[0].seen[0]
    assert isinstance(last, Channel) and last.viewers == 1  # the first to come


async def test_what_is_said_here_goes_on(hall: Hall) -> None:
    """And not what others say, who may have published before, or at another server."""
    onward = list[tuple[str, object]]()
    first, second = Speaker("one", keeps_name=False, is_connected=False), Speaker("two")
    hall.claim(first)
    hall.publish(first, final(1, "nobody listens"))
    hall.onward = lambda session, message: onward.append((session, message))
    hall.publish(first, final(2))
    hall.claim(second)
    hall.publish(first, final(3))
    hall.publish(second, revised(1, "better"))
    hall.relay([("three", final(1))])
    assert onward == [("one", final(2)), ("two", revised(1, "better"))]


async def test_who_comes_late_gets_the_answers_and_the_open_partial(hall: Hall) -> None:
    speaker, watcher = Speaker(), Watcher()
    hall.claim(speaker)
    for message in (speech(1), partial(1, "he"), final(1, "hello"), speech(2), partial(2, "w")):
        hall.publish(speaker, message)
    with hall.watched_by(watcher):
        hall.publish(speaker, final(2, "world"))
        await settle()
    assert watcher.said == ["live one", "1 hello", "live one", "2 w…", "2 world"]


def revised(utterance: int, text: str) -> Revised:
    return Revised(seq=1, utterance=utterance, start_ms=0, end_ms=500, text=text, confidence=0.9)


async def test_who_comes_late_gets_the_better_text_alone(hall: Hall) -> None:
    speaker, early, late = Speaker(), Watcher(), Watcher()
    hall.claim(speaker)
    with hall.watched_by(early):
        for message in (
            final(1, "a kernel"),
            final(2),
            final(3, "agrees"),
            revised(1, "a colonel"),
        ):
            hall.publish(speaker, message)
            await settle()
    assert early.said == ["live one", "1 a kernel", "2 word", "3 agrees", "1 Revised"]
    hall.publish(speaker, revised(3, ""))
    hall.publish(speaker, revised(0, "nobody knows it any more"))
    with hall.watched_by(late):
        pass
    assert late.said == ["live one", "1 a colonel", "2 word", "3 ", "live one"]


async def test_a_better_text_is_for_the_session_that_said_it(hall: Hall) -> None:
    first, second, late = Speaker("one"), Speaker("two"), Watcher()
    hall.claim(first)
    hall.publish(first, final(1, "before"))
    hall.release(first)
    hall.claim(second)
    hall.publish(second, revised(1, "of another"))
    with hall.watched_by(late):
        pass
    assert "1 before" in late.said and "1 of another" not in late.said


def correction(utterance: int, text: str, session: str = "one", **more: Any) -> Correction:
    return Correction(session=session, utterance=utterance, text=text, **more)


def by_anna(utterance: int, text: str) -> Revised:
    return structs.replace(revised(utterance, text), confidence=1.0, by="anna")


async def test_what_a_person_corrects_goes_to_whoever_said_it(hall: Hall) -> None:
    speaker = Speaker()
    hall.claim(speaker)
    hall.publish(speaker, final(1, "a kernel"))
    assert hall.correct(correction(1, "a colonel"), "anna").text == "a colonel"
    (sent,) = speaker.corrections
    assert (sent.text, sent.by) == ("a colonel", "anna")


async def test_what_was_said_in_the_past_can_be_corrected(hall: Hall) -> None:
    speaker, early, late = Speaker(), Watcher(), Watcher()
    past: list[tuple[str, Revised]] = []
    hall.on_past = lambda session, said: past.append((session, said))
    onward: list[tuple[str, str, str | None]] = []
    hall.onward = lambda session, said: (
        onward.append((session, said.text, said.by)) if isinstance(said, Revised) else None
    )
    hall.claim(speaker)
    hall.publish(speaker, final(1, "a kernel"))
    hall.publish(speaker, final(2))
    hall.release(speaker)
    hall.claim(Speaker("two"))
    with hall.watched_by(early):
        hall.correct(correction(1, "a colonel"), "anna")
        await settle()
    assert early.said[-3:] == ["waiting one", "1 Revised", "live two"]
    with hall.watched_by(late):
        pass
    assert "1 a colonel" in late.said
    told = [(session, said.text, said.by) for session, said in past]
    assert told == [("one", "a colonel", "anna")]
    assert onward == told
    assert speaker.corrections == []


async def test_a_correction_of_the_past_leaves_the_open_partial_of_now(hall: Hall) -> None:
    """Utterances of both sessions have the same numbers."""
    first, second, early, late = Speaker("one"), Speaker("two"), Watcher(), Watcher()
    hall.claim(first)
    hall.publish(first, final(1, "a kernel"))
    hall.release(first)
    hall.claim(second)
    hall.publish(second, partial(1, "it goes on"))
    with hall.watched_by(early):
        hall.correct(correction(1, "a colonel"), "anna")
        await settle()
    assert early.said[-4:] == ["waiting one", "1 Revised", "live two", "1 it goes on…"]
    with hall.watched_by(late):
        pass
    assert late.said[-1] == "1 it goes on…"


async def test_a_correction_of_the_past_comes_from_another_server(hall: Hall) -> None:
    watcher = Watcher()
    with hall.watched_by(watcher):
        hall.relay([("one", final(1, "a kernel")), ("two", final(1, "now"))])
        hall.hear("two", "live", 1)
        hall.relay([("one", by_anna(1, "a colonel"))])
        hall.relay([("two", final(2, "later"))])
        await settle()
    assert watcher.said[-4:] == ["waiting one", "1 Revised", "live two", "2 later"]


@pytest.mark.parametrize(
    ("spoken_at", "passed_on_at"),
    [("here", "here"), ("elsewhere", "elsewhere"), (None, "elsewhere")],
)
async def test_a_correction_is_passed_on_by_the_server_that_has_passed_on_the_text(
    spoken_at: str | None, passed_on_at: str
) -> None:
    """One of two servers has the session's file; a webhook of both must get the correction once."""
    halls = {"here": Hall("hall", patience_s=5), "elsewhere": Hall("hall", patience_s=5)}
    onward: list[tuple[str, str, str]] = []
    past: list[str] = []

    def listen(place: str, hall: Hall) -> None:
        hall.onward = lambda session, message: onward.append((place, session, _short(message)))
        hall.on_past = lambda session, revised: past.append(place)

    for place, hall in halls.items():
        listen(place, hall)
    if spoken_at is None:  # before the servers were restarted
        for hall in halls.values():
            hall.restore([("one", final(1, "a kernel"))])
    else:
        speaker = Speaker()
        halls[spoken_at].claim(speaker)
        halls[spoken_at].publish(speaker, final(1, "a kernel"))
        halls[spoken_at].release(speaker)
        for place, hall in halls.items():
            if place != spoken_at:
                hall.relay([("one", final(1, "a kernel"))])
    onward.clear()
    halls["elsewhere"].correct(correction(1, "a colonel"), "anna")
    for _ in range(2):  # the store may tell it more than once, also to who has told it
        for hall in halls.values():
            hall.relay([("one", by_anna(1, "a colonel"))])
    assert onward == [(passed_on_at, "one", "1 Revised")]
    assert sorted(past) == ["elsewhere", "here"]


async def test_a_correction_that_was_corrected_again_is_not_passed_on_later(hall: Hall) -> None:
    """A server that follows a channel anew is told all of it once more."""
    past: list[str] = []
    hall.on_past = lambda session, revised: past.append(revised.text)
    speaker = Speaker()
    hall.claim(speaker)
    hall.publish(speaker, final(1, "a kernel"))
    hall.release(speaker)
    for text in ("a colonell", "a colonel"):
        hall.correct(correction(1, text), "anna")
    hall.relay(
        [
            ("one", final(1, "a kernel")),
            ("one", by_anna(1, "a colonell")),
            ("one", by_anna(1, "a colonel")),
            ("one", by_anna(9, "of what nobody knows any more")),
        ]
    )
    assert past == ["a colonell", "a colonel"]


@dataclass
class Told:
    """The other servers: what they are told of channels."""

    followed: set[str] = field(default_factory=set)

    def follow(self, channel: Hall) -> None:
        self.followed.add(channel.name)

    def leave(self, channel: Hall) -> None:
        self.followed.discard(channel.name)

    def on_change(self, channel: Hall) -> None:
        pass

    def on_message(self, channel: Hall, message: Any) -> None:
        pass

    def on_correction(self, channel: Hall, session: str, revised: Revised) -> None:
        pass


async def test_what_was_said_here_can_be_corrected_elsewhere_as_long_as_it_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "KEEP_S", 0.05)
    others, speaker = Told(), Speaker()
    channels = Channels(5, others)
    with channels.watched_by("stage", Watcher()):
        channels._channels["stage"].relay([("one", final(1))])  # said elsewhere
    channel = channels.publish("hall", speaker)
    channel.publish(speaker, final(1))
    channels.release(channel, speaker)
    assert others.followed == {"hall"}
    async with asyncio.timeout(5):
        while len(channels):  # noqa: ASYNC110 - a timer of the module's own
            await asyncio.sleep(0.01)
    assert not others.followed


async def test_names_are_for_the_server_at_which_somebody_speaks(hall: Hall) -> None:
    found = [hall.is_spoken_in_elsewhere]
    hall.hear("two", "live", 0)
    found.append(hall.is_spoken_in_elsewhere)
    hall.claim(Speaker())
    found.append(hall.is_spoken_in_elsewhere)
    assert found == [False, True, False]


async def test_of_very_many_names_the_newest_stay(hall: Hall) -> None:
    for number in range(MAX_HOTWORDS + 5):
        hall.listen_for([f"name {number}"])
    assert hall.names == [f"name {number}" for number in range(5, MAX_HOTWORDS + 5)]


async def test_what_was_said_long_ago_is_not_for_who_comes_now() -> None:
    """Also where an overlay has kept the channel, and somebody has just begun to speak in it."""
    now_s = 0.0
    hall = Hall("hall", patience_s=5, clock_s=lambda: now_s)
    overlay, first, second = Watcher(), Speaker("one"), Speaker("two")

    def seen_by_newcomers() -> list[str]:
        late = Watcher()
        with hall.watched_by(late):
            pass
        return [said for said in late.said if said[0].isdigit()]

    with hall.watched_by(overlay):
        hall.claim(first)
        hall.publish(first, final(1, "in confidence"))
        now_s += 2 * KEEP_S
        assert seen_by_newcomers() == ["1 in confidence"]  # he may go on
        hall.release(first)
        assert seen_by_newcomers() == []
        hall.claim(second)
        hall.publish(second, final(1, "today"))
        assert seen_by_newcomers() == ["1 today"]
        with pytest.raises(NothingToCorrect):
            hall.correct(correction(1, "in public"), "anna")
    hall.close()


async def test_corrections_do_not_break_the_bound_of_what_is_kept(hall: Hall) -> None:
    speaker, late = Speaker(), Watcher()
    hall.claim(speaker)
    for number in range(1, 101):
        hall.publish(speaker, final(number))
    hall.release(speaker)
    hall.claim(Speaker("two"))
    for number in range(1, 101):
        with suppress(NothingToCorrect):
            hall.correct(correction(number, "word " * 400), "anna")
    with hall.watched_by(late):
        pass
    assert len(late.frames) < 2 * HISTORY_BYTES


async def test_the_engine_does_not_take_back_what_a_person_has_written(hall: Hall) -> None:
    """Not even where its text was on the way from another server."""
    watcher, late = Watcher(), Watcher()
    with hall.watched_by(watcher):
        hall.relay([("one", final(1, "a kernel")), ("one", by_anna(1, "a colonel"))])
        hall.relay([("one", revised(1, "a journal"))])
        hall.relay([("one", by_anna(1, "the colonel"))])
        await settle()
    assert [seen.text for seen in watcher.seen if isinstance(seen, Revised)] == [
        "a colonel",
        "the colonel",
    ]
    with hall.watched_by(late):
        pass
    assert "1 the colonel" in late.said


async def test_a_correction_from_another_server_reaches_whoever_said_it_once(hall: Hall) -> None:
    speaker = Speaker()
    hall.claim(speaker)
    hall.publish(speaker, final(1, "a kernel"))
    hall.relay([("one", by_anna(1, "a colonel"))])
    assert [said.text for said in speaker.corrections] == ["a colonel"]
    hall.publish(speaker, speaker.corrections[0])
    hall.relay([("one", by_anna(1, "a colonel"))])
    hall.relay([("one", revised(1, "a journal"))])  # what the engine says is no person's
    assert len(speaker.corrections) == 1


@pytest.mark.parametrize(
    "wrong", [correction(2, "x"), correction(3, "x"), correction(1, "x", "another")]
)
async def test_only_captions_can_be_corrected(hall: Hall, wrong: Correction) -> None:
    speaker = Speaker()
    hall.claim(speaker)
    hall.publish(speaker, final(1))
    hall.publish(
        speaker,
        Failed(seq=1, utterance=2, start_ms=0, end_ms=1, code="quarantined", message="It failed."),
    )
    with pytest.raises(NothingToCorrect):
        hall.correct(wrong, "anna")


async def test_who_has_seen_another_text_is_told(hall: Hall) -> None:
    speaker = Speaker()
    hall.claim(speaker)
    hall.publish(speaker, final(1, "a kernel"))
    hall.publish(speaker, revised(1, "a journal"))
    with pytest.raises(CorrectedMeanwhile) as found:
        hall.correct(correction(1, "a colonel", seen="a kernel"), "anna")
    assert found.value.text == "a journal"
    assert speaker.corrections == []
    hall.correct(correction(1, "a colonel", seen="a journal"), "anna")
    assert len(speaker.corrections) == 1


async def test_better_texts_are_counted_in_the_history(hall: Hall) -> None:
    speaker, late = Speaker(), Watcher()
    hall.claim(speaker)
    for number in range(40):
        hall.publish(speaker, final(number))
    for number in range(40):
        hall.publish(speaker, revised(number, "x" * 4000))
    hall.publish(speaker, final(40))
    with hall.watched_by(late):
        pass
    assert len(late.frames) < HISTORY_BYTES + 2000
    assert late.said[-2] == "40 word"


async def test_an_answer_that_is_being_sent_comes_once_to_who_comes_meanwhile(hall: Hall) -> None:
    speaker, early, late = Speaker(), [Watcher() for _ in range(2 * AT_ONCE)], Watcher()
    hall.claim(speaker)
    with ExitStack() as stack:
        for watcher in early:
            stack.enter_context(hall.watched_by(watcher))
        hall.publish(speaker, final(1, "hello"))
        await asyncio.sleep(0)  # it has been sent to some
        sent = sum("1 hello" in watcher.said for watcher in early)
        assert 0 < sent < len(early)
        stack.enter_context(hall.watched_by(late))
        await settle()
    assert late.said == ["live one", "1 hello", "live one"]
    assert all(watcher.said.count("1 hello") == 1 for watcher in early)


async def test_what_another_session_said_is_told_apart(hall: Hall) -> None:
    first, second, watcher = Speaker("one"), Speaker("two"), Watcher()
    hall.claim(first)
    hall.publish(first, final(1, "hello"))
    hall.release(first)
    hall.claim(second)
    hall.publish(second, final(1, "world"))
    with hall.watched_by(watcher):
        pass
    assert watcher.said == ["live two", "waiting one", "1 hello", "live two", "1 world", "live two"]


async def test_the_history_is_bounded(hall: Hall) -> None:
    speaker, watcher = Speaker(), Watcher()
    hall.claim(speaker)
    for number in range(1, 101):
        hall.publish(speaker, final(number, "x" * 1000))
    with hall.watched_by(watcher):
        pass
    answers = [message for message in watcher.seen if isinstance(message, Final)]
    assert HISTORY_BYTES - 2000 < len(watcher.frames) < HISTORY_BYTES + 1000
    assert [message.utterance for message in answers] == list(range(101 - len(answers), 101))


async def test_the_open_partial_outlasts_the_answer_to_the_utterance_before(hall: Hall) -> None:
    speaker, watcher = Speaker(), Watcher()
    hall.claim(speaker)
    for message in (speech(1), speech(2), partial(2, "w"), final(1, "hello")):
        hall.publish(speaker, message)
    with hall.watched_by(watcher):
        pass
    assert watcher.said == ["live one", "1 hello", "live one", "2 w…"]


async def test_a_name_is_taken_while_its_speaker_is_there(hall: Hall) -> None:
    first, second, watcher = Speaker("one"), Speaker("two"), Watcher()
    hall.claim(first)
    with hall.watched_by(watcher):
        with pytest.raises(BadStart, match="Another session is publishing in the channel hall"):
            hall.claim(second)
        first.is_connected = False
        hall.announce()
        with pytest.raises(BadStart, match="lost its connection and may come back"):
            hall.claim(second)
        first.keeps_name = False
        hall.claim(second)
        hall.publish(first, final(1))  # answers of one who has lost the name go to nobody
        hall.release(first)
        await settle()
    assert watcher.said == ["live one", "away one", "live two"]
    assert [first.has_lost, second.has_lost] == [True, False]


@pytest.mark.parametrize(
    ("first", "second", "takes"),
    [
        ("studio", "studio", True),
        ("studio", "other", False),
        ("studio", None, False),
        (None, "studio", False),
        (None, None, False),  # a server that asks nobody: two strangers, as far as it knows
    ],
)
async def test_a_name_is_kept_for_who_may_come_back_and_given_to_the_same_key(
    hall: Hall, first: str | None, second: str | None, takes: bool
) -> None:
    holder, newcomer = Speaker("one", key=first), Speaker("two", key=second)
    hall.claim(holder)
    with pytest.raises(BadStart, match="Another session"):  # not while both are there
        hall.claim(newcomer)
    holder.is_connected = False
    if takes:
        hall.claim(newcomer)
    else:
        with pytest.raises(BadStart, match="may come back"):
            hall.claim(newcomer)
    assert holder.has_lost is takes


async def test_who_reads_slowly_misses_partials_and_nothing_else(hall: Hall) -> None:
    speaker, slow = Speaker(), Watcher()
    hall.claim(speaker)
    with hall.watched_by(slow):
        slow.unsent_bytes = UNSENT_BYTES + 1
        for message in (speech(1), partial(1, "he"), final(1, "hello")):
            hall.publish(speaker, message)
            await settle()
    assert slow.said == ["live one", "1 Speech", "1 hello"]
    assert not slow.aborted


async def test_who_takes_nothing_is_cut_off() -> None:
    now_s = 100.0
    hall = Hall("hall", patience_s=5, clock_s=lambda: now_s)
    speaker, stuck, slow = Speaker(), Watcher(reads=False), Watcher(reads=False)
    hall.claim(speaker)
    with hall.watched_by(stuck), hall.watched_by(slow):
        for number in range(1, 8):
            hall.publish(speaker, final(number))
            await settle()
            slow.unsent_bytes -= 1  # it does take something
            now_s += 1
    assert stuck.aborted and not slow.aborted


async def test_who_falls_far_behind_is_cut_off(hall: Hall) -> None:
    speaker, far = Speaker(), Watcher()
    hall.claim(speaker)
    with hall.watched_by(far):
        far.unsent_bytes = MAX_UNSENT_BYTES + 1
        hall.publish(speaker, final(1))
        await settle()
    assert far.aborted


async def test_who_reads_a_trickle_is_cut_off_as_well(hall: Hall) -> None:
    speaker, slow = Speaker(), Watcher(reads=False)
    hall.claim(speaker)
    with hall.watched_by(slow):
        for number in range(1, 400):
            hall.publish(speaker, final(number, "word " * 1000))
            await settle()
            slow.unsent_bytes -= 1
            if slow.aborted:
                break
    assert slow.aborted
    assert slow.unsent_bytes < 2 * MAX_UNSENT_BYTES


async def test_partials_that_nobody_has_got_yet_are_replaced(hall: Hall) -> None:
    speaker, watcher = Speaker(), Watcher()
    hall.claim(speaker)
    with hall.watched_by(watcher):
        for length in range(1, 100):
            hall.publish(speaker, partial(1, "a" * length))
        await settle()
    assert watcher.said == ["live one", f"1 {'a' * 99}…"]


async def test_viewers_hear_of_a_channel_in_which_nothing_happens(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "HEARTBEAT_S", 0.01)
    watcher = Watcher()
    with hall.watched_by(watcher):
        async with asyncio.timeout(5):
            while len(watcher.said) < 4:  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.01)
    assert set(watcher.said) == {"waiting"}
    length = len(watcher.frames)
    await asyncio.sleep(0.05)
    assert len(watcher.frames) == length and hall._audience._heartbeat is None


async def test_a_channel_goes_when_nobody_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_S", 0.02)
    channels, speaker = Channels(patience_s=5), Speaker()
    with channels.watched_by("empty", Watcher()):
        assert (len(channels), channels.viewers) == (1, 1)
    assert len(channels) == 0  # nothing was said in it
    channel = channels.publish("hall", speaker)
    channel.publish(speaker, final(1))
    channels.release(channel, speaker)
    assert len(channels) == 1  # for who comes late
    late = Watcher()
    with channels.watched_by("hall", late):
        await asyncio.sleep(0.05)
        assert len(channels) == 1
    assert "1 word" in late.said
    async with asyncio.timeout(5):
        while len(channels):  # noqa: ASYNC110 - a timer of the module's own
            await asyncio.sleep(0.01)


async def test_of_the_channels_that_nobody_uses_the_newest_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_IDLE", 2)
    channels = Channels(patience_s=5)
    for name in "abc":
        speaker = Speaker(name)
        channel = channels.publish(name, speaker)
        channel.publish(speaker, final(1))
        channels.release(channel, speaker)
    assert sorted(channels._channels) == ["b", "c"]
    channels.close()


# -- over sockets -----------------------------------------------------------------------------------


KEYS = KeyRing((Key("desk", frozenset({"speak", "watch"}), digest_of("st_desk")),), "s" * 32)


class QuickEngine(FakeEngine):
    """Answers every job with a word."""

    def submit(self, job: Job, deliver: Callable[[Result], None]) -> None:
        super().submit(job, deliver)
        asyncio.get_running_loop().call_soon(self.answer, "word")


@asynccontextmanager
async def serving(engine: FakeEngine, **options: Any) -> AsyncIterator[tuple[Gateway, str]]:
    """A gateway that listens, and its address."""
    gateway = make_gateway(engine, **options)
    await gateway.start("127.0.0.1", 0)
    try:
        yield gateway, f"ws://127.0.0.1:{gateway.port}"
    finally:
        await gateway.drain(0)


async def test_from_the_speaker_to_a_viewer_and_to_one_who_comes_late() -> None:
    async with serving(QuickEngine()) as (_, url), watch(url, "hall") as early, asyncio.timeout(10):
        assert _short(await anext(early)) == "waiting"
        async with connect(url, Start(channel="hall", partials=False)) as captions:
            assert captions.ready.channel == "hall"
            assert captions.ready.watch_token == "watch hall"
            await captions.send(WORD)
            said = [_short(await anext(early)) for _ in range(3)]
            assert said[0].startswith("live ") and captions.ready.session not in said[0]
            assert said[1:] == ["1 Speech", "1 word"]
            async with watch(url, "hall") as late:
                assert [_short(await anext(late)) for _ in range(2)][1] == "1 word"
                async for event in captions:
                    if isinstance(event, Ack) and event.viewers == 2:
                        break
        assert _short(await anext(early)) == said[0].replace("live", "waiting")


async def test_a_speaker_who_is_away_and_comes_back() -> None:
    async with (
        serving(FakeEngine()) as (_, url),
        watch(url, "hall") as messages,
        asyncio.timeout(10),
    ):
        await anext(messages)
        async with connect(url, Start(channel="hall", partials=False)) as captions:
            assert _short(await anext(messages)).startswith("live")
            assert captions._socket is not None
            captions._socket.transport.abort()
            assert _short(await anext(messages)).startswith("away")
            assert _short(await anext(messages)).startswith("live")


async def test_a_channel_that_is_taken_is_a_bad_start() -> None:
    async with serving(FakeEngine()) as (gateway, url):
        async with connect(url, Start(channel="hall", partials=False)):
            with pytest.raises(
                ClientError, match="Another session is publishing in the channel hall"
            ):
                async with connect(url, Start(channel="hall", partials=False)):
                    pass
        async with asyncio.timeout(5):
            while len(gateway._sessions):  # noqa: ASYNC110 - the server's end closes later
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "talk",
    [["x"] * 1000, [b"x" * 5000], [b""] * 1000, ['{"type":"start"}'] * 300],
    ids=["letters", "much at once", "nothing, often", "messages"],
)
async def test_a_viewer_that_talks_is_cut_off(talk: list[str | bytes]) -> None:
    async with serving(FakeEngine()) as (gateway, url), asyncio.timeout(10):
        async with dial(f"{url}/v1/channels/hall") as viewer, watch(url, "hall") as other:
            with suppress(ConnectionClosed):
                for message in talk:
                    await viewer.send(message)
            await viewer.wait_closed()
            assert viewer.close_code == 1008
            while _channel(await anext(other)).viewers != 1:
                pass
        while len(gateway._channels):  # noqa: ASYNC110 - the server's end closes later
            await asyncio.sleep(0.01)


async def test_a_stranger_does_not_get_the_name_of_a_speaker_whose_link_broke() -> None:
    """Viewers see nobody else, and the speaker comes back to its channel."""
    start = Start(channel="hall", partials=False)
    async with (
        serving(QuickEngine()) as (_, url),
        watch(url, "hall") as messages,
        asyncio.timeout(10),
    ):
        await anext(messages)
        async with dial(f"{url}/v1/captions") as speaker:
            await speaker.send(format_message(start))
            ready = parse_server_message(await speaker.recv())
            assert isinstance(ready, Ready)
            live = _short(await anext(messages))
            speaker.transport.abort()
            assert _short(await anext(messages)) == live.replace("live", "away")
        with pytest.raises(ClientError, match="lost its connection and may come back"):
            async with connect(url, start):
                pass
        async with dial(f"{url}/v1/captions") as speaker:
            resume = Resume(session=ready.session, token=ready.token, last_seq=ready.seq)
            await speaker.send(format_message(resume))
            assert isinstance(parse_server_message(await speaker.recv()), Resumed)
            assert _short(await anext(messages)) == live
            await speaker.send(WORD)
            assert [_short(await anext(messages)) for _ in range(2)] == ["1 Speech", "1 word"]


@pytest.mark.parametrize("how", ["expired", "page left", "too long away"])
async def test_a_name_to_which_nobody_comes_back_is_free(how: str) -> None:
    start = Start(channel="hall", partials=False)
    async with serving(QuickEngine()) as (gateway, url), asyncio.timeout(10):
        async with dial(f"{url}/v1/captions") as speaker:
            await speaker.send(format_message(start))
            ready = parse_server_message(await speaker.recv())
            assert isinstance(ready, Ready)
            if how == "page left":
                await speaker.close(1001)
            else:
                speaker.transport.abort()
        (session,) = gateway._sessions
        while session.is_connected:  # noqa: ASYNC110 - the server's end closes later
            await asyncio.sleep(0.01)
        if how == "expired":
            gateway._sessions._expire(session)
        if how == "too long away":
            session._kept.lost_seq = 1000
            async with dial(f"{url}/v1/captions") as speaker:
                resume = Resume(session=ready.session, token=ready.token, last_seq=ready.seq)
                await speaker.send(format_message(resume))
                assert isinstance(parse_server_message(await speaker.recv()), Error)
        async with connect(url, start) as captions:
            assert captions.ready.channel == "hall"


async def test_who_comes_back_without_the_name_is_told() -> None:
    start = Start(channel="hall", partials=False)
    bearer = {"Authorization": "Bearer st_desk"}
    async with serving(QuickEngine(), keys=lambda: KEYS) as (_, url), asyncio.timeout(10):
        async with dial(f"{url}/v1/captions", additional_headers=bearer) as first:
            await first.send(format_message(start))
            ready = parse_server_message(await first.recv())
            assert isinstance(ready, Ready)
            first.transport.abort()
        async with connect(url, start, key="st_desk") as second:  # the program was started again
            assert second.ready.channel == "hall"
            async with dial(f"{url}/v1/captions", additional_headers=bearer) as back:
                resume = Resume(session=ready.session, token=ready.token, last_seq=ready.seq)
                await back.send(format_message(resume))
                assert isinstance(parse_server_message(await back.recv()), Resumed)
                error = parse_server_message(await back.recv())
                assert isinstance(error, Error)
                assert (error.code, error.fatal) == ("channel_lost", False)


async def test_who_was_away_and_lost_the_name_goes_on_without_it() -> None:
    async with serving(QuickEngine()) as (gateway, url), asyncio.timeout(10):
        start = Start(channel="hall", partials=False)
        async with connect(url, start) as first, watch(url, "hall") as messages:
            one = _short(await anext(messages))
            (session,) = gateway._sessions
            session.record = record = Kept()
            session.detach()
            session.keeps_name = False  # as one whose page was left
            async with connect(url, start):
                assert _short(await anext(messages)) not in (one, one.replace("live", "away"))
            assert _short(await anext(messages)).startswith("waiting")
            assert session.channel is None
            assert record.times_left == 1
            assert session.ack().viewers is None
        async with connect(url, start), watch(url, "hall") as messages:
            third = _short(await anext(messages))
            gateway._sessions._remove(session)  # nobody came back to it
            assert third.startswith("live") and gateway._channels.viewers == 1
            async with watch(url, "hall") as more:
                assert _short(await anext(more)) == third
        del first


async def test_a_watch_that_nobody_reads_is_closed() -> None:
    async with serving(FakeEngine()) as (gateway, url):
        async with watch(url, "hall"):
            pass
        async with asyncio.timeout(5):
            while gateway._channels.viewers:  # noqa: ASYNC110 - the server's end closes later
                await asyncio.sleep(0.01)


async def test_what_a_viewer_says_is_not_looked_at() -> None:
    async with serving(FakeEngine()) as (gateway, url):
        async with dial(f"{url}/v1/channels/hall") as viewer:
            for _ in range(100):
                await viewer.send(b"x")
                await viewer.send("nonsense")
            await (await viewer.ping())
            assert json.loads(await viewer.recv())["state"] == "waiting"
            await viewer.close()
        async with asyncio.timeout(5):
            while len(gateway._channels):  # noqa: ASYNC110 - the server's end closes later
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("key", "channel", "status"),
    [
        (None, "hall", 401),
        ("st_wrong", "hall", 401),
        ("st_desk", "hall", None),
        ("token for hall", "hall", None),
        ("token for hall", "stage", 403),
        ("token for speaking", "hall", 403),
        ("st_desk", "no/name", 404),
        ("st_desk", "n" * 65, 404),
    ],
)
async def test_who_may_watch(key: str | None, channel: str, status: int | None) -> None:
    tokens = {
        "token for hall": KEYS.make_token("guests", ["watch"], 2e9, channel="hall"),
        "token for speaking": KEYS.make_token("page", ["speak"], 2e9),
    }
    async with serving(FakeEngine(), keys=lambda: KEYS) as (_, url):
        headers = {} if key is None else {"Authorization": f"Bearer {tokens.get(key, key)}"}
        place = f"{url}/v1/channels/{channel}"
        if status is None:
            async with dial(place, additional_headers=headers) as viewer:
                assert json.loads(await viewer.recv())["channel"] == channel
        else:
            with pytest.raises(InvalidStatus) as refused:
                await dial(place, additional_headers=headers)
            assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/metrics", "st_desk", 200),
        ("/metrics", "token for hall", 403),
        ("/v1/qr", "st_desk", 200),
        ("/v1/qr", None, 401),
    ],
)
async def test_what_else_a_key_or_token_opens(path: str, key: str | None, status: int) -> None:
    async with serving(FakeEngine(), keys=lambda: KEYS) as (_, url):
        token = KEYS.make_token("guests", ["watch"], 2e9, channel="hall")
        headers = {"Surtitle-Text": "https%3A//captions.example/"}
        if key is not None:
            headers["Authorization"] = f"Bearer {token if key == 'token for hall' else key}"
        request = urllib.request.Request(url.replace("ws", "http", 1) + path, headers=headers)
        try:
            answer = await asyncio.to_thread(urllib.request.urlopen, request)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            assert answer.status == status


async def test_a_token_for_watching_a_channel_is_not_for_speaking() -> None:
    caller = KEYS.by_token(KEYS.make_token("guests", ["speak", "watch"], 2e9, channel="hall"))
    assert caller is not None and caller.scopes == {"watch"}


async def test_viewers_have_their_own_limit_and_are_told_when_the_server_stops() -> None:
    async with serving(FakeEngine(), max_viewers=2) as (gateway, url):
        hall = f"{url}/v1/channels/hall"
        async with dial(hall) as viewer, dial(hall):
            with pytest.raises(InvalidStatus) as refused:
                await dial(hall)
            assert refused.value.response.status_code == 503
            await viewer.recv()
            await gateway.drain(0)
            with pytest.raises(ConnectionClosed) as closed:
                await viewer.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001


@pytest.mark.parametrize("crowd", ["203.0.113.9", "2001:db8::9"])
async def test_who_takes_all_places_of_viewers_makes_way_for_others(
    crowd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And fills the server where nobody else wants to watch."""
    monkeypatch.setattr(server, "VIEWERS_PER_S", 1e6)
    proxies = TrustedProxies(["127.0.0.1"])
    async with serving(FakeEngine(), max_viewers=6, proxies=proxies) as (gateway, url):

        async def come(address: str) -> ClientConnection:
            headers = {"X-Forwarded-For": address}
            return await dial(f"{url}/v1/channels/hall", additional_headers=headers)

        async def status(address: str) -> int:
            with pytest.raises(InvalidStatus) as refused:
                await come(address)
            return refused.value.response.status_code

        silent = [await come(crowd) for _ in range(6)]
        assert await status(crowd) == 503
        others = [await come("203.0.113.10") for _ in range(2)] + [await come("203.0.113.11")]
        async with asyncio.timeout(5):
            for viewer in silent[:3]:
                await viewer.wait_closed()
                assert viewer.close_code == 1013
        assert await status(crowd) == 503
        for viewer in silent[3:] + others:
            assert json.loads(await viewer.recv())["channel"] == "hall"
        await others[0].close()
        silent.append(await come(crowd))  # there is a place
        assert len(gateway._viewers) == 6
        for viewer in silent + others:
            await viewer.close()


async def test_a_viewer_comes_again_and_gets_each_answer_once() -> None:
    async with (
        serving(QuickEngine()) as (gateway, url),
        connect(url, Start(channel="hall", partials=False)) as captions,
        watch(url, "hall") as messages,
        asyncio.timeout(10),
    ):
        heard = [_short(await anext(messages))]
        for number in range(1, 6):
            await captions.send(WORD)
            while not heard[-1].startswith(f"{number} word"):
                heard.append(_short(await anext(messages)))
            for channel in gateway._channels._channels.values():
                for viewer in list(channel._audience._viewers):
                    viewer.socket.abort()
        answers = [each for each in heard if each.endswith("word")]
        assert answers == [f"{number} word" for number in range(1, 6)]


async def test_what_sessions_elsewhere_say_comes_once_and_under_their_names(hall: Hall) -> None:
    early, late = Watcher(), Watcher()
    with hall.watched_by(early):
        hall.relay([("one", final(1, "a")), ("two", final(1, "b")), ("two", partial(2, "c"))])
        hall.hear("two", "live", 3)
        hall.relay([("one", final(1, "a")), ("two", final(1, "b")), ("two", final(2, "c"))])
        await settle()
        assert early.said == [
            "waiting",
            *("waiting one", "1 a", "waiting two", "1 b", "2 c…", "waiting two", "live two", "2 c"),
        ]
        with hall.watched_by(late):
            assert late.said == [
                "live two",
                "waiting one",
                "1 a",
                "live two",
                "1 b",
                "2 c",
                "live two",
            ]
            assert [each.viewers for each in late.seen if isinstance(each, Channel)][-1] == 5
        hall.hear("two", "waiting", 0)
        await settle()
        assert early.said[-1] == "waiting two"


async def test_a_speaker_here_stands_before_those_elsewhere(hall: Hall) -> None:
    speaker, watcher = Speaker(), Watcher()
    hall.claim(speaker)
    with hall.watched_by(watcher):
        hall.relay([("before", final(1, "old"))])
        hall.hear("before", "waiting", 0)
        hall.publish(speaker, final(1, "new"))
        await settle()
        assert watcher.said == [
            *("live one", "waiting before", "1 old", "live one", "live one", "1 new")
        ]
        hall.hear("two", "live", 1)
        hall.lose(speaker)
        await settle()
        assert speaker.has_lost
        assert watcher.said[-2:] == ["live one", "live two"]
        hall.publish(speaker, final(2, "not heard"))
        await settle()
        assert watcher.said[-1] == "live two"
