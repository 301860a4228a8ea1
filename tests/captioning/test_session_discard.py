"""Utterances that are thrown away, and those that no silence ends."""

import pytest

from surtitle.messages import Ended, Final, Speech, Start, Suppressed, Update
from tests.captioning.driver import (
    JUDGED,
    OPTIONS,
    WINDOW_MS,
    Driver,
    W,
    ok,
    open_session,
    places,
    saying,
    silence,
    speech,
)


def discard(driver: Driver) -> None:
    driver.session.discard()
    driver.score()


def test_what_is_discarded_is_answered_at_once_and_its_jobs_are_of_no_use() -> None:
    driver = open_session(Start(language="en"))
    driver.feed(speech(20))
    discard(driver)
    (suppressed,) = driver.of(Suppressed)
    assert (suppressed.reason, suppressed.ended_by) == ("discarded", "discard")
    assert places(driver) == [(0, 20)]
    assert driver.partials
    driver.give(*map(ok, driver.partials))
    assert not driver.finals
    assert driver.messages[-1] is suppressed


def test_the_final_of_a_pause_is_cancelled_with_it() -> None:
    driver = open_session(Start(language="en", partials=False), JUDGED)
    driver.feed(speech(20) + silence(3))
    (final,) = driver.finals
    discard(driver)
    assert driver.cancelled == [final]
    driver.give(ok(final))
    assert not driver.of(Final)


def test_what_follows_is_an_utterance_of_its_own_and_the_account_is_whole() -> None:
    driver = open_session(Start(language="en", partials=False), answer=saying("hello"))
    driver.feed(speech(20) + silence(10) + speech(20))
    discard(driver)
    driver.feed(speech(20))
    driver.stop()
    assert [final.utterance for final in driver.of(Final)] == [1, 3]
    (ended,) = driver.of(Ended)
    assert ended.suppressed_ms == driver.of(Suppressed)[0].end_ms - driver.of(Speech)[1].start_ms
    assert (
        ended.captioned_ms + ended.silence_ms + ended.suppressed_ms + ended.failed_ms
        == ended.audio_ms
    )


def test_what_has_ended_before_is_answered_as_usual() -> None:
    driver = open_session(Start(language="en", partials=False))
    driver.feed(speech(20) + silence(10) + speech(20))
    discard(driver)
    assert not driver.of(Suppressed)  # in their order
    driver.give(ok(driver.finals[0], "hello"))
    assert [type(message) for message in driver.messages[-2:]] == [Final, Suppressed]


def test_it_holds_for_the_audio_before_it_however_far_the_server_is() -> None:
    driver = open_session(Start(language="en", partials=False), answer=saying("hello"))
    driver.session.receive_audio(speech(20.5))
    driver.session.discard()
    driver.session.receive_audio(speech(20))
    driver.stop()
    suppressed, final = driver.of(Suppressed)[0], driver.of(Final)[0]
    assert suppressed.end_ms == final.start_ms == int(20.5 * WINDOW_MS)


def test_with_nothing_open_it_changes_nothing() -> None:
    driver = open_session(answer=saying("hello"))
    driver.feed(silence(10))
    discard(driver)
    driver.feed(speech(20))
    driver.stop()
    discard(driver)
    assert [type(m) for m in driver.messages if not isinstance(m, Speech)][-2:] == [Final, Ended]


def test_what_is_discarded_is_never_in_a_better_text() -> None:
    start = Start(language="en", partials=False, revisions=True)
    driver = open_session(start, OPTIONS, answer=saying("word0 word1"))
    driver.feed(speech(40) + silence(6) + speech(40))
    discard(driver)
    driver.feed(silence(1) + speech(40) + silence(300))
    driver.stop()
    discarded = driver.of(Suppressed)[0]
    assert discarded.reason == "discarded"
    jobs = [job for job in driver.jobs if job.session != driver.session.id]
    longest = max((len(job.audio) for job in jobs), default=0)
    assert longest <= 60 * W  # what is before and what is after are not decoded together


@pytest.mark.parametrize("waiting", [False, True])
def test_without_endpointing_it_ends_by_flush(waiting: bool) -> None:
    start = Start(language="en", partials=False, endpointing=False)
    driver = open_session(start, JUDGED, answer=saying("hello"))
    audio = speech(20) + silence(40) + speech(20)
    if waiting:
        driver.session.receive_audio(audio)
    else:
        driver.feed(audio)
    driver.flush()
    assert [final.ended_by for final in driver.of(Final)] == ["flush"]
    assert places(driver) == [(0, 80)]


def test_endpointing_is_turned_on_and_off_from_the_next_utterance_on() -> None:
    driver = open_session(Start(language="en", partials=False), answer=saying("hello"))
    driver.feed(speech(20))
    driver.session.update(Update(endpointing=False))
    driver.feed(silence(10) + speech(20) + silence(10))
    assert len(driver.of(Final)) == 1
    driver.session.update(Update(endpointing=True, endpoint_silence_ms=20 * WINDOW_MS))
    driver.flush()
    driver.feed(speech(20) + silence(19))
    assert len(driver.of(Final)) == 2
    driver.feed(silence(1))
    assert [final.ended_by for final in driver.of(Final)] == ["pause", "flush", "pause"]


@pytest.mark.parametrize(
    ("start", "silent_after_s"),
    [
        (Start(silent_after_ms=2500), 2.5),
        (Start(silent_after_ms=0), float("inf")),
        (Start(silent_after_ms=2500, endpointing=False), float("inf")),
        (Start(silent_after_ms=2500, mode="file"), float("inf")),
    ],
)
def test_how_long_a_sender_may_be_silent(start: Start, silent_after_s: float) -> None:
    assert open_session(start).session.silent_after_s == silent_after_s
