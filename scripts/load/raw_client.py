"""A WebSocket client that costs next to nothing: thousands of them leave the cores to the server."""

import asyncio
import base64
import secrets
from typing import cast

import numpy as np


def masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame, ready for the socket."""
    key = secrets.token_bytes(4)
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    else:
        head += b"\xfe" + len(payload).to_bytes(2, "big")
    mask = np.resize(np.frombuffer(key, np.uint8), len(payload))
    return head + key + (np.frombuffer(payload, np.uint8) ^ mask).tobytes()


class RawClient(asyncio.Protocol):
    """Frames out as they are given, messages in to `take`: short text frames, now and then a ping."""

    def __init__(self, host: str, path: str, headers: str = "") -> None:
        """`headers` are lines that the handshake has besides, each with its end."""
        self._host = host
        self._path = path
        self._headers = headers
        self.transport: asyncio.Transport | None = None
        self._buffer = b""
        self._open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.problem = ""
        """Why it is not connected any more, but for `close`."""

    def take(self, data: bytes) -> None:
        """A message of the server."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the handshake."""
        transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self.transport = transport
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\n{self._headers}\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever the reason, it is a problem here unless we closed."""
        self.transport = None
        self.problem = self.problem or "connection lost"
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(self.problem))

    def close(self) -> None:
        """Cut the connection."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take frames apart: short text frames, now and then a ping or a close."""
        self._buffer += data
        if not self._open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head:
                self.problem = head.partition(b"\r\n")[0].decode()
                return
            self._open, self._buffer = True, rest
            self.opened.set_result(None)
        while len(self._buffer) >= 4:
            length, start = self._buffer[1], 2
            if length == 126:
                length, start = int.from_bytes(self._buffer[2:4], "big"), 4
            if len(self._buffer) < start + length:
                return
            opcode, payload = self._buffer[0] & 15, self._buffer[start : start + length]
            self._buffer = self._buffer[start + length :]
            if opcode == 1:
                self.take(payload)
            elif opcode == 8:
                self.problem = f"closed with {int.from_bytes(payload[:2], 'big')}"
            elif opcode == 9 and self.transport is not None:
                self.transport.write(masked(10, payload))
