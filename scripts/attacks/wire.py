"""A WebSocket client for attackers: it costs next to nothing, and notes what it is told."""

import asyncio
import contextlib
import json
import random
import re
import secrets
import socket
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine

import msgspec

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CAPTIONS = "/v1/captions"
AGAIN_S = 0.5
"""An attacker that was turned away or cut off comes again after this, by and large: all at once
would leave gaps for others."""
READ_BYTES = 65_536
_TOLD = (b'{"type":"error"', b'{"type":"ready"')
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")

Told = Counter[str]
"""How often an attacker was told what: `HTTP 503`, `bad_audio`, `close 1003`, `cut off`, `ready`."""


class Site(msgspec.Struct, frozen=True):
    """Where attackers go, and as whom."""

    port: int
    server_pid: int
    seconds: float
    """How long they attack."""
    seed: int
    folder: str
    """With the files that were made for them."""
    headers: str = ""
    """What their requests have besides what every request has: who they are."""
    address: str = "127.0.0.1"
    """From which they come."""
    bystanders: tuple[int, ...] = ()
    """Processes of the server that serve others."""
    wyoming_port: int = 0
    """Where Wyoming is spoken; 0 for nowhere."""


Attack = Callable[[Site, Told, int], Coroutine[None, None, None]]
"""What one attacker does, until it is cancelled. The number is its own: 0, 1, 2 …"""


def frame(opcode: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """A client's frame. Its mask is 0: the payload goes as it is, and is unmasked all the same."""
    head = bytes([0x80 * last | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65_536:
        head += b"\xfe" + len(payload).to_bytes(2, "big")
    else:
        head += b"\xff" + len(payload).to_bytes(8, "big")
    return head + bytes(4) + payload


def text(**message: object) -> bytes:
    """A JSON message in a frame."""
    return frame(TEXT, json.dumps(message, ensure_ascii=False).encode())


def audio_frames(data: bytes, size: int = 32_000) -> bytes:
    """Binary frames of so many bytes, the last one shorter."""
    return b"".join(
        frame(BINARY, data[start : start + size]) for start in range(0, len(data), size)
    )


class Line:
    """An open connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, told: Told
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._told = told
        self.is_ready = asyncio.Event()
        """The server has said `ready`."""
        self._listening: asyncio.Task[None] | None = None

    async def send(self, data: bytes | memoryview) -> None:
        """Send, as fast as it is taken. Raises ConnectionError."""
        if self._writer.is_closing():  # uvloop takes nothing then, and says so by a RuntimeError
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()

    def listen(self) -> None:
        """Read from now on."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())

    def drop_answers(self) -> None:
        """Read from now on, and look at nothing of it."""
        self._listening = asyncio.create_task(self._drop())

    async def _drop(self) -> None:
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(READ_BYTES):
                pass
        self._told["cut off"] += 1
        self._writer.transport.abort()

    async def status(self) -> str:
        """Read the answer to a request, up to the end of its head, and note its status.

        Raises ConnectionError.
        """
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError from error
        found = _STATUS.match(head)
        status = found[1].decode() if found else "nonsense"
        self._told[f"HTTP {status}"] += 1
        return status

    def closed(self) -> "asyncio.Task[None]":
        """What ends with the connection; somebody must listen."""
        assert self._listening is not None
        return self._listening

    async def ready_or_closed(self) -> None:
        """Wait for an answer to `start`."""
        ready = asyncio.create_task(self.is_ready.wait())
        await asyncio.wait({ready, self.closed()}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()

    def cut(self) -> None:
        """Leave without a word."""
        self._writer.transport.abort()
        if self._listening is not None:
            self._listening.cancel()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.cut()

    async def hand_shake(self, path: str, headers: str) -> bool:
        """Ask for a WebSocket; whether it was granted."""
        key = b64encode(secrets.token_bytes(16)).decode()
        self._writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"{headers}\r\n".encode()
        )
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status = answer.split(b" ", 2)[1].decode()
        if status != "101":
            self._told[f"HTTP {status}"] += 1
        return status == "101"

    async def _listen(self) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                first, second = await self._reader.readexactly(2)
                length = second & 127
                if length > 125:
                    length = int.from_bytes(
                        await self._reader.readexactly(2 if length == 126 else 8), "big"
                    )
                payload = await self._reader.readexactly(length)
                if first & 15 == CLOSE:
                    self._told[f"close {int.from_bytes(payload[:2], 'big')}"] += 1
                    return
                if payload.startswith(_TOLD):
                    message = json.loads(payload)
                    self._told[message.get("code", message["type"])] += 1
                    if message["type"] == "ready":
                        self.is_ready.set()
        self._told["cut off"] += 1


async def dial(
    site: Site, told: Told, *, small_window: bool = False, port: int | None = None
) -> Line | None:
    """A TCP connection, or None. With a small window it takes little that is not read."""
    client = socket.socket()
    try:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if small_window:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.bind((site.address, 0))
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port or site.port))
        reader, writer = await asyncio.open_connection(sock=client, limit=READ_BYTES)
    except OSError as error:
        client.close()
        told[type(error).__name__] += 1
        return None
    except BaseException:
        client.close()
        raise
    return Line(reader, writer, told)


async def connect(
    site: Site, told: Told, path: str = CAPTIONS, *, deaf: bool = False, small_window: bool = False
) -> Line | None:
    """A WebSocket, or None where it was refused. Who is `deaf` reads nothing."""
    line = await dial(site, told, small_window=small_window)
    if line is None:
        return None
    try:
        if await line.hand_shake(path, site.headers):
            if not deaf:
                line.listen()
            return line
    except (asyncio.IncompleteReadError, ConnectionError):
        told["cut off"] += 1
    except BaseException:
        line.cut()
        raise
    line.cut()
    return None


async def again_and_again(once: Callable[[], Awaitable[None]], told: Told) -> None:
    """Do it, and do it again after a short pause, until cancelled."""
    while True:
        try:
            await once()
        except ConnectionError:
            told["broken off"] += 1
        await asyncio.sleep(AGAIN_S * random.uniform(0.5, 1.5))


async def pour(line: Line, block: bytes, bytes_per_s: float) -> None:
    """Send the same again and again, so many bytes a second at most. Raises ConnectionError."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        await line.send(block)
        due = max(due + len(block) / bytes_per_s, loop.time() - 1)
        await asyncio.sleep(max(due - loop.time(), 0))
