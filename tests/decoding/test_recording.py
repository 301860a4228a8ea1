import io
import re
import struct
import wave
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import av
import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from surtitle.decoding.recording import Recording, Wishes
from surtitle.decoding.sources import MAX_HEAD_BYTES, Unreadable
from surtitle.gateway.rhythm import Rhythm
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.messages import ContainerEncoding
from tests.captioning.chunking import Chunking, ragged, three_ways
from tests.containers import (
    FASTSTART,
    FRAGMENTED,
    Float,
    Track,
    by_ffmpeg,
    clicks,
    encode,
    hurt,
    in_flac,
    without_packets,
)
from tests.decoding.listening import Heard, Pieces, heard, in_file, in_stream
from tests.decoding.test_members import MP2, pmt
from tests.marks import long

# -- whole containers ---------------------------------------------------------------------------

CONTAINER_CASES: dict[str, tuple[ContainerEncoding, str, str, int, int, dict[str, str]]] = {
    "webm-opus": ("webm", "webm", "libopus", 48000, 1, {}),
    "webm-opus-live": ("webm", "webm", "libopus", 48000, 2, {"live": "1"}),
    "ogg-opus": ("ogg", "ogg", "libopus", 48000, 1, {}),
    "wav": ("wav", "wav", "pcm_s16le", 44100, 2, {}),
    "wav-16k": ("wav", "wav", "pcm_s16le", 16000, 1, {}),
    "flac": ("flac", "flac", "flac", 16000, 1, {}),
    "mp4-fragments": ("mp4", "mp4", "aac", 48000, 1, FRAGMENTED),
    "mp4-fast": ("mp4", "mp4", "aac", 44100, 2, FASTSTART),
    "mp4-index-last": ("mp4", "mp4", "aac", 48000, 1, {}),
    "mp3": ("mp3", "mp3", "libmp3lame", 48000, 1, {}),
    "adts": ("aac", "adts", "aac", 48000, 1, {}),
}
"""Name -> (encoding, FFmpeg's format, codec, rate, channels, options of the muxer)."""

containers = pytest.mark.parametrize("name", list(CONTAINER_CASES))


def tone(rate: int, seconds: float, level: float = 0.5) -> Float:
    times = np.arange(int(rate * seconds)) / rate
    return (level * np.sin(2 * np.pi * 440 * times)).astype(np.float32)


@cache
def container(name: str) -> bytes:
    """Two seconds of a noisy tone in a container, as a recorder would write it."""
    _, file_format, codec, rate, channels, options = CONTAINER_CASES[name]
    noise = np.random.default_rng(3).standard_normal(2 * rate).astype(np.float32) * np.float32(0.01)
    mono = tone(rate, 2.0, level=0.3) + noise
    frames = mono if channels == 1 else np.repeat(mono[:, None], channels, axis=1)
    return encode(file_format, Track(frames, codec, rate), options=options)


def encoding_of(name: str) -> ContainerEncoding:
    return CONTAINER_CASES[name][0]


@cache
def decoded_offline(name: str) -> Pcm16:
    """The whole file by FFmpeg, with all its probing and seeking, in one go."""
    with av.open(io.BytesIO(container(name)), "r") as source:
        to_float = av.AudioResampler(format="fltp")
        rate = source.streams.audio[0].codec_context.sample_rate
        frames = [each for frame in source.decode(audio=0) for each in to_float.resample(frame)]
        samples = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])
    resampled = samples if rate == SAMPLE_RATE else soxr.resample(samples, rate, SAMPLE_RATE, "HQ")
    pcm: Pcm16 = np.clip(np.rint(resampled * 32768), -32768, 32767).astype(np.int16)
    return pcm


def assert_like_offline(name: str, samples: Pcm16) -> None:
    """As FFmpeg decodes the whole file. An MP3 that streams keeps the padding of its last frame."""
    expected = decoded_offline(name).astype(np.int32)
    assert len(expected) == pytest.approx(2 * SAMPLE_RATE, abs=1000)
    assert 0 <= len(samples) - len(expected) <= (400 if name == "mp3" else 0)
    apart = np.abs(samples[: len(expected)].astype(np.int32) - expected)
    assert apart[300:-300].max() <= 2
    assert np.sqrt(np.mean(samples[2000:-2000].astype(np.float64) ** 2)) > 3000


@three_ways
@containers
def test_a_container_that_streams_gives_what_the_whole_file_gives(
    name: str, chunking: Chunking
) -> None:
    result = in_stream(container(name), encoding_of(name), chunking)
    assert_like_offline(name, result.samples)
    assert result.missing == ()


@containers
def test_as_a_file_and_as_any_stream_it_is_the_same(name: str) -> None:
    assert_like_offline(name, in_file(container(name)).samples)
    assert in_file(container(name)).missing == ()
    assert_like_offline(name, in_stream(container(name), "auto").samples)
    assert in_stream(container(name), "auto").missing == ()


