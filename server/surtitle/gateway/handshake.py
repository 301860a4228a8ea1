"""A WebSocket's handshake as the answer to a request."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from starlette import responses
from starlette.types import Receive, Scope, Send
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from surtitle.gateway.http import connection_of
from surtitle.gateway.web import Page, json_page, response_of
from surtitle.gateway.websocket import WebSocket
from surtitle.messages import SUBPROTOCOL

log = structlog.get_logger("surtitle.gateway")

Serve = Callable[[WebSocket], Coroutine[Any, Any, None]]

_serving: set[asyncio.Task[None]] = set()


class Accept(responses.Response):
    """Makes the connection a WebSocket where the request asks for one, and serves that."""

    def __init__(self, serve: Serve, offered: Sequence[str], max_message_bytes: int) -> None:
        """`offered` are the subprotocols of the client."""
        super().__init__()
        self._offered = offered
        self._serve = serve
        self._max_message_bytes = max_message_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette's Response."""
        answer = _accept(scope)
        if isinstance(answer, Page):
            await response_of(answer)(scope, receive, send)
            return
        if SUBPROTOCOL in self._offered:  # a client that offers none gets none
            answer.headers["Sec-WebSocket-Protocol"] = SUBPROTOCOL
        connection = connection_of(scope)
        protocol = ServerProtocol(state=OPEN, max_size=self._max_message_bytes)
        socket = WebSocket(connection.stream, protocol)
        # A task of its own: the request has ended, and what it held is let go.
        task = asyncio.create_task(self._run(socket), name="websocket")
        _serving.add(task)
        task.add_done_callback(_serving.discard)
        connection.switch(answer.serialize(), socket)

    async def _run(self, socket: WebSocket) -> None:
        if socket.is_lost:
            return
        try:
            await self._serve(socket)
        except Exception:
            log.exception("a connection failed")
            socket.abort()


def _accept(scope: Scope) -> Response | Page:
    """The library's answer that accepts the handshake, or why it is none."""
    handshake = ServerProtocol()
    # Its parser and itself refer to each other, and the garbage collector comes rarely.
    handshake.parser.close()
    try:
        answer = handshake.accept(_request(scope))
    except InvalidHeader as error:
        return _no_handshake(400, error)
    if answer.status_code != 101:
        page = _no_handshake(answer.status_code, handshake.handshake_exc)
        for name in ("Allow", "Upgrade"):
            if name in answer.headers:
                page.headers[name] = answer.headers[name]
        return page
    return _no_handshake(400, "it has a body") if _has_body(scope) else answer


def _no_handshake(status: int, why: object) -> Page:
    if status == HTTPStatus.UPGRADE_REQUIRED:
        # Who asks by `fetch` why a connection broke would take JSON for a refusal, and give up.
        headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
        return Page(status, b"This address is for WebSockets.\n", headers)
    return json_page(status, {"error": f"This is no handshake of a WebSocket: {why}."})


def _request(scope: Scope) -> Request:
    """The request as the library has it. Raises InvalidHeader."""
    headers = Headers()
    for name, value in scope["headers"]:
        headers[name.decode("latin-1")] = value.decode("latin-1")
    path = scope["raw_path"].decode("ascii")
    return Request(path, headers, scope["method"], f"HTTP/{scope['http_version']}")


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
