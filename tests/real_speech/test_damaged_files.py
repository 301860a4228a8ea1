"""`surtitle caption` on files that are not as they should be: what it says, and how it ends."""

import io
import random
import subprocess
import sys
from pathlib import Path

import av
import pytest

from lab.places import SAMPLE, SAMPLE_TEXT
from lab.server_process import ServerProcess
from surtitle.cli.caption import EXIT_DAMAGED
from tests.marks import long
from tests.real_speech.scoring import word_error_rate


def transcoded(file_format: str, codec: str) -> bytes:
    """The spoken sample in another format."""
    file = io.BytesIO()
    with av.open(str(SAMPLE)) as source, av.open(file, "w", format=file_format) as muxer:
        stream = muxer.add_stream(codec, rate=16_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for frame in source.decode(audio=0):
            muxer.mux(stream.encode(frame))
        muxer.mux(stream.encode(None))
    return file.getvalue()


def hurt(data: bytes) -> bytes:
    """600 bytes of nonsense in it."""
    place = int(len(data) * 0.4)
    return data[:place] + random.Random(1).randbytes(600) + data[place + 600 :]


def caption(server: ServerProcess, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "surtitle", "caption", "--server", server.url, "--fast", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("file_format", "codec"), [("mp3", "libmp3lame"), ("mp4", "aac"), long("mpegts", "aac")]
)
def test_what_is_left_of_a_damaged_file_is_captioned(
    tiny: ServerProcess, file_format: str, codec: str, tmp_path: Path
) -> None:
    path = tmp_path / "talk-10:30.bin"  # a colon, and a name that says nothing
    path.write_bytes(hurt(transcoded(file_format, codec)))
    done = caption(tiny, str(path))
    assert done.returncode == EXIT_DAMAGED
    assert word_error_rate(SAMPLE_TEXT, done.stdout) < 0.1
    assert "of the recording could not be read" in " ".join(done.stderr.split())


@pytest.mark.parametrize("data", [b"", b"no audio at all" * 99, b"ID3" + bytes(5000)])
def test_what_is_no_recording_is_told_in_a_sentence(
    tiny: ServerProcess, data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(data)
    done = caption(tiny, str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be read as audio" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["http://127.0.0.1/talk.mp3", "file:talk.wav", "concat:a|b"])
def test_names_are_those_of_files(tiny: ServerProcess, name: str) -> None:
    done = caption(tiny, name)
    assert done.returncode == 1
    text = " ".join(done.stderr.split())
    assert "There is no file" in text or "is a URL" in text
