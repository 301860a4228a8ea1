"""One connection to a server: make it, hear from it, and tell why it cannot be or has ended."""

import asyncio
import contextlib
import random
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidMessage,
    InvalidStatus,
    WebSocketException,
)
from websockets.typing import Subprotocol

from surtitle.errors import SurtitleError
from surtitle.messages import SUBPROTOCOL

SILENT_SERVER_S = 15.0
"""A server that says nothing for so long is taken for gone; it acknowledges once a second, and tells
viewers how their channel is."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
"""Between attempts to connect: doubled from one to the other, less up to half at random, so that the
clients of a server that comes back do not come all at once."""
CLOSE_S = 2.0
"""Time for a server to take leave of us; one that is frozen never does."""
_COME_BACK = {None, 1001, 1006, 1011, 1012, 1013, 1014, 4408}
"""Close codes after which it makes sense to connect again; None is a connection that broke, 4408 one on
which nothing was sent for long."""
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss", "": "ws"}


class ClientError(SurtitleError):
    """The server cannot be reached, refuses, or has ended the session with an error."""


class Broken(Exception):
    """The connection has gone, or cannot be made now; trying again makes sense."""


class Disconnected(Struct, tag="disconnected", frozen=True):
    """The connection broke; it is being set up again."""

    reason: str


async def dial(url: str, key: str | None) -> ClientConnection:
    """Connect. Raises Broken where it may help to try again, else ClientError."""
    try:
        return await websocket_connect(
            url,
            additional_headers={} if key is None else {"Authorization": f"Bearer {key}"},
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            # A server that reads slowly on purpose (back-pressure) answers pings late.
            ping_timeout=None,
        )
    except InvalidStatus as error:
        kind = Broken if error.response.status_code in (429, 502, 503, 504) else ClientError
        raise kind(_why_refused(url, error)) from error
    except (OSError, TimeoutError, InvalidMessage) as error:  # cut in the handshake, too
        raise Broken(f"Cannot reach a Surtitle server at {url}: {error}.") from error
    # ValueError: an address that is none, perhaps one that we were sent on to.
    except (WebSocketException, ValueError) as error:
        raise ClientError(f"Cannot reach a Surtitle server at {url}: {error}.") from error


async def receive(socket: ClientConnection) -> str | bytes:
    """The next message. Raises Broken and ClientError as `dial` does."""
    try:
        async with asyncio.timeout(SILENT_SERVER_S):
            return await socket.recv()
    except TimeoutError:
        socket.transport.abort()
        raise Broken("The server does not answer any more.") from None
    except ConnectionClosed as closed:
        if (None if closed.rcvd is None else closed.rcvd.code) in _COME_BACK:
            raise Broken(why_closed(closed)) from closed
        raise ClientError(why_closed(closed)) from closed


async def hang_up(socket: ClientConnection) -> None:
    """Close the connection; it is cut where that takes long."""
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await socket.close()
    finally:
        socket.transport.abort()


class Patience:
    """When to connect again after a break, and when to give up.

    Both count from the last connection that was of use: one that is made and breaks at once, time and
    again, helps nobody.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self.renew()

    def renew(self) -> None:
        """The connection is of use."""
        self._wait_s = FIRST_WAIT_S
        self._deadline: float | None = None

    async def wait(self, reason: str) -> None:
        """Wait for the next attempt. Raises ClientError with the reason where there is none."""
        now = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = now + self._patience_s
        elif now > self._deadline:
            raise ClientError(f"{reason} Gave up after {self._patience_s:.0f} s.")
        await asyncio.sleep(self._wait_s * random.uniform(0.5, 1))
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)


def endpoint(url: str, path: str) -> str:
    """The address of an endpoint from a server's address. Raises ClientError."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:  # brackets that do not match, a port that is no number, a..b
        usable = False
    if not usable:
        raise ClientError(f"{url!r} is not a server's address; write ws://HOST:PORT.")
    base = parts.path.rstrip("/")
    whole = base if base.endswith(path) else base + path
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, whole, parts.query, ""))


def why_closed(closed: ConnectionClosed) -> str:
    """What to say of a connection that has ended."""
    frame = closed.rcvd
    if frame is None:
        return "The connection to the server broke."
    return f"The server closed the connection ({frame.code} {frame.reason})."


def _why_refused(url: str, error: InvalidStatus) -> str:
    status = error.response.status_code
    body = bytes(error.response.body or b"").decode(errors="replace").strip()[:200]
    return f"The server at {url} refused the session (HTTP {status}): {body}"
