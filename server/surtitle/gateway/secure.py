"""TLS on a connection: OpenSSL does it on buffers in memory, this moves what is in them."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from typing import Any

_NOBODY = asyncio.Protocol()


def _nobody_pays(cost_s: float) -> None:
    pass


READ_BYTES = 1 << 14
"""The most that a record has (RFC 8446, 5.1). For each, so much room is made, however little it has."""


class SecureTransport(asyncio.Transport, asyncio.Protocol):
    """TLS between a TCP connection and its stream: a protocol to the one, a transport to the other.

    The event loops have that too, but differ, and bound too little. There a connection is nobody's
    until its handshake is done; uvloop drops what a paused one has not decrypted when the client's end
    comes; both decrypt what comes after `close`, however much, and know no half of a connection. Here
    all of that is as it is without TLS, and the handshake is a part of what the stream waits for.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        protocol: asyncio.Protocol,
        charge: Callable[[float], object] = _nobody_pays,
    ) -> None:
        """`protocol` is told at once that there is a connection. It says nothing before it has heard
        something. `charge` is called with the seconds that it took to understand what came.
        """
        super().__init__()
        self._charge = charge
        self._context = context
        self._protocol = protocol
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_handshake_done = False
        self._is_over = False  # nothing more is said or understood
        self._has_ended = False  # the client sends nothing more

    # -- what the event loop calls --------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See Protocol."""
        self._below: asyncio.Transport = transport  # type: ignore[assignment]
        self._protocol.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """Hand on what it means; as it is, where that does not matter any more."""
        if self._is_over:
            self._protocol.data_received(data)
            return
        began_s = time.perf_counter()
        self._incoming.write(data)
        try:
            said = self._read()
        except ssl.SSLError:
            self._is_over = True
            self._flush()  # OpenSSL says why
            self._below.close()
            return
        self._flush()
        self._charge(time.perf_counter() - began_s)
        if said:
            self._protocol.data_received(said)
        if self._has_ended:
            self.eof_received()

    def _read(self) -> bytes:
        """What has come by now. Raises SSLError where it is no TLS."""
        said = []
        with contextlib.suppress(ssl.SSLWantReadError):
            if not self._is_handshake_done:
                self._tls.do_handshake()
                self._is_handshake_done = True
            while self._incoming.pending or self._tls.pending():
                part = self._tls.read(READ_BYTES)
                if not part:
                    self._has_ended = True
                    break
                said.append(part)
        return b"".join(said)

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._below.write(self._outgoing.read())

    def eof_received(self) -> bool:
        """Nothing more comes, by what TLS says or by TCP."""
        self._has_ended = True
        if self._protocol.eof_received():
            return True
        self.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See Protocol."""
        self._is_over = True
        protocol, self._protocol = self._protocol, _NOBODY  # which refers back
        self._charge = _nobody_pays  # so does this
        protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """See Protocol."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """See Protocol."""
        self._protocol.resume_writing()

    # -- what the stream calls ------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See Transport."""
        if self._is_handshake_done and not self._is_over:
            self._tls.write(data)
            self._flush()

    def _say_last(self) -> None:
        """Tell the client that nothing more is said, if it can understand that."""
        if self._is_handshake_done and not self._is_over:
            with contextlib.suppress(ssl.SSLError):  # it has not said so itself yet
                self._tls.unwrap()
            self._flush()
        self._is_over = True

    def can_write_eof(self) -> bool:
        """See Transport."""
        return self._below.can_write_eof()

    def write_eof(self) -> None:
        """See Transport. What comes from now on is not decrypted."""
        self._say_last()
        self._below.write_eof()

    def close(self) -> None:
        """See Transport. What comes from now on is not decrypted."""
        self._say_last()
        self._below.close()

    def abort(self) -> None:
        """See Transport."""
        self._below.abort()

    def is_closing(self) -> bool:
        """See Transport."""
        return self._below.is_closing()

    def pause_reading(self) -> None:
        """See Transport. What was not read is still in the kernel."""
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """See Transport."""
        self._below.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See Transport."""
        self._below.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """See Transport; with what TLS adds."""
        return self._below.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See Transport."""
        if name == "sslcontext":
            return self._context
        return self._below.get_extra_info(name, default)
