"""One socket <-> one session: receive, send, acknowledge.

What comes is put into the session, see `HostedSession`; its messages come back here. One task receives,
one sends; the session itself is only touched on the event loop.

A client that reads slowly first misses partials, and is cut off when it does not take a message
within `send_timeout_s`: its session waits for it. One that sends faster than it can be answered is read
more slowly.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from websockets.exceptions import ConnectionClosed

from surtitle.errors import (
    BadAudio,
    BadMessage,
    BadText,
    Busy,
    FrameTooLarge,
    IdleTimeout,
    InternalError,
    ResumedElsewhere,
    TooManyMistakes,
    WireError,
)
from surtitle.gateway.hosted import HostedSession
from surtitle.gateway.opening import Opening
from surtitle.gateway.sender import Sender, Socket
from surtitle.gateway.stage import Stage, next_stage
from surtitle.gateway.unsent import unsent_messages
from surtitle.messages import (
    ClientMessage,
    Discard,
    Error,
    Flush,
    Resume,
    ServerMessage,
    Start,
    Stop,
    Update,
    format_message,
    parse_client_message,
    parse_start_query,
)

log = structlog.get_logger("surtitle.connection")

Query = Mapping[str, Sequence[str]]

ACK_INTERVAL_S = 1.0
ACK_STEP_S = 0.25
"""Acknowledgements are sent at multiples of this: a wake-up serves several sessions."""
MAX_TEXT = 1 << 17
"""Characters of a message: twice what the largest `start` has."""
AT_ONCE_BYTES = 1 << 15
"""Of audio that are taken without a pause: a second of 16-bit PCM."""
PIECE_BYTES = 1 << 12
"""In which more is cut. One takes 2 ms at most, and a megabyte of noise, of which the format check
makes nothing, a twentieth of a second."""
MAX_MISTAKES = 50
"""Errors that are not fatal before a client is taken for a broken one."""
ANSWER_S = 10.0
"""How long what was said may take to be answered before a connection ends by its client's
mistake."""
BEHIND_S = 1.0
"""How long a client's `start` may wait for its turn beyond the time that it has."""

_SERVING, _DRAINING = Stage.SERVING, Stage.DRAINING
"""To look up a member of an enum takes a tenth of a microsecond, which counts for each frame."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a client may take; see Settings for each."""

    start_timeout_s: float
    idle_timeout_s: float
    send_timeout_s: float


