"""Files that grow, on a real disk."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from surtitle.sinks.files import FileOutlet
from surtitle.sinks.growing import Growing
from surtitle.sinks.sink import NotNow
from surtitle.subtitles.cues import Layout
from tests.sinks.deliveries import delivery, final, revised


@asynccontextmanager
async def outlet(path: Path) -> AsyncIterator[FileOutlet]:
    out = FileOutlet(path, Growing(path.suffix[1:], Layout()))
    try:
        yield out
    finally:
        await out.close()


async def test_others_read_the_file_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    async with outlet(path) as out:
        assert not path.exists()  # before something was said
        await out.deliver(delivery(final("One."), 1))
        reader = path.open("rb")  # the same file all the time
        assert reader.read() == b"One.\n"
        await out.deliver(delivery(final("Two.", 2), 2))
        assert reader.read() == b"Two.\n"
        await out.deliver(delivery(revised("1."), 3))
        reader.seek(0)
        assert reader.read() == b"1.\nTwo.\n"
        reader.close()


async def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """That of the last talk, when the server was started again."""
    for number in (1, 2, 3):
        async with outlet(tmp_path / "talk.vtt") as out:
            await out.deliver(delivery(final(f"Talk {number}.")))
    for number, name in enumerate(["talk.vtt", "talk-2.vtt", "talk-3.vtt"], 1):
        assert f"Talk {number}." in (tmp_path / name).read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
async def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """What was written by half is written again once there is room."""
    path = tmp_path / "talk.txt"
    async with outlet(path) as out:
        await out.deliver(delivery(final("One."), 1))
        assert out._file is not None
        real = os.dup(out._file.fileno())
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, out._file.fileno())
        for _ in range(2):
            with pytest.raises(NotNow, match="the file cannot be written: "):
                await out.deliver(delivery(final("Two.", 2), 2))
        os.dup2(real, out._file.fileno())
        os.write(real, b"Tw")  # a part that fitted
        os.close(real)
        os.close(full)
        await out.deliver(delivery(final("Two.", 2), 2))
    assert path.read_text() == "One.\nTwo.\n"
