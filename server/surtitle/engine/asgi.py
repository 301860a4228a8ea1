"""Lanes over ASGI, for a server that brings its own port: Ray Serve."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeVar

from surtitle.engine import wire
from surtitle.engine.lanes import HELLO_S, Gone, Lanes, Page

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class LanesApp:
    """An ASGI application: lanes on WebSockets, and HTTP beside them."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one lane to its end."""
        match scope["type"]:
            case "lifespan":
                await _live(receive, send)
            case "http":
                await _answer(self._page(scope), send)
            case "websocket":
                await self._serve(scope, receive, send)

    def _page(self, scope: Message) -> Page:
        path = _path(scope)
        if path == wire.PATH and self._lanes.is_known(_authorization(scope)):
            return Page(426, "text/plain; charset=utf-8", b"Lanes are WebSockets.\n")
        return self._lanes.page(path)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if _path(scope) != wire.PATH:
            await send({"type": "websocket.close"})  # before it is accepted
            return
        await send({"type": "websocket.accept"})
        socket = _Socket(scope, receive, send)
        with contextlib.suppress(Gone):
            if self._lanes.is_known(_authorization(scope)):
                await self._lanes.serve(socket)
            else:
                await _refuse(socket)
            await socket.close()


async def _refuse(socket: "_Socket") -> None:
    """Say why a gateway may not come in. Raises Gone.

    Not by the status of its handshake, which Ray Serve does not pass on.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HELLO_S):
            await socket.receive()
    await socket.send(wire.encode(wire.Refused(_NO_SECRET)))


_NO_SECRET = "This engine asks for its secret; set `engine_secret_file` alike on both sides."

T = TypeVar("T")


class _Socket:
    """See Socket."""

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.peer = str(scope.get("client"))
        self._receive = receive
        self._send = send
        self._is_open = True

    async def receive(self) -> bytes | str:
        message = await self._carry(self._receive())
        if message["type"] != "websocket.receive":
            self._is_open = False
            raise Gone
        frame: bytes | str = message.get("bytes") or message.get("text") or b""
        return frame

    async def send(self, frame: bytes) -> None:
        if not self._is_open:
            raise Gone
        await self._carry(self._send({"type": "websocket.send", "bytes": frame}))

    async def close(self) -> None:
        if self._is_open:
            await self._carry(self._send({"type": "websocket.close", "code": 1001}))

    async def _carry(self, carried: Awaitable[T]) -> T:
        """Raises Gone. What the server raises where a connection is lost is its own affair: Ray Serve
        has errors of its own for a proxy that has died.
        """
        try:
            return await carried
        except Exception as error:
            self._is_open = False
            raise Gone from error


def _path(scope: Message) -> str:
    """The path below the one at which the application is mounted."""
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")))


def _authorization(scope: Message) -> str:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    return headers.get(b"authorization", b"").decode("utf-8", "surrogateescape")


async def _answer(page: Page, send: Send) -> None:
    headers = [(b"content-type", page.content_type.encode())]
    await send({"type": "http.response.start", "status": page.status, "headers": headers})
    await send({"type": "http.response.body", "body": page.body})


async def _live(receive: Receive, send: Send) -> None:
    """Nothing is to be done before the first request, or after the last."""
    while True:
        event = str((await receive())["type"])
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