class Connection:
    """Serves one client until its socket is closed."""

    def __init__(
        self,
        socket: Socket,
        opening: Opening,
        timeouts: Timeouts,
        on_session: "Callable[[Connection], None]" = lambda connection: None,
    ) -> None:
        """`on_session` is called when it has a session."""
        self._socket = socket
        self._opening = opening
        self._timeouts = timeouts
        self._on_session = on_session
        self._hosted: HostedSession | None = None
        self._for_good = False  # nobody comes back to the session
        self._errors_before_start = 0
        self._mistakes = 0  # errors sent
        self._sender = Sender(socket, unsent_messages(), format_message, timeouts.send_timeout_s)
        self._in_turn = False  # a message waits for its turn
        self._stage = Stage.SERVING
        self._ending: asyncio.Task[None] | None = None  # answers what was said before the end
        self._progress = asyncio.Event()  # the session has gone on, or the socket has gone
        self._room = asyncio.Event()  # the session may take more audio
        self._room.set()
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()  # when the newest frame came
        self._idle_timer: asyncio.TimerHandle | None = None
        self._start_timer: asyncio.TimerHandle | None = None
        self._ack_timer: asyncio.TimerHandle | None = None
        self._log = log

    # -- its way to the end ---------------------------------------------------------------------

    def _go(self, wanted: Stage) -> None:
        self._stage = next_stage(self._stage, wanted)

    @property
    def _listens(self) -> bool:
        """Whether messages are taken."""
        return self._stage is _SERVING or self._stage is _DRAINING

    @property
    def _is_closing(self) -> bool:
        return self._stage is Stage.CLOSING or self._stage is Stage.GONE

    # -- what others call -----------------------------------------------------------------------

    async def run(self, query: Query | None) -> None:
        """Serve until the end. `query` holds the fields of `start` in the query string, if any.

        Cancelled, it leaves its session as a connection does that breaks, and closes nothing.
        """
        sender = asyncio.create_task(self._sender.run(), name="send")
        self._plan_ack()
        self._watch_silence()
        self._start_timer = self._loop.call_later(
            self._timeouts.start_timeout_s, self._expect_session
        )
        try:
            if query is not None:
                with self._reporting():
                    self._open(parse_start_query(query))
            receiver = asyncio.create_task(self._receive(), name="receive")
            # The sender ends last: with the close that the receiver or the session asked for.
            await asyncio.wait({sender, receiver}, return_when=asyncio.FIRST_COMPLETED)
            if not sender.done() and not self._is_closing:
                sender.cancel()  # the client has gone
            with contextlib.suppress(asyncio.CancelledError):
                await sender
            receiver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await receiver
        finally:
            self._go(Stage.GONE)
            self._progress.set()
            sender.cancel()
            if self._ending is not None:
                self._ending.cancel()
            for timer in (self._ack_timer, self._idle_timer, self._start_timer):
                if timer is not None:
                    timer.cancel()
            if self._hosted is not None:
                code = self._socket.close_received
                self._opening.sessions.leave(
                    self._hosted,
                    self,
                    for_good=self._for_good or code == 1000,
                    # A page that is left or loaded anew says 1001: it has lost its session's token.
                    keeps_name=code != 1001,
                )

    def take_audio(self, data: bytes) -> bool:
        """Take a frame of audio that has just come; False where it has to wait for the receiver, or is
        too large to be taken at once.

        Waking the receiver for each frame costs more than the frame.
        """
        if self._stage is not _SERVING:
            return self._stage is not _DRAINING  # which keeps no silence
        if self._hosted is None or not self._room.is_set() or len(data) > AT_ONCE_BYTES:
            return False
        self._heard_at = self._loop.time()
        with self._reporting():
            self._take_audio(data)
        return True

    def on_ping(self) -> None:
        """See Receiver. It says nothing: a client that has no audio for long is told so."""

    async def pause(self, within_s: float) -> None:
        """Return when nothing is being said, or after so long."""
        hosted = self._hosted
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._listens and hosted is not None and hosted.session.is_open:
                    self._progress.clear()
                    await self._progress.wait()

    async def drain(self, within_s: float) -> None:
        """The server stops: let the open utterance finish, then close with 1001.

        Audio that comes now is not taken: the client has it, and sends it to whoever serves it next.
        Cancelled, it takes no more audio, and stays open.
        """
        hosted = self._hosted
        if hosted is not None and not hosted.session.ended and not self._is_closing:
            self._go(Stage.DRAINING)
            hosted.say("draining", "The server is stopping; it finishes what has been said so far.")
            await self._finish_utterances(hosted, within_s)
            self._say_ack()
        self._close(1001, "the server is stopping")

    async def _finish_utterances(self, hosted: HostedSession, within_s: float) -> None:
        """Have all answered that was said by now."""
        hosted.break_off()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not hosted.idle and self._stage is not Stage.GONE:
                    self._progress.clear()
                    await self._progress.wait()

    def explain(self, code: int, close: Callable[[], object]) -> bool:
        """Say why the transport layer closes with this code, then `close`; False where it need not
        wait.

        What was said before is answered first. Nothing is received any more.
        """
        error = _TRANSPORT_ERRORS.get(code)
        if error is None or self._is_closing:
            return False
        self._sender.close_by(close)
        if self._stage is not Stage.ENDING:
            self._end_with(error)
        return True

    # -- what the session calls -----------------------------------------------------------------

    def post(self, message: ServerMessage) -> None:
        """See Link."""
        self._sender.send(message)

    def fail(self, error: WireError) -> None:
        """See Link."""
        self._mistakes += 1
        if self._mistakes > MAX_MISTAKES and error.close_code is None:
            error = TooManyMistakes("Too many invalid messages; see the protocol.")
        if error.close_code is None:
            self._tell(error)
        elif isinstance(error, _ANSWERED_FIRST):
            if self._listens:
                self._end_with(error)
        else:
            self._end(error)

    def _end_with(self, error: WireError) -> None:
        """Answer what was said, and end."""
        hosted = self._hosted
        if hosted is None or hosted.link is not self:
            self._end(error)
            return
        self._for_good |= not isinstance(error, IdleTimeout) or hosted.is_unheard
        if self._for_good:
            hosted.finish_container()
        if hosted.idle:
            self._end(error)
        else:
            self._go(Stage.ENDING)
            self._ending = asyncio.create_task(self._answer_and_end(hosted, error), name="end")

    async def _answer_and_end(self, hosted: HostedSession, error: WireError) -> None:
        await self._finish_utterances(hosted, ANSWER_S)
        self._end(error)

    def _end(self, error: WireError) -> None:
        """Say why, and close."""
        assert error.close_code is not None
        if not self._is_closing:
            self._tell(error)
            self._for_good |= not isinstance(error, IdleTimeout)
            self._close(error.close_code, error.code)

    def _tell(self, error: WireError) -> None:
        # One a connection, and not one for each of many small mistakes: a log can be flooded too.
        say = self._log.debug if error.close_code is None else self._log.info
        say("error sent", code=error.code, message=str(error))
        message = self._error_message(error)
        if error.close_code is None and self._hosted is not None:
            self._hosted.post(message)
        else:
            self.post(message)  # what ends this connection is of no concern to the next one

    def on_progress(self) -> None:
        """See Link."""
        if self._is_closing:
            return
        self._progress.set()
        self._make_room()
        if self._hosted is not None and self._hosted.session.ended:
            self._close(1000, "")

    @property
    def is_behind(self) -> bool:
        """See Link."""
        return self._socket.has_input

    @property
    def held_bytes(self) -> int:
        """See Link."""
        return self._sender.held_bytes

    def on_taken_over(self) -> None:
        """See Link."""
        self._sender.clear()  # the session has kept it for the other one
        self.fail(ResumedElsewhere("Another connection has taken over this session."))

    # -- receiving ------------------------------------------------------------------------------

    async def _receive(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = await self._socket.recv()
                if self._is_closing:  # another connection may have the session by now
                    return
                self._in_turn = True
                await self._socket.in_turn(self._steps(frame), self._room)
                self._in_turn = False
                # Frames that are there already come without a pause: let the others have a turn.
                await asyncio.sleep(0)
                await self._room.wait()

    def _steps(self, frame: str | bytes) -> Iterator[Callable[[], object]]:
        """What there is to do for a frame. The rest of one with a mistake is left out."""
        if isinstance(frame, str):
            yield partial(self._work_on, partial(self._take_text, frame))
            return
        mistakes = self._mistakes
        size = PIECE_BYTES if len(frame) > AT_ONCE_BYTES else AT_ONCE_BYTES
        for begin in range(0, len(frame) or 1, size):
            if self._mistakes > mistakes:
                return
            piece = frame[begin : begin + size]
            yield partial(self._work_on, partial(self._take_audio, piece, goes_on=begin > 0))

    def _work_on(self, take: Callable[[], object]) -> None:
        if self._hosted is None and self._socket.is_lost:
            return  # a session for nobody, or one that somebody else has resumed meanwhile
        if self._listens:
            self._heard_at = self._loop.time()
            with self._reporting():
                take()

    def _watch_silence(self) -> None:
        """End a connection that says nothing. One timer that looks back, not one for each frame."""
        now = self._loop.time()
        stopping = self._hosted is not None and self._hosted.session.stopping
        if not self._room.is_set() or stopping or self._in_turn:
            self._heard_at = now  # we do not read, or it is the client that waits
        left_s = self._heard_at + self._timeouts.idle_timeout_s - now
        if left_s > 0:
            self._idle_timer = self._loop.call_later(left_s, self._watch_silence)
        elif not self._is_closing:
            seconds = f"{self._timeouts.idle_timeout_s:g}"
            self.fail(
                IdleTimeout(
                    f"Nothing was received for {seconds} s; send audio or close the connection."
                )
            )

    def _expect_session(self) -> None:
        """End a connection that has none by now, whatever it has said."""
        if self._hosted is not None or self._is_closing:
            return
        if self._in_turn:
            self._start_timer = self._loop.call_later(BEHIND_S, self._expect_session)
        else:
            seconds = f"{self._timeouts.start_timeout_s:g}"
            self.fail(IdleTimeout(f"No `start` arrived within {seconds} s."))

    def make_way(self) -> None:
        """Others have come, and this one has no session yet."""
        self.fail(Busy("Other clients are waiting; send `start` as soon as you are connected."))

    def _take_text(self, text: str) -> None:
        if len(text) > MAX_TEXT:
            raise FrameTooLarge("This text message is too large; send audio in binary frames.")
        self._handle(parse_client_message(text.encode()))

    def _take_audio(self, data: bytes, *, goes_on: bool = False) -> None:
        """Take a frame, or where it `goes_on`, another piece of one."""
        hosted = self._hosted or self._open(Start())
        if self._stage is not _DRAINING:
            hosted.receive_audio(data, goes_on=goes_on)
            self._make_room()

    def _handle(self, message: ClientMessage) -> None:
        match message:
            case Start():
                if self._hosted is not None:
                    raise BadMessage("The session has already started; use `update` to change it.")
                self._open(message)
                return
            case Resume(session=session, token=token, last_seq=last_seq):
                if self._hosted is not None:
                    raise BadMessage("`resume` must be the first message of a connection.")
                self._hosted = self._opening.sessions.resume(session, token, last_seq, self)
                self._log = self._sender.log = log.bind(session=session)
                self._on_session(self)
                self.on_progress()
                return
        hosted = self._hosted or self._open(Start())
        match message:
            case Update():
                hosted.update(message)
            case Flush():
                hosted.flush()
            case Discard():
                hosted.discard()
            case Stop():
                hosted.stop()
        self._make_room()  # in a container they wait for their place

    def _open(self, start: Start) -> HostedSession:
        hosted = self._hosted = self._opening.open(start, self, self._errors_before_start)
        self._on_session(self)
        self._log = self._sender.log = log.bind(session=hosted.id)
        self._log.info("session opened", encoding=start.encoding, rate=start.sample_rate)
        return hosted

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """Turn what goes wrong in the block into an `error`, and a close where it is fatal."""
        try:
            yield
        except WireError as error:
            self.fail(error)
        except Exception:
            self._log.exception("internal error")
            self.fail(InternalError())

    def _make_room(self) -> None:
        """Stop reading, or read again, by how much audio is unanswered."""
        if self._hosted is None:  # it is being opened, and says how the service is
            return
        full = self._hosted.full
        if full == self._room.is_set():
            if full:
                self._room.clear()
            else:
                self._room.set()
                self._heard_at = self._loop.time()

    def _error_message(self, error: WireError) -> Error:
        fatal = error.close_code is not None
        if self._hosted is None:
            self._errors_before_start += 1
            return Error(
                seq=self._errors_before_start, code=error.code, message=str(error), fatal=fatal
            )
        counted = not isinstance(error, IdleTimeout | ResumedElsewhere)
        return self._hosted.make_error(error.code, str(error), fatal=fatal, counted=counted)

    def _close(self, code: int, reason: str) -> None:
        """Close once everything that waits has been sent."""
        if not self._is_closing:
            self._go(Stage.CLOSING)
            self._sender.close(code, reason)
        self._room.set()

    # -- acknowledging --------------------------------------------------------------------------

    def _acknowledge(self) -> None:
        """Also where nothing is new: it tells the client that somebody is there."""
        self._plan_ack()
        if not self._is_closing:
            self._say_ack()

    def _plan_ack(self) -> None:
        """In about a second, together with others: a wake-up for each would cost more than its ack."""
        steps = math.floor((self._loop.time() + ACK_INTERVAL_S) / ACK_STEP_S)
        self._ack_timer = self._loop.call_at(steps * ACK_STEP_S, self._acknowledge)

    def _say_ack(self) -> None:
        if self._hosted is not None:
            self.post(self._hosted.ack())


_ANSWERED_FIRST = (BadAudio, BadText, FrameTooLarge, IdleTimeout, TooManyMistakes)
"""After these what was said is answered before the connection ends."""

_TRANSPORT_ERRORS: dict[int, WireError] = {
    1007: BadText("A text frame is not valid UTF-8; send audio in binary frames."),
    1009: FrameTooLarge("A frame is too large; send audio in frames of about 100 ms."),
}
