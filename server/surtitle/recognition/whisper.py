"""Whisper on CTranslate2: windows, prompts, decoding, the second look. Runs in the worker alone.

The only file that imports faster_whisper and ctranslate2. faster-whisper loads the model and has the
tokenizer, mel filters and word alignment; its `transcribe` is not used: it pads every decode to 30
seconds. Here a job gets a window that fits it (see `window_frames`), which is several times faster.

Batches are started with CTranslate2's own asynchronous calls from the main thread, so that its
replicas (`inter_threads`) work side by side; there is no Python thread around inference.
"""

import os
import time
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import merge_punctuations
from numpy.typing import NDArray

from surtitle.jobs import (
    MAX_WINDOW_S,
    SAMPLE_RATE,
    DecodeOptions,
    Job,
    ModelInfo,
    Piece,
    Result,
    Timings,
    Windows,
    Word,
    ms_to_samples,
)
from surtitle.recognition.alignment import LAG_MS, last_pause, pause_near, place_words
from surtitle.recognition.budget import (
    CPU_BATCH,
    GPU_BATCH,
    GPU_PARALLEL,
    MAX_PROMPT_TOKENS,
    WINDOWS,
    max_batch_square_s2,
    new_tokens,
    token_budget,
    window_frames,
)
from surtitle.recognition.chinese import write_parts
from surtitle.recognition.features import Features, lift
from surtitle.recognition.guard import (
    Evidence,
    echoes,
    is_hurried_copy,
    is_noise,
    refusal,
    suspicion,
)
from surtitle.recognition.language import choose
from surtitle.recognition.models import locate
from surtitle.recognition.pieces import NEWEST_TOKENS, newest_pieces
from surtitle.recognition.repetition import times_said, was_repeated, words_heard

LEAST_PART_MS = 1000
MOST_PARTS = 8
"""Where a job has more words than fit into one decode, it is decoded in parts, as long as each gets
ahead."""

PREPEND_PUNCTUATION = "\"'“¿([{-"
APPEND_PUNCTUATION = "\"'.。,，!！?？:：”)]}、"
"""Marks that belong to the next and to the previous word (OpenAI Whisper, timing.py)."""


@dataclass(frozen=True, slots=True)
class _Effort:
    """One rung of the ladder that a suspicious job climbs."""

    beam_size: int
    full_window: bool = False
    no_repeat_ngram_size: int = 0


LEAST_WORTH_A_LOOK_S = 0.3
"""Shorter audio, of a sender that breaks off, has no word that a second look could find. And it takes
as long as that of a whole sentence."""

_PARTIAL = (_Effort(beam_size=1),)
_FINAL = (
    _Effort(beam_size=5),
    _Effort(beam_size=5, full_window=True),
    _Effort(beam_size=5, full_window=True, no_repeat_ngram_size=5),
)


@dataclass(slots=True)
class _Attempt:
    """A job under way."""

    job: Job
    mel: NDArray[np.float32]  # (mels, frames) of the audio, not padded
    features_s: float
    started: float  # time.perf_counter() when its batch was started
    later: list[_Effort]  # what to try if the text is suspicious
    unheard_ms: int = 0  # at least so much speech was heard in the audio
    window_s: float = MAX_WINDOW_S  # of the decode under way
    told: bool = True  # the model reads the context that the client has given
    echo: "_Decoded | None" = None  # text that repeats that context, until it is confirmed
    language: str = ""
    language_probability: float = 1.0
    language_sure: bool = True
    encoded: Any = None  # StorageView of this job alone, where words are wanted
    pending: Any = None  # asynchronous generation result
    room: int = 0  # tokens that the decode under way may write
    said: list["_Part"] = field(default_factory=list)  # before the audio that `job` has now


@dataclass(frozen=True, slots=True)
class _Decoded:
    tokens: list[int]
    evidence: Evidence
    newest: tuple[Piece, ...] = ()
    full: bool = False
    """All tokens that there was room for were written: more may have been said."""
    said_to_ms: int | None = None
    """Where the last word ends, if anybody looked."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The first words of a job that has more of them than fit into one decode."""

    tokens: list[int]
    words: list[Word]
    """With times from the beginning of the whole job."""
    log_probability: float
    end_ms: int
    """Where the rest begins, from the beginning of the whole job."""


