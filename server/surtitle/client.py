"""The Python client: audio in, typed messages out.

async with connect("ws://127.0.0.1:8765", Start(language="en")) as captions:
    async def feed():
        async for pcm in microphone():      # bytes in the declared encoding
            await captions.send(pcm)
        await captions.stop()

    feeding = asyncio.create_task(feed())
    async for message in captions:          # until `ended`
        if isinstance(message, Final):
            print(message.text)
"""

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

from msgspec import DecodeError
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from surtitle.errors import SurtitleError
from surtitle.messages import (
    SUBPROTOCOL,
    ClientMessage,
    Ended,
    Error,
    Flush,
    Ready,
    ServerMessage,
    Start,
    Stop,
    Update,
    format_message,
    parse_server_message,
)

CAPTIONS_PATH = "/v1/captions"
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss", "": "ws"}


class ClientError(SurtitleError):
    """The server cannot be reached, refuses, or has ended the session with an error."""


class Captions:
    """An open session. Iterate over it for messages; it ends after `ended`."""

    def __init__(self, socket: ClientConnection, ready: Ready) -> None:
        self._socket = socket
        self.ready = ready
        """The server's greeting: session id, model, languages."""

    async def send(self, audio: bytes) -> None:
        """Send audio in the declared encoding; waits where the server reads more slowly.

        Raises ClientError when the connection is gone.
        """
        try:
            await self._socket.send(audio)
        except ConnectionClosed as closed:
            raise ClientError(_why_closed(closed)) from closed

    async def flush(self) -> None:
        """End the open utterance now."""
        await self._command(Flush())

    async def update(self, update: Update) -> None:
        """Change language, hotwords and so on from the next utterance on."""
        await self._command(update)

    async def stop(self) -> None:
        """Say that no more audio comes; go on iterating until `ended`."""
        await self._command(Stop())

    async def __aiter__(self) -> AsyncIterator[ServerMessage]:
        """Every message up to and including `ended`.

        Raises ClientError on a fatal `error` and when the connection breaks.
        """
        while True:
            message = await _receive(self._socket)
            if isinstance(message, Error) and message.fatal:
                raise ClientError(message.message)
            if message is not None:
                yield message
            if isinstance(message, Ended):
                return

    async def _command(self, message: ClientMessage) -> None:
        try:
            await self._socket.send(format_message(message))
        except ConnectionClosed as closed:
            raise ClientError(_why_closed(closed)) from closed


class connect(contextlib.AbstractAsyncContextManager[Captions]):
    """Open a session: `async with connect(url, start) as captions`.

    `url` is ws://, wss://, http:// or https:// with host and port; the path is added. Raises
    ClientError where the server cannot be reached or refuses the session.
    """

    def __init__(self, url: str, start: Start | None = None) -> None:
        self._url = captions_url(url)
        self._start = start or Start()
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Captions:
        """Connect, send `start` and wait for `ready`."""
        try:
            self._socket = await websocket_connect(
                self._url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                # A server that reads slowly on purpose (back-pressure) answers pings late.
                ping_timeout=None,
            )
        except InvalidStatus as error:
            raise ClientError(_why_refused(self._url, error)) from error
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
            raise ClientError(f"Cannot reach a Surtitle server at {self._url}: {error}.") from error
        try:
            await self._socket.send(format_message(self._start))
            message = await _receive(self._socket)
        except BaseException:
            await self._socket.close()
            raise
        if isinstance(message, Ready):
            return Captions(self._socket, message)
        await self._socket.close()
        if isinstance(message, Error):
            raise ClientError(message.message)
        raise ClientError(f"The server at {self._url} does not speak Surtitle's protocol.")

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the connection."""
        assert self._socket is not None
        await self._socket.close()


async def _receive(socket: ClientConnection) -> ServerMessage | None:
    try:
        return parse_server_message(await socket.recv())
    except ConnectionClosed as closed:
        raise ClientError(_why_closed(closed)) from closed
    except DecodeError as error:
        raise ClientError("The server does not speak Surtitle's protocol.") from error


def captions_url(url: str) -> str:
    """The address of the captions endpoint from a server's address. Raises ClientError."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is no number
        usable = False
    if not usable:
        raise ClientError(f"{url!r} is not a server's address; write ws://HOST:PORT.")
    path = parts.path.rstrip("/")
    if not path.endswith(CAPTIONS_PATH):
        path += CAPTIONS_PATH
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, parts.query, ""))


def _why_refused(url: str, error: InvalidStatus) -> str:
    status = error.response.status_code
    body = bytes(error.response.body or b"").decode(errors="replace").strip()[:200]
    return f"The server at {url} refused the session (HTTP {status}): {body}"


def _why_closed(closed: ConnectionClosed) -> str:
    frame = closed.rcvd
    if frame is None:
        return "The connection to the server broke."
    return f"The server closed the connection ({frame.code} {frame.reason})."
