"""Lanes on a port of our own: WebSockets on our event loop, and HTTP beside them."""

import http
import ssl

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from surtitle.engine import wire
from surtitle.engine.lanes import Gone, Lanes


class LaneServer(Lanes):
    """Serves an engine to whom connects."""

    _server: Server | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen; returns the port. Raises OSError."""
        self._server = await serve(
            self._handle,
            host,
            port,
            ssl=tls,
            process_request=self._answer_request,
            compression=None,
            ping_interval=None,
            close_timeout=1.0,
            max_size=wire.MAX_FRAME_BYTES,
        )
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def stop(self) -> None:
        """Close all lanes."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _handle(self, connection: ServerConnection) -> None:
        await self.serve(_Socket(connection))

    def _answer_request(self, socket: ServerConnection, request: Request) -> Response | None:
        """HTTP beside the lanes."""
        path = request.path.partition("?")[0]
        if path == wire.PATH and self.is_known(request.headers.get("Authorization", "")):
            return None
        page = self.page(path)
        response = socket.respond(http.HTTPStatus(page.status), page.body.decode())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = page.content_type
        return response


class _Socket:
    """See Socket."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    @property
    def peer(self) -> str:
        return str(self._connection.remote_address)

    async def receive(self) -> bytes | str:
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise Gone from error

    async def send(self, frame: bytes) -> None:
        try:
            await self._connection.send(frame)
        except ConnectionClosed as error:
            raise Gone from error
