"""Deltas for clients that append them: joined they are the transcript, or no more are sent."""

import json

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.speech import recordings
from quality.replay import Replayer
from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.gateway.dialects.dialect import Say
from surtitle.gateway.dialects.openai_realtime import OpenAIRealtime
from surtitle.messages import Start
from tests.captioning.driver import BASE
from tests.marks import needs_speech
from tests.real_speech.sounds import silence
from tests.recognition.test_whisper import decoder

pytestmark = [
    needs_speech,
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:`torch.jit.load`:DeprecationWarning"),
]


@pytest.mark.parametrize(("model", "every"), [("tiny.en", 2), ("base", 3)])
def test_joined_deltas_are_the_transcript(model: str, every: int) -> None:
    """Partials come as close together as can be, which takes minutes: a part of the speech will do."""
    clips = [read_pcm16(clip.path) for clip in recordings("librispeech")[::every]]
    audio = np.concatenate([part for clip in clips for part in (clip, silence(2))])
    messages = Replayer(decoder(model)).replay(audio, Start(language="en"), EndpointingOptions())
    dialect = OpenAIRealtime("x", BASE)
    said = [
        json.loads(action.frame)
        for received in messages
        for action in dialect.tell(received.message, 0)
        if isinstance(action, Say)
    ]
    deltas: dict[str, str] = {}
    finals: dict[str, str] = {}
    for event in said:
        if "delta" in event:
            assert event["item_id"] not in finals
            deltas[event["item_id"]] = deltas.get(event["item_id"], "") + event["delta"]
        elif "transcript" in event:
            finals[event["item_id"]] = event["transcript"]
    texts = [(deltas.get(item, ""), text) for item, text in finals.items() if text]
    same = sum(sent == text for sent, text in texts)
    print(f"{model}: {same} of {len(texts)} are the same")
    assert len(texts) > 10
    assert same >= 0.9 * len(texts)
