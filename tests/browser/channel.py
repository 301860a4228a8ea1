"""A channel without a server behind it: a test says to the audience's pages what it wants."""

from __future__ import annotations

import http
import json
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from surtitle.gateway.web import json_page, static_page

WAIT_S = 15.0  # for a page to come; only a failing test takes that long
NAME = "main-hall"


@dataclass
class Channel:
    """The channel `main-hall`, and the pages that show it."""

    url: str = ""
    refusal_status: int | None = None
    tokens: list[str] = field(default_factory=list)  # that came, one a connection
    _viewers: queue.Queue[ServerConnection] = field(default_factory=queue.Queue)

    @property
    def watch_url(self) -> str:
        return f"{self.url}/watch/{NAME}"

    def overlay_url(self, query: str = "") -> str:
        return f"{self.url}/overlay/{NAME}{query}"

    def next_viewer(self) -> Viewer:
        """Wait until the next page has connected."""
        return Viewer(self._viewers.get(timeout=WAIT_S))

    def handle(self, connection: ServerConnection) -> None:
        """Serve one connection: nothing is said until the test says it."""
        assert connection.request is not None
        offered = connection.request.headers.get("Sec-WebSocket-Protocol", "")
        self.tokens += [part.strip()[6:] for part in offered.split(",") if "token." in part]
        self._viewers.put(connection)
        with suppress(ConnectionClosed):
            while True:
                connection.recv()

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Serve the pages; let only viewers through to the handshake."""
        path = request.path.partition("?")[0]
        if path == f"/v1/channels/{NAME}":
            if self.refusal_status is None:
                return None
            page = json_page(self.refusal_status, {"error": "This link does not hold any more."})
        elif path.startswith("/watch/"):
            page = static_page("/watch.html")
        elif path.startswith("/overlay/"):
            page = static_page("/overlay.html")
        else:
            page = static_page(path)
        headers = Headers(page.headers)
        headers["Content-Length"] = str(len(page.body))
        headers["Connection"] = "close"
        return Response(page.status, http.HTTPStatus(page.status).phrase, headers, page.body)


class Viewer:
    """One connection of a page."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    def say(self, kind: str, **fields: Any) -> None:
        self._connection.send(json.dumps({"type": kind, **fields}))

    def channel(self, state: str = "live", session: str = "s1") -> None:
        self.say("channel", channel=NAME, state=state, session=session, viewers=1)

    def partial(self, utterance: int, stable: str, unstable: str = "") -> None:
        said = {"stable": stable, "unstable": unstable}
        self.say("partial", seq=0, utterance=utterance, **said, **_times(utterance))

    def final(self, utterance: int, text: str, **more: Any) -> None:
        scores = {"language": "en", "language_probability": 0.99, "confidence": 0.9}
        self.say(
            "final", seq=0, utterance=utterance, text=text, **_times(utterance), **scores, **more
        )

    def suppressed(self, utterance: int) -> None:
        self.say("suppressed", seq=0, utterance=utterance, reason="no_speech", **_times(utterance))

    def die(self) -> None:
        """Cut the connection without a word."""
        self._connection.close_socket()


def _select(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return Subprotocol("surtitle.v1") if offered else None


def _times(utterance: int) -> dict[str, int]:
    return {"start_ms": utterance * 2000, "end_ms": utterance * 2000 + 1000}


@contextmanager
def scripted_channel() -> Iterator[Channel]:
    """Run the channel on a free port of the loopback interface."""
    channel = Channel()
    server: Server = serve(
        channel.handle,
        "127.0.0.1",
        0,
        process_request=channel.answer,
        compression=None,
        select_subprotocol=_select,
    )
    channel.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield channel
    finally:
        server.shutdown()
        thread.join(WAIT_S)
