"""The text of a pause is told at once, and taken back where speech goes on."""

from surtitle.jobs import Job, Result, Word
from surtitle.messages import Final, Partial, Pause, PauseOver, Start, Suppressed
from tests.captioning.driver import (
    JUDGED,
    Driver,
    error,
    ok,
    open_session,
    saying,
    silence,
    speech,
    suppressed,
)

EAGER = Start(language="en", partials=False, eager=True)


def kinds(driver: Driver) -> list[type]:
    return [type(m) for m in driver.messages if isinstance(m, Pause | PauseOver | Final)]


def test_a_pause_has_the_text_of_the_final_that_follows() -> None:
    driver = open_session(EAGER, JUDGED, answer=saying("So it is."))
    driver.feed(speech(20) + silence(10))
    (pause,), (final,) = driver.of(Pause), driver.of(Final)
    assert kinds(driver) == [Pause, Final]
    assert (pause.text, pause.start_ms, pause.end_ms) == (final.text, final.start_ms, final.end_ms)
    assert pause.confidence == final.confidence
    assert pause.finished


def test_it_is_over_where_speech_goes_on() -> None:
    driver = open_session(EAGER, JUDGED, answer=saying("so it is and"))
    driver.feed(speech(20) + silence(4) + speech(20) + silence(30))
    assert kinds(driver) == [Pause, PauseOver, Pause, Final]
    assert not driver.of(Pause)[0].finished


def test_it_is_over_where_speech_goes_on_into_a_flush() -> None:
    driver = open_session(EAGER, JUDGED, answer=saying("so it is and"))
    driver.feed(speech(20) + silence(4) + speech(20))
    driver.flush()
    assert kinds(driver) == [Pause, PauseOver, Final]


def test_a_flush_in_the_pause_makes_it_the_final() -> None:
    driver = open_session(EAGER, JUDGED, answer=saying("so it is and"))
    driver.feed(speech(20) + silence(4))
    driver.flush()
    assert kinds(driver) == [Pause, Final]


def test_what_is_discarded_in_the_pause_is_taken_back() -> None:
    driver = open_session(EAGER, JUDGED, answer=saying("so it is and"))
    driver.feed(speech(20) + silence(4))
    driver.session.discard()
    driver.score()
    assert kinds(driver) == [Pause, PauseOver]
    assert driver.of(Suppressed)


def test_what_is_no_text_is_not_told() -> None:
    for answer in (suppressed, error, saying("")):
        driver = open_session(EAGER, JUDGED, answer=answer)
        driver.feed(speech(20) + silence(4) + speech(20) + silence(30))
        assert not {Pause, PauseOver} & set(kinds(driver))


def test_a_text_that_comes_after_speech_has_gone_on_is_not_told() -> None:
    driver = open_session(EAGER, JUDGED)
    driver.feed(speech(20) + silence(4) + speech(3))
    driver.give(ok(driver.finals[0]))
    assert not kinds(driver)


def test_nobody_is_told_who_does_not_ask() -> None:
    driver = open_session(Start(language="en"), JUDGED, answer=saying("so it is and"))
    driver.feed(speech(20) + silence(4) + speech(20) + silence(30))
    assert driver.of(Partial)
    assert kinds(driver) == [Final]


def test_its_words_have_times_where_those_are_wanted() -> None:
    def answer(job: Job) -> Result:
        words = (
            Word("So", 100, 200, 0.5),
            Word("be", 200, 300, 0.75),
            Word("it.", 300, 400, 0.875),
        )
        return Result(job.id, text="So be it.", language="en", words=words)

    start = Start(language="en", partials=False, eager=True, words=True)
    driver = open_session(start, JUDGED, answer=answer)
    driver.feed(silence(10) + speech(20) + silence(10))
    (pause,), (final,) = driver.of(Pause), driver.of(Final)
    assert pause.words == final.words
    assert pause.words is not None
    assert pause.words[0].start_ms == pause.start_ms + 100
