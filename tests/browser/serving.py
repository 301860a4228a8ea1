"""What the scripted servers share: a port, answers over HTTP, and what is said of utterances."""

from __future__ import annotations

import http
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from surtitle.gateway import web

WAIT_S = 15.0  # for a page to do its part; only a failing test takes that long


class Speaker(ABC):
    """Says captions to a page; utterance N covers second 2N to 2N + 1."""

    @abstractmethod
    def say(self, kind: str, **fields: Any) -> None:
        """Send one message."""

    def partial(self, utterance: int, stable: str, unstable: str = "") -> None:
        """Say what has been understood so far."""
        said = {"stable": stable, "unstable": unstable}
        self.say("partial", utterance=utterance, **said, **_times(utterance))

    def final(self, utterance: int, text: str, language: str = "en", **times: int) -> None:
        """Say the text of an utterance."""
        times = times or _times(utterance)
        scores = {"language_probability": 0.99, "confidence": 0.9}
        self.say("final", utterance=utterance, text=text, language=language, **times, **scores)

    def revised(self, utterance: int, text: str, by: str | None = None, **times: int) -> None:
        """Say a better text of an utterance, which a person has written where one is named."""
        times = times or _times(utterance)
        author = {} if by is None else {"by": by}
        self.say("revised", utterance=utterance, text=text, confidence=0.9, **times, **author)

    def suppressed(self, utterance: int) -> None:
        """Say that there was nothing to caption."""
        self.say("suppressed", utterance=utterance, reason="no_speech", **_times(utterance))

    def failed(self, utterance: int, message: str) -> None:
        """Say that recognition gave up."""
        times = _times(utterance)
        self.say("failed", utterance=utterance, code="engine_failed", message=message, **times)


def _times(utterance: int) -> dict[str, int]:
    return {"start_ms": utterance * 2000, "end_ms": utterance * 2000 + 1000}


def to_response(page: web.Page) -> Response:
    """An answer in place of the handshake."""
    headers = Headers(page.headers)
    headers["Content-Length"] = str(len(page.body))
    headers["Connection"] = "close"
    return Response(page.status, http.HTTPStatus(page.status).phrase, headers, page.body)


@contextmanager
def serving(
    handle: Callable[[ServerConnection], None],
    answer: Callable[[ServerConnection, Request], Response | None],
) -> Iterator[str]:
    """Serve on a free port of the loopback interface; where."""
    server: Server = serve(
        handle,
        "127.0.0.1",
        0,
        process_request=answer,
        select_subprotocol=_select,
        compression=None,
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()
        thread.join(WAIT_S)


def _select(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return Subprotocol("surtitle.v1") if offered else None
