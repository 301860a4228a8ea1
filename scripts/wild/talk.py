"""The speech that files are made of: a few sentences with pauses, recorded or synthesized."""

import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quality.recordings import Recording, read_recordings
from surtitle.jobs import SAMPLE_RATE
from wild.expectation import Utterance

Wave = NDArray[np.float32]
"""Full scale is 1; shape (n,), or (n, channels)."""

PAUSE_S = 0.9
LEAD_S = 0.5
PEAK = 0.5
LENGTHS_S = (3.0, 9.0)
"""Of the recordings that are used."""
SENTENCES = (
    "The harbour was quiet when the first boats came home in the early morning.",
    "She counted seven of them, and wrote the number down on the back of an envelope.",
    "Nobody had expected the storm to turn south before it reached the coast.",
    "In the afternoon the children walked along the river to the old railway bridge.",
    "The museum opens at ten and closes again at half past five on every weekday.",
    "My brother bought a small green house with a garden and two apple trees.",
    "They listened to the radio until the news came on and then went to bed.",
    "A long journey begins with a cup of coffee and a good pair of shoes.",
    "The doctor asked him to breathe slowly and to count backwards from twenty.",
    "We have enough bread for today, but somebody must go shopping tomorrow.",
)


@dataclass(frozen=True)
class Talk:
    """Several sentences, at 16 kHz."""

    wave: Wave
    utterances: tuple[Utterance, ...]

    @property
    def seconds(self) -> float:
        """With the pauses at its ends."""
        return len(self.wave) / SAMPLE_RATE

    def first(self, count: int) -> "Talk":
        """Its first sentences."""
        end_s = self.utterances[count - 1].end_s + PAUSE_S
        return Talk(self.wave[: round(end_s * SAMPLE_RATE)], self.utterances[:count])


def talks(folder: Path | None, seed: int, lengths: Sequence[int]) -> list[Talk]:
    """As many talks as there are lengths, in sentences; never the same sentence twice.

    `folder` is one with manifests; without one, or enough in it, sentences are synthesized.
    """
    spoken = _recorded(folder, seed, sum(lengths)) if folder else []
    if len(spoken) < sum(lengths):
        spoken = [(text, _synthesize(text)) for text in SENTENCES[: sum(lengths)]]
    made = []
    for length in lengths:
        made.append(_joined(spoken[:length]))
        spoken = spoken[length:]
    return made


def _recorded(folder: Path, seed: int, count: int) -> list[tuple[str, Wave]]:
    fit = [
        each
        for each in read_recordings([folder])
        if each.language == "en"
        and LENGTHS_S[0] <= each.seconds <= LENGTHS_S[1]
        and len(each.transcript.split()) > 2 * each.seconds * 0.8
        and not any(letter.isdigit() for letter in each.transcript)
    ]
    chosen = random.Random(seed).sample(sorted(fit, key=lambda each: each.path.name), count)
    return [(each.transcript, _wave(each)) for each in chosen]


def _wave(recording: Recording) -> Wave:
    return read_wave(recording.path)


def read_wave(path: Path) -> Wave:
    """Any file as the ffmpeg command reads it: 16 kHz, mono."""
    command = ["ffmpeg", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0"]
    command += ["-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<f4")


def _synthesize(text: str) -> Wave:
    command = ["espeak-ng", "-v", "en-us", "-s", "145", "--stdout", text]
    wav = subprocess.run(command, check=True, capture_output=True).stdout
    command = ["ffmpeg", "-v", "error", "-i", "-", "-ar", str(SAMPLE_RATE), "-f", "f32le", "-"]
    return np.frombuffer(
        subprocess.run(command, check=True, capture_output=True, input=wav).stdout, "<f4"
    )


def _joined(spoken: Sequence[tuple[str, Wave]]) -> Talk:
    parts: list[Wave] = [np.zeros(round(LEAD_S * SAMPLE_RATE), np.float32)]
    utterances = []
    for text, wave in spoken:
        start_s = sum(map(len, parts)) / SAMPLE_RATE
        utterances.append(Utterance(text, start_s, start_s + len(wave) / SAMPLE_RATE))
        parts.append(wave * np.float32(PEAK / max(float(np.abs(wave).max()), 1e-3)))
        parts.append(np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32))
    return Talk(np.concatenate(parts), tuple(utterances))
