"""Any course of speaking, breaking and coming back, against a model of what the client must know."""

import asyncio
from collections.abc import Callable
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.captioning.session import CaptionSession
from surtitle.errors import UnknownSession, WireError
from surtitle.messages import (
    Ack,
    Ended,
    Failed,
    Final,
    Partial,
    Ready,
    Resumed,
    ServerMessage,
    Speech,
    Start,
    Suppressed,
)
from tests.gateway.fakes import LOUD, QUIET, FakeEngine, make_sessions

WORD, PAUSE = LOUD * 16, QUIET * 40
FOREIGN = ("", "x", "0" * 32)


class Ear:
    """A connection as the session sees it: what came through, and whether it was lost to another."""

    held_bytes = 0
    is_behind = False

    def __init__(self) -> None:
        self.heard: list[ServerMessage] = []
        self.lost = False

    def post(self, message: ServerMessage) -> None:
        self.heard.append(message)

    def fail(self, error: WireError) -> None:
        raise AssertionError(error)

    def on_progress(self) -> None:
        pass

    def on_taken_over(self) -> None:
        self.lost = True


class Talk(RuleBasedStateMachine):
    """One client of one session; `known` is what it has received for certain."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.engine = FakeEngine()
        self.known: list[ServerMessage] = []
        self.sent = bytearray()  # what was spoken, whether or not it has arrived
        self.arrived = 0
        self.tokens: list[str] = []
        self.ear: Ear | None = None

    def teardown(self) -> None:
        try:
            self.judge()
        finally:
            self.do(self.sessions.close)
            self.loop.close()

    def judge(self) -> None:
        """Once all is said, all is answered and accounted for."""
        self.come_back()
        self.do(self.hosted.stop)
        while self.engine.jobs:
            self.answer()
        self.listen()
        answers = [m for m in self.known if isinstance(m, Final | Suppressed | Failed)]
        opened = [m.utterance for m in self.known if isinstance(m, Speech)]
        assert [m.utterance for m in answers] == opened == sorted(set(opened))
        ended = self.known[-1]
        assert isinstance(ended, Ended)
        assert ended.audio_ms == len(self.sent) // 32
        assert ended.audio_ms == (
            ended.captioned_ms + ended.silence_ms + ended.suppressed_ms + ended.failed_ms
        )

    # -- what may happen ------------------------------------------------------------------------

    @initialize()
    def open(self) -> None:
        self.sessions = make_sessions(self.engine)
        self.ear = Ear()
        assert self.engine.model is not None
        start = Start(language="en", partials=False)
        session = CaptionSession("talk", start, EndpointingOptions(), self.engine.model)
        self.hosted = self.sessions.open(session, self.ear)
        self.listen()
        assert isinstance(self.known[0], Ready)
        self.tokens.append(self.known[0].token)

    @rule(what=st.sampled_from([WORD, PAUSE, WORD + PAUSE, b"\1" * 2]))
    def speak(self, what: bytes) -> None:
        self.sent += what
        self.send()

    @precondition(lambda self: self.ear is not None)
    @rule(length=st.integers(0, len(WORD)))
    def break_in_mid_word(self, length: int) -> None:
        """Only so many bytes of it arrive."""
        self.sent += WORD
        self.do(partial(self.hosted.receive_audio, WORD[:length]))
        self.arrived += length
        self.break_the_link(0)

    @rule()
    def answer(self) -> None:
        self.do(partial(self.engine.answer, "words"))

    @precondition(lambda self: self.ear is not None)
    @rule(on_the_way=st.integers(0, 5))
    def break_the_link(self, on_the_way: int) -> None:
        """The last few messages do not arrive."""
        assert self.ear is not None
        self.ear.heard = self.ear.heard[: max(len(self.ear.heard) - on_the_way, 0)]
        self.listen()
        self.do(partial(self.sessions.leave, self.hosted, self.ear, for_good=False))
        self.ear = None

    @rule(token=st.sampled_from(FOREIGN))
    def intrude(self, token: str) -> None:
        self.refused(token)

    @precondition(lambda self: len(self.tokens) > 2)
    @rule(age=st.integers(3, 9))
    def use_an_old_token(self, age: int) -> None:
        """Only the newest holds, and the one before it."""
        self.refused(self.tokens[-min(age, len(self.tokens))])

    @rule()
    def come_back(self) -> None:
        """With or without knowing that the connection is broken."""
        if self.ear is not None:
            self.listen()
        old, self.ear = self.ear, Ear()
        last_seq = max(_seq(m) for m in self.known)
        self.do(partial(self.sessions.resume, "talk", self.tokens[-1], last_seq, self.ear))
        assert old is None or old.lost
        resumed = self.ear.heard.pop(0)
        assert isinstance(resumed, Resumed)
        assert resumed.received == self.arrived
        self.tokens.append(resumed.token)
        self.listen()
        self.send()

    # -- what always holds ----------------------------------------------------------------------

    @invariant()
    def nothing_is_missing_or_twice(self) -> None:
        assert [_seq(m) for m in self.known] == list(range(1, len(self.known) + 1))

    # -- inside ---------------------------------------------------------------------------------

    def refused(self, token: str) -> None:
        try:
            self.sessions.resume("talk", token, 0, Ear())
        except UnknownSession:
            return
        raise AssertionError("it was let in")

    def send(self) -> None:
        """Send what has not arrived, from the byte on that the server wants."""
        if self.ear is not None:
            self.do(partial(self.hosted.receive_audio, bytes(self.sent[self.arrived :])))
            self.arrived = len(self.sent)

    def do(self, call: Callable[[], object]) -> None:
        """Call on the event loop, and let what follows from it happen."""

        async def on_loop() -> None:
            call()
            for _ in range(3):
                await asyncio.sleep(0)

        self.loop.run_until_complete(on_loop())

    def listen(self) -> None:
        """Take what has come through."""
        assert self.ear is not None
        self.known += [m for m in self.ear.heard if not isinstance(m, Partial | Ack)]
        self.ear.heard.clear()


def _seq(message: ServerMessage) -> int:
    assert not isinstance(message, Ack | Resumed)
    return message.seq


TestTalk = Talk.TestCase
TestTalk.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
