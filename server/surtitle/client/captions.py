"""One stream of audio, over as many connections as it takes.

When a connection breaks the client connects again and resumes the session: nothing is lost and nothing
comes twice. A server that was restarted gets a new session, from the first byte that was not answered.
Times and utterance numbers are those of the whole stream. Meanwhile `send` goes on taking audio.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from msgspec import DecodeError, Struct, structs
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
    receive,
    why_closed,
)
from surtitle.client.outbox import Audio, Command, Outbox
from surtitle.client.timeline import Timeline, bytes_before, bytes_per_second, silence
from surtitle.messages import (
    Ack,
    ClientMessage,
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
)

CAPTIONS_PATH = "/v1/captions"
PATIENCE_S = 120.0
"""How long a server that is gone is tried again before the stream fails."""
KEEP_S = 120.0
"""Unanswered audio that is kept to be sent again; more is dropped, and told as a `Gap`."""
KEEP_CONTAINER_BYTES = 64 << 20
"""The same of a container, of which nothing can be dropped: then `send` waits."""
UNSENT_BYTES = 1 << 20
"""Audio that may wait for a server that reads slowly before `send` waits too."""


class Gap(Struct, tag="gap", frozen=True):
    """Audio that was lost: more came during a disconnection than is kept."""

    start_ms: int
    end_ms: int


Event = ServerMessage | Disconnected | Gap


class _Unknown(Exception):
    """The server does not have the session any more."""


class Captions:
    """An open session. Iterate over it for events; it ends after `ended`."""

    def __init__(self, url: str, start: Start, key: str | None, patience_s: float) -> None:
        self._url = url
        self._key = key
        self._start = start
        self._comes_back = patience_s > 0
        self._patience = Patience(patience_s)
        self._rate = bytes_per_second(start)
        self._outbox = Outbox(None if self._rate is None else round(self._rate * KEEP_S))
        self._timeline = Timeline()
        self._socket: ClientConnection | None = None
        self._ready: Ready | None = None
        self._token = ""
        self._last_seq = 0
        self._next_item = 0  # number of the item of the outbox to be sent next
        self._next_byte = 0  # of the stream, what the server has been sent up to
        self._gaps_told_to = 0  # what was lost up to this byte has been told
        self._news = asyncio.Event()  # there is something to send
        self._room = asyncio.Event()  # `send` may look again whether it has to wait
        # Without a bound: who sends everything before it iterates must not be waited for here.
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._over = False
        self._error: Exception | None = None  # why it is over before its end
        self._task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> Ready:
        """The server's greeting: session id, model, languages."""
        assert self._ready is not None, "not connected yet"
        return self._ready

    @property
    def connected(self) -> bool:
        """Whether there is a connection now; without one, audio is kept until there is."""
        return self._socket is not None

    async def send(self, audio: bytes) -> None:
        """Send audio in the declared encoding; waits where the server reads more slowly.

        Raises ClientError when the stream has failed.
        """
        self._check()
        if audio:
            self._outbox.add_audio(bytes(audio))
            self._news.set()
        while self._is_full():
            self._room.clear()
            await self._room.wait()
            self._check()

    async def flush(self) -> None:
        """End the open utterance now."""
        self._command(Flush())

    async def update(self, update: Update) -> None:
        """Change language, hotwords and so on from the next utterance on."""
        self._command(update)

    async def stop(self) -> None:
        """Say that no more audio comes; go on iterating until `ended`."""
        self._command(Stop())

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Every event up to and including `ended`.

        Raises ClientError on a fatal `error`, and when the server cannot be reached any more.
        """
        while (event := await self._events.get()) is not None:
            yield event
        self._events.put_nowait(None)  # for who iterates once more
        if self._error is not None:
            raise self._error

    # -- inside ---------------------------------------------------------------------------------

    def _is_full(self) -> bool:
        """Whether `send` has to wait. A microphone does not while the server is away."""
        if self._rate is None and self._outbox.end - self._outbox.start > KEEP_CONTAINER_BYTES:
            return True
        most = UNSENT_BYTES if self._rate is None else min(UNSENT_BYTES, self._rate * KEEP_S / 2)
        return self._socket is not None and self._outbox.end - self._next_byte > most

    def _check(self) -> None:
        if self._over:
            raise self._error or ClientError("The session has ended.")

    def _command(self, command: Command) -> None:
        self._check()
        self._outbox.add_command(command)
        self._news.set()

    async def open(self) -> None:
        """Connect and begin a session. Raises ClientError."""
        try:
            self._socket = await self._begin()
        except Broken as broken:
            raise ClientError(str(broken)) from broken
        self._task = asyncio.create_task(self._run(self._socket), name="captions")

    async def close(self) -> None:
        """End the connection, whatever is still to come."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._socket is not None:  # the task had not begun
            await hang_up(self._socket)

    async def _run(self, socket: ClientConnection | None) -> None:
        """Serve connection after connection until the session has ended."""
        try:
            while socket is not None:
                try:
                    await self._converse(socket)
                    socket = None
                except Broken as broken:
                    if not self._comes_back:
                        raise ClientError(str(broken)) from broken
                    self._events.put_nowait(Disconnected(str(broken)))
                    socket = await self._come_back(str(broken))
        except Exception as error:  # also a mistake of ours: nobody may wait for what never comes
            self._error = error
        finally:
            self._over = True
            self._room.set()
            self._events.put_nowait(None)

    async def _converse(self, socket: ClientConnection) -> None:
        """Send and receive on one connection until `ended`. Raises Broken and ClientError."""
        self._socket = socket
        sending = asyncio.create_task(self._send_all(socket))
        try:
            await self._receive_all(socket)
        finally:
            self._socket = None
            self._room.set()  # nobody waits for a server that is gone
            sending.cancel()
            await hang_up(socket)
            await asyncio.wait({sending})
            if not sending.cancelled():
                sending.result()

    async def _receive_all(self, socket: ClientConnection) -> None:
        while True:
            message = await self._receive(socket)
            match message:
                case None:
                    continue
                case Ack():
                    self._on_ack(message)
                case Error(code="busy", fatal=True):  # for now
                    raise Broken(message.message)
                case Error(code="idle", fatal=True) if self._comes_back:
                    self._patience.renew()  # a connection without sound was of use, too
                    raise Broken(message.message)
                case Error(fatal=True):
                    raise ClientError(message.message)
                case Ready() | Resumed():
                    pass  # greetings are taken where they are waited for
                case _:
                    self._last_seq = message.seq
            if self._timeline.is_repeated(message):
                continue
            self._events.put_nowait(self._timeline.place(message))
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
            raise ClientError("The server does not speak Surtitle's protocol.") from error

    def _on_ack(self, ack: Ack) -> None:
        self._patience.renew()  # this connection is of use
        self._passed(self._outbox.forget_before(self._timeline.begin_byte + ack.safe))
        self._room.set()

    def _answered_up_to(self, session_ms: int) -> None:
        """An answer says the same as the `ack` to come: a new session must not answer this again."""
        if self._rate is not None:
            byte = bytes_before(session_ms, self._rate, self._rate // self._start.sample_rate)
            self._passed(self._outbox.forget_before(self._timeline.begin_byte + byte))

    def _passed(self, commands: Iterable[Command]) -> None:
        """These will not be sent again: a new session begins with what they have changed."""
        for command in commands:
            if isinstance(command, Update):
                self._start = _updated(self._start, command)

    async def _send_all(self, socket: ClientConnection) -> None:
        try:
            while True:
                self._tell_gap(self._next_byte)
                item = self._outbox.next(self._next_item)
                if item is None:
                    self._news.clear()
                    await self._news.wait()
                elif item.start > self._next_byte:
                    await self._send_silence(socket, item.start)
                else:
                    if isinstance(item, Audio):
                        await socket.send(item.data[self._next_byte - item.start :])
                    else:
                        await socket.send(format_message(item.command))
                    self._next_item, self._next_byte = item.number + 1, item.end
                    self._room.set()
        except ConnectionClosed:
            pass  # the receiver finds out why
        except Exception:
            socket.transport.abort()  # so that the receiver ends, too
            raise

    async def _send_silence(self, socket: ClientConnection, end: int) -> None:
        """A second at most, for audio that is not kept any more: times after it stay right."""
        assert self._rate is not None, "nothing of a container is dropped"
        length = min(end - self._next_byte, self._rate)
        await socket.send(silence(self._start, length))
        self._next_byte += length

    def _tell_gap(self, byte: int) -> None:
        """Tell of the audio from this byte on that is not kept any more though it is needed."""
        start, end = max(byte, self._gaps_told_to), self._outbox.start
        if start < end:
            assert self._rate is not None, "nothing of a container is dropped"
            self._gaps_told_to = end
            gap = Gap(start * 1000 // self._rate, end * 1000 // self._rate)
            self._events.put_nowait(gap)

    # -- connecting -----------------------------------------------------------------------------

    async def _begin(self) -> ClientConnection:
        """A connection with a new session, from the first byte that is not answered."""
        self._tell_gap(self._outbox.safe)
        byte = self._outbox.start
        self._passed(self._outbox.forget_before(byte))
        socket, ready = await self._greet(self._start)
        if not isinstance(ready, Ready):
            await hang_up(socket)
            raise ClientError(f"The server at {self._url} does not speak Surtitle's protocol.")
        if self._rate is None:
            self._timeline.start_over()  # of a container nothing is forgotten
        else:
            self._timeline.go_on(byte, self._rate)
        self._next_item, self._next_byte = self._outbox.number_at(byte), byte
        self._ready, self._token, self._last_seq = ready, ready.token, ready.seq
        return socket

    async def _resume(self) -> ClientConnection:
        """A connection with the same session, or with a new one where that is lost."""
        assert self._ready is not None
        resume = Resume(session=self._ready.session, token=self._token, last_seq=self._last_seq)
        try:
            socket, resumed = await self._greet(resume)
        except _Unknown:
            if self._rate is None and self._outbox.start:
                raise ClientError(
                    "The server has lost the session, and a container cannot go on in the middle."
                ) from None
            socket = await self._begin()
            self._events.put_nowait(self.ready)
            return socket
        if not isinstance(resumed, Resumed):
            await hang_up(socket)
            raise ClientError(f"The server at {self._url} does not speak Surtitle's protocol.")
        self._token = resumed.token or self._token
        byte = self._timeline.begin_byte + resumed.received
        self._next_item, self._next_byte = self._outbox.number_at(byte), byte
        self._events.put_nowait(resumed)
        return socket

    async def _come_back(self, reason: str) -> ClientConnection:
        """Connect again, sooner or later. Raises ClientError once patience is at its end."""
        while True:
            await self._patience.wait(reason)
            try:
                return await self._resume()
            except Broken as broken:
                reason = str(broken)

    async def _greet(self, message: ClientMessage) -> tuple[ClientConnection, ServerMessage | None]:
        """A connection, and what the server says to the first message on it.

        Raises Broken where it may help to try again, _Unknown for a session that is lost.
        """
        socket = await dial(self._url, self._key)
        try:
            await socket.send(format_message(message))
            answer = await self._receive(socket)
        except ConnectionClosed as closed:
            raise Broken(why_closed(closed)) from closed
        except BaseException:
            await hang_up(socket)
            raise
        if isinstance(answer, Error) and answer.fatal:
            await hang_up(socket)
            if answer.code == "unknown_session":
                raise _Unknown
            if answer.code == "busy":
                raise Broken(answer.message)
            raise ClientError(answer.message)
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


def _updated(start: Start, update: Update) -> Start:
    """What a session begins with after an `update`."""
    changes = {
        name: value
        for name in update.__struct_fields__
        if (value := getattr(update, name)) is not None
    }
    return structs.replace(start, **changes)
