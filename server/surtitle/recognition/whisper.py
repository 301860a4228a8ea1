"""Whisper on CTranslate2: windows, prompts, decoding, the second look. Runs in the worker alone.

The only file that imports faster_whisper and ctranslate2. faster-whisper loads the model and brings
tokenizer, log-mel and word alignment; its `transcribe` is not used, since it pads every decode to 30
seconds. Here a job gets a window that fits it (see `window_frames`), which is several times faster.

All jobs of a batch are started with CTranslate2's own asynchronous calls from the main thread, so
that its replicas (`inter_threads`) work side by side; there is no Python thread around inference.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import merge_punctuations
from numpy.typing import NDArray

from surtitle.jobs import SAMPLE_RATE, Job, ModelInfo, Recipe, Result, Timings, Word
from surtitle.recognition.guard import Evidence, refusal, suspicion
from surtitle.recognition.models import locate

FRAMES_PER_SECOND = 100
FULL_WINDOW = 30 * FRAMES_PER_SECOND
"""Mel frames of Whisper's own window, the longest that the encoder takes."""

MIN_WINDOW_S = {"english": 10.0, "multilingual": 15.0}
WINDOW_MARGIN_S = 2.0
WINDOW_STEP_S = 2.5
"""Shorter windows or less margin make the model loop; measured, see docs/performance.md. (Time
stamps in the text allow 10 s for the multilingual models too, but cost more errors than they save.)
"""

TOKENS_PER_SECOND = 14
TOKENS_SPARE = 24
"""Budget of new tokens: fast speech in a script of two tokens a character, and time stamps."""
MAX_LENGTH = 448
"""Positions of Whisper's decoder."""
MAX_PROMPT_TOKENS = 160

PREPEND_PUNCTUATION = "\"'“¿([{-"
APPEND_PUNCTUATION = "\"'.。,，!！?？:：”)]}、"
"""Marks that belong to the next and to the previous word (OpenAI Whisper, timing.py)."""


