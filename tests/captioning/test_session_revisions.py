"""A session whose client asked for revisions: what is sent, when, and what it costs."""

import pytest

from surtitle.captioning.maturing import LATEST_MS, MAX_DUE, TOGETHER_MS
from surtitle.jobs import SAMPLE_RATE, Job, Result, Word
from surtitle.messages import Ended, Final, Revised, Start, Suppressed, Update
from tests.captioning.driver import (
    WINDOW_MS,
    Driver,
    numbers,
    ok,
    open_session,
    silence,
    speech,
    suppressed,
)

ASKED = Start(language="en", partials=False, revisions=True)
APART = TOGETHER_MS // WINDOW_MS + 2
"""Windows of silence after which nothing belongs together."""


def is_revision(job: Job) -> bool:
    return job.session.endswith("/revisions")


def together(job: Job, *texts: str) -> Result:
    """A result that says the texts one after the other, evenly over the audio."""
    forms = [form for text in texts for form in text.split()]
    step_ms = round(1000 * job.seconds / len(forms))
    words = tuple(
        Word(form, at * step_ms, (at + 1) * step_ms, 0.75) for at, form in enumerate(forms)
    )
    return Result(job.id, text=" ".join(texts), language="en", confidence=0.81234, words=words)


def answering(*texts: str) -> "Driver":
    """Finals say `words`; what is decoded together says these texts."""

    def answer(job: Job) -> Result | None:
        return together(job, *texts) if is_revision(job) else ok(job, "words")

    return open_session(ASKED, answer=answer)


def two_fragments(driver: Driver) -> Driver:
    """Two utterances of the same length, soon after each other."""
    for _ in range(2):
        driver.feed(speech(20) + silence(10))
    return driver


def revisions(driver: Driver) -> list[Job]:
    return [job for job in driver.jobs if is_revision(job)]


def test_what_belongs_together_is_decoded_once_more() -> None:
    driver = two_fragments(answering("better", "text"))
    assert driver.of(Revised) == []
    driver.feed(silence(APART))
    finals, better = driver.of(Final), driver.of(Revised)
    assert [(each.utterance, each.text) for each in better] == [(1, "better"), (2, "text")]
    for final, revised in zip(finals, better, strict=True):
        assert (final.start_ms, final.end_ms) == (revised.start_ms, revised.end_ms)
    assert better[0].confidence == 0.812 and better[0].words is None
    assert numbers(driver.messages) == list(range(1, len(driver.messages) + 1))
    (job,) = revisions(driver)
    assert job.kind == "final" and job.decode_options.words and job.utterance == 2


def test_finals_come_as_soon_as_without() -> None:
    asked, plain = (
        answering("better", "text"),
        open_session(Start(language="en", partials=False), answer=lambda job: ok(job, "words")),
    )
    for driver in (asked, plain):
        two_fragments(driver).feed(silence(APART))
    kept = [message for message in asked.messages if not isinstance(message, Revised)]
    assert len(kept) < len(asked.messages)
    assert kept == plain.messages
    assert [ack.safe for ack in asked.acks][-1] == [ack.safe for ack in plain.acks][-1]


def test_nobody_who_does_not_ask_gets_any() -> None:
    driver = open_session(Start(language="en"), answer=lambda job: ok(job, "words"))
    two_fragments(driver).feed(silence(APART))
    driver.stop()
    assert not driver.of(Revised) and not revisions(driver)
    assert driver.session.revisions_line is None


def test_translations_are_left_as_they_are() -> None:
    start = Start(language="de", task="translate", revisions=True)
    driver = open_session(start, answer=lambda job: ok(job, "words"))
    two_fragments(driver).feed(silence(APART))
    assert not revisions(driver)


def test_the_end_waits_for_them_and_counts_once() -> None:
    driver = two_fragments(answering("better", "text"))
    answer, driver.answer = driver.answer, lambda job: None
    driver.stop()
    assert not driver.of(Ended)
    driver.give(answer(revisions(driver)[0]) or suppressed(revisions(driver)[0]))
    (ended,) = driver.of(Ended)
    assert driver.messages[-1] is ended
    assert len(driver.of(Revised)) == 2
    finals = driver.of(Final)
    assert ended.captioned_ms == sum(final.end_ms - final.start_ms for final in finals)
    assert ended.utterances == 2


def test_an_engine_that_cannot_ends_the_session_all_the_same() -> None:
    def answer(job: Job) -> Result:
        return Result(job.id, error_code="quarantined") if is_revision(job) else ok(job, "words")

    driver = two_fragments(open_session(ASKED, answer=answer))
    driver.stop()
    assert driver.of(Ended) and not driver.of(Revised)


def test_flush_says_that_nothing_follows() -> None:
    driver = answering("better", "text")
    driver.feed(speech(20) + silence(10) + speech(20))
    driver.flush()
    assert [each.text for each in driver.of(Revised)] == ["better", "text"]
    driver.feed(speech(20) + silence(10 + APART))
    assert len(revisions(driver)) == 1


