from collections.abc import Iterable

import av
import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from surtitle.captioning.audio import AudioBuffer, RawDecoder
from surtitle.errors import BadAudio
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.messages import RawEncoding
from tests.captioning.chunking import Chunking, ragged, three_ways

RATES = (8000, 16000, 44100, 48000, 96000)


def decode(decoder: RawDecoder, pieces: Iterable[bytes]) -> Pcm16:
    """All that comes of these bytes and of their end."""
    parts = [decoder.feed(piece) for piece in pieces]
    return np.concatenate([*parts, decoder.finish()])


def pcm16(*values: int) -> bytes:
    return np.array(values, "<i2").tobytes()


def float32(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()


def tone(
    rate: int, seconds: float, hertz: float = 440.0, level: float = 0.5
) -> NDArray[np.float32]:
    times = np.arange(int(rate * seconds)) / rate
    return (level * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def reference_g711(law: str, data: bytes) -> Pcm16:
    """The same codes by FFmpeg's own decoder."""
    codec = av.CodecContext.create(f"pcm_{law}", "r")
    assert isinstance(codec, av.AudioCodecContext)
    codec.sample_rate = 8000
    codec.layout = "mono"
    frames = [*codec.decode(av.Packet(data)), *codec.decode(None)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.int16)


# -- samples without a header -------------------------------------------------------------------


@three_ways
def test_pcm16_at_the_rate_of_the_model_comes_out_as_it_went_in(chunking: Chunking) -> None:
    samples = decode(
        RawDecoder("pcm_s16le", 16000, 1), chunking(pcm16(0, 1, -1, 32767, -32768, 258))
    )
    assert samples.tolist() == [0, 1, -1, 32767, -32768, 258]
    assert samples.dtype == np.int16


@three_ways
def test_every_value_of_pcm16_is_the_same_with_and_without_the_way_over_floats(
    chunking: Chunking,
) -> None:
    values = np.arange(-32768, 32768, dtype=np.int32).astype("<i2")
    direct = decode(RawDecoder("pcm_s16le", 16000, 1), chunking(values.tobytes()))
    # Two equal channels are mixed down as floats.
    stereo = decode(RawDecoder("pcm_s16le", 16000, 2), [np.repeat(values, 2).tobytes()])
    assert np.array_equal(direct, values)
    assert np.array_equal(direct, stereo)


@three_ways
def test_float_samples_are_scaled_rounded_and_clipped(chunking: Chunking) -> None:
    data = float32(0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 1 / 32768, 0.4 / 32768, -0.6 / 32768)
    samples = decode(RawDecoder("pcm_f32le", 16000, 1), chunking(data))
    assert samples.tolist() == [0, 16384, -16384, 32767, -32768, 32767, -32768, 1, 0, -1]


@three_ways
@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_every_g711_code_has_the_value_that_ffmpeg_gives_it(
    law: RawEncoding, chunking: Chunking
) -> None:
    codes = bytes(range(256))
    samples = decode(RawDecoder(law, 16000, 1), chunking(codes))
    assert samples.tolist() == reference_g711(law, codes).tolist()


@three_ways
@pytest.mark.parametrize(
    ("channels", "data", "mixed"),
    [
        (2, pcm16(100, 300, -100, 100, 32767, 32767), [200, 0, 32767]),
        (3, pcm16(300, 600, 900, -300, -300, -900), [600, -500]),
    ],
    ids=["stereo", "three"],
)
def test_channels_are_mixed_down(
    channels: int, data: bytes, mixed: list[int], chunking: Chunking
) -> None:
    assert decode(RawDecoder("pcm_s16le", 16000, channels), chunking(data)).tolist() == mixed


@three_ways
@pytest.mark.parametrize("encoding", ["pcm_f32le", "mulaw", "alaw"])
def test_channels_of_other_encodings_are_mixed_down(
    encoding: RawEncoding, chunking: Chunking
) -> None:
    mono = {"pcm_f32le": float32(0.25, -0.5), "mulaw": b"\x80\x00", "alaw": b"\x95\x2a"}[encoding]
    size = len(mono) // 2
    tripled = mono[:size] * 3 + mono[size:] * 3
    expected = decode(RawDecoder(encoding, 16000, 1), [mono])
    assert decode(RawDecoder(encoding, 16000, 3), chunking(tripled)).tolist() == expected.tolist()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le", "mulaw", "alaw"])
def test_a_tone_at_any_rate_is_the_same_tone(
    encoding: RawEncoding, channels: int, rate: int
) -> None:
    wave = tone(rate, 0.5)
    if encoding == "pcm_f32le":
        mono = wave.astype("<f4")
        frames: NDArray[np.generic] = np.repeat(mono, channels)
    elif encoding == "pcm_s16le":
        frames = np.repeat((wave * 32768).astype("<i2"), channels)
    else:
        table = reference_g711(encoding, bytes(range(256))).astype(np.int32)
        nearest = np.abs((wave * 32768).astype(np.int32)[:, None] - table[None, :]).argmin(axis=1)
        frames = np.repeat(nearest.astype(np.uint8), channels)
    samples = decode(RawDecoder(encoding, rate, channels), ragged(frames.tobytes()))
    assert len(samples) == pytest.approx(8000, abs=1)
    inner = slice(400, 7600)  # a filter rings where a tone begins and ends
    expected = tone(SAMPLE_RATE, 0.5) * 32768
    error = samples[inner].astype(np.float64) - expected[inner]
    # G.711 has about 38 dB between a signal and its own quantization.
    allowed = 0.02 if encoding in ("mulaw", "alaw") else 0.001
    assert np.sqrt(np.mean(error**2)) < allowed * 16384


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
def test_resampled_audio_equals_resampling_in_one_go(rate: int) -> None:
    noise = np.random.default_rng(1).standard_normal(rate // 4).astype(np.float32) * 0.1
    samples = decode(RawDecoder("pcm_f32le", rate, 1), ragged(noise.astype("<f4").tobytes()))
    expected = soxr.resample(noise, rate, SAMPLE_RATE, quality="HQ") * 32768
    assert len(samples) == len(expected)
    assert np.abs(samples - expected).max() <= 1.0


@pytest.mark.parametrize("rate", RATES)
def test_the_same_samples_at_the_same_byte_however_chunked(rate: int) -> None:
    noise = np.random.default_rng(2).integers(-9000, 9000, 2 * 6000, np.int16)
    data = noise.astype("<i2").tobytes()
    marks = range(0, len(data) + 1, 3001)

    def counts(size: int) -> tuple[list[int], list[int]]:
        """How many samples had come at each mark, and the samples."""
        decoder = RawDecoder("pcm_s16le", rate, 2)
        samples: list[int] = []
        at_marks = []
        for mark, following in zip(marks, [*marks][1:], strict=False):
            part = data[mark:following]
            for start in range(0, len(part), size):
                samples += decoder.feed(part[start : start + size]).tolist()
            at_marks.append(len(samples))
        samples += decoder.finish().tolist()
        return at_marks, samples

    assert counts(1) == counts(37) == counts(3001)


def test_half_a_sample_at_the_end_is_dropped() -> None:
    decoder = RawDecoder("pcm_s16le", 16000, 2)
    assert decode(decoder, [pcm16(2, 4) + b"\x01\x02\x03"]).tolist() == [3]


@three_ways
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_float_audio_that_is_no_number_is_refused(bad: float, chunking: Chunking) -> None:
    with pytest.raises(BadAudio, match="NaN"):
        decode(RawDecoder("pcm_f32le", 48000, 1), chunking(float32(0.0, 0.1, bad, 0.1)))


@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_float_audio_far_out_of_range_is_clipped(rate: int, channels: int) -> None:
    data = np.full(channels * rate // 5, 3e38, "<f4").tobytes()
    samples = decode(RawDecoder("pcm_f32le", rate, channels), [data])
    assert len(samples) == 3200
    assert samples[400:2800].min() > 32000


def test_no_audio_gives_no_samples() -> None:
    encodings: tuple[RawEncoding, ...] = ("pcm_s16le", "pcm_f32le", "mulaw", "alaw")
    for encoding in encodings:
        assert len(decode(RawDecoder(encoding, 48000, 1), [b"", b""])) == 0


@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le", "mulaw", "alaw"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_mix_to_mono_comes_ten_milliseconds_late_at_most(
    encoding: RawEncoding, channels: int
) -> None:
    decoder = RawDecoder(encoding, 16000, channels)
    size = {"pcm_s16le": 2, "pcm_f32le": 4, "mulaw": 1, "alaw": 1}[encoding] * channels
    came = 0
    for number in range(1, 1000):
        came += len(decoder.feed(bytes(size)))
        assert number - (159 if channels > 1 else 0) <= came <= number
    assert came + len(decoder.finish()) == 999


@pytest.mark.parametrize(("channel", "channels"), [(2, 2), (3, 3), (4, 6), (8, 8)])
def test_a_voice_on_one_channel_alone_is_not_lost_in_the_others(
    channel: int, channels: int
) -> None:
    frames = np.zeros((8000, channels), "<i2")
    frames[:, channel - 1] = voice = (tone(16000, 0.5) * 32768).astype("<i2")
    assert decode(RawDecoder("pcm_s16le", 16000, channels), [frames.tobytes()]).tolist() == (
        voice.tolist()
    )


@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le"])
def test_a_voice_that_is_inverted_on_the_other_channel_is_heard(encoding: RawEncoding) -> None:
    voice = tone(16000, 0.5)
    frames = np.stack([voice, -voice], axis=1)
    data = (
        frames.astype("<f4").tobytes()
        if encoding == "pcm_f32le"
        else (frames * 32767).astype("<i2").tobytes()
    )
    samples = decode(RawDecoder(encoding, 16000, 2), ragged(data))
    assert np.abs(samples - voice * 32768).max() <= 2


@pytest.mark.parametrize(
    ("encoding", "rate", "channels", "sample", "expected"),
    [
        ("pcm_s16le", 16000, 1, 1000, 2000),
        ("pcm_s16le", 48000, 2, 1000, 12_000),
        ("pcm_f32le", 44100, 1, 16_000, 176_400),
        ("mulaw", 8000, 1, 1000, 500),
    ],
)
def test_what_need_not_be_sent_again(
    encoding: RawEncoding, rate: int, channels: int, sample: int, expected: int
) -> None:
    assert RawDecoder(encoding, rate, channels).bytes_before(sample) == expected


# -- the buffer ---------------------------------------------------------------------------------


def test_the_buffer_is_addressed_by_absolute_index() -> None:
    buffer = AudioBuffer()
    buffer.append(np.array([10, 11, 12], np.int16))
    buffer.append(np.array([13], np.int16))
    assert (buffer.start, buffer.end) == (0, 4)
    assert buffer.slice(1, 3).tolist() == [11, 12]
    assert buffer.slice(4, 4).tolist() == []


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (0, 5), (3, 2), (5, 5)])
def test_what_is_not_held_is_an_index_error(start: int, end: int) -> None:
    buffer = AudioBuffer()
    buffer.append(np.zeros(4, np.int16))
    with pytest.raises(IndexError):
        buffer.slice(start, end)


def test_what_was_discarded_long_ago_is_an_index_error() -> None:
    buffer = AudioBuffer()
    buffer.append(np.zeros(40_000, np.int16))
    buffer.discard_before(30_000)
    with pytest.raises(IndexError):
        buffer.slice(0, 10)
    assert len(buffer.slice(30_000, 40_000)) == 10_000


def test_a_slice_is_a_copy() -> None:
    buffer = AudioBuffer()
    buffer.append(np.array([1, 2], np.int16))
    buffer.slice(0, 2)[0] = 9
    assert buffer.slice(0, 2).tolist() == [1, 2]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 20_000)), min_size=1, max_size=40)
)
def test_the_buffer_holds_what_was_not_discarded(steps: list[tuple[int, int]]) -> None:
    buffer = AudioBuffer()
    everything = np.zeros(0, np.int16)
    kept_from = 0
    for length, lag in steps:
        new = np.arange(len(everything), len(everything) + length).astype(np.int16)
        everything = np.concatenate([everything, new])
        buffer.append(new)
        kept_from = max(kept_from, len(everything) - lag)
        buffer.discard_before(kept_from)
        assert buffer.start <= kept_from
        assert buffer.end == len(everything)
        assert np.array_equal(buffer.slice(kept_from, buffer.end), everything[kept_from:])


