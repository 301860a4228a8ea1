"""An end that somebody wishes for: flush, and the end of the audio."""

from dataclasses import replace

import pytest

from surtitle.captioning.endpointing import Closed, Endpointer, Opened, Paused, Resumed
from tests.captioning.endpointer import JUDGED, OPTIONS, WINDOW_MS, W, run, run_all, silence, speech


def test_flush_in_silence_does_nothing() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10))
    assert endpointer.flush() == []


def test_flush_in_speech_ends_it_here() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10))
    assert endpointer.flush() == [Closed(10 * W, "flush")]
    assert not endpointer.is_open
    assert endpointer.flush() == []


def test_flush_in_the_silence_of_an_utterance_keeps_the_hangover() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10) + silence(1))
    assert endpointer.flush() == [Closed(11 * W, "flush")]
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10) + silence(4))
    assert endpointer.flush() == [Closed(12 * W, "flush")]


def test_speech_that_goes_on_after_a_flush_is_the_next_utterance_without_a_gap() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10))
    endpointer.flush()
    assert run(endpointer, speech(2)) == []
    assert run(endpointer, speech(1)) == [Opened(10 * W)]


def test_flush_before_speech_is_long_enough_changes_nothing() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10) + speech(2))
    assert endpointer.flush() == []
    assert run(endpointer, speech(1)) == [Opened(6 * W)]


def test_flush_inside_a_window_ends_there_while_speech_goes_on() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10))
    assert endpointer.flush(10 * W + 300) == [Closed(10 * W + 300, "flush")]
    assert run(endpointer, speech(3)) == [Opened(10 * W + 300)]
    run(endpointer, silence(2))  # a pause: what was said before it has its end
    assert endpointer.flush(15 * W + 300) == [Closed(15 * W, "flush")]


def test_what_is_discarded_is_over_where_that_was_said() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10) + silence(3))
    assert endpointer.discard(13 * W + 300) == [Closed(13 * W + 300, "discard")]
    assert not endpointer.is_open
    assert run(endpointer, speech(3)) == [Opened(13 * W + 300)]


def test_speech_that_has_only_begun_is_discarded_too() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10) + speech(2))
    assert endpointer.discard(endpointer.position) == []
    assert run(endpointer, speech(2)) == []
    assert run(endpointer, speech(1)) == [Opened(12 * W)]


def test_without_endpointing_no_silence_ends_an_utterance() -> None:
    endpointer = Endpointer(replace(JUDGED, ends_at_pauses=False))
    events = run_all(endpointer, speech(5) + silence(25) + speech(5))
    assert events == [Opened(0), Paused(7 * W), Resumed()]
    assert endpointer.flush() == [Closed(35 * W, "flush")]


def test_without_endpointing_a_long_silence_is_no_part_of_the_utterance() -> None:
    endpointer = Endpointer(replace(OPTIONS, ends_at_pauses=False))
    assert run(endpointer, speech(20) + silence(60)) == [Opened(0), Closed(22 * W)]
    assert run(endpointer, speech(3)) == [Opened(76 * W)]


def test_without_endpointing_speech_is_cut_at_its_greatest_length() -> None:
    endpointer = Endpointer(replace(OPTIONS, ends_at_pauses=False))
    opened, closed, going_on = run(endpointer, speech(40))
    assert isinstance(closed, Closed)
    assert closed.ended_by == "length"
    assert (opened, going_on) == (Opened(0), Opened(closed.end_sample))


def test_other_options_hold_from_the_next_utterance_on() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10))
    endpointer.change(replace(OPTIONS, endpoint_silence_ms=10 * WINDOW_MS))
    assert run(endpointer, silence(5)) == [Closed(12 * W)]
    assert run(endpointer, speech(10) + silence(9)) == [Opened(12 * W)]
    assert run(endpointer, silence(1)) == [Closed(27 * W)]


@pytest.mark.parametrize("begun", [1, 2])
def test_at_the_end_of_the_audio_speech_that_has_only_begun_is_an_utterance(begun: int) -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10) + speech(begun))
    assert endpointer.finish(endpointer.position) == [
        Opened(6 * W),
        Closed((10 + begun) * W, "stop"),
    ]
    assert not endpointer.is_open


def test_at_the_end_of_the_audio_silence_stays_silence_and_speech_is_ended() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10))
    assert endpointer.finish(endpointer.position) == []
    run(endpointer, speech(10))
    assert endpointer.finish(endpointer.position) == [Closed(20 * W, "stop")]


def test_what_was_heard_is_told_with_the_audio_it_was_heard_in() -> None:
    endpointer = Endpointer(OPTIONS)
    events = run_all(endpointer, [0.6, 0.7, 0.9, 0.4, 0.95, 0.6, 0.1, 0.1, 0.8, *silence(5)])
    heard = [
        (
            type(event).__name__,
            event.voice.speech_ms // WINDOW_MS,
            event.voice.clear_ms // WINDOW_MS,
        )
        for event in events
        if isinstance(event, Paused | Closed)
    ]
    assert heard == [
        ("Paused", 5, 2),
        ("Paused", 6, 2),
        ("Closed", 6, 2),
    ]


def test_what_was_heard_is_shared_out_at_a_cut() -> None:
    endpointer = Endpointer(OPTIONS)
    events = run(endpointer, [0.6] * 30 + silence(2) + [0.95] * 12 + silence(5))
    first, second = (event.voice for event in events if isinstance(event, Closed))
    assert (first.speech_ms, first.clear_ms) == (30 * WINDOW_MS, 0)
    assert (second.speech_ms, second.clear_ms) == (12 * WINDOW_MS, 12 * WINDOW_MS)


def test_flush_right_after_the_opening() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10) + speech(3))
    assert endpointer.flush() == [Closed(13 * W, "flush")]
