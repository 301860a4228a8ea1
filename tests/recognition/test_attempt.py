"""What comes of a decode, rung by rung: literals in, an outcome out; and that every job ends."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.jobs import JobKind, Voice
from surtitle.recognition.attempt import (
    FINAL_LADDER,
    MAX_PARTS,
    MIN_PART_MS,
    MIN_WORTH_A_LOOK_S,
    PARTIAL_LADDER,
    SPARSE_FROM_MS,
    Attempt,
    Decoded,
    Outcome,
    Verdict,
    begin,
    judge,
    may_stop_early,
    stops_early,
)
from surtitle.recognition.guard import Evidence, Reason

LONG_S = 5.0
FINAL = begin("final", LONG_S)
SECOND = FINAL.retry()
LAST = SECOND.retry()
PARTIAL = begin("partial", LONG_S)

GOOD = Decoded([1, 2], Evidence("The ship drew on.", LONG_S, -0.2, 0.01))


def wrote(text: str = GOOD.evidence.text, log_probability: float = -0.2, **other: Any) -> Decoded:
    """A decode of LONG_S; `other` are fields of Evidence."""
    evidence = replace(GOOD.evidence, text=text, log_probability=log_probability)
    return replace(GOOD, evidence=replace(evidence, **other))


def aligned(decoded: Decoded, *, repeated: bool) -> Decoded:
    """What the audio says of it."""
    evidence = replace(decoded.evidence, repeated=repeated)
    return replace(decoded, evidence=evidence, said_to_ms=2000)


LOOP = wrote("I am going to go to the store and " * 4)
DOUBLED = wrote("you you")
GUESS = wrote(log_probability=-1.1)
NOISE = wrote(log_probability=-1.6, no_speech_probability=0.95)
NOISY_LOOP = wrote(DOUBLED.evidence.text, no_speech_probability=0.95, log_probability=-0.6)
MURMUR = wrote("Oh.", log_probability=-0.9, voice=Voice(MIN_PART_MS * 4, 4000))
QUICK = wrote(
    "Yesterday morning seven old sailors walked slowly down to the quiet harbour, where they mended "
    "nets, drank strong tea, argued about the weather, told stories of storms at sea and watched "
    "small boats leave for islands that nobody else remembers by name today."
)
COPY = wrote(
    "the considered invention of movable metal letters in the middle of the century may just be "
    "the considered invention of movable metal letters in the middle",
    seconds=4.5,
)
MARKS = wrote("...")
FULL = replace(GOOD, full=True)

# -- the ladder ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempt", "decoded", "outcome", "reason"),
    [
        (FINAL, GOOD, Outcome.ACCEPT, None),
        (SECOND, GOOD, Outcome.ACCEPT, None),
        (LAST, GOOD, Outcome.ACCEPT, None),
        (PARTIAL, GOOD, Outcome.ACCEPT, None),
        # What repeats itself is looked up in the audio, once, unless nobody spoke anyway.
        (FINAL, DOUBLED, Outcome.ALIGN, None),
        (SECOND, LOOP, Outcome.ALIGN, None),
        (LAST, LOOP, Outcome.ALIGN, None),
        (PARTIAL, LOOP, Outcome.ALIGN, None),
        (FINAL, NOISY_LOOP, Outcome.RETRY, None),
        (PARTIAL, NOISY_LOOP, Outcome.REFUSE, "repetition"),
        (LAST, NOISY_LOOP, Outcome.REFUSE, "no_speech"),
        (FINAL, aligned(LOOP, repeated=True), Outcome.ACCEPT, None),
        (PARTIAL, aligned(LOOP, repeated=True), Outcome.ACCEPT, None),
        # Up the ladder as long as the text is doubtful.
        (FINAL, aligned(LOOP, repeated=False), Outcome.RETRY, None),
        (SECOND, aligned(LOOP, repeated=False), Outcome.RETRY, None),
        (FINAL, GUESS, Outcome.RETRY, None),
        (SECOND, GUESS, Outcome.RETRY, None),
        (FINAL, QUICK, Outcome.RETRY, None),
        # At its end doubt is not enough: only what must not be shown is held back.
        (LAST, GUESS, Outcome.ACCEPT, None),
        (LAST, QUICK, Outcome.ACCEPT, None),
        (LAST, aligned(DOUBLED, repeated=False), Outcome.ACCEPT, None),
        (LAST, aligned(LOOP, repeated=False), Outcome.REFUSE, "repetition"),
        (LAST, NOISE, Outcome.REFUSE, "no_speech"),
        (LAST, MURMUR, Outcome.REFUSE, "too_slow"),
        # What is not doubtful is held back at once.
        (FINAL, MARKS, Outcome.REFUSE, "no_speech"),
        (FINAL, MURMUR, Outcome.REFUSE, "too_slow"),
        # A partial has one rung, and a final without doubt may say something again.
        (PARTIAL, GUESS, Outcome.REFUSE, "low_confidence"),
        (PARTIAL, QUICK, Outcome.REFUSE, "too_fast"),
        (PARTIAL, aligned(DOUBLED, repeated=False), Outcome.REFUSE, "repetition"),
        (PARTIAL, COPY, Outcome.REFUSE, "repetition"),
        (FINAL, COPY, Outcome.ACCEPT, None),
    ],
)
def test_what_comes_of_a_decode(
    attempt: Attempt, decoded: Decoded, outcome: Outcome, reason: Reason | None
) -> None:
    assert judge(attempt, decoded) == Verdict(outcome, decoded, reason)


@pytest.mark.parametrize(
    ("kind", "seconds", "rungs"),
    [
        ("final", LONG_S, len(FINAL_LADDER)),
        ("final", MIN_WORTH_A_LOOK_S, len(FINAL_LADDER)),
        ("final", MIN_WORTH_A_LOOK_S - 0.01, 1),
        ("partial", LONG_S, len(PARTIAL_LADDER)),
        ("partial", 0.1, len(PARTIAL_LADDER)),
    ],
)
def test_how_many_looks_are_worth_while(kind: JobKind, seconds: float, rungs: int) -> None:
    attempt = begin(kind, seconds)
    for _ in range(rungs - 1):
        assert not attempt.is_last
        attempt = attempt.retry()
    assert attempt.is_last


def test_each_rung_is_an_effort_of_its_own() -> None:
    assert [FINAL.effort, SECOND.effort, LAST.effort] == list(FINAL_LADDER)
    assert len(set(FINAL_LADDER)) == 3
    assert PARTIAL.effort == PARTIAL_LADDER[0]


# -- the context --------------------------------------------------------------------------------

TOLD = begin("final", LONG_S, "Thank you. Surtitle")
ECHO = wrote("Thank you.")


def test_text_that_only_repeats_the_context_is_decoded_without_it() -> None:
    assert judge(TOLD, ECHO) == Verdict(Outcome.DROP_CONTEXT, ECHO)
    assert judge(TOLD, GOOD) == Verdict(Outcome.ACCEPT, GOOD)
    assert judge(FINAL, ECHO) == Verdict(Outcome.ACCEPT, ECHO)
    begun_anew = TOLD.retry().drop_context(ECHO)
    assert (begun_anew.rung, begun_anew.context, begun_anew.echo) == (0, "", ECHO)


def test_an_echo_is_believed_where_something_else_is_heard_without_the_context() -> None:
    assert judge(TOLD.drop_context(ECHO), wrote("Sank you.")) == Verdict(Outcome.ACCEPT, ECHO)
    assert judge(TOLD.drop_context(ECHO), ECHO) == Verdict(Outcome.ACCEPT, ECHO)


def test_an_echo_is_held_back_where_nothing_is_heard_without_the_context() -> None:
    attempt = TOLD.drop_context(ECHO)
    assert judge(attempt, GUESS) == Verdict(Outcome.RETRY, GUESS)
    assert judge(attempt.retry().retry(), NOISE) == Verdict(Outcome.REFUSE, NOISE, "no_speech")
    assert judge(attempt, MARKS) == Verdict(Outcome.REFUSE, MARKS, "no_speech")


# -- more than one decode says ------------------------------------------------------------------


def test_what_fills_its_budget_goes_on() -> None:
    assert judge(FINAL, FULL) == Verdict(Outcome.CONTINUE, FULL)
    assert judge(PARTIAL, FULL) == Verdict(Outcome.CONTINUE, FULL)
    assert judge(replace(FINAL, parts=MAX_PARTS), FULL) == Verdict(Outcome.ACCEPT, FULL)
    marks = replace(MARKS, full=True)
    assert judge(FINAL, marks) == Verdict(Outcome.REFUSE, marks, "no_speech")


@pytest.mark.parametrize(
    ("speech_ms", "parts", "repeated", "expected"),
    [
        (MIN_PART_MS, 0, True, True),
        (MIN_PART_MS, 1, False, True),
        (MIN_PART_MS, 0, False, False),
        (MIN_PART_MS - 1, 0, True, False),
        (MIN_PART_MS - 1, 1, True, False),
    ],
)
def test_what_may_end_before_the_speech_does(
    speech_ms: int, parts: int, repeated: bool, expected: bool
) -> None:
    attempt = replace(begin("final", LONG_S, speech_ms=speech_ms), parts=parts)
    decoded = aligned(GOOD, repeated=repeated)
    assert may_stop_early(attempt, decoded) is expected
    assert judge(attempt, decoded).outcome is (Outcome.CONTINUE if expected else Outcome.ACCEPT)


@pytest.mark.parametrize(
    ("kind", "speech_ms", "tokens", "expected"),
    [
        ("final", 10_000, 24, True),
        ("final", 10_000, 25, False),
        ("final", SPARSE_FROM_MS - 1, 2, False),
        ("final", SPARSE_FROM_MS, 2, True),
        ("partial", 10_000, 2, False),
    ],
)
def test_a_text_of_few_words_for_much_speech_may_end_early(
    kind: JobKind, speech_ms: int, tokens: int, expected: bool
) -> None:
    attempt = begin(kind, 12.0, speech_ms=speech_ms)
    decoded = replace(aligned(GOOD, repeated=False), tokens=list(range(tokens)))
    assert may_stop_early(attempt, decoded) is expected


def test_a_second_of_speech_behind_the_last_word_is_more_to_say() -> None:
    attempt = begin("final", LONG_S, speech_ms=4000)
    assert stops_early(attempt, 3000)
    assert not stops_early(attempt, 3001)


def test_the_rest_is_an_attempt_from_the_lowest_rung() -> None:
    attempt = begin("final", LONG_S, "Surtitle", speech_ms=4000).retry()
    rest = attempt.drop_context(ECHO).go_on(1500)
    assert rest == replace(attempt, rung=0, context="", unheard_ms=2500, parts=1)
    # Nobody has told the model that it may say this.
    assert judge(rest, wrote("Surtitle")).outcome is not Outcome.DROP_CONTEXT


# -- every job ends -----------------------------------------------------------------------------

MAX_DECODES = len(FINAL_LADDER) * (MAX_PARTS + 1 + 1)
"""Every part may climb the ladder, and one of them twice: with the context, and without it."""

WRITTEN = st.builds(
    wrote,
    st.sampled_from(
        [each.evidence.text for each in (GOOD, LOOP, DOUBLED, QUICK, COPY, MARKS, ECHO)]
    ),
    st.sampled_from([-0.2, -0.7, -0.9, -1.2, -1.7]),
    no_speech_probability=st.sampled_from([0.0, 0.7, 0.9]),
)


@given(
    st.data(),
    st.sampled_from(["partial", "final"]),
    st.sampled_from([0.2, LONG_S]),
    st.sampled_from(["", "Thank you. Surtitle"]),
    st.integers(0, 30_000),
)
def test_every_job_is_answered_within_its_bound_of_decodes(
    data: st.DataObject, kind: JobKind, seconds: float, context: str, speech_ms: int
) -> None:
    attempt = begin(kind, seconds, context, speech_ms)
    for _ in range(MAX_DECODES):
        decoded = replace(data.draw(WRITTEN), full=data.draw(st.booleans()))
        verdict = judge(attempt, decoded)
        if verdict.outcome is Outcome.ALIGN:
            verdict = judge(attempt, aligned(decoded, repeated=data.draw(st.booleans())))
        assert (verdict.reason is not None) == (verdict.outcome is Outcome.REFUSE)
        match verdict.outcome:
            case Outcome.RETRY:
                attempt = attempt.retry()
            case Outcome.DROP_CONTEXT:
                attempt = attempt.drop_context(verdict.decoded)
            case Outcome.CONTINUE if data.draw(st.booleans()):  # else there is no pause
                attempt = attempt.go_on(data.draw(st.integers(MIN_PART_MS, 5000)))
            case Outcome.CONTINUE | Outcome.ACCEPT | Outcome.REFUSE:
                return
            case Outcome.ALIGN:
                raise AssertionError("the audio is asked twice about one text")
    raise AssertionError("no end")
