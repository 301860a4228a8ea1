"""Better texts of halting speech that is sent at once."""

import asyncio

import numpy as np
import pytest

from lab.ledger import NO_FAULTS, Ledger
from lab.link import Cut, Link
from lab.server_process import ServerProcess
from surtitle.client import connect
from surtitle.messages import Final, Start
from tests.real_speech.scoring import word_error_rate
from tests.real_speech.sounds import say, silence

SENTENCE = (
    "The captain of the ship",
    "had never been",
    "to the island",
    "on which his brother lived.",
)
PAUSE_S = 1.0
APART_S = 3.0
TIMES = 4
FRAME_BYTES = 32_000
CUT_AFTER_BYTES = 300_000


@pytest.mark.parametrize("cuts", [0, 3])
async def test_all_of_a_file_has_its_better_text(tiny: ServerProcess, cuts: int) -> None:
    """Also its beginning, which is decoded long after it was heard; over a link that breaks, too."""
    once = [piece for said in SENTENCE for piece in (say(said), silence(PAUSE_S))]
    audio = np.concatenate([*once, silence(APART_S)] * TIMES).astype("<i2").tobytes()
    frames = [audio[at : at + FRAME_BYTES] for at in range(0, len(audio), FRAME_BYTES)]
    ledger = Ledger()
    start = Start(language="en", partials=False, revisions=True)
    async with (
        asyncio.timeout(120),
        Link(tiny.port, iter([(CUT_AFTER_BYTES, Cut.RESET)] * cuts)) as link,
        connect(f"ws://127.0.0.1:{link.port}", start) as captions,
    ):
        async for message in captions.caption(frames):
            ledger.take(message)
    assert link.cuts == cuts
    assert ledger.faults == NO_FAULTS
    texts = {each.utterance: each.text for each in ledger.answers if isinstance(each, Final)}
    texts |= {each.utterance: each.text for each in ledger.revised}
    text = " ".join(texts.values())
    assert word_error_rate(" ".join(SENTENCE * TIMES), text) < 0.05
    assert text.count(".") == TIMES, text  # each pause would be the end of a sentence
