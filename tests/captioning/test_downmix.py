from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from surtitle.captioning.downmix import BLOCKS_PER_S, Downmix
from tests.conformance import cases

Float = NDArray[np.float32]

RATE = 16_000
BLOCK = RATE // BLOCKS_PER_S


def mixed(frames: Float, *, rate: int = RATE, pushes: list[int] | None = None) -> Float:
    """All that comes of frames of shape (n, channels), cut so."""
    downmix = Downmix(frames.shape[1], rate)
    parts, start = [], 0
    for size in pushes or [len(frames)]:
        parts.append(downmix.push(frames[start : start + size]))
        start += size
    parts.append(downmix.push(frames[start:]))
    parts.append(downmix.finish())
    return np.concatenate(parts)


def voice(seconds: float, seed: int = 1) -> Float:
    """Something with the ups and downs of speech: noise in syllables, four a second."""
    count = round(seconds * RATE)
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, count)
    syllables = 0.1 + 0.9 * np.abs(np.sin(np.pi * 4 * np.arange(count) / RATE + seed))
    return (noise * syllables).astype(np.float32)


def on_channels(count: int, **channels: Float) -> Float:
    """`c3=x` puts x on the third of `count` channels; the others are silent."""
    frames = np.zeros((len(next(iter(channels.values()))), count), np.float32)
    for name, samples in channels.items():
        frames[:, int(name[1:]) - 1] = samples
    return frames


def power(samples: Float) -> float:
    return float(np.mean(samples.astype(np.float64) ** 2))


def decibels(samples: Float, reference: Float) -> float:
    return float(10 * np.log10(power(samples) / power(reference)))


# -- the table that JavaScript follows too ------------------------------------------------------


@pytest.mark.parametrize("case", cases("downmix"), ids=lambda case: case["name"])
def test_the_table(case: dict[str, object]) -> None:
    frames = np.array(case["frames"], np.float32)
    assert frames.shape[1] == case["channels"]
    rate, pushes = case["sample_rate"], case["pushes"]
    assert isinstance(rate, int)
    assert isinstance(pushes, list)
    assert sum(pushes) == len(frames)
    np.testing.assert_allclose(
        mixed(frames, rate=rate, pushes=pushes), np.array(case["expected"]), rtol=0, atol=1e-6
    )


# -- a voice is never lost ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "count"),
    [(1, 2), (2, 2), (3, 3), (4, 6), (8, 8), (12, 12), (16, 16), (24, 24), (9, 9), (60, 60)],
)
def test_a_voice_on_one_of_many_channels_is_as_loud_as_it_was(channel: int, count: int) -> None:
    speech = voice(1)
    np.testing.assert_allclose(
        mixed(on_channels(count, **{f"c{channel}": speech})), speech, atol=1e-6
    )


@pytest.mark.parametrize("level", [1.0, 0.9, 1.1])
@pytest.mark.parametrize("count", [2, 6])
def test_a_voice_that_is_inverted_on_another_channel_is_heard(level: float, count: int) -> None:
    speech = voice(1)
    assert decibels(mixed(on_channels(count, c1=speech, c2=-level * speech)), speech) > -1.0


@pytest.mark.parametrize("count", [2, 3, 8])
def test_the_same_on_all_channels_is_what_each_was(count: int) -> None:
    speech = voice(0.5)
    np.testing.assert_allclose(mixed(np.tile(speech[:, None], count)), speech, atol=1e-6)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_voices_that_have_nothing_to_do_with_each_other_are_all_heard(count: int) -> None:
    voices = {f"c{number}": voice(2, seed=number) for number in range(1, count + 1)}
    np.testing.assert_allclose(
        mixed(on_channels(count, **voices)), sum(voices.values()) / count, atol=1e-6
    )


def test_the_quieter_of_two_speakers_is_not_taken_for_crosstalk() -> None:
    loud, quiet = voice(1, seed=1), voice(1, seed=2) * np.float32(0.1)  # 20 dB below
    np.testing.assert_allclose(
        mixed(on_channels(2, c1=loud, c2=quiet)), (loud + quiet) / 2, atol=1e-6
    )