class WhisperDecoder:
    """A loaded model. Not safe for concurrent use: one `decode` at a time, on one thread."""

    def __init__(
        self,
        name: str,
        *,
        device: str,
        compute_type: str,
        replicas: int,
        threads: int,
        batch: int = 0,
    ) -> None:
        """Load a model by the name that `models.locate` takes.

        `replicas` batches run side by side with `threads` threads each and at most `batch` jobs;
        0 means what fits the device. Raises ModelError, and RuntimeError or ValueError of
        CTranslate2 where the device refuses.
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
        self._features = Features(self._model.feature_extractor)
        self._tokenizers: dict[tuple[str, str], Tokenizer] = {}
        self.second_looks = 0
        """How many decodes the guard had done once more."""
        on_cpu = device == "cpu"
        windows = WINDOWS["multilingual" if self._model.model.is_multilingual else "english"]
        self.info = ModelInfo(
            name=name,
            device=device,
            compute_type=self._model.model.compute_type,
            languages=tuple(self._model.supported_languages),
            load_s=time.perf_counter() - started,
            parallel=replicas if on_cpu else max(replicas, GPU_PARALLEL),
            max_batch=batch or (CPU_BATCH if on_cpu else GPU_BATCH),
            max_batch_square_s2=(
                max_batch_square_s2(self._encoder_width(windows)) if on_cpu else float("inf")
            ),
            windows=windows,
        )

    def warm_up(self) -> None:
        """Decode a second of silence, so that the first speaker does not pay for lazy set-up."""
        silence = np.zeros(SAMPLE_RATE, np.int16)
        decode_options = DecodeOptions(language=self.info.languages[0])
        window_s = self.info.windows.fit(1.0, "partial")
        job = Job("warm-up", "warm-up", 0, "partial", silence, decode_options, window_s)
        for _ in self.decode([job]):
            time.sleep(0.001)

    def decode(self, jobs: Sequence[Job]) -> Iterator[Result | None]:
        """Start a batch; yields one result for each job as it is ready, None where none is for now."""
        under_way = [self._begin(job) for job in jobs]
        for group in _alike(under_way):
            self._start(group)
        again: list[_Attempt] = []
        while under_way or again:
            for attempt in list(under_way):
                if attempt.pending.done():
                    under_way.remove(attempt)
                    if (result := self._collect(attempt)) is None:
                        again.append(attempt)
                    else:
                        yield result
            if again and not under_way:  # one by one: a batch has one replica, others have theirs
                attempt = again.pop(0)
                self._start([attempt])
                under_way.append(attempt)
            if under_way:
                yield None

    # -- stages of a job ------------------------------------------------------------------------

    def _begin(self, job: Job) -> _Attempt:
        started = time.perf_counter()
        mel = lift(self._features.compute(job.session, job.audio))
        return _Attempt(
            job,
            mel,
            features_s=time.perf_counter() - started,
            started=started,
            later=_efforts(job),
            unheard_ms=job.voice.speech_ms if job.voice else 0,
        )

    def _start(self, group: Sequence[_Attempt]) -> None:
        """Hand jobs that are alike, see `_alike`, to a replica, which goes to work at once."""
        efforts = [attempt.later.pop(0) for attempt in group]
        effort = efforts[0]
        jobs = [attempt.job for attempt in group]
        window_s = MAX_WINDOW_S if effort.full_window else jobs[0].window_s
        source = self._windows(group, window_s)
        # Once known, a language stays: it is not looked for again in the second look.
        unknown = [a for a in group if a.job.decode_options.language is None and not a.language]
        # To encode by itself holds up all batches, and a second look for long: what it gives is
        # mostly dropped, so it is encoded again where its words are wanted.
        is_timed = _wants_words(jobs[0]) and not effort.full_window
        if unknown or is_timed:
            source = self._model.model.encode(source)
        for attempt in group:
            attempt.window_s = window_s
            attempt.encoded = source if is_timed else None
        rankings = self._model.model.detect_language(source) if unknown else [[]] * len(group)
        for attempt, ranking in zip(group, rankings, strict=True):
            self._set_language(attempt, ranking)
        prompts = [self._prompt(attempt) for attempt in group]
        max_length = max(
            token_budget(attempt.job.seconds, len(prompts[0]), attempt.language)
            for attempt in group
        )
        results = self._model.model.generate(
            source,
            prompts,
            asynchronous=True,
            beam_size=effort.beam_size,
            no_repeat_ngram_size=effort.no_repeat_ngram_size,
            max_length=max_length,
            return_scores=True,
            return_no_speech_prob=True,
            return_logits_vocab=jobs[0].kind == "partial",
        )
        for attempt, pending in zip(group, results, strict=True):
            attempt.pending, attempt.room = pending, new_tokens(max_length, len(prompts[0]))

    def _windows(self, group: Sequence[_Attempt], window_s: float) -> Any:
        """The mel frames, padded with 0 to their window: StorageView of shape (n, mels, frames)."""
        frames = window_frames(window_s)
        padded = np.zeros((len(group), group[0].mel.shape[0], frames), np.float32)
        for row, attempt in enumerate(group):
            mel = attempt.mel[:, :frames]
            padded[row, :, : mel.shape[1]] = mel
        return ctranslate2.StorageView.from_array(padded)

    @staticmethod
    def _set_language(attempt: _Attempt, ranking: Sequence[tuple[str, float]]) -> None:
        """The language asked for, or the one heard."""
        decode_options = attempt.job.decode_options
        if decode_options.language is not None:
            attempt.language = decode_options.language
        elif not attempt.language:
            heard = [(token.strip("<|>"), float(p)) for token, p in ranking]
            choice = choose(
                heard, attempt.job.seconds, decode_options.languages, decode_options.prior_language
            )
            attempt.language, attempt.language_sure = choice.language, choice.sure
            attempt.language_probability = choice.probability

    def _encoder_width(self, windows: Windows) -> int:
        """Units of the encoder's output, for which CTranslate2 has no property."""
        frames = window_frames(windows.partial_floor_s)
        mel = np.zeros((1, self._model.model.n_mels, frames), np.float32)
        return int(self._model.model.encode(ctranslate2.StorageView.from_array(mel)).shape[-1])

    def _collect(self, attempt: _Attempt) -> Result | None:
        """The result of a decode that is done; None where it is to be done again."""
        decoded = self._read(attempt)
        job = attempt.job
        reason = suspicion(decoded.evidence)
        if reason == "repetition" and not is_noise(decoded.evidence):
            decoded = self._listened(attempt, decoded)
            reason = suspicion(decoded.evidence)
        # A partial gets no second look: one that needs it is not shown, the next comes soon.
        if job.kind == "partial" and reason is None and is_hurried_copy(decoded.evidence):
            reason = "repetition"
        if job.kind == "final" and not attempt.later:
            reason = None
        if attempt.later and reason is not None:
            self.second_looks += 1
            return None
        reason = reason or refusal(decoded.evidence)
        if reason is None and attempt.echo is not None:
            decoded = attempt.echo  # something was said, and the context has helped to spell it
        elif reason is None and self._is_echo(attempt, decoded):
            attempt.told, attempt.echo, attempt.later = False, decoded, _efforts(job)
            return None
        if reason is None and self._go_on(attempt, decoded):
            return None
        words = self._words(attempt, decoded) if _wants_words(job) and reason is None else []
        if attempt.said:
            if reason is not None:  # of the rest alone
                decoded, reason = replace(decoded, tokens=[], newest=()), None
            decoded, words = self._joined(attempt, decoded, words)
        evidence = decoded.evidence
        total_s = time.perf_counter() - attempt.started
        return Result(
            job_id=job.id,
            # Whisper marks a word that the end of the audio cuts off with a hyphen.
            text=evidence.text.removesuffix("-") if job.kind == "partial" else evidence.text,
            language=attempt.language,
            language_probability=attempt.language_probability,
            language_sure=attempt.language_sure,
            confidence=float(np.exp(evidence.log_probability)),
            words=tuple(words),
            newest=decoded.newest,
            suppressed=reason,
            timings=Timings(
                features_s=attempt.features_s,
                inference_s=total_s - attempt.features_s,
                total_s=total_s,
            ),
        )

    @staticmethod
    def _is_echo(attempt: _Attempt, decoded: _Decoded) -> bool:
        context = _context(attempt.job.decode_options)
        return bool(context) and echoes(decoded.evidence.text, context)

    def _read(self, attempt: _Attempt) -> _Decoded:
        result = attempt.pending.result()
        tokenizer = self._tokenizer(attempt)
        tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        length = len(result.sequences_ids[0])
        evidence = Evidence(
            text=self._written(attempt, [tokenizer.decode(tokens).strip()])[0],
            seconds=attempt.job.seconds,
            # The score is a mean over the tokens without the end mark; with it, as Whisper does.
            log_probability=result.scores[0] * length / (length + 1),
            no_speech_probability=result.no_speech_prob,
            voice=attempt.job.voice,
        )
        newest: tuple[Piece, ...] = ()
        if result.logits:
            first = max(len(tokens) - NEWEST_TOKENS, 0)
            logits = [_to_numpy(each) for each in result.logits[0][first : len(tokens)]]
            newest = newest_pieces(tokens[first:], logits, tokenizer.split_tokens_on_unicode)
        return _Decoded(tokens, evidence, newest, full=length >= attempt.room)

    # -- words and their times ------------------------------------------------------------------

    def _words(self, attempt: _Attempt, decoded: _Decoded) -> list[Word]:
        """Each word with its time in the attempt's audio."""
        return [word for word, _ in self._timed(attempt, decoded)]

    def _timed(
        self, attempt: _Attempt, decoded: _Decoded, end_ms: int | None = None
    ) -> list[tuple[Word, list[int]]]:
        """Each word with its time, by cross-attention and by the audio, and its tokens.

        Nothing of the text was said after `end_ms`.
        """
        words, tokens = self._attended(attempt, decoded)
        audio = attempt.job.audio[: None if end_ms is None else ms_to_samples(end_ms)]
        placed = place_words(words, audio, LAG_MS.get(self.info.name, 0))
        return list(zip(placed, tokens, strict=True))

    def _attended(self, attempt: _Attempt, decoded: _Decoded) -> tuple[list[Word], list[list[int]]]:
        """Each word with its time by cross-attention, on the encoding that the text came from, and
        the tokens of each."""
        if attempt.encoded is None:
            window = self._windows([attempt], attempt.window_s)
            attempt.encoded = self._model.model.encode(window)
        frames = min(attempt.mel.shape[1], window_frames(MAX_WINDOW_S))
        alignment = self._model.find_alignment(
            self._tokenizer(attempt), [decoded.tokens], attempt.encoded, frames
        )[0]
        merge_punctuations(alignment, PREPEND_PUNCTUATION, APPEND_PUNCTUATION)
        alignment = [word for word in alignment if word["word"].strip()]
        texts = self._written(attempt, [word["word"].strip() for word in alignment])
        words = [
            Word(
                text=text,
                start_ms=round(float(word["start"]) * 1000),
                end_ms=round(float(word["end"]) * 1000),
                confidence=float(word["probability"]),
            )
            for text, word in zip(texts, alignment, strict=True)
        ]
        return words, [word["tokens"] for word in alignment]

    def _listened(self, attempt: _Attempt, decoded: _Decoded) -> _Decoded:
        """A text with what the audio says of its words: where they end, and whether what comes again
        was said; without what was not, if that is known."""
        words, tokens = self._attended(attempt, decoded)
        evidence = decoded.evidence
        stretches = evidence.voice.stretches if evidence.voice else 0
        heard = words_heard(words, stretches)
        if 0 < heard < len(words):
            words, said = words[:heard], [token for word in tokens[:heard] for token in word]
            text = self._written(attempt, [self._tokenizer(attempt).decode(said).strip()])[0]
            evidence = replace(evidence, text=text)
            decoded = replace(decoded, tokens=said, newest=(), full=False)
        alone = 1 < times_said(evidence.text) <= stretches
        repeated = heard > 0 or alone or was_repeated(words)
        return replace(
            decoded,
            evidence=replace(evidence, repeated=repeated),
            said_to_ms=words[-1].end_ms if words else None,
        )

    # -- more words than fit into one decode ----------------------------------------------------

    def _go_on(self, attempt: _Attempt, decoded: _Decoded) -> bool:
        """Keep the words up to a pause, and have what follows it decoded, where more was said than
        was written; False where that leads nowhere."""
        job = attempt.job
        rest_ms = self._stops_at(attempt, decoded)
        if rest_ms is not None:
            timed = self._timed(attempt, decoded, rest_ms)
            kept = len(timed)
        elif decoded.full:
            timed = self._timed(attempt, decoded)
            kept, rest_ms = last_pause([word for word, _ in timed])
        else:
            return False
        if rest_ms < LEAST_PART_MS or len(attempt.said) == MOST_PARTS:
            return False
        before_ms = attempt.said[-1].end_ms if attempt.said else 0
        words = [word for word, _ in timed[:kept]] if _wants_words(job) else []
        attempt.said.append(
            _Part(
                tokens=[token for _, tokens in timed[:kept] for token in tokens],
                words=_shifted(words, before_ms),
                log_probability=decoded.evidence.log_probability,
                end_ms=before_ms + rest_ms,
            )
        )
        attempt.job = replace(job, audio=job.audio[ms_to_samples(rest_ms) :], voice=None)
        attempt.mel = attempt.mel[:, window_frames(rest_ms / 1000) :]
        attempt.unheard_ms -= rest_ms
        attempt.later, attempt.echo = _efforts(job), None
        return True

    def _stops_at(self, attempt: _Attempt, decoded: _Decoded) -> int | None:
        """Where a text that really repeats itself ends in the audio, if more was said than that: of
        five times the same, Whisper may write two, and of what follows them one."""
        if attempt.unheard_ms < LEAST_PART_MS or not (decoded.evidence.repeated or attempt.said):
            return None
        if decoded.said_to_ms is None:
            decoded = self._listened(attempt, decoded)
        end_ms = (decoded.said_to_ms or 0) - LAG_MS.get(self.info.name, 0)
        if attempt.unheard_ms - end_ms < LEAST_PART_MS:
            return None
        return pause_near(attempt.job.audio, end_ms)

    def _joined(
        self, attempt: _Attempt, last: _Decoded, words: Sequence[Word]
    ) -> tuple[_Decoded, list[Word]]:
        """What was decoded in parts as if it had been in one; `words` are those of the last part."""
        said = attempt.said
        tokens = [token for part in said for token in part.tokens] + last.tokens
        whole = replace(
            last.evidence,
            text=self._written(attempt, [self._tokenizer(attempt).decode(tokens).strip()])[0],
            log_probability=min(
                last.evidence.log_probability, *(part.log_probability for part in said)
            ),
        )
        before = [word for part in said for word in part.words]
        after = _shifted(words, said[-1].end_ms)
        return replace(last, tokens=tokens, evidence=whole), [*before, *after]

    @staticmethod
    def _written(attempt: _Attempt, texts: Sequence[str]) -> list[str]:
        """Parts of one text as they leave the model: Chinese in the script that was asked for."""
        if attempt.language != "zh" or attempt.job.decode_options.task == "translate":
            return list(texts)
        return write_parts(texts, attempt.job.decode_options.script)

    # -- prompts --------------------------------------------------------------------------------

    def _tokenizer(self, attempt: _Attempt) -> Tokenizer:
        key = (attempt.language, attempt.job.decode_options.task)
        if key not in self._tokenizers:
            self._tokenizers[key] = Tokenizer(
                self._model.hf_tokenizer,
                self.info.multilingual,
                task=attempt.job.decode_options.task,
                language=attempt.language,
            )
        return self._tokenizers[key]

    def _prompt(self, attempt: _Attempt) -> list[int]:
        tokenizer = self._tokenizer(attempt)
        prompt: list[int] = []
        context = _context(attempt.job.decode_options)
        if context and attempt.told:
            # "<|endoftext|>" as a word of a client would be the token: special ones are left out.
            words = [token for token in tokenizer.encode(" " + context) if token < tokenizer.eot]
            prompt = [tokenizer.sot_prev, *words[-MAX_PROMPT_TOKENS:]]
        return [*prompt, *tokenizer.sot_sequence, tokenizer.no_timestamps]


