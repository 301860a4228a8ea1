"""Floods, from a process of their own: python tests/faults/flood.py PORT KIND COUNT [PATH].

So many connections send as fast as the server takes it, and read what it answers, for ever; one that is
cut off connects again. `PATH` is asked for in the handshake. Prints `flooding` when all have begun.
"""

import json
import random
import selectors
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

CHUNK = 1 << 18
"""What is offered to the system at once."""
PAUSE_S = 0.02
"""Before a connection that was cut off is made again: this is no flood of connections."""
_KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
_FIN, _TEXT, _BINARY, _PING, _PONG = 0x80, 1, 2, 9, 10


def frame(first: int, payload: bytes = b"") -> bytes:
    """A frame of a client, masked with zeros."""
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | size])
    elif size < 1 << 16:
        head = bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head = bytes([0x80 | 127]) + struct.pack(">Q", size)
    return bytes([first]) + head + bytes(4) + payload


def _many(unit: bytes) -> bytes:
    return unit * max(1, CHUNK // len(unit))


def _json(fields: dict[str, object]) -> bytes:
    return frame(_FIN | _TEXT, json.dumps(fields).encode())


_chance = random.Random(18)

FRAMES: dict[str, bytes] = {
    "one letter": _many(frame(_FIN | _TEXT, b"x")),
    "empty text": _many(frame(_FIN | _TEXT)),
    "one byte of audio": _many(frame(_FIN | _BINARY, b"x")),
    "empty audio": _many(frame(_FIN | _BINARY)),
    "pings": _many(frame(_FIN | _PING, b"x" * 125)),
    "empty pings": _many(frame(_FIN | _PING)),
    "pongs": _many(frame(_FIN | _PONG, b"x")),
    "fragments": frame(_TEXT, b"x") + _many(frame(0, b"x")),
    "empty fragments": frame(_BINARY) + _many(frame(0)),
    "messages in fragments": _many(frame(_BINARY, b"xy") + frame(0, b"xy") * 3000 + frame(_FIN)),
    "large messages": _json({"type": "dance", "fill": ["x"] * 150_000}),
    "deep messages": frame(_FIN | _TEXT, b'{"type":"dance","x":' + b"[" * 400_000),
    "updates": _many(_json({"type": "update", "prompt": "x"})),
    "flushes": _many(_json({"type": "flush"})),
    "rubbish": b"".join(
        frame(_chance.randrange(256), _chance.randbytes(_chance.randrange(90))) for _ in range(5000)
    ),
}
"""After a handshake, again and again."""

BYTES: dict[str, tuple[bytes, bytes]] = {
    "half handshakes": (b"GET /v1/captions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"x"),
    "long headers": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\n",
        _many(b"X-Long: " + b"x" * 500 + b"\r\n"),
    ),
    "requests": (b"", _many(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")),
    "no requests": (b"", _many(b"\r\n")),
}
"""Before one: what begins, and what follows again and again."""

BURSTS: dict[str, bytes] = {
    "connects": b"",
    "pages": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "handshakes": b"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\n" + _KEY + b"\r\n",
}
"""On connections that are given up as soon as something is answered."""


def handshake(path: str) -> bytes:
    """A request for a WebSocket."""
    return BURSTS["handshakes"].replace(b"{path}", path.encode())


@dataclass
class Attacker:
    """One connection at a time."""

    port: int
    first: bytes
    again: bytes
    waits: bool
    """For an answer, before it floods."""
    brief: bool
    """It ends with the answer."""
    link: socket.socket | None = None
    unsent: bytes = b""
    waiting: bool = False
    since_s: float = field(default_factory=time.monotonic)

    def connect(self, selector: selectors.BaseSelector) -> None:
        """Begin anew."""
        self.link = socket.socket()
        self.link.setblocking(False)
        self.link.connect_ex(("127.0.0.1", self.port))
        self.unsent, self.waiting = self.first, self.waits
        selector.register(self.link, selectors.EVENT_READ | selectors.EVENT_WRITE, self)

    def give_up(self, selector: selectors.BaseSelector) -> None:
        """Close."""
        assert self.link is not None
        selector.unregister(self.link)
        self.link.close()
        self.link, self.since_s = None, time.monotonic()

    def go_on(self, selector: selectors.BaseSelector, events: int) -> None:
        """Read what has come, and send what the system takes. Raises OSError where it is cut off."""
        assert self.link is not None
        if events & selectors.EVENT_READ:
            data = self.link.recv(1 << 16)
            if not data or self.brief:
                raise ConnectionError
            self.waiting = False
        if not self.unsent and self.again and not self.waiting:
            self.unsent = self.again
        wants = selectors.EVENT_READ
        if self.unsent and events & selectors.EVENT_WRITE:
            self.unsent = self.unsent[self.link.send(self.unsent) :]
        if self.unsent or (self.again and not self.waiting):
            wants |= selectors.EVENT_WRITE
        selector.modify(self.link, wants, self)


def attackers(port: int, kind: str, path: str) -> Callable[[], Attacker]:
    """What makes the attackers of a kind."""
    if kind in FRAMES:
        return lambda: Attacker(port, handshake(path), FRAMES[kind], True, False)
    if kind in BYTES:
        return lambda: Attacker(port, *BYTES[kind], False, False)
    burst = BURSTS[kind].replace(b"{path}", path.encode())
    return lambda: Attacker(port, burst, b"", False, True)


def main(port: int, kind: str, number: int, path: str = "/v1/captions") -> None:
    """Flood until somebody ends it."""
    selector = selectors.DefaultSelector()
    make = attackers(port, kind, path)
    everybody = [make() for _ in range(number)]
    pause_s = 0.0 if kind in BURSTS else PAUSE_S
    for each in everybody:
        each.connect(selector)
    for turn in count():
        for key, events in selector.select(0.05):
            attacker = key.data
            try:
                attacker.go_on(selector, events)
            except BlockingIOError:
                pass
            except OSError:
                attacker.give_up(selector)
            if kind == "connects" and attacker.link is not None:
                attacker.give_up(selector)
        for each in everybody:
            if each.link is None and time.monotonic() - each.since_s >= pause_s:
                each.connect(selector)
        if turn == 20:
            print("flooding", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
