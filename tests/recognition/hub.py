"""A small hub of our own on the loopback address.

It speaks as much of the HTTP API of the hub as huggingface_hub needs, so that everything on our side of
the network is the real thing.
"""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """One repository on a hub: files at one commit, the head of `main`."""

    repository: str
    files: dict[str, bytes]
    commit: str = COMMIT
    stated_sha256: str | None = None  # of model.bin; None: the true one
    failure: tuple[int, str] | None = None  # answer everything with this status and error code
    requests: list[str] = field(default_factory=list)
    endpoint: str = ""

    def listing(self) -> dict[str, Any]:
        weights = self.files.get("model.bin", b"")
        sha256 = self.stated_sha256 or hashlib.sha256(weights).hexdigest()
        siblings: list[dict[str, Any]] = [
            {"rfilename": name, "size": len(content), "blobId": etag(content)}
            for name, content in self.files.items()
        ]
        for file in siblings:
            if file["rfilename"] == "model.bin":
                file["lfs"] = {"sha256": sha256, "size": file["size"], "pointerSize": 134}
        return {"id": self.repository, "sha": self.commit, "siblings": siblings}


def etag(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def handler_for(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            hub.requests.append(f"{self.command} {path}")
            listing = f"/api/models/{hub.repository}"
            revisions = ("main", hub.commit)
            if hub.failure is not None:
                self.refuse(*hub.failure)
            elif path in (listing, *(f"{listing}/revision/{name}" for name in revisions)):
                self.answer(json.dumps(hub.listing()).encode(), "application/json")
            elif path.startswith(f"{listing}/revision/"):
                self.refuse(404, "RevisionNotFound")
            elif path.startswith("/api/"):
                self.refuse(404, "RepoNotFound")
            else:
                repository, _, rest = path[1:].partition("/resolve/")
                revision, _, name = rest.partition("/")
                assert repository == hub.repository
                assert revision in revisions
                self.answer(hub.files[name], "application/octet-stream")

        def refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def answer(self, content: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{etag(content)}"')
            self.send_header("X-Repo-Commit", hub.commit)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@contextlib.contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_for(hub)) as server:
        hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
