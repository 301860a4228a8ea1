"""Clips: trimmed to the speech, in a fixed order, in whole frames; and when their words end."""

from pathlib import Path

import numpy as np
import pytest

from load.speech import FRAME_SAMPLES, Clip, in_turn, rotated, trim
from load.wordtimes import spread
from surtitle.jobs import SAMPLE_RATE, Pcm16


def tone(seconds: float, amplitude: int) -> Pcm16:
    phase = np.arange(int(seconds * SAMPLE_RATE)) * 0.3
    samples: Pcm16 = (amplitude * np.sin(phase)).astype(np.int16)
    return samples


def test_what_is_26_db_softer_than_the_speech_is_cut_off() -> None:
    audio = np.concatenate([tone(1, 300), tone(2, 10_000), tone(0.5, 300)])
    assert len(trim(audio)) / SAMPLE_RATE == pytest.approx(2.0 + 4 * 0.02)


def test_a_soft_end_of_speech_is_kept() -> None:
    audio = np.concatenate([tone(2, 10_000), tone(0.5, 1000), tone(0.5, 0)])
    assert len(trim(audio)) / SAMPLE_RATE == pytest.approx(2.5 + 2 * 0.02)


def test_silence_stays_as_it_is() -> None:
    assert len(trim(np.zeros(1000, np.int16))) == 1000
    assert len(trim(np.zeros(100, np.int16))) == 100


def test_voices_take_turns_in_an_order_that_does_not_depend_on_the_manifest() -> None:
    names = ["a-1", "a-2", "a-3", "b-1", "b-2", "c-1"]
    order = in_turn(names)
    assert order == in_turn(reversed(names))
    assert {name[0] for name in order[:3]} == {"a", "b", "c"}
    assert {name[0] for name in order[3:5]} == {"a", "b"}
    assert sorted(order) == names


def test_frames_are_whole_and_the_last_is_filled_up() -> None:
    clip = Clip(Path("a.wav"), "", tone(0.25, 1000))
    frames = clip.frames()
    assert [len(frame) for frame in frames] == [2 * FRAME_SAMPLES] * 3
    assert b"".join(frames)[: 2 * len(clip.audio)] == clip.audio.tobytes()
    assert frames[2][FRAME_SAMPLES:] == bytes(FRAME_SAMPLES)


def test_each_session_starts_at_its_own_clip() -> None:
    clips = [Clip(Path(name), "", tone(0.1, 1)) for name in "abc"]
    assert [clip.path.name for clip in rotated(clips, 4)] == ["b", "c", "a"]


def test_words_that_were_heard_have_their_times_and_others_lie_between() -> None:
    heard = [("the", 0.4), ("fat", 0.9), ("sat", 1.6)]
    ends = spread(["the", "cat", "has", "sat", "down"], heard, 2.5)
    assert ends == pytest.approx((0.4, 0.8, 1.2, 1.6, 2.5))


def test_no_word_ends_after_the_clip() -> None:
    assert spread(["a", "b"], [("a", 0.5), ("b", 2.2)], 2.0) == (0.5, 2.0)
