"""What `caption`, `mic` and `watch` write, and where a better text of an utterance takes its place."""

import asyncio
import contextlib
import io
import json
import os
import re
import stat
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from websockets.asyncio.server import ServerConnection

from lab.places import REPOSITORY, SAMPLE
from lab.waiting import wait_until
from surtitle.cli.terminal import CaptionView
from surtitle.cli.writing import CaptionWriter, Writing
from surtitle.client import ClientError
from surtitle.messages import Channel, Final, Revised, Start, WordTiming
from tests.client.scenes import ENDED, Scene, greet, playing, say
from tests.subtitle_readers import read_with_pysubs2, read_with_webvtt

LIMIT_S = 60


def final(utterance: int, text: str, words: list[WordTiming] | None = None) -> Final:
    return Final(
        seq=utterance,
        utterance=utterance,
        start_ms=3000 * utterance,
        end_ms=3000 * utterance + 2000,
        text=text,
        language="en",
        language_probability=1.0,
        confidence=0.5,
        words=words,
    )


def revised(utterance: int, text: str, words: list[WordTiming] | None = None) -> Revised:
    first = final(utterance, "")
    return Revised(
        seq=9,
        utterance=utterance,
        start_ms=first.start_ms,
        end_ms=first.end_ms,
        text=text,
        confidence=0.9,
        words=words,
    )


SPOKEN = (
    final(1, "It was a kernel."),
    final(2, "Of."),
    final(3, "The army."),
    revised(1, "It was a colonel of"),
    revised(2, ""),
)


def part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def write(writing: Writing, *messages: Final | Revised | Channel) -> None:
    with writing.writer() as writer:
        for message in messages:
            writer.write(message)


def test_a_file_of_text_grows_line_by_line_and_is_corrected_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    with Writing("text", str(path)).writer() as writer:
        assert writer.takes_revisions
        for message in SPOKEN:
            writer.write(message)
        assert part_of(path).read_text("utf-8") == "It was a kernel.\nOf.\nThe army.\n"
    assert path.read_text("utf-8") == "It was a colonel of\nThe army.\n"


def test_a_file_that_becomes_shorter_has_nothing_of_the_first_text_left(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    write(Writing("text", str(path)), final(1, "A long line – it is."), revised(1, "A line."))
    assert path.read_text("utf-8") == "A line.\n"


def test_what_was_printed_stays(capsys: pytest.CaptureFixture[str]) -> None:
    writing = Writing("text", None)
    with writing.writer() as writer:
        assert not writer.takes_revisions
        writer.write(SPOKEN[0])
        assert capsys.readouterr().out == "It was a kernel.\n"
        writer.write(SPOKEN[3])
    assert capsys.readouterr().out == ""


def test_a_pipe_cannot_be_corrected(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with Writing("text", str(path)).writer() as writer:
            assert not writer.takes_revisions
            for message in SPOKEN:
                writer.write(message)
        assert os.read(reading, 1000) == b"It was a kernel.\nOf.\nThe army.\n"
    finally:
        os.close(reading)


@pytest.mark.parametrize("kind", ["srt", "vtt", "ass"])
def test_cues_have_the_better_text_and_none_is_empty(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "talk"
    write(Writing(kind, str(path)), *SPOKEN)
    text = path.read_text("utf-8")
    assert "colonel" in text and "kernel" not in text
    assert text.count("-->") + text.count("Dialogue:") == 2
    assert "\n\n\n" not in text


def test_cues_have_the_times_of_the_better_words() -> None:
    def word(text: str, start_ms: int) -> list[WordTiming]:
        return [WordTiming(text=text, start_ms=start_ms, end_ms=start_ms + 1000, confidence=1.0)]

    output = io.StringIO()
    writer = CaptionWriter(output, "srt")
    writer.write(final(1, "kernel", word("kernel", 3000)))
    writer.write(revised(1, "colonel", word("colonel", 3500)))
    writer.finish()
    assert output.getvalue() == "1\n00:00:03,500 --> 00:00:04,500\ncolonel\n\n"


def test_jsonl_has_every_message_as_it_came(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    writing = Writing("jsonl", str(path))
    with writing.writer() as writer:
        assert writer.takes_revisions
        for message in SPOKEN:
            writer.write(message)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line["type"] for line in lines] == ["final"] * 3 + ["revised"] * 2
    assert [line["text"] for line in lines] == [each.text for each in SPOKEN]


def test_each_session_of_a_channel_has_its_own_utterances(tmp_path: Path) -> None:
    path = tmp_path / "hall.txt"
    first = Channel(channel="hall", state="live", session="first", viewers=1)
    second = replace(first, session="second")
    said = (first, final(1, "one"), second, final(1, "two"), revised(1, "too"), revised(7, "?"))
    write(Writing("text", str(path)), *said)
    assert path.read_text("utf-8") == "one\ntoo\n"


def test_a_better_text_has_no_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    write(Writing("text", str(path)), final(1, "one"), revised(1, "\x1b]0;owned\x07two"))
    assert b"two" in path.read_bytes()
    assert b"\x1b" not in path.read_bytes() and b"\x07" not in path.read_bytes()


def test_a_line_on_the_terminal_stays() -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=80)
    view = CaptionView(console, lambda: "")
    for message in SPOKEN:
        view.show(message)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "kernel" in shown and "colonel" not in shown


# -- what is asked for --------------------------------------------------------------------------


def speaking(starts: list[Start]) -> Scene:
    """A session that says SPOKEN and keeps what it was asked for."""

    async def scene(socket: ServerConnection) -> None:
        start = await greet(socket)
        assert isinstance(start, Start)
        starts.append(start)
        for message in SPOKEN:
            if isinstance(message, Final) or start.revisions:
                await say(socket, message)
        async for frame in socket:
            if isinstance(frame, str) and "stop" in frame:
                break
        await say(socket, replace(ENDED, utterances=3))
        await socket.close()

    return scene


async def caption(folder: Path, *arguments: str, piped: bool = False) -> tuple[Start, str]:
    """Run `surtitle caption` on the sample; returns what it asked for, and its standard output."""
    starts: list[Start] = []
    async with asyncio.timeout(LIMIT_S), playing(speaking(starts)) as url:
        with SAMPLE.open("rb") as source:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "surtitle", "caption", "-" if piped else str(SAMPLE)),
                *("--fast", "--server", url, *arguments),
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY / "server")},
                stdin=source if piped else None,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    (start,) = starts
    return start, out.decode()


