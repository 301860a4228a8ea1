import asyncio
import contextlib
import io
import os
import sys
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from io import FileIO
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import psutil
import pytest

from lab.places import SAMPLE
from lab.waiting import left_over
from surtitle.client import ClientError
from surtitle.client.media import CHUNK_BYTES, read_chunks
from surtitle.jobs import SAMPLE_RATE, Pcm16
from tests.containers import Track, clicks, encode, hurt


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
    with pytest.raises(ClientError, match=r"speech\.txt cannot be read as audio: .*\.$"):
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
    with pytest.raises(ClientError, match=r"picture\.png cannot be read as audio: .* not audio"):
        list(read_chunks(path))


def test_a_cut_file_gives_what_is_there(tmp_path: Path) -> None:
    samples = noise(32_000)
    path = write_wav(tmp_path / "a.wav", samples)
    path.write_bytes(path.read_bytes()[:40_000])
    read = b"".join(read_chunks(path))
    assert len(read) > 38_000
    assert samples.tobytes().startswith(read)


# -- on an event loop ---------------------------------------------------------------------------

LIMIT_S = 20


@contextlib.contextmanager
def growing() -> Iterator[tuple[FileIO, int]]:
    """A source that is written to meanwhile, by its descriptor."""
    reading, writing = os.pipe()
    with FileIO(reading) as source:
        try:
            yield source, writing
        finally:
            with contextlib.suppress(OSError):
                os.close(writing)


async def test_a_slow_source_does_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    samples = noise(32_000)
    data = write_wav(tmp_path / "a.wav", samples).read_bytes()
    async with asyncio.timeout(LIMIT_S):
        with growing() as (source, writing), read_chunks(source) as recording:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(recording), 0.1)
            os.write(writing, data)
            os.close(writing)
            chunks = [chunk async for chunk in recording]
    assert b"".join(chunks) == samples.tobytes()


async def test_who_waits_for_a_recording_that_is_closed_hears_its_end() -> None:
    async with asyncio.timeout(LIMIT_S):
        with growing() as (source, _):
            with read_chunks(source) as recording:
                waiting = asyncio.ensure_future(anext(recording, None))
                while recording._process is None:  # noqa: ASYNC110 - no event tells of it
                    await asyncio.sleep(0.01)
            assert await waiting is None
            assert [chunk async for chunk in recording] == []
            assert recording._process.returncode is not None


async def test_what_is_wrong_with_a_recording_is_raised_in_the_loop_over_it(
    tmp_path: Path,
) -> None:
    with pytest.raises(ClientError, match="There is no file"):
        async for _ in read_chunks(tmp_path / "missing.wav"):
            pass


def test_a_recording_that_is_left_takes_its_process_along() -> None:
    with read_chunks(SAMPLE) as recording:
        next(recording)
        assert recording._process is not None
        process = psutil.Process(recording._process.pid)
    assert left_over([process]) == []
    assert list(recording) == []


# -- names and addresses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("talk-10:30.wav", "file:x.wav", "http:x.wav", "-x.wav", "a b%20?.wav", "concat:y.wav"),
        *("-", "2"),
    ],
)
def test_a_name_is_the_name_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    samples = noise(4000)
    write_wav(tmp_path / name, samples)
    monkeypatch.chdir(tmp_path)
    for path in (Path(name), tmp_path / name):
        assert b"".join(read_chunks(path)) == samples.tobytes()


@contextlib.contextmanager
def descriptor(data: bytes) -> Iterator[Path]:
    """What the shell's `<(...)` gives."""
    reading, writing = os.pipe()
    writer = threading.Thread(target=lambda: _write(io.FileIO(writing, "wb"), data))
    writer.start()
    yield Path(f"/dev/fd/{reading}")
    os.close(reading)
    writer.join(10)


@contextlib.contextmanager
def fifo(data: bytes) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fifo"
        os.mkfifo(path)
        writer = threading.Thread(target=lambda: _write(path.open("wb", buffering=0), data))
        writer.start()
        yield path
        writer.join(10)


def _write(file: io.RawIOBase, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), file:
        file.write(data)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such paths")
@pytest.mark.parametrize("opened", [descriptor, fifo])
@pytest.mark.parametrize("file_format", ["mp3", "wav", "matroska", "mpegts"])
def test_a_path_need_not_lead_to_a_file(
    opened: Callable[[bytes], AbstractContextManager[Path]], file_format: str
) -> None:
    codec = {"mp3": "libmp3lame", "wav": "pcm_s16le"}.get(file_format, "aac")
    data = encode(file_format, Track(clicks(5), codec))
    with opened(data) as path:
        recording = read_chunks(path)
        assert sum(map(len, recording)) / 2 / SAMPLE_RATE == pytest.approx(5, abs=0.1)
        assert recording.missing_ms == 0


