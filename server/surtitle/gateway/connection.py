"""One socket <-> one session: receive, pump, send.

After every input (a frame, speech probabilities, a result) the connection pumps the session once:
jobs go to the engine, messages to the outbox, windows to the voice-activity ticker. One task
receives, one sends, one acknowledges; the session itself is only touched on the event loop.

A client that reads slowly first misses partials, and is cut off when it does not take a message
within `send_timeout_s`. One that sends faster than it can be answered is read more slowly.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ParamSpec, Protocol

import numpy as np
import structlog
from msgspec import structs
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed

from surtitle.captioning.cues import Layout
from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.captioning.session import CaptionSession
from surtitle.engine.supervisor import Engine
from surtitle.errors import (
    BadMessage,
    BadStart,
    BadText,
    FrameTooLarge,
    IdleTimeout,
    InternalError,
    TooManyMistakes,
    UnknownSession,
    WireError,
)
from surtitle.gateway.live import LiveCaptions
from surtitle.jobs import Result
from surtitle.messages import (
    Ack,
    ClientMessage,
    Error,
    Final,
    Flush,
    Partial,
    Resume,
    ServerMessage,
    ServiceState,
    Start,
    Stop,
    Update,
    format_message,
    parse_client_message,
    parse_start_query,
)
from surtitle.vad import VadClient

log = structlog.get_logger("surtitle.connection")

P = ParamSpec("P")
Query = Mapping[str, Sequence[str]]

ACK_INTERVAL_S = 1.0
PARTIALS_WHILE_QUEUED = 8
"""Messages that may wait for a slow reader before partials are skipped."""
MAX_MISTAKES = 50
"""Errors that are not fatal before a client is taken for a broken one."""
CLOSE_TIMEOUT_S = 2.0
"""How long a client may take to answer our close before the transport is cut."""


class Socket(Protocol):
    """What a connection needs of a WebSocket."""

    async def recv(self) -> str | bytes:
        """The next frame. Raises ConnectionClosed."""
        ...

    def send_now(self, message: str) -> bool:
        """Send a text frame where the client keeps up with reading; False where it does not."""
        ...

    async def send(self, message: str) -> None:
        """Send a text frame, and wait for a client that is behind. Raises ConnectionClosed."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with the handshake."""
        ...

    def abort(self) -> None:
        """Cut the transport."""
        ...


class Ticker(Protocol):
    """What a connection needs of the voice-activity ticker."""

    def request(self, client: VadClient) -> None:
        """The client may have windows to score."""
        ...

    def forget(self, client: VadClient) -> None:
        """The client has gone."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Limits of a connection; see Settings for each."""

    endpointing: EndpointingOptions
    layout: Layout
    language: str
    idle_timeout_s: float
    send_timeout_s: float
    max_backlog_s: float
    partial_window_ms: int


