"""A WebSocket's handshake as the answer to a request."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from websockets.http11 import Request
from websockets.server import ServerProtocol

from surtitle.gateway.http import connection_of
from surtitle.gateway.web import json_page, response_of
from surtitle.gateway.websocket import WebSocket
from surtitle.messages import SUBPROTOCOL

log = structlog.get_logger("surtitle.gateway")

Serve = Callable[[WebSocket], Coroutine[Any, Any, None]]

_serving: set[asyncio.Task[None]] = set()


class Accept(Response):
    """Makes the connection a WebSocket where the request asks for one, and serves that."""

    def __init__(self, serve: Serve, offered: Sequence[str], max_message_bytes: int) -> None:
        """`offered` are the subprotocols of the client."""
        super().__init__()
        self._offered = offered
        self._serve = serve
        self._max_message_bytes = max_message_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette's Response."""
        protocol = ServerProtocol(max_size=self._max_message_bytes)
        protocol.receive_data(_written(scope))
        (request,) = protocol.events_received()
        assert isinstance(request, Request)
        answer = protocol.accept(request)
        if answer.status_code != 101:
            text = f"This is no handshake of a WebSocket: {protocol.handshake_exc}."
            page = json_page(answer.status_code, {"error": text})
            for name in ("Allow", "Upgrade"):
                if name in answer.headers:
                    page.headers[name] = answer.headers[name]
            await response_of(page)(scope, receive, send)
            return
        if SUBPROTOCOL in self._offered:  # a client that offers none gets none
            answer.headers["Sec-WebSocket-Protocol"] = SUBPROTOCOL
        protocol.send_response(answer)
        connection = connection_of(scope)
        socket = WebSocket(connection.stream, protocol)
        # A task of its own: the request has ended, and what it held is let go.
        task = asyncio.create_task(self._run(socket), name="websocket")
        _serving.add(task)
        task.add_done_callback(_serving.discard)
        connection.switch(b"".join(protocol.data_to_send()), socket)

    async def _run(self, socket: WebSocket) -> None:
        try:
            await self._serve(socket)
        except Exception:
            log.exception("a connection failed")
            socket.abort()


def _written(scope: Scope) -> bytes:
    """The request as it goes over the wire, from which the library knows it."""
    first = f"{scope['method']} {scope['raw_path'].decode()} HTTP/{scope['http_version']}"
    lines = [first.encode(), *(b"%b: %b" % header for header in scope["headers"])]
    return b"\r\n".join([*lines, b"", b""])