def test_words_come_with_their_times_where_they_were_asked_for() -> None:
    start = Start(language="en", partials=False, revisions=True, words=True)
    driver = open_session(
        start,
        answer=lambda job: (
            together(job, "better", "text") if is_revision(job) else ok(job, "words")
        ),
    )
    two_fragments(driver).feed(silence(APART))
    one, other = driver.of(Revised)
    assert one.words is not None and other.words is not None
    assert one.words[0].text == "better" and one.words[0].confidence == 0.75
    assert other.start_ms <= other.words[0].start_ms < other.words[0].end_ms <= other.end_ms


def test_what_is_not_speech_is_no_part_of_it() -> None:
    def answer(job: Job) -> Result:
        if is_revision(job):
            return together(job, "better", "text")
        return suppressed(job) if job.utterance == 2 else ok(job, "words")

    driver = open_session(ASKED, answer=answer)
    for _ in range(3):
        driver.feed(speech(20) + silence(10))
    driver.feed(silence(APART))
    assert [each.utterance for each in driver.of(Suppressed)] == [2]
    assert [each.utterance for each in driver.of(Revised)] == [1, 3]


def test_an_engine_without_time_is_not_asked() -> None:
    driver = two_fragments(answering("better", "text"))
    driver.session.adapt_pace(1.0)
    driver.feed(silence(APART))
    assert not revisions(driver)
    driver.session.adapt_pace(0.2)
    driver.feed(silence(1))
    assert len(revisions(driver)) == 1


def test_one_that_comes_too_late_is_taken_back() -> None:
    driver = two_fragments(answering("better", "text"))
    answer, driver.answer = driver.answer, lambda job: None
    driver.feed(silence(APART))
    (job,) = revisions(driver)
    driver.feed(silence(LATEST_MS // WINDOW_MS))
    assert driver.cancelled == [job]
    driver.give(answer(job) or suppressed(job))
    assert not driver.of(Revised)


def test_what_is_sent_faster_than_spoken_gets_all_of_them_whatever_the_load() -> None:
    driver = answering("better", "text")
    answer, driver.answer = driver.answer, lambda job: None
    driver.session.adapt_pace(1.0, patient=True)
    for _ in range(2):
        two_fragments(driver).feed(silence(APART))
    driver.feed(silence(2 * LATEST_MS // WINDOW_MS))  # far ahead of the first answer
    driver.give(*(ok(job, "words") for job in driver.last_finals))
    assert len(driver.of(Final)) == 4 and not driver.of(Revised)
    for count in (1, 2):
        job = revisions(driver)[-1]
        assert len(revisions(driver)) == count
        driver.give(answer(job) or suppressed(job))
    assert [(each.utterance, each.text) for each in driver.of(Revised)] == [
        (1, "better"), (2, "text"), (3, "better"), (4, "text"),
    ]  # fmt: skip
    assert not driver.cancelled


@pytest.mark.parametrize(("patient", "spoken"), [(True, 20), (False, 10)])
def test_what_is_answered_late_is_heard_with_what_follows_it(patient: bool, spoken: int) -> None:
    """The next utterance, not the minute that voice activity may be ahead."""
    driver = open_session(ASKED)
    driver.session.adapt_pace(1.0 if patient else 0.0, patient=patient)
    driver.feed((speech(20) + silence(10)) * spoken)
    for job in driver.last_finals:
        driver.give(ok(job, "Words."))
        if revisions(driver):
            break
    finals, (job,) = driver.of(Final), revisions(driver)
    assert 1 < job.utterance == len(finals) < spoken
    without_ms = finals[-1].end_ms - finals[0].start_ms  # pauses are too short to be cut
    assert without_ms + 20 * WINDOW_MS <= 1000 * job.seconds <= without_ms + 30 * WINDOW_MS


def test_answers_do_not_get_far_ahead_of_their_better_texts() -> None:
    driver = answering("better", "text")
    answer = driver.answer
    driver.answer = lambda job: None if is_revision(job) else answer(job)
    driver.session.adapt_pace(1.0, patient=True)
    for _ in range(MAX_DUE + 1):  # the first is under way
        assert not driver.session.full
        two_fragments(driver).feed(silence(APART))
    assert driver.session.full
    (job,) = revisions(driver)
    driver.give(answer(job) or suppressed(job))
    assert not driver.session.full


def test_an_update_parts_what_was_said_before_it() -> None:
    driver = answering("better", "text")
    driver.feed(speech(20) + silence(10))
    driver.session.update(Update(prompt="About ships."))
    driver.feed(speech(20) + silence(10 + APART))
    assert not revisions(driver)


@pytest.mark.parametrize("minutes", [5])
def test_memory_is_bounded(minutes: int) -> None:
    driver = answering("word")
    for _ in range(minutes * 60 * 1000 // (30 * WINDOW_MS)):
        driver.feed(speech(20) + silence(10))
        driver.jobs.clear()
        driver.messages.clear()
        driver.acks.clear()
    assert driver.session.held_bytes < 6 * 30 * SAMPLE_RATE * 2
