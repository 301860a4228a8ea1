"""Where each word begins and ends: cross-attention says between which pauses, the audio says when.

Whisper's cross-attention orders words in time, but a pause falls to one of its neighbours or to both,
the first word begins at 0, and the heads of each model look somewhat late or early. What is certain
is in the audio: a pause begins and ends where the level says so, and lies between two words. So the
boundaries of the words are matched to the pauses, in order, and take their edges; boundaries in
fluent speech stay where attention has them, less the model's lag.

Pure: numbers in, numbers out. How well it does is measured by `scripts/quality/word_times.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from surtitle.jobs import SAMPLE_RATE, Pcm16, Word

LAG_MS = {"tiny.en": 75, "base": -150}
"""By how much the alignment heads of a model look after the sound, median over spoken digits without
pauses between them. Other models are not measured, and taken as they are."""

LEVEL_MS = 10
"""Length of the frames whose level is looked at."""
QUIET_BELOW_LOUD_DB = 30.0
"""A frame so far below the loud ones (95th percentile) is no speech; 25 dB cuts off soft endings."""
QUIET_OVER_FLOOR_DB = 6.0
MIN_CONTRAST_DB = 12.0
"""In noise: what is not clearly above the floor (5th percentile) is no speech, and what is so far below
the loud ones may be none."""
MIN_PAUSE_MS = 50
"""A shorter dip is inside a word: the closure of a plosive."""
PRICE_OF_A_PAUSE = 2.0
"""What a pause between no two words costs, by its length, beside the distance from a boundary to the
pause it takes. At 1 and 4 the digits come out nearly the same; at 0.5 pauses are left inside words."""
NEAR_MS = 400
"""So far at most attention misses the end of a word."""
MIN_WORD_MS = 20
"""One position of Whisper's encoder."""


