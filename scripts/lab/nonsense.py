"""Bad input of every kind, drawn at random: handshakes, frames and messages that make no sense."""

import asyncio
import json
import random
import struct
from contextlib import suppress

HANDSHAKE = (
    b"GET /v1/captions HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
MESSAGES: tuple[dict[str, object], ...] = (
    {"type": "start", "language": "en", "sample_rate": 16000, "encoding": "pcm_s16le"},
    {"type": "update", "language": "en", "hotwords": ["a"], "partials": True},
    {"type": "resume", "session": "a", "token": "b", "last_seq": 1},
    {"type": "flush"},
    {"type": "dance"},
)
VALUES: tuple[object, ...] = (
    None,
    True,
    -1,
    1e300,
    2**70,
    "",
    "x" * 300,
    [],
    {},
    [[[[]]]],
    "\u0000",
)
MOST = 60
"""Messages on one connection: more than a server takes from one that only makes mistakes."""
PATIENCE_S = 10.0
_TEXT, _BINARY = 1, 2
_CLOSE = b"\x88"
"""The first byte of a frame that closes; no text of the server has it."""


class NotAnswered(Exception):
    """The server neither answered nor closed."""


async def talk_nonsense(port: int, chance: random.Random) -> int:
    """One connection; returns how many of its inputs the server has answered, by an error or a close.

    Raises NotAnswered.
    """
    kind = chance.random()
    if kind < 0.03:
        data = chance.randbytes(chance.randrange(1, 400))
    elif kind < 0.08:
        data = _spoiled(HANDSHAKE, chance)
    else:
        data = HANDSHAKE + b"".join(_frame(chance) for _ in range(chance.randrange(1, MOST)))
        data += _masked(0x80 | _TEXT, b"the end", chance)
    try:
        answer = await _exchange(port, data, ends=kind < 0.08)
    except TimeoutError:
        raise NotAnswered(data[:2000]) from None
    return answer.count(b'"type":"error"') + 1


async def _exchange(port: int, data: bytes, *, ends: bool) -> bytes:
    """What is answered until the server closes. `ends`: nothing more will come, and it is told so."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = bytearray()
    with suppress(ConnectionError):  # it may close while we send
        async with asyncio.timeout(PATIENCE_S):
            writer.write(data)
            if ends:
                writer.write_eof()
            while _CLOSE not in answer and (more := await reader.read(65_536)):
                answer += more
    writer.close()
    return bytes(answer)


def _frame(chance: random.Random) -> bytes:
    """A masked frame: mostly a message with a wrong field, now and then anything at all."""
    kind = chance.random()
    if kind < 0.9:
        message = dict(chance.choice(MESSAGES))
        if chance.random() < 0.9:
            message[chance.choice([*message, "extra"][1:])] = chance.choice(VALUES)
        return _masked(0x80 | _TEXT, json.dumps(message).encode(), chance)
    if kind < 0.94:
        text = json.dumps(chance.choice(MESSAGES)).encode()
        return _masked(0x80 | _TEXT, _spoiled(text, chance), chance)
    if kind < 0.97:
        return _masked(0x80 | _BINARY, chance.randbytes(chance.randrange(3000)), chance)
    first = chance.choice([0x80 | _TEXT, chance.randrange(256)])
    return _masked(first, chance.randbytes(chance.randrange(200)), chance)


def _masked(first: int, payload: bytes, chance: random.Random) -> bytes:
    mask = chance.randbytes(4)
    length = bytes([0x80 | 126]) + struct.pack(">H", len(payload))
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return bytes([first]) + length + mask + masked


def _spoiled(data: bytes, chance: random.Random) -> bytes:
    """With some bytes changed, cut off, or put in."""
    spoiled = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        place = chance.randrange(len(spoiled))
        match chance.randrange(3):
            case 0:
                spoiled[place] = chance.randrange(256)
            case 1:
                del spoiled[place:]
                spoiled += b"\n"
            case _:
                spoiled[place:place] = chance.randbytes(chance.randrange(1, 9))
    return bytes(spoiled)
