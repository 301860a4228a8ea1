"""One connection to a server: make it, hear from it, and tell why it cannot be or has ended."""

import asyncio
import contextlib
import ipaddress
import random
import secrets
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from msgspec import Struct
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidMessage,
    InvalidProxyStatus,
    InvalidStatus,
    ProxyError,
    WebSocketException,
)
from websockets.typing import Subprotocol

from surtitle.client.reasons import unreachable, why_refused
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
BROKE = 1006
"""Stands for the close code of a connection that ended without one (RFC 6455, 7.4.1)."""
AFFINITY_BYTES = 9
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss", "": "ws"}


class ClientError(SurtitleError):
    """The connection, the session or the source of the audio has failed.

    `code` is for programs. It is that of the server's `error`; else "unreachable" or "refused" (no
    connection), "closed_NNNN" (the server closed it, without an error), "closed" (it was left here),
    "stopped" (something was sent after the stop), "lost" (a container that cannot go on),
    "bad_address", "not_found", "not_readable", "not_writable", "interrupted" (a file or a microphone),
    "no_package".
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Broken(Exception):
    """The connection has gone, or cannot be made now; trying again makes sense."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    def for_good(self, advice: str = "") -> ClientError:
        """What is raised where nobody tries again."""
        return ClientError(f"{self}{advice}", self.code)


class Disconnected(Struct, tag="disconnected", frozen=True):
    """The connection broke; it is being set up again."""

    reason: str


def refusal_passes(status: int) -> bool:
    """Whether it makes sense to connect again after a handshake refused with this status of HTTP.

    A server is full, starting or stopping; or what stands before it has nobody behind it for now.
    """
    return status == 429 or 500 <= status <= 599


def close_passes(code: int) -> bool:
    """The same after a connection that was closed with this code, or that broke.

    4408 is one on which nothing was sent for long: the session is kept.
    """
    return code in {1001, BROKE, 1011, 1012, 1013, 1014, 4408}


async def dial(url: str, key: str | None, affinity: str = "") -> ClientConnection:
    """Connect. Raises Broken where it may help to try again, else ClientError.

    By its `affinity`, a balancer takes a client to the same one of several servers again.
    """
    try:
        return await websocket_connect(
            _with_affinity(url, affinity),
            additional_headers={} if key is None else {"Authorization": f"Bearer {key}"},
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            proxy=None if _is_loopback(urlsplit(url).hostname) else True,
            # A server that reads slowly on purpose (back-pressure) answers pings late.
            ping_timeout=None,
        )
    except InvalidStatus as error:
        kind = Broken if refusal_passes(error.response.status_code) else ClientError
        raise kind(why_refused(url, error.response), "refused") from error
    except ProxyError as error:
        status = error.response.status_code if isinstance(error, InvalidProxyStatus) else None
        kind = Broken if status is None or refusal_passes(status) else ClientError
        sentence = f"The proxy could not connect to {url}: {error}."
        raise kind(sentence, "unreachable") from error
    except ImportError as error:
        raise ClientError(
            "The server is reached through a SOCKS proxy, which needs one more package: pip "
            "install 'python-socks[asyncio]'. Or list the server in the variable no_proxy.",
            "no_package",
        ) from error
    except (OSError, TimeoutError, InvalidMessage) as error:  # cut in the handshake, too
        raise Broken(unreachable(url, error), "unreachable") from error
    # ValueError: an address that is none, perhaps one that we were sent on to.
    except (WebSocketException, ValueError) as error:
        raise ClientError(unreachable(url, error), "unreachable") from error


async def receive(socket: ClientConnection) -> str | bytes:
    """The next message. Raises Broken and ClientError as `dial` does."""
    try:
        async with asyncio.timeout(SILENT_SERVER_S):
            return await socket.recv()
    except TimeoutError:
        socket.transport.abort()
        raise Broken("The server no longer responds.", f"closed_{BROKE}") from None
    except ConnectionClosed as closed:
        broken = why_closed(closed)
        if close_passes(BROKE if closed.rcvd is None else closed.rcvd.code):
            raise broken from closed
        raise broken.for_good() from closed


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
        self._wait_s = FIRST_WAIT_S  # before the next attempt
        self._deadline: float | None = (
            None  # by the loop's clock; None while the connection is of use
        )

    def renew(self) -> None:
        """The connection is of use."""
        self._wait_s, self._deadline = FIRST_WAIT_S, None

    async def wait(self, broken: Broken) -> None:
        """Wait for the next attempt. Raises ClientError with the reason where there is none."""
        now = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = now + self._patience_s
        elif now > self._deadline:
            raise broken.for_good(f" Gave up after {self._patience_s:.0f} s.")
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
        sentence = f"{url!r} is not a server address; use the form ws://HOST:PORT."
        raise ClientError(sentence, "bad_address")
    base = parts.path.rstrip("/")
    whole = base if base.endswith(path) else base + path
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, whole, parts.query, ""))


def make_affinity(channel: str | None) -> str:
    """The key by which load balancers route a session. One that publishes in a channel uses its name,
    so that it reaches the server of its viewers, who have the name in their path.
    """
    return channel or secrets.token_urlsafe(AFFINITY_BYTES)


def _with_affinity(url: str, affinity: str) -> str:
    """The same address; one that has an affinity keeps its own."""
    parts = urlsplit(url)
    named = any(name == "affinity" for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if not affinity or named:
        return url
    query = "&".join(filter(None, (parts.query, f"affinity={quote(affinity, safe='')}")))
    return urlunsplit(parts._replace(query=query))


def _is_loopback(host: str | None) -> bool:
    """Whether this is the machine itself, which no proxy can reach."""
    if host is None or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def why_closed(closed: ConnectionClosed) -> Broken:
    """What to say of a connection that has ended."""
    frame = closed.rcvd
    if frame is None:
        return Broken("The connection to the server was lost.", f"closed_{BROKE}")
    said = f"{frame.code} {frame.reason}".rstrip()
    return Broken(f"The server closed the connection ({said}).", f"closed_{frame.code}")


def no_protocol() -> ClientError:
    """What to say where something came that is no message of the protocol. 1007 says so, too."""
    return ClientError(
        "The server does not speak Surtitle's protocol. Check its address.", "closed_1007"
    )
