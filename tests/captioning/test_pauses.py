"""What is learned of a speaker's pauses, and what the endpointer makes of it."""

from dataclasses import replace

import pytest

from surtitle.captioning.endpointing import Closed, Endpointer, Event, Opened, Sentence
from surtitle.captioning.maturing import TOGETHER_MS
from surtitle.captioning.pauses import MARGIN_MS, REMEMBERED, Pauses
from surtitle.jobs import ms_to_samples, samples_to_ms
from tests.captioning.endpointer import JUDGED, WINDOW_MS, W, silence, speech

HALTING = replace(JUDGED, halting_ratio=4.0, max_utterance_ms=1000 * WINDOW_MS)
"""An unfinished sentence ends after 20 windows, and for who pauses long inside sentences after 40 at
most."""


def expected_ms(*silences_ms: int) -> int:
    pauses = Pauses()
    for silence_ms in silences_ms:
        pauses.note(ms_to_samples(silence_ms))
    return samples_to_ms(pauses.expected)


@pytest.mark.parametrize(
    ("silences_ms", "expected"),
    [
        pytest.param([], 0, id="nothing is known"),
        pytest.param([900], 0, id="once is no habit"),
        pytest.param([900, 1200], 900 + MARGIN_MS, id="twice is one"),
        pytest.param([900, 2400, 1000, 800], 1000 + MARGIN_MS, id="one much longer one is none"),
        pytest.param([900, TOGETHER_MS + 1], 0, id="the sentence did not go on"),
        pytest.param([1200] * 2 + [700] * REMEMBERED, 700 + MARGIN_MS, id="long ago"),
    ],
)
def test_the_second_longest_of_the_newest_is_expected(
    silences_ms: list[int], expected: int
) -> None:
    assert expected_ms(*silences_ms) == expected


def say(
    endpointer: Endpointer, pause: int, sentence: Sentence = Sentence.UNFINISHED
) -> list[Event]:
    """Some words and a pause of so many windows, whose text is judged."""
    events: list[Event] = []
    for probability in speech(10) + silence(pause):
        if endpointer.awaits_judgement:
            events += endpointer.judge(sentence)
        events += endpointer.push(probability, 100.0)
    return events


def ends(events: list[Event]) -> int:
    return sum(isinstance(event, Closed) for event in events)


def test_a_speaker_who_pauses_long_inside_sentences_is_waited_for() -> None:
    endpointer = Endpointer(HALTING)
    assert [ends(say(endpointer, 30)) for _ in range(4)] == [1, 1, 0, 0]


def test_who_pauses_a_little_less_is_not_cut_either() -> None:
    endpointer = Endpointer(HALTING)
    assert [ends(say(endpointer, 18)) for _ in range(3)] == [0, 0, 0]
    assert ends(say(endpointer, 19)) == 0
    assert ends(say(endpointer, 24)) == 1  # 18 and the margin are over


def test_a_finished_sentence_ends_as_soon_as_ever() -> None:
    endpointer = Endpointer(HALTING)
    for _ in range(4):
        say(endpointer, 30)
    assert ends(say(endpointer, 6, Sentence.FINISHED)) == 1


def test_the_bound_holds() -> None:
    endpointer = Endpointer(HALTING)
    for _ in range(4):
        say(endpointer, 60)
    assert ends(say(endpointer, 39)) == 0
    assert ends(say(endpointer, 41)) == 1


@pytest.mark.parametrize("halting_ratio", [1.0, 2.0])
def test_with_no_greater_ratio_nothing_is_learned(halting_ratio: float) -> None:
    endpointer = Endpointer(replace(HALTING, halting_ratio=halting_ratio))
    assert [ends(say(endpointer, 30)) for _ in range(6)] == [1] * 6


def test_where_the_text_does_not_count_nothing_is_learned() -> None:
    endpointer = Endpointer(replace(HALTING, finished_ratio=1.0, unfinished_ratio=1.0))
    assert [ends(say(endpointer, 15)) for _ in range(6)] == [1] * 6


def test_quick_turns_stay_quick() -> None:
    """Pauses shorter than the earliest end say nothing, whenever their text is judged."""
    endpointer = Endpointer(HALTING)
    for _ in range(10):
        assert ends(say(endpointer, 4)) <= 1
    assert ends(say(endpointer, 21)) == 1


def test_it_does_not_matter_when_the_text_is_judged() -> None:
    """Before the earliest end or at it: the same utterances."""
    found = []
    for judged_after in (3, 5):
        endpointer = Endpointer(HALTING)
        events: list[Event] = []
        for pause in (4, 8, 30, 30, 30, 25, 30):
            for at, probability in enumerate(speech(10) + silence(pause)):
                events += endpointer.push(probability, 100.0)
                if at == 9 + judged_after:
                    events += endpointer.judge(Sentence.UNFINISHED)
        found.append([event for event in events if isinstance(event, Opened | Closed)])
    assert found[0] == found[1] and len(found[0]) > 4
    assert all(isinstance(event, Opened) or event.end_sample % W == 0 for event in found[0])
