"""What a client asks for while its audio waits is bounded, and takes effect where it was asked for."""

import tracemalloc
from collections.abc import Callable
from itertools import count

import pytest

from surtitle.captioning.session import MAX_UNANSWERED, MAX_WISHES_BYTES
from surtitle.messages import Start, Update
from tests.captioning.driver import JUDGED, Driver, W, ok, open_session, places, silence, speech

numbers = count()


def large() -> Update:
    """The largest that there is, and no two alike."""
    hotwords = [f"{next(numbers):0100d}" for _ in range(100)]
    return Update(hotwords=hotwords, prompt=f"{next(numbers):01000d}")


def behind() -> Driver:
    """A session whose speech waits to be scored."""
    driver = open_session(Start(language="en", partials=False))
    driver.session.receive_audio(speech(1000))
    return driver


def unanswered() -> Driver:
    """One whose speech waits for what was said before a pause."""
    driver = open_session(Start(language="en", partials=False), JUDGED)
    driver.feed(speech(20) + silence(10))
    driver.feed(speech(100))
    assert not driver.session.idle
    return driver


def update(driver: Driver) -> None:
    driver.session.update(large())


def update_and_flush(driver: Driver) -> None:
    driver.session.update(large())
    driver.session.flush()


def flush(driver: Driver) -> None:
    driver.session.flush()


@pytest.mark.parametrize("start", [behind, unanswered])
@pytest.mark.parametrize("ask", [update, update_and_flush, flush])
def test_asking_at_one_sample_takes_no_memory(
    start: Callable[[], Driver], ask: Callable[[Driver], None]
) -> None:
    driver = start()
    ask(driver)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            ask(driver)
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("start", [behind, unanswered])
@pytest.mark.parametrize("ask", [update, update_and_flush])
@pytest.mark.parametrize("between", [1, W // 4, W, 3 * W])
def test_asking_with_audio_between_is_read_no_more_where_too_much_waits(
    start: Callable[[], Driver], ask: Callable[[Driver], None], between: int
) -> None:
    driver = start()
    asked = 0
    while not driver.session.full:
        ask(driver)
        driver.session.receive_audio(speech(between / W))
        asked += 1
        assert asked < 20_000
    assert driver.session.held_bytes < 4 * MAX_WISHES_BYTES + 4_000_000
    driver.answer = ok
    driver.give(*map(ok, driver.jobs))
    driver.score()
    assert not driver.session.full  # it goes on by itself


def test_utterances_that_wait_are_read_no_more_of_where_there_are_too_many() -> None:
    """Each has wishes of its own."""
    driver = open_session(Start(language="en", partials=False))
    said = 0
    while not driver.session.full:
        driver.session.update(large())
        driver.feed(speech(3), silence(6))
        driver.flush()
        said += 1
    assert said == MAX_UNANSWERED + 1
    assert driver.session.held_bytes < 100_000 * MAX_UNANSWERED
    driver.give(*map(ok, driver.last_finals))
    assert not driver.session.full


def test_what_a_session_holds_is_known() -> None:
    driver = open_session(Start(language="en", partials=False))
    empty = driver.session.held_bytes
    driver.session.receive_audio(speech(1000))
    audio = driver.session.held_bytes - empty
    assert audio >= 2 * 1000 * W - 32_000
    driver.session.update(large())
    assert driver.session.held_bytes - empty - audio > 10_000
    driver.answer = ok
    driver.score()
    driver.feed(silence(40))
    driver.session.update(Update(hotwords=[], prompt=""))
    assert driver.session.held_bytes < 2 * empty


def test_a_flush_between_two_updates_ends_what_was_said_before_it() -> None:
    driver = open_session(Start(language="en", partials=False))
    driver.session.receive_audio(speech(20))
    driver.session.update(Update(prompt="one"))
    driver.session.flush()
    driver.session.update(Update(prompt="two"))
    driver.session.flush()
    driver.session.receive_audio(speech(20))
    driver.session.update(Update(prompt="three"))
    driver.session.update(Update(prompt="four"))
    driver.session.flush()
    driver.session.receive_audio(speech(20) + silence(40))
    driver.answer = ok
    driver.score()
    assert [job.decode_options.prompt for job in driver.last_finals] == ["", "two", "four"]
    ends = [end for _, end in places(driver)]
    assert ends[:2] == [20, 40]
