"""A caption server without recognition: serves the page, and says to it what a test says.

For what a real server does rarely or not at will: failed utterances, restarts, refusals, a death in
mid-sentence. It speaks the wire protocol and serves the page exactly as the real server does.
"""

from __future__ import annotations

import http
import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from surtitle.gateway.web import json_page, static_page

WAIT_S = 15.0  # for a page to do its part; only a failing test takes that long


class Stage:
    """One session, as a test sees it: what the page sends, what the server says.

    One thread takes what the page sends; the test may call `say` and the like meanwhile.
    """

    def __init__(self, connection: ServerConnection) -> None:
        self.start: dict[str, Any] = {}  # the page's `start` message
        self.audio_bytes = 0
        self._connection = connection
        self._commands: queue.Queue[dict[str, Any]] = queue.Queue()  # its other messages
        self._frame_bytes: queue.Queue[int] = queue.Queue()  # sizes of its audio frames
        self._seq = 0

    def say(self, kind: str, **fields: Any) -> None:
        """Send one message; `seq` is counted here."""
        self._seq += 1
        self._connection.send(json.dumps({"type": kind, "seq": self._seq, **fields}))

    def partial(self, utterance: int, stable: str, unstable: str) -> None:
        """Say what has been understood so far; utterance N covers second 2N to 2N + 1."""
        self.say(
            "partial", utterance=utterance, stable=stable, unstable=unstable, **_times(utterance)
        )

    def final(self, utterance: int, text: str, language: str = "en") -> None:
        """Say the text of an utterance."""
        times = _times(utterance)
        scores = {"language_probability": 0.99, "confidence": 0.9}
        self.say("final", utterance=utterance, text=text, language=language, **times, **scores)

    def suppressed(self, utterance: int) -> None:
        """Say that there was nothing to caption."""
        self.say("suppressed", utterance=utterance, reason="no_speech", **_times(utterance))

    def failed(self, utterance: int, message: str) -> None:
        """Say that recognition gave up."""
        times = _times(utterance)
        self.say("failed", utterance=utterance, code="engine_failed", message=message, **times)

    def refuse(self, code: str, message: str) -> None:
        """Send a fatal error and close, as for a bad `start`."""
        self.say("error", code=code, message=message, fatal=True)
        self._connection.close(4400)

    def die(self) -> None:
        """Cut the connection without a word."""
        self._connection.close_socket()

    def next_command(self) -> dict[str, Any]:
        """Wait for the page's next message that is not audio."""
        return self._commands.get(timeout=WAIT_S)

    def next_frame_bytes(self) -> int:
        """Wait for the page's next audio frame."""
        return self._frame_bytes.get(timeout=WAIT_S)

    def greet(self) -> None:
        """Answer `start`."""
        rate = self.start["sample_rate"]
        said = {"session": "s1", "token": "t1", "model": "scripted", "resume_window_s": 30}
        self.say("ready", sample_rate=rate, protocol=1, **said)

    def serve(self, on_start: Callable[[Stage], None], ready: queue.Queue[Stage]) -> None:
        """Take `start`, then everything until `stop`, and answer that."""
        self.start = json.loads(self._connection.recv())
        on_start(self)
        ready.put(self)
        while True:
            data = self._connection.recv()
            if isinstance(data, bytes):
                self.audio_bytes += len(data)
                self._frame_bytes.put(len(data))
                continue
            command = json.loads(data)
            self._commands.put(command)
            if command["type"] == "stop":
                break
        self._end()

    def _end(self) -> None:
        audio_ms = round(self.audio_bytes / 2 / self.start["sample_rate"] * 1000)
        parts = {"captioned_ms": audio_ms, "silence_ms": 0, "suppressed_ms": 0, "failed_ms": 0}
        self.say("ended", audio_ms=audio_ms, utterances=2, **parts)


def _times(utterance: int) -> dict[str, int]:
    return {"start_ms": utterance * 2000, "end_ms": utterance * 2000 + 1000}


@dataclass
class ScriptedServer:
    """A running server. Set `on_start` or `refusal` before the page connects."""

    url: str = ""
    on_start: Callable[[Stage], None] = Stage.greet
    refusal: tuple[str, int] | None = None  # sentence and Retry-After of a 503
    _ready: queue.Queue[Stage] = field(default_factory=queue.Queue)

    def next_stage(self) -> Stage:
        """Wait until the page has opened its next session."""
        return self._ready.get(timeout=WAIT_S)

    def handle(self, connection: ServerConnection) -> None:
        """Serve one session."""
        # A page that leaves early is no error here: the test looks at what it has sent.
        with suppress(ConnectionClosed):
            Stage(connection).serve(self.on_start, self._ready)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Serve the page; let only sessions through to the handshake."""
        path = request.path.partition("?")[0]
        if path != "/v1/captions":
            page = static_page(path)
        elif self.refusal is None:
            return None
        else:
            sentence, retry_after_s = self.refusal
            page = json_page(503, {"error": sentence})
            page.headers["Retry-After"] = str(retry_after_s)
        headers = Headers(page.headers)
        headers["Content-Length"] = str(len(page.body))
        headers["Connection"] = "close"
        return Response(page.status, http.HTTPStatus(page.status).phrase, headers, page.body)


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Run a scripted server on a free port of the loopback interface."""
    scripted = ScriptedServer()
    server: Server = serve(
        scripted.handle, "127.0.0.1", 0, process_request=scripted.answer, compression=None
    )
    scripted.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        thread.join(WAIT_S)
