"""A cable between the page and a server that can be cut in the middle of anything."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

RESET = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: closing sends RST, and drops what is on the way


@dataclass
class Cable:
    """A TCP port that passes everything on to a server."""

    target_port: int
    url: str = ""
    _ends: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cut(self) -> None:
        """Break all connections there are; new ones are passed on as before."""
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            with suppress(OSError):
                end.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
            end.close()

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                here, _ = listener.accept()
                try:
                    there = socket.create_connection(("127.0.0.1", self.target_port))
                except OSError:  # the server is down
                    here.close()
                    continue
                with self._lock:
                    self._ends |= {here, there}
                for source, sink in ((here, there), (there, here)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                sink.sendall(data)
        with self._lock:
            ends = self._ends & {source, sink}
            self._ends -= ends
        for end in ends:
            end.close()


@contextmanager
def cable_to(url: str) -> Iterator[Cable]:
    """Lay a cable from a free port of the loopback interface to the server at `url`."""
    port = urlsplit(url).port
    assert port is not None
    cable = Cable(port)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        cable.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=cable.serve, args=(listener,), daemon=True)
        thread.start()
        yield cable
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        thread.join()
        cable.cut()
