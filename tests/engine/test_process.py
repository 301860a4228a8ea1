"""One incarnation of the worker, as a real process with a scripted decoder."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from lab.server_process import FAKE_DECODER
from lab.waiting import is_alive, left_over, wait_until
from surtitle.engine.process import Incarnation
from surtitle.jobs import DecodeOptions, Job, Result
from surtitle.recognition.worker import Answer, Started, StartFailed, WorkerOptions
from surtitle.runtime.telemetry import LogOptions

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def make_job(number: int, prompt: str = "", seconds: float = 0.1) -> Job:
    audio = np.zeros(round(seconds * 16_000), np.int16)
    return Job(f"s/{number}/1600/final", "s", number, "final", audio, DecodeOptions(prompt=prompt))


class Watched:
    """An incarnation, what it answered and how it ended."""

    def __init__(self, name: str, give_up_s: float) -> None:
        self.answers: list[Answer] = []
        self.deaths: list[str] = []
        self.threads: set[str] = set()
        options = WorkerOptions(FAKE_DECODER, {"name": name}, LogOptions("error"), give_up_s)
        self.incarnation = Incarnation(1, options, self._on_answer, self.deaths.append)
        assert self.incarnation.pid is not None
        self.process = psutil.Process(self.incarnation.pid)

    def _on_answer(self, answer: Answer) -> None:
        self.threads.add(threading.current_thread().name)
        self.answers.append(answer)

    @property
    def texts(self) -> list[str]:
        return [a.text for a in self.answers if isinstance(a, Result)]

    def ended(self, within_s: float = 10.0) -> str:
        wait_until(lambda: self.deaths, within_s)
        assert self.incarnation.join(1.0)
        assert not is_alive(self.process)
        assert len(self.deaths) == 1
        return self.deaths[0]


@contextmanager
def worker(name: str = "fake", *, ready: bool = True, give_up_s: float = 60) -> Iterator[Watched]:
    watched = Watched(name, give_up_s)
    try:
        if ready:
            wait_until(lambda: watched.answers or watched.deaths)
            assert isinstance(watched.answers[0], Started)
        yield watched
    finally:
        watched.incarnation.kill()
        watched.incarnation.join(5)
        left_over([watched.process], 0)


def test_it_says_ready_answers_in_order_and_ends_when_asked() -> None:
    with worker() as watched:
        watched.incarnation.send([make_job(1, "say:one"), make_job(2, "say:two")])
        watched.incarnation.send([make_job(3, "say:three")])
        watched.incarnation.ask_to_end()
        assert watched.ended() == "it exited with status 0"
        assert watched.texts == ["one", "two", "three"]
        assert watched.threads == {"worker-reader-1"}


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM])
def test_death_by_a_signal_is_named(number: signal.Signals) -> None:
    with worker() as watched:
        os.kill(watched.process.pid, number)
        assert watched.ended() == f"it was killed by {number.name}"


def test_what_was_answered_before_the_death_is_delivered() -> None:
    with worker() as watched:
        watched.incarnation.send([make_job(1, "say:one"), make_job(2, "exit")])
        assert watched.ended() == "it exited with status 0"
        assert watched.texts == ["one"]


def test_a_crash_tells_its_stack() -> None:
    with worker() as watched:
        os.kill(watched.process.pid, signal.SIGSEGV)
        assert watched.ended() == "it was killed by SIGSEGV"
        assert "Segmentation fault" in watched.incarnation.last_words
        assert "in serve" in watched.incarnation.last_words


def test_an_end_in_order_tells_nothing() -> None:
    with worker() as watched:
        watched.incarnation.ask_to_end()
        assert watched.ended() == "it exited with status 0"
        assert watched.incarnation.last_words == ""


def test_a_worker_whose_parent_does_nothing_about_a_hang_ends_itself(tmp_path: Path) -> None:
    with worker(give_up_s=0.5) as watched:
        watched.incarnation.send([make_job(1, f"spin-once:{tmp_path / 'flag'}")])
        assert watched.ended() == "it exited with status 1"
        assert "Timeout" in watched.incarnation.last_words


def test_one_that_only_looks_at_batches_that_never_end_does_so_too(tmp_path: Path) -> None:
    """A replica or a GPU hangs while the main thread goes round."""
    with worker(give_up_s=1.5) as watched:
        watched.incarnation.send([make_job(1, f"wait:{tmp_path / 'flag'}")])
        assert watched.ended() == "it exited with status 1"


def test_only_work_counts_as_a_hang() -> None:
    with worker(give_up_s=0.5) as watched:
        watched.incarnation.send([make_job(1, "sleep:0.2")])
        time.sleep(1.0)  # idle for longer than that
        watched.incarnation.send([make_job(2, "say:still here")])
        wait_until(lambda: watched.texts[1:])
        assert watched.texts == ["100 ms", "still here"]


def test_nonsense_on_the_channel_ends_it() -> None:
    with worker() as watched:
        watched.incarnation.send([make_job(1, "garbage")])
        assert watched.ended() == "it was killed by SIGKILL"
        assert watched.texts == []


def test_a_worker_that_cannot_start_says_why() -> None:
    with worker("fail:No such device.", ready=False) as watched:
        assert watched.ended() == "it exited with status 1"
        assert watched.answers == [StartFailed("No such device.")]


def test_sending_to_a_stopped_worker_does_not_block() -> None:
    """Ten megabytes do not fit into any pipe."""
    with worker() as watched:
        watched.process.suspend()
        wait_until(lambda: watched.process.status() == psutil.STATUS_STOPPED)
        begun = time.monotonic()
        for number in range(10):
            watched.incarnation.send([make_job(number, seconds=30)])
        assert time.monotonic() - begun < 1.0
        assert not watched.incarnation.join(0.05)
        watched.incarnation.terminate()  # a stopped process takes no notice …
        assert not watched.incarnation.join(0.2)
        watched.incarnation.kill()  # … but of this
        assert watched.ended() == "it was killed by SIGKILL"


def test_a_worker_that_holds_the_gil_can_be_terminated(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with worker() as watched:
        watched.incarnation.send([make_job(1, f"spin-once:{flag}")])
        wait_until(flag.exists)
        watched.incarnation.terminate()
        assert watched.ended(1.0) == "it was killed by SIGTERM"


def test_ctrl_c_does_not_reach_it_at_any_moment() -> None:
    with worker("slow:0.3", ready=False) as watched:
        while not watched.answers:  # from its first instruction on
            os.kill(watched.process.pid, signal.SIGINT)
            time.sleep(0.01)
        watched.incarnation.send([make_job(1, "say:undisturbed")])
        os.kill(watched.process.pid, signal.SIGINT)
        wait_until(lambda: watched.texts or watched.deaths)
        assert watched.texts == ["undisturbed"]


def test_starting_one_leaves_the_handler_of_ctrl_c_as_it_was() -> None:
    def handler(number: int, frame: object) -> None:
        raise AssertionError

    previous = signal.signal(signal.SIGINT, handler)
    try:
        with worker("slow:60", ready=False):
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, previous)
