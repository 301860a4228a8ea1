"""A wrong declared format is noticed by its statistics; a right one never is taken for wrong."""

import base64
import subprocess
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from lab.ledger import read_pcm16
from lab.places import SAMPLE
from surtitle.captioning.audio import G711
from surtitle.captioning.format_check import FormatCheck
from surtitle.captioning.sample_formats import FORMATS
from surtitle.messages import RawEncoding
from tests.captioning.chunking import CHUNKINGS

Wave = NDArray[np.floating]

RATE = 16_000
SPEECH: Wave = read_pcm16(SAMPLE)[: 6 * RATE] / 32768


def g711(law: str) -> Callable[[Wave], bytes]:
    levels = G711[law].astype(np.float64)
    order = np.argsort(levels, kind="stable")
    middles = (levels[order][1:] + levels[order][:-1]) / 2
    return lambda wave: order[np.searchsorted(middles, wave)].astype(np.uint8).tobytes()


def integers(dtype: str, bits: int) -> Callable[[Wave], bytes]:
    top = 2.0 ** (bits - 1)
    return lambda wave: np.clip(np.rint(wave * top), -top, top - 1).astype(dtype).tobytes()


def unsigned(dtype: str, bits: int) -> Callable[[Wave], bytes]:
    top = 2.0 ** (bits - 1)
    return lambda wave: np.clip(np.rint(wave * top) + top, 0, 2 * top - 1).astype(dtype).tobytes()


def in_24_bits(wave: Wave, step: int = 1) -> bytes:
    wide = np.clip(np.rint(wave * 2**23), -(2**23), 2**23 - 1).astype("<i4")
    return wide.view(np.uint8).reshape(-1, 4)[:, :3][:, ::step].tobytes()


WRITE: dict[str, Callable[[Wave], bytes]] = {
    "pcm_s16le": integers("<i2", 16),
    "pcm_f32le": lambda wave: wave.astype("<f4").tobytes(),
    "mulaw": g711("mulaw"),
    "alaw": g711("alaw"),
    "8 bits": unsigned("u1", 8),
    "8 bits with a sign": integers("i1", 8),
    "16 bits without a sign": unsigned("<u2", 16),
    "big-endian": integers(">i2", 16),
    "24 bits": in_24_bits,
    "24 bits, big-endian": lambda wave: in_24_bits(wave, -1),
    "floats of ±32768": lambda wave: (32768 * wave).astype("<f4").tobytes(),
    "whole floats of ±32768": lambda wave: np.rint(32768 * wave).astype("<f4").tobytes(),
    "32 bits": integers("<i4", 32),
    "doubles": lambda wave: wave.astype("<f8").tobytes(),
}
RAW: tuple[RawEncoding, ...] = ("pcm_s16le", "pcm_f32le", "mulaw", "alaw")


def told(
    data: bytes, encoding: RawEncoding, rate: int = RATE, channels: int = 1, frame: int = 4000
) -> list[str]:
    """What is said of a stream: at most one sentence."""
    check = FormatCheck(encoding, rate, channels)
    said = (check.feed(data[start : start + frame]) for start in range(0, len(data), frame))
    return [sentence for sentence in said if sentence is not None]


def at(rate: int, wave: Wave = SPEECH) -> Wave:
    """Speech at another sample rate."""
    resampled: Wave = soxr.resample(wave, RATE, rate)
    return resampled


