"""A process that decodes one recording, within bounds, and says what it makes of it.

For a session it is forked by `forkserver` and talks over a socket; for a file it is started by
itself (`python -m surtitle.decoding.child [TRACK]`), reads standard input, which may be any file, and
writes to standard output. What goes wrong in it goes no further: FFmpeg may crash, loop or take memory
without end, and the process ends.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from io import BufferedReader, FileIO
from pathlib import Path
from typing import NoReturn

import msgspec
import numpy as np

from surtitle.decoding.recording import (
    UNKNOWN_SAMPLES,
    Event,
    Missing,
    Recording,
    Tracks,
    Wishes,
)
from surtitle.decoding.sources import MAX_HEAD_BYTES, Unreadable
from surtitle.decoding.wire import BrokenStream, Kind, Unpacker, pack, pack_place

MEMORY_BYTES = 96 << 20
"""What decoding for a session may take beside what the process has from its start: an MP4 that is
kept, up to MAX_HEAD_BYTES, and the index of a film, some 20 MB."""
FILE_MEMORY_BYTES = 1 << 30
"""The same of a file of one's own, which may be of many hours."""
CPU_S = 2.0
"""Processor time from one piece of audio to the next. A header takes some milliseconds."""
FILE_CPU_S = 60.0
"""The same of a file of one's own."""
FLUSH_BYTES = 32_768
RECEIVE_BYTES = 65_536


def serve(connection: socket.socket) -> NoReturn:
    """Decode for a session until its end, in a process of its own."""
    try:
        _say_nothing()
        _limit_memory(MEMORY_BYTES)
        incoming = _Incoming(connection)
        incoming.outgoing.put(pack(Kind.PID, str(os.getpid()).encode()))
        tell(incoming.recording().read_stream(incoming), incoming.outgoing, CPU_S)
    except OSError:
        pass  # the server, or the session, has gone
    except BaseException:
        os._exit(1)  # the session is told that the decoder has died
    os._exit(0)


class Gone(OSError):
    """Nobody is there to be told. What fails in reading is another OSError."""


class Outgoing:
    """Frames on their way out, some together. Each method raises Gone."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._pcm = bytearray()

    def put_samples(self, pcm: bytes) -> None:
        """Send samples, together with those that follow if there are some at once."""
        self._pcm += pcm
        if len(self._pcm) >= FLUSH_BYTES:
            self.flush()

    def put(self, frame: bytes) -> None:
        """Send a frame."""
        self.flush()
        self._send(frame)

    def flush(self) -> None:
        """Send the samples that are kept."""
        for start in range(0, len(self._pcm), FLUSH_BYTES):
            self._send(pack(Kind.PCM, bytes(self._pcm[start : start + FLUSH_BYTES])))
        self._pcm.clear()

    def _send(self, frame: bytes) -> None:
        try:
            self._write(frame)
        except OSError as error:
            raise Gone from error


class _Incoming:
    """What the server sends, as a file that is read."""

    def __init__(self, connection: socket.socket) -> None:
        self.outgoing = Outgoing(connection.sendall)
        self._connection = connection
        self._unpacker = Unpacker()
        self._frames: list[tuple[Kind, bytes]] = []
        self._data = b""
        self._ended = False
        self._taken_bytes = 0
        self._heard = False

    def recording(self) -> Recording:
        """What is to be decoded, from the first frame."""
        kind, payload = self._next_frame()
        if kind is not Kind.OPEN:
            raise BrokenStream
        return Recording(msgspec.json.decode(payload, type=Wishes), self._on_heard)

    def read(self, size: int) -> bytes:
        """See Source. By now all that came before is decoded as far as it can be."""
        while not self._data and not self._ended:
            kind, payload = self._next_frame()
            match kind:
                case Kind.DATA:
                    self._data = payload
                case Kind.MARK:
                    self.outgoing.put(pack(Kind.MARK))
                case Kind.END:
                    self._ended = True
                case _:
                    raise BrokenStream
        data, self._data = self._data[:size], self._data[size:]
        self._taken_bytes += len(data)
        if self._taken_bytes > MAX_HEAD_BYTES and not self._heard:
            raise Unreadable(
                f"There is no audio in the first {MAX_HEAD_BYTES >> 20} MiB of the stream."
            )
        return data

    def _on_heard(self) -> None:
        self._heard = True

    def _next_frame(self) -> tuple[Kind, bytes]:
        while not self._frames:
            self.outgoing.flush()
            data = self._connection.recv(RECEIVE_BYTES)
            if not data:
                os._exit(0)  # nobody wants to know any more; an exception would pass through FFmpeg
            self._frames += self._unpacker.feed(data)
        return self._frames.pop(0)


def tell(events: Iterable[Event], outgoing: Outgoing, cpu_s: float) -> None:
    """Send what is made of a recording, up to its end, or say why there is nothing.

    Raises Gone, and what goes wrong before the first sample.
    """
    end, missing = 0, 0
    _limit_time(cpu_s)
    try:
        for event in events:
            if isinstance(event, np.ndarray):
                _limit_time(cpu_s)
                end += len(event)
                outgoing.put_samples(event.tobytes())
            elif isinstance(event, Missing):
                missing += event.samples
                outgoing.put(pack_place(Kind.MISSING, event.start_sample, event.samples))
            else:
                assert isinstance(event, Tracks)
                outgoing.put(pack(Kind.TRACKS, msgspec.json.encode(event)))
        outgoing.put(pack_place(Kind.ENDED, 0, missing))
    except Unreadable as error:
        outgoing.put(pack(Kind.FAILED, str(error).encode()))
    except MemoryError:
        text = "Decoding this exceeded the memory limit; it is damaged or malicious."
        outgoing.put(pack(Kind.FAILED, text.encode()))
    except (Gone, BrokenStream):
        raise
    except Exception:
        if not end:
            raise
        # What was heard is worth more than how it ended.
        outgoing.put(pack_place(Kind.MISSING, end, UNKNOWN_SAMPLES))
        outgoing.put(pack_place(Kind.ENDED, 0, missing + UNKNOWN_SAMPLES))


def _say_nothing() -> None:
    """What there is to say goes through the pipe. The libraries print what strangers make them."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _limit_memory(more_bytes: int) -> None:
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + more_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _limit_time(cpu_s: float) -> None:
    """End the process, wherever it is, once it has computed for so long from now on."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, cpu_s)


def main(track: int | None = None) -> None:
    """Decode standard input, to standard output."""
    _say_nothing()
    _limit_memory(FILE_MEMORY_BYTES)
    out = FileIO(1, "wb", closefd=False)
    outgoing = Outgoing(lambda data: _write_all(out, data))
    with suppress(Gone):
        try:
            tell(_read_input(Recording(Wishes(track=track))), outgoing, FILE_CPU_S)
        except OSError as error:
            outgoing.put(pack(Kind.FAILED, f"{error.strerror or error}.".encode()))


def _read_input(recording: Recording) -> Iterator[Event]:
    # Unbuffered: what has come is decoded while more is still to come.
    source = FileIO(0, closefd=False)
    if source.seekable() and source.tell() == 0:
        yield from recording.read_file(BufferedReader(source))
    else:
        yield from recording.read_stream(source)


def _write_all(out: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) or 0 :]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
