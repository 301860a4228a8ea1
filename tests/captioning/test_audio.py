import io
import struct
import wave
from collections.abc import Iterable
from functools import cache

import av
import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from surtitle.captioning.audio import AudioBuffer, ContainerDecoder, Decoder, open_decoder
from surtitle.errors import BadAudio
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.messages import Encoding
from tests.captioning.chunking import Chunking, ragged, three_ways
from tests.containers import in_flac

RATES = (8000, 16000, 44100, 48000, 96000)


def fed(decoder: Decoder, data: bytes) -> Pcm16:
    """All that comes of these bytes."""
    parts = [decoder.feed(data)]
    while decoder.behind:
        parts.append(decoder.feed(b""))
    return np.concatenate(parts)


def finished(decoder: Decoder) -> Pcm16:
    parts = [decoder.finish()]
    while decoder.behind:
        parts.append(decoder.finish())
    return np.concatenate(parts)


def decode(decoder: Decoder, pieces: Iterable[bytes]) -> Pcm16:
    parts = [fed(decoder, piece) for piece in pieces]
    parts.append(finished(decoder))
    decoder.close()
    return np.concatenate(parts)


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
        open_decoder("pcm_s16le", 16000, 1), chunking(pcm16(0, 1, -1, 32767, -32768, 258))
    )
    assert samples.tolist() == [0, 1, -1, 32767, -32768, 258]
    assert samples.dtype == np.int16


@three_ways
def test_every_value_of_pcm16_is_the_same_with_and_without_the_way_over_floats(
    chunking: Chunking,
) -> None:
    values = np.arange(-32768, 32768, dtype=np.int32).astype("<i2")
    direct = decode(open_decoder("pcm_s16le", 16000, 1), chunking(values.tobytes()))
    # Two equal channels are mixed down as floats.
    stereo = decode(open_decoder("pcm_s16le", 16000, 2), [np.repeat(values, 2).tobytes()])
    assert np.array_equal(direct, values)
    assert np.array_equal(direct, stereo)


@three_ways
def test_float_samples_are_scaled_rounded_and_clipped(chunking: Chunking) -> None:
    data = float32(0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 1 / 32768, 0.4 / 32768, -0.6 / 32768)
    samples = decode(open_decoder("pcm_f32le", 16000, 1), chunking(data))
    assert samples.tolist() == [0, 16384, -16384, 32767, -32768, 32767, -32768, 1, 0, -1]


@three_ways
@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_every_g711_code_has_the_value_that_ffmpeg_gives_it(
    law: Encoding, chunking: Chunking
) -> None:
    codes = bytes(range(256))
    samples = decode(open_decoder(law, 16000, 1), chunking(codes))
    assert samples.tolist() == reference_g711(law, codes).tolist()


@three_ways
@pytest.mark.parametrize(
    ("channels", "data", "mixed"),
    [
        (2, pcm16(100, 300, -100, 100, 32767, 32767), [200, 0, 32767]),
        (3, pcm16(3, 6, 9, -300, 0, 0), [6, -100]),
    ],
    ids=["stereo", "three"],
)
def test_channels_are_mixed_down(
    channels: int, data: bytes, mixed: list[int], chunking: Chunking
) -> None:
    assert decode(open_decoder("pcm_s16le", 16000, channels), chunking(data)).tolist() == mixed


@three_ways
@pytest.mark.parametrize("encoding", ["pcm_f32le", "mulaw", "alaw"])
def test_channels_of_other_encodings_are_mixed_down(encoding: Encoding, chunking: Chunking) -> None:
    mono = {"pcm_f32le": float32(0.25, -0.5), "mulaw": b"\x80\x00", "alaw": b"\x95\x2a"}[encoding]
    size = len(mono) // 2
    tripled = mono[:size] * 3 + mono[size:] * 3
    expected = decode(open_decoder(encoding, 16000, 1), [mono])
    assert decode(open_decoder(encoding, 16000, 3), chunking(tripled)).tolist() == expected.tolist()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le", "mulaw", "alaw"])
