"""From a source to its captions in one loop, with `async` and without."""

import asyncio
import contextlib
import signal
import threading
import wave
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lab.waiting import wait_until
from surtitle.client import (
    Ack,
    ClientError,
    Ended,
    Event,
    Final,
    Source,
    Speech,
    Start,
    caption,
    sync,
)
from tests.client.test_client import listening
from tests.gateway.fakes import LOUD, QUIET

SPEECH = np.frombuffer(LOUD * 20 + QUIET * 40, np.int16)
PIECES = np.array_split(SPEECH, 20)
START = Start(partials=False)
WITHOUT_PARTIALS = [Speech, Final, Ended]


async def spoken() -> AsyncIterator[np.ndarray]:
    for piece in PIECES:
        await asyncio.sleep(0)
        yield piece


class FakeMicrophone:
    """What is open for as long as it is listened to."""

    sample_rate = 48_000

    def __init__(self) -> None:
        self.is_open = False

    async def __aenter__(self) -> "FakeMicrophone":
        self.is_open = True
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.is_open = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in PIECES:
            assert self.is_open
            yield np.repeat(piece, 3).tobytes()


def wav(folder: Path) -> Path:
    path = folder / "talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(SPEECH.tobytes())
    return path


SOURCES: dict[str, Callable[[Path], Source]] = {
    "path": wav,
    "name": lambda folder: str(wav(folder)),
    "array": lambda folder: SPEECH,
    "arrays": lambda folder: PIECES,
    "generator": lambda folder: iter(PIECES),
    "async generator": lambda folder: spoken(),
    "bytes": lambda folder: [piece.tobytes() for piece in PIECES],
    "microphone": lambda folder: FakeMicrophone(),
}


def kinds(events: Iterable[Event]) -> list[type]:
    return [type(event) for event in events if not isinstance(event, Ack)]


@pytest.mark.parametrize("source", SOURCES)
async def test_any_source_is_captioned_in_one_loop(source: str, tmp_path: Path) -> None:
    async with listening() as (url, _):
        events = [event async for event in caption(url, SOURCES[source](tmp_path), START)]
    assert kinds(events) == WITHOUT_PARTIALS
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.audio_ms == pytest.approx(len(SPEECH) / 16, abs=40)


@pytest.mark.parametrize("source", SOURCES)
async def test_any_source_is_captioned_without_async(source: str, tmp_path: Path) -> None:
    async with listening() as (url, _):
        events = await asyncio.to_thread(
            lambda: list(sync.caption(url, SOURCES[source](tmp_path), START))
        )
    assert kinds(events) == WITHOUT_PARTIALS


def test_it_works_where_a_loop_runs_already(tmp_path: Path) -> None:
    """As in a notebook's cell, which is a coroutine that calls what blocks."""
    with a_server() as url:

        async def cell() -> list[Event]:
            return list(sync.caption(url, wav(tmp_path), START))

        assert kinds(asyncio.run(cell())) == WITHOUT_PARTIALS


@contextlib.contextmanager
def a_server() -> Iterator[str]:
    """The address of a gateway that runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    stack = contextlib.AsyncExitStack()
    url, _ = asyncio.run_coroutine_threadsafe(stack.enter_async_context(listening()), loop).result()
    try:
        yield url
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_who_leaves_the_loop_leaves_source_session_and_thread() -> None:
    microphone = FakeMicrophone()
    with a_server() as url:
        before = threading.active_count()
        for message in sync.caption(url, microphone, START):
            if isinstance(message, Speech):
                break
        assert not microphone.is_open
        wait_until(lambda: threading.active_count() <= before)


@contextlib.contextmanager
def ctrl_c() -> Iterator[None]:
    """It interrupts, also where a shell has started the tests in its background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_wait_that_is_interrupted_leaves_nothing_behind() -> None:
    """As by Ctrl+C, while nothing comes."""

    def silent() -> Iterator[bytes]:
        yield bytes(3200)
        signal.pthread_kill(main, signal.SIGINT)
        release.wait()

    release, main = threading.Event(), threading.get_ident()
    with a_server() as url, ctrl_c():
        before = threading.active_count()
        messages = sync.caption(url, silent(), START)
        with pytest.raises(KeyboardInterrupt):
            for _ in messages:
                pass
        release.set()
        wait_until(lambda: threading.active_count() <= before)  # the source's own has looked
        assert next(messages, None) is None


async def test_a_source_that_blocks_does_not_hold_up_the_captions() -> None:
    heard = threading.Event()

    def slow() -> Iterator[np.ndarray]:
        yield from PIECES
        assert heard.wait(10), "the final came only after the source"

    async with listening() as (url, _):
        async for message in caption(url, slow(), START):
            if isinstance(message, Final):
                heard.set()


@pytest.mark.parametrize(
    ("samples", "error", "said"),
    [
        (np.zeros(1600, np.float32), TypeError, r"float32, not int16.*\* 32767"),
        (np.zeros((1600, 2), np.int16), ValueError, r"mono.*\(1600, 2\)"),
    ],
)
async def test_samples_that_are_none_are_told(
    samples: np.ndarray, error: type[Exception], said: str
) -> None:
    async with listening() as (url, _):
        with pytest.raises(error, match=said):
            async for _event in caption(url, samples, START):
                pass


async def test_what_goes_wrong_is_a_client_error(tmp_path: Path) -> None:
    async with listening() as (url, _):
        with pytest.raises(ClientError, match="There is no file"):
            async for _event in caption(url, tmp_path / "none.wav"):
                pass
    with pytest.raises(ClientError, match="nobody listens there"):
        for _message in sync.caption(url, SPEECH):
            pass


async def test_the_language_and_the_rest_of_start_are_as_given() -> None:
    async with listening() as (url, _):
        async for message in caption(url, SPEECH, Start(prompt="as said")):
            if isinstance(message, Final):
                assert message.text == "as said"
                break
        else:
            pytest.fail("there was no final")
