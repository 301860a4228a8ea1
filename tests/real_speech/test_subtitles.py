"""Real speech to cues that others read: by the command line, and live over HTTP."""

import asyncio
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from lab.places import SAMPLE, SAMPLE_TEXT
from lab.server_process import ServerProcess
from surtitle.client import connect
from surtitle.client.media import read_chunks
from surtitle.messages import Start
from surtitle.subtitles.breaks import text_width
from surtitle.subtitles.cues import Cue
from tests.real_speech.scoring import word_error_rate
from tests.subtitle_readers import READERS, read_with_ffmpeg

LENGTH_MS = 20_500


def check(cues: list[Cue]) -> None:
    """Cues of the sample: all of it, readable, one after the other."""
    text = " ".join(line for cue in cues for line in cue.lines)
    assert word_error_rate(SAMPLE_TEXT, text) < 0.05
    for cue in cues:
        assert cue.end_ms - cue.start_ms >= 700
        assert len(cue.lines) <= 2
        assert max(map(text_width, cue.lines)) <= 42
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(cues))
    assert cues[-1].end_ms <= LENGTH_MS


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_a_file_of_the_command_line_is_read_by_others(
    tiny: ServerProcess, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / f"talk.{kind}"
    options = ["--server", tiny.url, "--fast", "-o", str(path)]  # its name says the format
    done = subprocess.run(
        [sys.executable, "-m", "surtitle", "caption", str(SAMPLE), *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "characters per second" in " ".join(done.stderr.split())
    first, *others = [read(path) for read in READERS]
    check(first)
    assert others == [first] * len(others)


async def test_a_player_reads_the_live_stream(tiny: ServerProcess) -> None:
    """FFmpeg reads a whole WebVTT file before it shows a cue: so it waits for the session's end."""
    async with connect(tiny.url, Start(language="en", words=True)) as captions:
        url = f"{tiny.url}/v1/captions/{captions.ready.session}.vtt"
        player = asyncio.create_task(asyncio.to_thread(read_with_ffmpeg, url))
        for chunk in read_chunks(SAMPLE):
            await captions.send(chunk)
        await captions.stop()
        async for _ in captions:
            pass
    check(await player)
