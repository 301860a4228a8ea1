"""Folders for players, on a real disk, read by ffmpeg."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from surtitle.messages import Final, Revised
from surtitle.sinks.forms import Delivery
from surtitle.sinks.hls import HlsOutlet
from surtitle.sinks.places import Segmenting
from surtitle.sinks.playlist import PLAYLIST
from surtitle.sinks.sink import NotNow, Patience, Refused, Sink
from surtitle.subtitles.cues import Layout
from tests.gateway.fakes import everything_logged
from tests.sinks.deliveries import final, until

ZERO_S = 1_777_897_812  # where a segment of 6 s begins
FIRST = ZERO_S // 6
S6 = Segmenting(segment_seconds=6, delay_seconds=12, segments=3)


class Clock:
    def __init__(self) -> None:
        self.now_s = float(ZERO_S)

    def __call__(self) -> float:
        return self.now_s


@asynccontextmanager
async def outlet(folder: Path, clock: Clock) -> AsyncIterator[HlsOutlet]:
    out = HlsOutlet(folder, S6, Layout(), clock)
    try:
        yield out
    finally:
        await out.close()


async def say(out: HlsOutlet, message: Final | Revised, at_s: float, name: str = "") -> None:
    """It comes so many seconds after the beginning."""
    at = datetime.fromtimestamp(ZERO_S + at_s, UTC)
    await out.deliver(Delivery(name or f"id {at_s}", "hall", "one", message, at))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def segments(*numbers: int) -> set[str]:
    return {f"captions-{FIRST + number}.vtt" for number in numbers} | {"captions.m3u8"}


async def run(program: str, *options: str, folder: Path) -> str:
    """What it says of the captions in a folder."""
    command = [program, "-v", "error", "-i", str(folder / PLAYLIST), *options]
    done = await asyncio.to_thread(
        subprocess.run, command, check=True, capture_output=True, text=True, timeout=60
    )
    return str(done.stdout)


async def test_ffmpeg_reads_what_was_said(tmp_path: Path) -> None:
    """All of it once, though one cue is in two segments."""
    clock = Clock()
    async with outlet(tmp_path, clock) as out:
        await say(out, final("Good morning.", 1, 1000), 2)
        await say(out, final("Over the boundary.", 2, 5000, end_ms=7000), 7)
        await say(out, final("Fish & chips.", 3, 14_000), 15)
        clock.now_s += 16
    packets = json.loads(await run("ffprobe", "-show_packets", "-of", "json", folder=tmp_path))[
        "packets"
    ]
    times = [(float(each["pts_time"]), float(each["duration_time"])) for each in packets]
    assert times == [(1.0, 1.0), (5.0, 2.0), (14.0, 1.0)]
    text = await run("ffmpeg", "-f", "srt", "-", folder=tmp_path)
    assert [line for line in text.splitlines() if line.endswith(".")] == [
        "Good morning.",
        "Over the boundary.",
        "Fish & chips.",
    ]


async def test_segments_come_and_go_as_time_passes(tmp_path: Path) -> None:
    clock = Clock()
    async with outlet(tmp_path, clock) as out:
        assert out.due_in_s() == 18
        clock.now_s += 17.5
        await out.keep_up()
        assert names(tmp_path) == set()
        clock.now_s += 0.5
        assert out.due_in_s() == 0
        await out.keep_up()
        assert names(tmp_path) == segments(0)
        for _ in range(19):
            clock.now_s += 6
            await out.keep_up()
        # Three are in the playlist; some players have one from before that has others.
        assert names(tmp_path) == segments(*range(13, 20))
        playlist = (tmp_path / "captions.m3u8").read_text()
        assert playlist.count("#EXTINF") == 3
        assert "#EXT-X-ENDLIST" not in playlist
    assert "#EXT-X-ENDLIST" in (tmp_path / "captions.m3u8").read_text()


async def test_the_next_server_goes_on_and_tidies_up(tmp_path: Path) -> None:
    """Numbers go on rising, so a player or a cache does not take an old segment for a new one."""
    mine = tmp_path / "poster.vtt"
    mine.touch()
    clock = Clock()
    async with outlet(tmp_path, clock):
        clock.now_s += 9
    assert names(tmp_path) == segments(0, 1) | {mine.name}
    (tmp_path / "captions-1.vtt").touch()
    (tmp_path / f"captions-{FIRST}.vtt.part").touch()
    clock.now_s += 6 * 6
    async with outlet(tmp_path, clock):
        clock.now_s += 1
    assert names(tmp_path) == segments(1, 7) | {mine.name}


async def test_a_disk_that_fails_loses_nothing(tmp_path: Path) -> None:
    """What is said meanwhile is in its place when the disk is back."""
    clock = Clock()
    folder = tmp_path / "folder"
    folder.mkdir()
    async with outlet(folder, clock) as out:
        await say(out, final("One.", 1, 1000), 2)
        folder.rmdir()
        clock.now_s += 19
        for _ in range(2):
            with pytest.raises(NotNow, match="the folder cannot be written: No such file"):
                await out.keep_up()
        for _ in range(2):
            with pytest.raises(NotNow):
                await say(out, final("Two.", 2, 18_000), 19)
        folder.mkdir()
        await say(out, final("Two.", 2, 18_000), 19)
        clock.now_s += 18
        await out.keep_up()
    texts = {path.name: path.read_text() for path in folder.glob("*.vtt")}
    assert "One." in texts[f"captions-{FIRST}.vtt"]
    assert texts[f"captions-{FIRST + 3}.vtt"].count("Two.") == 1


async def test_it_begins_anew_after_a_jump_of_the_clock(tmp_path: Path) -> None:
    """Such as that of a small computer, whose clock is set some time after it has started."""
    clock = Clock()
    year_s = 6 * 5_000_000
    async with outlet(tmp_path, clock) as out:
        clock.now_s += 20
        await out.keep_up()
        clock.now_s += year_s
        assert out.due_in_s() == 0
        with everything_logged() as logs:
            await out.keep_up()
        assert [line["event"] for line in logs] == ["captions begin anew after a jump in time"]
        assert 0 < out.due_in_s() <= 18
        clock.now_s += 18
        await out.keep_up()
    assert f"captions-{FIRST + 5_000_003}.vtt" in names(tmp_path)
    assert f"captions-{FIRST}.vtt" not in names(tmp_path)


async def test_what_cannot_be_shown_in_time_is_refused(tmp_path: Path) -> None:
    async with outlet(tmp_path, Clock()) as out:
        with pytest.raises(Refused, match="faster than they can be shown"):
            for number in range(200):
                await say(out, final("a", number, 5000 * number), 0, f"id {number}")


async def test_a_sink_writes_as_time_passes(tmp_path: Path) -> None:
    """By the clock of this machine, though nothing is said."""
    quick = Segmenting(segment_seconds=1, delay_seconds=0, segments=3)
    out = HlsOutlet(tmp_path, quick, Layout())
    sink = Sink("hall hls", out, Patience(), takes_revisions=True)
    sink.start()
    await until(lambda: len(names(tmp_path)) >= 3)
    await sink.stop()
    assert "#EXT-X-ENDLIST" in (tmp_path / "captions.m3u8").read_text()
