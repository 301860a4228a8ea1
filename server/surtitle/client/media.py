"""Any audio or video file -> 16 kHz mono PCM16, in chunks. For clients.

It is decoded in a process of its own: files come from anywhere too.
"""

import contextlib
import os
import re
import subprocess
from collections.abc import Generator, Iterator
from io import FileIO, RawIOBase
from pathlib import Path
from typing import NoReturn

import msgspec

from surtitle.client.dialing import ClientError
from surtitle.decoding.wire import BrokenStream, Kind, Unpacker, unpack_place
from surtitle.jobs import SAMPLE_RATE, samples_to_ms
from surtitle.runtime.launch import launch

CHUNK_MS = 100
CHUNK_BYTES = SAMPLE_RATE * 2 * CHUNK_MS // 1000
READ_BYTES = 65_536
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)


class Tracks(msgspec.Struct, frozen=True):
    """The audio tracks of a recording, by name, and the one that is read (from 1)."""

    names: tuple[str, ...]
    chosen: int


class Recording(Iterator[bytes]):
    """A recording that is being read: PCM16 in chunks of CHUNK_MS; the last one may be shorter.

    Audio is at its place by the recording's own clock: silence stands for holes, and for what
    cannot be decoded. `next` raises ClientError where the source cannot be opened, or nothing of it
    decoded.
    """

    def __init__(self, source: Path | RawIOBase, track: int | None = None) -> None:
        """`track` is one of the audio tracks, from 1; None is the one that players choose."""
        self._source = source
        self._track = track
        self._name = str(source) if isinstance(source, Path) else "standard input"
        self._chunks = self._read()
        self.tracks = Tracks((), 0)
        """Known with the first chunk."""
        self.missing_ms = 0
        """How much could not be decoded by now, in milliseconds."""

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        """Read no further."""
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
        with self._opened() as file:
            process = launch(
                "surtitle.decoding.child",
                *([] if self._track is None else [str(self._track)]),
                stdin=file.fileno(),
                stdout=subprocess.PIPE,
            )
        assert process.stdout is not None
        with contextlib.ExitStack() as stack:
            stack.callback(process.wait)
            stack.callback(process.kill)
            stack.enter_context(process.stdout)
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
        self._fail("The program that decodes it has died, or took more time than it may.")

    def _fail(self, why: str) -> NoReturn:
        raise ClientError(f"{self._name} cannot be read as audio: {why}")

    def _check_path(self) -> None:
        """Raises ClientError for what is no file."""
        path = Path(self._name)
        try:
            if path.exists():
                return
        except (OSError, ValueError) as error:  # a name that no file can have
            raise ClientError(f"{self._name} cannot be opened: {error}.") from error
        if _ADDRESS.match(self._name):
            raise ClientError(
                f"{self._name} is an address, and only files are read: download it first."
            )
        raise ClientError(f"There is no file {self._name}.")


def read_chunks(source: Path | RawIOBase, track: int | None = None) -> Recording:
    """See Recording."""
    return Recording(source, track)
