"""Plays a stream to the pages: a server that serves them, and says what it is told to."""

import http
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from lab.places import REPOSITORY
from stillness.stream import Message
from surtitle.gateway.web import Page, static_page

CHANNEL = "hall"
_ELECTRON = "/electron/renderer/"
_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_SCRIPT = "/before.js"
_WAIT_S = 30.0


class Replay:
    """Where the pages are, and who has connected."""

    def __init__(self) -> None:
        self.url = ""
        self.script = ""
        """Runs in each page before its own code."""
        self.model = "replay"
        """As the speaker's page names it."""
        self._connections: queue.Queue[Listener] = queue.Queue()

    def next_listener(self) -> "Listener":
        """Wait for the next page that connects."""
        return self._connections.get(timeout=_WAIT_S)

    def handle(self, connection: ServerConnection) -> None:
        """Serve one connection until the page leaves; what it sends is sound, and nobody hears it."""
        listener = Listener(connection)
        with suppress(ConnectionClosed):
            assert connection.request is not None
            if connection.request.path.startswith("/v1/channels/"):
                for _ in range(2):  # the past of the channel is told, and empty
                    listener.say(
                        {
                            "type": "channel",
                            "channel": CHANNEL,
                            "state": "live",
                            "session": "s1",
                            "viewers": 1,
                        }
                    )
            else:
                json.loads(connection.recv())
                listener.say(
                    {
                        "type": "ready",
                        "session": "s1",
                        "token": "t",
                        "model": self.model,
                        "sample_rate": 16_000,
                        "protocol": 1,
                        "resume_window_s": 0,
                    }
                )
            self._connections.put(listener)
            for _ in connection:
                pass

    def answer(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Serve the pages, also the one of the Electron example."""
        path = request.path.partition("?")[0]
        if path.startswith("/v1/"):
            return None
        page = self._page(path)
        headers = Headers(page.headers)
        headers["Content-Length"] = str(len(page.body))
        headers["Connection"] = "close"
        return Response(page.status, http.HTTPStatus(page.status).phrase, headers, page.body)

    def _page(self, path: str) -> Page:
        if path == _SCRIPT:
            return Page(200, self.script.encode(), {"Content-Type": "text/javascript"})
        if path.startswith(_ELECTRON):
            name = PurePosixPath(path).name
            body = (REPOSITORY / "web_demo" / "electron" / "renderer" / name).read_bytes()
            page = Page(200, body, {"Content-Type": _KINDS[PurePosixPath(name).suffix]})
        else:
            if path.startswith(("/watch/", "/overlay/", "/edit/")):
                path = f"/{path.split('/')[1]}.html"
            page = static_page(path)
        page.body = page.body.replace(
            b"<head>", b'<head><script src="%b"></script>' % _SCRIPT.encode()
        )
        return page


class Listener:
    """A page that has connected."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.said = 0

    def say(self, message: Message) -> None:
        """Send one message."""
        self.said += 1
        self._connection.send(json.dumps({"seq": self.said, **message}))


@contextmanager
def replaying() -> Iterator[Replay]:
    """Serve on a free port of the loopback interface."""
    replay = Replay()
    with serve(
        replay.handle,
        "127.0.0.1",
        0,
        process_request=replay.answer,
        select_subprotocol=lambda _, offered: Subprotocol("surtitle.v1") if offered else None,
        compression=None,
    ) as server:
        replay.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield replay
        server.shutdown()
        thread.join(_WAIT_S)
