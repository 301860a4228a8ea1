"""Captions are calm and in time: real models, real voice activity, and a clock that is the audio's."""

from statistics import median

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.speech import recordings
from load.words import matches, words
from quality.calm import calm
from quality.replay import Replayer
from quality.utterances import Received
from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.jobs import Pcm16
from surtitle.messages import Final, Partial, Start
from tests.marks import needs_speech
from tests.real_speech.sounds import silence
from tests.recognition.test_whisper import decoder

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.load`:DeprecationWarning")


def rehearse(audio: Pcm16, model: str) -> list[Received]:
    """All messages of a session that hears the audio, with the second of the audio they came at."""
    start = Start(language="en", words=True)
    return Replayer(decoder(model)).replay(audio, start, EndpointingOptions())


def delays_s(messages: list[Received]) -> list[float]:
    """From the end of each word of the finals to the moment from which it is shown."""
    found: list[float] = []
    for final in (each.message for each in messages if isinstance(each.message, Final)):
        screens = [
            (at_s, words(message.stable + message.unstable))
            for at_s, message in messages
            if isinstance(message, Partial) and message.utterance == final.utterance
        ]
        screens += [(at_s, words(final.text)) for at_s, message in messages if message is final]
        shown = [(at_s, matches(words(final.text), screen)) for at_s, screen in screens]
        assert final.words is not None
        assert [word for timed in final.words for word in words(timed.text)] == words(final.text)
        places = [timed for timed in final.words for _ in words(timed.text)]
        for place, timed in enumerate(places):
            missing = [number for number, (_, screen) in enumerate(shown) if place not in screen]
            stands_s = shown[missing[-1] + 1 if missing else 0][0]
            found.append(stands_s - timed.end_ms / 1000)
    return found


@needs_speech
@pytest.mark.long
@pytest.mark.parametrize("model", ["tiny.en", "base"])
def test_few_words_are_taken_back_and_they_come_within_a_second(model: str) -> None:
    clips = recordings("librispeech")[::30]
    audio = np.concatenate([part for c in clips for part in (read_pcm16(c.path), silence(2))])
    messages = rehearse(audio, model)
    shown = calm(messages)
    assert shown.words > 30
    assert shown.stable_broken == 0
    assert shown.erasure <= 0.10
    assert median(delays_s(messages)) <= 1.0
