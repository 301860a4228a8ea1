"""A channel without a publisher: says to who watches what a test says. Serves the page's files too."""

from __future__ import annotations

import http
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from surtitle.gateway.web import json_page, static_page

WAIT_S = 15.0  # for a page to do its part; only a failing test takes that long
CHANNEL = "main-hall"
PATH = f"/v1/channels/{CHANNEL}"


class Seat:
    """One connection of somebody who watches."""

    def __init__(self, connection: ServerConnection, tokens: list[str]) -> None:
        self.tokens = tokens  # that it offered
        self._connection = connection

    def say(self, kind: str, **fields: Any) -> None:
        """Send one message."""
        self._connection.send(json.dumps({"type": kind, **fields}))

    def channel(self, state: str, session: str, viewers: int = 1) -> None:
        """Say how the channel is."""
        self.say("channel", channel=CHANNEL, state=state, session=session, viewers=viewers)

    def partial(self, utterance: int, text: str) -> None:
        """Say what has been understood so far."""
        times = {"start_ms": utterance * 1000, "end_ms": utterance * 1000 + 500}
        self.say("partial", utterance=utterance, stable="", unstable=text, **times)

    def answer(self, utterance: int, text: str, kind: str = "final") -> None:
        """Say the text of an utterance, or what took its place."""
        times = {"start_ms": utterance * 1000, "end_ms": utterance * 1000 + 900}
        self.say(kind, utterance=utterance, text=text, message=text, **times)

    def close(self, code: int) -> None:
        """Close with a reason."""
        self._connection.close(code)

    def die(self) -> None:
        """Cut the connection without a word."""
        self._connection.close_socket()


@dataclass
class ScriptedChannel:
    """A running server. Set `refusal` to let nobody in."""

    url: str = ""
    refusal: tuple[int, str] | None = None  # status and sentence
    heard: list[str | bytes] = field(default_factory=list)  # from viewers, who have nothing to say
    _seats: queue.Queue[Seat] = field(default_factory=queue.Queue)
    _refused: queue.Queue[int] = field(default_factory=queue.Queue)
    _closes: queue.Queue[int | None] = field(default_factory=queue.Queue)

    def next_seat(self) -> Seat:
        """Wait for somebody who comes, or comes again."""
        return self._seats.get(timeout=WAIT_S)

    def next_refused(self) -> int:
        """Wait until somebody was refused; the status."""
        return self._refused.get(timeout=WAIT_S)

    def next_close(self) -> int | None:
        """Wait until a connection has gone; the code that the viewer gave, None if it gave none."""
        return self._closes.get(timeout=WAIT_S)

    def handle(self, connection: ServerConnection) -> None:
        """Serve one connection."""
        assert connection.request is not None
        offered = connection.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        self._seats.put(Seat(connection, [name.strip() for name in offered if name]))
        try:
            for message in connection:
                self.heard.append(message)
        except ConnectionClosed:
            pass
        received = connection.protocol.close_rcvd
        self._closes.put(None if received is None else received.code)

    def answer(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Serve the page's files; let in who watches, unless nobody is."""
        path = request.path.partition("?")[0]
        if path != PATH:
            page = static_page(path)
        elif self.refusal is None:
            return None
        else:
            status, sentence = self.refusal
            page = json_page(status, {"error": sentence})
            self._refused.put(status)
        headers = Headers(page.headers)
        headers["Content-Length"] = str(len(page.body))
        headers["Connection"] = "close"
        return Response(page.status, http.HTTPStatus(page.status).phrase, headers, page.body)


@contextmanager
def scripted_channel() -> Iterator[ScriptedChannel]:
    """Run a channel on a free port of the loopback interface."""
    scripted = ScriptedChannel()
    server: Server = serve(
        scripted.handle,
        "127.0.0.1",
        0,
        process_request=scripted.answer,
        select_subprotocol=lambda _connection, offered: offered[0] if offered else None,
        compression=None,
    )
    scripted.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        thread.join(WAIT_S)
