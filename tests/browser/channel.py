"""A channel without a publisher: says to who watches what a test says. Serves the pages too."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from surtitle.gateway.web import json_page, static_page
from tests.browser.serving import WAIT_S, Speaker, serving, to_response

NAME = "main-hall"
PATH = f"/v1/channels/{NAME}"


class Viewer(Speaker):
    """One connection of somebody who watches."""

    def __init__(self, connection: ServerConnection, offered: list[str]) -> None:
        self.offered = offered  # subprotocols, a token among them
        self._connection = connection

    def say(self, kind: str, **fields: Any) -> None:
        self._connection.send(json.dumps({"type": kind, **fields}))

    def babble(self, text: str) -> None:
        """Send what is no message."""
        self._connection.send(text)

    def channel(self, state: str = "live", session: str = "s1", viewers: int = 1) -> None:
        """Say how the channel is."""
        self.say("channel", channel=NAME, state=state, session=session, viewers=viewers)

    def close(self, code: int) -> None:
        """Close with a reason."""
        self._connection.close(code)

    def die(self) -> None:
        """Cut the connection without a word."""
        self._connection.close_socket()


@dataclass
class Channel:
    """The channel `main-hall`. Set `refusal` to let nobody in."""

    url: str = ""
    refusal: tuple[int, str] | None = None  # status and sentence
    heard: list[str | bytes] = field(default_factory=list)  # from viewers, who have nothing to say
    _viewers: queue.Queue[Viewer] = field(default_factory=queue.Queue)
    _refused: queue.Queue[int] = field(default_factory=queue.Queue)
    _closes: queue.Queue[int | None] = field(default_factory=queue.Queue)

    @property
    def watch_url(self) -> str:
        return f"{self.url}/watch/{NAME}"

    def overlay_url(self, query: str = "") -> str:
        return f"{self.url}/overlay/{NAME}{query}"

    def next_viewer(self) -> Viewer:
        """Wait for somebody who comes, or comes again."""
        return self._viewers.get(timeout=WAIT_S)

    def next_refused(self) -> int:
        """Wait until somebody was refused; the status."""
        return self._refused.get(timeout=WAIT_S)

    def next_close(self) -> int | None:
        """Wait until a connection has gone; the code that the viewer gave, None if it gave none."""
        return self._closes.get(timeout=WAIT_S)

    def handle(self, connection: ServerConnection) -> None:
        """Serve one connection: nothing is said until the test says it."""
        assert connection.request is not None
        offered = connection.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        self._viewers.put(Viewer(connection, [name.strip() for name in offered if name]))
        with suppress(ConnectionClosed):
            for message in connection:
                self.heard.append(message)
        received = connection.protocol.close_rcvd
        self._closes.put(None if received is None else received.code)

    def answer(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Serve the pages; let in who watches, unless nobody is."""
        path = request.path.partition("?")[0]
        if path == PATH:
            if self.refusal is None:
                return None
            status, sentence = self.refusal
            self._refused.put(status)
            return to_response(json_page(status, {"error": sentence}))
        if path.startswith(("/watch/", "/overlay/", "/edit/")):
            path = f"/{path.split('/')[1]}.html"
        return to_response(static_page(path))


@contextmanager
def scripted_channel() -> Iterator[Channel]:
    """Run the channel on a free port of the loopback interface."""
    channel = Channel()
    with serving(channel.handle, channel.answer) as channel.url:
        yield channel
    assert channel.heard == []
