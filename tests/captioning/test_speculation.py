"""Speculative decoding by itself: each state, what comes in, and what is to be done."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.captioning.endpointing import Sentence
from surtitle.captioning.speculation import (
    Action,
    Cancel,
    Finalize,
    Judge,
    Keep,
    Prefix,
    Promote,
    Show,
    ShowAll,
    Speculation,
    SpeculationState,
    Submit,
    SubmitFinal,
)
from surtitle.jobs import QUARANTINED, DecodeOptions, Job, Result, Voice

ENGLISH = DecodeOptions(language="en")
ANY = DecodeOptions()
VOICE = Voice(speech_ms=900, clear_ms=800)
END = 1000


def job(name: str = "a", decode_options: DecodeOptions = ENGLISH) -> Job:
    audio = np.zeros(END, np.int16)
    return Job(name, "s", 1, "final", audio, decode_options, speculative=True)


def said(text: str, *, name: str = "a", language: str = "en") -> Result:
    return Result(name, text=text, language=language, language_sure=True)


def pending(decode_options: DecodeOptions = ENGLISH) -> tuple[Speculation, Job]:
    speculation, submitted = Speculation(), job(decode_options=decode_options)
    assert speculation.paused(END) == [Submit(END)]
    speculation.submitted(submitted, END, VOICE)
    return speculation, submitted


def awaited() -> tuple[Speculation, Job]:
    speculation, _ = pending()
    (promote,) = speculation.needed()
    assert isinstance(promote, Promote)
    return speculation, promote.job


def ready(text: str = "Yes.") -> Speculation:
    speculation, _ = pending()
    speculation.decoded(said(text))
    return speculation


def test_nothing_is_done_before_the_first_pause() -> None:
    speculation = Speculation()
    assert speculation.needed() == []
    assert speculation.lasted() == []
    assert speculation.resumed(ENGLISH) == []
    assert speculation.decoded(said("Yes.")) == []
    assert speculation.closed(END, ENGLISH) == [SubmitFinal()]
    assert speculation.state is SpeculationState.IDLE


def test_it_is_promoted_once() -> None:
    speculation, submitted = pending()
    (promote,) = speculation.needed()
    assert isinstance(promote, Promote)
    assert (promote.job.id, promote.job.speculative) == (submitted.id, False)
    assert speculation.state is SpeculationState.AWAITED
    assert not speculation.is_speculative
    assert speculation.needed() == []


@pytest.mark.parametrize(
    ("result", "actions"),
    [
        (said("Yes."), [Show(said("Yes."), all_words=False), Judge(Sentence.FINISHED)]),
        (said("Yes,"), [Show(said("Yes,"), all_words=False), Judge(Sentence.UNFINISHED)]),
        (Result("a", suppressed="noise"), [Judge(Sentence.FINISHED)]),
    ],
)
@pytest.mark.parametrize("waited_for", [False, True])
def test_a_text_is_shown_and_judged(
    result: Result, actions: list[Action], waited_for: bool
) -> None:
    speculation, _ = awaited() if waited_for else pending()
    assert speculation.decoded(result) == actions
    assert speculation.state is SpeculationState.READY


def test_a_job_that_failed_says_nothing_about_the_sentence() -> None:
    speculation, _ = pending()
    failed = Result("a", error_code="failed")
    assert speculation.decoded(failed) == [Show(failed, all_words=False), Judge(Sentence.UNKNOWN)]
    assert speculation.resumed(ENGLISH) == []
    assert speculation.paused(END) == [Submit(END)]


def test_one_that_killed_workers_is_the_last_of_its_utterance() -> None:
    speculation, _ = pending()
    speculation.decoded(Result("a", error_code=QUARANTINED))
    speculation.resumed(ENGLISH)
    assert speculation.paused(2 * END) == [Judge(Sentence.UNKNOWN)]
    assert speculation.closed(2 * END, ENGLISH) == [SubmitFinal()]


def test_all_words_are_shown_in_a_pause_that_lasts() -> None:
    speculation = ready()
    assert speculation.lasted() == [ShowAll(END)]
    late, _ = pending()
    assert late.lasted() == [ShowAll(END)]  # of what is shown already
    assert late.decoded(said("Yes.")) == [
        Show(said("Yes."), all_words=True),
        Judge(Sentence.FINISHED),
    ]


def test_the_next_pause_has_to_last_anew() -> None:
    speculation = ready()
    speculation.lasted()
    speculation.resumed(ENGLISH)
    speculation.submitted(job("b"), 2 * END, VOICE)
    shown, _ = speculation.decoded(said("Yes, we do.", name="b"))
    assert shown == Show(said("Yes, we do.", name="b"), all_words=False)


def test_speech_that_goes_on_cancels_what_is_not_ready() -> None:
    for speculation, current in (pending(), awaited()):
        assert speculation.resumed(ENGLISH) == [Cancel(current)]
        assert speculation.resumed(ENGLISH) == []
        assert speculation.decoded(said("Yes.")) == []


def test_speech_that_goes_on_keeps_what_is_ready() -> None:
    kept = Prefix(END, VOICE, said("Yes,"))
    assert ready("Yes,").resumed(ENGLISH) == [Keep(kept)]
    assert ready("").resumed(ENGLISH) == []


def test_the_end_in_the_pause_is_answered_by_it() -> None:
    speculation, submitted = pending()
    promote, answer = speculation.closed(END, ENGLISH)
    assert isinstance(promote, Promote)
    assert answer == Finalize(submitted.id, None)
    assert awaited()[0].closed(END, ENGLISH) == [Finalize("a", None)]
    assert ready().closed(END, ENGLISH) == [Finalize("a", said("Yes."))]


def test_an_end_elsewhere_is_decoded() -> None:
    speculation, submitted = pending()
    assert speculation.closed(END + 1, ENGLISH) == [Cancel(submitted), SubmitFinal()]
    *_, last = ready().closed(END + 1, ENGLISH)
    assert last == SubmitFinal()


def test_a_text_in_another_language_than_was_found_since_is_of_no_use() -> None:
    german = replace(ANY, language="de")
    for use in (Speculation.resumed, lambda it, options: it.closed(END, options)[:-1]):
        speculation, _ = pending(ANY)
        speculation.decoded(said("Yes,"))
        assert use(speculation, german) == []
    speculation, _ = pending(ANY)
    speculation.decoded(said("Ja.", language="de"))
    assert speculation.closed(END, german) == [Finalize("a", said("Ja.", language="de"))]


def test_the_same_audio_decoded_once_more_takes_its_place() -> None:
    speculation, _ = pending()
    speculation.resubmitted(job("b"))
    assert speculation.decoded(said("Yes.")) == []
    assert speculation.is_job("b")
    assert speculation.state is SpeculationState.PENDING


@given(st.lists(st.sampled_from(["pause", "need", "decode", "last", "resume"]), max_size=30))
def test_every_job_is_cancelled_or_decoded_or_the_answer(inputs: list[str]) -> None:
    """Whatever comes when: nothing that was submitted is left behind, and nothing is ended twice."""
    speculation, submitted, ended = Speculation(), list[str](), list[str]()

    def run(actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Submit(end):
                    submitted.append(f"{len(submitted)}")
                    speculation.submitted(job(submitted[-1]), end, VOICE)
                case Cancel(cancelled):
                    ended.append(cancelled.id)
                case Finalize(job_id, _):
                    ended.append(job_id)

    for number, each in enumerate(inputs):
        paused = speculation.state is not SpeculationState.IDLE
        if each == "pause" and not paused:
            run(speculation.paused(number))
        elif each == "need":
            run(speculation.needed())
        elif each == "decode" and paused and speculation.state is not SpeculationState.READY:
            run(speculation.decoded(said("Yes,", name=submitted[-1])))
            ended.append(submitted[-1])
        elif each == "last":
            run(speculation.lasted())
        elif each == "resume":
            run(speculation.resumed(ENGLISH))
    closed = speculation.closed(speculation.end, ENGLISH)
    run(closed)
    assert sorted(set(ended)) == sorted(submitted)
