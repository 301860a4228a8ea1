"""What is decoded of a file beside what it was before: second by second, without a model. Pure.

A second of speech is looked for by correlation around the place at which it should be. So lost speech
and wrong times are found exactly, and quickly; what recognition makes of it is another question.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surtitle.jobs import SAMPLE_RATE, Pcm16
from wild.expectation import Piece, Reference, WildFile

Wave = NDArray[np.float64]

RATE = SAMPLE_RATE // 4
"""At which it is compared: the voice is below 2 kHz."""
SECOND_S = 1.0
REACH_S = 1.5
"""So far from its place a second is looked for."""
MAX_SHIFT_S = 0.2
MIN_LIKENESS = 0.5
"""Correlation with the original from which on it is the same speech: codecs change it a little."""
MIN_LEVEL = 300
"""Of a second that is looked for, in units of the last bit (RMS): pauses are everywhere."""
EDGE_S = 0.1
MISSING_SLACK_S = 0.5


@dataclass(frozen=True)
class Decoded:
    """What was made of a file."""

    status: int
    """As the command's exit status would be."""
    samples: Pcm16
    missing_s: float
    error: str


@dataclass(frozen=True)
class Compared:
    """One file, second by second."""

    file: WildFile
    faults: tuple[str, ...]
    seconds: int
    """How many seconds of speech should be heard."""
    lost: int
    """How many of them are not."""
    shift_s: float
    """How far the others are from their places, at most."""


def compare(
    file: WildFile,
    decoded: Decoded,
    references: Mapping[str, Reference],
    samples: Mapping[str, Pcm16],
) -> Compared:
    """`samples` are those of the references, by name."""
    faults = []
    if decoded.status not in file.statuses:
        wanted = " or ".join(map(str, file.statuses))
        faults.append(f"Status {decoded.status}, right is {wanted}. {decoded.error}".strip())
    elif file.missing_s is not None:
        low, high = file.missing_s
        if not low - MISSING_SLACK_S <= decoded.missing_s <= high + MISSING_SLACK_S:
            faults.append(
                f"It says that {decoded.missing_s:.2f} s are missing; "
                f"right is from {low:.1f} to {high:.1f} s."
            )
    lost, shifts = [], []
    heard = thinned(decoded.samples)
    for piece in file.pieces:
        original = thinned(samples[piece.reference])
        for start_s in _seconds(file, piece, references[piece.reference]):
            begin = round(start_s * RATE)
            second = original[begin : begin + round(SECOND_S * RATE)]
            if np.sqrt(np.mean(np.square(second))) < MIN_LEVEL:
                continue
            place_s = piece.place(start_s)
            likeness, shift_s = find(second, heard, place_s)
            if likeness < MIN_LIKENESS:
                lost.append(place_s)
            else:
                shifts.append((abs(shift_s), place_s, shift_s))
    if lost:
        faults.append(f"Speech is lost: {len(lost)} s, the first at {lost[0]:.1f} s.")
    shift_s, at_s, worst_s = max(shifts, default=(0.0, 0.0, 0.0))
    if shift_s > MAX_SHIFT_S:
        faults.append(f"Speech is {worst_s:+.2f} s off at {at_s:.1f} s.")
    return Compared(file, tuple(faults), len(lost) + len(shifts), len(lost), shift_s)


def thinned(samples: Pcm16) -> Wave:
    """The same at RATE."""
    thin: Wave = samples[: len(samples) // 4 * 4].reshape(-1, 4).mean(axis=1)
    return thin


def find(wanted: Wave, samples: Wave, place_s: float) -> tuple[float, float]:
    """The highest correlation near a place (0 to 1), and how far from the place it is, in seconds.

    Both at RATE.
    """
    start = round((place_s - REACH_S) * RATE)
    room = np.zeros(len(wanted) + round(2 * REACH_S * RATE))
    there = samples[max(start, 0) : max(start + len(room), 0)]
    room[max(-start, 0) : max(-start, 0) + len(there)] = there
    pattern = wanted - wanted.mean()
    size = 1 << (len(room) + len(wanted)).bit_length()
    products = np.fft.irfft(np.fft.rfft(room, size) * np.conj(np.fft.rfft(pattern, size)), size)
    places = len(room) - len(wanted) + 1
    energy = np.concatenate([[0.0], np.cumsum(np.square(room))])
    energies = (energy[len(wanted) :] - energy[: len(energy) - len(wanted)])[:places]
    norm = np.sqrt(np.square(pattern).sum() * np.maximum(energies, 1.0))
    likeness: Wave = np.abs(products[:places]) / norm
    best = int(likeness.argmax())
    return float(likeness[best]), best / RATE - REACH_S


def _seconds(file: WildFile, piece: Piece, reference: Reference) -> Iterator[float]:
    """Where the whole seconds of speech of a piece begin, in the reference, outside of holes."""
    for utterance in reference.utterances:
        start_s = utterance.start_s
        while start_s + SECOND_S <= utterance.end_s:
            place_s = piece.place(start_s)
            hurt = any(
                place_s + SECOND_S > hole.start_s - EDGE_S and place_s < hole.end_s + EDGE_S
                for hole in file.holes
            )
            if piece.start_s <= start_s and start_s + SECOND_S <= piece.end_s and not hurt:
                yield start_s
            start_s += SECOND_S
