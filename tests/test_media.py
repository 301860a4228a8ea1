import io
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from surtitle.client import ClientError
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.media import CHUNK_BYTES, read_chunks
from tests.support import SAMPLE


def write_wav(path: Path, samples: Pcm16, rate: int = SAMPLE_RATE, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def noise(count: int) -> Pcm16:
    return np.random.default_rng(1).integers(-9000, 9000, count, np.int16)


def test_chunks_hold_a_tenth_of_a_second_and_the_last_one_the_rest(tmp_path: Path) -> None:
    samples = noise(16_000 + 123)
    chunks = list(read_chunks(write_wav(tmp_path / "a.wav", samples)))
    assert [len(chunk) for chunk in chunks] == [CHUNK_BYTES] * 10 + [246]
    assert b"".join(chunks) == samples.tobytes()


def test_a_whole_number_of_chunks_has_no_empty_one_at_its_end(tmp_path: Path) -> None:
    chunks = list(read_chunks(write_wav(tmp_path / "a.wav", noise(3200))))
    assert [len(chunk) for chunk in chunks] == [CHUNK_BYTES] * 2


def test_a_file_without_samples_gives_nothing(tmp_path: Path) -> None:
    assert list(read_chunks(write_wav(tmp_path / "a.wav", noise(0)))) == []


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_any_rate_and_channels_come_out_as_16_khz_mono(tmp_path: Path, rate: int) -> None:
    times = np.arange(2 * rate) / rate
    tone = (8000 * np.sin(2 * np.pi * 300 * times)).astype(np.int16)
    path = write_wav(tmp_path / "a.wav", np.repeat(tone, 2), rate, channels=2)
    samples = np.frombuffer(b"".join(read_chunks(path)), np.int16)
    assert len(samples) == pytest.approx(2 * SAMPLE_RATE, abs=40)
    expected = 8000 * np.sin(2 * np.pi * 300 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)
    inner = slice(500, 31_000)
    assert np.abs(samples[inner] - expected[inner]).max() < 400


def test_the_sample_is_read_whole() -> None:
    with av.open(str(SAMPLE)) as container:
        count = sum(frame.samples for frame in container.decode(audio=0))
        rate = container.streams.audio[0].codec_context.sample_rate
    seconds = sum(len(chunk) for chunk in read_chunks(SAMPLE)) / 2 / SAMPLE_RATE
    assert seconds == pytest.approx(count / rate, abs=0.01)


def test_a_stream_is_read_as_a_file_is() -> None:
    stream = io.FileIO(str(SAMPLE))
    assert list(read_chunks(stream)) == list(read_chunks(SAMPLE))
    stream.close()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    with pytest.raises(ClientError, match=r"There is no file .*speech\.wav\."):
        list(read_chunks(path))


@pytest.mark.parametrize("data", [b"", b"not audio at all\n" * 100, b"RIFF", bytes(5000)])
def test_a_file_that_is_not_audio(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "speech.txt"
    path.write_bytes(data)
    # FFmpeg takes plain text for a drawing made of characters.
    with pytest.raises(ClientError, match=r"speech\.txt (cannot be read as audio|has no audio)"):
        list(read_chunks(path))


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="cannot be read as audio"):
        list(read_chunks(tmp_path))


def test_a_picture_has_no_audio_track(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    with av.open(str(path), "w", format="image2") as muxer:
        stream = muxer.add_stream("png", rate=1)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        muxer.mux(stream.encode(frame))
        muxer.mux(stream.encode(None))
    with pytest.raises(ClientError, match=r"picture\.png has no audio track"):
        list(read_chunks(path))


def test_a_cut_file_gives_what_is_there(tmp_path: Path) -> None:
    samples = noise(32_000)
    path = write_wav(tmp_path / "a.wav", samples)
    path.write_bytes(path.read_bytes()[:40_000])
    read = b"".join(read_chunks(path))
    assert len(read) > 38_000
    assert samples.tobytes().startswith(read)