def test_the_buffer_stays_small_while_the_old_is_discarded() -> None:
    buffer = AudioBuffer()
    second = np.zeros(SAMPLE_RATE, np.int16)
    held = 0
    for _ in range(3600):
        buffer.append(second)
        buffer.discard_before(buffer.end - SAMPLE_RATE)
        held = max(held, buffer.end - buffer.start)
    assert held <= 5 * SAMPLE_RATE


def test_an_hour_of_a_silent_session_never_moves_to_a_larger_storage() -> None:
    buffer = AudioBuffer()
    frame = np.zeros(SAMPLE_RATE // 10, np.int16)
    largest = 0
    for _ in range(36_000):
        buffer.append(frame)
        buffer.discard_before(buffer.end - 6000)  # pre-roll and a frame on its way
        largest = max(largest, buffer._data.nbytes)
    assert largest == 2 * SAMPLE_RATE


def test_the_storage_of_a_long_utterance_is_given_back() -> None:
    buffer = AudioBuffer()
    buffer.append(np.zeros(25 * SAMPLE_RATE, np.int16))
    buffer.discard_before(buffer.end - 100)
    assert buffer._data.nbytes == 2 * SAMPLE_RATE
    assert len(buffer.slice(buffer.end - 100, buffer.end)) == 100
