"""What counts as right: literals."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from wild.expectation import Hole, Piece, Reference, Utterance, WildFile, Word
from wild.judge import Limits, Outcome, Verdict, judge, timed_truth
from wild.table import faults, markdown

TEXT = "one two three four five six seven eight nine ten eleven twelve"
SAID = TEXT.split()
REFERENCE = Reference("a", "a.wav", (Utterance(TEXT, 0.5, 12.5),))
HEARD = tuple(Word(text, 0.5 + i, 1.3 + i) for i, text in enumerate(SAID))
LIMITS = Limits({"command": 100.0})
WHOLE = Piece("a", 0.0, 13.0, 0.0)
FINE = Outcome(0, HEARD, 0.0, "")


def judged(
    outcome: Outcome,
    pieces: Sequence[Piece] = (WHOLE,),
    holes: Sequence[Hole] = (),
    statuses: tuple[int, ...] = (0,),
    missing_s: tuple[float, float] | None = None,
) -> Verdict:
    file = WildFile(
        path="files/x",
        kind="kind",
        statuses=statuses,
        pieces=tuple(pieces),
        holes=tuple(holes),
        missing_s=missing_s,
    )
    truth = {"a": timed_truth(REFERENCE, HEARD)}
    return judge(file, outcome, truth, {"a": HEARD}, LIMITS)


def moved(by_s: float, words: Sequence[Word] = HEARD) -> tuple[Word, ...]:
    return tuple(Word(w.text, w.start_s + by_s, w.end_s + by_s) for w in words)


def test_an_undamaged_file_is_right() -> None:
    verdict = judged(FINE)
    assert verdict.faults == ()
    assert (verdict.points, verdict.shift_s) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (replace(FINE, status=None), "did not end in time"),
        (replace(FINE, status=1, errors="No way."), "Exit status 1, right is 0: No way."),
        (replace(FINE, errors="Traceback (most recent call last)"), "A traceback"),
        (replace(FINE, peak_mb={"command": 101.0}), "The command took 101 MB, more than 100"),
        (replace(FINE, words=HEARD[:9]), "3 errors in 12 words, in the reference 0"),
        (replace(FINE, words=moved(0.3)), "+0.30 s off"),
        (replace(FINE, words=HEARD[:6] + moved(-0.5, HEARD[6:])), "-0.50 s off"),
        (replace(FINE, words=moved(100.0, HEARD[:3]) + HEARD), "3 errors"),
    ],
)
def test_what_is_wrong_is_said(outcome: Outcome, said: str) -> None:
    verdict = judged(outcome)
    assert any(said in fault for fault in verdict.faults), verdict.faults
    assert said in faults([verdict])


def test_a_single_word_says_nothing_in_a_short_text() -> None:
    assert judged(replace(FINE, words=HEARD[1:])).faults == ()


def test_the_errors_of_the_reference_are_no_fault() -> None:
    truth = {"a": timed_truth(REFERENCE, HEARD)}
    heard = HEARD[:6]
    file = WildFile(path="files/x", kind="kind", statuses=(0,), pieces=(WHOLE,))
    assert judge(file, replace(FINE, words=heard), truth, {"a": heard}, LIMITS).faults == ()


def test_in_a_hole_anything_may_be_heard_or_nothing() -> None:
    hole = [Hole(4.4, 6.4)]  # the words five and six
    without = HEARD[:4] + HEARD[6:]
    rubbish = (*HEARD[:4], Word("uh", 4.6, 5.0), Word("fix", 5.5, 6.0), *HEARD[6:])
    for words in (HEARD, without, rubbish):
        assert judged(replace(FINE, words=words), holes=hole).faults == ()
    assert judged(replace(FINE, words=HEARD[:2] + HEARD[9:]), holes=hole).faults


def test_pieces_are_expected_at_their_places() -> None:
    pieces = [Piece("a", 0.0, 6.4, 0.0), Piece("a", 6.4, 13.0, 9.4)]
    right = HEARD[:6] + moved(3.0, HEARD[6:])
    assert judged(replace(FINE, words=right), pieces).faults == ()
    assert judged(FINE, pieces).shift_s == pytest.approx(3.0)
    # Of a file that breaks off, what was never there is not missed.
    assert judged(replace(FINE, words=HEARD[:6]), pieces[:1]).faults == ()


@pytest.mark.parametrize(("told", "is_right"), [(0.0, False), (2.0, True), (9.0, False)])
def test_what_is_told_to_be_missing(told: float, is_right: bool) -> None:
    outcome = replace(FINE, status=4, missing_s=told)
    verdict = judged(outcome, statuses=(4,), missing_s=(1.5, 3.0))
    assert (verdict.faults == ()) == is_right


def test_words_that_were_not_heard_lie_between_those_that_were() -> None:
    truth = timed_truth(REFERENCE, [*HEARD[:3], Word("for", 3.5, 4.3), *HEARD[5:]])
    assert [word.text for word in truth] == SAID
    assert truth[2] == HEARD[2]
    assert 3.3 <= truth[3].start_s < truth[4].start_s < truth[4].end_s <= 5.5


def test_the_table_counts_by_kind() -> None:
    good, bad = judged(FINE), judged(replace(FINE, status=1))
    lines = markdown([good, bad]).splitlines()
    assert lines[2].startswith("| kind | 2 | 1 |")
    assert lines[-1].startswith("| all | 2 | 1 |")
