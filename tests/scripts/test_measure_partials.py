"""What scripts/measure_partials.py makes of results and messages."""

import numpy as np
import pytest

from load.metrics import Change
from measure_partials import RULES, all_but, changes
from quality.utterances import Received
from surtitle.captioning.stability import Stabilizer, confidences
from surtitle.jobs import DecodeOptions, Job, JobKind, Piece, Result
from surtitle.messages import Final, Partial, Speech


def job(kind: JobKind) -> Job:
    return Job("1", "s", 1, kind, np.zeros(160, np.int16), DecodeOptions())


@pytest.mark.parametrize(
    ("newest", "shown"), [(0, "one two, three"), (1, "one two,"), (2, "one"), (5, "")]
)
def test_all_but_the_newest_words_are_shown(newest: int, shown: str) -> None:
    result = Result("1", text="one two, three", newest=(Piece(" three", 0.5),))
    edited = all_but(newest)(job("partial"), result)
    assert Stabilizer().update(edited.text, confidences(edited.newest)) == ("", shown)


def test_finals_and_what_the_server_does_itself_stay_as_they_are() -> None:
    result = Result("1", text="one two", newest=(Piece(" two", 0.5),))
    assert all_but(1)(job("final"), result) is result
    assert RULES["sure words"](job("partial"), result) is result


def partial(utterance: int, stable: str, unstable: str) -> Partial:
    return Partial(
        seq=1, utterance=utterance, start_ms=0, end_ms=1, stable=stable, unstable=unstable
    )


def test_the_text_shown_is_that_of_all_finals_and_of_what_has_none_yet() -> None:
    final = Final(
        seq=1,
        utterance=1,
        start_ms=0,
        end_ms=1,
        text="One two.",
        language="en",
        language_probability=1.0,
        confidence=1.0,
    )
    messages = [
        Received(0.1, Speech(seq=1, utterance=1, start_ms=0)),
        Received(0.2, partial(1, "one", " too")),
        Received(0.3, partial(2, "", "three")),
        Received(0.4, final),
    ]
    assert list(changes(messages)) == [
        Change(0.2, "", "one too"),
        Change(0.3, "", "one too three"),
        Change(0.4, "One two.", "three"),
    ]