WRONG: list[tuple[str, RawEncoding, str]] = [
    ("pcm_s16le", "mulaw", "16-bit PCM, not µ-law; send `encoding: pcm_s16le`"),
    ("pcm_s16le", "alaw", "16-bit PCM, not A-law; send `encoding: pcm_s16le`"),
    ("pcm_s16le", "pcm_f32le", "16-bit PCM, not 32-bit float PCM; send `encoding: pcm_s16le`"),
    ("pcm_f32le", "pcm_s16le", "32-bit float PCM, not 16-bit PCM; send `encoding: pcm_f32le`"),
    ("pcm_f32le", "mulaw", "32-bit float PCM, not µ-law"),
    ("mulaw", "pcm_s16le", "µ-law, not 16-bit PCM; send `encoding: mulaw`"),
    ("mulaw", "pcm_f32le", "µ-law, not 32-bit float PCM"),
    ("mulaw", "alaw", "µ-law, not A-law"),
    ("alaw", "mulaw", "A-law, not µ-law"),
    ("alaw", "pcm_s16le", "A-law, not 16-bit PCM"),
    ("8 bits", "pcm_s16le", "8-bit PCM, not 16-bit PCM; send little-endian 16-bit PCM"),
    ("8 bits", "mulaw", "8-bit PCM, not µ-law"),
    ("8 bits with a sign", "pcm_s16le", "signed 8-bit PCM, not 16-bit PCM; send little-endian"),
    ("8 bits with a sign", "pcm_f32le", "signed 8-bit PCM, not 32-bit float PCM"),
    ("8 bits with a sign", "mulaw", "signed 8-bit PCM, not µ-law"),
    ("16 bits without a sign", "pcm_s16le", "unsigned 16-bit PCM, not 16-bit PCM; send"),
    ("16 bits without a sign", "pcm_f32le", "unsigned 16-bit PCM, not 32-bit float PCM"),
    ("16 bits without a sign", "alaw", "unsigned 16-bit PCM, not A-law"),
    ("big-endian", "pcm_s16le", "big-endian 16-bit PCM, not 16-bit PCM"),
    ("big-endian", "mulaw", "big-endian 16-bit PCM, not µ-law"),
    ("24 bits", "pcm_s16le", "24-bit PCM, not 16-bit PCM"),
    ("24 bits", "pcm_f32le", "24-bit PCM, not 32-bit float PCM"),
    ("24 bits, big-endian", "pcm_s16le", "big-endian 24-bit PCM, not 16-bit PCM"),
    ("24 bits, big-endian", "pcm_f32le", "big-endian 24-bit PCM, not 32-bit float"),
    ("24 bits, big-endian", "mulaw", "big-endian 24-bit PCM, not µ-law"),
    (
        "floats of ±32768",
        "pcm_f32le",
        "float PCM with a full scale of 32768, not 32-bit float PCM; divide",
    ),
    (
        "whole floats of ±32768",
        "pcm_f32le",
        "with a full scale of 32768, not 32-bit float PCM; divide by",
    ),
    (
        "floats of ±32768",
        "pcm_s16le",
        "32-bit float PCM with a full scale of 32768, not 16-bit PCM",
    ),
    ("floats of ±32768", "mulaw", "32-bit float PCM with a full scale of 32768, not µ-law"),
    ("32 bits", "pcm_f32le", "32-bit integer PCM, not 32-bit float PCM"),
    ("doubles", "pcm_s16le", "64-bit float PCM, not 16-bit PCM"),
]


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
@pytest.mark.parametrize(("sent", "declared", "sentence"), WRONG)
def test_speech_in_a_wrong_format_is_told(
    sent: str, declared: RawEncoding, sentence: str, rate: int
) -> None:
    [said] = told(WRITE[sent](at(rate)), declared, rate)
    assert sentence in said


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("encoding", RAW)
@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_speech_as_declared_is_not(encoding: RawEncoding, rate: int, channels: int) -> None:
    wave = at(rate)
    all_channels = np.zeros((len(wave), channels))
    all_channels[:, -1], all_channels[:, 0] = wave, np.roll(wave, rate // 100) / 2
    assert told(WRITE[encoding](all_channels.ravel()), encoding, rate, channels) == []


@pytest.mark.parametrize("channels", [2, 6])
def test_several_channels_in_a_wrong_format(channels: int) -> None:
    wave = np.repeat(SPEECH, channels)
    [said] = told(WRITE["pcm_s16le"](wave), "mulaw", RATE, channels)
    assert "16-bit PCM, not µ-law" in said


def music() -> Wave:
    """Chords of three tones with overtones, one each 0.4 s."""
    times = np.arange(6 * RATE) / RATE
    base = 110 * 2 ** ((times // 0.4 * 7 % 12) / 12)
    decay = np.exp(-5 * (times % 0.4))
    chord = [
        np.sin(2 * np.pi * base * times * step * overtone) / overtone
        for step in (1, 1.26, 1.5)
        for overtone in (1, 2, 3, 5)
    ]
    wave: Wave = 0.2 * decay * np.sum(chord, axis=0)
    return wave


def no_speech() -> Iterator[tuple[str, Wave]]:
    """Sounds that may be taken for wrong bytes, or wrong bytes for them."""
    chance = np.random.default_rng(7)
    times = np.arange(6 * RATE) / RATE
    yield "silence", np.zeros(len(times))
    yield "the last bit", chance.integers(-1, 2, len(times)) / 32768
    yield "an offset", np.full(len(times), 0.3)
    for level in (1.0, 0.1, 0.01, 0.001):
        yield f"white noise {level}", chance.uniform(-level, level, len(times))
    for frequency in (50, 440, 1000, 4000, 7600):
        tone = np.sin(2 * np.pi * frequency * times)
        yield f"tone {frequency}", 0.8 * tone
        yield f"square wave {frequency}", np.sign(tone + 1e-3)
        yield f"saw {frequency}", 2 * (frequency * times % 1) - 1
        yield f"pulses {frequency}", 0.8 * (frequency * times % 1 < 0.1)
    yield "sweep", 0.8 * np.sin(2 * np.pi * (50 + 600 * times) * times)
    yield "clicks", 0.9 * (chance.random(len(times)) < 0.001)
    yield (
        "hum and hiss",
        0.01 * np.sin(2 * np.pi * 50 * times) + chance.normal(0, 0.0005, len(times)),
    )
    yield "clipped speech", (SPEECH * 30).clip(-1, 1)
    yield "speech clipped to a square wave", (SPEECH * 3000).clip(-1, 1)
    yield "music", music()
    yield "clipped music", (5 * music()).clip(-1, 1)
    yield "quiet music", music() / 200
    yield "very quiet speech", SPEECH / 500
    yield "hardly any speech", SPEECH / 3000
    yield "speech of 8 bits", np.rint(SPEECH * 127) / 128
    yield "speech of 4 bits", np.rint(SPEECH * 7) / 8
    yield "speech in noise", (SPEECH + chance.normal(0, 0.1, len(times))).clip(-1, 1)
    yield "speech with an offset", SPEECH / 2 + 0.3


SOUNDS = dict(no_speech())


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("sound", SOUNDS)
def test_sounds_as_declared_are_not_taken_for_a_wrong_format(sound: str, channels: int) -> None:
    wave = np.zeros((len(SOUNDS[sound]), channels))
    wave[:, channels // 2] = SOUNDS[sound]
    for encoding in RAW:
        assert told(WRITE[encoding](wave.ravel()), encoding, RATE, channels) == [], encoding


@pytest.mark.parametrize(
    "right", [SPEECH, np.zeros(len(SPEECH)), np.roll(SPEECH, 4000)], ids=["same", "silent", "other"]
)
@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le"])
def test_two_channels_declared_as_one(right: Wave, encoding: RawEncoding) -> None:
    both = np.stack([SPEECH, right], axis=1).ravel()
    [said] = told(WRITE[encoding](both), encoding)
    assert "two interleaved channels" in said
    assert "`channels: 2`" in said


@pytest.mark.parametrize(
    ("encoding", "rate"),
    [
        *((encoding, rate) for encoding in RAW for rate in (44_100, 48_000)),
        ("pcm_s16le", 16_000),
        ("pcm_f32le", 16_000),
    ],
)
def test_one_channel_declared_as_two(encoding: RawEncoding, rate: int) -> None:
    [said] = told(WRITE[encoding](at(rate)), encoding, rate, 2)
    assert "one channel, not like two" in said
    assert "`channels: 1`" in said


def delayed(wave: Wave, samples: float) -> Wave:
    spectrum = np.fft.rfft(wave)
    spectrum *= np.exp(-2j * np.pi * np.fft.rfftfreq(len(wave)) * samples)
    later: Wave = np.fft.irfft(spectrum, len(wave))
    return later


STEREO: dict[str, Callable[[Wave], Wave]] = {
    "the same": lambda wave: wave,
    "nearly as loud": lambda wave: 0.98 * wave,
    "half as loud": lambda wave: wave / 2,
    "inverted": lambda wave: -wave,
    "silent": np.zeros_like,
    "an offset": lambda wave: np.full_like(wave, 0.2),
    "another": lambda wave: np.roll(wave, 16_000),
    "hiss": lambda wave: np.random.default_rng(4).normal(0, 0.003, len(wave)),
    "the same and hiss": lambda wave: wave + np.random.default_rng(4).normal(0, 0.003, len(wave)),
    "earlier by a fifth of a sample": lambda wave: delayed(wave, -0.2),
    "earlier by two fifths of a sample": lambda wave: delayed(wave, -0.4),
    "later by half a sample": lambda wave: delayed(wave, 0.5),
    "earlier by half a sample, inverted": lambda wave: -delayed(wave, -0.5),
    "earlier by a sample": lambda wave: np.roll(wave, -1),
    "later by many": lambda wave: np.roll(wave, 40),
}


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
@pytest.mark.parametrize("right", STEREO)
@pytest.mark.parametrize("left", ["speech", "music", "hum"])
def test_two_channels_are_not_taken_for_one(left: str, right: str, rate: int) -> None:
    hum = 0.2 * np.sin(2 * np.pi * 50 * np.arange(6 * RATE) / RATE)
    hum += np.random.default_rng(5).normal(0, 0.001, len(hum))
    wave = at(rate, {"speech": SPEECH, "music": music(), "hum": hum}[left])
    both = np.stack([wave, STEREO[right](wave)], axis=1).ravel().clip(-1, 1)
    for encoding in RAW:
        assert told(WRITE[encoding](both), encoding, rate, 2) == [], encoding


@pytest.mark.parametrize("loudness", [1.5, 4, 30])
@pytest.mark.parametrize("channels", [1, 2])
def test_floats_that_are_too_loud_are_floats(channels: int, loudness: float) -> None:
    wave = np.repeat(loudness / np.abs(SPEECH).max() * SPEECH, channels)
    assert told(WRITE["pcm_f32le"](wave), "pcm_f32le", RATE, channels) == []


def test_floats_of_another_scale_are_told_after_silence_and_hum() -> None:
    times = np.arange(2 * RATE) / RATE
    hum = 0.0001 * np.sin(2 * np.pi * 50 * times)
    hum += np.random.default_rng(5).normal(0, 0.00002, len(hum))
    [said] = told(WRITE["floats of ±32768"](np.concatenate([0 * hum, hum, SPEECH])), "pcm_f32le")
    assert "full scale of 32768" in said


@pytest.mark.parametrize(
    ("encoding", "missing"), [("pcm_s16le", 1), ("pcm_f32le", 1), ("pcm_f32le", 2)]
)
def test_a_stream_that_begins_within_a_sample(encoding: RawEncoding, missing: int) -> None:
    [said] = told(WRITE[encoding](SPEECH)[missing:], encoding)
    assert "begins in the middle of a sample" in said
    assert f"the first {2 if encoding == 'pcm_s16le' else 4} byte" not in said


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a.wav", "begins like a WAV file, not 16-bit PCM; send `encoding: wav` in `start`."),
        ("a.mp3", "begins like an MP3 stream, not 16-bit PCM; send `encoding: mp3` in `start`."),
        ("a.ogg", "begins like an Ogg stream, not 16-bit PCM; send `encoding: ogg` in `start`."),
    ],
)
def test_a_file_sent_as_samples(
    name: str, sentence: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = tmp_path_factory.mktemp("made") / name
    subprocess.run(["ffmpeg", "-v", "error", "-i", SAMPLE, "-t", "3", made], check=True)
    data = made.read_bytes()
    for frame in (7, 1000, len(data)):
        [said] = told(data, "pcm_s16le", frame=frame)
        assert said == f"The audio {sentence}"


def test_text_sent_as_samples() -> None:
    [said] = told(base64.b64encode(WRITE["pcm_s16le"](SPEECH)), "pcm_s16le")
    assert "base64 text" in said
    assert "binary frames" in said


def test_the_cut_of_the_frames_makes_no_difference() -> None:
    data = WRITE["pcm_s16le"](SPEECH)
    said = set()
    for chunking in CHUNKINGS:
        check = FormatCheck("mulaw", RATE, 1)
        said.add(tuple(filter(None, map(check.feed, chunking(data)))))
    assert len(said) == 1
    assert len(said.pop()) == 1


def test_it_waits_for_sound() -> None:
    hiss = np.random.default_rng(3).normal(0, 0.0005, 8 * RATE)
    check = FormatCheck("mulaw", RATE, 1)
    assert check.feed(WRITE["pcm_s16le"](hiss)) is None
    assert check.feed(WRITE["pcm_s16le"](SPEECH)) is not None
    assert check.feed(WRITE["pcm_s16le"](SPEECH)) is None, "at most once"


@pytest.mark.parametrize(("seconds", "most"), [(5, 25), (20, 43), (75, 60), (600, 90)])
@pytest.mark.parametrize(
    ("encoding", "rate"), [("pcm_s16le", RATE), ("pcm_s16le", 8000), ("mulaw", 8000)]
)
def test_the_longer_nothing_is_heard_the_less_is_looked_at(
    encoding: RawEncoding, rate: int, seconds: int, most: int
) -> None:
    """Also where one block follows the other at first, since they are so long."""
    check = FormatCheck(encoding, rate, 1)
    size = rate * FORMATS[encoding].sample_bytes
    noise = np.random.default_rng(4).bytes(size)
    for _ in range(seconds):
        assert check.feed(noise) is None
    assert most // 2 <= check._blocks <= most


@pytest.mark.parametrize("level_db", [-70, -60, -45])
def test_the_noise_of_an_open_microphone_costs_next_to_nothing(level_db: int) -> None:
    """A thousand of them are connected for hours, and it is what they send most of the time."""
    check = FormatCheck("pcm_s16le", RATE, 1)
    noise = np.random.default_rng(6).normal(0, 10 ** (level_db / 20), 20 * RATE)
    assert check.feed(WRITE["pcm_s16le"](noise)) is None
    assert check._blocks <= 14
    speech = WRITE["pcm_s16le"](SPEECH)
    assert [check.feed(speech) for _ in range(6)] == [None] * 6
    assert check._done


@pytest.mark.parametrize("quiet_s", [1, 10, 60])
@pytest.mark.parametrize("sent", ["mulaw", "big-endian", "pcm_f32le"])
def test_a_wrong_format_is_told_after_what_reads_as_quiet_noise(sent: str, quiet_s: int) -> None:
    check = FormatCheck("pcm_s16le", RATE, 1)
    quiet = np.random.default_rng(7).integers(-20, 20, RATE, "<i2").tobytes()
    for _ in range(quiet_s):
        assert check.feed(quiet) is None
    said = [check.feed(WRITE[sent](SPEECH)) for _ in range(8)]
    assert sum(each is not None for each in said) == 1


@pytest.mark.parametrize("before_s", [10, 60, 90])
@pytest.mark.parametrize("sent", ["mulaw", "big-endian", "pcm_f32le"])
def test_a_wrong_format_is_told_after_minutes_of_noise(sent: str, before_s: int) -> None:
    check = FormatCheck("pcm_s16le", RATE, 1)
    noise = np.random.default_rng(5).integers(-32768, 32767, RATE, "<i2").tobytes()
    for _ in range(before_s):
        assert check.feed(noise) is None
    said = [check.feed(WRITE[sent](SPEECH)) for _ in range(6)]
    assert sum(each is not None for each in said) == 1


def test_what_is_settled_costs_nothing() -> None:
    data = WRITE["pcm_s16le"](SPEECH)
    check = FormatCheck("pcm_s16le", RATE, 1)
    check.feed(data)
    began = time.process_time()
    for _ in range(10_000):
        check.feed(data)  # six seconds of speech each
    assert time.process_time() - began < 0.1
