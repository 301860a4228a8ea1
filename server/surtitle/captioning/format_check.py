"""Raw audio declared as what it is not: noticed by its statistics.

Some blocks of the stream are read as declared and in each of the other formats that clients send by
mistake. A block speaks against the declared format only where another reading both saves more and
predicts better (`readings`). Noise speaks for nothing: where it is quiet, as of most microphones, no
other reading is tried, and where it is as loud as can be, none is better. Silence is not looked at.
"""

from collections import Counter

import numpy as np

from surtitle.captioning.first_bytes import ENOUGH_BYTES, Kind, recognise, recognise_text
from surtitle.captioning.format_advice import describe_kind, describe_reading
from surtitle.captioning.readings import (
    CLEAR_GAIN_DB,
    IMPOSSIBLE,
    MIN_VALUES,
    UNIT_BYTES,
    Reading,
    is_far_too_loud,
    is_interleaved,
    is_one_channel,
    score,
)
from surtitle.captioning.sample_formats import FORMATS
from surtitle.messages import RawEncoding

_BETTER_BY_DB, _BETTER_BY_BITS = 3.0, 0.5
"""By how much another reading must surpass the declared one. Of 8,000 blocks of speech, noise and
music read rightly at 8, 16 and 48 kHz, in none did any reading surpass it by 0.3 bits and 3 dB."""
_AGAINST, _FOR = 5, 3
"""Blocks that decide: against the declared format, all for the same other one, and for it."""
_BLOCKS_PER_S = 8
_PATIENCE, _OF_QUIET_NOISE = 10, 5
"""So many blocks in a row that speak for nothing, and half as many are looked at: noise costs most. One
of quiet noise counts as so many, since it is what an open microphone sends most of the time."""
_MAX_BLOCKS = 240
"""That are looked at before it is left undecided, where some speak for something and never enough."""
_MIN_UNITS = 100
"""A block is 2.4 kB or, with many channels, 16 units for each."""
_FIRST_LOOK_BYTES = 16
"""Of the first bytes; further looks when there are twice as many, so that tiny frames cost no more."""
_REPEATED_BYTES = 48
"""Recorded sound never repeats so many. Computed waves do, and are regular in other readings too."""
_MIN_IN_TURN_DB = 3.0


