"""How long a sender may be silent: what it sends at once counts, not that it was muted."""

from collections.abc import Iterable

import pytest

from surtitle.gateway.rhythm import DECODER_STEP_S, MEMORY_S, Rhythm
from surtitle.messages import ContainerEncoding

Sent = Iterable[tuple[float, float]]
"""When each frame came, and how long its audio is."""


def every(step_s: float, length_s: float, *, from_s: float = 0.0, to_s: float) -> Sent:
    count = round((to_s - from_s) / step_s)
    return [(from_s + number * step_s, length_s) for number in range(count)]


def at_once(at_s: float, length_s: float, frame_s: float) -> Sent:
    return [(at_s + number * 1e-4, frame_s) for number in range(round(length_s / frame_s))]


def usual_s(*parts: Sent, container: ContainerEncoding | None = None) -> float:
    """How much longer than others such a sender may be silent."""
    rhythm = Rhythm(container)
    for part in parts:
        for at_s, length_s in part:
            rhythm.on_frame(at_s)
            rhythm.on_audio(length_s)
    return rhythm.usual_wait_s


@pytest.mark.parametrize("frame_s", [0.01, 0.02, 0.1, 0.25])
@pytest.mark.parametrize("muted_s", [0.9, 1.5, 2.0, 2.9, 30.0])
def test_a_silence_is_no_rhythm(frame_s: float, muted_s: float) -> None:
    parts = [
        every(frame_s, frame_s, from_s=number * (2 + muted_s), to_s=number * (2 + muted_s) + 2)
        for number in range(3)
    ]
    assert usual_s(*parts) <= 0.3


@pytest.mark.parametrize("length_s", [0.5, 2.0, 5.0, 12.0])
def test_one_frame_now_and_then_is(length_s: float) -> None:
    for frames in (1, 2, 5):
        sent = every(length_s, length_s, to_s=frames * length_s)
        assert usual_s(sent) == pytest.approx(length_s)


@pytest.mark.parametrize("frame_s", [0.01, 0.02, 0.1])
@pytest.mark.parametrize("length_s", [1.2, 2.0, 4.0])
def test_so_are_many_small_ones_at_once(length_s: float, frame_s: float) -> None:
    bursts = [at_once(number * length_s, length_s, frame_s) for number in range(4)]
    assert usual_s(*bursts) == pytest.approx(length_s, abs=0.05)


@pytest.mark.parametrize("buffered_s", [0.0, 0.5, 8.0])
def test_what_was_recorded_before_the_connection_is_none(buffered_s: float) -> None:
    assert usual_s(at_once(5, buffered_s, 0.1), every(0.1, 0.1, from_s=5.2, to_s=7)) <= 0.2


@pytest.mark.parametrize("held_s", [2.0, 4.0])
def test_nor_is_what_a_decoder_gives_only_after_several_frames(held_s: float) -> None:
    rhythm = Rhythm("wav")
    for at_s, _ in every(0.1, 0.1, to_s=held_s):
        rhythm.on_frame(at_s)
    rhythm.on_audio(held_s)
    assert rhythm.usual_wait_s <= 0.15


def test_the_time_without_a_connection_does_not_count() -> None:
    rhythm = Rhythm()
    rhythm.on_frame(0)
    rhythm.on_audio(0.1)
    rhythm.begin()
    for at_s, length_s in at_once(8, 8, 0.1):
        rhythm.on_frame(at_s)
        rhythm.on_audio(length_s)
    assert rhythm.usual_wait_s <= 0.2


@pytest.mark.parametrize("frame_s", [0.01, 0.1])
def test_a_sender_that_changes_its_ways_is_known_by_the_new_ones_soon(frame_s: float) -> None:
    slow = every(2, 2, to_s=6)
    before = every(frame_s, frame_s, from_s=6, to_s=4 + MEMORY_S - 0.3)
    after = every(frame_s, frame_s, from_s=4 + MEMORY_S - 0.3, to_s=4 + MEMORY_S + 0.5)
    assert usual_s(slow, before) == 2
    assert usual_s(slow, before, after) <= 0.2


@pytest.mark.parametrize(
    ("container", "step_s"),
    [
        *((prompt, 0) for prompt in (None, "webm", "mp4", "wav")),
        *((other, DECODER_STEP_S) for other in ("ogg", "flac", "mp3", "aac", "auto")),
    ],
)
def test_decoders_that_give_much_at_once_are_waited_for(
    container: ContainerEncoding | None, step_s: float
) -> None:
    assert Rhythm(container).usual_wait_s == step_s
