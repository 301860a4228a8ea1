"""A speaker at real-time pace, against an adapter that only notes what it gets."""

import time
from pathlib import Path

import numpy as np
import pytest

from load.adapter import Adapter, Refused
from load.session import Part, Session
from load.speech import Clip


class Notes(Adapter):
    """Notes what happens, and shows a text at the fourth frame."""

    def __init__(self, *, full: bool = False) -> None:
        super().__init__("", "en")
        self.full = full
        self.notes: list[str] = []
        self.frame_times: list[float] = []

    async def open(self) -> None:
        if self.full:
            raise Refused("HTTP 503")

    async def send(self, frame: bytes) -> None:
        self.frame_times.append(time.monotonic())
        self.notes.append("speech" if any(frame) else "silence")
        if len(self.frame_times) == 4:
            self.show("", "hello")

    async def speech_begins(self) -> None:
        self.notes.append("begins")

    async def speech_ended(self) -> None:
        self.notes.append("ended")

    async def say_goodbye(self) -> None:
        self.notes.append("goodbye")
        self.ended.set()

    async def close(self) -> None:
        self.notes.append("close")


def part(seconds: float) -> Part:
    clip = Clip(Path("a.wav"), "HELLO", np.ones(round(seconds * 16_000), np.int16))
    return Part(clip, clip.frames(), ())


async def test_what_is_sent_and_when() -> None:
    adapter = Notes()
    session = Session(0, adapter, pause_s=0.1, quiet_s=0.25)
    began = time.monotonic()
    await session.run([part(0.15)], start_after_s=0)
    assert adapter.notes[:5] == ["begins", "speech", "speech", "ended", "silence"]
    assert adapter.notes[-2:] == ["goodbye", "close"]
    assert set(adapter.notes[5:-2]) == {"silence"}
    # A frame leaves when its last sample would have been recorded.
    for i, at in enumerate(adapter.frame_times[:3], start=1):
        assert at - began >= i * 0.1 - 0.001
    heard = session.heard
    assert heard.spoken[0].end_s - heard.spoken[0].start_s == pytest.approx(0.15)
    assert heard.audio_s == pytest.approx(0.1 * len(adapter.frame_times))
    assert [change.tail for change in heard.changes] == ["hello"]
    assert heard.goodbye_s - heard.changes[0].at_s >= 0.25


async def test_a_refused_session_says_so_and_nothing_else() -> None:
    adapter = Notes(full=True)
    session = Session(0, adapter, pause_s=0.1, quiet_s=0.1)
    await session.run([part(0.1)], start_after_s=0)
    assert session.heard.refused == "HTTP 503"
    assert session.heard.problems == []
    assert adapter.notes == ["close"]
