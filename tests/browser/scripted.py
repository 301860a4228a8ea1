"""A caption server without recognition: serves the page, and says to it what a test says.

For what a real server does rarely or not at will: failed utterances, restarts, refusals, a death in
mid-sentence. It speaks the wire protocol and serves the page exactly as the real server does.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from surtitle.gateway.web import json_page, static_page
from tests.browser.serving import WAIT_S, Speaker, serving, to_response


class Stage(Speaker):
    """One session, as a test sees it: what the page sends, what the server says.

    One thread for each connection takes what the page sends; the test may call `say` and the like
    meanwhile. The session outlives its connections until the server forgets it.
    """

    def __init__(self, session: str, connection: ServerConnection) -> None:
        self.session = session
        self.token = f"{session} token 1"
        self.start: dict[str, Any] = {}  # the page's `start` message
        self.audio = bytearray()
        self.missing_ms = 0  # of a recording, as `ended` will say
        self.hears_bytes: int | None = None  # what comes after so much audio is lost on the way
        self._connection = connection
        self._turn = threading.Lock()  # held while something is said or taken
        self._commands: queue.Queue[dict[str, Any]] = queue.Queue()  # its other messages
        self._resumes: queue.Queue[dict[str, Any]] = queue.Queue()
        self._frame_bytes: queue.Queue[int] = queue.Queue()  # sizes of its audio frames
        self._seq = 0
        self._said: list[dict[str, Any]] = []  # all but partials
        self._spare_token = ""  # the one used last
        self._tokens = 1

    @property
    def audio_bytes(self) -> int:
        """How much audio has come."""
        return len(self.audio)

    def say(self, kind: str, **fields: Any) -> None:
        """Send one message; `seq` is counted here. What nobody hears is said to who comes back."""
        with self._turn, suppress(ConnectionClosed):
            self._seq += 1
            message = {"type": kind, "seq": self._seq, **fields}
            if kind != "partial":
                self._said.append(message)
            self._connection.send(json.dumps(message))

    def babble(self, text: str) -> None:
        """Send what is no message."""
        self._connection.send(text)

    def ack(self, safe: int) -> None:
        """Say what has come, and what is answered."""
        ack = {"type": "ack", "received": self.audio_bytes, "safe": safe}
        self._connection.send(json.dumps(ack))

    def refuse(self, code: str, message: str) -> None:
        """Send a fatal error and close, as for a bad `start`."""
        self.say("error", code=code, message=message, fatal=True)
        self._connection.close(4400)

    def fall_idle(self) -> None:
        """End the connection of who has sent nothing for long."""
        error = {"type": "error", "seq": self._seq + 1, "code": "idle", "message": "Idle."}
        self._connection.send(json.dumps(error | {"fatal": True}))
        self._connection.close(4408)

    def close(self, code: int) -> None:
        """Close without a word more."""
        self._connection.close(code)

    def die(self) -> None:
        """Cut the connection without a word."""
        self._connection.close_socket()

    def next_command(self) -> dict[str, Any]:
        """Wait for the page's next message that is not audio."""
        return self._commands.get(timeout=WAIT_S)

    def next_resume(self) -> dict[str, Any]:
        """Wait until the page has come back."""
        return self._resumes.get(timeout=WAIT_S)

    def next_frame_bytes(self) -> int:
        """Wait for the page's next audio frame."""
        return self._frame_bytes.get(timeout=WAIT_S)

    def greet(self, **more: Any) -> None:
        """Answer `start`."""
        rate = self.start.get("sample_rate", 16_000)
        said = {"session": self.session, "token": self.token, "model": "scripted"}
        self.say("ready", sample_rate=rate, protocol=1, resume_window_s=30, **said, **more)

    def accepts(self, token: str) -> bool:
        """Whether a token is the newest one, or the one used last."""
        return token in (self.token, self._spare_token)

    def go_on(self, connection: ServerConnection, resume: dict[str, Any]) -> None:
        """Answer `resume` on another connection."""
        with self._turn:
            self._connection = connection
            self.hears_bytes = None
            self._tokens += 1
            self._spare_token = resume["token"]
            self.token = f"{self.session} token {self._tokens}"
            resumed = {"type": "resumed", "received": self.audio_bytes, "token": self.token}
            connection.send(json.dumps(resumed))
            for message in self._said:
                if message["seq"] > resume["last_seq"]:
                    connection.send(json.dumps(message))
        self._resumes.put(resume)

    def take_all(self, connection: ServerConnection) -> None:
        """Take everything that comes on a connection until `stop`, and answer that."""
        stopped = False
        while not stopped:
            data = connection.recv()
            with self._turn:
                if connection is not self._connection:
                    return
                stopped = self._take(data)
        if self._said[-1]["type"] != "ended":
            self._end()

    def _take(self, data: str | bytes) -> bool:
        room = None if self.hears_bytes is None else self.hears_bytes - len(self.audio)
        if isinstance(data, bytes):
            self.audio += data[:room]
            self._frame_bytes.put(len(data))
            return False
        if room == 0:
            return False
        command = json.loads(data)
        self._commands.put(command)
        return bool(command["type"] == "stop")

    def _end(self) -> None:
        if self.start["encoding"] == "auto":
            audio_ms = 1250  # nothing is decoded here
        else:
            audio_ms = round(self.audio_bytes / 2 / self.start["sample_rate"] * 1000)
        parts = {"captioned_ms": audio_ms, "silence_ms": 0, "suppressed_ms": 0, "failed_ms": 0}
        parts["missing_ms"] = self.missing_ms
        self.say("ended", audio_ms=audio_ms, utterances=2, **parts)


