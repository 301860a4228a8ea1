"""One connection to a server: make it, hear from it, and tell why it cannot be or has ended."""

import asyncio
import random
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
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
_COME_BACK = {None, 1001, 1006, 1011, 1012, 1013, 1014}
"""Close codes after which it makes sense to connect again; None is a connection that broke."""
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
    except (InvalidHandshake, InvalidURI) as error:
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


def waits_s() -> Iterator[float]:
    """How long to wait before each attempt to connect again."""
    wait_s = FIRST_WAIT_S
    while True:
        yield wait_s * random.uniform(0.5, 1)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def endpoint(url: str, path: str) -> str:
    """The address of an endpoint from a server's address. Raises ClientError."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is no number
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
