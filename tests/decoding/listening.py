"""What becomes of a recording, for tests."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from surtitle.decoding.recording import Event, Missing, Recording, Tracks, Wishes
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.messages import ContainerEncoding
from tests.captioning.chunking import Chunking
from tests.containers import click_times_s


class Pieces:
    """Bytes that come in pieces, as of a socket."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._data = b""
        self.taken = 0

    def read(self, size: int, /) -> bytes:
        while not self._data and (piece := next(self._pieces, None)) is not None:
            self._data = piece
        data, self._data = self._data[:size], self._data[size:]
        self.taken += len(data)
        return data


@dataclass(frozen=True)
class Heard:
    """All that came of a recording."""

    samples: Pcm16
    missing: tuple[tuple[float, float], ...]
    """(start, length) in seconds."""
    tracks: Tracks | None

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @property
    def missing_s(self) -> float:
        return sum(length_s for _, length_s in self.missing)

    @property
    def clicks_s(self) -> list[float]:
        return click_times_s(self.samples)


def heard(events: Iterator[Event]) -> Heard:
    """Raises Unreadable."""
    samples: list[Pcm16] = [np.zeros(0, np.int16)]
    missing, tracks = [], None
    for event in events:
        if isinstance(event, np.ndarray):
            assert event.dtype == np.int16
            samples.append(event)
        elif isinstance(event, Missing):
            missing.append((event.start_sample / SAMPLE_RATE, event.samples / SAMPLE_RATE))
        else:
            assert isinstance(event, Tracks)
            assert tracks is None
            tracks = event
    return Heard(np.concatenate(samples), tuple(missing), tracks)


def in_stream(
    data: bytes,
    encoding: ContainerEncoding = "auto",
    chunking: Chunking | None = None,
    track: int | None = None,
) -> Heard:
    """Of what comes as it comes."""
    pieces = chunking(data) if chunking is not None else _in_frames(data)
    return heard(Recording(Wishes(encoding, track)).read_stream(Pieces(pieces)))


def in_file(data: bytes, track: int | None = None) -> Heard:
    """Of a file that can be sought in."""
    return heard(Recording(Wishes(track=track)).read_file(io.BytesIO(data)))


def _in_frames(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 4000):
        yield data[start : start + 4000]
