"""Captions are calm and in time: real models, real voice activity, and a clock that is the audio's.

Each result comes LATENCY_S of audio after its job, so the outcome depends neither on how fast nor on
how busy the machine is.
"""

from statistics import median

import numpy as np
import pytest

from load.words import matches, words
from quality.calm import calm
from quality.utterances import Received
from surtitle.captioning.endpointing import WINDOW_SAMPLES, EndpointingOptions
from surtitle.captioning.session import CaptionSession
from surtitle.jobs import SAMPLE_RATE, Job, Pcm16, Result
from surtitle.messages import Final, Partial, Start
from surtitle.vad import SileroVad
from tests.real_speech.sounds import silence
from tests.recognition.test_whisper import decoded, decoder
from tests.support import needs_speech, read_pcm16, recordings

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.load`:DeprecationWarning")

LATENCY_S = 0.15
"""A partial under light load on two cores."""
WINDOW_S = WINDOW_SAMPLES / SAMPLE_RATE


def rehearse(audio: Pcm16, model: str) -> list[Received]:
    """All messages of a session that hears the audio, with the second of the audio they came at."""
    session = CaptionSession(
        "s", Start(language="en", words=True), EndpointingOptions(), decoder(model).info
    )
    vad = SileroVad()
    slot = vad.open()
    due: list[tuple[float, Result]] = []
    messages: list[Received] = []

    def pump(now_s: float) -> None:
        due.extend((now_s + LATENCY_S, decode(job)) for job in session.jobs())
        gone = {job.id for job in session.cancelled()}
        due[:] = [(at_s, result) for at_s, result in due if result.job_id not in gone]
        messages.extend(Received(now_s, message) for message in session.messages())

    def decode(job: Job) -> Result:
        return decoded([job], model)[job.id]

    for number in range(len(audio) // WINDOW_SAMPLES):
        now_s = (number + 1) * WINDOW_S
        session.receive_audio(audio[number * WINDOW_SAMPLES :][:WINDOW_SAMPLES].tobytes())
        probabilities, levels = vad.score([slot], [1], session.take_windows(1))
        session.receive_probabilities(probabilities.tolist(), levels.tolist())
        pump(now_s)
        while due and due[0][0] <= now_s:
            session.receive_result(due.pop(0)[1])
            pump(now_s)
    assert session.idle
    return messages


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
@pytest.mark.parametrize("model", ["tiny.en", "base"])
def test_few_words_are_taken_back_and_they_come_within_a_second(model: str) -> None:
    clips = recordings("librispeech")[::15]
    audio = np.concatenate([part for c in clips for part in (read_pcm16(c.path), silence(2))])
    messages = rehearse(audio, model)
    shown = calm(messages)
    assert shown.words > 60
    assert shown.stable_broken == 0
    assert shown.erasure <= 0.10
    assert median(delays_s(messages)) <= 1.0
