"""A session that outlives its connections.

A connection that breaks leaves its session behind for `resume_window_s`. What was heard is decoded all
the same; nobody hears the answers, so they are kept. A client that comes back with the session's token
says which message it had last, and gets those that followed and the byte to go on from. When the
window has passed the session ends as by `stop`. Its states are in `lifecycle`.

Whatever is put into the session, what comes of it leaves at once: jobs to the engine, messages through
`HostedSession.post`, so that the order in which they are kept is the order in which they were numbered.
"""

import asyncio
import contextlib
import hashlib
import hmac
import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
import structlog
from msgspec import structs
from numpy.typing import NDArray

from surtitle.archive.records import Keeping
from surtitle.captioning.endpointing import WINDOW_SAMPLES
from surtitle.captioning.session import CaptionSession
from surtitle.decoding.decoders import Decoders, Decoding
from surtitle.engine.engine import Engine
from surtitle.engine.scheduler import Owner
from surtitle.errors import BadAudio, BadMessage, BadStart, InternalError, UnknownSession, WireError
from surtitle.gateway.channels import Channel
from surtitle.gateway.haste import Haste
from surtitle.gateway.kept import KeptMessages
from surtitle.gateway.lifecycle import SESSION, SessionEvent, SessionState
from surtitle.gateway.link import NO_LINK, Link
from surtitle.gateway.live import LiveCaptions
from surtitle.gateway.rhythm import Rhythm
from surtitle.jobs import Pcm16, Result
from surtitle.messages import (
    MAX_HOTWORDS,
    Ack,
    ContainerEncoding,
    Error,
    Failed,
    Final,
    Partial,
    Published,
    Resumed,
    Revised,
    ServerMessage,
    ServiceState,
    Suppressed,
    Update,
)
from surtitle.runtime.metrics import Arrivals, Metrics
from surtitle.subtitles.cues import Layout
from surtitle.vad.rounds import VadClient

log = structlog.get_logger("surtitle.session")

TOKEN_BYTES = 24
SILENCE_STEP_S = 0.1
"""How soon it is looked again whether a sender is silent."""
MAX_REQUESTS = 32
"""`update` and `flush` that may wait for their place in a container, before its client is not
read."""
MAX_CORRECTIONS = 1000
"""Of a session that are remembered: what its engine makes of an utterance comes soon after it."""
Told = tuple[ServiceState, str]
"""How the service is, and a sentence for people."""
NO_WINDOWS = np.empty((0, WINDOW_SAMPLES), np.int16)


class Rounds(Protocol):
    """What a session needs of the rounds of voice activity."""

    def request(self, client: VadClient) -> None:
        """The client may have windows to score."""
        ...

    def forget(self, client: VadClient) -> None:
        """The client has gone."""
        ...


@dataclass(frozen=True, slots=True)
class _Request:
    """What to do at a mark in a container."""

    kind: Literal["update", "flush", "discard", "break_off"]
    action: Callable[[int], object]
    """Called with the number of times it was asked for."""
    held_bytes: int = 0
    times: int = 1


