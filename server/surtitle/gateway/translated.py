"""A WebSocket of another service's client: its dialect translates, and sessions do the work.

What a connection of our own protocol does for its client, this does too: it reads no faster than it can
answer, answers what was said before it ends, and skips what a slow reader would get too late. Nobody
comes back to such a session: what is lost with the connection is not asked for again.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import structlog
from websockets.exceptions import ConnectionClosed

from surtitle.errors import BadAudio, Busy, IdleTimeout, InternalError, TooManyMistakes, WireError
from surtitle.gateway.connection import ANSWER_S, AT_ONCE_BYTES, MAX_MISTAKES, PIECE_BYTES, Timeouts
from surtitle.gateway.dialects.dialect import (
    Action,
    Actions,
    Audio,
    Change,
    Close,
    Dialect,
    Discard,
    Flush,
    Open,
    Say,
    Stop,
)
from surtitle.gateway.hosted import HostedSession
from surtitle.gateway.opening import Opening
from surtitle.gateway.sender import Sender, Socket
from surtitle.gateway.stage import Stage, next_stage
from surtitle.gateway.unsent import Unsent
from surtitle.messages import ServerMessage

log = structlog.get_logger("surtitle.connection")

MAX_OWED = 32
"""Answers that a dialect may owe, before its client is not read: each takes a twentieth of a
millisecond, and all may come in one turn of the loop."""
LOOK_AGAIN_S = 60.0
"""How soon silence is looked at again, where a dialect bears it for ever."""

_SERVING = Stage.SERVING


class TranslatedConnection:
    """Serves one client until its socket is closed."""

    def __init__(
        self,
        socket: Socket,
        dialect: Dialect,
        opening: Opening,
        timeouts: Timeouts,
    ) -> None:
        self.on_session: Callable[[int], object] = lambda more: None
        """Called when it has one more session, or one less (-1)."""
        self._socket = socket
        self._dialect = dialect
        self._opening = opening
        unsent = Unsent[Say](lambda waiting, new: waiting.skippable, lambda said: len(said.frame))
        self._sender = Sender(socket, unsent, lambda said: said.frame, timeouts.send_timeout_s)
        self._links: list[_ChannelLink] = []
        self._mistakes = 0
        self._stage = Stage.SERVING
        self._in_turn = False  # a frame waits for its turn
        self._room = asyncio.Event()  # the sessions may take more audio
        self._room.set()
        self._progress = asyncio.Event()  # the sessions have gone on, or the socket has gone
        self._ending: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()  # when the newest frame came
        self._idle_timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Serve until the end."""
        sender = asyncio.create_task(self._sender.run(), name="send")
        self._watch_silence()
        try:
            receiver = asyncio.create_task(self._receive(), name="receive")
            # The sender ends last: with the close that somebody has asked for.
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
            if self._idle_timer is not None:
                self._idle_timer.cancel()
            for link in self._links:
                self._opening.sessions.leave(link.hosted, link, for_good=True)

    # -- see Receiver ---------------------------------------------------------------------------

    def take_audio(self, data: bytes) -> bool:
        """See Receiver."""
        if self._stage is not _SERVING:
            return self._stage is not Stage.DRAINING
        if (
            not self._links
            or not self._room.is_set()
            or len(data) * len(self._links) > AT_ONCE_BYTES
        ):
            return False
        self._heard_at = self._loop.time()
        with self._reporting():
            self._do(self._dialect.take_bytes(data))
            self._make_room()
        return True

    def on_ping(self) -> None:
        """See Receiver."""
        if self._dialect.hears_pings:
            self._heard_at = self._loop.time()

    def explain(self, code: int, close: Callable[[], object]) -> bool:
        """See Receiver. Their clients look at the code alone."""
        return False

    # -- what others call -----------------------------------------------------------------------

    async def pause(self, within_s: float) -> None:
        """Return when nothing is being said, or after so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._stage is _SERVING and self._is_open:
                    self._progress.clear()
                    await self._progress.wait()

    async def drain(self, within_s: float) -> None:
        """The server stops: let the open utterances finish, then close with 1001."""
        if self._links and not self._is_closing:
            self._go(Stage.DRAINING)
            await self._answer_all(within_s)
        if not self._is_closing:
            with self._reporting():
                self._do(self._dialect.leave())
        self._close(Close(1001, "the server is stopping"))

    def make_way(self) -> None:
        """Others have come, and this one has no session yet."""
        self.fail(Busy("Other clients are waiting; connect again when there is audio."))

    # -- what the sessions call -----------------------------------------------------------------

    def on_message(self, message: ServerMessage, channel: int) -> None:
        """A session says something."""
        if self._is_closing:
            return
        with self._reporting():
            self._do(self._dialect.tell(message, channel))

    def on_progress(self) -> None:
        """A session has gone on."""
        self._progress.set()
        if self._stage is _SERVING:
            self._make_room()

    def fail(self, error: WireError) -> None:
        """Something went wrong, here or in a session."""
        if self._is_closing:
            return
        if self._stage is Stage.ENDING:
            if isinstance(error, BadAudio):  # that is why nothing more came
                self._end(error)
            return
        self._mistakes += 1
        if self._mistakes > MAX_MISTAKES and error.close_code is None:
            error = TooManyMistakes("Too many invalid messages.")
        say = log.debug if error.close_code is None else log.info
        say("error sent", code=error.code, message=str(error))
        if error.close_code is None:
            self._do(self._dialect.fail(error))
        elif self._links and not isinstance(error, InternalError | Busy):
            self._go(Stage.ENDING)
            self._ending = asyncio.create_task(self._answer_and_end(error), name="end")
        else:
            self._end(error)

    async def _answer_and_end(self, error: WireError) -> None:
        for link in self._links:
            link.hosted.finish_container()
        await self._answer_all(ANSWER_S)
        self._end(error)

    async def _answer_all(self, within_s: float) -> None:
        """Have all answered that was said by now."""
        for link in self._links:
            link.hosted.break_off()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._stage is not Stage.GONE and not self._are_idle:
                    self._progress.clear()
                    await self._progress.wait()

    @property
    def _is_open(self) -> bool:
        return any(link.hosted.session.is_open for link in self._links)

    @property
    def _are_idle(self) -> bool:
        return all(link.hosted.idle or link.hosted.session.ended for link in self._links)

    def _end(self, error: WireError) -> None:
        self._do(self._dialect.fail(error))
        self._close(Close(1011, error.code))  # where the dialect has not closed

    # -- receiving ------------------------------------------------------------------------------

    async def _receive(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._socket.in_turn(self._steps(self._dialect.begin()), self._room)
            while True:
                # A frame may have 20 MB: what is made of it goes on without it.
                heard = self._heard(await self._socket.recv())
                if self._is_closing:
                    return
                self._in_turn = True
                await self._socket.in_turn(self._steps(heard), self._room)
                self._in_turn = False
                # Frames that are there already come without a pause: let the others have a turn.
                await asyncio.sleep(0)
                await self._room.wait()

    def _steps(self, heard: Actions) -> Iterator[Callable[[], object]]:
        """What there is to do for a frame: a turn for each piece of audio in it."""
        work, is_done = self._work(heard), False

        def go_on() -> None:
            nonlocal is_done
            is_done = True
            for _ in work:  # up to the next piece
                is_done = False
                return

        while not is_done and self._listens:
            yield partial(self._work_on, go_on)

    def _work(self, heard: Actions) -> Iterator[None]:
        """Do what a frame asks for, with a stop before more audio is taken than a turn may."""
        left_bytes = PIECE_BYTES
        for action in heard:
            for piece in _pieces(action):
                if isinstance(piece, Audio):
                    if len(piece.data) > left_bytes:
                        yield
                        left_bytes = PIECE_BYTES
                    left_bytes -= len(piece.data)
                self._do((piece,))

    def _heard(self, frame: str | bytes) -> Actions:
        if isinstance(frame, str):
            return self._dialect.take_text(frame)
        return self._dialect.take_bytes(frame)

    def _work_on(self, take: Callable[[], object]) -> None:
        if self._listens:
            self._heard_at = self._loop.time()
            with self._reporting():
                take()
                self._make_room()

    def _watch_silence(self) -> None:
        """End a connection that says nothing. One timer that looks back, not one for each frame."""
        now = self._loop.time()
        if not self._room.is_set() or self._in_turn or self._is_stopping:
            self._heard_at = now
        left_s = self._heard_at + self._dialect.idle_timeout_s - now
        if left_s > 0:
            wait_s = min(left_s, LOOK_AGAIN_S)
            self._idle_timer = self._loop.call_later(wait_s, self._watch_silence)
        else:
            self.fail(IdleTimeout("Nothing was received for too long."))

    # -- doing ----------------------------------------------------------------------------------

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Say():
                    if not self._is_closing:
                        self._sender.send(action)
                case Open(start, channel):
                    for ended in self._links[channel:]:  # another one follows
                        self._opening.sessions.leave(ended.hosted, ended, for_good=True)
                        self.on_session(-1)
                    del self._links[channel:]
                    link = _ChannelLink(self, channel)
                    link.hosted = self._opening.open(start, link)
                    self._links.append(link)
                    self.on_session(1)
                    if channel == 0:
                        self._sender.log = log.bind(session=link.hosted.id)
                case Audio(data, channel):
                    self._links[channel].hosted.receive_audio(data)
                case Change(update):
                    for link in self._links:
                        link.hosted.update(update)
                case Flush(number):
                    for link in self._links if number is None else (self._links[number],):
                        link.hosted.flush()
                case Discard():
                    for link in self._links:
                        link.hosted.discard()
                case Stop():
                    for link in self._links:
                        link.hosted.stop()
                case Close():
                    self._close(action)

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """Turn what goes wrong in the block into what the dialect says of it."""
        try:
            yield
        except WireError as error:
            self.fail(error)
        except Exception:
            log.exception("internal error")
            self.fail(InternalError())

    def _make_room(self) -> None:
        """Stop reading, or read again, by how much is unanswered."""
        full = self._dialect.owed > MAX_OWED or any(link.hosted.full for link in self._links)
        if full == self._room.is_set():
            if full:
                self._room.clear()
            else:
                self._room.set()
                self._heard_at = self._loop.time()

    @property
    def _listens(self) -> bool:
        """Whether frames are taken."""
        return self._stage is _SERVING and not self._socket.is_lost

    @property
    def has_input(self) -> bool:
        """Whether something has come that was not worked on yet."""
        return self._socket.has_input

    @property
    def held_bytes(self) -> int:
        """Size of the frames that wait for the client to read them."""
        return self._sender.held_bytes

    @property
    def _is_stopping(self) -> bool:
        return any(
            link.hosted.session.stopping and not link.hosted.session.ended for link in self._links
        )

    @property
    def _is_closing(self) -> bool:
        return self._stage is Stage.CLOSING or self._stage is Stage.GONE

    def _go(self, wanted: Stage) -> None:
        self._stage = next_stage(self._stage, wanted)

    def _close(self, close: Close) -> None:
        if not self._is_closing:
            self._go(Stage.CLOSING)
            self._sender.close(close.code, close.reason)
        self._room.set()


class _ChannelLink:
    """One channel's session with the connection, see Link."""

    hosted: HostedSession

    def __init__(self, connection: TranslatedConnection, channel: int) -> None:
        self._connection = connection
        self._channel = channel

    def post(self, message: ServerMessage) -> None:
        """See Link."""
        self._connection.on_message(message, self._channel)

    def fail(self, error: WireError) -> None:
        """See Link."""
        self._connection.fail(error)

    def on_progress(self) -> None:
        """See Link."""
        self._connection.on_progress()

    def on_taken_over(self) -> None:
        """See Link: nobody is given its token."""

    @property
    def is_behind(self) -> bool:
        """See Link."""
        return self._connection.has_input

    @property
    def held_bytes(self) -> int:
        """See Link: what all channels have together counts for the first."""
        return self._connection.held_bytes if self._channel == 0 else 0


def _pieces(action: Action) -> Iterator[Action]:
    """The same in pieces, each of which takes no longer than a turn may."""
    if not isinstance(action, Audio) or len(action.data) <= PIECE_BYTES:
        yield action
        return
    for begin in range(0, len(action.data), PIECE_BYTES):
        yield Audio(action.data[begin : begin + PIECE_BYTES], action.channel)
