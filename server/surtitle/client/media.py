"""Any audio or video file -> 16 kHz mono PCM16, in chunks. For clients.

It is decoded in a process of its own: files come from anywhere too.
"""

import asyncio
import contextlib
import os
import re
import subprocess
from collections.abc import AsyncIterator, Generator, Iterator
from importlib.util import find_spec
from io import FileIO, RawIOBase
from pathlib import Path
from typing import NoReturn, Self

import msgspec

from surtitle.client.dialing import ClientError
from surtitle.decoding.wire import BrokenStream, Kind, Unpacker, unpack_place
from surtitle.extras import install_command
from surtitle.jobs import SAMPLE_BYTES, ms_to_samples, samples_to_ms
from surtitle.runtime.background import in_daemon_thread
from surtitle.runtime.launch import launch

CHUNK_MS = 100
CHUNK_BYTES = SAMPLE_BYTES * ms_to_samples(CHUNK_MS)
READ_BYTES = 65_536
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)


class Tracks(msgspec.Struct, frozen=True):
    """The audio tracks of a recording, by name, and the one that is read (from 1)."""

    names: tuple[str, ...]
    chosen: int
    length_s: float | None = None
    """How long the recording says, or seems, to be; None where that is not known."""


class Recording(Iterator[bytes], AsyncIterator[bytes]):
    """A recording that is being read: PCM16 in chunks of CHUNK_MS; the last one may be shorter.

    Audio is at its place by the recording's own clock: silence stands for holes, and for what
    cannot be decoded. A loop raises ClientError where the source cannot be opened, or nothing of it
    decoded. `for` waits for the decoder; `async for` leaves that to a thread, and lets the event loop
    go on. If you do not read to the end, close it: `with read_chunks(path) as recording`.
    """

    def __init__(self, source: Path | RawIOBase, track: int | None = None) -> None:
        """`track` is one of the audio tracks, from 1; None is the one that players choose."""
        self._source = source
        self._track = track
        self._name = str(source) if isinstance(source, Path) else "standard input"
        self._chunks = self._read()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._reading: asyncio.Future[bytes | None] | None = None  # a chunk, in a thread
        self._turn = asyncio.Lock()  # whose chunk that is
        self.tracks = Tracks((), 0)
        """Known with the first chunk."""
        self.missing_ms = 0
        """How much could not be decoded by now, in milliseconds."""

    def __next__(self) -> bytes:
        return next(self._chunks)

    async def __anext__(self) -> bytes:
        """The next chunk. One that is cancelled loses nothing: the next one gets it."""
        async with self._turn:
            if self._reading is None:
                self._reading = asyncio.ensure_future(in_daemon_thread(next, self._chunks, None))
            await asyncio.wait({self._reading})
            reading, self._reading = self._reading, None
        if (chunk := reading.result()) is None:
            raise StopAsyncIteration
        return chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Read no further. Loops over it end."""
        self._is_closed = True
        if self._process is not None:
            self._process.kill()
        with contextlib.suppress(ValueError):  # a thread is reading: it comes to the end by itself
            self._chunks.close()

    def _read(self) -> Generator[bytes, None, None]:
        rest = b""
        for pcm in self._decoded():
            rest += pcm
            whole = len(rest) // CHUNK_BYTES * CHUNK_BYTES
            for start in range(0, whole, CHUNK_BYTES):
                yield rest[start : start + CHUNK_BYTES]
            rest = rest[whole:]
        if rest:
            yield rest

    def _decoded(self) -> Iterator[bytes]:
        if find_spec("av") is None or find_spec("soxr") is None:
            what = "Reading files needs two more packages. Run: "
            raise ClientError(what + install_command("files"), "no_package")
        with self._opened() as file:
            process = launch(
                "surtitle.decoding.child",
                *([] if self._track is None else [str(self._track)]),
                stdin=file.fileno(),
                stdout=subprocess.PIPE,
            )
        self._process = process
        assert process.stdout is not None
        with contextlib.ExitStack() as stack:
            stack.callback(process.wait)
            stack.callback(process.kill)
            stack.enter_context(process.stdout)
            if not self._is_closed:
                yield from self._frames(process.stdout.fileno())

    @contextlib.contextmanager
    def _opened(self) -> Iterator[RawIOBase]:
        """The source. Here, not in the process that decodes: `/dev/stdin` and the shell's `<(...)`
        are descriptors of this one."""
        if not isinstance(self._source, Path):
            yield self._source
            return
        self._check_path()
        try:
            file = FileIO(self._name)
        except OSError as error:
            self._fail(f"{error.strerror or error}.")
        with file:
            yield file

    def _frames(self, pipe: int) -> Iterator[bytes]:
        unpacker = Unpacker()
        while data := os.read(pipe, READ_BYTES):
            try:
                for kind, payload in unpacker.feed(data):
                    match kind:
                        case Kind.PCM:
                            yield payload
                        case Kind.TRACKS:
                            self.tracks = msgspec.json.decode(payload, type=Tracks)
                        case Kind.MISSING:
                            self.missing_ms += samples_to_ms(unpack_place(payload)[1])
                        case Kind.ENDED:
                            return
                        case Kind.FAILED:
                            self._fail(payload.decode(errors="replace"))
            except (BrokenStream, msgspec.DecodeError):
                break
        if self._is_closed:
            return
        self._fail("Its decoder died or exceeded the time limit.")

    def _fail(self, why: str) -> NoReturn:
        raise ClientError(f"{self._name} cannot be read as audio: {why}", "not_readable")

    def _check_path(self) -> None:
        """Raises ClientError for what is no file."""
        path = Path(self._name)
        try:
            if path.exists():
                return
        except (OSError, ValueError) as error:  # a name that no file can have
            raise ClientError(f"{self._name} cannot be opened: {error}.", "not_found") from error
        if _ADDRESS.match(self._name):
            raise ClientError(
                f"{self._name} is a URL, but only files can be read: download it first.",
                "not_found",
            )
        raise ClientError(f"There is no file {self._name}.", "not_found")


def read_chunks(source: Path | RawIOBase, track: int | None = None) -> Recording:
    """Open a recording; see Recording for what iterating over it raises."""
    return Recording(source, track)
