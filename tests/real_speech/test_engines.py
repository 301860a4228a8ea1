"""A server whose engines are processes of their own, with the real model, and what becomes of them."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from lab.ledger import read_pcm16
from lab.places import SAMPLE, SAMPLE_TEXT
from lab.server_process import ServerProcess, figure, is_ready, start_server
from lab.waiting import wait_until
from surtitle.client import Event
from surtitle.messages import Partial, Start, Status
from tests.marks import long
from tests.real_speech.scoring import stream, word_error_rate

ENGINE = [sys.executable, "-m", "surtitle", "engine", "--listen", "127.0.0.1:0"]


@pytest.fixture
def engines() -> Iterator[list[ServerProcess]]:
    """Two engine servers."""
    with ExitStack() as stack:
        started = []
        for _ in range(2):
            engine = start_server(command=ENGINE, ready=False, replicas=1, threads=1)
            stack.callback(engine.close_pipes)
            stack.callback(_end, engine)
            started.append(engine)
        for engine in started:
            wait_until(lambda each=engine: is_ready(each.url.replace("ws", "http", 1)), 60)
        yield started


@contextmanager
def serving(*engines: ServerProcess) -> Iterator[ServerProcess]:
    """A server with these engines."""
    server = start_server(engine=",".join(engine.url for engine in engines))
    try:
        yield server
    finally:
        server.stop()


def _end(engine: ServerProcess) -> None:
    if engine.process.poll() is None:
        engine.process.send_signal(signal.SIGCONT)
        engine.stop()


def test_an_engine_says_how_busy_it_is(engines: list[ServerProcess]) -> None:
    """As a cluster asks that scales by it."""
    engine = replace(engines[0], url=engines[0].url.replace("ws", "http", 1))
    assert figure(engine, "surtitle_ready") == 1
    assert figure(engine, "surtitle_owed_jobs") == 0
    assert figure(engine, "surtitle_engine_utilization") == 0


def test_an_engine_that_is_told_to_stop_has_not_failed(engines: list[ServerProcess]) -> None:
    assert engines[0].stop() == 0
    assert engines[0].events("stopped")


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, long(signal.SIGSTOP), long(signal.SIGTERM)], ids=lambda n: n.name
)
async def test_an_engine_that_goes_costs_no_word(
    engines: list[ServerProcess], number: signal.Signals
) -> None:
    with serving(*engines) as server:
        wait_until(lambda: len(server.events("engine found")) == 2, 10)
        gone: list[int] = []

        def end_an_engine_at_the_first_partial(message: Event) -> None:
            if isinstance(message, Partial) and not gone:
                gone.append(engines[0].process.pid)
                os.kill(gone[0], number)

        start = Start(language="en")
        audio = read_pcm16(SAMPLE)
        results = await asyncio.gather(
            stream(server.url, audio, start, end_an_engine_at_the_first_partial),
            stream(server.url, audio, start),
        )
        assert gone
        for result in results:
            assert word_error_rate(SAMPLE_TEXT, result.text()) == 0
            assert result.of(Status) == []
        assert is_ready(server.url)
        assert server.errors == []


async def test_without_any_engine_what_is_said_waits_for_one(
    engines: list[ServerProcess],
) -> None:
    first = engines[0]
    with serving(first) as server:
        port = first.port
        result = None

        def restart_it_at_the_first_partial(message: Event) -> None:
            nonlocal result
            if isinstance(message, Partial) and result is None:
                result = asyncio.ensure_future(asyncio.to_thread(restart))

        def restart() -> ServerProcess:
            first.stop(signal.SIGKILL)
            command = [*ENGINE[:-1], f"127.0.0.1:{port}"]
            return start_server(command=command, ready=False, replicas=1, threads=1)

        heard = await stream(
            server.url, read_pcm16(SAMPLE), Start(language="en"), restart_it_at_the_first_partial
        )
        assert result is not None
        again = await result
        try:
            assert word_error_rate(SAMPLE_TEXT, heard.text()) == 0
            assert [status.state for status in heard.of(Status)] == ["recovering", "normal"]
        finally:
            again.stop()