class Connection:
    """Serves one client until its socket is closed."""

    def __init__(
        self,
        session_id: str,
        socket: Socket,
        engine: Engine,
        ticker: Ticker,
        options: ConnectionOptions,
    ) -> None:
        self.id = session_id
        self.live = LiveCaptions(options.layout)
        """The captions, for those who follow them over HTTP."""
        self._socket = socket
        self._engine = engine
        self._ticker = ticker
        self._options = options
        self._session: CaptionSession | None = None
        self._errors_before_start = 0
        self._mistakes = 0  # errors sent
        self._outbox: deque[ServerMessage] = deque()
        self._outbox_filled = asyncio.Event()
        self._gone = False  # the socket is closed
        self._progress = asyncio.Event()  # the session was pumped, or the socket has gone
        self._room = asyncio.Event()  # the session may take more audio
        self._room.set()
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()  # when the newest frame came
        self._idle_timer: asyncio.TimerHandle | None = None
        self._ack_timer: asyncio.TimerHandle | None = None
        self._acknowledged: Ack | None = None
        self._closing: tuple[int, str] | None = None  # close code and reason, once all is sent
        self._log = log.bind(session=session_id)

    # -- what others call -----------------------------------------------------------------------

    async def run(self, query: Query | None) -> None:
        """Serve until the end. `query` holds the fields of `start` in the query string, if any."""
        sender = asyncio.create_task(self._send(), name=f"send-{self.id}")
        self._ack_timer = self._loop.call_later(ACK_INTERVAL_S, self._acknowledge)
        self._watch_silence()
        try:
            if query is not None:
                self._guarded(self._open_from_query, query)
            receiver = asyncio.create_task(self._receive(), name=f"receive-{self.id}")
            # The sender ends last: with the close that the receiver or the session asked for.
            await asyncio.wait({sender, receiver}, return_when=asyncio.FIRST_COMPLETED)
            if not sender.done() and self._closing is None:
                sender.cancel()  # the client has gone
            with contextlib.suppress(asyncio.CancelledError):
                await sender
            receiver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await receiver
        finally:
            self._gone = True
            self._progress.set()
            self.live.close()
            sender.cancel()
            for timer in (self._ack_timer, self._idle_timer):
                if timer is not None:
                    timer.cancel()
            self._ticker.forget(self)
            self._engine.discard_session(self.id)
            if self._session is not None:
                self._session.close()

    def take_audio(self, data: bytes) -> bool:
        """Take a frame of audio that has just come; False where it has to wait for the receiver.

        Waking the receiver for each frame costs more than the frame.
        """
        if self._session is None or self._closing is not None or not self._room.is_set():
            return False
        self._heard_at = self._loop.time()
        self._guarded(self._take_audio, data)
        return True

    def take_windows(self, limit: int) -> NDArray[np.int16]:
        """See VadClient."""
        assert self._session is not None
        return self._session.take_windows(limit)

    def receive_probabilities(self, probabilities: list[float], levels: list[float]) -> None:
        """See VadClient."""
        assert self._session is not None
        self._guarded(self._session.receive_probabilities, probabilities, levels)
        self._pump()

    def say(self, state: ServiceState, message: str) -> None:
        """Tell the client how the service is."""
        if self._session is not None and not self._session.ended:
            self._session.say(state, message)
            self._pump()

    async def drain(self, within_s: float) -> None:
        """The server stops: let the open utterance finish, then close with 1001."""
        session = self._session
        if session is not None and not session.ended and self._closing is None:
            session.say("draining", "The server is stopping; what was said so far is finished.")
            session.flush()
            self._pump()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    while not session.idle and not self._gone:
                        self._progress.clear()
                        await self._progress.wait()
        self._close(1001, "the server is stopping")

    def last_words(self, code: int) -> str | None:
        """The `error` to send before the transport layer closes by itself with this code."""
        error = _TRANSPORT_ERRORS.get(code)
        return None if error is None else format_message(self._error_message(error))

    # -- receiving ------------------------------------------------------------------------------

    async def _receive(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while self._closing is None:
                frame = await self._socket.recv()
                self._heard_at = self._loop.time()
                self._guarded(self._take, frame)
                # Frames that are there already come without a pause: let the others have a turn.
                await asyncio.sleep(0)
                await self._room.wait()

    def _watch_silence(self) -> None:
        """End a connection that says nothing. One timer that looks back, not one for each frame."""
        now = self._loop.time()
        if not self._room.is_set() or (self._session is not None and self._session.stopping):
            self._heard_at = now  # we do not read, or it is the client that waits
        left_s = self._heard_at + self._options.idle_timeout_s - now
        if left_s > 0:
            self._idle_timer = self._loop.call_later(left_s, self._watch_silence)
        elif self._closing is None:
            seconds = f"{self._options.idle_timeout_s:g}"
            self._fail(IdleTimeout(f"Nothing was received for {seconds} s; send audio or close."))

    def _take(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            if self._session is None:
                self._open(Start())
            self._take_audio(frame)
        else:
            self._handle(parse_client_message(frame.encode()))
            self._pump()
            self._ticker.request(self)  # `stop` fills the last window

    def _take_audio(self, data: bytes) -> None:
        assert self._session is not None
        self._session.receive_audio(data)  # what follows from it comes with its probabilities
        self._ticker.request(self)
        self._make_room()

    def _handle(self, message: ClientMessage) -> None:
        if isinstance(message, Start):
            if self._session is not None:
                raise BadMessage("The session has started already; use `update` for changes.")
            self._open(message)
            return
        if isinstance(message, Resume):
            if self._session is not None:
                raise BadMessage("`resume` must be the first message of a connection.")
            raise UnknownSession("This session is unknown or has expired; open a new one.")
        session = self._session or self._open(Start())
        match message:
            case Update():
                try:
                    session.update(message)
                except BadStart as error:  # what is spoken goes on as before
                    raise BadMessage(str(error)) from error
            case Flush():
                session.flush()
            case Stop():
                session.stop()

    def _open_from_query(self, query: Query) -> None:
        self._open(parse_start_query(query))

    def _open(self, start: Start) -> CaptionSession:
        model = self._engine.model
        assert model is not None, "admitted before the engine was ready"
        if start.language is None:
            # A server for one language with a model for another: the model's own is meant.
            known = self._options.language.split("-")[0] in (*model.languages, "auto")
            start = structs.replace(start, language=self._options.language if known else "auto")
        session = CaptionSession(
            self.id,
            start,
            self._options.endpointing,
            model,
            self._errors_before_start,
            partial_window_ms=self._options.partial_window_ms,
        )
        self._session = session
        session.greet(token="", resume_window_s=0)
        if start.channel is not None:
            text = "This server does not publish channels; captions go to this connection only."
            self._fail(BadMessage(text))
        self._log.info("session opened", encoding=start.encoding, rate=start.sample_rate)
        self._pump()
        return session

    def _guarded(self, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call, and turn what goes wrong into an `error`, and a close where it is fatal."""
        try:
            call(*args, **kwargs)
        except WireError as error:
            self._fail(error)
        except Exception:
            self._log.exception("internal error")
            self._fail(InternalError("The server made a mistake; its log says more."))

    # -- pumping --------------------------------------------------------------------------------

    def _pump(self) -> None:
        session = self._session
        if session is None or self._closing is not None:
            return
        for job in session.cancelled():
            self._engine.cancel(job)
        for job in session.jobs():
            self._engine.submit(job, self._on_result)
        for message in session.messages():
            self._post(message)
            if isinstance(message, Final):
                self.live.add(message)
        self._progress.set()
        self._make_room()
        if session.ended:
            self._close(1000, "")

    def _make_room(self) -> None:
        """Stop reading, or read again, by how much audio is unanswered."""
        assert self._session is not None
        full = self._session.unanswered_s > self._options.max_backlog_s
        if full == self._room.is_set():
            if full:
                self._room.clear()
            else:
                self._room.set()
                self._heard_at = self._loop.time()

    def _on_result(self, result: Result) -> None:
        if self._session is not None:
            self._guarded(self._session.receive_result, result)
            self._pump()

    def _fail(self, error: WireError) -> None:
        self._mistakes += 1
        if self._mistakes > MAX_MISTAKES and error.close_code is None:
            error = TooManyMistakes("Too many messages that cannot be used; see the protocol.")
        self._pump()  # what came up before the error leaves before it
        self._log.info("error sent", code=error.code, message=str(error))
        self._post(self._error_message(error))
        if error.close_code is not None:
            self._close(error.close_code, error.code)

    def _error_message(self, error: WireError) -> Error:
        fatal = error.close_code is not None
        if self._session is None:
            self._errors_before_start += 1
            return Error(
                seq=self._errors_before_start, code=error.code, message=str(error), fatal=fatal
            )
        return self._session.make_error(error.code, str(error), fatal=fatal)

    def _close(self, code: int, reason: str) -> None:
        """Close once everything in the outbox has been sent."""
        if self._closing is None:
            self._closing = (code, reason)
        self._room.set()
        self._outbox_filled.set()

    def _post(self, message: ServerMessage) -> None:
        # To wake the sender for each message costs more than the message.
        if not self._outbox and self._socket.send_now(format_message(message)):
            return
        if len(self._outbox) >= PARTIALS_WHILE_QUEUED:
            self._outbox = deque(m for m in self._outbox if not isinstance(m, Partial))
        self._outbox.append(message)
        self._outbox_filled.set()

    # -- sending --------------------------------------------------------------------------------

    async def _send(self) -> None:
        try:
            while self._outbox or self._closing is None:
                self._outbox_filled.clear()
                while self._outbox:
                    text = format_message(self._outbox.popleft())
                    async with asyncio.timeout(self._options.send_timeout_s):
                        await self._socket.send(text)
                if self._closing is None:
                    await self._outbox_filled.wait()
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._socket.close(*self._closing)
        except TimeoutError:
            self._log.info("client does not read; cut off")
            self._socket.abort()
        except ConnectionClosed:
            pass

    def _acknowledge(self) -> None:
        self._ack_timer = self._loop.call_later(ACK_INTERVAL_S, self._acknowledge)
        if self._session is not None and self._closing is None:
            ack = self._session.ack()
            if ack != self._acknowledged:
                self._post(ack)
                self._acknowledged = ack


_TRANSPORT_ERRORS: dict[int, WireError] = {
    1007: BadText("A text frame is not UTF-8; audio goes in binary frames."),
    1009: FrameTooLarge("A frame is too large; send audio in frames of about 100 ms."),
}
