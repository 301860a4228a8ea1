from collections.abc import Iterator

import numpy as np
import pytest

from surtitle.decoding.child import Gone, Outgoing, tell
from surtitle.decoding.recording import UNKNOWN_SAMPLES, Event, Missing
from surtitle.decoding.sources import Unreadable
from surtitle.decoding.wire import BrokenStream, Kind, Unpacker, unpack_place

NO_LIMIT_S = 0.0
SAMPLES = np.arange(1000, dtype=np.int16)


def told(events: Iterator[Event]) -> list[tuple[Kind, bytes]]:
    """The frames that are sent."""
    sent = bytearray()
    tell(events, Outgoing(sent.extend), NO_LIMIT_S)
    return [*Unpacker().feed(bytes(sent))]


def breaking(error: Exception, *events: Event) -> Iterator[Event]:
    yield from events
    raise error


@pytest.mark.parametrize(
    "error", [IndexError("list"), KeyError(3), RuntimeError(), ValueError(), OSError(5, "I/O")]
)
def test_what_was_heard_is_kept_whatever_happens_then(error: Exception) -> None:
    frames = told(breaking(error, SAMPLES, Missing(1000, 500), SAMPLES))
    kinds = [kind for kind, _ in frames]
    assert kinds == [Kind.PCM, Kind.MISSING, Kind.PCM, Kind.MISSING, Kind.ENDED]
    assert b"".join(pcm for kind, pcm in frames if kind is Kind.PCM) == SAMPLES.tobytes() * 2
    assert unpack_place(frames[-2][1]) == (2000, UNKNOWN_SAMPLES)
    assert unpack_place(frames[-1][1]) == (0, 500 + UNKNOWN_SAMPLES)


@pytest.mark.parametrize("error", [IndexError(), RuntimeError(), OSError()])
def test_before_the_first_sample_it_is_no_end(error: Exception) -> None:
    with pytest.raises(type(error)):
        told(breaking(error))


@pytest.mark.parametrize("error", [BrokenPipeError(), ConnectionResetError(), OSError()])
def test_nobody_is_told_where_nobody_is_there(error: Exception) -> None:
    tries = []

    def write(frame: bytes) -> None:
        tries.append(frame)
        raise error

    events: list[Event] = [SAMPLES, Missing(1000, 500), SAMPLES]
    with pytest.raises(Gone):
        tell(events, Outgoing(write), NO_LIMIT_S)
    assert len(tries) == 1


def test_a_server_that_sends_nonsense_is_told_nothing() -> None:
    with pytest.raises(BrokenStream):
        told(breaking(BrokenStream(), SAMPLES))


@pytest.mark.parametrize("error", [Unreadable("It is none."), MemoryError()])
def test_what_is_given_up_says_why(error: Exception) -> None:
    frames = told(breaking(error, SAMPLES))
    assert [kind for kind, _ in frames] == [Kind.PCM, Kind.FAILED]
    assert frames[-1][1].decode().endswith(".")
