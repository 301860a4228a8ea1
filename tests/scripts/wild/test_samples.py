"""Decoded samples beside those of the original: what is lost, and what is off, is found."""

from collections.abc import Sequence

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.places import SAMPLE
from surtitle.jobs import Pcm16
from wild.expectation import Hole, Piece, Reference, Utterance, WildFile
from wild.samples import Compared, Decoded, compare, find, thinned
from wild.table import faults, samples_markdown

SPEECH = read_pcm16(SAMPLE)[: 16_000 * 10]
REFERENCE = Reference("a", "a.wav", (Utterance("whatever", 0.5, 9.5),))
WHOLE = Piece("a", 0.0, 10.0, 0.0)


def silence(seconds: float) -> Pcm16:
    return np.zeros(round(16_000 * seconds), np.int16)


def compared(
    samples: Pcm16,
    status: int = 0,
    pieces: Sequence[Piece] = (WHOLE,),
    holes: Sequence[Hole] = (),
    missing_s: float = 0.0,
) -> Compared:
    file = WildFile(
        path="files/x",
        kind="kind",
        statuses=(0, 4),
        pieces=tuple(pieces),
        holes=tuple(holes),
        missing_s=(0.0, 2.0),
    )
    decoded = Decoded(status, samples, missing_s, "")
    return compare(file, decoded, {"a": REFERENCE}, {"a": SPEECH})


def test_the_same_is_right() -> None:
    same = compared(SPEECH)
    assert (same.faults, same.lost) == ((), 0)
    assert same.seconds >= 6
    assert same.shift_s < 0.001
    assert compared(-SPEECH // 3).faults == (), (
        "nor does it matter how loud it is, and which way up"
    )


@pytest.mark.parametrize("shift_s", [-0.4, 0.3, 1.2])
def test_what_is_off_is_measured(shift_s: float) -> None:
    moved = np.concatenate([silence(shift_s), SPEECH]) if shift_s > 0 else SPEECH[6400:]
    off = compared(moved)
    assert off.shift_s == pytest.approx(abs(shift_s), abs=0.01)
    assert f"{shift_s:+.2f} s off" in faults([off])
    right = Piece("a", 0.0, 10.0, shift_s) if shift_s > 0 else Piece("a", 0.4, 10.0, 0.0)
    assert compared(moved, pieces=[right]).faults == ()


def test_what_is_lost_is_counted_but_not_in_holes() -> None:
    hurt = np.concatenate([SPEECH[:48_000], silence(3), SPEECH[96_000:]])
    assert compared(hurt).lost >= 2
    assert compared(hurt, status=4, holes=[Hole(3.0, 6.0)], missing_s=2.0).faults == ()
    noise = np.random.default_rng(1).normal(0, 3000, len(SPEECH)).astype(np.int16)
    assert compared(noise).lost == compared(noise).seconds


def test_status_and_what_is_told_to_be_missing() -> None:
    assert "Status 1" in faults([compared(SPEECH, status=1)])
    assert "9.00 s are missing" in faults([compared(SPEECH, status=4, missing_s=9.0)])


def test_nothing_is_found_where_nothing_is() -> None:
    likeness, _ = find(thinned(SPEECH[16_000:32_000]), thinned(silence(0)), 5.0)
    assert likeness == 0


def test_the_table_adds_up() -> None:
    lines = samples_markdown([compared(SPEECH), compared(silence(10))]).splitlines()
    assert lines[2].startswith("| kind | 2 | 1 |")
    assert lines[-1].startswith("| all | 2 | 1 |")
