"""How a gateway reaches an engine: it connects, and both say who they are."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from surtitle.engine import wire
from surtitle.errors import ConfigurationError

SILENCE_S = 2.5 * wire.HEARTBEAT_S
"""Two heartbeats have not come."""
OPEN_S = 5.0
"""How long a connection may take to open."""
CLOSE_S = 1.0
"""How long it may take to close."""
NO_ENGINE = "It does not answer as an engine does."


@dataclass(frozen=True, slots=True)
class LaneOptions:
    """How to reach engines."""

    gateway: str
    """What this server is called in their logs."""
    secret: str = ""
    """What they know a gateway by; empty where they ask for none."""
    tls: ssl.SSLContext | None = None
    """For `wss`; None is the system's own."""
    name: str | None = None
    """Whose certificate it has to be, where the URL has an address of this name; else its host's."""


class Reached(NamedTuple):
    """An engine at the other end of a connection."""

    connection: ClientConnection
    engine: wire.Welcome


Dial = Callable[[], Awaitable[Reached]]
"""Reaches an engine. Raises NotReached."""


class NotReached(Exception):
    """No engine that serves us, or not any more: why, in a sentence."""


async def dial(url: str, options: LaneOptions, known: Iterable[str] = ()) -> Reached:
    """Connect to `ws://host:port`, and say who we are; `known` see wire.Hello. Whoever gets the
    connection closes it. Raises NotReached.
    """
    try:
        connection = await _connect(url, options)
        try:
            hello = wire.Hello(wire.PROTOCOL, options.gateway, list(known))
            await connection.send(wire.encode(hello))
            return Reached(connection, _welcome(await receive(connection)))
        except BaseException:
            await connection.close()
            raise
    except (OSError, TimeoutError, WebSocketException, ValueError) as error:  # also of the URL
        raise NotReached(_why(error)) from error


async def receive(connection: ClientConnection) -> wire.ToGateway:
    """The next message of an engine. Raises NotReached, also where the engine is silent."""
    try:
        async with asyncio.timeout(SILENCE_S):
            return wire.decode_to_gateway(await connection.recv())
    except (OSError, TimeoutError, ConnectionClosed) as error:
        raise NotReached(_why(error)) from error
    except wire.NotUnderstood as error:
        raise NotReached(str(error)) from error


class _Direct(connect):
    """Follows no redirects: an engine sends none, and whoever does is not who was named."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def _connect(url: str, options: LaneOptions) -> ClientConnection:
    secret, is_secure = options.secret, url.startswith("wss:")
    return await _Direct(
        url + wire.PATH,
        additional_headers={"Authorization": f"Bearer {secret}"} if secret else None,
        ssl=options.tls if is_secure else None,
        server_hostname=options.name if is_secure else None,
        compression=None,  # audio of a few seconds, in a fast network
        open_timeout=OPEN_S,
        close_timeout=CLOSE_S,
        ping_interval=None,  # the engine's heartbeats tell more
        max_size=wire.MAX_FRAME_BYTES,
        proxy=None,
    )


def _welcome(message: wire.ToGateway) -> wire.Welcome:
    match message:
        case wire.Welcome(protocol=wire.PROTOCOL):
            return message
        case wire.Welcome(protocol=theirs):
            raise NotReached(wire.other_version(theirs))
        case wire.Refused(why=why):
            raise NotReached(why)
        case _:
            raise NotReached(NO_ENGINE)


def lane_options(
    urls: Iterable[str],
    gateway: str,
    secret: str,
    ca: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> LaneOptions:
    """As the settings of a gateway say it. Raises ConfigurationError."""
    needs_tls = any("wss" in url.partition("://")[0] for url in urls)
    return LaneOptions(gateway, secret, engine_tls(ca, certificate, key) if needs_tls else None)


def engine_tls(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """How a gateway proves itself to engines, and what it asks of them. Raises ConfigurationError."""
    if (certificate is None) is not (key is None):
        raise ConfigurationError("A certificate needs both --engine-cert and --engine-key.")
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The certificates for engines cannot be used: {error}."
        ) from error
    return context


def _why(error: Exception) -> str:
    """What is wrong with a connection, in a sentence."""
    match error:
        case InvalidStatus() if error.response.status_code == 401:
            return "It does not know our secret; set `engine_secret_file` alike on both sides."
        case InvalidStatus():
            return f"It answers with HTTP {error.response.status_code}."
        case TimeoutError():
            return "It is silent."
        case ConnectionClosed():
            return "The connection broke."
        case _:
            return f"{error}."
