"""What is decoded in a pause, before anybody knows whether it is the end."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from surtitle.jobs import QUARANTINED, Job, Result, Voice, Word
from surtitle.messages import (
    Ended,
    Failed,
    Final,
    Partial,
    ServerMessage,
    Speech,
    Start,
    Suppressed,
    Update,
)
from tests.captioning.chunking import Chunking, three_ways
from tests.captioning.driver import (
    JUDGED,
    OPTIONS,
    WINDOW_MS,
    Driver,
    W,
    error,
    judged,
    ok,
    open_session,
    places,
    samples,
    saying,
    silence,
    speech,
    suppressed,
)

# -- finals decoded ahead, in a pause -----------------------------------------------------------

QUIET = Start(language="en", partials=False)


@three_ways
def test_a_pause_is_decoded_before_anybody_knows_whether_it_is_the_end(chunking: Chunking) -> None:
    driver = open_session()
    audio = speech(9) + silence(2)
    driver.feed(*chunking(audio[:-2]))
    assert driver.jobs == []
    driver.feed(*chunking(audio[-2:]))
    (job,) = driver.jobs
    assert (job.kind, job.utterance) == ("final", 1)
    assert job.audio.tolist() == samples(audio)
    driver.feed(*chunking(silence(20)))
    assert driver.jobs == [job]  # the end makes no second one


@three_ways
def test_what_was_decoded_in_the_pause_is_the_answer_the_moment_it_ends(chunking: Chunking) -> None:
    driver = open_session(answer=saying("Yes."))
    audio = speech(9) + silence(5)
    driver.feed(*chunking(audio[:-2]))
    assert driver.of(Final) == []
    driver.feed(audio[-2:])
    assert [message.text for message in driver.of(Final)] == ["Yes."]
    assert places(driver) == [(0, 11)]
    assert len(driver.jobs) == 1
    assert driver.cancelled == []
    assert driver.session.idle


@pytest.mark.parametrize("late", [0, 1, 3, 10, 40])
def test_what_is_decoded_in_the_pause_may_come_after_its_end(late: int) -> None:
    driver = open_session()
    driver.feed(speech(9) + silence(2 + late))
    driver.give(ok(driver.finals[0], "Yes."))
    driver.feed(silence(3))
    assert [message.text for message in driver.of(Final)] == ["Yes."]
    assert places(driver) == [(0, 11)]
    assert len(driver.jobs) == 1


def test_it_is_speculative_until_the_end_comes() -> None:
    driver = open_session()
    driver.feed(speech(9) + silence(4))
    assert [job.speculative for job in driver.jobs] == [True]
    assert driver.promoted == []
    driver.feed(silence(1))
    (promoted,) = driver.promoted
    assert (promoted.id, promoted.speculative) == (driver.jobs[0].id, False)
    driver.feed(silence(9))
    assert driver.promoted == [promoted]


def test_it_is_waited_for_where_it_decides_how_long_the_silence_must_be() -> None:
    driver = open_session(options=JUDGED)
    driver.feed(speech(9) + silence(4))
    assert driver.promoted == []
    driver.feed(silence(1))  # the end of a finished sentence
    assert [job.id for job in driver.promoted] == [driver.jobs[0].id]
    driver.feed(silence(9))
    assert len(driver.promoted) == 1


def test_what_is_there_already_is_not_hurried() -> None:
    driver = open_session(answer=ok)
    driver.feed(speech(9) + silence(9))
    assert driver.of(Final)
    assert driver.promoted == []


def test_only_what_may_not_be_the_end_is_speculative() -> None:
    driver = open_session()
    driver.feed(speech(9))
    driver.flush()
    assert [(job.kind, job.speculative) for job in driver.jobs] == [("final", False)]


def test_it_is_shown_as_a_partial_until_the_end_comes() -> None:
    driver = open_session(answer=saying("Yes, we do."))
    driver.feed(speech(9) + silence(2))
    end_ms = 11 * WINDOW_MS
    new = Partial(seq=2, utterance=1, start_ms=0, end_ms=end_ms, stable="", unstable="Yes, we")
    assert driver.messages[1:] == [new]  # the last word may be a half one
    driver.feed(silence(1))
    assert driver.messages[2:] == [structs.replace(new, seq=3, unstable="Yes, we do.")]


def test_it_is_not_shown_to_a_client_that_wants_no_partials() -> None:
    driver = open_session(QUIET, answer=saying("Yes, we do."))
    driver.feed(speech(9) + silence(2))
    assert [type(message) for message in driver.messages] == [Speech]


def test_it_is_not_shown_after_the_end() -> None:
    driver = open_session()
    driver.feed(speech(9) + silence(5))
    driver.give(ok(driver.finals[0]))
    assert [type(message) for message in driver.messages] == [Speech, Final]


def test_a_partial_of_less_that_comes_after_it_is_not_shown() -> None:
    driver = open_session()
    driver.feed(speech(12) + silence(2))
    driver.give(ok(driver.finals[0], "one two three"), ok(driver.partials[0], "one"))
    assert [message.end_ms for message in driver.of(Partial)] == [14 * WINDOW_MS]


@pytest.mark.parametrize("ready", [False, True])
@three_ways
def test_speech_that_goes_on_takes_it_back(chunking: Chunking, ready: bool) -> None:
    driver = open_session(QUIET)
    audio = speech(9, 1) + silence(4) + speech(9, 2) + silence(2)
    driver.feed(*chunking(audio[: 2 * 11 * W]))
    (speculative,) = driver.jobs
    if ready:
        driver.give(ok(speculative, "Yes,"))
    driver.feed(*chunking(audio[2 * 11 * W : 2 * 13 * W]))
    assert driver.cancelled == []
    driver.feed(*chunking(audio[2 * 13 * W : 2 * 14 * W]))
    assert driver.cancelled == (
        [] if ready else [speculative]
    )  # of what is done nothing is taken back
    driver.feed(*chunking(audio[2 * 14 * W :]))
    _, whole_job = driver.jobs
    assert whole_job.audio.tolist() == samples(audio)
    driver.give(ok(speculative, "Yes,"), ok(whole_job, "Yes, we do."))
    driver.feed(silence(3))
    assert [message.text for message in driver.of(Final)] == ["Yes, we do."]
    assert places(driver) == [(0, 24)]
    assert driver.session.idle


def test_the_result_of_one_that_was_taken_back_is_neither_shown_nor_the_answer() -> None:
    driver = open_session()
    driver.feed(speech(4) + silence(3) + speech(2))
    driver.give(ok(driver.finals[0], "Yes."))
    assert [type(message) for message in driver.messages] == [Speech]
    driver.feed(silence(5))
    driver.give(ok(driver.finals[0], "Yes."))
    assert driver.of(Final) == []
    driver.give(ok(driver.finals[1], "Yes, we do."))
    assert [message.text for message in driver.of(Final)] == ["Yes, we do."]


def test_the_result_of_an_earlier_pause_says_nothing_about_the_present_one() -> None:
    driver = open_session(options=JUDGED)
    driver.feed(speech(4) + silence(3) + speech(4) + silence(5))
    first, second = driver.finals
    driver.give(ok(first, "Yes."))
    assert [type(message) for message in driver.messages] == [Speech]
    driver.feed(silence(1))
    driver.give(ok(second, "Yes, and"))
    driver.feed(silence(13))
    assert driver.of(Final) == []
    driver.feed(silence(1))
    assert [message.text for message in driver.of(Final)] == ["Yes, and"]


def test_a_session_does_not_wait_for_what_it_has_taken_back() -> None:
    driver = open_session(QUIET)
    driver.feed((speech(4) + silence(3)) * 5)
    driver.stop()
    assert len(driver.cancelled) == 4
    driver.give(ok(driver.finals[-1]))
    assert driver.session.ended
    assert driver.of(Ended)[0].utterances == 1


def test_what_is_taken_back_before_it_was_given_out_is_not_given_out() -> None:
    """As with a file: many windows are scored in one turn."""
    driver = open_session(QUIET)
    driver.session.receive_audio(speech(9) + silence(4) + speech(9) + silence(5))
    driver.session.receive_probabilities(*judged(driver.session.take_windows(1000)))
    assert [len(job.audio) for job in driver.session.jobs()] == [24 * W]


def test_no_two_jobs_have_one_name() -> None:
    driver = open_session(QUIET, options=replace(OPTIONS, max_utterance_ms=30 * WINDOW_MS))
    driver.feed(speech(20) + silence(4) + speech(6))
    assert [len(job.audio) for job in driver.finals] == [22 * W, 22 * W]
    assert len({job.id for job in driver.jobs}) == len(driver.jobs)


# -- how it ends --


@pytest.mark.parametrize(
    ("answer", "windows", "outcome"),
    [
        (saying("We do."), 5, Final),
        (saying("Do we?"), 5, Final),
        (saying("and then"), 20, Final),
        (saying("and then..."), 20, Final),
        (saying(""), 20, Final),
        (suppressed, 5, Suppressed),
        (error, 10, Failed),
    ],
)
@pytest.mark.parametrize("late", [0, 1, 2, 3, 4, 17])
@three_ways
def test_what_was_said_decides_how_long_the_silence_must_be(
    chunking: Chunking,
    late: int,
    answer: Callable[[Job], Result],
    windows: int,
    outcome: type[ServerMessage],
) -> None:
    """And not how late it was decoded."""
    driver = open_session(QUIET, options=JUDGED)
    driver.feed(*chunking(speech(9) + silence(2 + late)))
    driver.give(answer(driver.finals[0]))
    while driver.session.unanswered_s > 0.2 and driver.windows < 40:
        driver.feed(silence(1))
    assert driver.windows == max(9 + windows, 11 + late)
    assert [type(message) for message in driver.messages] == [Speech, outcome]
    assert places(driver) == [(0, 11)]
    assert len(driver.jobs) == 1


@three_ways
def test_nothing_is_judged_before_it_is_known_what_was_said(chunking: Chunking) -> None:
    driver = open_session(QUIET, options=JUDGED)
    audio = speech(9, 1) + silence(30) + speech(9, 2) + silence(30)
    driver.feed(*chunking(audio))
    assert len(driver.jobs) == 1
    assert driver.session.unanswered_s == pytest.approx(78 * WINDOW_MS / 1000)
    assert not driver.session.idle
    driver.give(ok(driver.finals[0], "We do."))
    assert places(driver) == [(0, 11)]
    assert len(driver.jobs) == 2
    driver.give(ok(driver.finals[1], "and then"))
    assert places(driver) == [(0, 11), (35, 50)]
    assert driver.session.idle


def test_ratios_of_one_wait_for_nothing() -> None:
    driver = open_session(QUIET)
    driver.feed((speech(9) + silence(30)) * 3)
    assert len(driver.jobs) == 3
    driver.give(*(ok(job, "and then") for job in driver.jobs))
    assert places(driver) == [(0, 11), (35, 50), (74, 89)]


def test_an_utterance_that_kills_workers_in_a_pause_is_not_tried_in_every_further_one() -> None:
    driver = open_session(options=JUDGED)
    driver.feed(speech(9) + silence(2))
    driver.give(error(driver.finals[0], QUARANTINED))
    driver.feed(silence(2) + speech(2) + silence(2))
    assert len(driver.finals) == 1
    driver.feed(silence(30))
    assert len(driver.finals) == 2
    driver.give(ok(driver.finals[1], "We do."))
    assert [message.text for message in driver.of(Final)] == ["We do."]
    assert places(driver) == [(0, 17)]


def test_an_utterance_that_cannot_be_decoded_in_one_pause_is_tried_in_the_next() -> None:
    driver = open_session(options=JUDGED)
    driver.feed(speech(9) + silence(2))
    driver.give(error(driver.finals[0]))
    driver.feed(silence(2) + speech(2) + silence(2))
    driver.give(ok(driver.finals[1], "We do."))
    driver.feed(silence(3))
    assert [message.text for message in driver.of(Final)] == ["We do."]
    assert places(driver) == [(0, 17)]


def test_a_pause_without_text_may_go_on() -> None:
    driver = open_session(options=JUDGED)
    driver.feed(speech(9) + silence(2))
    driver.give(suppressed(driver.finals[0]))
    assert [type(message) for message in driver.messages] == [Speech]
    driver.feed(silence(2) + speech(2) + silence(2))
    assert driver.cancelled == []
    driver.give(ok(driver.finals[1], "We do."))
    driver.feed(silence(3))
    assert [message.text for message in driver.of(Final)] == ["We do."]
    assert places(driver) == [(0, 17)]


def test_an_unfinished_pause_that_goes_on_is_judged_anew() -> None:
    driver = open_session(QUIET, options=JUDGED)
    driver.feed(speech(9) + silence(2))
    driver.give(ok(driver.finals[0], "We do,"))
    driver.feed(silence(17) + speech(9) + silence(2))
    driver.give(ok(driver.finals[1], "We do, you know."))
    driver.feed(silence(2))
    assert driver.of(Final) == []
    driver.feed(silence(1))
    assert places(driver) == [(0, 39)]


# -- what comes between --


@pytest.mark.parametrize("silent", [2, 4, 5, 9])
@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize("wish", ["flush", "stop"])
def test_flush_and_stop_take_the_decode_of_the_pause(wish: str, ready: bool, silent: int) -> None:
    """It ends where they would end the utterance, however long the silence was."""
    driver = open_session(QUIET, options=JUDGED)
    driver.feed(speech(9) + silence(silent))
    if ready:
        driver.give(ok(driver.finals[0], "and then"))
    getattr(driver, "stop" if wish == "stop" else "flush")()
    if not ready:
        assert driver.of(Final) == []
        driver.give(ok(driver.finals[0], "and then"))
    assert places(driver) == [(0, 11)]
    assert len(driver.jobs) == 1
    assert driver.cancelled == []
    assert driver.session.idle
    assert driver.session.ended == (wish == "stop")


@pytest.mark.parametrize("wish", ["flush", "stop"])
def test_flush_and_stop_before_the_pause_is_noticed_decode_what_there_is(wish: str) -> None:
    driver = open_session(QUIET, options=JUDGED, answer=saying("and then"))
    driver.feed(speech(9) + silence(1))
    getattr(driver, "stop" if wish == "stop" else "flush")()
    assert [len(job.audio) for job in driver.jobs] == [10 * W]
    assert places(driver) == [(0, 10)]


def test_a_pause_in_the_last_piece_of_a_window_ends_with_the_audio() -> None:
    driver = open_session(QUIET, options=JUDGED, answer=saying("and then"))
    driver.feed(speech(9) + silence(1.5))
    driver.stop()
    assert [len(job.audio) for job in driver.jobs] == [10 * W + W // 2]
    assert driver.of(Ended)[0].captioned_ms == driver.of(Ended)[0].audio_ms


def heard(job: Job, language: str, *, sure: bool) -> Result:
    """The answer of a worker that was to find the language."""
    result = replace(ok(job), language=job.decode_options.language or language, language_sure=sure)
    return replace(result, language_probability=1.0 if job.decode_options.language else 0.7)


def test_a_language_that_is_sure_is_told_to_later_jobs_and_nothing_is_shown_before() -> None:
    driver = open_session(Start(language="auto"), options=JUDGED)
    driver.feed(speech(40))
    *before, second_last, last = driver.partials
    driver.give(*(heard(job, "de", sure=False) for job in before))
    assert driver.of(Partial) == []
    driver.give(heard(second_last, "fr", sure=True), heard(last, "fr", sure=False))
    assert driver.of(Partial)
    driver.feed(speech(8) + silence(25))
    final = driver.finals[-1]
    assert final.decode_options.language == "fr"
    driver.give(heard(final, "de", sure=True))
    assert (driver.of(Final)[0].language, driver.of(Final)[0].language_probability) == ("fr", 0.7)


def test_a_final_heard_in_another_language_than_was_settled_is_decoded_again() -> None:
    driver = open_session(Start(language="auto"), options=JUDGED)
    driver.feed(speech(70) + silence(20))
    partial, final = driver.partials[-1], driver.finals[-1]
    driver.give(heard(partial, "fr", sure=True), heard(final, "de", sure=True))
    again = driver.finals[-1]
    assert again is not final
    assert (again.decode_options.language, len(again.audio)) == ("fr", len(final.audio))
    driver.give(heard(again, "fr", sure=True))
    driver.feed(silence(20))
    assert [message.language for message in driver.of(Final)] == ["fr"]


def test_the_next_utterance_leans_on_the_language_of_the_last_and_may_have_another() -> None:
    driver = open_session(
        Start(language="auto", partials=False),
        options=JUDGED,
        answer=lambda job: heard(job, "fr" if job.utterance == 1 else "de", sure=False),
    )
    driver.feed(speech(9) + silence(25) + speech(9) + silence(25))
    assert [
        (job.decode_options.language, job.decode_options.prior_language) for job in driver.finals
    ] == [
        (None, ""),
        (None, "fr"),
    ]
    assert [message.language for message in driver.of(Final)] == ["fr", "de"]


def test_wishes_behind_a_pause_wait_for_it() -> None:
    driver = open_session(QUIET, options=JUDGED)
    driver.session.receive_audio(speech(9) + silence(8) + speech(4))
    driver.session.flush()
    driver.session.update(Update(language="zh"))
    driver.session.receive_audio(speech(6) + silence(9))
    driver.session.stop()
    driver.score()
    assert len(driver.jobs) == 1
    driver.give(ok(driver.finals[0], "and then"))
    assert [(len(job.audio), job.decode_options.language) for job in driver.jobs] == [
        (11 * W, "en"),
        (21 * W, "en"),
        (8 * W, "zh"),
    ]
    driver.give(ok(driver.finals[1]), ok(driver.finals[2], "We do."))
    assert places(driver) == [(0, 21), (21, 29)]
    assert driver.session.ended


@pytest.mark.parametrize("ready", [False, True])
def test_a_cut_takes_the_decode_of_a_pause_back(ready: bool) -> None:
    options = replace(JUDGED, max_utterance_ms=36 * WINDOW_MS)
    driver = open_session(QUIET, options=options)
    audio = speech(24, 1) + silence(4) + speech(5, 2) + silence(3)
    driver.feed(audio[: -2 * W])
    speculative = driver.finals[-1]
    assert len(speculative.audio) == 35 * W
    if ready:
        driver.give(ok(speculative, "and then"))
    driver.feed(audio[-2 * W :])
    # Cut in the middle of the longer pause; what follows is an utterance that has paused already.
    assert driver.cancelled[1:] == ([] if ready else [speculative])
    assert [len(job.audio) for job in driver.finals[2:]] == [26 * W]
    driver.feed(silence(1))
    assert [len(job.audio) for job in driver.finals[2:]] == [26 * W, 9 * W]
    driver.give(ok(driver.finals[2], "and then"), ok(driver.finals[3], "we did."))
    driver.feed(silence(1))
    assert places(driver) == [(0, 26), (26, 35)]
    joined = np.concatenate([job.audio for job in driver.last_finals])
    assert joined.tolist() == samples(audio)[: 35 * W]


def test_no_partial_is_made_where_nothing_new_was_said() -> None:
    options = replace(JUDGED, endpoint_silence_ms=40 * WINDOW_MS)
    driver = open_session(options=options, answer=ok)
    driver.feed(speech(10))
    assert len(driver.partials) == 1
    driver.feed(silence(19))
    assert len(driver.partials) == 1
    assert [message.end_ms // WINDOW_MS for message in driver.of(Partial)] == [12, 12]
    driver.feed(speech(10))
    assert len(driver.partials) == 1
    driver.feed(speech(1))
    assert len(driver.partials) == 2


# -- a model that stops too early ---------------------------------------------------------------


def stopped(**start: Any) -> Driver:
    """The final of 9 windows, a pause and 15 more says no more than was said before the pause."""
    driver = open_session(Start(language="en", partials=False, **start), options=JUDGED)
    driver.feed(speech(9, 1) + silence(2))
    driver.give(ok(driver.finals[0], "We came home and"))
    driver.feed(silence(4) + speech(15, 2) + silence(2))
    driver.give(ok(driver.finals[1], "We came home, and."))
    driver.feed(silence(30))
    return driver


def test_what_follows_the_pause_at_which_a_final_stops_is_decoded_by_itself() -> None:
    driver = stopped()
    assert driver.of(Final) == []
    remainder = driver.finals[2]
    assert (len(remainder.audio), remainder.audio[4 * W]) == (21 * W, samples(speech(1, 2))[0])
    assert remainder.voice == Voice(speech_ms=15 * WINDOW_MS, clear_ms=15 * WINDOW_MS)
    driver.give(replace(ok(remainder, "went to bed."), confidence=0.25))
    (final,) = driver.of(Final)
    assert (final.text, final.confidence) == ("We came home and went to bed.", 0.25)
    assert places(driver) == [(0, 32)]
    assert driver.session.idle


@pytest.mark.parametrize("answer", [error, suppressed, saying("")])
def test_where_nothing_follows_what_was_said_before_it_stands(
    answer: Callable[[Job], Result],
) -> None:
    driver = stopped()
    driver.give(answer(driver.finals[2]))
    assert [final.text for final in driver.of(Final)] == ["We came home and"]


def test_words_after_it_have_their_times_in_the_utterance() -> None:
    driver = open_session(Start(language="en", partials=False, words=True), options=JUDGED)
    driver.feed(speech(9) + silence(2))
    first = (Word("We", 0, 100, 0.9),)
    driver.give(replace(ok(driver.finals[0], "We"), words=first))
    driver.feed(silence(4) + speech(15) + silence(2))
    driver.give(replace(ok(driver.finals[1], "We"), words=first))
    driver.feed(silence(30))
    driver.give(replace(ok(driver.finals[2], "slept."), words=(Word("slept.", 50, 300, 0.8),)))
    (final,) = driver.of(Final)
    assert final.text == "We slept."
    assert final.words is not None
    assert [(w.text, w.start_ms, w.end_ms) for w in final.words] == [
        ("We", 0, 100),
        ("slept.", 11 * WINDOW_MS + 50, 11 * WINDOW_MS + 300),
    ]


@pytest.mark.parametrize(
    ("more", "text"), [(12, "We came home and"), (15, "We came home and slept")]
)
def test_a_breath_or_a_word_more_is_no_early_stop(more: int, text: str) -> None:
    driver = open_session(QUIET, options=JUDGED)
    driver.feed(speech(9) + silence(2))
    driver.give(ok(driver.finals[0], "We came home and"))
    driver.feed(silence(4) + speech(more) + silence(2))
    driver.give(ok(driver.finals[1], text))
    driver.feed(silence(30))
    assert [final.text for final in driver.of(Final)] == [text]
    assert len(driver.finals) == 2


def test_a_pause_whose_text_has_stopped_at_the_one_before_does_not_count() -> None:
    driver = open_session(QUIET, options=JUDGED)
    for _ in range(2):
        driver.feed(speech(15) + silence(2))
        driver.give(ok(driver.finals[-1], "We came home and"))
        driver.feed(silence(2))
    driver.feed(speech(15) + silence(2))
    driver.give(ok(driver.finals[-1], "We came home and"))
    driver.feed(silence(30))
    assert len(driver.finals[-1].audio) == (3 * 15 + 2 * 4 + 2 - 17) * W  # from the first pause on
