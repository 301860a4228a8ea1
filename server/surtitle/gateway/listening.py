"""The listening sockets, and the connections on them."""

import asyncio
import contextlib
import ssl
from functools import partial
from weakref import WeakSet

from starlette.types import ASGIApp

from surtitle.errors import ConfigurationError
from surtitle.gateway.http import HttpConnection
from surtitle.gateway.inputs import InputTurns
from surtitle.gateway.places import Places
from surtitle.gateway.secure import SecureTransport
from surtitle.gateway.stream import ClientStream

BACKLOG = 1024
"""Connections that the system keeps until the loop takes them: a hall of phones opens a link at once.
Of what comes beyond, it drops the first packet, which is sent again after a second, then after three.
It may have a lower limit of its own (`net.core.somaxconn`)."""
MANY_PLACES = 1 << 16
CLOSE_S = 1.0
"""How long connections may take to end when the server does."""


class Listener:
    """Listens, and has an application answer. All listeners of a server share their places."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        inputs: InputTurns,
        places: "Places[ClientStream]",
        send_timeout_s: float,
    ) -> None:
        """What is answered in parts must be read within `send_timeout_s`, part by part."""
        self._app = app
        self._inputs = inputs
        self._places = places
        self._send_timeout_s = send_timeout_s
        self._server: asyncio.Server | None = None
        self._streams: WeakSet[ClientStream] = WeakSet()

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None, options: str) -> int:
        """Listen; returns the port. Raises ConfigurationError, which names the `options` to change."""
        make = self._make_stream if tls is None else partial(self._make_secure, tls)
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(make, host, port, backlog=BACKLOG)
        except (OSError, UnicodeError) as error:  # a name that is none for IDNA either
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise ConfigurationError(
                f"Cannot listen on {host} port {port}: {why}. Choose another with {options}."
            ) from error
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def addresses(self) -> tuple[str, ...]:
        """Those of its sockets."""
        assert self._server is not None
        return tuple(str(each.getsockname()[0]) for each in self._server.sockets)

    def _make_secure(self, tls: ssl.SSLContext) -> SecureTransport:
        stream = self._make_stream()
        return SecureTransport(tls, stream, stream.charge_transport)

    def _make_stream(self) -> ClientStream:
        return ClientStream(self._begin, inputs=self._inputs, places=self._places)

    def _begin(self, stream: ClientStream) -> HttpConnection:
        """A connection is there; with TLS it has its handshake before it."""
        self._streams.add(stream)
        return HttpConnection(stream, self._app, self._send_timeout_s)

    async def close(self) -> None:
        """Listen no more, and end the connections that are left.

        Cancelled, it listens no more, and has not cut off who has not gone by then.
        """
        if self._server is None:
            return
        self._server.close()
        streams = list(self._streams)
        for stream in streams:
            stream.go_away()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                for stream in streams:
                    await stream.gone.wait()
        for stream in streams:
            stream.abort()
        for stream in streams:
            await stream.gone.wait()
