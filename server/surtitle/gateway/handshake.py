"""A WebSocket's handshake as the answer to a request."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from starlette import responses
from starlette.types import Receive, Scope, Send
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from surtitle.gateway.http import connection_of
from surtitle.gateway.web import Page, json_page, response_of
from surtitle.gateway.websocket import LIBRARY_LOG, WebSocket

Take = Callable[[WebSocket], None]
"""Takes a WebSocket over, at once: whoever has been let in counts from the same moment."""


def accept(
    scope: Scope,
    subprotocol: str | None,
    max_message_bytes: int,
    take: Take,
    headers: Mapping[str, str] | None = None,
) -> responses.Response:
    """Make the connection of a request a WebSocket, and have it taken; or say why the request asks for
    none.

    `subprotocol` is the one that is chosen of those that the client offers.
    """
    answer = _accept(scope)
    if isinstance(answer, Page):
        return response_of(answer)
    if subprotocol is not None:  # a client that offers none gets none
        answer.headers["Sec-WebSocket-Protocol"] = subprotocol
    answer.headers.update(headers or {})
    connection = connection_of(scope)
    protocol = ServerProtocol(state=OPEN, max_size=max_message_bytes, logger=LIBRARY_LOG)
    socket = WebSocket(connection.stream, protocol)
    connection.switch(answer.serialize(), socket)
    take(socket)
    return _Switched()


class _Switched(responses.Response):
    """The answer has been given, and by now there is another protocol."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette's Response."""


def _accept(scope: Scope) -> Response | Page:
    """The library's answer that accepts the handshake, or why it is none."""
    handshake = ServerProtocol(logger=LIBRARY_LOG)
    # Its parser and itself refer to each other, and the garbage collector comes rarely.
    handshake.parser.close()
    try:
        answer = handshake.accept(_request(scope))
    except InvalidHeader as error:
        return _no_handshake(400, error)
    if answer.status_code != 101:
        return _no_handshake(answer.status_code, handshake.handshake_exc)
    return _no_handshake(400, "it has a body") if _has_body(scope) else answer


def _no_handshake(status: int, why: object) -> Page:
    said = {"error": f"This is not a WebSocket handshake: {why}.", "code": "no_handshake"}
    if status == HTTPStatus.UPGRADE_REQUIRED:
        # Who asks by `fetch` why a connection broke would take JSON for a refusal, and give up.
        headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
        page = Page(status, b"This address is for WebSockets.\n", headers)
        page.headers |= {"Upgrade": "websocket", "Connection": "Upgrade"}
    else:
        page = json_page(status, said)
    page.headers["Sec-WebSocket-Version"] = "13"  # RFC 6455, 4.2.2
    return page


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
