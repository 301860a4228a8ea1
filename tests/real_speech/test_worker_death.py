"""The worker dies in mid-utterance under the real model: the caption still comes, once."""

import asyncio
import os
import signal

import pytest

from lab.ledger import read_pcm16
from lab.places import SAMPLE, SAMPLE_TEXT
from lab.server_process import ServerProcess
from surtitle.client import Event
from surtitle.messages import Partial, Start, Status
from tests.marks import long
from tests.real_speech.scoring import stream, word_error_rate


@pytest.mark.parametrize("number", [signal.SIGSEGV, long(signal.SIGKILL), signal.SIGSTOP])
async def test_the_caption_comes_once(tiny: ServerProcess, number: signal.Signals) -> None:
    killed: list[int] = []

    def kill_at_first_partial(message: Event) -> None:
        if isinstance(message, Partial) and not killed:
            killed.append(tiny.worker_pid)
            os.kill(tiny.worker_pid, number)

    start = Start(language="en")
    audio = read_pcm16(SAMPLE)
    disturbed, other = await asyncio.gather(
        stream(tiny.url, audio, start, kill_at_first_partial),
        stream(tiny.url, audio, start),
    )
    assert killed
    for result in (disturbed, other):
        assert word_error_rate(SAMPLE_TEXT, result.text()) == 0
    states = [status.state for status in disturbed.of(Status)]
    assert states == ["recovering", "normal"]
    assert tiny.worker_pid != killed[0]
