"""What only a GPU can do wrong, with a real one: no memory left, a failed device, a hung job.

That captions are the same there shows in the other tests: where a GPU is, they run on it.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ctranslate2
import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.places import REPOSITORY, SAMPLE, SAMPLE_TEXT
from lab.server_process import ServerProcess, is_ready, start_server
from lab.waiting import wait_until
from surtitle.client import Event
from surtitle.messages import Final, Partial, Start, Status
from surtitle.recognition.worker import EXIT_CAUSES, EXIT_DEVICE_FAILED, EXIT_OUT_OF_MEMORY
from tests.gpu.driver import Gpu
from tests.real_speech.scoring import stream, word_error_rate

pytestmark = pytest.mark.skipif(
    not ctranslate2.get_cuda_device_count(), reason="CTranslate2 sees no GPU here"
)

MANY = 24
"""More streams at once than a batch has jobs."""
SLACK = 64 << 20
"""Bytes by which the GPU's free memory may differ when all is as before."""


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    """A server that decodes on the GPU; a short lease, so that a hung worker is replaced soon."""
    started = start_server(device="cuda", lease_s=8)
    yield started
    started.stop()


@contextlib.contextmanager
def no_memory() -> Iterator[None]:
    """Another program has taken all memory of the GPU."""
    command = [sys.executable, "-m", "tests.gpu.driver"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "full\n"
        yield
        other.stdin.close()


async def caption(server: ServerProcess) -> str:
    """The text of the sample, spoken as fast as it goes."""
    return (await stream(server.url, read_pcm16(SAMPLE), Start(language="en"))).text()


def test_the_check_of_the_installation_is_content() -> None:
    command = [sys.executable, "-m", "surtitle", "check", "--device", "cuda", "--model", "tiny.en"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "cuBLAS 12 can be loaded" in done.stdout


async def test_a_batch_without_memory_is_decoded_one_by_one(server: ServerProcess) -> None:
    """What the GPU has kept since the start is enough for one job, and not for a full batch."""
    with no_memory():
        texts = await asyncio.gather(*(caption(server) for _ in range(MANY)))
    assert [word_error_rate(SAMPLE_TEXT, text) for text in texts] == [0] * MANY
    errors = [event["error"] for event in server.events("batch failed, one by one")]
    assert any("out of memory" in error for error in errors)


async def test_a_job_without_memory_costs_workers_until_there_is_some() -> None:
    server = start_server(device="cuda", model="base")
    try:
        with no_memory():
            # A minute without a pause asks for the longest windows; the stream checks its account.
            await stream(server.url, np.tile(read_pcm16(SAMPLE)[:32000], 30), Start(language="en"))
        causes = {event["cause"] for event in server.events("worker died")}
        # Once memory ran out, CTranslate2's next call may find its device invalid.
        out, failed = EXIT_CAUSES[EXIT_OUT_OF_MEMORY], EXIT_CAUSES[EXIT_DEVICE_FAILED]
        assert out in causes <= {out, failed}
        await asyncio.to_thread(wait_until, lambda: is_ready(server.url), 60)
        assert word_error_rate(SAMPLE_TEXT, await caption(server)) == 0
    finally:
        server.stop()


def test_without_memory_for_the_model_the_server_says_so() -> None:
    with no_memory():
        server = start_server(device="cuda", ready=False)
        assert server.process.wait(60) == 3
        server.stop()
    cause = server.events("the engine gives up")[0]["cause"]
    assert "There is not enough memory for the model" in cause


async def test_a_device_that_failed_is_left_and_the_caption_comes(tmp_path: Path) -> None:
    server = start_server(decoder="tests.gpu.trapping:load", device="cuda")
    try:
        start = Start(language="en", prompt=f"trap:{tmp_path / 'flag'}")
        heard = await stream(server.url, read_pcm16(SAMPLE), start)
        assert word_error_rate(SAMPLE_TEXT, heard.text()) == 0
        assert [status.state for status in heard.of(Status)] == ["recovering", "normal"]
        (died,) = server.events("worker died")  # or CTranslate2 itself found it, in a destructor
        assert died["cause"] in (EXIT_CAUSES[EXIT_DEVICE_FAILED], "it was killed by SIGABRT")
    finally:
        server.stop()


async def test_the_memory_of_a_hung_worker_is_free_again(server: ServerProcess) -> None:
    gpu = Gpu()
    hung: list[int] = []
    assert word_error_rate(SAMPLE_TEXT, await caption(server)) == 0
    before = gpu.free

    def stop_worker(message: Event) -> None:
        if isinstance(message, Partial) and not hung:
            hung.append(server.worker_pid)
            os.kill(server.worker_pid, signal.SIGSTOP)

    heard = await stream(server.url, read_pcm16(SAMPLE), Start(language="en"), stop_worker)
    assert hung and server.worker_pid != hung[0]
    assert word_error_rate(SAMPLE_TEXT, heard.text()) == 0
    assert heard.of(Final)[0].text
    assert abs(gpu.free - before) < SLACK
