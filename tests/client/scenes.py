"""A server that plays a script: what it does on the first connection, on the second …"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve

from surtitle.messages import (
    ClientMessage,
    Ended,
    Ready,
    Resume,
    Resumed,
    ServerMessage,
    ViewerMessage,
    format_message,
    parse_client_message,
)

Scene = Callable[[ServerConnection], Awaitable[None]]

READY = Ready(
    seq=1,
    session="s",
    token="t",
    model="m",
    sample_rate=16_000,
    resume_window_s=60,
    languages=("en",),
)
ENDED = Ended(
    seq=9,
    audio_ms=0,
    captioned_ms=0,
    silence_ms=0,
    suppressed_ms=0,
    failed_ms=0,
    utterances=0,
)


@asynccontextmanager
async def playing(*scenes: Scene, forever: Scene | None = None) -> AsyncIterator[str]:
    """The address of a server that plays a scene on each connection, and `forever` after them."""
    left = iter(scenes)

    async def play(socket: ServerConnection) -> None:
        scene = next(left, forever)
        assert scene is not None, "one connection more than was to come"
        await scene(socket)

    async with serve(play, "127.0.0.1", 0) as server:
        host, port = next(iter(server.sockets)).getsockname()
        yield f"ws://{host}:{port}"


async def say(socket: ServerConnection, message: ServerMessage | ViewerMessage) -> None:
    await socket.send(format_message(message))


async def greet(socket: ServerConnection, received: int = 0) -> ClientMessage:
    """Answer `start` or `resume`; returns it."""
    text = await socket.recv()
    assert isinstance(text, str)
    message = parse_client_message(text.encode())
    is_back = isinstance(message, Resume)
    await say(socket, Resumed(received=received) if is_back else READY)
    return message


async def break_off(socket: ServerConnection) -> None:
    """End the connection so that the client comes back, after all that was said on it."""
    await socket.close(1001)
