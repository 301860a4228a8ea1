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
from surtitle.recognition.alignment import (
    LAG_MS,
    last_pause,
    pause_near,
    place_words,
    whole_words,
)
from surtitle.recognition.attempt import (
    MIN_PART_MS,
    Attempt,
    Decoded,
    Outcome,
    Verdict,
    begin,
    judge,
    may_stop_early,
    stops_early,
)
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
from surtitle.recognition.guard import Evidence
from surtitle.recognition.language import UNSPACED, choose
from surtitle.recognition.models import locate
from surtitle.recognition.pieces import NEWEST_TOKENS, newest_pieces
from surtitle.recognition.repetition import times_said, was_repeated, words_heard
from surtitle.recognition.two_models import TwoModels
from surtitle.recognition.worker import Decoder

PREPEND_PUNCTUATION = "\"'“¿([{-"
APPEND_PUNCTUATION = "\"'.。,，!！?？:：”)]}、"
"""Marks that belong to the next and to the previous word (OpenAI Whisper, timing.py)."""


@dataclass(slots=True)
class _Decoding:
    """A job under way: its audio, and what the model makes of it."""

    job: Job  # with the audio that is left to decode
    mel: NDArray[np.float32]  # (mels, frames) of the audio, not padded
    attempt: Attempt
    features_s: float
    started: float  # time.perf_counter() before its features
    window_s: float = MAX_WINDOW_S  # of the decode under way
    language: str = ""
    language_probability: float = 1.0
    language_sure: bool = True
    encoded: ctranslate2.StorageView | None = None  # of this job alone, where words are wanted
    pending: Any = None  # ctranslate2.models.WhisperGenerationResultAsync of the decode under way
    room: int = 0  # tokens that it may write
    said: list["_Part"] = field(default_factory=list)  # before the audio that is left


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
        beside: int = 1,
    ) -> None:
        """Load a model by the name that `models.locate` takes.

        `replicas` batches run side by side with `threads` threads each and at most `batch` jobs;
        0 means what fits the device, which `beside` workers share. Raises ModelError, and
        RuntimeError or ValueError of CTranslate2 where the device refuses.
        """
        started = time.perf_counter()
        device, index = choose_device(device)
        replicas, threads = choose_parallelism(device, replicas, threads, beside)
        self._model = WhisperModel(
            **locate(name, offline=True).arguments(),
            device=device,
            device_index=index,
            compute_type=choose_compute_type(device, compute_type),
            num_workers=replicas,
            cpu_threads=threads,
        )
        self._features = Features(self._model.feature_extractor)
        self._tokenizers: dict[tuple[str, str], Tokenizer] = {}
        self.second_looks = 0
        """How many decodes the guard had done once more."""
        load_s = time.perf_counter() - started
        self.info = self._describe(name, device, index, replicas, batch, load_s)
        """What the model is, and what it takes at once."""

    def _describe(
        self, name: str, device: str, index: int, replicas: int, batch: int, load_s: float
    ) -> ModelInfo:
        """What the model is, and what it takes at once; arguments as in `__init__`."""
        on_cpu = device == "cpu"
        windows = WINDOWS["multilingual" if self._model.model.is_multilingual else "english"]
        return ModelInfo(
            name=name,
            device=f"{device}:{index}" if index else device,
            compute_type=self._model.model.compute_type,
            languages=tuple(self._model.supported_languages),
            load_s=load_s,
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
        again: list[_Decoding] = []
        while under_way or again:
            for decoding in list(under_way):
                if decoding.pending.done():
                    under_way.remove(decoding)
                    if (result := self._collect(decoding)) is None:
                        again.append(decoding)
                    else:
                        yield result
            if again and not under_way:  # one by one: a batch has one replica, others have theirs
                decoding = again.pop(0)
                self._start([decoding])
                under_way.append(decoding)
            if under_way:
                yield None

    # -- stages of a job ------------------------------------------------------------------------

    def _begin(self, job: Job) -> _Decoding:
        """A job with its features, ready for the first decode."""
        started = time.perf_counter()
        mel = lift(self._features.compute(job.session, job.audio))
        attempt = begin(
            job.kind,
            job.seconds,
            _context(job.decode_options),
            job.voice.speech_ms if job.voice else 0,
        )
        return _Decoding(
            job,
            mel,
            attempt,
            features_s=time.perf_counter() - started,
            started=started,
        )

    def _start(self, group: Sequence[_Decoding]) -> None:
        """Hand jobs that are alike, see `_alike`, to a replica, which goes to work at once."""
        effort = group[0].attempt.effort
        jobs = [decoding.job for decoding in group]
        window_s = MAX_WINDOW_S if effort.full_window else jobs[0].window_s
        source = self._windows(group, window_s)
        # Once known, a language stays: it is not looked for again in the second look.
        unknown = any(
            not each.language and each.job.decode_options.language is None for each in group
        )
        # To encode by itself holds up all batches, and a second look for long: what it gives is
        # mostly dropped, so it is encoded again where its words are wanted.
        is_timed = _wants_words(jobs[0]) and not effort.full_window
        if unknown or is_timed:
            source = self._model.model.encode(source)
        for decoding in group:
            decoding.window_s = window_s
            decoding.encoded = source if is_timed else None
        rankings = self._model.model.detect_language(source) if unknown else [[]] * len(group)
        for decoding, ranking in zip(group, rankings, strict=True):
            self._set_language(decoding, ranking)
        prompts = [self._prompt(decoding) for decoding in group]
        max_length = max(
            token_budget(decoding.job.seconds, len(prompts[0]), decoding.language)
            for decoding in group
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
        for decoding, pending in zip(group, results, strict=True):
            decoding.pending, decoding.room = pending, new_tokens(max_length, len(prompts[0]))

    @staticmethod
    def _windows(group: Sequence[_Decoding], window_s: float) -> ctranslate2.StorageView:
        """The mel frames, padded with 0 to their window: shape (n, mels, frames), float32."""
        frames = window_frames(window_s)
        padded = np.zeros((len(group), group[0].mel.shape[0], frames), np.float32)
        for row, decoding in enumerate(group):
            mel = decoding.mel[:, :frames]
            padded[row, :, : mel.shape[1]] = mel
        return ctranslate2.StorageView.from_array(padded)

    @staticmethod
    def _set_language(decoding: _Decoding, ranking: Sequence[tuple[str, float]]) -> None:
        """The language asked for, or the one heard."""
        decode_options = decoding.job.decode_options
        if decode_options.language is not None:
            decoding.language = decode_options.language
        elif not decoding.language:
            heard = [(token.strip("<|>"), float(p)) for token, p in ranking]
            choice = choose(
                heard, decoding.job.seconds, decode_options.languages, decode_options.prior_language
            )
            decoding.language, decoding.language_sure = choice.language, choice.sure
            decoding.language_probability = choice.probability

    def _encoder_width(self, windows: Windows) -> int:
        """Units of the encoder's output, for which CTranslate2 has no property."""
        frames = window_frames(windows.partial_floor_s)
        mel = np.zeros((1, self._model.model.n_mels, frames), np.float32)
        return int(self._model.model.encode(ctranslate2.StorageView.from_array(mel)).shape[-1])

    def _collect(self, decoding: _Decoding) -> Result | None:
        """The result of a decode that is done; None where it is to be done again."""
        verdict = judge(decoding.attempt, self._read(decoding))
        if verdict.outcome is Outcome.ALIGN:
            verdict = judge(decoding.attempt, self._aligned(decoding, verdict.decoded))
        match verdict.outcome:
            case Outcome.RETRY:
                self.second_looks += 1
                decoding.attempt = decoding.attempt.retry()
            case Outcome.DROP_CONTEXT:
                decoding.attempt = decoding.attempt.drop_context(verdict.decoded)
            case Outcome.CONTINUE if self._go_on(decoding, verdict.decoded):
                pass
            case _:
                return self._result(decoding, verdict)
        return None

    def _result(self, decoding: _Decoding, verdict: Verdict) -> Result:
        """The answer to a job whose last decode is accepted or refused."""
        job, decoded, reason = decoding.job, verdict.decoded, verdict.reason
        is_timed = _wants_words(job) and reason is None
        words = [word for word, _ in self._timed(decoding, decoded)] if is_timed else []
        if decoding.said:
            if reason is not None:  # of the rest alone
                decoded, reason = replace(decoded, tokens=[], newest=()), None
            decoded, words = self._joined(decoding, decoded, words)
        evidence = decoded.evidence
        total_s = time.perf_counter() - decoding.started
        return Result(
            job_id=job.id,
            # Whisper marks a word that the end of the audio cuts off with a hyphen.
            text=evidence.text.removesuffix("-") if job.kind == "partial" else evidence.text,
            language=decoding.language,
            language_probability=decoding.language_probability,
            language_sure=decoding.language_sure,
            confidence=float(np.exp(evidence.log_probability)),
            words=tuple(words),
            newest=decoded.newest,
            suppressed=reason,
            timings=Timings(
                features_s=decoding.features_s,
                inference_s=total_s - decoding.features_s,
                total_s=total_s,
            ),
        )

    def _read(self, decoding: _Decoding) -> Decoded:
        """What a decode that is done has written."""
        result = decoding.pending.result()
        tokenizer = self._tokenizer(decoding)
        tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        length = len(result.sequences_ids[0])
        evidence = Evidence(
            text=self._text(decoding, tokens),
            seconds=decoding.job.seconds,
            # CTranslate2 takes the mean over the tokens without the end mark, Whisper with it.
            log_probability=result.scores[0] * length / (length + 1),
            no_speech_probability=result.no_speech_prob,
            voice=decoding.job.voice,
        )
        newest: tuple[Piece, ...] = ()
        if result.logits:
            first = max(len(tokens) - NEWEST_TOKENS, 0)
            logits = [_to_numpy(each) for each in result.logits[0][first : len(tokens)]]
            newest = newest_pieces(tokens[first:], logits, tokenizer.split_tokens_on_unicode)
        return Decoded(tokens, evidence, newest, full=length >= decoding.room)

    # -- words and their times ------------------------------------------------------------------

    def _timed(
        self, decoding: _Decoding, decoded: Decoded, end_ms: int | None = None
    ) -> list[tuple[Word, list[int]]]:
        """Each word with its time in the job's audio, by cross-attention and pauses, and its tokens.

        Nothing of the text was said after `end_ms` of that audio.
        """
        words, tokens = self._attended(decoding, decoded)
        parts = list(zip(words, tokens, strict=True))
        translated = decoding.job.decode_options.task == "translate"  # into English
        if translated or decoding.language not in UNSPACED:
            tokenizer = self._tokenizer(decoding)
            begins = [tokenizer.decode(each).startswith(" ") for each in tokens]
            parts = whole_words(parts, begins)
        audio = decoding.job.audio[: None if end_ms is None else ms_to_samples(end_ms)]
        placed = place_words([word for word, _ in parts], audio, LAG_MS.get(self.info.name, 0))
        return [(word, each) for word, (_, each) in zip(placed, parts, strict=True)]

    def _attended(
        self, decoding: _Decoding, decoded: Decoded
    ) -> tuple[list[Word], list[list[int]]]:
        """Each word with its time by cross-attention, on the encoding that the text came from, and
        the tokens of each."""
        if decoding.encoded is None:
            window = self._windows([decoding], decoding.window_s)
            decoding.encoded = self._model.model.encode(window)
        frames = min(decoding.mel.shape[1], window_frames(MAX_WINDOW_S))
        alignment = self._model.find_alignment(
            self._tokenizer(decoding), [decoded.tokens], decoding.encoded, frames
        )[0]
        merge_punctuations(alignment, PREPEND_PUNCTUATION, APPEND_PUNCTUATION)
        alignment = [word for word in alignment if word["word"].strip()]
        texts = self._written(decoding, [word["word"].strip() for word in alignment])
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

    def _aligned(self, decoding: _Decoding, decoded: Decoded) -> Decoded:
        """A text with what the audio says of its words: where they end, and whether what comes again
        was said; without what was not, if that is known."""
        words, tokens = self._attended(decoding, decoded)
        evidence = decoded.evidence
        stretches = evidence.voice.stretches if evidence.voice else 0
        heard = words_heard(words, stretches)
        if 0 < heard < len(words):
            words, said = words[:heard], [token for word in tokens[:heard] for token in word]
            evidence = replace(evidence, text=self._text(decoding, said))
            decoded = replace(decoded, tokens=said, newest=(), full=False)
        alone = 1 < times_said(evidence.text) <= stretches
        repeated = heard > 0 or alone or was_repeated(words)
        return replace(
            decoded,
            evidence=replace(evidence, repeated=repeated),
            said_to_ms=words[-1].end_ms if words else 0,
        )

    # -- more words than fit into one decode ----------------------------------------------------

    def _go_on(self, decoding: _Decoding, decoded: Decoded) -> bool:
        """Keep the words up to a pause, and leave what follows it to decode; False where no pause
        gets the job ahead."""
        timed, rest_ms = self._first_part(decoding, decoded)
        if rest_ms < MIN_PART_MS:
            return False
        job = decoding.job
        before_ms = decoding.said[-1].end_ms if decoding.said else 0
        words = [word for word, _ in timed] if _wants_words(job) else []
        decoding.said.append(
            _Part(
                tokens=[token for _, tokens in timed for token in tokens],
                words=_shifted(words, before_ms),
                log_probability=decoded.evidence.log_probability,
                end_ms=before_ms + rest_ms,
            )
        )
        decoding.job = replace(job, audio=job.audio[ms_to_samples(rest_ms) :], voice=None)
        decoding.mel = decoding.mel[:, window_frames(rest_ms / 1000) :]
        decoding.attempt = decoding.attempt.go_on(rest_ms)
        return True

    def _first_part(
        self, decoding: _Decoding, decoded: Decoded
    ) -> tuple[list[tuple[Word, list[int]]], int]:
        """The words to keep, see `_timed`, and where in ms of the audio the rest begins; 0 where no
        more was said than was written."""
        rest_ms = self._stops_at(decoding, decoded)
        if rest_ms is not None:
            return self._timed(decoding, decoded, rest_ms), rest_ms
        if not decoded.full:
            return [], 0
        timed = self._timed(decoding, decoded)
        count, rest_ms = last_pause([word for word, _ in timed])
        return timed[:count], rest_ms

    def _stops_at(self, decoding: _Decoding, decoded: Decoded) -> int | None:
        """Where in ms of the audio a text ends that stops before the speech does, or None."""
        if not may_stop_early(decoding.attempt, decoded):
            return None
        if decoded.said_to_ms is None:
            decoded = self._aligned(decoding, decoded)
        end_ms = (decoded.said_to_ms or 0) - LAG_MS.get(self.info.name, 0)
        if not stops_early(decoding.attempt, end_ms):
            return None
        return pause_near(decoding.job.audio, end_ms)

    def _joined(
        self, decoding: _Decoding, last: Decoded, words: Sequence[Word]
    ) -> tuple[Decoded, list[Word]]:
        """What was decoded in parts as if it had been in one; `words` are those of the last part."""
        said = decoding.said
        tokens = [token for part in said for token in part.tokens] + last.tokens
        whole = replace(
            last.evidence,
            text=self._text(decoding, tokens),
            log_probability=min(
                last.evidence.log_probability, *(part.log_probability for part in said)
            ),
        )
        before = [word for part in said for word in part.words]
        after = _shifted(words, said[-1].end_ms)
        return replace(last, tokens=tokens, evidence=whole), [*before, *after]

    def _text(self, decoding: _Decoding, tokens: Sequence[int]) -> str:
        """The text of a run of tokens, as it leaves the model."""
        return self._written(decoding, [self._tokenizer(decoding).decode(tokens).strip()])[0]

    @staticmethod
    def _written(decoding: _Decoding, texts: Sequence[str]) -> list[str]:
        """Parts of one text as they leave the model: Chinese in the script that was asked for."""
        if decoding.language != "zh" or decoding.job.decode_options.task == "translate":
            return list(texts)
        return write_parts(texts, decoding.job.decode_options.script)

    # -- prompts --------------------------------------------------------------------------------

    def _tokenizer(self, decoding: _Decoding) -> Tokenizer:
        key = (decoding.language, decoding.job.decode_options.task)
        if key not in self._tokenizers:
            self._tokenizers[key] = Tokenizer(
                self._model.hf_tokenizer,
                self.info.multilingual,
                task=decoding.job.decode_options.task,
                language=decoding.language,
            )
        return self._tokenizers[key]

    def _prompt(self, decoding: _Decoding) -> list[int]:
        tokenizer = self._tokenizer(decoding)
        prompt: list[int] = []
        if context := decoding.attempt.context:
            # "<|endoftext|>" as a word of a client would be the token: special ones are left out.
            words = [token for token in tokenizer.encode(" " + context) if token < tokenizer.eot]
            prompt = [tokenizer.sot_prev, *words[-MAX_PROMPT_TOKENS:]]
        return [*prompt, *tokenizer.sot_sequence, tokenizer.no_timestamps]


def _shifted(words: Sequence[Word], by_ms: int) -> list[Word]:
    return [
        replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms) for word in words
    ]


def _wants_words(job: Job) -> bool:
    """Whether its words are timed: those of a final alone, a partial has none on the wire."""
    return job.decode_options.words and job.kind == "final"


def _context(decode_options: DecodeOptions) -> str:
    """What the client wants the model to have read before."""
    return " ".join([*decode_options.hotwords, decode_options.prompt]).strip()


def _alike(decodings: Sequence[_Decoding]) -> list[list[_Decoding]]:
    """Groups that can be decoded in one call.

    Its kind and window hold for all of a call. The start token must stand at the same place in every
    prompt, so contexts must be equal. Words are aligned on the encoding of one job.
    """
    groups: dict[Hashable, list[_Decoding]] = defaultdict(list)
    for decoding in decodings:
        job = decoding.job
        alone = job.id if _wants_words(job) else None
        groups[job.kind, job.window_s, _context(job.decode_options), alone].append(decoding)
    return list(groups.values())


def _to_numpy(array: ctranslate2.StorageView) -> NDArray[np.float32]:
    """What lies on any device, in any type, as an array; without a copy where it is one already."""
    if array.device != "cpu":
        array = array.to_device(ctranslate2.Device.cpu)
    if array.dtype != ctranslate2.DataType.float32:
        array = array.to(ctranslate2.DataType.float32)
    return np.asarray(array)


def choose_device(device: str) -> tuple[str, int]:
    """The kind of device and its number: of `cuda:1`, or of `auto`, a GPU where there is one."""
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    kind, _, number = device.partition(":")
    return kind, int(number or 0)


def choose_compute_type(device: str, compute_type: str) -> str:
    """`default` becomes what is fast and accurate enough there: int8 on CPU, float16 on GPU."""
    if compute_type != "default":
        return compute_type
    supported = ctranslate2.get_supported_compute_types(device)
    wanted = ("int8", "float32") if device == "cpu" else ("float16", "int8_float32", "float32")
    return next(name for name in wanted if name in supported)


def choose_parallelism(
    device: str, replicas: int, threads: int, beside: int = 1
) -> tuple[int, int]:
    """(replicas, threads of each) where 0 was asked for; `beside` workers share the device.

    On a CPU one thread a replica wins: two replicas of one thread decode 2.7 times as much as one of
    two threads. On a GPU replicas would take turns.
    """
    if device != "cpu":
        return replicas or 1, threads or 1
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    cores = max(cores // beside, 1)
    replicas = replicas or min(cores, 8)
    return replicas, threads or max(1, cores // replicas)


def load(options: dict[str, Any]) -> Decoder:
    """What the worker calls: with the options of WhisperDecoder, and `partial_model`, the name of the
    model that decodes partials; None for the same one."""
    partial_model, same = options["partial_model"], dict(options)
    del same["partial_model"]
    finals = WhisperDecoder(**same)
    if partial_model in (None, options["name"]):
        return finals
    return TwoModels(finals, WhisperDecoder(**same | {"name": partial_model}))