class FormatCheck:
    """Says once, after about a second of sound, that raw audio is not what was declared.

    Fed all bytes in order, however cut; holds at most a block of them. What it costs is bounded: a few
    blocks of speech, or at most _MAX_BLOCKS; then `feed` returns at once.
    """

    def __init__(self, encoding: RawEncoding, sample_rate: int, channels: int) -> None:
        """`encoding` is one of the raw ones; `channels` are interleaved."""
        self._declared = Reading(encoding, channels)
        self._others = _others(self._declared)
        frame_bytes = FORMATS[encoding].sample_bytes * channels
        unit = UNIT_BYTES * channels
        self._block_bytes = unit * max(_MIN_UNITS // channels, 16)
        between = max(sample_rate * frame_bytes // _BLOCKS_PER_S, self._block_bytes)
        self._between_bytes = self._block_bytes + (between - self._block_bytes) // unit * unit
        self._skip = 0  # bytes that come before the next block
        self._block = bytearray()
        self._head: bytearray | None = bytearray()  # the first bytes; None once they are judged
        self._next_look = _FIRST_LOOK_BYTES
        self._votes: Counter[Reading] = Counter()
        self._blocks = 0
        self._in_vain = 0  # the newest blocks, which have spoken for nothing
        self._done = False

    def feed(self, data: bytes) -> str | None:
        """Take the next bytes; a sentence that says what they look like, once, or None."""
        if self._done:
            return None
        if self._head is not None and (kind := self._look_at_head(data)):
            self._done = True
            return describe_kind(kind, self._declared)
        view = memoryview(data)
        while len(view) and not self._done:
            skipped = min(self._skip, len(view))
            self._skip -= skipped
            view = view[skipped:]
            taken = view[: self._block_bytes - len(self._block)]
            self._block += taken
            view = view[len(taken) :]
            if len(self._block) == self._block_bytes:
                block = bytes(self._block)
                self._block.clear()
                if kind := recognise_text(block):
                    self._done = True
                    return describe_kind(kind, self._declared)
                if reading := self._look_at(block):
                    return describe_reading(reading, self._declared)
                between = self._between_bytes << self._in_vain // _PATIENCE
                self._skip = between - self._block_bytes
        return None

    def _look_at_head(self, data: bytes) -> Kind | None:
        assert self._head is not None
        self._head += data[: ENOUGH_BYTES - len(self._head)]
        if len(self._head) < self._next_look:
            return None
        self._next_look = min(2 * len(self._head), ENOUGH_BYTES)
        kind = recognise(bytes(self._head))
        if len(self._head) == ENOUGH_BYTES:
            self._head = None
        return kind

    def _look_at(self, block: bytes) -> Reading | None:
        """Judge one block; what the stream really is, as soon as that is settled."""
        if block.find(block[:_REPEATED_BYTES], 1) > 0 or len(set(block)) < MIN_VALUES:
            return None  # silence in whatever format, or a wave made by a program
        self._blocks += 1
        settled: Reading | None = None
        with np.errstate(all="ignore"):  # floats made of other bytes are anything
            vote, weight = self._vote(block)
        self._in_vain = 0 if vote is not None else self._in_vain + weight
        if vote is not None:
            self._votes[vote] += weight
            if vote != self._declared and self._votes[vote] >= _AGAINST:
                settled = vote
        if settled or self._votes[self._declared] >= _FOR or self._blocks >= _MAX_BLOCKS:
            self._done = True
            self._votes.clear()
        return settled

    def _vote(self, block: bytes) -> tuple[Reading | None, int]:
        """For which reading a block speaks, and how much that counts; None and how much it counts as
        looked at in vain.
        """
        declared = score(self._declared, block)
        is_one: bool | None = False
        if self._declared.channels == 2:
            one = Reading(self._declared.format, 1)
            is_one = is_one_channel(FORMATS[one.format].read(block))
            of_one = score(one, block)
            if is_one and of_one.is_sound and of_one.gain_db >= CLEAR_GAIN_DB:
                return one, 1
        # What may be one channel, or is far too loud, does not speak for what was declared.
        is_certain = is_one is False and not (
            self._declared.format == "pcm_f32le" and is_far_too_loud(block)
        )
        in_turn = self._declared.channels == 1 and is_interleaved(
            FORMATS[self._declared.format].read(block)
        )
        if declared.is_clear and not in_turn:
            return (self._declared if is_certain else None), 1
        if declared.is_quiet_noise and not in_turn:
            return None, _OF_QUIET_NOISE
        scores = {reading: score(reading, block) for reading in self._others}
        is_large = any(
            other.is_sound for reading, other in scores.items() if reading.format == "f32le_32768"
        )
        better = [
            reading
            for reading, other in scores.items()
            if other.is_sound
            and other.even
            and other.is_better(declared, _BETTER_BY_DB, _BETTER_BY_BITS)
            # A silent channel beside one that is not makes the same bytes as 32-bit integers, and
            # floats of one sign make bytes that rise and fall as such do.
            and not (reading.format == "s32le" and (in_turn or is_large))
        ]
        if better:
            best = max(better, key=lambda reading: scores[reading].worth)
            # Floats that are no numbers prove by themselves that they are none.
            sure = declared is IMPOSSIBLE and scores[best].is_clear
            return best, _AGAINST if sure else 1
        if in_turn and declared.gain_db >= _MIN_IN_TURN_DB:
            return Reading(self._declared.format, 2), 1
        if (
            is_certain
            and declared.is_sound
            and not any(other.is_better(declared) for other in scores.values())
        ):
            return self._declared, 1
        return None, 1


def _others(declared: Reading) -> tuple[Reading, ...]:
    """All other readings that are tried."""
    channels = declared.channels
    formats = [Reading(name, channels) for name in FORMATS if name != declared.format]
    shifted = [
        Reading(declared.format, channels, skip)
        for skip in range(1, FORMATS[declared.format].sample_bytes)
    ]
    return (*formats, *shifted)
