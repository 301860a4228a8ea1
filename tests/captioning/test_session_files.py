"""A session in which nobody waits for a caption: long utterances, and nothing is decoded twice."""

from surtitle.captioning.endpointing import FILE_SILENCE_MS, EndpointingOptions
from surtitle.jobs import MAX_WINDOW_S
from surtitle.messages import Ended, Final, Partial, Revised, Start, Update
from tests.captioning.driver import WINDOW_MS, Driver, ok, open_session, silence, speech

SILENCE = FILE_SILENCE_MS // WINDOW_MS + 1
"""Windows that end an utterance."""


def file_session(**wishes: int | bool) -> Driver:
    start = Start(language="en", mode="file", **wishes)  # type: ignore[arg-type]
    return open_session(start, EndpointingOptions(), answer=ok)


def test_pauses_neither_end_an_utterance_nor_are_decoded() -> None:
    driver = file_session()
    for _ in range(5):
        driver.feed(speech(60) + silence(40))
    assert not driver.jobs
    driver.feed(silence(SILENCE))
    (job,) = driver.jobs
    assert job.kind == "final" and not job.speculative and job.window_s == MAX_WINDOW_S
    assert not driver.of(Partial)
    (final,) = driver.of(Final)
    assert final.end_ms - final.start_ms > 4 * 100 * WINDOW_MS


def test_what_is_longer_than_the_model_hears_at_once_is_cut() -> None:
    driver = file_session()
    driver.feed(speech(2000) + silence(SILENCE))
    lengths = [final.end_ms - final.start_ms for final in driver.of(Final)]
    assert len(lengths) == 3 and max(lengths) <= 28_000
    assert len(driver.jobs) == 3


def test_partials_and_better_texts_are_not_sent_even_if_asked_for() -> None:
    driver = file_session(partials=True, revisions=True)
    driver.session.update(Update(partials=True))
    for _ in range(3):
        driver.feed(speech(100) + silence(SILENCE))
    driver.stop()
    assert len(driver.of(Final)) == len(driver.jobs) == 3
    assert not driver.of(Partial) and not driver.of(Revised)
    assert driver.session.revisions_line is None
    (ended,) = driver.of(Ended)
    assert ended.utterances == 3


def test_the_client_may_set_other_lengths() -> None:
    driver = file_session(endpoint_silence_ms=20 * WINDOW_MS, max_utterance_ms=100 * WINDOW_MS)
    driver.feed(speech(40) + silence(21) + speech(150) + silence(21))
    finals = driver.of(Final)
    assert len(finals) == 3
    assert max(final.end_ms - final.start_ms for final in finals) <= 100 * WINDOW_MS


def test_an_end_that_is_asked_for_is_one() -> None:
    driver = file_session()
    driver.feed(speech(40))
    driver.flush()
    driver.feed(speech(40))
    driver.stop()
    assert len(driver.of(Final)) == 2
