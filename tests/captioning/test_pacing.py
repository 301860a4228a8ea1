"""When the next partial of an utterance is due."""

import pytest

from surtitle.captioning.pacing import PartialPace
from surtitle.jobs import Job
from surtitle.messages import Update
from tests.captioning.driver import OPTIONS, WINDOW_MS, Driver, W, ok, open_session, silence, speech

LONGEST = 19
"""Windows of the longest interval."""


def ends(jobs: list[Job]) -> list[int]:
    """Where the audio of each ends, in windows of an utterance that begins with the session's."""
    return [len(job.audio) // W for job in jobs]


def session(interval: int = 5) -> Driver:
    """One whose jobs are answered when the test does so; `interval` is in windows."""
    return open_session(partial_interval_ms=interval * WINDOW_MS)


def test_partials_come_while_speech_grows_and_not_in_a_pause() -> None:
    driver = open_session(partial_interval_ms=5 * WINDOW_MS, answer=ok)
    driver.feed(speech(4))
    assert driver.partials == []
    driver.feed(speech(11))
    assert ends(driver.partials) == [5, 10, 15]
    driver.feed(silence(OPTIONS.endpoint_silence_ms // WINDOW_MS - 1))
    assert ends(driver.partials) == [5, 10, 15]


def test_after_a_pause_the_interval_begins_anew() -> None:
    driver = open_session(partial_interval_ms=5 * WINDOW_MS, answer=ok)
    driver.feed(speech(9), silence(3))  # the last window alone would have been due
    driver.feed(speech(5))
    assert ends(driver.partials) == [5]
    driver.feed(speech(1))
    assert ends(driver.partials) == [5, 18]


def test_the_next_partial_waits_for_the_result_of_the_one_before() -> None:
    driver = session()
    driver.feed(speech(5 + 8))
    assert ends(driver.partials) == [5]
    driver.give(ok(driver.partials[0]))  # what has been said since is enough: it is due at once
    assert ends(driver.partials) == [5, 13]
    driver.give(ok(driver.partials[1]))
    driver.feed(speech(4))
    assert ends(driver.partials) == [5, 13]
    driver.feed(speech(1))
    assert ends(driver.partials) == [5, 13, 18]


def test_one_that_does_not_come_back_is_followed_after_the_longest_interval() -> None:
    driver = session()
    driver.feed(speech(5 + LONGEST - 1))
    assert ends(driver.partials) == [5]
    driver.feed(speech(1))
    assert ends(driver.partials) == [5, 5 + LONGEST]
    driver.give(ok(driver.partials[0]))  # an older one says nothing of the newest
    driver.feed(speech(10))
    assert ends(driver.partials) == [5, 5 + LONGEST]


def test_a_result_that_comes_in_a_pause_asks_for_nothing() -> None:
    driver = session()
    driver.feed(speech(12), silence(1))
    driver.give(ok(driver.partials[0]))
    assert ends(driver.partials) == [5]


def test_a_pause_ends_the_wait_for_a_partial_that_its_decode_has_replaced() -> None:
    driver = session()
    driver.feed(speech(5), silence(3), speech(6))
    assert ends(driver.partials) == [5, 14]


def test_a_new_utterance_does_not_wait_for_a_partial_of_the_last() -> None:
    driver = session()
    driver.feed(speech(6), silence(10), speech(5))
    assert [job.utterance for job in driver.partials] == [1, 2]


def test_across_a_cut_they_come_as_before() -> None:
    driver = open_session(partial_interval_ms=15 * WINDOW_MS, answer=ok)
    driver.feed(speech(120))  # the cut comes after 100 windows, in the second half of them
    spoken = [(job.utterance, len(job.audio) // W) for job in driver.partials]
    assert [end for number, end in spoken if number == 1] == [15, 30, 45, 60, 75, 90]
    cut = driver.last_finals[0].audio
    assert [end + len(cut) // W for number, end in spoken if number == 2] == [105, 120]


def test_who_wants_none_gets_none_until_the_next_utterance() -> None:
    driver = session()
    driver.session.update(Update(partials=False))
    driver.feed(speech(20), silence(10))
    driver.session.update(Update(partials=True))
    driver.feed(speech(5))
    assert [job.utterance for job in driver.partials] == [2]


@pytest.mark.parametrize(
    ("utilization", "interval"),
    [(0.0, 160), (0.4, 160), (0.55, 384), (0.7, 608), (1.0, 608)],
)
def test_the_busier_the_engine_the_rarer(utilization: float, interval: int) -> None:
    pace = PartialPace(160)
    pace.adapt(utilization)
    assert not pace.is_due(interval * 16 - 1)
    assert pace.is_due(interval * 16)


def test_where_nobody_reads_along_they_are_rare() -> None:
    driver = session()
    driver.session.adapt_pace(0.0, patient=True)
    driver.feed(speech(2 * LONGEST))
    assert ends(driver.partials) == [LONGEST, 2 * LONGEST]


def test_the_least_interval_may_be_longer_than_that_of_a_busy_engine() -> None:
    pace = PartialPace(1000)
    for utilization in (0.0, 1.0):
        pace.adapt(utilization)
        assert not pace.is_due(15_999)
        assert pace.is_due(16_000)
