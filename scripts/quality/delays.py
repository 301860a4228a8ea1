"""How late the captions of one session were. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from msgspec import Struct

from load.metrics import UtteranceFigures, measure
from load.session import Heard
from load.speech import speech_bounds
from load.summary import Spread
from surtitle.jobs import SAMPLE_RATE, Pcm16


class Delays(Struct, frozen=True):
    """Seconds; null in JSON is infinity: never."""

    recordings: int
    word_shown: Spread
    """End of a word -> it is shown."""
    word_kept: Spread
    """End of a word -> it is shown for good."""
    first_text: Spread
    """Start of speech -> its first text that stays."""
    final: Spread
    """End of speech -> the final of its last words."""


def delays_of(heard: Heard, audio: Pcm16, word_ends_s: Sequence[float]) -> UtteranceFigures:
    """Of a session that has spoken one recording: `audio`, whose words end at `word_ends_s`."""
    (spoken,) = heard.spoken
    first, last = speech_bounds(audio)
    offset_s = first / SAMPLE_RATE
    bounded = replace(
        spoken,
        start_s=spoken.start_s + offset_s,
        end_s=spoken.start_s + last / SAMPLE_RATE,
        word_ends_s=tuple(end - offset_s for end in word_ends_s),
    )
    (figures,) = measure([bounded], heard.changes, heard.goodbye_s).utterances
    return figures


def summarize(figures: Sequence[UtteranceFigures]) -> Delays:
    """Over recordings; first text and final are of those of which any word came out right."""
    answered = [each for each in figures if each.answered]
    return Delays(
        recordings=len(figures),
        word_shown=Spread.of([s for each in figures for s in each.word_shown_s]),
        word_kept=Spread.of([s for each in figures for s in each.word_kept_s]),
        first_text=Spread.of([each.first_partial_s for each in answered]),
        final=Spread.of([each.final_s for each in answered]),
    )