def test_crosstalk_into_an_empty_channel_does_not_halve_the_voice() -> None:
    speech = voice(1)
    np.testing.assert_allclose(
        mixed(on_channels(2, c1=speech, c2=0.02 * speech)), speech, atol=1e-6
    )


def offset(level: float, seconds: float) -> Float:
    return np.full(round(seconds * RATE), level, np.float32)


def hum(level: float, seconds: float) -> Float:
    times = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * 50 * times)).astype(np.float32)


def weights_of(mono: Float, *parts: Float) -> Float:
    """The weight of each part in what was mixed, in each half of a second: shape (halves, parts)."""
    halves = range(0, len(mono) - RATE // 2 + 1, RATE // 2)
    columns = np.stack(parts, axis=1)
    return np.array(
        [
            np.linalg.lstsq(columns[at : at + RATE // 2], mono[at : at + RATE // 2])[0]
            for at in halves
        ]
    )


@pytest.mark.parametrize("level", [1.0, 0.1, 0.02, 0.005])
@pytest.mark.parametrize("count", [2, 6, 16])
@pytest.mark.parametrize("dc", [0.5, -0.9])
def test_an_offset_is_no_signal(dc: float, count: int, level: float) -> None:
    speech = np.float32(level) * voice(2)
    result = mixed(on_channels(count, c1=offset(dc, 2), c2=speech))
    np.testing.assert_allclose(result, speech, atol=1e-6)


def test_offsets_on_both_channels_do_not_hide_that_they_cancel() -> None:
    speech = np.float32(0.5) * voice(2)
    dc = offset(0.4, 2)
    result = mixed(on_channels(2, c1=dc + speech, c2=dc - speech))
    np.testing.assert_allclose(result, dc + speech, atol=1e-6)


@pytest.mark.parametrize("level", [0.3, 0.03, 0.02])
@pytest.mark.parametrize("count", [2, 6])
def test_hum_does_not_hide_a_voice_on_another_channel(count: int, level: float) -> None:
    """Which may be 30 dB louder than the voice."""
    speech = np.float32(level) * voice(2)
    low = hum(0.5, 2)
    result = mixed(on_channels(count, c1=low, c2=speech))
    assert weights_of(result, speech, low)[:, 0].min() > 0.4


def noise(seconds: float, seed: int = 9) -> Float:
    """As loud as a voice, and without its ups and downs."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    level = float(np.sqrt(power(voice(seconds))))
    return (level * samples).astype(np.float32)


def music(seconds: float) -> Float:
    """A chord that changes each half second, as loud as a voice."""
    times = np.arange(round(seconds * RATE)) / RATE
    base = 220 * 2 ** ((times // 0.5 * 5 % 12) / 12)
    tones = [np.sin(2 * np.pi * base * times * ratio) for ratio in (1, 1.25, 1.5, 2)]
    chord = np.sum(tones, axis=0).astype(np.float32)
    level = float(np.sqrt(power(voice(seconds)) / power(chord)))
    wave: Float = (level * chord).astype(np.float32)
    return wave


BEHIND: dict[str, Callable[[float], Float]] = {
    "noise": noise,
    "music": music,
    "another voice": lambda seconds: voice(seconds, 3),
}


@pytest.mark.parametrize("behind_db", [-20, -10, -3, 0, 6])
@pytest.mark.parametrize("gain", [-1.0, -0.8, -1.2])
@pytest.mark.parametrize("behind", BEHIND)
def test_an_inverted_voice_is_heard_whatever_is_on_a_third_channel(
    behind: str, gain: float, behind_db: float
) -> None:
    speech = voice(4)
    other = np.float32(10 ** (behind_db / 20)) * BEHIND[behind](4)
    result = mixed(on_channels(3, c1=speech, c2=np.float32(gain) * speech, c3=other))
    weights = np.abs(weights_of(result, speech, other))
    assert weights[:, 0].min() > 0.35
    assert weights[1:, 1].min() > 0.35, "and what is on the third channel, too"


@pytest.mark.parametrize("behind_db", [-30, -20, -10])
@pytest.mark.parametrize("behind", BEHIND)
def test_an_inverted_voice_is_heard_whatever_is_on_both_channels(
    behind: str, behind_db: float
) -> None:
    speech = voice(4)
    other = np.float32(10 ** (behind_db / 20)) * BEHIND[behind](4)
    result = mixed(on_channels(2, c1=speech + other, c2=other - speech))
    assert np.abs(weights_of(result, speech, other))[:, 0].min() > 0.8


def test_a_pause_with_noise_does_not_make_an_inverted_voice_forgotten() -> None:
    speech = voice(4)
    speech[RATE : 2 * RATE] = 0
    hiss = np.float32(0.2) * noise(4)
    result = mixed(on_channels(2, c1=speech + hiss, c2=hiss - speech))
    after = slice(2 * RATE, None)
    weights = np.abs(weights_of(result[after], speech[after], hiss[after]))
    np.testing.assert_allclose(weights[:, 0], 1, atol=0.01)


def test_a_quieter_voice_beside_an_inverted_one_is_heard() -> None:
    loud, quiet = voice(3, seed=1), np.float32(0.2) * voice(3, seed=2)
    weights = np.abs(weights_of(mixed(on_channels(3, c1=loud, c2=-loud, c3=quiet)), loud, quiet))
    np.testing.assert_allclose(weights[1:], 0.5, atol=0.01)


@pytest.mark.parametrize("inverted", [1, 2, 3])
def test_three_copies_one_of_them_inverted(inverted: int) -> None:
    speech = voice(2)
    copies = {f"c{number}": -speech if number == inverted else speech for number in (1, 2, 3)}
    assert np.abs(weights_of(mixed(on_channels(3, **copies)), speech))[1:] == pytest.approx(1)


@pytest.mark.parametrize("count", [6, 16, 24, 60])
def test_inverted_pairs_of_many_channels_are_all_heard(count: int) -> None:
    first, second = voice(3, seed=1), voice(3, seed=2)
    far = {f"c{count - 1}": second, f"c{count}": -second}
    result = mixed(on_channels(count, c1=first, c2=-first, **far))
    np.testing.assert_allclose(np.abs(weights_of(result, first, second))[1:], 0.5, atol=0.01)


def test_the_delayed_inverted_copy_of_a_voice_does_not_take_it_away() -> None:
    speech = voice(3)
    result = mixed(on_channels(2, c1=speech, c2=-np.roll(speech, 3)))
    assert decibels(result, speech) > -3.1


def ordinary_stereo() -> dict[str, tuple[Float, Float]]:
    speech, other = voice(3, seed=1), voice(3, seed=2)
    hiss, more = np.float32(0.3) * noise(3), np.float32(0.3) * noise(3, seed=8)
    return {
        "dual mono": (speech, speech),
        "panned": (speech, np.float32(0.4) * speech),
        "two voices": (speech, other),
        "two voices panned": (speech + 0.4 * other, other + 0.4 * speech),
        "two microphones": (speech, np.roll(speech, 9)),
        "a voice and wide noise": (speech + hiss, speech + more),
        "a voice and inverted noise": (speech + hiss, speech - hiss),
        "a voice and music": (speech, music(3)),
        "inverted and 10 dB less": (speech, np.float32(-0.3) * speech),
    }


STEREO = ordinary_stereo()


@pytest.mark.parametrize("name", STEREO)
def test_ordinary_stereo_is_its_mean_bit_for_bit(name: str) -> None:
    frames = np.stack(STEREO[name], axis=1).astype(np.float32)
    assert np.array_equal(mixed(frames), frames @ np.full(2, 0.5, np.float32))


def test_speakers_on_channels_of_their_own_take_turns() -> None:
    first, second = voice(1, seed=1), voice(1, seed=2)
    nothing = np.zeros_like(first)
    result = mixed(
        np.concatenate(
            [on_channels(3, c2=first, c3=nothing), on_channels(3, c2=nothing, c3=second)]
        )
    )
    np.testing.assert_allclose(result[: len(first)], first, atol=1e-6)
    # The first one's channel counts for some seconds more: he may only be silent for a while.
    assert decibels(result[len(first) :], second) > -6.1


def test_a_pause_of_a_second_changes_nothing() -> None:
    speech = voice(1)
    pause = np.zeros(RATE, np.float32)
    both = np.concatenate([speech, pause, speech])
    np.testing.assert_allclose(mixed(on_channels(4, c3=both)), both, atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 48_000, 384_000])
def test_any_rate(rate: int) -> None:
    speech = voice(1)
    np.testing.assert_allclose(
        mixed(on_channels(2, c1=speech, c2=-speech), rate=rate), speech, atol=1e-6
    )


# -- changes ------------------------------------------------------------------------------------


def test_nothing_clicks_where_the_weights_change() -> None:
    """A step in a low tone would be far larger than what the tone itself does from one sample to
    the next."""
    times = np.arange(3 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 50 * times)).astype(np.float32)
    # What comes and goes is itself without a step.
    there = np.clip((times - 1.003) / 0.01, 0, 1) * (times < 2)
    other = (tone * there).astype(np.float32)
    result = mixed(on_channels(2, c1=tone, c2=-other))
    assert np.abs(np.diff(result)).max() < 2 * np.abs(np.diff(tone)).max()


def test_what_is_inverted_only_for_a_while_comes_back() -> None:
    speech = voice(3)
    sign = np.where(np.arange(len(speech)) // RATE == 1, -1, 1).astype(np.float32)
    result = mixed(on_channels(2, c1=speech, c2=sign * speech))
    np.testing.assert_allclose(result[:RATE], speech[:RATE], atol=1e-6)
    # No word is lost where it begins: it is heard within three blocks.
    inverted = slice(RATE + 3 * BLOCK, 2 * RATE)
    np.testing.assert_allclose(np.abs(result[inverted]), np.abs(speech[inverted]), atol=1e-6)
    assert decibels(result[2 * RATE :], speech[2 * RATE :]) > -1.0


# -- how it is cut ------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    channels=st.integers(2, 6),
    pushes=st.lists(st.integers(0, 700), max_size=20),
    length=st.integers(0, 3000),
    seed=st.integers(0, 3),
)
def test_how_it_is_cut_makes_no_difference(
    channels: int, pushes: list[int], length: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    levels = rng.choice([0.0, 0.001, 0.3, -0.3, 1.0], (length // BLOCK + 1, channels))
    frames = rng.uniform(-1, 1, (length, 1)) * np.repeat(levels, BLOCK, axis=0)[:length]
    frames = frames.astype(np.float32)
    result = mixed(frames, pushes=pushes)
    assert len(result) == length
    np.testing.assert_allclose(result, mixed(frames), atol=1e-6)
    assert length == 0 or np.abs(result).max() <= np.abs(frames).max() + 1e-6


def test_less_than_a_block_waits_for_the_rest_of_it() -> None:
    downmix = Downmix(2, RATE)
    frames = np.full((BLOCK, 2), 0.25, np.float32)
    assert len(downmix.push(frames[: BLOCK - 1])) == 0
    assert downmix.push(frames[BLOCK - 1 :]).tolist() == [0.25] * BLOCK
    assert len(downmix.finish()) == 0


def test_after_the_end_it_goes_on_with_a_block_of_its_own() -> None:
    downmix = Downmix(2, RATE)
    frames = np.full((BLOCK, 2), 0.25, np.float32)
    assert len(downmix.push(frames[:10])) == 0
    assert len(downmix.finish()) == 10
    assert len(downmix.push(frames)) == BLOCK