def window_frames(seconds: float, *, multilingual: bool) -> int:
    """Mel frames of the window for so much audio: its length and a margin, in steps, bounded.

    Never 159 or 160 frames, which CTranslate2 takes for an encoded array: the floor is far above.
    """
    floor_s = MIN_WINDOW_S["multilingual" if multilingual else "english"]
    wanted = max(floor_s, seconds + WINDOW_MARGIN_S)
    steps = -(-wanted // WINDOW_STEP_S)
    return min(round(steps * WINDOW_STEP_S * FRAMES_PER_SECOND), FULL_WINDOW)


def token_budget(seconds: float, prompt_tokens: int) -> int:
    """`max_length` that lets CTranslate2 write the tokens that so much speech may have.

    CTranslate2 allows min(max_length // 2, max_length - prompt) new tokens.
    """
    new = round(seconds * TOKENS_PER_SECOND) + TOKENS_SPARE
    return min(max(2 * new, prompt_tokens + new), MAX_LENGTH)


@dataclass(frozen=True, slots=True)
class _Effort:
    """One rung of the ladder that a suspicious job climbs."""

    beam_size: int
    full_window: bool = False
    no_repeat_ngram_size: int = 0


_PARTIAL = (_Effort(beam_size=1),)
_FINAL = (
    _Effort(beam_size=5),
    _Effort(beam_size=5, full_window=True),
    _Effort(beam_size=5, full_window=True, no_repeat_ngram_size=5),
)


@dataclass(slots=True)
class _Attempt:
    """A decode under way."""

    job: Job
    language: str
    language_probability: float
    mel: NDArray[np.float32]  # (mels, frames) of the audio, not padded
    features_s: float
    encoded: Any = None  # StorageView, where the encoder's output is used more than once
    pending: Any = None  # asynchronous generation result


@dataclass(frozen=True, slots=True)
class _Decoded:
    tokens: list[int]
    evidence: Evidence


class WhisperDecoder:
    """A loaded model. Not safe for concurrent use: one `decode` at a time, on one thread."""

    def __init__(
        self, name: str, *, device: str, compute_type: str, replicas: int, threads: int
    ) -> None:
        """Load a model by the name that `models.locate` takes.

        `replicas` jobs run side by side with `threads` threads each; 0 means what fits the device.
        Raises ModelError, and RuntimeError or ValueError of CTranslate2 where the device refuses.
        """
        started = time.perf_counter()
        device = choose_device(device)
        compute_type = choose_compute_type(device, compute_type)
        replicas, threads = choose_parallelism(device, replicas, threads)
        files = locate(name, offline=True)
        self._model = WhisperModel(
            **files.arguments(),
            device=device,
            compute_type=compute_type,
            num_workers=replicas,
            cpu_threads=threads,
        )
        self._tokenizers: dict[tuple[str, str], Tokenizer] = {}
        self.info = ModelInfo(
            name=name,
            device=device,
            compute_type=self._model.model.compute_type,
            languages=tuple(self._model.supported_languages),
            load_s=time.perf_counter() - started,
            batch_size=replicas,
        )

    def warm_up(self) -> None:
        """Decode a second of silence, so that the first speaker does not pay for lazy set-up."""
        silence = np.zeros(SAMPLE_RATE, np.int16)
        recipe = Recipe(language=self.info.languages[0])
        list(self.decode([Job("warm-up", "warm-up", 0, "partial", silence, recipe)]))

    def decode(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Decode a batch; yields one result for each job, in order of the jobs."""
        attempts = [self._begin(job) for job in jobs]
        efforts = [_PARTIAL if job.kind == "partial" else _FINAL for job in jobs]
        started = time.perf_counter()
        for attempt, effort in zip(attempts, efforts, strict=True):
            self._start(attempt, effort[0])
        for attempt, effort in zip(attempts, efforts, strict=True):
            yield self._finish(attempt, effort, started)

    # -- stages of a job ------------------------------------------------------------------------

    def _begin(self, job: Job) -> _Attempt:
        started = time.perf_counter()
        mel = self._model.feature_extractor(job.audio.astype(np.float32) / 32768)
        attempt = _Attempt(job, "", 1.0, mel, time.perf_counter() - started)
        if job.recipe.language is not None:
            attempt.language = job.recipe.language
        else:
            attempt.encoded = self._model.model.encode(self._window(attempt, full=False))
            attempt.language, attempt.language_probability = self._detect(attempt)
        return attempt

    def _detect(self, attempt: _Attempt) -> tuple[str, float]:
        """The most probable language among those allowed."""
        ranking = self._model.model.detect_language(attempt.encoded)[0]
        allowed = attempt.job.recipe.languages
        found = ((token.strip("<|>"), float(p)) for token, p in ranking)
        return next(item for item in found if not allowed or item[0] in allowed)

    def _window(self, attempt: _Attempt, *, full: bool) -> Any:
        """The mel frames, padded with 0 to their window, as a StorageView of shape (1, m, n)."""
        frames = FULL_WINDOW
        if not full:
            frames = window_frames(attempt.job.seconds, multilingual=self.info.multilingual)
        mel = attempt.mel[:, :frames]
        padded = np.zeros((1, mel.shape[0], frames), np.float32)
        padded[0, :, : mel.shape[1]] = mel
        return ctranslate2.StorageView.from_array(padded)

    def _start(self, attempt: _Attempt, effort: _Effort) -> None:
        """Hand the job to a replica, which goes to work at once."""
        if attempt.job.recipe.words or effort.full_window:
            attempt.encoded = self._model.model.encode(
                self._window(attempt, full=effort.full_window)
            )
        source = attempt.encoded
        if source is None:
            source = self._window(attempt, full=False)
        prompt = self._prompt(attempt)
        attempt.pending = self._model.model.generate(
            source,
            [prompt],
            asynchronous=True,
            beam_size=effort.beam_size,
            no_repeat_ngram_size=effort.no_repeat_ngram_size,
            max_length=token_budget(attempt.job.seconds, len(prompt)),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]

    def _finish(self, attempt: _Attempt, efforts: Sequence[_Effort], started: float) -> Result:
        job = attempt.job
        decoded = self._collect(attempt)
        for effort in efforts[1:]:
            if suspicion(decoded.evidence) is None:
                break
            self._start(attempt, effort)
            decoded = self._collect(attempt)
        evidence = decoded.evidence
        reason = refusal(evidence)
        words = self._words(attempt, decoded) if job.recipe.words and reason is None else ()
        inference_s = time.perf_counter() - started
        return Result(
            job_id=job.id,
            # Whisper marks a word that the end of the audio cuts off with a hyphen.
            text=evidence.text.removesuffix("-") if job.kind == "partial" else evidence.text,
            language=attempt.language,
            language_probability=attempt.language_probability,
            confidence=float(np.exp(evidence.log_probability)),
            words=words,
            suppressed=reason,
            timings=Timings(
                features_s=attempt.features_s,
                inference_s=inference_s,
                total_s=attempt.features_s + inference_s,
            ),
        )

    def _collect(self, attempt: _Attempt) -> _Decoded:
        result = attempt.pending.result()
        tokenizer = self._tokenizer(attempt)
        tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        length = len(result.sequences_ids[0])
        evidence = Evidence(
            text=tokenizer.decode(tokens).strip(),
            seconds=attempt.job.seconds,
            # The score is a mean over the tokens without the end mark; with it, as Whisper does.
            log_probability=result.scores[0] * length / (length + 1),
            no_speech_probability=result.no_speech_prob,
        )
        return _Decoded(tokens, evidence)

    def _words(self, attempt: _Attempt, decoded: _Decoded) -> tuple[Word, ...]:
        """Time each word by cross-attention, on the encoding that the text came from."""
        frames = min(attempt.mel.shape[1], FULL_WINDOW)
        alignment = self._model.find_alignment(
            self._tokenizer(attempt), [decoded.tokens], attempt.encoded, frames
        )[0]
        merge_punctuations(alignment, PREPEND_PUNCTUATION, APPEND_PUNCTUATION)
        return tuple(
            Word(
                text=word["word"].strip(),
                start_ms=round(float(word["start"]) * 1000),
                end_ms=round(float(word["end"]) * 1000),
                confidence=float(word["probability"]),
            )
            for word in alignment
            if word["word"].strip()
        )

    # -- prompts --------------------------------------------------------------------------------

    def _tokenizer(self, attempt: _Attempt) -> Tokenizer:
        key = (attempt.language, attempt.job.recipe.task)
        if key not in self._tokenizers:
            self._tokenizers[key] = Tokenizer(
                self._model.hf_tokenizer,
                self.info.multilingual,
                task=attempt.job.recipe.task,
                language=attempt.language,
            )
        return self._tokenizers[key]

    def _prompt(self, attempt: _Attempt) -> list[int]:
        tokenizer, recipe = self._tokenizer(attempt), attempt.job.recipe
        context = " ".join([*recipe.hotwords, recipe.prompt]).strip()
        prompt: list[int] = []
        if context:
            prompt = [tokenizer.sot_prev, *tokenizer.encode(" " + context)[-MAX_PROMPT_TOKENS:]]
        return [*prompt, *tokenizer.sot_sequence, tokenizer.no_timestamps]


def choose_device(device: str) -> str:
    """`cuda` where `auto` finds a GPU, else `cpu`."""
    if device != "auto":
        return device
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


def choose_compute_type(device: str, compute_type: str) -> str:
    """`default` becomes what is fast and accurate enough there: int8 on CPU, float16 on GPU."""
    if compute_type != "default":
        return compute_type
    supported = ctranslate2.get_supported_compute_types(device)
    wanted = ("int8", "float32") if device == "cpu" else ("float16", "int8_float32", "float32")
    return next(name for name in wanted if name in supported)


def choose_parallelism(device: str, replicas: int, threads: int) -> tuple[int, int]:
    """(replicas, threads of each) where 0 was asked for.

    On a CPU one thread a replica wins: two replicas of one thread decode 2.7 times as much as one of
    two threads. On a GPU replicas would take turns.
    """
    if device != "cpu":
        return replicas or 1, threads or 1
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    replicas = replicas or min(cores, 8)
    return replicas, threads or max(1, cores // replicas)


def load(options: dict[str, Any]) -> WhisperDecoder:
    """What the worker calls: see WhisperDecoder for the options."""
    return WhisperDecoder(**options)
