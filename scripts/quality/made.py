"""Audio made for the guard's sake: speech at a quicker pace, phrases said again and again, loops.

Everything comes from recordings or from a synthetic voice, always the same for the same seed.
"""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import av.filter
import numpy as np
import soxr
from hibari import Hibari

from load.speech import trim
from quality.recordings import Recording, read_recordings
from surtitle.jobs import SAMPLE_RATE, Pcm16

SEED = 20
PHRASE = "phrase"
PHRASES = [
    ("no", 10),
    ("yes", 6),
    ("go", 8),
    ("five five five five one two one two", 1),
    ("zero zero zero, zero zero zero, seven", 2),
    ("one, two, three, four.", 4),
    ("Row, row, row your boat, gently down the stream.", 3),
    ("We will, we will rock you.", 4),
    ("Let it be, let it be, let it be, let it be.", 2),
    ("Om mani padme hum.", 6),
    ("I have a dream today.", 5),
    ("The train to London is late.", 5),
    ("Attention please.", 6),
    ("Happy birthday to you.", 4),
    ("Hello, hello, hello.", 3),
]
"""What people say several times in a row, and how often."""
KINDS = {"announcement": (8, 5), "word": (10, 8), "sentence": (8, 3)}
"""How many recordings of each kind, and how often each is said."""
LONGEST_S = {"announcement": 4.0, "sentence": 7.0}
PAUSES_S = (0.05, 0.45)
"""Shorter than what ends an utterance, so that all of it is one."""
LOOPED = 40
"""How many recordings loops are made of."""


@dataclass(frozen=True)
class Repeated:
    """Somebody who says the same several times."""

    kind: str
    language: str
    text: str
    """All of it."""
    audio: Pcm16


@dataclass(frozen=True)
class Looped:
    """A text that goes in a circle, and audio in which that was not said."""

    language: str
    text: str
    audio: Pcm16


def silence(seconds: float) -> Pcm16:
    """Digital silence."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def quicker(audio: Pcm16, pace: float) -> Pcm16:
    """Speech at so many times its pace (0.5 to 100), at the same pitch."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=SAMPLE_RATE, format="s16", layout="mono")
    graph.link_nodes(source, graph.add("atempo", str(pace)), graph.add("abuffersink")).configure()
    frame = av.AudioFrame.from_ndarray(audio.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    graph.push(frame)
    graph.push(None)
    parts: list[Pcm16] = []
    with contextlib.suppress(av.error.EOFError):
        while True:
            parts.append(np.asarray(graph.pull().to_ndarray(), np.int16).reshape(-1))
    return np.concatenate(parts)


def repeated(speech: Path) -> Iterator[Repeated]:
    """Announcements, single words and sentences of the recordings, and phrases of a synthetic voice."""
    rng = random.Random(SEED)
    every = [r for r in read_recordings([speech]) if r.transcript]
    for kind, (count, times) in KINDS.items():
        members = [r for r in every if _is(kind, r)]
        for recording in rng.sample(members, min(count, len(members))):
            text = " ".join([recording.transcript] * times)
            audio = again(trim(recording.clip().audio), times, rng)
            yield Repeated(kind, recording.language, text, audio)
    for phrase, times in PHRASES:
        audio = again(say(phrase, rng.randrange(1000)), times, rng)
        yield Repeated(PHRASE, "en", " ".join([phrase] * times), audio)


def again(audio: Pcm16, times: int, rng: random.Random) -> Pcm16:
    """The same several times, with short pauses, and silence at both ends."""
    parts = [silence(0.5)]
    for _ in range(times):
        parts += [audio, silence(rng.uniform(*PAUSES_S))]
    return np.concatenate([*parts, silence(1.5)])


def looped(speech: Path) -> Iterator[Looped]:
    """Recordings, and what was said in them but for some words that come four to twelve times."""
    rng = random.Random(SEED)
    members = [r for r in read_recordings([speech]) if _is("prose", r)]
    for recording in rng.sample(members, min(LOOPED, len(members))):
        words = recording.transcript.lower().split()
        size = rng.choice([1, 3, 6])
        at = rng.randrange(size, len(words) + 1)
        circle = words[at - size : at] * rng.choice([4, 6, 12])
        rest = words[at:] if rng.random() < 0.5 else []
        text = " ".join([*words[:at], *circle, *rest])
        yield Looped(recording.language, text, trim(recording.clip().audio))


@cache
def _voice() -> Hibari:
    return Hibari()


def say(text: str, seed: int) -> Pcm16:
    """A phrase of a synthetic voice."""
    spoken = np.asarray(_voice()(text, seed=seed), np.float32)
    samples = soxr.resample(spoken, _voice().sample_rate, SAMPLE_RATE)
    return trim(np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16))


def _is(kind: str, recording: Recording) -> bool:
    words = recording.transcript.split()
    english = recording.language == "en"
    match kind:
        case "announcement":
            return recording.folder == "telephone" and recording.seconds < LONGEST_S[kind]
        case "word":
            return english and len(words) == 1
        case "sentence":
            return not english and recording.seconds < LONGEST_S[kind]
    return english and len(words) > 12 and recording.seconds < 15
