"""From a source to its captions in one loop:

async for message in caption("ws://127.0.0.1:8765", "talk.mp4"):
    if isinstance(message, Final):
        print(message.text)

`surtitle.client.sync` has the same for programs without an event loop.
"""

import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from surtitle.client.captions import PATIENCE_S, Event, connect
from surtitle.client.media import CHUNK_BYTES, read_chunks
from surtitle.messages import Start
from surtitle.runtime.background import DaemonThread

Piece = bytes | NDArray[np.int16]
"""Audio: mono samples, or bytes in the declared encoding."""

T = TypeVar("T")


@runtime_checkable
class Live(Protocol):
    """A source that runs in real time, such as an open microphone, and knows its sample rate."""

    sample_rate: int
    """Hz."""

    def __aiter__(self) -> AsyncIterator[Piece]:
        """Its audio, piece by piece."""


Source = (
    str
    | os.PathLike[str]
    | NDArray[np.int16]
    | AsyncIterable[Piece]
    | Iterable[Piece]
    | Live
    | contextlib.AbstractAsyncContextManager[Live]
)
"""What can be captioned: the path of any audio or video file; samples, or an iterable of them, for
`async for` or for `for`; or a live source, open or about to be: `open_microphone()`."""


async def caption(
    url: str,
    source: Source,
    start: Start | None = None,
    *,
    live: bool = False,
    key: str | None = None,
    patience_s: float = PATIENCE_S,
) -> AsyncGenerator[Event, None]:
    """Caption a source: yields the events of its session, up to and including `ended`.

    Samples are int16, mono, at the `sample_rate` of `start`; files and microphones have their own. An
    iterable for `for` is read in a thread, so it may block. From a `live` one, which cannot wait, audio
    is offered (see `Captions.offer`); a microphone always is. To leave the loop early is to leave the
    session; `url`, `key` and `patience_s` are as for `connect`.

    Raises ClientError as `connect` and the loop over a session do, and what the source raises, after
    the last caption.
    """
    async with contextlib.AsyncExitStack() as stack:
        start = start or Start()
        if isinstance(source, contextlib.AbstractAsyncContextManager):
            source = await stack.enter_async_context(source)
        if isinstance(source, Live):
            start, live = structs.replace(start, sample_rate=source.sample_rate), True
        elif isinstance(source, str | os.PathLike):
            start = structs.replace(start, encoding="pcm_s16le", sample_rate=16_000, channels=1)
            source = stack.enter_context(read_chunks(Path(source)))
        elif isinstance(source, np.ndarray):
            source = _slices(source)
        audio: AsyncIterable[Any]
        if isinstance(source, AsyncIterable):
            audio = source
        else:
            thread = DaemonThread("source")
            stack.callback(thread.stop)
            audio = _in_thread(thread, source)
        pieces = await stack.enter_async_context(contextlib.aclosing(_bytes_of(audio)))
        session = connect(url, start, key=key, patience_s=patience_s)
        captions = await stack.enter_async_context(session)
        async for event in captions.caption(pieces, live=live):
            yield event


def _slices(samples: NDArray[np.int16]) -> Iterable[NDArray[np.int16]]:
    """An array in pieces of 100 ms at 16 kHz."""
    step = CHUNK_BYTES // 2
    return (samples[at : at + step] for at in range(0, len(samples), step))


async def _in_thread(thread: DaemonThread, items: Iterable[T]) -> AsyncGenerator[T, None]:
    """The same items, each waited for in the thread."""
    left, end = iter(items), object()
    while (item := await thread.run(next, left, end)) is not end:
        yield item  # type: ignore[misc]


async def _bytes_of(audio: AsyncIterable[Piece]) -> AsyncGenerator[bytes, None]:
    async for piece in audio:
        yield _wire_bytes(piece)


def _wire_bytes(piece: Piece) -> bytes:
    """As it is sent. Raises TypeError and ValueError for what is no audio."""
    if not isinstance(piece, np.ndarray):
        return bytes(memoryview(piece))
    if piece.dtype.kind != "i" or piece.dtype.itemsize != 2:
        raise TypeError(
            f"Samples are of {piece.dtype}, not int16. From floats between -1 and 1: "
            "(samples * 32767).astype(np.int16)."
        )
    if piece.ndim != 1:
        raise ValueError(f"Samples are mono, in one dimension, not of the shape {piece.shape}.")
    return piece.astype("<i2", copy=False).tobytes()
