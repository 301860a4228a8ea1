"""Hosts of files that are no Surtitle servers: pages of other origins."""

from __future__ import annotations

import functools
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Quiet(SimpleHTTPRequestHandler):
    """A host of files that says nothing."""

    def __init__(self, *args: Any, more: Mapping[str, str], **kwargs: Any) -> None:
        self.more = more
        super().__init__(*args, **kwargs)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def end_headers(self) -> None:
        for name, value in self.more.items():
            self.send_header(name, value)
        super().end_headers()


@contextmanager
def hosted(
    folder: Path,
    *,
    headers: Mapping[str, str] | None = None,
    certificate: tuple[Path, Path] | None = None,
) -> Iterator[str]:
    """The address of a host of these files, with more headers on each, and with TLS if there is a
    certificate.
    """
    handler = functools.partial(Quiet, directory=str(folder), more=headers or {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as host:
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            host.socket = context.wrap_socket(host.socket, server_side=True)
            scheme = "https"
        thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{scheme}://127.0.0.1:{host.server_address[1]}"
        finally:
            host.shutdown()
            thread.join()
