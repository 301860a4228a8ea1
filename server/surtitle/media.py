"""Any audio or video file -> 16 kHz mono PCM16, in chunks. For clients; the server has `audio.py`."""

from collections.abc import Iterator
from io import RawIOBase
from itertools import chain
from pathlib import Path

import av
import av.error

from surtitle.client import ClientError
from surtitle.jobs import SAMPLE_RATE

CHUNK_MS = 100
CHUNK_BYTES = SAMPLE_RATE * 2 * CHUNK_MS // 1000


def read_chunks(source: Path | RawIOBase) -> Iterator[bytes]:
    """PCM16 in chunks of CHUNK_MS; the last one may be shorter.

    Raises ClientError where the source cannot be opened or decoded.
    """
    name = str(source) if isinstance(source, Path) else "standard input"
    rest = b""
    try:
        with av.open(name if isinstance(source, Path) else source, "r") as container:
            if not container.streams.audio:
                raise ClientError(f"{name} has no audio track.")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            for frame in chain(_frames(container), [None]):
                for piece in resampler.resample(frame):
                    rest += piece.to_ndarray().tobytes()
                    while len(rest) >= CHUNK_BYTES:
                        yield rest[:CHUNK_BYTES]
                        rest = rest[CHUNK_BYTES:]
    except FileNotFoundError as error:
        raise ClientError(f"There is no file {name}.") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ClientError(f"{name} cannot be read as audio: {why}.") from error
    if rest:
        yield rest


def _frames(container: "av.container.InputContainer") -> Iterator[av.AudioFrame]:
    yield from container.decode(container.streams.audio[0])
