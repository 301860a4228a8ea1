"""Attackers that send frames which cost the server more than themselves."""

from attacks.wire import (
    BINARY,
    CAPTIONS,
    PING,
    PONG,
    TEXT,
    Attack,
    Site,
    Told,
    again_and_again,
    connect,
    frame,
    pour,
    text,
)

BYTES_PER_S = 2e6
"""Of each attacker at most."""
BLOCK_BYTES = 65_536
CHANNEL = "hall"
"""In which a victim publishes."""
CONTINUATION = 0

KINDS: dict[str, tuple[bytes, bytes]] = {
    "texts": (b"", frame(TEXT, b"x")),
    "empty frames": (b"", frame(BINARY)),
    "pings": (b"", frame(PING)),
    "pongs": (b"", frame(PONG)),
    "fragments": (frame(TEXT, last=False), frame(CONTINUATION, last=False)),
}
"""What comes once, and what comes again and again."""


def _flood(path: str, opening: bytes, kind: str) -> Attack:
    first, again = KINDS[kind]
    block = again * (BLOCK_BYTES // len(again))

    async def attack(site: Site, told: Told, number: int) -> None:
        async def once() -> None:
            line = await connect(site, told, path)
            if line is not None:
                with line:
                    await line.send(opening + first)
                    await pour(line, block, BYTES_PER_S)

        await again_and_again(once, told)

    return attack


def viewers(kind: str) -> Attack:
    """Viewers of the channel in which a victim publishes."""
    return _flood(f"/v1/channels/{CHANNEL}", b"", kind)


def speakers(kind: str) -> Attack:
    """Clients that have started a session."""
    return _flood(CAPTIONS, text(type="start", language="en"), kind)
