"""A session keeps no more than it needs."""

import tracemalloc
from collections.abc import Callable

import pytest

from surtitle.messages import Start
from tests.captioning.driver import (
    WINDOW_MS,
    Driver,
    ok,
    open_session,
    silence,
    speech,
)


def growth(driver: Driver, step: Callable[[], None], times: int) -> int:
    """Bytes of memory more after many steps than after a few."""
    for _ in range(20):
        step()
    driver.acks.clear()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            step()
            driver.acks.clear()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_an_hour_of_silence_takes_no_memory() -> None:
    driver = open_session()
    ten_seconds = bytes(320_000)

    def step() -> None:
        driver.session.receive_audio(ten_seconds)
        count = len(driver.session.take_windows(1000))
        driver.session.receive_probabilities([0.05] * count, [0.0] * count)

    assert growth(driver, step, 360) < 100_000
    assert driver.session.unanswered_s < 1
    assert driver.session.messages() == []
    assert driver.session.ack().received - driver.session.ack().safe < 2 * 320_000


def test_hours_of_short_utterances_take_no_memory() -> None:
    driver = open_session(Start(language="en", partials=False), answer=ok)
    audio = speech(20) + silence(10)

    def step() -> None:
        driver.feed(audio)
        driver.jobs.clear()
        driver.messages.clear()

    # The audio of ten of them; and Python keeps up to 2,000 free tuples of each length.
    assert growth(driver, step, 300) < 200_000


def test_frames_that_bring_no_audio_take_no_memory() -> None:
    driver = open_session()
    driver.feed(speech(10), b"\x01")

    def step() -> None:
        driver.session.receive_audio(b"")

    assert growth(driver, step, 5000) < 50_000


def test_what_is_unanswered_is_known_in_seconds() -> None:
    driver = open_session()
    driver.session.receive_audio(bytes(64_000))
    assert driver.session.unanswered_s == pytest.approx(2.0)
    driver.score()
    assert driver.session.unanswered_s < 0.2
    driver.feed(speech(50))
    assert driver.session.unanswered_s == pytest.approx(54 * WINDOW_MS / 1000, abs=0.1)
