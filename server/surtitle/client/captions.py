"""One stream of audio, over as many connections as it takes.

When a connection breaks the client connects again and resumes the session: nothing is lost and nothing
comes twice. A server that was restarted gets a new session, from the first byte that was not answered.
Times and utterance numbers are those of the whole stream. Meanwhile audio is kept.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from enum import Enum

from msgspec import DecodeError, Struct
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from surtitle.client.dialing import (
    Broken,
    ClientError,
    Disconnected,
    Patience,
    dial,
    endpoint,
    hang_up,
    make_affinity,
    no_protocol,
    receive,
    why_closed,
)
from surtitle.client.inbox import Inbox, superseded_by
from surtitle.client.outbox import Command, Outbox, Silence
from surtitle.client.timeline import Timeline, bytes_before, bytes_per_second, silence
from surtitle.messages import (
    Ack,
    ClientMessage,
    Discard,
    Ended,
    Error,
    Failed,
    Final,
    Flush,
    Ready,
    Resume,
    Resumed,
    ServerMessage,
    Start,
    Stop,
    Suppressed,
    Update,
    format_message,
    parse_server_message,
    updated,
)

CAPTIONS_PATH = "/v1/captions"
PATIENCE_S = 120.0
"""How long a server that is gone is tried again before the stream fails."""
KEEP_S = 120.0
"""Unanswered audio that is kept to be sent again."""
KEEP_CONTAINER_BYTES = 64 << 20
"""The same of a container, of which nothing is answered before its end. While there is a connection,
what was sent makes way for more."""
PIECE_BYTES = 1 << 16
"""Audio that is sent in one frame; a server takes frames of up to 1 MiB."""
UNSENT_BYTES = 1 << 20
"""Audio that may wait for a server that reads slowly before `send` waits too."""


class Gap(Struct, tag="gap", frozen=True):
    """Audio that was lost: more was offered during a disconnection than is kept."""

    start_ms: int
    end_ms: int


Event = ServerMessage | Disconnected | Gap


class State(Enum):
    """How a session stands."""

    CONNECTING = "connecting"
    """There was no connection yet."""
    OPEN = "open"
    AWAY = "away"
    """The connection broke, and is being set up again; what is sent meanwhile is kept."""
    ENDED = "ended"
    """Nothing is sent any more: after `ended`, an error, or `close`."""


_NEXT = {
    State.CONNECTING: {State.OPEN},
    State.OPEN: {State.AWAY, State.ENDED},
    State.AWAY: {State.OPEN, State.ENDED},
    State.ENDED: set[State](),
}


class _Unknown(Exception):
    """The server does not have the session any more."""


class Captions(AsyncIterator[Event]):
    """An open session. Iterate over it for events; it ends after `ended`.

    A loop that falls behind skips partials and acknowledgements that newer ones have replaced, and
    nothing else. If two loops iterate, each event goes to one of them.
    """

    def __init__(self, url: str, start: Start, key: str | None, patience_s: float) -> None:
        self._url = url
        self._key = key
        self._affinity = make_affinity(start.channel)
        self._start = start
        self._comes_back = patience_s > 0
        self._patience = Patience(patience_s)
        self._rate = bytes_per_second(start)
        self._frame_bytes = 1 if self._rate is None else self._rate // start.sample_rate
        self._keep_bytes = (
            KEEP_CONTAINER_BYTES if self._rate is None else round(self._rate * KEEP_S)
        )
        self._outbox = Outbox(self._keep_bytes)
        self._timeline = Timeline()
        self._state = State.CONNECTING
        self._socket: ClientConnection | None = None  # the newest
        self._ready: Ready | None = None
        self._token = ""
        self._last_seq = 0
        self._news = asyncio.Event()  # there is something to send
        self._room = asyncio.Event()  # `send` may look again whether it has to wait
        # Without a bound: who sends everything before it iterates must not be waited for here.
        self._events: Inbox[Event] = Inbox(superseded_by)
        self._error: Exception | None = None  # why it has ended before its end
        self._is_stopped = False  # nothing more is said
        self._task: asyncio.Task[None] | None = None
        self._feeding: asyncio.Task[None] | None = None  # with the source of `caption`
        self._source_error: Exception | None = None  # why that broke off

    @property
    def ready(self) -> Ready:
        """The server's greeting: session id, model, languages."""
        assert self._ready is not None, "not connected yet"
        return self._ready

    @property
    def state(self) -> State:
        """How the session stands now."""
        return self._state

    def caption(
        self, audio: AsyncIterable[bytes] | Iterable[bytes], *, live: bool = False
    ) -> AsyncIterator[Event]:
        """Send this audio and then `stop`; returns the events meanwhile, up to and including `ended`.

        The audio is bytes in the declared encoding. Audio of a `live` source, which cannot wait,
        goes through `offer`, any other through `send`. It is read until its end or that of the session;
        leaving the loop early does not stop it: leave the `async with` block, too.

        Raises ClientError as the loop over a session does, and what the source raises, after the last
        caption. Can be called once in a session; raises RuntimeError otherwise.
        """
        self._check()
        if self._feeding is not None:
            raise RuntimeError("The session already has a source.")
        self._feeding = asyncio.create_task(self._feed(audio, live), name="source")
        return self

    async def send(self, audio: bytes) -> None:
        """Send audio in the declared encoding. Nothing of it is lost.

        Waits where the server reads more slowly, and while KEEP_S of audio are not answered: also when
        the connection is away, until it is back. For a source that cannot wait there is `offer`.

        Of a container the newest KEEP_CONTAINER_BYTES are kept. One that is longer cannot be sent to a
        server that has lost the session: then ClientError is raised.

        If it is cancelled, it has not taken the audio. Raises ClientError when the session has ended,
        and after `stop`.
        """
        await asyncio.sleep(0)  # a caller that never waits lets other tasks run
        self._check()
        while self._is_full():
            self._room.clear()
            await self._room.wait()
            self._check()
        self._add(audio)
        if self._rate is None and self._state is State.OPEN:
            self._outbox.drop_oldest(sent=True)

    def offer(self, audio: bytes) -> None:
        """Send audio of a live source, which cannot wait.

        The newest KEEP_S of unanswered audio are kept. If more comes while the connection is away, the
        oldest is lost and reported as a `Gap`; a container cannot go on then. Raises ClientError as
        `send` does.
        """
        self._check()
        self._add(audio)
        self._outbox.drop_oldest()

    async def flush(self) -> None:
        """End the open utterance now. Raises ClientError as `send` does."""
        self._command(Flush())

    async def discard(self) -> None:
        """Throw away the open utterance: `suppressed` answers it. Raises ClientError as `send` does."""
        self._command(Discard())

    async def update(self, update: Update) -> None:
        """Change language, hotwords and so on from the next utterance on.

        Raises ClientError as `send` does.
        """
        self._command(update)

    async def stop(self) -> None:
        """Say that no more audio comes; go on iterating until `ended`. Calling it again has no effect.

        Raises ClientError when the session has ended before its end.
        """
        if not self._is_stopped:
            self._command(Stop())
            self._is_stopped = True

    async def __anext__(self) -> Event:
        """The next event, up to and including `ended`. Safe to cancel: no event is lost.

        Raises ClientError on a fatal `error`, and when the server cannot be reached any more.
        """
        return await anext(self._events)

    # -- inside ---------------------------------------------------------------------------------

    def _is_full(self) -> bool:
        """Whether `send` has to wait."""
        if self._state is State.OPEN:
            if self._outbox.unsent > min(UNSENT_BYTES, self._keep_bytes // 2):
                return True
            if self._rate is None:
                return False
        return self._outbox.is_full

    def _add(self, audio: bytes) -> None:
        if audio:
            self._outbox.add_audio(bytes(audio))
            self._news.set()

    async def _feed(self, audio: AsyncIterable[bytes] | Iterable[bytes], live: bool) -> None:
        try:
            async with contextlib.aclosing(_each(audio)) as pieces:
                async for piece in pieces:
                    try:
                        await self._take(piece, live)
                    except ClientError:  # the loop over the session says so
                        return
        except Exception as error:
            self._source_error = error
        with contextlib.suppress(ClientError):
            await self.stop()

    async def _take(self, piece: bytes, live: bool) -> None:
        if live:
            self.offer(piece)
        else:
            await self.send(piece)

    def _check(self) -> None:
        if self._state is State.ENDED:
            raise self._error or ClientError("The session has ended.", "closed")
        if self._is_stopped:
            raise ClientError("Nothing can be sent after `stop`.", "stopped")

    def _command(self, command: Command) -> None:
        self._check()
        self._outbox.add_command(command)
        self._news.set()

    def _enter(self, state: State) -> None:
        assert state in _NEXT[self._state], f"{self._state} -> {state}"
        self._state = state
        self._room.set()

    async def open(self) -> None:
        """Connect and begin a session. Raises ClientError."""
        try:
            self._socket = await self._begin()
        except Broken as broken:
            raise broken.for_good() from broken
        self._enter(State.OPEN)
        self._task = asyncio.create_task(self._run(self._socket), name="captions")

    async def close(self) -> None:
        """End the connection, whatever is still to come. Loops over the events end."""
        self._finish(None)
        if self._task is not None:
            self._task.cancel()
        if tasks := {task for task in (self._task, self._feeding) if task is not None}:
            await asyncio.wait(tasks)
        if self._socket is not None:  # the task may not have begun
            await hang_up(self._socket)

    def _finish(self, error: Exception | None) -> None:
        """Nobody waits for anything any more. What comes first says how it has ended."""
        if self._state is not State.ENDED:
            self._enter(State.ENDED)
            self._error = error
            self._events.end(error)
            if self._feeding is not None:
                self._feeding.cancel()

    async def _run(self, socket: ClientConnection) -> None:
        """Serve connection after connection until the session has ended."""
        error: Exception | None = None
        try:
            while (broken := await self._converse(socket)) is not None:
                if not self._comes_back:
                    raise broken.for_good() from broken
                self._enter(State.AWAY)
                self._events.put(Disconnected(str(broken)))
                self._socket = socket = await self._come_back(broken)
                self._enter(State.OPEN)
            error = self._source_error
        except Exception as raised:  # also a mistake of ours: nobody may wait for what never comes
            error = raised
        finally:
            self._finish(error)

    async def _converse(self, socket: ClientConnection) -> Broken | None:
        """Send and receive on one connection until `ended`, or until it breaks. Raises ClientError."""
        sending = asyncio.create_task(self._send_all(socket))
        try:
            await self._receive_all(socket)
        except Broken as broken:
            return broken
        finally:
            sending.cancel()
            await hang_up(socket)
            await asyncio.wait({sending})
            if not sending.cancelled():
                sending.result()
        return None

    async def _receive_all(self, socket: ClientConnection) -> None:
        """Take what comes until `ended`. Raises Broken and ClientError."""
        passing: Error | None = None  # why the server is about to close; the session is kept
        while True:
            try:
                message = await self._receive(socket)
            except Broken as broken:
                if passing is None:
                    raise
                raise Broken(passing.message, passing.code) from broken
            match message:
                case None:
                    continue
                case Ack():
                    self._on_ack(message)
                case Error(fatal=True, code="busy" | "idle"):
                    passing = message
                    if message.code == "idle":
                        self._patience.renew()  # a connection without sound was of use, too
                    continue
                case Error(fatal=True):
                    raise ClientError(message.message, message.code)
                case Ready() | Resumed():
                    pass  # greetings are taken where they are waited for
                case _:
                    self._last_seq = message.seq
            if self._timeline.is_repeated(message):
                continue
            self._events.put(self._timeline.place(message))
            if isinstance(message, Final | Suppressed | Failed):
                self._answered_up_to(message.end_ms)
            elif isinstance(message, Ended):
                return

    async def _receive(self, socket: ClientConnection) -> ServerMessage | None:
        """The next message; None for one that this client does not know."""
        data = await receive(socket)
        try:
            return parse_server_message(data)
        except DecodeError as error:
            raise no_protocol() from error

    def _on_ack(self, ack: Ack) -> None:
        self._patience.renew()  # this connection is of use
        self._forget_before(ack.safe)
        self._room.set()

    def _answered_up_to(self, session_ms: int) -> None:
        """An answer says the same as the `ack` to come: a new session must not answer this again."""
        if self._rate is not None:
            self._forget_before(bytes_before(session_ms, self._rate, self._frame_bytes))

    def _forget_before(self, byte: int) -> None:
        """The session's audio before this byte of it is answered."""
        answered = min(self._timeline.begin_byte + byte, self._outbox.sent)
        self._passed(self._outbox.forget_before(answered))

    def _passed(self, commands: Iterable[Command]) -> None:
        """These will not be sent again: a new session begins with what they have changed."""
        for command in commands:
            if isinstance(command, Update):
                self._start = updated(self._start, command)

    async def _send_all(self, socket: ClientConnection) -> None:
        try:
            while True:
                self._tell_gap()
                piece = self._outbox.take(PIECE_BYTES)
                match piece:
                    case None:
                        self._news.clear()
                        await self._news.wait()
                        continue
                    case bytes():
                        await socket.send(piece)
                    case Silence(length):
                        await socket.send(silence(self._start, length))
                    case command:
                        await socket.send(format_message(command))
                self._room.set()
        except ConnectionClosed:
            pass  # the receiver finds out why
        except Exception:
            socket.transport.abort()  # so that the receiver ends, too
            raise

    def _tell_gap(self) -> None:
        """Tell of the audio that is not kept any more though it is needed."""
        if (gap := self._outbox.take_gap()) is not None:
            if self._rate is None:
                raise _not_kept()
            start, end = gap
            self._events.put(Gap(start * 1000 // self._rate, end * 1000 // self._rate))

    # -- connecting -----------------------------------------------------------------------------

    async def _begin(self) -> ClientConnection:
        """A connection with a new session, from the first byte that is not answered.

        Pieces may end anywhere, and so may what was dropped: what is missing of a sample is silence.
        """
        self._outbox.go_back(self._outbox.safe)
        self._tell_gap()
        start = self._outbox.start
        self._passed(self._outbox.forget_before(start))
        byte = start - start % self._frame_bytes
        socket, ready = await self._greet(self._start)
        if not isinstance(ready, Ready):
            await hang_up(socket)
            raise no_protocol()
        if self._rate is None:
            self._timeline.start_over()  # of a container nothing is forgotten
        else:
            self._timeline.go_on(byte, self._rate)
        self._outbox.go_back(byte)
        self._ready, self._token, self._last_seq = ready, ready.token, ready.seq
        return socket

    async def _resume(self) -> ClientConnection:
        """A connection with the same session, or with a new one where that is lost."""
        assert self._ready is not None
        resume = Resume(session=self._ready.session, token=self._token, last_seq=self._last_seq)
        try:
            socket, resumed = await self._greet(resume)
        except _Unknown:
            socket = await self._begin()
            self._events.put(self.ready)
            return socket
        if not isinstance(resumed, Resumed):
            await hang_up(socket)
            raise no_protocol()
        self._token = resumed.token or self._token
        byte = self._timeline.begin_byte + resumed.received
        if self._rate is None and byte < self._outbox.start:
            await hang_up(socket)
            raise _not_kept()
        self._outbox.go_back(byte)
        self._events.put(resumed)
        return socket

    async def _come_back(self, broken: Broken) -> ClientConnection:
        """Connect again, sooner or later. Raises ClientError once patience is at its end."""
        while True:
            await self._patience.wait(broken)
            try:
                return await self._resume()
            except Broken as again:
                broken = again

    async def _greet(self, message: ClientMessage) -> tuple[ClientConnection, ServerMessage | None]:
        """A connection, and what the server says to the first message on it.

        Raises Broken where it may help to try again, _Unknown for a session that is lost.
        """
        socket = await dial(self._url, self._key, self._affinity)
        try:
            await socket.send(format_message(message))
            answer = await self._receive(socket)
        except ConnectionClosed as closed:
            raise why_closed(closed) from closed
        except BaseException:
            await hang_up(socket)
            raise
        if isinstance(answer, Error) and answer.fatal:
            await hang_up(socket)
            if answer.code == "unknown_session":
                raise _Unknown
            if answer.code == "busy":
                raise Broken(answer.message, answer.code)
            raise ClientError(answer.message, answer.code)
        return socket, answer


class connect(contextlib.AbstractAsyncContextManager[Captions]):
    """Open a session: `async with connect(url, start) as captions`.

    `url` is ws://, wss://, http:// or https:// with host and port; the path is added. `key` is for a
    server that asks for one. Raises ClientError where the server cannot be reached or refuses the
    session. Later on, a server that is gone is tried again for `patience_s`; with 0 a connection that
    breaks is the end.
    """

    def __init__(
        self,
        url: str,
        start: Start | None = None,
        *,
        key: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._captions = Captions(endpoint(url, CAPTIONS_PATH), start or Start(), key, patience_s)

    async def __aenter__(self) -> Captions:
        """Connect, send `start` and wait for `ready`."""
        await self._captions.open()
        return self._captions

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the connection."""
        await self._captions.close()


async def _each(audio: AsyncIterable[bytes] | Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    if isinstance(audio, AsyncIterable):
        async for piece in audio:
            yield piece
    else:
        for piece in audio:
            yield piece


def _not_kept() -> ClientError:
    return ClientError(
        "The server needs an earlier part of the container again, which is no longer kept, and a "
        "container cannot be continued from the middle.",
        "lost",
    )
