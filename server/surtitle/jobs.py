"""Job and Result: what travels between the sessions, the engine and the worker process.

They have no slots: a frozen class that has some is pickled by code in Python, twice as slowly.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Samples per second of all audio past the decoder: what Whisper and Silero take."""

SAMPLE_BYTES = 2
"""Of one such sample: 16-bit PCM."""

Pcm16 = NDArray[np.int16]
"""Mono audio at `SAMPLE_RATE`, shape (samples,)."""

MAX_WINDOW_S = 30.0
"""Whisper's own window, the longest that its encoder takes."""

JobKind = Literal["partial", "final"]
Task = Literal["transcribe", "translate"]
Script = Literal["hans", "hant", "tw", "hk"]
"""How Chinese is written: simplified, traditional, and traditional as in Taiwan or in Hong Kong."""


def samples_to_ms(samples: int) -> int:
    """Whole milliseconds before the given sample index."""
    return samples * 1000 // SAMPLE_RATE


def ms_to_samples(milliseconds: int) -> int:
    """Samples in the given number of milliseconds."""
    return milliseconds * SAMPLE_RATE // 1000


@dataclass(frozen=True)
class DecodeOptions:
    """How to decode an utterance: what the client chose that reaches the model.

    `language` is a Whisper language code, or None to detect it among `languages` (empty: among all);
    `prior_language` is then the one that was spoken before, or empty.
    """

    language: str | None = None
    languages: tuple[str, ...] = ()
    prior_language: str = ""
    script: Script = "hans"
    task: Task = "transcribe"
    hotwords: tuple[str, ...] = ()
    prompt: str = ""
    words: bool = False


@dataclass(frozen=True)
class Voice:
    """What voice activity heard of an utterance: evidence of speech that is not the model's own."""

    speech_ms: int
    """How long it was speech."""
    clear_ms: int
    """How long of that it was speech without doubt."""
    stretches: int = 1
    """In how many stretches, with pauses between them."""


@dataclass(frozen=True, eq=False)
class Job:
    """One piece of audio to decode.

    A partial is decoded greedily and may be replaced by a newer one of the same utterance while it
    waits; a final gets the better decode and is always answered, unless it is taken back. A
    speculative final is of a pause that may not be the end: it has the urgency of a partial.
    """

    id: str
    session: str
    utterance: int
    kind: JobKind
    audio: Pcm16
    decode_options: DecodeOptions
    window_s: float = 30.0
    """Seconds of the window that it is decoded in, see `ModelInfo.window_s`: jobs of one batch share
    it, since Whisper has no mask for padding."""
    voice: Voice | None = None
    """What was heard in the audio; None where nobody listened to it from its first sample on."""
    speculative: bool = False
    alone: bool = False
    """A worker died with it under way: it is decoded with nothing beside it, and not tried again."""

    @property
    def trace(self) -> str:
        """The trace id that runs through every log line of this utterance."""
        return f"{self.session}.{self.utterance}"

    @property
    def seconds(self) -> float:
        """Length of the audio in seconds."""
        return len(self.audio) / SAMPLE_RATE


@dataclass(frozen=True)
class Word:
    """A word with its place in the job's audio, in milliseconds from the job's first sample."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True)
class Piece:
    """A piece of a text, most often a word or a syllable, and the probability the model gave it."""

    text: str
    probability: float


@dataclass(frozen=True)
class Timings:
    """Where the time of one job went, in seconds. `wait_s` is filled in by the engine."""

    wait_s: float = 0.0
    features_s: float = 0.0
    inference_s: float = 0.0
    total_s: float = 0.0


Dropped = Literal["superseded", "worker_died"]
"""Why a partial has no text: what is newer took its place, or the worker died on it."""

QUARANTINED = "quarantined"
"""The error code of a job that has ended workers."""
ENGINE_FAILED = "engine_failed"
"""That of a job whose engine has given up for good."""


@dataclass(frozen=True)
class Result:
    """The answer to one job: text, or why there is none.

    At most one of three is set: `error_code` (the engine gave up on the job), `suppressed` (what was
    decoded is not speech; `text` then holds what was held back), or `dropped` (a partial, which was
    not worth its decode any more).
    """

    job_id: str
    text: str = ""
    language: str = ""
    language_probability: float = 0.0
    language_sure: bool = True
    """False where more audio may well show another language."""
    confidence: float = 0.0
    words: tuple[Word, ...] = ()
    newest: tuple[Piece, ...] = ()
    """Of a partial: how its text ends, piece by piece. What comes before them counts as sure."""
    suppressed: str | None = None
    dropped: Dropped | None = None
    error_code: str | None = None
    error: str = ""
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True)
class Windows:
    """The lengths of window that a model decodes well in, in seconds.

    A window is the audio and `margin_s`, at least the floor of the kind of job, in steps of
    `step_s`, at most 30 s. What is shorter makes Whisper repeat itself. Finals of telephone speech, of
    which it is less sure, have a floor of their own, or none (0).
    """

    final_floor_s: float = 30.0
    partial_floor_s: float = 30.0
    telephone_floor_s: float = 0.0
    margin_s: float = 2.0
    step_s: float = 2.5

    def fit(self, seconds: float, kind: JobKind, *, telephone: bool = False) -> float:
        """The window in seconds for so much audio."""
        floor_s = self.final_floor_s if kind == "final" else self.partial_floor_s
        if telephone and kind == "final":
            floor_s = max(floor_s, self.telephone_floor_s)
        steps = -(-max(floor_s, seconds + self.margin_s) // self.step_s)
        return min(steps * self.step_s, MAX_WINDOW_S)


@dataclass(frozen=True)
class ModelInfo:
    """What a worker reports of the model it has loaded."""

    name: str
    device: str
    compute_type: str
    languages: tuple[str, ...]
    """Whisper language codes that the model knows."""
    load_s: float
    parallel: int = 1
    """How many batches the worker takes at once."""
    max_batch: int = 1
    """How many jobs at most make good use of the device in one batch, whatever their window."""
    max_batch_square_s2: float = float("inf")
    """How large the sum of the squares of a batch's windows may be, in seconds squared: attention
    takes memory by the square. One job is always allowed."""
    windows: Windows = Windows()

    @property
    def multilingual(self) -> bool:
        """Whether the model knows more than one language."""
        return len(self.languages) > 1

    def batch_limit(self, window_s: float) -> int:
        """How many jobs of one window may be decoded together."""
        return max(1, int(min(self.max_batch, self.max_batch_square_s2 / window_s**2)))