FIRST = "It was a kernel.\nOf.\nThe army.\n"


async def test_the_text_of_a_file_that_is_sent_at_once_is_right_at_once(tmp_path: Path) -> None:
    start, out = await caption(tmp_path)
    assert (start.mode, start.revisions, out) == ("file", False, FIRST)


async def test_the_text_of_a_pipe_is_printed_as_it_comes(tmp_path: Path) -> None:
    start, out = await caption(tmp_path, piped=True)
    assert (start.revisions, out) == (False, FIRST)


@pytest.mark.parametrize("name", ["talk.txt", "talk.srt", "talk.vtt", "talk.ass", "talk.jsonl"])
async def test_a_file_is_asked_for_with_its_better_texts(name: str, tmp_path: Path) -> None:
    start, out = await caption(tmp_path, "-o", name, piped=True)
    assert start.revisions and not out
    assert "colonel" in (tmp_path / name).read_text("utf-8")


KINDS = ["text", "jsonl", "srt", "vtt", "ass"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_there_stays_until_there_is_a_better_one(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "talk"
    path.write_text("precious")
    path.chmod(0o640)
    with Writing(kind, str(path)).writer() as writer:
        writer.write(SPOKEN[0])
        assert path.read_text() == "precious"
    assert "kernel" in path.read_text() and "precious" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_without_a_caption_leaves_everything_as_it_was(kind: str, tmp_path: Path) -> None:
    path, other = tmp_path / "talk", tmp_path / "other"
    path.write_text("precious")
    for each in (path, other):
        with pytest.raises(ClientError, match="gone"), Writing(kind, str(each)).writer():
            raise ClientError("The server is gone.", "closed_1006")
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_failure_what_was_captioned_is_there_and_it_is_told_where(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, other = tmp_path / "talk", tmp_path / "other"
    path.write_text("precious")
    for each in (path, other):
        with pytest.raises(KeyboardInterrupt), Writing(kind, str(each)).writer() as writer:
            for message in SPOKEN:
                writer.write(message)
            raise KeyboardInterrupt
    assert path.read_text() == "precious"
    assert part_of(path).read_text() == other.read_text()
    assert "colonel" in other.read_text()
    told = capsys.readouterr().err.replace("\n", "")
    assert str(part_of(path)) in told and f"is in {other}." in told


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_valid_at_every_moment(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "talk"
    with Writing(kind, str(path)).writer() as writer:
        for count, message in enumerate(SPOKEN[:3], 1):
            writer.write(message)
            text = part_of(path).read_text("utf-8")
            match kind:
                case "srt":
                    assert len(read_with_pysubs2(part_of(path))) == count
                    assert re.findall(r"^\d+$", text, re.MULTILINE) == list("123")[:count]
                case "vtt":
                    assert len(read_with_webvtt(part_of(path))) == count
                case "ass":
                    part = tmp_path / "talk.ass"  # pysubs2 goes by the name
                    part.write_text(text, "utf-8")
                    assert len(read_with_pysubs2(part)) == count
                case "jsonl":
                    assert [json.loads(line)["type"] for line in text.splitlines()] == [
                        "final"
                    ] * count
                case "text":
                    assert len(text.splitlines()) == count


def test_the_part_of_a_run_that_was_cut_off_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "talk.txt"
    part_of(path).write_text("an hour")
    write(Writing("text", str(path)), SPOKEN[0])
    assert part_of(path).read_text() == "an hour"
    assert path.read_text() == "It was a kernel.\n"
    assert str(part_of(path)) in capsys.readouterr().err.replace("\n", "")
    assert sorted(tmp_path.iterdir()) == [path, part_of(path)]


def test_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "talk.txt", tmp_path / "newest.txt"
    path.write_text("before")
    link.symlink_to(path)
    write(Writing("text", str(link)), SPOKEN[0])
    assert link.is_symlink() and path.read_text() == "It was a kernel.\n"


@pytest.mark.parametrize(
    ("path", "why"), [("no/such/folder/talk.srt", "No such file or directory"), ("", "directory")]
)
def test_a_file_that_cannot_be_written_is_told_before_anything_else(
    path: str, why: str, tmp_path: Path
) -> None:
    with (
        pytest.raises(ClientError, match=why) as told,
        Writing("srt", str(tmp_path / path)).writer(),
    ):
        pytest.fail("it was begun all the same")
    assert told.value.code == "not_writable"


async def test_who_watches_until_ctrl_c_has_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hall.srt"
    path.write_text("of the last talk")

    async def watch() -> None:
        with Writing("srt", str(path)).writer(until_interrupted=True) as writer:
            writer.write(SPOKEN[0])
            await asyncio.sleep(60)

    task = asyncio.create_task(watch())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "kernel" in path.read_text()
    assert not part_of(path).exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ends", ["interrupted", "well"])
def test_who_watches_and_hears_nothing_keeps_the_file_of_the_last_talk(
    kind: str, ends: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, new = tmp_path / "hall", tmp_path / "new"
    path.write_text("of the last talk")
    for each in (path, new):
        with (
            contextlib.suppress(asyncio.CancelledError),
            Writing(kind, str(each)).writer(until_interrupted=True),
        ):
            if ends == "interrupted":
                raise asyncio.CancelledError
    assert path.read_text() == "of the last talk"
    assert f"Nothing was said. {path} stays as it was." in " ".join(capsys.readouterr().err.split())
    assert sorted(tmp_path.iterdir()) == [path, new]


# -- the program itself -------------------------------------------------------------------------


async def started(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    """`surtitle caption` on the sample, at the pace of speech."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "surtitle", "caption", str(SAMPLE), *arguments),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "server")},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_where_no_server_is_nothing_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "precious.srt"
    path.write_text("precious")
    process = await started(tmp_path, "--server", "ws://127.0.0.1:1", "-o", "precious.srt")
    _, errors = await process.communicate()
    assert process.returncode == 1 and b"Cannot reach" in errors
    assert path.read_text() == "precious" and not part_of(path).exists()


def has_three_cues(path: Path) -> bool:
    return path.exists() and path.read_text().count("-->") == 3


@pytest.mark.parametrize("kind", ["srt", "vtt"])
async def test_what_was_captioned_outlives_the_program(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"talk.{kind}"
    path.write_text("precious")
    async with asyncio.timeout(LIMIT_S), playing(speaking([])) as url:
        process = await started(tmp_path, "--server", url, "-o", path.name)
        await asyncio.to_thread(wait_until, lambda: has_three_cues(part_of(path)), LIMIT_S)
        process.kill()
        await process.wait()
    read = read_with_pysubs2 if kind == "srt" else read_with_webvtt
    assert len(read(part_of(path))) == 3
    assert path.read_text() == "precious"
