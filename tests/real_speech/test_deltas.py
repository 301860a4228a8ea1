"""Deltas for clients that append them: joined they are the transcript, or no more are sent."""

import pytest

from lab.places import speech_folder
from measure_deltas import replayed
from tests.marks import needs_speech
from tests.recognition.test_whisper import decoder

pytestmark = [
    needs_speech,
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:`torch.jit.load`:DeprecationWarning"),
]


def test_joined_deltas_are_the_transcript() -> None:
    """Partials come as close together as can be, which takes minutes: a part of the speech will do.

    `scripts/measure_deltas.py` hears all of it, with any model.
    """
    folder = speech_folder()
    assert folder is not None
    texts = replayed(folder / "librispeech", decoder("tiny.en"), every=3)
    assert len(texts) > 10
    assert sum(deltas == text for deltas, text in texts) >= 0.9 * len(texts)