class HostedSession:
    """A session, what decodes and scores its audio, and its connection, if it has one."""

    def __init__(
        self,
        session: CaptionSession,
        engine: Engine,
        rounds: Rounds,
        layout: Layout,
        metrics: Metrics,
        on_answered: "Callable[[HostedSession], None]",
        owner: str = "",
        key: str | None = None,
    ) -> None:
        """`on_answered` is called when all of a session is answered that nobody comes back to."""
        self.session = session
        self.key = key
        """See Publisher."""
        self.keeps_name = True
        """See Publisher."""
        self.owner = owner
        """Whose it is: where too many sessions of one owner wait, one of the same owner ends."""
        self.live = LiveCaptions(layout)
        """The captions, for those who follow them over HTTP."""
        self.state = SessionState.WAITING
        self.link = NO_LINK
        self.channel: Channel | None = None
        """Where it publishes."""
        self.record: Keeping | None = None
        """By which what it says is kept."""
        self._on_answered = on_answered
        self._metrics = metrics
        self._arrivals = Arrivals()
        self._received_s = 0.0  # counted
        self._haste = Haste(time.monotonic())
        self._told: Told = ("normal", "")
        self._engine = engine
        self._rounds = rounds
        self._decoding: Decoding | None = None  # of a container, until all of it is decoded
        self._requests: deque[_Request] = deque()
        """What to do at which mark in it, oldest first."""
        self._marked = True  # nothing was sent since the newest mark
        self._rhythm = Rhythm(session.container)
        self._heard_at = 0.0  # when audio came last, on the monotonic clock
        self._silence_timer: asyncio.TimerHandle | None = None
        self._finished_at: float | None = None  # `_heard_at` of the silence that was acted upon
        self._token = self._spare_token = secrets.token_urlsafe(TOKEN_BYTES)
        self._kept = KeptMessages()
        self._corrections: dict[int, Revised] = {}  # by utterance, what persons have written
        self._log = log.bind(session=session.id)

    @property
    def id(self) -> str:
        """The name of the session, which is no secret to those who watch it."""
        return self.session.id

    @property
    def public_id(self) -> str:
        """See Publisher. Who knows `id` can read the session as WebVTT, whoever may watch a channel."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:16]

    def lose_channel(self) -> None:
        """See Publisher. Who comes back is told."""
        self.channel = None
        if self.record is not None:
            self.record.leave_channel()
        text = "Another session is publishing in the channel now; this one continues without it."
        self.post(self.make_error("channel_lost", text, fatal=False))

    def refuse_channel(self, why: str) -> None:
        """See Publisher."""
        self.channel = None
        self._fail(BadStart(why))

    @property
    def is_connected(self) -> bool:
        """Whether its client is there now."""
        return self.link is not NO_LINK

    def _become(self, event: SessionEvent) -> None:
        self.state = SESSION[self.state, event]

    # -- tokens ---------------------------------------------------------------------------------

    @property
    def token(self) -> str:
        """The newest token."""
        return self._token

    def accepts(self, token: str) -> bool:
        """Whether a token is one of the two that hold, in a time that does not depend on it."""
        given = token.encode()
        newest = hmac.compare_digest(given, self._token.encode())
        return hmac.compare_digest(given, self._spare_token.encode()) or newest

    def rotate(self, used: str) -> str:
        """A new token, which voids all others but the one that was used last.

        That one holds on because the answer with the new one may get lost on the way.
        """
        self._token, self._spare_token = secrets.token_urlsafe(TOKEN_BYTES), used
        return self._token

    # -- the connection -------------------------------------------------------------------------

    def attach(self, link: Link) -> None:
        """This connection is the session's from now on; one that it had before loses it."""
        was_connected = self.is_connected
        self._become(SessionEvent.ATTACH)
        previous, self.link = self.link, link
        self._heard_at = time.monotonic()
        self._rhythm.begin()
        self._take_turns()
        previous.on_taken_over()
        if self.channel is not None and not was_connected:
            self.channel.announce()
        self._watch_sender()  # it may have nothing more to send

    def detach(self) -> None:
        """Its connection has gone."""
        self._become(SessionEvent.DETACH)
        self.link = NO_LINK
        self._take_turns()

    @property
    def patient(self) -> bool:
        """See VadClient."""
        return not self.is_connected or self._haste.is_hasty

    def _take_turns(self) -> None:
        """Where nobody waits for the captions, those go first for whom somebody does."""
        if self.state is not SessionState.GONE:
            self._engine.place(self.id, Owner(self.owner, self.patient))
            if (line := self.session.revisions_line) is not None:
                # At the end the client waits for them.
                patient = self.patient or not self.session.stopping
                self._engine.place(line, Owner(self.owner, patient))

    def ack(self) -> Ack:
        """How far audio has come and is answered, and how many watch."""
        ack = self.session.ack()
        if self.channel is None:
            return ack
        return structs.replace(ack, viewers=self.channel.viewers)

    def replay(self, last_seq: int) -> list[ServerMessage]:
        """What followed a message. Raises UnknownSession where not all of that is kept."""
        self._pump()
        missed = self._kept.after(last_seq)
        if missed is None:
            raise UnknownSession(
                "The session has produced too much in the meantime; open a new one and send from "
                "`safe`."
            )
        return missed

    def correct(self, revised: Revised) -> None:
        """See Publisher. The client hears of it if it asked for better texts."""
        self._corrections[revised.utterance] = revised
        if len(self._corrections) > MAX_CORRECTIONS:
            del self._corrections[next(iter(self._corrections))]
        if self.session.wants_revisions and not self.session.ended:
            self._pump()  # what came up before it leaves before it
            self.post(self.session.number(revised))
        else:
            self._publish(revised)

    def listen_for(self, names: Sequence[str]) -> None:
        """See Publisher. Raises BadMessage where they are too many."""
        known = self.session.hotwords
        wanted = [*known, *(name for name in names if name not in known)]
        if len(wanted) > MAX_HOTWORDS:
            raise BadMessage(f"A session listens for {MAX_HOTWORDS} names and terms at most.")
        self.update(Update(hotwords=wanted))

    def post(self, message: ServerMessage) -> None:
        """Keep a message for who comes back, and send it where somebody listens."""
        if isinstance(message, Revised):  # a person knows better than the engine
            own = self._corrections.get(message.utterance, message)
            message = structs.replace(own, seq=message.seq)
        now = time.monotonic()
        self._metrics.on_message(message, self._arrivals, now)
        if isinstance(message, Final | Suppressed | Failed):
            late_s = self._arrivals.since(message.end_ms, now)
            self._log.debug(
                "answered",
                trace=f"{self.id}.{message.utterance}",
                outcome=type(message).__name__.lower(),
                length_ms=message.end_ms - message.start_ms,
                after_its_audio_ms=None if late_s is None else round(late_s * 1000),
            )
        if not isinstance(message, Partial):
            self._kept.add(_seq(message), message)
        self.link.post(message)
        if isinstance(message, Published):
            self._publish(message)

    def _publish(self, message: Published) -> None:
        """To all but the client."""
        if isinstance(message, Final):
            self.live.add(message)
            if self.record is not None:
                self.record.add(message)
        elif isinstance(message, Revised):
            self.live.revise(message)
            if self.record is not None:
                self.record.revise(message)
        if self.channel is not None:
            self.channel.publish(self, message)

    def make_error(self, code: str, text: str, *, fatal: bool, counted: bool = True) -> Error:
        """See CaptionSession. What came up before it leaves before it."""
        self._pump()
        return self.session.make_error(code, text, fatal=fatal, counted=counted)

    # -- what moves the session -----------------------------------------------------------------

    def decode_with(self, decoders: Decoders, container: ContainerEncoding) -> None:
        """What comes is a container. Called before anything comes."""
        self._decoding = decoders.open(container, self, self.owner)

    def greet(
        self,
        resume_window_s: int,
        watch_token: str | None,
        archive_days: int | None,
        edit_token: str | None,
    ) -> None:
        """Say `ready`."""
        self.session.greet(self.token, resume_window_s, watch_token, archive_days, edit_token)
        self._pump()

    @property
    def full(self) -> bool:
        """Whether no more audio should be sent for now."""
        is_behind = self._decoding is not None and self._decoding.behind
        return is_behind or len(self._requests) >= MAX_REQUESTS or self.session.full

    @property
    def idle(self) -> bool:
        """Whether all that was asked for is done and all that was sent by then is answered."""
        may_come = self._decoding is not None and (not self._marked or self.session.stopping)
        return not may_come and not self._requests and self.session.idle

    @property
    def is_unheard(self) -> bool:
        """Whether it is a container in which no audio was found by now: what was read of it is kept."""
        return self._decoding is not None and not self._received_s

    def take_windows(self, limit: int) -> NDArray[np.int16]:
        """See VadClient."""
        windows = NO_WINDOWS
        with self._reporting():
            windows = self.session.take_windows(limit)
        return windows  # noqa: RET504 - none, where something went wrong in the block

    def receive_probabilities(self, probabilities: list[float], levels: list[float]) -> None:
        """See VadClient."""
        with self._input():
            self.session.adapt_pace(self._engine.utilization, patient=self.patient)
            self.session.receive_probabilities(probabilities, levels)

    def receive_audio(self, data: bytes, *, goes_on: bool = False) -> None:
        """Take the next bytes of payload, of the same frame as those before where it `goes_on`.

        Raises as CaptionSession does.
        """
        self.session.receive_audio(data)  # what follows from it comes with its probabilities
        if not goes_on:
            self._rhythm.on_frame(time.monotonic())
        if self._decoding is not None:
            self._decoding.feed(data)
            self._marked = False
        else:
            self._count_audio()
            self._rounds.request(self)

    def _count_audio(self) -> None:
        """After audio was decoded."""
        received_s = self.session.received_s
        if received_s > self._received_s:
            new_s, now = received_s - self._received_s, time.monotonic()
            self._metrics.on_audio(new_s)
            self._heard_at = now
            self._arrivals.add(received_s * 1000, now)
            self._rhythm.on_audio(new_s)
            self._received_s = received_s
            was_hasty = self._haste.is_hasty
            self._haste.on_audio(new_s, now)
            if was_hasty is not self._haste.is_hasty:
                self._take_turns()

    def update(self, update: Update) -> None:
        """Change what is wanted, from the next utterance on. Raises BadMessage."""
        try:
            change = self.session.plan_update(update)
        except BadStart as error:  # what is spoken goes on as before
            raise BadMessage(str(error)) from error
        self._in_its_place(
            _Request("update", lambda _: self.session.apply_update(change), change.held_bytes)
        )

    def flush(self) -> None:
        """End the open utterance after the audio received so far, as the client wants it."""
        self._in_its_place(_Request("flush", self.session.flush))

    def discard(self) -> None:
        """Throw away the open utterance, up to the audio received so far."""
        self._in_its_place(_Request("discard", lambda _: self.session.discard()))

    def break_off(self) -> None:
        """End the open utterance by our own wish."""
        self._in_its_place(_Request("break_off", lambda _: self.session.break_off()))

    def stop(self) -> None:
        """No more audio comes."""
        with self._input():
            self.session.stop()
            self._take_turns()
            if self._decoding is not None:
                self._decoding.finish()
            elif self.session.container is not None:  # its decoder has died, or is done
                self.session.finish_audio()
        self._rounds.request(self)  # it fills the last window

    def finish_container(self) -> None:
        """Nothing more comes, by no wish of the client: answer all of a container, if it is one.

        A mark does not get what a decoder holds back until more bytes come.
        """
        if self._decoding is not None and not self.session.stopping:
            self._requests.append(_Request("break_off", lambda _: self.session.break_off()))
            self._marked = True
            self._decoding.finish()

    def _in_its_place(self, request: _Request) -> None:
        """Do it once all that came before is decoded: at once, but for a container."""
        if self._decoding is None:
            with self._input():
                request.action(1)
        elif self._marked and self._requests and self._requests[-1].kind == request.kind:
            # At the same byte: it does for both.
            self._requests[-1] = replace(request, times=self._requests[-1].times + 1)
        else:
            self._requests.append(request)
            self._marked = True
            self._decoding.mark()

    def _do_next_request(self) -> None:
        with self._input():
            request = self._requests.popleft()
            request.action(request.times)

    # -- what its decoder says ------------------------------------------------------------------

    def on_samples(self, samples: Pcm16) -> None:
        """See Listener."""
        with self._reporting():
            self.session.receive_samples(samples)
        self._count_audio()
        self._rounds.request(self)
        if self.session.full and self._decoding is not None:
            self._decoding.pause()

    def on_missing(self, start_sample: int, samples: int) -> None:
        """See Listener."""
        with self._input():
            self.session.note_missing(start_sample, samples)

    def on_mark(self) -> None:
        """See Listener."""
        if self._requests:  # else it is one that nobody has asked for
            self._do_next_request()

    def on_room(self) -> None:
        """See Listener."""
        self._pump()

    def on_end(self) -> None:
        """See Listener."""
        self._let_go_of_decoder()
        if self.session.stopping:
            with self._input():
                self.session.finish_audio()
            self._rounds.request(self)
        else:
            self._fail(BadAudio("The audio has signalled its own end; open a new session."))

    def on_failure(self, why: str) -> None:
        """See Listener."""
        self._let_go_of_decoder()
        self._fail(BadAudio(why))

    def _let_go_of_decoder(self) -> None:
        self._decoding = None
        while self._requests:
            self._do_next_request()
        self._pump()

    # -- a sender that falls silent -------------------------------------------------------------

    @property
    def _patience_s(self) -> float:
        """How long after the newest audio the sender counts as silent: muted, or its page sleeps."""
        return self.session.silent_after_s + self._rhythm.usual_wait_s

    def _watch_sender(self) -> None:
        """Where an utterance is open, see that audio goes on coming."""
        if self._silence_timer is not None or self._finished_at == self._heard_at:
            return
        if self.session.is_open and self.is_connected:
            left_s = self._heard_at + self._patience_s - time.monotonic()
            if left_s == math.inf:
                return
            loop = asyncio.get_running_loop()
            due = loop.time() + max(left_s, SILENCE_STEP_S)
            self._silence_timer = loop.call_at(due, self._on_silence, loop.time, due)

    def _on_silence(self, clock: Callable[[], float], due: float) -> None:
        self._silence_timer = None
        is_silent = time.monotonic() - self._heard_at >= self._patience_s
        # It is not the sender who is silent where we do not read, have audio waiting, or are late.
        is_late = clock() - due > SILENCE_STEP_S
        is_ours = is_late or self.full or self.session.has_unscored
        if is_silent and self.is_connected and not (is_ours or self.link.is_behind):
            self._finished_at = self._heard_at
            self.break_off()
        self._watch_sender()

    def say(self, state: ServiceState, message: str) -> None:
        """Tell the client how the service is."""
        if not self.session.ended:
            self.session.say(state, message)
            self._pump()

    def tell(self, state: ServiceState, message: str) -> None:
        """The same where it has not been told already."""
        known, self._told = self._told, (state, message)
        if self._told != known and not state == known[0] == "normal":
            self.say(state, message)

    @contextlib.contextmanager
    def _input(self) -> Iterator[None]:
        """Something is put into the session: what comes of it leaves at the end of the block."""
        with self._reporting():
            yield
        self._pump()

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """Turn what goes wrong in the block into an `error`, behind all that came up before it; without
        a connection it ends the session.
        """
        try:
            yield
        except WireError as error:
            self._pump()
            self._fail(error)
        except Exception:
            self._log.exception("internal error")
            self._pump()
            self._fail(InternalError())

    def _pump(self) -> None:
        """Carry on what came up in the session: jobs to the engine, messages to the client."""
        if self.state in (SessionState.GONE, SessionState.BROKEN):
            return
        try:
            self._carry_on()
        except Exception:
            self._log.exception("internal error")
            if self.state is SessionState.ATTACHED:  # telling the client comes by here again
                self._become(SessionEvent.BREAK)
            self._fail(InternalError())

    def _carry_on(self) -> None:
        for job in self.session.cancelled():
            self._engine.cancel(job)
        for job in self.session.jobs():
            self._engine.submit(job, self._on_result)
        for job in self.session.promoted():
            self._engine.promote(job)
        for message in self.session.messages():
            self.post(message)
        if self._decoding is not None and not self.session.full:
            self._decoding.resume()
        self._watch_sender()
        self.link.on_progress()
        if self.state is SessionState.ABANDONED and self.session.ended:
            self._on_answered(self)

    @property
    def held_bytes(self) -> int:
        """About how much memory the session takes."""
        decoding = 0 if self._decoding is None else self._decoding.held_bytes
        requested = sum(request.held_bytes for request in self._requests)
        kept = self._kept.held_bytes + self.live.held_bytes
        return self.session.held_bytes + decoding + requested + kept + self.link.held_bytes

    def end(self) -> None:
        """Let go of everything."""
        self._become(SessionEvent.END)
        self.link = NO_LINK
        self.live.close()
        if self.record is not None:
            self.record.end()
        self._rounds.forget(self)
        self._engine.discard_session(self.id)
        if (line := self.session.revisions_line) is not None:
            self._engine.discard_session(line)
        self._requests.clear()
        if self._decoding is not None:
            self._decoding.close()
        if self._silence_timer is not None:
            self._silence_timer.cancel()

    def abandon(self) -> None:
        """Nobody comes back to it: what was heard is answered, then it is over."""
        self._become(SessionEvent.ABANDON)
        self.keeps_name = False
        self.stop()

    def _on_result(self, result: Result) -> None:
        if self.state is not SessionState.GONE:
            with self._input():
                self.session.receive_result(result)

    def _fail(self, error: WireError) -> None:
        match self.state:
            case SessionState.ATTACHED | SessionState.BROKEN:
                self.link.fail(error)
            case SessionState.WAITING if isinstance(error, BadAudio):
                self.abandon()
            case SessionState.WAITING | SessionState.ABANDONED if error.close_code is not None:
                self._on_answered(self)


def _seq(message: ServerMessage) -> int:
    assert not isinstance(message, Ack | Resumed)
    return message.seq