def test_a_tone_at_any_rate_is_the_same_tone(encoding: Encoding, channels: int, rate: int) -> None:
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
    samples = decode(open_decoder(encoding, rate, channels), ragged(frames.tobytes()))
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
    samples = decode(open_decoder("pcm_f32le", rate, 1), ragged(noise.astype("<f4").tobytes()))
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
        decoder = open_decoder("pcm_s16le", rate, 2)
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
    decoder = open_decoder("pcm_s16le", 16000, 2)
    assert decode(decoder, [pcm16(2, 4) + b"\x01\x02\x03"]).tolist() == [3]


@three_ways
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_float_audio_that_is_no_number_is_refused(bad: float, chunking: Chunking) -> None:
    with pytest.raises(BadAudio, match="NaN"):
        decode(open_decoder("pcm_f32le", 48000, 1), chunking(float32(0.0, 0.1, bad, 0.1)))


@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_float_audio_far_out_of_range_is_clipped(rate: int, channels: int) -> None:
    data = np.full(channels * rate // 5, 3e38, "<f4").tobytes()
    samples = decode(open_decoder("pcm_f32le", rate, channels), [data])
    assert len(samples) == 3200
    assert samples[400:2800].min() > 32000


def test_no_audio_gives_no_samples() -> None:
    for encoding in ("pcm_s16le", "mulaw", "webm", "flac"):
        assert len(decode(open_decoder(encoding, 48000, 1), [b"", b""])) == 0


# -- containers ---------------------------------------------------------------------------------

CONTAINER_CASES = {
    "webm-opus": ("webm", "webm", "libopus", 48000, "mono", {}),
    "webm-opus-live": ("webm", "webm", "libopus", 48000, "stereo", {"live": "1"}),
    "ogg-opus": ("ogg", "ogg", "libopus", 48000, "mono", {}),
    "wav": ("wav", "wav", "pcm_s16le", 44100, "stereo", {}),
    "wav-16k": ("wav", "wav", "pcm_s16le", 16000, "mono", {}),
    "flac": ("flac", "flac", "flac", 16000, "mono", {}),
}
"""Name -> (encoding, FFmpeg's format, codec, rate, layout, options of the muxer)."""

containers = pytest.mark.parametrize("name", list(CONTAINER_CASES))


@cache
def container(name: str) -> bytes:
    """Two seconds of a noisy tone in a container, as a recorder would write it."""
    _, file_format, codec, rate, layout, options = CONTAINER_CASES[name]
    noise = np.random.default_rng(3).standard_normal(2 * rate).astype(np.float32) * 0.01
    wave = tone(rate, 2.0, level=0.3) + noise
    file = io.BytesIO()
    with av.open(file, "w", format=file_format, options=options) as muxer:
        stream = muxer.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        convert = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
        frame = av.AudioFrame.from_ndarray(wave[None], format="flt", layout="mono")
        frame.sample_rate = rate
        frame.pts = 0
        fifo = av.AudioFifo()
        for converted in [*convert.resample(frame), *convert.resample(None)]:
            fifo.write(converted)
        while (
            piece := fifo.read(stream.codec_context.frame_size or 960, partial=True)
        ) is not None:
            muxer.mux(stream.encode(piece))
        muxer.mux(stream.encode(None))
    return file.getvalue()


def encoding_of(name: str) -> Encoding:
    encoding: Encoding = CONTAINER_CASES[name][0]  # type: ignore[assignment]
    return encoding


@cache
def decoded_offline(name: str) -> Pcm16:
    """The whole file by FFmpeg, with all its probing and seeking, in one go."""
    with av.open(io.BytesIO(container(name)), "r") as source:
        to_mono = av.AudioResampler(format="flt", layout="mono")
        rate = source.streams.audio[0].codec_context.sample_rate
        frames = [mono for frame in source.decode(audio=0) for mono in to_mono.resample(frame)]
        wave = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    resampled = wave if rate == SAMPLE_RATE else soxr.resample(wave, rate, SAMPLE_RATE, "HQ")
    pcm: Pcm16 = np.clip(np.rint(resampled * 32768), -32768, 32767).astype(np.int16)
    return pcm


@three_ways
@containers
def test_a_container_that_streams_gives_what_the_whole_file_gives(
    name: str, chunking: Chunking
) -> None:
    samples = decode(open_decoder(encoding_of(name), 8000, 1), chunking(container(name)))
    expected = decoded_offline(name)
    assert len(samples) == len(expected) == pytest.approx(2 * SAMPLE_RATE, abs=400)
    assert np.abs(samples.astype(np.int32) - expected).max() <= 1
    assert np.sqrt(np.mean(samples[2000:-2000].astype(np.float64) ** 2)) > 3000


@containers
def test_samples_come_while_the_container_is_still_arriving(name: str) -> None:
    data = container(name)
    decoder = open_decoder(encoding_of(name), 16000, 1)
    half = len(fed(decoder, data[: len(data) // 2]))
    decoder.close()
    # An Ogg page holds a second of Opus, FFmpeg looks several FLAC frames ahead, and it searches
    # the first 64 KiB of a PCM WAV for S/PDIF before it lets go of them.
    late_s = {"ogg-opus": 1.0, "flac": 1.0, "wav-16k": 1.0}.get(name, 0.15)
    assert half >= (1.0 - late_s) * SAMPLE_RATE


@pytest.mark.parametrize("name", ["webm-opus", "webm-opus-live", "wav", "wav-16k"])
def test_a_cut_container_gives_what_came(name: str) -> None:
    data = container(name)
    expected = decoded_offline(name)
    for share in (0.3, 0.5, 0.77, 0.99):
        cut = data[: int(len(data) * share)]
        samples = decode(open_decoder(encoding_of(name), 16000, 1), [cut])
        assert len(samples) >= (share - 0.1) * len(expected)
        common = min(len(samples), len(expected)) - 200
        assert np.abs(samples[:common].astype(np.int32) - expected[:common]).max() <= 1


@three_ways
@containers
def test_a_container_cut_in_its_header_is_refused_or_empty(name: str, chunking: Chunking) -> None:
    for length in (1, 3, 4, 12, 40, 90):
        try:
            samples = decode(
                open_decoder(encoding_of(name), 16000, 1), chunking(container(name)[:length])
            )
        except BadAudio:
            continue
        assert len(samples) <= 100


@containers
def test_a_stream_that_stops_inside_a_frame_keeps_what_came_before(name: str) -> None:
    """A recorder that is stopped, or a connection that ends, seldom ends at a frame."""
    data = container(name)
    cut = data[: int(len(data) * 0.9) + 1]
    samples = decode(open_decoder(encoding_of(name), 16000, 1), ragged(cut))
    assert len(samples) > 0.4 * SAMPLE_RATE


@three_ways
@pytest.mark.parametrize("encoding", ["webm", "ogg", "wav", "flac"])
@pytest.mark.parametrize(
    "garbage",
    [
        b"\0" * 5000,
        b"hello, world",
        np.random.default_rng(4).bytes(6000),
        b"\x1a\x45\xdf\xa3" + b"\xff" * 3000,
        b"OggS" + b"\xff" * 3000,
        b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\xff" * 3000,
        b"fLaC" + b"\xff" * 3000,
    ],
    ids=["zeros", "text", "noise", "ebml", "oggs", "riff", "flac"],
)
def test_garbage_is_refused_or_gives_nothing(
    encoding: Encoding, garbage: bytes, chunking: Chunking
) -> None:
    try:
        samples = decode(open_decoder(encoding, 16000, 1), chunking(garbage))
    except BadAudio as error:
        assert encoding in str(error)
    else:
        assert len(samples) == 0


@containers
def test_one_container_in_the_name_of_another_is_refused_or_gives_nothing(name: str) -> None:
    encodings: tuple[Encoding, ...] = ("webm", "ogg", "wav", "flac")
    for encoding in encodings:
        if encoding == encoding_of(name):
            continue
        try:
            samples = decode(open_decoder(encoding, 16000, 1), ragged(container(name)))
        except BadAudio:
            continue
        assert len(samples) == 0


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(list(CONTAINER_CASES)),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=20),
)
def test_a_broken_container_never_raises_anything_else(
    name: str, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(container(name))
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        decode(open_decoder(encoding_of(name), 16000, 1), ragged(bytes(data)))
    except BadAudio as error:
        assert str(error)


@three_ways
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_container_with_samples_that_are_no_numbers_is_refused(
    bad: float, chunking: Chunking
) -> None:
    payload = float32(*[0.0] * 400, bad, *[0.0] * 400)
    header = b"RIFF" + struct.pack("<I", 36 + len(payload)) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 3, 1, 48000, 192000, 4, 32)
    header += b"data" + struct.pack("<I", len(payload))
    with pytest.raises(BadAudio):
        decode(open_decoder("wav", 16000, 1), chunking(header + payload))


def test_a_video_without_sound_is_refused() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as muxer:
        stream = muxer.add_stream("libvpx", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        image = np.zeros((32, 32, 3), np.uint8)
        muxer.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        muxer.mux(stream.encode(None))
    with pytest.raises(BadAudio, match="no audio track"):
        decode(open_decoder("webm", 16000, 1), [file.getvalue()])


@containers
@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.4, 1.0])
def test_a_decoder_may_be_closed_at_any_moment(
    name: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    decoder = ContainerDecoder(encoding_of(name))
    decoder.feed(container(name)[: int(len(container(name)) * share)])
    decoder.close()
    decoder.close()
    del decoder
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_many_containers_interleaved_do_not_disturb_each_other() -> None:
    names = list(CONTAINER_CASES) * 6
    decoders = [open_decoder(encoding_of(name), 16000, 1) for name in names]
    parts: list[list[Pcm16]] = [[] for _ in names]
    size = 4001
    for start in range(0, max(len(container(name)) for name in names), size):
        for name, decoder, part in zip(names, decoders, parts, strict=True):
            part.append(fed(decoder, container(name)[start : start + size]))
    for name, decoder, part in zip(names, decoders, parts, strict=True):
        part.append(finished(decoder))
        samples = np.concatenate(part)
        assert len(samples) == len(decoded_offline(name))
        assert np.abs(samples.astype(np.int32) - decoded_offline(name)).max() <= 1


def test_a_broken_neighbour_does_not_disturb_a_container() -> None:
    data = container("webm-opus")
    good, bad, left = (ContainerDecoder("webm") for _ in range(3))
    left.feed(data[:3000])
    samples = [fed(good, data[:9000])]
    with pytest.raises(BadAudio):
        bad.feed(b"nonsense" * 3000)
        bad.finish()
    left.close()
    samples += [fed(good, data[9000:]), finished(good)]
    assert np.array_equal(np.concatenate(samples), decode(open_decoder("webm", 8000, 1), [data]))


def test_a_few_bytes_that_hold_much_come_in_small_steps() -> None:
    decoder = open_decoder("flac", 16000, 1)
    data = in_flac(np.zeros(600 * SAMPLE_RATE, np.int16))
    assert len(data) < 200_000
    steps = [decoder.feed(data)]
    while decoder.behind:
        steps.append(decoder.feed(b""))
    assert max(map(len, steps)) <= SAMPLE_RATE
    assert sum(map(len, steps)) + len(finished(decoder)) == 600 * SAMPLE_RATE


def test_one_that_is_behind_may_be_closed() -> None:
    decoder = open_decoder("flac", 16000, 1)
    decoder.feed(in_flac(np.zeros(600 * SAMPLE_RATE, np.int16)))
    behind = decoder.behind
    decoder.close()
    assert (behind, decoder.behind) == (True, False)


@pytest.mark.parametrize("rate", [1, 7999, 96_001, 768_000])
def test_a_container_at_a_rate_that_nobody_records_at_is_refused(rate: int) -> None:
    """A second of audio at 1 Hz would be two bytes."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, 100_000, "NONE", ""))
        writer.writeframes(bytes(200_000))
    with pytest.raises(BadAudio, match=f"{rate} Hz"):
        decode(open_decoder("wav", 16000, 1), [file.getvalue()])


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