def _shifted(words: Sequence[Word], by_ms: int) -> list[Word]:
    return [
        replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms) for word in words
    ]


def _efforts(job: Job) -> list[_Effort]:
    """What to try, one after the other as long as the text is suspicious."""
    if job.kind == "partial":
        return list(_PARTIAL)
    return list(_FINAL if job.seconds >= LEAST_WORTH_A_LOOK_S else _FINAL[:1])


def _wants_words(job: Job) -> bool:
    """Whether its words are timed: those of a final alone, a partial has none on the wire."""
    return job.decode_options.words and job.kind == "final"


def _context(decode_options: DecodeOptions) -> str:
    """What the client wants the model to have read before."""
    return " ".join([*decode_options.hotwords, decode_options.prompt]).strip()


def _alike(attempts: Sequence[_Attempt]) -> list[list[_Attempt]]:
    """Groups that can be decoded in one call.

    Its kind and window hold for all of a call. The start token must stand at the same place in every
    prompt, so contexts must be equal. Words are aligned on the encoding of one job.
    """
    groups: dict[Hashable, list[_Attempt]] = defaultdict(list)
    for attempt in attempts:
        job = attempt.job
        alone = job.id if _wants_words(job) else None
        groups[job.kind, job.window_s, _context(job.decode_options), alone].append(attempt)
    return list(groups.values())


def _to_numpy(array: ctranslate2.StorageView) -> NDArray[np.float32]:
    """What lies on any device, in any type, as an array; without a copy where it is one already."""
    if array.device != "cpu":
        array = array.to_device(ctranslate2.Device.cpu)
    if array.dtype != ctranslate2.DataType.float32:
        array = array.to(ctranslate2.DataType.float32)
    return np.asarray(array)


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