def _fail(connection: ServerConnection, code: str, close_code: int) -> None:
    error = {"type": "error", "seq": 1, "code": code, "message": "No.", "fatal": True}
    connection.send(json.dumps(error))
    connection.close(close_code)


@dataclass
class ScriptedServer:
    """A running server. Set `on_start` or `refusal` before the page connects."""

    url: str = ""
    on_start: Callable[[Stage], None] = Stage.greet
    refusal: tuple[str, int] | None = None  # sentence and Retry-After
    refusal_status: int = 503
    busy: int = 0  # so many sessions are refused when they begin, on connections that were let in
    _stages: dict[str, Stage] = field(default_factory=dict)
    _opened: int = 0
    _ready: queue.Queue[Stage] = field(default_factory=queue.Queue)
    _closes: queue.Queue[int | None] = field(default_factory=queue.Queue)

    def next_stage(self) -> Stage:
        """Wait until the page has opened its next session."""
        return self._ready.get(timeout=WAIT_S)

    def next_close(self) -> int | None:
        """Wait until a connection has gone; the code that the page gave, None if it gave none."""
        return self._closes.get(timeout=WAIT_S)

    def forget(self) -> None:
        """Lose all sessions, as a restart does."""
        self._stages.clear()

    def handle(self, connection: ServerConnection) -> None:
        """Serve one connection."""
        # A page that leaves early is no error here: the test looks at what it has sent.
        try:
            first = json.loads(connection.recv())
            greet = self._resume if first["type"] == "resume" else self._open
            stage = greet(connection, first)
            if stage is not None:
                stage.take_all(connection)
        except ConnectionClosed as closed:
            self._closes.put(None if closed.rcvd is None else closed.rcvd.code)

    def _resume(self, connection: ServerConnection, first: dict[str, Any]) -> Stage | None:
        stage = self._stages.get(first["session"])
        if stage is None or not stage.accepts(first["token"]):
            _fail(connection, "unknown_session", 4404)
            return None
        stage.go_on(connection, first)
        return stage

    def _open(self, connection: ServerConnection, first: dict[str, Any]) -> Stage | None:
        if self.busy:
            self.busy -= 1
            _fail(connection, "busy", 1013)
            return None
        self._opened += 1
        stage = Stage(f"s{self._opened}", connection)
        self._stages[stage.session] = stage
        stage.start = first
        self.on_start(stage)
        self._ready.put(stage)
        return stage

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Serve the page; let only sessions through to the handshake."""
        path = request.path.partition("?")[0]
        if path != "/v1/captions":
            page = static_page(path)
        elif self.refusal is None:
            return None
        else:
            sentence, retry_after_s = self.refusal
            page = json_page(self.refusal_status, {"error": sentence})
            page.headers["Retry-After"] = str(retry_after_s)
        return to_response(page)


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Run a scripted server on a free port of the loopback interface."""
    scripted = ScriptedServer()
    with serving(scripted.handle, scripted.answer) as scripted.url:
        yield scripted
