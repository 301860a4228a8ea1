"""Runs an endpointer over probabilities, a window each."""

from collections.abc import Sequence
from dataclasses import replace

from surtitle.captioning.endpointing import (
    WINDOW_SAMPLES,
    Endpointer,
    EndpointingOptions,
    Event,
    Paused,
    Resumed,
)

W = WINDOW_SAMPLES
WINDOW_MS = 32

# Everything in whole windows, so that the expected places can be counted.
OPTIONS = EndpointingOptions(
    onset_probability=0.5,
    offset_probability=0.35,
    min_speech_ms=3 * WINDOW_MS,
    pre_roll_ms=4 * WINDOW_MS,
    hangover_ms=2 * WINDOW_MS,
    lasting_pause_ms=1000 * WINDOW_MS,
    endpoint_silence_ms=5 * WINDOW_MS,
    finished_ratio=1.0,
    unfinished_ratio=1.0,
    max_utterance_ms=40 * WINDOW_MS,
)

JUDGED = replace(
    OPTIONS, endpoint_silence_ms=10 * WINDOW_MS, finished_ratio=0.5, unfinished_ratio=2.0
)
"""A pause is noticed after 2 windows, and the end after 5 (finished), 10 (unknown), 20 (unfinished)."""

SPEECH, BETWEEN, SILENCE = 0.9, 0.4, 0.1


def run_all(
    endpointer: Endpointer, probabilities: Sequence[float], levels: Sequence[float] | None = None
) -> list[Event]:
    """Every event of these windows, none of which waits for a judgement."""
    levels = [100.0] * len(probabilities) if levels is None else levels
    events = []
    for pair in zip(probabilities, levels, strict=True):
        assert not endpointer.awaits_judgement
        events += endpointer.push(*pair)
    return events


def run(
    endpointer: Endpointer, probabilities: Sequence[float], levels: Sequence[float] | None = None
) -> list[Event]:
    """The same without the pauses, which change nothing where no judgement is waited for."""
    events = run_all(endpointer, probabilities, levels)
    return [event for event in events if not isinstance(event, Paused | Resumed)]


def speech(windows: int) -> list[float]:
    return [SPEECH] * windows


def silence(windows: int) -> list[float]:
    return [SILENCE] * windows
