"""Many files in one call of `surtitle caption`, and what is said of the time that is left."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from lab.places import REPOSITORY, SAMPLE
from surtitle.cli.outputs import outputs_of
from surtitle.cli.progress import duration_words, progress_words
from surtitle.client.media import read_chunks
from surtitle.errors import ConfigurationError
from surtitle.messages import Start
from tests.client.scenes import playing
from tests.test_writing import speaking

LIMIT_S = 60


async def caption(folder: Path, *arguments: str, starts: list[Start]) -> tuple[int | None, str]:
    """Run `surtitle caption --fast` beside a scripted server; its status, and what it says."""
    async with asyncio.timeout(LIMIT_S), playing(forever=speaking(starts)) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "surtitle", "caption", "--fast", "--server", url, *arguments),
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY / "server"), "COLUMNS": "200"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
    assert out == b""
    return process.returncode, errors.decode()


def made(folder: Path) -> dict[str, int]:
    """The files of captions in a folder, by how many cues they have. None is unfinished."""
    assert not list(folder.glob("*.part"))
    return {path.name: path.read_text().count("-->") for path in sorted(folder.glob("*.srt"))}


async def test_one_that_fails_does_not_stop_the_rest(tmp_path: Path) -> None:
    for name in ("a.flac", "c.flac"):
        shutil.copy(SAMPLE, tmp_path / name)
    (tmp_path / "b.mp4").write_bytes(b"nothing that can be heard")
    starts: list[Start] = []
    names = ["a.flac", "b.mp4", "missing.wav", "c.flac"]
    status, said = await caption(tmp_path, *names, "--format", "srt", starts=starts)
    assert status == 1
    assert made(tmp_path) == {"a.srt": 2, "c.srt": 2}
    assert len(starts) == 2
    lines = said.splitlines()
    assert "1 of 4: a.flac" in lines and "4 of 4: c.flac" in lines
    assert "b.mp4 cannot be read as audio" in said
    assert "There is no file missing.wav." in said
    assert lines[-3:] == [
        "4 files: 2 captioned, 2 failed.",
        "  failed: b.mp4",
        "  failed: missing.wav",
    ]


async def test_all_of_them_go_into_a_folder(tmp_path: Path) -> None:
    for name in ("a.flac", "b.flac"):
        shutil.copy(SAMPLE, tmp_path / name)
    status, said = await caption(
        tmp_path, "a.flac", "b.flac", "--format", "srt", "-o", "out/captions/", starts=[]
    )
    assert status == 0
    assert made(tmp_path / "out" / "captions") == {"a.srt": 2, "b.srt": 2}
    assert said.splitlines()[-1] == "2 files: 2 captioned."


async def test_without_a_server_each_is_told(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "surtitle", "caption", str(SAMPLE), "no.wav"),
        *("--server", "ws://127.0.0.1:1", "-o", f"{tmp_path}/"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"Cannot reach" in errors and b"2 files: 2 failed." in errors


async def test_names_are_sent_along(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Kjell\n# our own\nSurtitle\n", encoding="utf-8")
    starts: list[Start] = []
    status, _ = await caption(
        tmp_path,
        *(str(SAMPLE), "-o", "talk.srt", "--hotwords", "Ünal, Kjell", "--hotwords", "Oslo"),
        *("--hotwords-file", "names.txt"),
        starts=starts,
    )
    assert status == 0
    assert [start.hotwords for start in starts] == [["Ünal", "Kjell", "Oslo", "Surtitle"]]


# -- where they go ------------------------------------------------------------------------------


def test_one_file_goes_where_it_is_told() -> None:
    assert outputs_of(["a.mp4"], None, "text") == [("a.mp4", None)]
    assert outputs_of(["a.mp4"], "b.srt", "srt") == [("a.mp4", "b.srt")]
    assert outputs_of(["x/a.mp4"], "out/", "srt") == [("x/a.mp4", "out/a.srt")]


def test_several_go_beside_their_files_or_into_a_folder() -> None:
    files = ["x/a.mp4", "b.2.wav"]
    beside = [("x/a.mp4", "x/a.txt"), ("b.2.wav", "b.2.txt")]
    assert outputs_of(files, None, "text") == beside
    assert outputs_of(files, "out/", "vtt") == [
        ("x/a.mp4", "out/a.vtt"),
        ("b.2.wav", "out/b.2.vtt"),
    ]


@pytest.mark.parametrize(
    ("files", "output", "kind", "why"),
    [
        (["a.mp4", "b.mp4"], "all.srt", "srt", "-o is the name of a folder, such as all.srt/"),
        (["a.mp4", "-"], None, "srt", "Standard input has no name"),
        (["a.mp4", "a.wav"], None, "srt", "a.mp4 and a.wav would both be a.srt"),
        (["x/a.mp4", "y/a.mp4"], "out/", "srt", "would both be out/a.srt"),
        (["a.txt", "b.mp4"], None, "text", "a.txt would be replaced by captions"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_done(
    files: list[str], output: str | None, kind: str, why: str
) -> None:
    with pytest.raises(ConfigurationError, match=why):
        outputs_of(files, output, kind)


# -- how long it takes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done_s", "length_s", "elapsed_s", "words"),
    [
        (0.0, 100.0, 10.0, "0 %"),
        (41.0, 100.0, 82.0, "41 %, about 2 min left"),
        (50.0, 100.0, 2.0, "50 %"),  # too early to tell
        (99.0, 100.0, 99.0, "99 %, about 1 s left"),
        (120.0, 100.0, 60.0, "100 %"),  # it was longer than it said
        (1.0, 100.0, 100.0, "1 %, about 2 h 45 min left"),
        (5.0, None, 10.0, ""),
    ],
)
def test_how_far_it_is(done_s: float, length_s: float | None, elapsed_s: float, words: str) -> None:
    assert progress_words(done_s, length_s, elapsed_s) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.4, "59 s"), (61, "1 min"), (3600, "1 h"), (7500, "2 h 5 min")],
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


def test_the_length_of_a_recording_is_known_with_its_first_sound() -> None:
    with read_chunks(SAMPLE) as recording:
        next(recording)
        assert recording.tracks.length_s == pytest.approx(19.8, abs=1)