@pytest.mark.skipif(sys.platform == "win32", reason="has no such paths")
@pytest.mark.parametrize("opened", [descriptor, fifo])
def test_what_is_no_audio_is_said_of_such_a_path_too(
    opened: Callable[[bytes], AbstractContextManager[Path]],
) -> None:
    with opened(b"not audio at all\n" * 100) as path, pytest.raises(ClientError) as refusal:
        list(read_chunks(path))
    assert str(refusal.value).startswith(f"{path} cannot be read as audio: ")
    assert str(refusal.value).endswith(".")


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(1600))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("whoever runs this may read anything")
    with pytest.raises(ClientError, match=r"a\.wav cannot be read as audio: Permission denied\."):
        list(read_chunks(path))


def test_what_is_redirected_from_a_file_may_have_its_index_last(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(encode("mp4", Track(clicks(3), "aac")))
    with io.FileIO(str(path)) as source:
        assert list(read_chunks(source)) == list(read_chunks(path))


def test_a_stream_is_read_from_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"a line of something else\n" + encode("mp3", Track(clicks(3), "libmp3lame")))
    with io.FileIO(str(path)) as source:
        source.seek(25)
        seconds = sum(map(len, read_chunks(source))) / 2 / SAMPLE_RATE
    assert seconds == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/x.wav", "https://x/y", "rtsp://x", "file:///etc/hostname"]
)
def test_an_address_is_not_fetched(address: str) -> None:
    with pytest.raises(ClientError, match="is a URL, but only files can be read: download it"):
        list(read_chunks(Path(address)))


def test_a_file_cannot_point_to_others(tmp_path: Path) -> None:
    """A playlist, or a file of references, is no recording."""
    inner = write_wav(tmp_path / "inner.wav", noise(16_000))
    for text in (f"ffconcat version 1.0\nfile '{inner}'\n", f"#EXTM3U\n#EXTINF:1,\n{inner}\n"):
        path = tmp_path / "list"
        path.write_text(text)
        with pytest.raises(ClientError, match="cannot be read as audio"):
            list(read_chunks(path))


def test_what_lies_in_the_working_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("numpy", "av", "struct", "surtitle"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('run')")
    path = write_wav(tmp_path / "a.wav", noise(1600))
    monkeypatch.chdir(tmp_path)
    assert len(b"".join(read_chunks(path))) == 3200


# -- damage and tracks --------------------------------------------------------------------------


def test_what_could_not_be_read_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(hurt(encode("mp3", Track(clicks(10), "libmp3lame")), 0.5, 2000))
    recording = read_chunks(path)
    assert recording.missing_ms == 0
    seconds = sum(map(len, recording)) / 2 / SAMPLE_RATE
    assert seconds == pytest.approx(10, abs=0.1)
    assert 50 <= recording.missing_ms <= 400
    whole = tmp_path / "b.mp3"
    whole.write_bytes(encode("mp3", Track(clicks(10), "libmp3lame")))
    other = read_chunks(whole)
    assert sum(map(len, other))
    assert other.missing_ms == 0


def test_tracks_are_known_with_the_first_chunk_and_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(
        encode(
            "matroska",
            Track(clicks(2), "flac", title="stage"),
            Track(clicks(2) * np.float32(0), "flac", default=True, title="booth"),
        )
    )
    recording = read_chunks(path)
    first = next(recording)
    assert (len(recording.tracks.names), recording.tracks.chosen) == (2, 2)
    assert not np.frombuffer(first + b"".join(recording), np.int16).any()
    assert np.frombuffer(b"".join(read_chunks(path, track=1)), np.int16).max() > 20_000
    with pytest.raises(ClientError, match="no track 3; the audio tracks are 1 to 2"):
        next(read_chunks(path, track=3))


def decoding() -> list[psutil.Process]:
    """The processes that this one has started to decode."""
    return [
        child
        for child in psutil.Process().children()
        if "surtitle.decoding.child" in child.cmdline()
    ]


def test_one_that_is_closed_leaves_no_process(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(60 * SAMPLE_RATE))
    recording = read_chunks(path)
    next(recording)
    processes = decoding()
    assert len(processes) == 1
    recording.close()
    assert left_over(processes) == []
    assert list(recording) == []


def test_one_whose_process_dies_says_so(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(600 * SAMPLE_RATE))
    recording = read_chunks(path)
    next(recording)
    (process,) = decoding()
    process.kill()
    with pytest.raises(ClientError, match=r"a\.wav cannot be read as audio: .* died"):
        list(recording)


def test_what_comes_through_a_pipe_is_decoded_as_it_comes() -> None:
    data = encode("matroska", Track(clicks(6), "libopus"), options={"cluster_time_limit": "200"})
    reading, writing = os.pipe()
    go_on = threading.Event()

    def write() -> None:
        with io.FileIO(writing, "wb") as pipe:
            pipe.write(data[: len(data) // 2])
            go_on.wait(20)
            pipe.write(data[len(data) // 2 :])

    writer = threading.Thread(target=write)
    writer.start()
    with io.FileIO(reading) as source:
        recording = read_chunks(source)
        came = [next(recording) for _ in range(20)]  # 2 s, while the second half is not there
        go_on.set()
        came += list(recording)
    writer.join(5)
    assert sum(map(len, came)) / 2 / SAMPLE_RATE == pytest.approx(6, abs=0.05)