def whole_words(
    parts: Sequence[tuple[Word, list[int]]], begins: Sequence[bool]
) -> list[tuple[Word, list[int]]]:
    """Parts of words with their tokens -> words: "post" and "-mortem" become "post-mortem".

    `begins` says of each part whether a word begins with it; the first one does. A word's confidence is
    the mean over its tokens, as that of its parts is.
    """
    whole: list[tuple[Word, list[int]]] = []
    for (part, tokens), is_new in zip(parts, begins, strict=True):
        if is_new or not whole:
            whole.append((part, tokens))
            continue
        word, before = whole[-1]
        certain = word.confidence * len(before) + part.confidence * len(tokens)
        joined = replace(
            word,
            text=word.text + part.text,
            end_ms=part.end_ms,
            confidence=certain / max(len(before) + len(tokens), 1),
        )
        whole[-1] = joined, before + tokens
    return whole


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch without speech, in milliseconds from the first sample."""

    start_ms: int
    end_ms: int


def place_words(words: Sequence[Word], audio: Pcm16, lag_ms: int = 0) -> tuple[Word, ...]:
    """Words with their times by attention -> with the times at which they are heard.

    `audio` is what they were decoded from. The times rise, lie in the audio and do not overlap, and
    no word is shorter than MIN_WORD_MS as long as there is room.
    """
    if not words:
        return ()
    length_ms = len(audio) * 1000 // SAMPLE_RATE
    between = [(a.end_ms + b.start_ms) // 2 for a, b in pairwise(words)]
    boundaries = [b - lag_ms for b in (words[0].start_ms, *between, words[-1].end_ms)]
    pauses = find_pauses(audio)
    taken = match_pauses(boundaries, pauses)
    edges = [
        pauses[taken[at]] if at in taken else Pause(boundary, boundary)
        for at, boundary in enumerate(boundaries)
    ]
    times = [(before.end_ms, after.start_ms) for before, after in pairwise(edges)]
    return tuple(
        replace(word, start_ms=start_ms, end_ms=end_ms)
        for word, (start_ms, end_ms) in zip(words, _apart(times, length_ms), strict=True)
    )


def find_pauses(audio: Pcm16) -> list[Pause]:
    """The pauses in order. The first begins at 0, the last ends with the audio; both may be empty."""
    length_ms = len(audio) * 1000 // SAMPLE_RATE
    size = SAMPLE_RATE * LEVEL_MS // 1000
    frames = audio[: len(audio) // size * size].reshape(-1, size)
    if not len(frames):
        return [Pause(0, 0), Pause(length_ms, length_ms)]
    # One step of int16 is added to the power, so that digital silence has a level.
    levels = 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1)
    floor, loud = np.percentile(levels, (5, 95))
    threshold = max(
        loud - QUIET_BELOW_LOUD_DB, min(floor + QUIET_OVER_FLOOR_DB, loud - MIN_CONTRAST_DB)
    )
    speech = np.flatnonzero(levels >= threshold) * LEVEL_MS
    if not len(speech):
        return [Pause(0, 0), Pause(length_ms, length_ms)]
    starts = [0, *(speech + LEVEL_MS).tolist()]
    ends = [*speech.tolist(), length_ms]
    pauses = [Pause(start, end) for start, end in zip(starts, ends, strict=True)]
    inner = [pause for pause in pauses[1:-1] if pause.end_ms - pause.start_ms >= MIN_PAUSE_MS]
    return [pauses[0], *inner, pauses[-1]]


def match_pauses(boundaries: Sequence[int], pauses: Sequence[Pause]) -> dict[int, int]:
    """Index of boundary -> index of the pause that it takes, both rising; the cheapest such choice.

    The pauses at the ends of the audio cost the first and last boundary nothing, however far. (By the
    dynamic programming of every alignment; some 60 of each, so a few thousand steps.)
    """
    last_boundary, last_pause = len(boundaries) - 1, len(pauses) - 1

    def distance(at: int, to: int) -> float:
        if (at, to) in ((0, 0), (last_boundary, last_pause)):
            return 0.0
        return max(pauses[to].start_ms - boundaries[at], boundaries[at] - pauses[to].end_ms, 0)

    left = [PRICE_OF_A_PAUSE * (pause.end_ms - pause.start_ms) for pause in pauses]
    cost = np.zeros((len(boundaries) + 1, len(pauses) + 1))
    cost[0, 1:] = np.cumsum(left)
    for at in range(len(boundaries)):
        for to in range(len(pauses)):
            cost[at + 1, to + 1] = min(
                cost[at, to] + distance(at, to),
                cost[at, to + 1],
                cost[at + 1, to] + left[to],
            )
    taken: dict[int, int] = {}
    at, to = len(boundaries), len(pauses)
    while at and to:
        if cost[at, to] == cost[at - 1, to - 1] + distance(at - 1, to - 1):
            at, to = at - 1, to - 1
            taken[at] = to
        elif cost[at, to] == cost[at - 1, to]:
            at -= 1
        else:
            to -= 1
    return taken


def _apart(times: Sequence[tuple[int, int]], length_ms: int) -> list[tuple[int, int]]:
    """Times in which each word has its least length, in order and inside the audio."""
    least_ms = min(MIN_WORD_MS, length_ms // len(times))
    placed = []
    free_ms = 0
    for left, (start_ms, end_ms) in zip(range(len(times) - 1, -1, -1), times, strict=True):
        latest_ms = length_ms - left * least_ms  # the words after it need their room
        start_ms = min(max(start_ms, free_ms), latest_ms - least_ms)
        free_ms = min(max(end_ms, start_ms + least_ms), latest_ms)
        placed.append((start_ms, free_ms))
    return placed


def pause_near(audio: Pcm16, at_ms: int) -> int:
    """The middle of the pause that is nearest to a time, in ms; that time if no pause is near."""
    middles = [(pause.start_ms + pause.end_ms) // 2 for pause in find_pauses(audio)[1:-1]]
    nearest_ms = min(middles, key=lambda middle_ms: abs(middle_ms - at_ms), default=at_ms)
    return nearest_ms if abs(nearest_ms - at_ms) <= NEAR_MS else at_ms


def last_pause(words: Sequence[Word]) -> tuple[int, int]:
    """The longest pause in the second half of the words: how many come before it, and its middle in ms.

    (0, 0) of fewer than three. The pause before the last word is not looked at: where a text was cut
    off, that word's time is made up of all that follows.
    """
    pauses = [
        (after.start_ms - before.end_ms, count, (before.end_ms + after.start_ms) // 2)
        for count, (before, after) in enumerate(pairwise(words[:-1]), 1)
    ]
    _, count, middle_ms = max(pauses[len(pauses) // 2 :], default=(0, 0, 0))
    return count, middle_ms