@containers
def test_samples_come_while_the_container_is_still_arriving(name: str) -> None:
    data = container(name)
    source = Pieces([data[: len(data) // 2], data[len(data) // 2 :]])
    came = 0
    for event in Recording(Wishes(encoding_of(name))).read_stream(source):
        if source.taken > len(data) // 2:
            break
        came += len(event) if isinstance(event, np.ndarray) else 0
    # An Ogg page holds a second of Opus, FFmpeg looks several FLAC frames ahead, and it searches
    # the first 64 KiB of a PCM WAV for S/PDIF before it lets go of them. Without a header, and
    # with the index at the end, it looks ahead for as long.
    late_s = {"ogg-opus": 1.0, "flac": 1.0, "wav-16k": 1.0, "mp4-index-last": 1.0}.get(name, 0.15)
    if name in ("mp3", "adts"):
        late_s = 1.0
    if name == "mp4-fragments":
        late_s = 0.5
    assert came >= (1.0 - late_s) * SAMPLE_RATE


@pytest.mark.parametrize(
    ("encoding", "file_format", "codec", "rate"),
    [
        ("wav", "wav", "pcm_s16le", 16_000),
        ("wav", "wav", "pcm_f32le", 48_000),
        ("webm", "webm", "libopus", 48_000),
        ("mp4", "mp4", "aac", 48_000),
        ("ogg", "ogg", "libopus", 48_000),
        ("ogg", "ogg", "flac", 48_000),
        ("flac", "flac", "flac", 48_000),
        ("flac", "flac", "flac", 8_000),
        ("mp3", "mp3", "libmp3lame", 48_000),
        ("mp3", "mp3", "libmp3lame", 8_000),
        ("aac", "adts", "aac", 16_000),
        ("auto", "caf", "pcm_s16le", 16_000),
        ("auto", "mpegts", "mp2", 48_000),
    ],
)
def test_who_sends_evenly_is_never_taken_for_silent(
    encoding: ContainerEncoding, file_format: str, codec: str, rate: int
) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(8 * rate).astype(np.float32)
    options = {"webm": {"live": "1"}, "mp4": FRAGMENTED}.get(file_format)
    data = encode(file_format, Track(noise, codec, rate), options=options)
    byte_rate = len(data) // 8
    pieces = Pieces(data[i : i + byte_rate // 10] for i in range(0, len(data), byte_rate // 10))
    came_s = [
        pieces.taken / byte_rate
        for event in Recording(Wishes(encoding)).read_stream(pieces)
        if isinstance(event, np.ndarray)
    ]
    assert np.diff(came_s).max() < 1.0 + Rhythm(encoding).usual_wait_s  # as long is waited


@pytest.mark.parametrize(
    "name", ["webm-opus", "webm-opus-live", "wav", "wav-16k", "mp4-fast", "mp4-fragments"]
)
def test_a_cut_container_gives_what_came(name: str) -> None:
    data = container(name)
    expected = decoded_offline(name)
    for share in (0.3, 0.5, 0.77, 0.99):
        samples = in_stream(data[: int(len(data) * share)], encoding_of(name)).samples
        late_s = 0.5 if name == "mp4-fragments" else 0.2
        assert len(samples) >= share * len(expected) - late_s * SAMPLE_RATE
        common = min(len(samples), len(expected)) - 200
        assert np.abs(samples[:common].astype(np.int32) - expected[:common])[300:].max() <= 2


@three_ways
@containers
def test_a_container_cut_in_its_header_is_refused_or_empty(name: str, chunking: Chunking) -> None:
    for length in (1, 3, 4, 12, 40, 90):
        try:
            result = in_stream(container(name)[:length], encoding_of(name), chunking)
        except Unreadable:
            continue
        assert len(result.samples) <= 100


@pytest.mark.parametrize("name", [name for name in CONTAINER_CASES if name != "mp4-index-last"])
def test_a_stream_that_stops_inside_a_frame_keeps_what_came_before(name: str) -> None:
    """A recorder that is stopped, or a connection that ends, seldom ends at a frame."""
    data = container(name)
    result = in_stream(data[: int(len(data) * 0.9) + 1], encoding_of(name), ragged)
    assert len(result.samples) > 0.4 * SAMPLE_RATE


def test_nothing_gives_nothing_or_a_sentence() -> None:
    for encoding in ("webm", "ogg", "wav", "flac", "mp4", "mp3", "aac", "auto"):
        try:
            assert len(in_stream(b"", encoding).samples) == 0
        except Unreadable as error:
            assert str(error).endswith(".")


# -- what is none -------------------------------------------------------------------------------

GARBAGE = {
    "zeros": b"\0" * 5000,
    "text": b"hello, world",
    "noise": np.random.default_rng(4).bytes(6000),
    "ebml": b"\x1a\x45\xdf\xa3" + b"\xff" * 3000,
    "oggs": b"OggS" + b"\xff" * 3000,
    "riff": b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\xff" * 3000,
    "flac": b"fLaC" + b"\xff" * 3000,
    "ftyp": b"\0\0\0\x10ftypisom\0\0\0\0" + b"\xff" * 3000,
    "id3": b"ID3\x04\0\0\0\0\x0f\x7f" + b"\0" * 3000,
}


@three_ways
@pytest.mark.parametrize("encoding", ["webm", "ogg", "wav", "flac", "mp4", "mp3", "aac", "auto"])
@pytest.mark.parametrize("garbage", list(GARBAGE))
def test_garbage_is_refused_or_gives_nothing(
    encoding: ContainerEncoding, garbage: str, chunking: Chunking
) -> None:
    try:
        result = in_stream(GARBAGE[garbage], encoding, chunking)
    except Unreadable as error:
        assert str(error).endswith(".")
    else:
        assert len(result.samples) <= 0.2 * SAMPLE_RATE  # noise has headers of MP3 by chance


@containers
def test_one_container_in_the_name_of_another_is_refused_or_gives_nothing(name: str) -> None:
    encodings: tuple[ContainerEncoding, ...] = ("webm", "ogg", "wav", "flac", "mp4")
    for encoding in encodings:
        if encoding == encoding_of(name):
            continue
        try:
            result = in_stream(container(name), encoding, ragged)
        except Unreadable as error:
            assert encoding in str(error)
        else:
            assert len(result.samples) == 0


@pytest.mark.parametrize(
    ("declared", "name"),
    [("webm", "ogg-opus"), ("wav", "mp4-fast"), ("flac", "wav"), ("aac", "mp4-fast")],
)
def test_a_refusal_says_what_it_is(declared: ContainerEncoding, name: str) -> None:
    with pytest.raises(Unreadable, match=f"is {encoding_of(name)}, not {declared}: set"):
        in_stream(container(name), declared)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(list(CONTAINER_CASES)),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=20),
    as_file=st.booleans(),
)
def test_a_broken_container_never_raises_anything_else(
    name: str, changes: list[tuple[float, int]], as_file: bool
) -> None:
    data = bytearray(container(name))
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        result = in_file(bytes(data)) if as_file else in_stream(bytes(data), encoding_of(name))
    except Unreadable as error:
        assert str(error)
    else:
        assert result.seconds < 4 * 3600


def test_a_video_without_sound_is_refused() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as muxer:
        stream = muxer.add_stream("libvpx", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        image = np.zeros((32, 32, 3), np.uint8)
        muxer.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        muxer.mux(stream.encode(None))
    with pytest.raises(Unreadable, match="no audio track"):
        in_stream(file.getvalue(), "webm")
    with pytest.raises(Unreadable, match="no audio track"):
        in_file(file.getvalue())


@pytest.mark.parametrize("name", ["mp4", "mov"])
def test_a_film_without_its_index_is_said_to_be_cut_off(name: str) -> None:
    file = io.BytesIO()
    with av.open(file, "w", format=name) as muxer:
        stream = muxer.add_stream("aac", rate=48_000, layout="mono")
        sound = av.AudioFrame.from_ndarray(clicks(3)[None], format="fltp", layout="mono")
        sound.sample_rate = 48_000
        for frame in (sound, None):
            muxer.mux(stream.encode(frame))
    data = file.getvalue()
    for part in (data[: data.index(b"moov") - 4], data[: len(data) // 2]):
        with pytest.raises(Unreadable, match=r"index .* is missing.* copy the whole file again"):
            in_file(part)
        with pytest.raises(Unreadable, match=r"index .* is missing"):
            in_stream(part, "auto")


def float_wav(samples: Float, rate: int = 48_000) -> bytes:
    payload = samples.astype("<f4").tobytes()
    header = b"RIFF" + struct.pack("<I", 36 + len(payload)) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 3, 1, rate, 4 * rate, 4, 32)
    return header + b"data" + struct.pack("<I", len(payload)) + payload


@three_ways
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_samples_that_are_no_numbers_are_missing(bad: float, chunking: Chunking) -> None:
    samples = np.zeros(800, np.float32)
    samples[400] = bad
    with pytest.raises(Unreadable):
        in_stream(float_wav(samples), "wav", chunking)
    long = clicks(8)
    long[round(3.2 * 48_000)] = bad
    if chunking.__name__ == "byte_by_byte":
        return
    result = in_stream(float_wav(long), "wav", chunking)
    assert result.seconds == pytest.approx(8, abs=0.1)
    assert 0 < result.missing_s < 0.5
    assert_clicks(result, [0.5, 1.5, 2.5, 4.5, 5.5, 6.5, 7.5], may=[3.5])


def test_samples_far_out_of_range_are_clipped() -> None:
    result = in_stream(float_wav(np.full(48_000, 3e38, np.float32)), "wav")
    assert result.samples[400:-400].min() > 32_000


def at_rate(rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", ""))
        writer.writeframes((tone(rate, 2.0) * 32767).astype("<i2").tobytes())
    return file.getvalue()


@pytest.mark.parametrize("rate", [1, 1000, 3999, 384_001, 768_000])
def test_a_rate_that_nobody_records_at_is_refused(rate: int) -> None:
    """A second of audio at 1 Hz would be two bytes."""
    with pytest.raises(Unreadable):
        in_stream(at_rate(rate), "wav")
    with pytest.raises(Unreadable):
        in_file(at_rate(rate))


@pytest.mark.parametrize("rate", [4000, 5512, 11_025, 37_800, 96_000, 192_000, 384_000])
def test_odd_rates_are_taken(rate: int) -> None:
    samples = in_stream(at_rate(rate), "wav").samples
    assert len(samples) == pytest.approx(2 * SAMPLE_RATE, abs=10)
    expected = tone(SAMPLE_RATE, 2.0) * 32767
    assert np.abs(samples - expected)[1000:-1000].max() < 400


@pytest.mark.parametrize("channels", [3, 6, 8, 9, 12, 24, long(60)])
def test_any_number_of_channels(channels: int) -> None:
    speech = clicks(3)
    for place in {0, channels // 2, channels - 1}:
        frames = np.zeros((len(speech), channels), np.int16)
        frames[:, place] = speech * 32767
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setparams((channels, 2, 48_000, 0, "NONE", ""))
            writer.writeframes(frames.tobytes())
        for result in (in_stream(file.getvalue(), "wav"), in_file(file.getvalue())):
            assert_clicks(result, [0.5, 1.5, 2.5])


# -- where audio belongs ------------------------------------------------------------------------

TOLERANCE_S = 0.03
"""A frame's worth of priming, which MP3 and AAC have where nothing says how much it is."""


def assert_clicks(
    result: Heard,
    expected: list[float],
    may: Sequence[float] = (),
    damaged: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Clicks are where they belong; those that `may` be lost or not are either.

    In the place that is `damaged`, from where to where in seconds, something may sound like one.
    """
    found = [each for each in result.clicks_s if not damaged[0] < each < damaged[1]]
    may = [*may, *expected]
    expected = [each for each in expected if not damaged[0] < each < damaged[1]]
    stray = [each for each in found if all(abs(each - at) > TOLERANCE_S for at in may)]
    lost = [at for at in expected if all(abs(each - at) > TOLERANCE_S for each in found)]
    assert (lost, stray) == ([], []), found


EVERY = [number + 0.5 for number in range(8)]

ways = pytest.mark.parametrize("read", [in_file, in_stream], ids=["file", "stream"])
Read = Callable[[bytes], Heard]

TIMED = {
    "mp4": ("mp4", "aac", {}),
    "mp4-fast": ("mp4", "aac", FASTSTART),
    "mp4-fragments": ("mp4", "aac", FRAGMENTED),
    "mov": ("mov", "aac", {}),
    "mkv": ("matroska", "aac", {}),
    "webm": ("webm", "libopus", {}),
    "ts": ("mpegts", "aac", {}),
    "nut": ("nut", "aac", {}),
}
timed = pytest.mark.parametrize("name", list(TIMED))


@ways
@timed
def test_audio_that_begins_after_the_picture_does_so(name: str, read: Read) -> None:
    file_format, codec, options = TIMED[name]
    track = Track(clicks(8), codec, begins_s=5.0)
    result = read(encode(file_format, track, options=options, picture=True))
    assert result.seconds == pytest.approx(13, abs=0.05)
    assert_clicks(result, [5 + each for each in EVERY])
    assert result.missing == ()


@ways
@timed
def test_a_hole_in_the_track_is_silent(name: str, read: Read) -> None:
    file_format, codec, options = TIMED[name]
    track = Track(clicks(8), codec, hole_at_s=3.0, hole_s=7.0)
    result = read(encode(file_format, track, options=options))
    assert result.seconds == pytest.approx(15, abs=0.05)
    assert_clicks(result, [*EVERY[:3], *(7 + each for each in EVERY[3:])])
    # A broadcast does not pause: what is not there was lost.
    lost_s = sum(length_s for _, length_s in result.missing)
    assert lost_s == pytest.approx(7 if name == "ts" else 0, abs=0.05)


LONG_HOLES = {
    "ogg": ("ogg", "libopus"),
    "flv": ("flv", "aac"),
    "ts": ("mpegts", "aac"),
    "vob": ("vob", "mp2"),
    "asf": ("asf", "libmp3lame"),
    "mkv": ("matroska", "aac"),
}


@ways
@pytest.mark.parametrize("name", list(LONG_HOLES))
@pytest.mark.parametrize("hole_s", [12.0, 600.0])
def test_a_long_hole_is_silent_too(name: str, hole_s: float, read: Read) -> None:
    file_format, codec = LONG_HOLES[name]
    rate = 44_100 if name == "flv" else 48_000
    frames = clicks(8, rate)
    data = encode(file_format, Track(frames, codec, rate, hole_at_s=3.0, hole_s=hole_s))
    result = read(data)
    assert result.seconds == pytest.approx(8 + hole_s, abs=0.15)
    later = [hole_s + each for each in EVERY[3:]]
    assert result.clicks_s == pytest.approx([*EVERY[:3], *later], abs=0.1)
    assert result.missing_s == pytest.approx(hole_s if name == "ts" else 0, abs=0.1)


@ways
@timed
def test_a_clock_that_starts_at_an_hour_begins_at_zero(name: str, read: Read) -> None:
    file_format, codec, options = TIMED[name]
    result = read(encode(file_format, Track(clicks(8), codec, begins_s=3600.0), options=options))
    assert result.seconds == pytest.approx(8, abs=0.05)
    assert_clicks(result, EVERY)
    assert result.missing == ()


@ways
def test_an_edit_list_leaves_out_what_it_leaves_out(read: Read) -> None:
    """The priming of AAC, which players do not play: the first click is where it was recorded."""
    result = read(encode("mp4", Track(clicks(8), "aac")))
    assert result.seconds == pytest.approx(8, abs=0.005)
    assert [round(each, 2) for each in result.clicks_s] == EVERY


@ways
@pytest.mark.parametrize(
    ("from_s", "options"),
    [(2.15, []), (3.3, []), (2.15, ["-movflags", "+faststart"])],
    ids=["early", "late", "index-first"],
)
def test_what_is_trimmed_begins_with_its_first_picture(
    from_s: float, options: list[str], read: Read
) -> None:
    """Pictures before it are in the file for the decoder alone, and an edit list leaves them out."""
    picture = ["-f", "lavfi", "-i", "color=s=32x32:r=10:d=8", "-c:v", "mpeg4", "-g", "100"]
    film = by_ffmpeg([*picture, "-c:a", "aac"], "mp4", encode("wav", Track(clicks(8), "pcm_s16le")))
    copying = ["-c", "copy", "-t", "4", *options]
    trimmed = by_ffmpeg(copying, "mp4", film, reading=["-ss", str(from_s)])
    result = read(trimmed)
    assert result.seconds == pytest.approx(4, abs=0.1)
    expected = [each - from_s for each in EVERY if 0 < each - from_s < 4]
    assert result.clicks_s == pytest.approx(expected, abs=0.1)
    assert result.missing == ()


# -- tracks -------------------------------------------------------------------------------------


def two_tracks(file_format: str, second_is_default: bool) -> bytes:
    """Clicks at the half seconds on the first one, at 0.2 s and so on on the second."""
    codec = "libopus" if file_format == "webm" else "aac"
    return encode(
        file_format,
        Track(clicks(4), codec, default=not second_is_default, title="stage"),
        Track(clicks(4, first_s=0.2), codec, default=second_is_default, title="booth"),
    )


FIRST, SECOND = [0.5, 1.5, 2.5, 3.5], [0.2, 1.2, 2.2, 3.2]


@ways
@pytest.mark.parametrize("file_format", ["webm", "matroska", "mp4"])
def test_the_default_track_is_read(file_format: str, read: Read) -> None:
    assert_clicks(read(two_tracks(file_format, second_is_default=False)), FIRST)
    result = read(two_tracks(file_format, second_is_default=True))
    assert_clicks(result, SECOND)
    assert result.tracks is not None
    assert result.tracks.chosen == 2
    assert len(result.tracks.names) == 2


@pytest.mark.parametrize("file_format", ["webm", "matroska", "mp4"])
def test_the_track_that_is_asked_for_is_read(file_format: str) -> None:
    data = two_tracks(file_format, second_is_default=True)
    assert_clicks(in_file(data, track=1), FIRST)
    assert_clicks(in_stream(data, track=1), FIRST)
    assert_clicks(in_file(data, track=2), SECOND)
    for track in (3, 99):
        with pytest.raises(Unreadable, match=f"no track {track}; the audio tracks are 1 to 2"):
            in_file(data, track=track)


def test_tracks_have_names() -> None:
    tracks = in_file(two_tracks("matroska", second_is_default=False)).tracks
    assert tracks is not None
    assert ["stage" in tracks.names[0], "booth" in tracks.names[1]] == [True, True]


@ways
def test_a_track_of_an_unknown_codec_is_passed_over(read: Read) -> None:
    data = two_tracks("matroska", second_is_default=True)
    second = data.index(b"A_AAC", data.index(b"A_AAC") + 1)
    unknown = data[:second] + b"A_XYZ" + data[second + 5 :]
    result = read(unknown)
    assert_clicks(result, FIRST)
    assert result.tracks is not None
    assert result.tracks.chosen == 1
    assert "unknown codec" in result.tracks.names[1]
    with pytest.raises(Unreadable, match="codec is unknown"):
        in_file(unknown, track=2)
    with pytest.raises(Unreadable, match="codec is unknown"):
        read(data.replace(b"A_AAC", b"A_XYZ"))


# -- several in a row ---------------------------------------------------------------------------

IN_A_ROW = {
    "webm": ("webm", "libopus", {}),
    "webm-live": ("webm", "libopus", {"live": "1"}),
    "ogg": ("ogg", "libopus", {}),
    "flac": ("flac", "flac", {}),
    "wav": ("wav", "pcm_s16le", {}),
    "mp4": ("mp4", "aac", {}),
    "mp4-fast": ("mp4", "aac", FASTSTART),
    "mp4-fragments": ("mp4", "aac", FRAGMENTED),
    "mp3": ("mp3", "libmp3lame", {}),
    "adts": ("adts", "aac", {}),
    "aiff": ("aiff", "pcm_s16be", {}),
    "aifc": ("aiff", "pcm_f32be", {}),
    "caf": ("caf", "pcm_s16be", {}),
    "w64": ("w64", "pcm_s16le", {}),
    "au": ("au", "pcm_s16be", {}),
    "ts": ("mpegts", "aac", {}),
}


@ways
@pytest.mark.parametrize("name", list(IN_A_ROW))
def test_all_of_several_files_in_a_row_are_heard(name: str, read: Read) -> None:
    file_format, codec, options = IN_A_ROW[name]
    data = encode(file_format, Track(clicks(2), codec), options=options)
    result = read(data * 5)
    assert result.seconds == pytest.approx(10, abs=0.4)
    # Each has its padding, of which nothing says how long it is.
    assert len(result.clicks_s) == 10
    assert result.missing_s < 0.3


def tagged(data: bytes, picture_bytes: int) -> bytes:
    """An MP3 or AAC behind a tag with a picture of the cover."""
    picture = np.random.default_rng(11).bytes(picture_bytes)
    content = b"\0image/jpeg\0\x03\0" + picture
    content = b"APIC" + struct.pack(">I", len(content)) + b"\0\0" + content
    size = bytes(len(content) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + content + data


def test_a_caf_whose_header_comes_twice_is_one() -> None:
    """As `sox` writes it into a pipe, with a length of nothing, and once more at the end."""
    data = encode("caf", Track(clicks(4), "pcm_s16be"))
    free = b"free" + struct.pack(">Q", 4016) + bytes(4016)
    header = data[:52] + free + b"data" + struct.pack(">qI", 4, 0)
    assert len(header) == 4096
    audio = data[data.index(b"data") + 16 :]
    result = in_stream(header * 2 + audio + header)
    assert result.clicks_s == pytest.approx(FIRST, abs=0.2)
    assert result.missing == ()


def test_a_caf_that_must_be_sought_in_is_read_as_before() -> None:
    data = encode("caf", Track(clicks(4), "alac"))
    for several in (data, data * 2):
        assert_clicks(in_file(several), FIRST)


@ways
@pytest.mark.parametrize(("file_format", "codec"), [("mp3", "libmp3lame"), ("adts", "aac")])
@pytest.mark.parametrize("picture_bytes", [0, 1000, 20_000, 300_000])
def test_the_cover_of_the_next_one_takes_no_time(
    file_format: str, codec: str, picture_bytes: int, read: Read
) -> None:
    data = encode(file_format, Track(clicks(4), codec))
    result = read(data + tagged(data, picture_bytes) + tagged(data, picture_bytes))
    assert result.seconds == pytest.approx(12, abs=0.3)
    assert result.clicks_s == pytest.approx([number + 0.5 for number in range(12)], abs=0.2)
    assert result.missing == ()


@ways
@pytest.mark.parametrize(("file_format", "codec"), [("mp3", "libmp3lame"), ("adts", "aac")])
@pytest.mark.parametrize("picture_bytes", [0, 20_000])
@pytest.mark.parametrize("size", [b"\x00\x7f\x7f\x7f", b"\x01\x7f\x7f\x7f", b"\x7f\x7f\x7f\x7f"])
def test_a_tag_whose_size_is_damaged_takes_no_audio_with_it(
    file_format: str, codec: str, picture_bytes: int, size: bytes, read: Read
) -> None:
    data = encode(file_format, Track(clicks(4), codec))
    if data[:3] == b"ID3":
        data = data[10 + data[9] :]
    damaged = bytearray(tagged(data, picture_bytes))
    damaged[6:10] = size
    for row, seconds in ((data + damaged + damaged, 12), (bytes(damaged), 4)):
        result = read(row)
        assert result.clicks_s == pytest.approx([each + 0.5 for each in range(seconds)], abs=0.2)
        assert result.missing_s < 0.1


@ways
@pytest.mark.parametrize("file_format", ["ogg", "webm", "flac", "wav"])
def test_the_next_one_may_have_other_channels_and_another_rate(
    file_format: str, read: Read
) -> None:
    codec = {"ogg": "libopus", "webm": "libopus", "flac": "flac", "wav": "pcm_s16le"}[file_format]
    mono = clicks(3)
    links = [
        encode(file_format, Track(mono, codec)),
        encode(file_format, Track(np.repeat(mono[:, None], 2, axis=1), codec)),
        encode(file_format, Track(clicks(3, 16_000), codec, 16_000)),
    ]
    result = read(b"".join(links))
    assert result.seconds == pytest.approx(9, abs=0.1)
    assert_clicks(result, [number + 0.5 for number in range(9)])
    assert result.missing == ()


@ways
def test_the_next_link_of_an_ogg_chain_may_have_another_codec(read: Read) -> None:
    links = [
        encode("ogg", Track(clicks(3), "libopus")),
        encode("ogg", Track(clicks(3), "flac")),
        encode("ogg", Track(clicks(3), "libopus")),
    ]
    assert_clicks(read(b"".join(links)), [number + 0.5 for number in range(9)])


@pytest.mark.parametrize("name", ["webm", "flac", "wav"])
def test_of_a_row_the_last_may_be_cut_off(name: str) -> None:
    file_format, codec, options = IN_A_ROW[name]
    data = encode(file_format, Track(clicks(4), codec), options=options)
    result = in_file(data + data[: len(data) // 2])
    assert_clicks(result, [*FIRST, 4.5, 5.5], may=())
    assert result.missing_s == pytest.approx(2, abs=0.3)


PCM_FORMAT = struct.pack("<H", 1) + struct.pack("<HI", 1, 48_000)
"""Of a WAV or W64: the tag, one channel, and the rate."""
NOT_TO_BE_READ = {
    "wav": (PCM_FORMAT, b"\x34\x12" + PCM_FORMAT[2:]),
    "w64": (PCM_FORMAT, b"\x34\x12" + PCM_FORMAT[2:]),
    "aifc": (b"fl32", b"xyzw"),
    "webm": (b"A_OPUS", b"A_XYZW"),
    "ogg": (b"OpusHead", b"XyzwHead"),
    "mp4-fast": (b"stsd", b"xyzw"),
    "mp4-fragments": (b"stsd", b"xyzw"),
}
"""By name in IN_A_ROW: what tells of the codec, and what says nothing."""


@ways
@pytest.mark.parametrize("name", list(NOT_TO_BE_READ))
def test_of_a_row_one_that_cannot_be_read_is_silent_and_is_told(name: str, read: Read) -> None:
    file_format, codec, options = IN_A_ROW[name]
    data = encode(file_format, Track(clicks(4), codec), options=options)
    known, unknown = NOT_TO_BE_READ[name]
    assert known in data
    result = read(data + data.replace(known, unknown) + data)
    assert result.seconds == pytest.approx(12, abs=0.4)
    expected = [each for each in range(12) if not 4 <= each < 8]
    assert result.clicks_s == pytest.approx([each + 0.5 for each in expected], abs=0.4)
    assert [*result.missing[0]] == pytest.approx([4, 4], abs=0.4)
    # What lies behind the end has no silence.
    result = read(data + data.replace(known, unknown))
    assert result.seconds == pytest.approx(4, abs=0.1)
    assert [*result.missing[0]] == pytest.approx([4, 4], abs=0.4)


@pytest.mark.parametrize("name", ["mp4", "mp4-fast"])
def test_of_a_row_of_mp4_slices_each_has_its_index(name: str) -> None:
    """A recorder that is started anew for each slice."""
    file_format, codec, options = IN_A_ROW[name]
    one = encode(file_format, Track(clicks(1), codec), options=options)
    result = in_stream(one * 10, "mp4", ragged)
    assert len(result.clicks_s) == 10
    assert_clicks(result, [number + 0.5 for number in range(10)])


# -- nothing is missing -------------------------------------------------------------------------

LARGE_FRAMES = {
    "aac-16k": ("adts", ["-ar", "16000", "-ac", "1", "-c:a", "aac"]),
    "aac-16k-stereo": ("adts", ["-ar", "16000", "-ac", "2", "-c:a", "aac", "-b:a", "128k"]),
    "aac-8k": ("adts", ["-ar", "8000", "-ac", "1", "-c:a", "aac", "-b:a", "48k"]),
    "aac-best": ("adts", ["-ar", "44100", "-ac", "1", "-c:a", "aac", "-b:a", "256k"]),
    "mp2": ("mp2", ["-ar", "32000", "-ac", "2", "-c:a", "mp2", "-b:a", "384k"]),
    "mp3": ("mp3", ["-ar", "32000", "-ac", "2", "-c:a", "libmp3lame", "-b:a", "320k"]),
}


@ways
@pytest.mark.parametrize("name", list(LARGE_FRAMES))
def test_large_frames_are_no_damage(name: str, read: Read) -> None:
    file_format, options = LARGE_FRAMES[name]
    result = read(by_ffmpeg(["-t", "6", *options], file_format))
    assert result.seconds == pytest.approx(6, abs=0.15)
    assert result.missing == ()


def film(
    file_format: str, codec: str, sound_s: float, begins_s: float = 0.0, options: Sequence[str] = ()
) -> bytes:
    """Clicks beside nine seconds of a picture."""
    picture = ["-f", "lavfi", "-i", "color=s=32x32:r=10:d=9", "-map", "1:v", "-map", "0:a"]
    codecs = ["-c:v", "flv" if file_format == "flv" else "mpeg4", "-c:a", codec]
    sound = encode("wav", Track(clicks(sound_s), "pcm_s16le"))
    late = ["-itsoffset", str(begins_s)]
    return by_ffmpeg([*picture, *codecs, *options], file_format, sound, reading=late)


@ways
@pytest.mark.parametrize(
    ("file_format", "codec"),
    [("asf", "wmav2"), ("mp4", "aac"), ("mov", "aac"), ("matroska", "aac"), ("avi", "mp2")],
)
def test_sound_may_end_before_the_picture(file_format: str, codec: str, read: Read) -> None:
    result = read(film(file_format, codec, 3))
    assert result.clicks_s == pytest.approx([0.5, 1.5, 2.5], abs=0.1)
    assert result.missing == ()


@pytest.mark.parametrize("file_format", ["flv", "mpeg", "mpegts"])
def test_a_stream_of_pictures_without_sound_is_refused_in_the_end(file_format: str) -> None:
    codec = "flv" if file_format == "flv" else "mpeg4"
    picture = ["-f", "lavfi", "-i", "color=s=32x32:r=10:d=9", "-map", "1:v", "-c:v", codec]
    with pytest.raises(Unreadable, match="no audio track"):
        in_stream(by_ffmpeg(picture, file_format))


DELAYED = ["-movflags", "frag_keyframe+empty_moov+delay_moov"]


@ways
@pytest.mark.parametrize(
    ("file_format", "codec", "options"),
    [
        ("asf", "wmav2", []),
        ("mp4", "aac", DELAYED),
        ("mp4", "aac", [*DELAYED, "-frag_duration", "500000"]),
        ("mov", "pcm_s16le", []),
        ("flv", "libmp3lame", ["-ar", "44100"]),
        ("mpeg", "mp2", []),
        ("vob", "ac3", []),
        ("mpegts", "aac", []),
    ],
    ids=[
        *("asf", "mp4-fragments", "mp4-short-fragments", "mov", "flv", "mpeg", "vob", "ts"),
    ],
)
def test_sound_may_begin_late_and_end_early(
    file_format: str, codec: str, options: list[str], read: Read
) -> None:
    result = read(film(file_format, codec, 3, begins_s=5.0, options=options))
    assert result.clicks_s == pytest.approx([5.5, 6.5, 7.5], abs=0.1)
    assert result.missing == ()


@pytest.mark.parametrize(
    ("file_format", "codec", "read"),
    [("asf", "wmav2", in_stream), ("mov", "aac", in_stream), ("mov", "aac", in_file)],
)
def test_of_sound_alone_what_is_broken_off_is_missing(
    file_format: str, codec: str, read: Read
) -> None:
    options = ["-movflags", "+faststart"] if file_format == "mov" else []
    sound = encode("wav", Track(clicks(20), "pcm_s16le"))
    data = by_ffmpeg(["-c:a", codec, *options], file_format, sound)
    assert read(data).missing == ()
    cut = read(data[: len(data) // 2])
    assert cut.missing_s == pytest.approx(20 - cut.seconds, abs=0.3)


@ways
@pytest.mark.parametrize("codec", ["wmav1", "wmav2", "libmp3lame"])
@pytest.mark.parametrize("bit_rate", ["24k", "64k"])
def test_an_asf_that_was_written_into_a_pipe_has_no_length(
    codec: str, bit_rate: str, read: Read
) -> None:
    sound = encode("wav", Track(clicks(20), "pcm_s16le"))
    data = by_ffmpeg(["-c:a", codec, "-b:a", bit_rate], "asf", sound, into_pipe=True)
    result = read(data)
    assert result.clicks_s == pytest.approx(MINUTE, abs=0.1)
    assert result.missing == ()


UNKNOWN_WAV_BYTES, UNKNOWN_AIFF_BYTES = 0x7FFFF000, 0x7F000000


def length_unknown(data: bytes, frame_bytes: int) -> bytes:
    """A WAV or AIFF as `sox` writes it into a pipe, where it cannot go back to the lengths."""
    patched = bytearray(data)
    if data[:4] == b"RIFF":
        struct.pack_into("<I", patched, data.index(b"data") + 4, UNKNOWN_WAV_BYTES)
        if (fact := data.find(b"fact")) > 0:
            struct.pack_into("<I", patched, fact + 8, UNKNOWN_WAV_BYTES // frame_bytes)
    else:
        struct.pack_into(">I", patched, data.index(b"SSND") + 4, UNKNOWN_AIFF_BYTES + 8)
        frames = UNKNOWN_AIFF_BYTES // frame_bytes
        struct.pack_into(">I", patched, data.index(b"COMM") + 10, frames)
    return bytes(patched)


@ways
@pytest.mark.parametrize(
    ("file_format", "codec", "frame_bytes"),
    [
        ("wav", "pcm_s16le", 2),
        ("wav", "pcm_s24le", 3),
        ("wav", "pcm_f32le", 4),
        ("wav", "pcm_mulaw", 1),
        ("wav", "pcm_alaw", 1),
        ("wav", "adpcm_ima_wav", 1),
        ("aiff", "pcm_s16be", 2),
        ("aiff", "pcm_s24be", 3),
        ("aiff", "pcm_f32be", 4),
        ("aiff", "pcm_mulaw", 1),
    ],
)
def test_a_length_that_says_unknown_is_none(
    file_format: str, codec: str, frame_bytes: int, read: Read
) -> None:
    data = length_unknown(encode(file_format, Track(clicks(3), codec)), frame_bytes)
    assert_clicks(read(data), [0.5, 1.5, 2.5])
    assert read(data).missing == ()
    if file_format == "wav":
        assert in_stream(data, "wav").missing == ()


# -- damage -------------------------------------------------------------------------------------

FIRST_BLOCK = re.compile(
    rb"\xa3(?:[\x80-\xff]|[\x40-\x7f].|[\x20-\x3f]..)\x82(\x00.)\x80", re.DOTALL
)
"""A `SimpleBlock` of the second track of a Matroska file, with its time in its cluster, in ms."""


@ways
@pytest.mark.parametrize("wrong", [b"\x04\x00", b"\x08\x00", b"\x40\x00", b"\x7f\xff"])
@pytest.mark.parametrize("begins_s", [0.0, 0.15])
def test_one_damaged_time_before_all_others_moves_nothing(
    read: Read, wrong: bytes, begins_s: float
) -> None:
    data = film("matroska", "aac", 8, begins_s=begins_s)
    assert_clicks(read(data), [begins_s + each for each in EVERY])
    block = FIRST_BLOCK.search(data)
    assert block is not None
    result = read(data[: block.start(1)] + wrong + data[block.end(1) :])
    assert_clicks(result, [begins_s + each for each in EVERY])
    assert result.missing == ()


DAMAGED = {
    "mp3": ("mp3", "libmp3lame", {}),
    "m4a": ("mp4", "aac", {}),
    "m4a-fast": ("mp4", "aac", FASTSTART),
    "m4a-fragments": ("mp4", "aac", FRAGMENTED),
    "flac": ("flac", "flac", {}),
    "adts": ("adts", "aac", {}),
    "ts": ("mpegts", "aac", {}),
    "ac3": ("ac3", "ac3", {}),
    "webm": ("webm", "libopus", {}),
    "mkv-mp3": ("matroska", "libmp3lame", {}),
    "ogg": ("ogg", "libopus", {"page_duration": "100000"}),
    "mp2": ("mp2", "mp2", {}),
}
damaged = pytest.mark.parametrize("name", list(DAMAGED))

MINUTE = [number + 0.5 for number in range(20)]


@cache
def twenty_seconds(name: str) -> bytes:
    file_format, codec, options = DAMAGED[name]
    return encode(file_format, Track(clicks(20), codec), options=options)


def near(at: float, within_s: float = 1.0) -> list[float]:
    """The clicks that damage at a part of the way may cost."""
    return [each for each in MINUTE if abs(each - 20 * at) <= within_s]


def far(at: float, within_s: float = 1.0) -> list[float]:
    return [each for each in MINUTE if each not in near(at, within_s)]


@ways
@damaged
@pytest.mark.parametrize("at", [0.3, 0.62])
def test_one_hurt_place_costs_its_own_time_and_no_more(name: str, read: Read, at: float) -> None:
    result = read(hurt(twenty_seconds(name), at, 400))
    assert result.seconds == pytest.approx(20, abs=0.15)
    # What is behind damage in Matroska is found again with its next cluster, of 5 s at most.
    costs_s = 5.2 if name in ("webm", "mkv-mp3") else 1.0
    place = 20 * at - 0.1, 20 * at + costs_s
    assert_clicks(result, far(at, costs_s), may=near(at, costs_s), damaged=place)
    assert result.missing_s <= costs_s


LOST = [name for name in DAMAGED if name != "m4a-fragments"]
"""Of fragments, what follows one whose lengths are lost is not found again."""


@ways
@pytest.mark.parametrize("name", LOST)
def test_a_place_that_is_lost_is_silent_for_its_time(name: str, read: Read) -> None:
    """About a second of nonsense, or of a transport stream one that never came."""
    data = twenty_seconds(name)
    start, length = len(data) // 2, len(data) // 20
    if name == "ts":
        start = start // 188 * 188
        damaged = data[:start] + data[start + length // 188 * 188 :]
    else:
        damaged = data[:start] + np.random.default_rng(7).bytes(length) + data[start + length :]
    result = read(damaged)
    # Without a clock, time is what the bytes would have taken, as far as FFmpeg shows them.
    is_timed = name not in ("mp3", "adts", "ac3", "mp2")
    assert result.seconds == pytest.approx(20, abs=0.1 if is_timed else 0.8)
    costs_s = 5.5 if name in ("webm", "mkv-mp3") else 1.5
    if is_timed:
        assert_clicks(result, far(0.525, costs_s), may=near(0.525, costs_s))
    assert 20 - costs_s - 1 <= len(result.clicks_s) <= 20
    if name != "ts":  # of which whole packets are gone, without a trace
        assert 0.3 <= result.missing_s <= costs_s


@ways
@pytest.mark.parametrize("name", list(LONG_HOLES))
@pytest.mark.parametrize("is_removed", [True, False], ids=["removed", "zeroed"])
def test_long_damage_is_silent_for_its_time_and_is_told(
    name: str, is_removed: bool, read: Read
) -> None:
    file_format, codec = LONG_HOLES[name]
    rate = 44_100 if name == "flv" else 48_000
    data = encode(file_format, Track(clicks(50, rate), codec, rate))
    start, end = len(data) * 3 // 10, len(data) * 6 // 10
    result = read(data[:start] + bytes(0 if is_removed else end - start) + data[end:])
    assert result.seconds == pytest.approx(50, abs=0.3)
    after = [number + 0.5 for number in range(39, 50)]
    assert result.clicks_s[-len(after) :] == pytest.approx(after, abs=0.1)
    assert 9 < result.missing_s < 24


def with_wrong_stamp(data: bytes, number: int, wrong_s: float) -> bytes:
    """A transport stream of one track, where one PES packet says another time."""
    starts = [match.start(1) for match in PES_TIME.finditer(data)]
    at = starts[number]
    first, second, third = struct.unpack(">BHH", data[at : at + 5])
    ticks = (first >> 1 & 7) << 30 | second >> 1 << 15 | third >> 1
    ticks = (ticks + round(wrong_s * 90_000)) % (1 << 33)
    stamp = struct.pack(
        ">BHH", 0x21 | ticks >> 30 << 1, (ticks >> 15 & 0x7FFF) << 1 | 1, (ticks & 0x7FFF) << 1 | 1
    )
    return data[:at] + stamp + data[at + 5 :]


PES_TIME = re.compile(rb"\x00\x00\x01\xc0..[\x80-\x8f]\x80\x05(.{5})", re.DOTALL)
"""The start of a PES packet with a time (ISO/IEC 13818-1, 2.4.3.6)."""


@ways
@pytest.mark.parametrize("number", [0, 1, 12, -1])
@pytest.mark.parametrize("wrong_s", [23.3, 1491.3, -12.2, -1491.3])
def test_one_wrong_stamp_of_a_broadcast_moves_nothing(
    number: int, wrong_s: float, read: Read
) -> None:
    data = encode("mpegts", Track(clicks(8), "aac", begins_s=2000.0))
    result = read(with_wrong_stamp(data, number, wrong_s))
    assert result.seconds == pytest.approx(8, abs=0.15)
    assert_clicks(result, EVERY)
    assert result.missing_s < 0.2


@ways
@pytest.mark.parametrize("pid", ["256", "768"], ids=["same track", "another"])
def test_a_programme_goes_on_behind_an_advertisement(pid: str, read: Read) -> None:
    parts = [
        encode(
            "mpegts", Track(clicks(4), "aac", begins_s=begins_s), options={"mpegts_start_pid": pid}
        )
        for begins_s, pid in ((1000.0, "256"), (0.0, pid), (1004.0, "256"))
    ]
    result = read(b"".join(parts))
    assert result.seconds == pytest.approx(12, abs=0.3)
    assert result.clicks_s == pytest.approx([number + 0.5 for number in range(12)], abs=0.2)
    assert result.missing_s < 0.3


@ways
def test_a_transport_stream_that_loses_packets_stays_in_time(read: Read) -> None:
    data = twenty_seconds("ts")
    packets = len(data) // 188
    lost = np.random.default_rng(8).choice(np.arange(20, packets), packets // 50, replace=False)
    result = read(without_packets(data, lost.tolist()))
    assert result.seconds == pytest.approx(20, abs=0.2)
    assert len(result.clicks_s) >= 14
    # One may be half lost.
    assert sum(abs(each % 1 - 0.5) > TOLERANCE_S for each in result.clicks_s) <= 2
    assert 0.05 < result.missing_s < 5


@ways
@pytest.mark.parametrize("name", ["mp3", "adts", "ac3", "flac", "m4a", "ogg", "webm", "mp2"])
@pytest.mark.parametrize("rubbish", [b"\0" * 5000, b"TAG and so on, " * 400, b"noise"])
def test_rubbish_behind_the_end_costs_nothing(name: str, read: Read, rubbish: bytes) -> None:
    if rubbish == b"noise":
        rubbish = np.random.default_rng(9).bytes(6000)
    result = read(twenty_seconds(name) + rubbish)
    assert 19.9 <= result.seconds <= 20.4
    assert_clicks(result, MINUTE)
    assert result.missing_s < 1.0  # of a stream without a length, nobody knows that it was no audio


@ways
@pytest.mark.parametrize("name", ["mp3", "adts", "ac3", "mp2", "ts"])
def test_rubbish_before_the_start_costs_nothing(name: str, read: Read) -> None:
    result = read(np.random.default_rng(10).bytes(700) + twenty_seconds(name))
    assert 19.9 <= result.seconds <= 20.3
    assert len(result.clicks_s) == 20


@pytest.mark.parametrize("name", ["flac", "mp3", "adts"])
@pytest.mark.parametrize("size", [0, 30, 5000, 300_000])
def test_a_tag_before_the_audio_is_skipped(name: str, size: int) -> None:
    """ID3, with a picture of the cover in it; radio stations send it before AAC, too."""
    lengths = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    data = b"ID3\x04\x00\x00" + lengths + bytes(size) + twenty_seconds(name)
    declared: ContainerEncoding = {"flac": "flac", "mp3": "mp3", "adts": "aac"}[name]  # type: ignore[assignment]
    for result in (in_file(data), in_stream(data), in_stream(data, declared)):
        assert_clicks(result, MINUTE)


@ways
@pytest.mark.parametrize("name", ["m4a-fast", "m4a-fragments", "mp3", "adts", "webm", "flac", "ts"])
@pytest.mark.parametrize("at", [0.25, 0.7])
def test_what_is_broken_off_is_heard_up_to_there(name: str, read: Read, at: float) -> None:
    data = twenty_seconds(name)
    result = read(data[: int(len(data) * at)])
    assert_clicks(result, [each for each in MINUTE if each < 20 * at - 1], may=near(at, 1.1))
    if name in ("m4a-fast", "webm", "flac"):  # they know how long they should be
        assert result.seconds + result.missing_s == pytest.approx(20, abs=0.3)


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_f32le", "pcm_mulaw", "adpcm_ima_wav"])
def test_a_wav_that_is_broken_off_says_so_once(codec: str) -> None:
    data = encode("wav", Track(clicks(20), codec))
    for cut, expected_s in ((data[: len(data) // 2], 10.0), (data[: len(data) // 4], 15.0)):
        for result in (in_file(cut), in_stream(cut)):
            assert len(result.missing) == 1
            assert result.missing_s == pytest.approx(expected_s, abs=0.1)
        # A recorder that streams says what it likes of the length.
        assert in_stream(cut, "wav").missing == ()
    assert in_file(data).missing == ()


@ways
@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_mulaw", "adpcm_ima_wav"])
def test_a_wav_of_which_only_the_header_came_says_so(codec: str, read: Read) -> None:
    data = encode("wav", Track(clicks(20), codec))
    header = data[: data.index(b"data") + 8]
    assert read(header).missing_s == pytest.approx(20, abs=0.1)
    assert read(data + header).missing_s == pytest.approx(20, abs=0.1)


@ways
@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_of_a_row_each_wav_that_is_broken_off_says_so(rate: int, read: Read) -> None:
    one = encode("wav", Track(clicks(6, rate), "pcm_s16le", rate))
    whole = encode("wav", Track(clicks(4), "pcm_s16le"))
    cut = one[: len(one) // 2]
    for row, expected_s in (
        ((cut, whole), 3.0),
        ((whole, cut), 3.0),
        ((cut, whole, cut), 6.0),
        ((one[:100], whole), 6.0),
        ((whole, whole), 0.0),
    ):
        assert read(b"".join(row)).missing_s == pytest.approx(expected_s, abs=0.1)
        assert in_stream(b"".join(row), "wav").missing == ()


@ways
@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0xFFFFFFFF, 36 << 20])
def test_a_recorder_that_claims_a_length_each_time_lacks_nothing(length: int, read: Read) -> None:
    data = bytearray(encode("wav", Track(clicks(2), "pcm_s16le")))
    struct.pack_into("<I", data, data.index(b"data") + 4, length)
    result = read(bytes(data) * 3)
    assert result.missing == ()
    assert len(result.clicks_s) == 6


@pytest.mark.parametrize("codec", ["pcm_s16be", "pcm_f32be", "pcm_mulaw"])
def test_an_aiff_that_is_broken_off_says_so(codec: str) -> None:
    data = encode("aiff", Track(clicks(20), codec))
    for result in (in_file(data[: len(data) // 2]), in_stream(data[: len(data) // 2])):
        assert result.missing_s == pytest.approx(10, abs=0.1)
    assert in_file(data).missing == in_stream(data).missing == ()


def test_an_mp4_that_is_broken_off_before_its_index_is_refused() -> None:
    data = twenty_seconds("m4a")
    for read in (in_file, in_stream):
        with pytest.raises(Unreadable):
            read(data[: len(data) * 2 // 3])


def with_channels(file_format: str, codec: str, seconds: float, channels: int) -> bytes:
    mono = clicks(seconds)
    frames = np.zeros((len(mono), channels), np.float32)
    frames[:, :2] = mono[:, None]
    return encode(file_format, Track(frames, codec))


@ways
@pytest.mark.parametrize(
    ("file_format", "codec", "layouts"),
    [
        ("adts", "aac", (1, 2, 1)),
        ("adts", "aac", (2, 6, 2)),
        ("ac3", "ac3", (2, 6, 2)),
        ("mp3", "libmp3lame", (1, 2, 1)),
        ("mpegts", "aac", (1, 2, 1)),
        ("mp2", "mp2", (2, 1, 2)),
    ],
)
def test_the_channels_may_change_in_the_middle(
    file_format: str, codec: str, layouts: tuple[int, ...], read: Read
) -> None:
    parts = [
        encode(file_format, Track(clicks(4), codec))
        if channels == 1
        else with_channels(file_format, codec, 4, channels)
        for channels in layouts
    ]
    result = read(b"".join(parts))
    assert result.seconds == pytest.approx(12, abs=0.4)
    assert len(result.clicks_s) == 12
    assert result.missing_s < 0.3


@ways
@pytest.mark.parametrize(
    ("file_format", "codec", "formats"),
    [
        ("adts", "aac", ((48_000, 1), (32_000, 1))),
        ("adts", "aac", ((16_000, 1), (44_100, 2))),
        ("adts", "aac", ((44_100, 2), (16_000, 1), (48_000, 2))),
        ("mp3", "libmp3lame", ((48_000, 1), (32_000, 1))),
        ("mp3", "libmp3lame", ((16_000, 1), (44_100, 2))),
        ("ac3", "ac3", ((48_000, 1), (32_000, 2), (44_100, 1))),
        ("latm", "aac", ((16_000, 1), (48_000, 1))),
        ("mpegts", "aac", ((16_000, 1), (44_100, 1))),
    ],
)
def test_the_rate_may_change_in_the_middle(
    file_format: str, codec: str, formats: tuple[tuple[int, int], ...], read: Read
) -> None:
    parts = []
    for rate, channels in formats:
        mono = clicks(6, rate)
        frames = mono if channels == 1 else np.repeat(mono[:, None], channels, axis=1)
        parts.append(encode(file_format, Track(frames, codec, rate)))
    result = read(b"".join(parts))
    assert result.seconds == pytest.approx(6 * len(parts), abs=0.4)
    expected = [number + 0.5 for number in range(6 * len(parts))]
    assert result.clicks_s == pytest.approx(expected, abs=0.2)
    assert result.missing_s < 0.3


@ways
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("aac", {"mpegts_start_pid": "768"}),
        ("aac", {"mpegts_service_id": "7", "mpegts_pmt_start_pid": "4097"}),
        ("aac", {"mpegts_pmt_start_pid": "4097", "mpegts_start_pid": "768"}),
        ("mp2", {}),
        ("ac3", {}),
    ],
    ids=["track", "program", "both", "mp2", "ac3"],
)
def test_the_track_of_a_broadcast_may_change_in_the_middle(
    codec: str, options: dict[str, str], read: Read
) -> None:
    one = encode("mpegts", Track(clicks(4), "aac"))
    other = encode("mpegts", Track(clicks(4), codec), options=options)
    result = read(one + other + one)
    assert result.seconds == pytest.approx(12, abs=0.3)
    assert result.clicks_s == pytest.approx([number + 0.5 for number in range(12)], abs=0.2)
    assert result.missing_s < 0.3


@ways
def test_the_clock_of_a_broadcast_goes_on_with_the_next_track(read: Read) -> None:
    one = encode("mpegts", Track(clicks(4), "aac"))
    later = encode("mpegts", Track(clicks(4), "mp2", begins_s=6.0))
    result = read(one + later)
    assert result.clicks_s == pytest.approx([*FIRST, 6.5, 7.5, 8.5, 9.5], abs=0.2)


@cache
def broadcast(begins_s: float, tracks: str, seconds: float = 6.0) -> bytes:
    """A part of a broadcast with these of its tracks: a, b and c have their clicks at 0.2 s, 0.5 s
    and 0.8 s of each second."""
    whole = encode(
        "mpegts",
        *[
            Track(clicks(seconds, first_s=first_s), "mp2", begins_s=begins_s)
            for first_s in (0.2, 0.5, 0.8)
        ],
        options={"mpegts_copyts": "1"},
    )
    ids = [256 + "abc".index(track) for track in tracks]
    packets = [whole[at : at + 188] for at in range(0, len(whole), 188)]
    pid_of_table = 0x1000
    kept = []
    for packet in packets:
        pid = int.from_bytes(packet[1:3], "big") & 0x1FFF
        if pid == pid_of_table:
            packet = pmt(pid, *[(MP2, each) for each in ids])
        if pid < 256 or pid in (pid_of_table, *ids):
            kept.append(packet)
    return b"".join(kept)


@pytest.mark.parametrize("as_stream", [False, True], ids=["file", "stream"])
@pytest.mark.parametrize("track", [1, 2, 3])
@pytest.mark.parametrize("left", ["", "a", "b", "c", "ab", "bc"])
@pytest.mark.parametrize("between_s", [6.0, 16.0])
def test_a_track_that_a_broadcast_lacks_for_a_while_is_silent_so_long(
    track: int, left: str, between_s: float, as_stream: bool
) -> None:
    data = (
        broadcast(100, "abc") + broadcast(106, left, between_s) + broadcast(106 + between_s, "abc")
    )
    result = in_stream(data, track=track) if as_stream else in_file(data, track=track)
    first_s = (0.2, 0.5, 0.8)[track - 1]
    is_there = "abc"[track - 1] in left
    seconds = [*range(6), *range(6 + round(between_s), 12 + round(between_s))]
    if is_there:
        seconds = [*range(12 + round(between_s))]
    assert result.clicks_s == pytest.approx([each + first_s for each in seconds], abs=0.1)
    assert result.missing_s == pytest.approx(0 if is_there else between_s, abs=0.3)


@ways
@pytest.mark.parametrize("file_format", ["vob", "mpeg"])
def test_a_second_track_that_begins_in_the_middle_changes_nothing(
    file_format: str, read: Read
) -> None:
    tracks = Track(clicks(8), "mp2"), Track(clicks(4), "mp2", begins_s=4.0)
    result = read(encode(file_format, *tracks, picture=True))
    assert result.seconds == pytest.approx(8, abs=0.1)
    assert_clicks(result, EVERY)


@ways
@pytest.mark.parametrize("file_format", ["mp3", "matroska", "mp4", "flac", "wav"])
def test_tags_that_are_not_utf_8_are_no_damage(file_format: str, read: Read) -> None:
    codec = {"mp3": "libmp3lame", "flac": "flac", "wav": "pcm_s16le"}.get(file_format, "aac")
    tags = {"title": "Gr__e aus K_ln" * 3, "artist": "J_rg"}
    data = encode(file_format, Track(clicks(4), codec), tags=tags)
    assert data.count(b"K_ln") >= 3
    data = (
        data.replace(b"Gr__e", b"Gr\xfc\xdfe")
        .replace(b"K_ln", b"K\xf6ln")
        .replace(b"J_rg", b"J\xf6rg")
    )
    assert_clicks(read(data), FIRST)


@cache
def caf_of(codec: str) -> bytes:
    """By the command, which knows the size of ALAC's frames."""
    sound = encode("wav", Track(clicks(4), "pcm_s16le"))
    return by_ffmpeg(["-c:a", codec], "caf", sound)


# -- as files alone, or as streams alone --------------------------------------------------------


@pytest.mark.parametrize("declared", ["mp4", "auto"])
@three_ways
def test_an_mp4_whose_index_comes_last_is_heard_once_it_is_there(
    declared: ContainerEncoding, chunking: Chunking
) -> None:
    result = in_stream(encode("mp4", Track(clicks(4), "aac")), declared, chunking)
    assert_clicks(result, FIRST)


@pytest.mark.parametrize("codec", ["alac", "libmp3lame", "libopus"])
@pytest.mark.parametrize("is_cut", [False, True], ids=["whole", "cut"])
def test_a_caf_whose_table_of_packets_comes_last_is_heard_once_it_is_there(
    codec: str, is_cut: bool
) -> None:
    caf = {"alac": "alac", "libmp3lame": ".mp3", "libopus": "opus"}[codec].encode()
    data = caf_of(codec)
    assert data.index(b"data") < data.index(b"pakt")
    assert caf in data[:40]
    if is_cut:
        with pytest.raises(Unreadable):
            in_stream(data[: len(data) * 2 // 3])
        return
    for read in (in_file, in_stream):
        assert read(data).clicks_s == pytest.approx(FIRST, abs=0.06)
        assert read(data).missing_s < 0.1


@pytest.mark.parametrize("codec", ["alac", "libopus"])
def test_a_caf_whose_table_of_packets_comes_first_is_heard_as_it_comes(codec: str) -> None:
    data = caf_of(codec)
    start, table = data.index(b"data"), data.index(b"pakt")
    table_bytes = 12 + int.from_bytes(data[table + 4 : table + 12], "big")
    moved = data[:start] + data[table : table + table_bytes] + data[start:table]
    source = Pieces(moved[at : at + 1000] for at in range(0, len(moved), 1000))
    came = 0
    for event in Recording(Wishes()).read_stream(source):
        if source.taken > len(moved) // 2:
            break
        came += len(event) if isinstance(event, np.ndarray) else 0
    assert came > SAMPLE_RATE
    assert_clicks(in_stream(moved), FIRST)


@pytest.mark.parametrize(
    "codec", ["pcm_s16be", "pcm_f32be", "pcm_mulaw", "pcm_alaw", "adpcm_ima_qt"]
)
def test_a_caf_of_even_packets_is_heard_as_it_comes(codec: str) -> None:
    data = encode("caf", Track(clicks(4, 16_000), codec, 16_000))
    source = Pieces(data[at : at + 1000] for at in range(0, len(data), 1000))
    next(
        event for event in Recording(Wishes()).read_stream(source) if isinstance(event, np.ndarray)
    )
    assert source.taken < len(data) * 3 // 4


def test_a_caf_too_large_to_be_kept_says_what_to_do() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"caff\0\1\0\0desc" + struct.pack(">Qd4sIIIII", 32, 48_000, b"alac", 0, 0, 4096, 1, 0)
        yield b"data" + struct.pack(">Q", 200 << 20)
        for _ in range(200):
            yield bytes(1 << 20)

    source = Pieces(pieces())
    with pytest.raises(Unreadable, match=r"larger than \d+ MiB: rewrite it .* -c copy OUT\.mka"):
        heard(Recording(Wishes()).read_stream(source))
    assert source.taken < MAX_HEAD_BYTES + (2 << 20)


def test_an_mp4_too_large_to_be_kept_says_what_to_do() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"\0\0\0\x10ftypisom\0\0\0\0" + struct.pack(">I4s", 200 << 20, b"mdat")
        for _ in range(200):
            yield bytes(1 << 20)

    source = Pieces(pieces())
    with pytest.raises(
        Unreadable, match=r"larger than \d+ MiB: rewrite it .* -movflags \+faststart"
    ):
        heard(Recording(Wishes("mp4")).read_stream(source))
    assert source.taken < MAX_HEAD_BYTES + (2 << 20)


def test_who_waits_for_audio_is_told_of_the_first() -> None:
    told: list[int] = []
    source = Pieces([encode("webm", Track(clicks(2), "libopus"))])
    events = Recording(Wishes("webm"), lambda: told.append(source.taken)).read_stream(source)
    assert told == []
    heard(events)
    assert len(told) == 1


def test_minutes_of_silence_are_small_and_come_in_small_steps() -> None:
    data = in_flac(np.zeros(600 * SAMPLE_RATE, np.int16))
    assert len(data) < 200_000
    lengths = [
        len(event)
        for event in Recording(Wishes("flac")).read_stream(Pieces([data]))
        if isinstance(event, np.ndarray)
    ]
    assert sum(lengths) == 600 * SAMPLE_RATE
    assert max(lengths) <= SAMPLE_RATE
