"""One session: bytes, probabilities and results in; jobs and messages out.

Goals: no clock, no I/O, and every input answered by outputs that the owner fetches with `jobs()` and
`messages()` after it. What a client asks for at a point of its audio (`update`, `flush`, `stop`)
takes effect at that sample, when voice activity gets there, so that the outcome does not depend on
how far the server happens to be.

An utterance goes through three states:

    open --(endpoint, cut, flush, stop)--> waiting for its final --(result)--> answered

Answers leave in the order of the utterances: one that comes early waits for those before it.

What is decoded ahead of time, in a pause that may be the end, is the business of `speculation`; where
speech goes on, the text of the pause is the prefix of the partials of a long utterance, and only the
audio after it is decoded for them.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import UNSET, structs
from numpy.typing import NDArray

from surtitle.captioning.answers import Account, answer
from surtitle.captioning.audio import AudioBuffer, RawDecoder
from surtitle.captioning.bandwidth import is_narrow_band
from surtitle.captioning.caption import Caption, Shown
from surtitle.captioning.decode_options import decode_options_bytes, make_decode_options
from surtitle.captioning.endpointing import (
    WINDOW_SAMPLES,
    Closed,
    Endpointer,
    EndpointingOptions,
    Event,
    Opened,
    Paused,
    PauseLasted,
    Resumed,
    for_files,
)
from surtitle.captioning.format_check import FormatCheck
from surtitle.captioning.language import fits, may_show, with_language
from surtitle.captioning.marks import MarkKind, Marks
from surtitle.captioning.pacing import MIN_INTERVAL_MS, PartialPace
from surtitle.captioning.replacing import Replacements
from surtitle.captioning.revising import Revising
from surtitle.captioning.sentence import is_finished
from surtitle.captioning.speculation import (
    Action,
    Cancel,
    Finalize,
    Judge,
    Keep,
    Promote,
    Show,
    ShowAll,
    Submit,
    SubmitFinal,
)
from surtitle.captioning.stability import confidences, join
from surtitle.captioning.utterance import Asked, Utterance, joined, with_words
from surtitle.errors import BadMessage, DamagedAudio, UnlikelyEncoding
from surtitle.jobs import (
    MAX_WINDOW_S,
    SAMPLE_BYTES,
    SAMPLE_RATE,
    DecodeOptions,
    Job,
    JobKind,
    ModelInfo,
    Pcm16,
    Result,
    ms_to_samples,
    samples_to_ms,
)
from surtitle.messages import (
    CONTAINERS,
    RAW,
    Ack,
    ContainerEncoding,
    Error,
    Final,
    Flushed,
    Partial,
    Pause,
    PauseOver,
    Ready,
    Revised,
    ServerMessage,
    ServiceState,
    Speech,
    Start,
    Status,
    Update,
    updated,
)

MAX_WISHES_BYTES = 1 << 18
"""Of updates that wait for their sample. Beyond that no more is read: nothing is lost by it."""
FULL_UTILIZATION = 0.9
"""With so much of the engine's time taken there is none for better texts."""
MAX_UNSCORED = 2 * SAMPLE_RATE
"""Samples that may wait for voice activity. Where that is behind, to read on only costs it the time
that it lacks: a server with too many sessions fell back to a tenth of what it can do."""
MAX_UNANSWERED = 100
"""Utterances that wait for their answers; the same. Each has wishes of its own, some 50 kB at most."""


@dataclass(frozen=True, slots=True)
class Change:
    """All that is wanted after an update."""

    decode_options: DecodeOptions
    endpointing: EndpointingOptions
    partials: bool
    held_bytes: int


@dataclass(slots=True)
class _Flush:
    """Flushes of one window of voice activity: answered together, so that no flood piles up."""

    sample: int
    times: int
    last_utterance: int = 0  # that was opened before it


def _counted_with(others: deque[_Flush], flush: _Flush) -> bool:
    """Whether it is of the same window as the newest of others, and counted with that now."""
    newest = others[-1] if others else None
    if newest is None or newest.sample // WINDOW_SAMPLES != flush.sample // WINDOW_SAMPLES:
        return False
    newest.times += flush.times
    newest.last_utterance = max(newest.last_utterance, flush.last_utterance)
    return True


class CaptionSession:
    """The state of one stream of audio. See the module's docstring.

    Positions in the audio are samples at 16 kHz.
    """

    def __init__(
        self,
        session_id: str,
        start: Start,
        endpointing: EndpointingOptions,
        model: ModelInfo,
        last_seq: int = 0,
        *,
        partial_interval_ms: int = MIN_INTERVAL_MS,
        partial_window_ms: int = 8000,
        max_backlog_s: float = 60.0,
    ) -> None:
        """Raises BadStart where `start` asks for what the model cannot do.

        `last_seq` is the number of messages that the client was sent before the session opened.
        There are at least `partial_interval_ms` of new speech between two partials.
        Longer audio than `partial_window_ms` is decoded for a partial only where it has no pause.
        The session is `full` with more than `max_backlog_s` of unanswered audio.
        """
        self.id = session_id
        self._model = model
        self._start = start
        self._decode_options = make_decode_options(start, model)
        self._is_live = start.mode == "live"
        self._windows = model.windows
        if not self._is_live:  # the whole window costs time, which there is, and is never too short
            self._windows = replace(model.windows, final_floor_s=MAX_WINDOW_S)
        self._partials = start.partials
        self._spoken = ""  # language of the newest utterance whose language is fixed
        self._sentence_in: str | None = None
        """Language of the newest final, if that ends a sentence."""
        self._usual_endpointing = endpointing if self._is_live else for_files(endpointing)
        self._endpointer = Endpointer(_endpointing(start, self._usual_endpointing))
        self._decoder: RawDecoder | None = None
        self._format_check: FormatCheck | None = None
        if (encoding := RAW.get(start.encoding)) is not None:
            self._decoder = RawDecoder(encoding, start.sample_rate, start.channels)
            self._format_check = FormatCheck(encoding, start.sample_rate, start.channels)
        self._audio = AudioBuffer()
        self._max_backlog_s = max_backlog_s
        self._given = 0  # windows handed out for scoring, by the sample after the last one
        self._scores: deque[tuple[float, float]] = deque()  # of those not judged yet, with levels
        self._marks = Marks()
        self._received = 0  # payload bytes
        self._safe = 0  # payload bytes
        self._utterances: deque[Utterance] = deque()  # unanswered, oldest first
        self._opened = 0  # how many utterances were opened
        self._asked_flushes: deque[_Flush] = deque()  # whose sample is not reached
        self._flushes: deque[_Flush] = deque()  # reached, and not answered
        self._seq = last_seq
        self._messages: deque[ServerMessage] = deque()
        self._replacements = Replacements(start.replacements) if start.replacements else None
        self._jobs: deque[Job] = deque()
        self._promoted: deque[Job] = deque()
        self._cancelled: deque[Job] = deque()
        self._pace = PartialPace(partial_interval_ms)
        self._utilization = 0.0
        self._patient = False  # nobody waits for the captions as they come
        self._revising: Revising | None = None
        # A translation's words have no times, and what is decoded of a file is long enough.
        if start.revisions and start.task == "transcribe" and self._is_live:
            self._revising = Revising(session_id, model.windows, words=start.words)
        self._partial_window = ms_to_samples(partial_window_ms)
        self.stopping = False  # `stop` was taken
        self._audio_end: int | None = None  # samples in all, known once all is decoded
        self._missing = 0  # samples that could not be decoded
        self._account = Account()
        self.ended = False

    # -- inputs ---------------------------------------------------------------------------------

    def receive_audio(self, data: bytes) -> None:
        """Take the next bytes of payload. Raises BadAudio; BadMessage after `stop`.

        Those of a container are only counted: `receive_samples` takes what they hold.
        """
        if self.stopping:
            raise BadMessage("Audio after `stop` is ignored.")
        self._received += len(data)
        if self._decoder is None or self._format_check is None:
            return
        if (found := self._format_check.feed(data)) is not None:
            self._send(self.make_error(UnlikelyEncoding.code, found, fatal=False))
        self._audio.append(self._decoder.feed(data))

    def receive_samples(self, samples: Pcm16) -> None:
        """Take the next samples of a container, shape (n,)."""
        self._audio.append(samples)

    def note_missing(self, start_sample: int, samples: int) -> None:
        """Audio of a container could not be decoded: silence stands for it, or it did not come."""
        if not self._missing:
            at_s, length_s = start_sample / SAMPLE_RATE, max(samples / SAMPLE_RATE, 0.1)
            text = (
                f"{length_s:.1f} s of audio, starting at {at_s:.1f} s, cannot be decoded; the "
                "session continues."
            )
            self._send(self.make_error(DamagedAudio.code, text, fatal=False))
        self._missing += samples

    def take_windows(self, limit: int) -> NDArray[np.int16]:
        """Up to `limit` windows to score next, in order; shape (n, WINDOW_SAMPLES), n may be 0.

        Each must be answered, in order, by `receive_probabilities`.
        """
        count = min((self._audio.end - self._given) // WINDOW_SAMPLES, limit)
        end = self._given + count * WINDOW_SAMPLES
        windows = self._audio.slice(self._given, end).reshape(count, WINDOW_SAMPLES)
        self._given = end
        return windows

    def receive_probabilities(
        self, probabilities: Sequence[float], levels: Sequence[float]
    ) -> None:
        """Take the speech probabilities (0-1) and levels (RMS) of the next windows given out."""
        self._scores.extend(zip(probabilities, levels, strict=True))
        self._judge_windows()
        self._commit()

    def receive_result(self, result: Result) -> None:
        """Take the result of a job. One that nobody waits for any more is ignored."""
        if self._revising is not None and self._revising.is_job(result.job_id):
            self._messages.extend(self._revising.end(result, self._next_seq))
            self._commit()
            return
        utterance = self._waiting_for(result.job_id)
        if utterance is None:
            return
        asked = utterance.asked[result.job_id]
        self._pace.on_result(result.job_id)
        if result.dropped is not None:
            utterance.ends_workers |= result.dropped == "worker_died"
            return
        self._fix_language(utterance, result)
        if not asked.language_known and not fits(utterance.decode_options, result):
            self._ask_again(utterance, result.job_id, asked)
        elif asked.kind == "partial":
            if utterance.final is None:
                self._show(utterance, result, asked.prefix, confidences(result.newest))
        elif utterance.end is None:
            self._do(utterance, utterance.speculation.decoded(result))
            self._reach_marks()
            self._judge_windows()
        elif result.job_id == utterance.final_id:
            self._take_final(utterance, result)
        self._submit_partial_if_due()
        self._commit()

    def adapt_pace(self, utilization: float, *, patient: bool = False) -> None:
        """So much of the engine's time is taken, from 0 to 1: the more, the rarer are partials.

        `patient`: audio comes faster than it was spoken, or the client is away. Nobody reads along
        then, so partials are as rare as can be, and no better text is left out for lack of time.
        """
        self._pace.adapt(1.0 if patient else utilization)
        self._utilization = utilization
        self._patient = patient

    def update(self, update: Update) -> None:
        """Change what is wanted, from the next utterance on. Raises BadStart as at the start."""
        self.apply_update(self.plan_update(update))

    def plan_update(self, update: Update) -> Change:
        """What an update comes to, after those that were planned before. Raises BadStart."""
        start = updated(self._start, update)
        decode_options = make_decode_options(start, self._model)
        self._start = start
        return Change(
            decode_options,
            _endpointing(start, self._usual_endpointing),
            start.partials,
            decode_options_bytes(decode_options),
        )

    def apply_update(self, change: Change) -> None:
        """Want this from the next utterance on, after the audio received so far."""

        def apply() -> None:
            self._decode_options, self._partials = change.decode_options, change.partials
            self._endpointer.change(change.endpointing)

        self._mark("update", apply, change.held_bytes)

    def flush(self, times: int = 1) -> None:
        """End the open utterance after the audio received so far, and say when all is answered.

        It counts for so many `times`. After the end of the audio all will be answered, and `ended` says
        so.
        """
        if self._audio_end is not None:
            return
        flush = _Flush(self._audio.end, times)
        if not _counted_with(self._asked_flushes, flush):
            self._asked_flushes.append(flush)

        def apply() -> None:
            reached = self._asked_flushes.popleft()
            self._end_utterance(reached.sample)
            reached.last_utterance = self._opened
            if not _counted_with(self._flushes, reached):
                self._flushes.append(reached)
            self._answer_flushes()

        self._mark("flush", apply)

    def discard(self) -> None:
        """Throw away the open utterance, as far as audio has come; nothing of it is decoded."""
        if self._audio_end is not None:
            return
        end = self._audio.end

        def apply() -> None:
            self._on_events(self._endpointer.discard(end))
            self._part_revisions()

        self._mark("discard", apply)

    def break_off(self) -> None:
        """End the open utterance in the same way; nobody waits to hear of it."""
        end = self._audio.end
        self._mark("break_off", lambda: self._end_utterance(end))

    def stop(self) -> None:
        """No more audio. What is left is answered, then `ended` follows.

        Of a container, what was sent may still be being decoded: then it ends with `finish_audio`.
        """
        if self.stopping:
            return
        self.stopping = True
        if self._decoder is not None:
            self._audio.append(self._decoder.finish())
            self.finish_audio()

    def finish_audio(self) -> None:
        """All that was sent before `stop` is decoded. Calling it again has no effect."""
        if self._audio_end is not None:
            return
        end = self._audio_end = self._audio.end
        # Fill the last window with silence: it must be scored to be answered.
        self._audio.append(np.zeros(-self._audio.end % WINDOW_SAMPLES, np.int16))
        self._mark("end", lambda: self._on_events(self._endpointer.finish(end)))
        self._commit()

    def say(self, state: ServiceState, message: str) -> None:
        """Tell the client how the service is."""
        self._send(Status(seq=self._next_seq(), state=state, message=message))

    def make_error(self, code: str, message: str, *, fatal: bool, counted: bool = True) -> Error:
        """An `error` with its place in the order of messages, to be sent at once.

        One that is not `counted` is for a connection that the session outlives: whoever has the
        session next would miss its number.
        """
        seq = self._next_seq() if counted else self._seq
        return Error(seq=seq, code=code, message=message, fatal=fatal)

    @property
    def hotwords(self) -> Sequence[str]:
        """The names and terms that are listened for."""
        return self._start.hotwords

    @property
    def wants_revisions(self) -> bool:
        """Whether the client asked for better texts."""
        return self._start.revisions

    def number(self, revised: Revised) -> Revised:
        """A correction with its place in the order of messages, to be sent at once."""
        return structs.replace(revised, seq=self._next_seq())

    def greet(
        self,
        token: str,
        resume_window_s: int,
        watch_token: str | None = None,
        archive_days: int | None = None,
        edit_token: str | None = None,
    ) -> None:
        """Say `ready`; the first message of a session."""
        self._send(
            Ready(
                seq=self._next_seq(),
                session=self.id,
                token=token,
                model=self._model.name,
                sample_rate=self._start.sample_rate,
                resume_window_s=resume_window_s,
                languages=self._model.languages,
                channel=self._start.channel or UNSET,
                watch_token=watch_token or UNSET,
                edit_token=edit_token or UNSET,
                archive_days=UNSET if archive_days is None else archive_days,
            )
        )

    # -- outputs --------------------------------------------------------------------------------

    def jobs(self) -> list[Job]:
        """The jobs that came up since the last call."""
        jobs = list(self._jobs)
        self._jobs.clear()
        return jobs

    def promoted(self) -> list[Job]:
        """Jobs given out as speculative that are waited for now, since the last call."""
        jobs = list(self._promoted)
        self._promoted.clear()
        return jobs

    def cancelled(self) -> list[Job]:
        """Jobs given out whose results are of no use any more, since the last call."""
        jobs = list(self._cancelled)
        self._cancelled.clear()
        return jobs

    def messages(self) -> list[ServerMessage]:
        """The messages that came up since the last call, in order."""
        messages = list(self._messages)
        self._messages.clear()
        if self._replacements is not None:
            return [self._replacements.on(message) for message in messages]
        return messages

    def ack(self) -> Ack:
        """How far audio has come, and how far it is answered."""
        return Ack(received=self._received, safe=self._safe)

    @property
    def container(self) -> ContainerEncoding | None:
        """What holds the audio, to be decoded elsewhere; None for raw audio."""
        return CONTAINERS.get(self._start.encoding)

    @property
    def silent_after_s(self) -> float:
        """How long no audio may come in the middle of an utterance before it is broken off: for ever
        where nobody waits for the captions, and where silence ends no utterance.
        """
        silent_after_ms = self._start.silent_after_ms
        if not (self._is_live and self._start.endpointing and silent_after_ms):
            return math.inf
        return silent_after_ms / 1000

    @property
    def received_s(self) -> float:
        """Seconds of audio that have come."""
        return self._audio.end / SAMPLE_RATE

    @property
    def unanswered_s(self) -> float:
        """Seconds of audio that are held because they are not answered yet."""
        return (self._audio.end - self._committed_sample()) / SAMPLE_RATE

    @property
    def full(self) -> bool:
        """Whether no more should be sent for now."""
        backlog = self.unanswered_s > self._max_backlog_s
        wishes = self._marks.held_bytes > MAX_WISHES_BYTES
        revisions = self._patient and self._revising is not None and self._revising.is_behind
        unscored = self._audio.end - self._given > MAX_UNSCORED
        return backlog or wishes or revisions or unscored or len(self._utterances) > MAX_UNANSWERED

    @property
    def held_bytes(self) -> int:
        """About how much memory is held for the client: its audio, the copies of it that are being
        decoded, and what it wishes.
        """
        held = self._audio.held_bytes + self._marks.held_bytes
        held += 0 if self._revising is None else self._revising.held_bytes
        held += 0 if self._replacements is None else self._replacements.held_bytes
        decode_options: DecodeOptions | None = None
        for utterance in self._utterances:
            end = utterance.speculation.end if utterance.end is None else utterance.end
            held += SAMPLE_BYTES * max(end - utterance.start, 0)
            if (
                decode_options is None
                or decode_options.hotwords is not utterance.decode_options.hotwords
            ):
                decode_options = utterance.decode_options
                held += decode_options_bytes(decode_options)
        return held

    @property
    def revisions_line(self) -> str | None:
        """The name under which jobs are submitted that nobody waits for; None where there are none."""
        return None if self._revising is None else self._revising.line

    @property
    def is_open(self) -> bool:
        """Whether an utterance goes on."""
        return bool(self._utterances) and self._utterances[-1].end is None

    @property
    def idle(self) -> bool:
        """Whether nothing is open, waiting for a result or waiting to be scored."""
        return not self._utterances and not self._marks and not self.has_unscored

    @property
    def has_unscored(self) -> bool:
        """Whether audio waits for voice activity."""
        return self._audio.end - self._endpointer.position >= WINDOW_SAMPLES

    # -- inside ---------------------------------------------------------------------------------

    def _judge_windows(self) -> None:
        """Let the endpointer have the windows that are scored, as far as it can judge them."""
        while self._scores and not self._endpointer.awaits_judgement:
            score, level = self._scores.popleft()
            if events := self._endpointer.push(score, level):
                self._on_events(events)
            self._submit_partial_if_due()
            if self._marks:
                self._reach_marks()
        if self._endpointer.awaits_judgement:
            utterance = self._utterances[-1]
            self._do(utterance, utterance.speculation.needed())

    def _on_event(self, event: Event) -> None:
        match event:
            case Opened(start_sample):
                self._opened += 1
                decode_options = self._decode_options
                if decode_options.language is None:
                    decode_options = replace(decode_options, prior_language=self._spoken)
                utterance = Utterance(
                    self._opened,
                    start_sample,
                    decode_options,
                    self._partials and self._is_live,
                    Caption(start_sample),
                )
                if not self._utterances:
                    utterance.caption.after_sentence_in = self._sentence_in
                self._pace.pass_over(start_sample)
                self._utterances.append(utterance)
                self._send(
                    Speech(
                        seq=self._next_seq(),
                        utterance=utterance.number,
                        start_ms=samples_to_ms(start_sample),
                    )
                )
            case Paused() | PauseLasted() | Resumed() if not self._is_live:
                pass  # nobody waits for the text
            case Paused(end_sample, voice):
                utterance = self._utterances[-1]
                utterance.voice = voice
                end = self._within_audio(end_sample)
                self._pace.pass_over(end_sample)  # what is decoded now takes a partial's place
                self._do(utterance, utterance.speculation.paused(end))
            case PauseLasted():
                utterance = self._utterances[-1]
                self._do(utterance, utterance.speculation.lasted())
            case Resumed():
                utterance = self._utterances[-1]
                self._withdraw(utterance)
                # What came before the pause is decoded: a partial now would hold one new window.
                self._pace.pass_over(self._endpointer.position)
                self._do(utterance, utterance.speculation.resumed(utterance.decode_options))
            case Closed(end_sample, ended_by, voice):
                utterance = self._utterances[-1]
                utterance.ended_by, utterance.voice = ended_by, voice
                end = utterance.end = self._within_audio(end_sample)
                if ended_by == "discard":
                    self._do(utterance, utterance.speculation.resumed(utterance.decode_options))
                    self._withdraw(utterance)
                    utterance.final = Result(job_id="", suppressed="discarded")
                    self._answer()
                else:
                    self._do(utterance, utterance.speculation.closed(end, utterance.decode_options))

    def _do(self, utterance: Utterance, actions: Iterable[Action]) -> None:
        """What speculative decoding asks for."""
        for action in actions:
            match action:
                case Submit(end):
                    job = self._submit(utterance, "final", utterance.start, end, speculative=True)
                    utterance.speculation.submitted(job, end, utterance.voice)
                case Promote(job):
                    self._promoted.append(job)
                case Cancel(job) if job in self._jobs:  # nobody has fetched it yet
                    self._jobs.remove(job)
                case Cancel(job):
                    self._cancelled.append(job)
                case Show(result, all_words):
                    self._show(utterance, result, "", () if all_words else (0.0,))
                    self._announce(utterance, result)
                case ShowAll(end):
                    self._send_partial(utterance, utterance.caption.show_all(end))
                case Judge(sentence):
                    self._on_events(self._endpointer.judge(sentence))
                case Keep(prefix):
                    utterance.keep(prefix)
                case Finalize(job_id, ready):
                    utterance.final_id = job_id
                    if ready is not None:
                        self._take_final(utterance, ready)
                case SubmitFinal():
                    self._withdraw(utterance)
                    self._submit_final(utterance)

    def _within_audio(self, sample: int) -> int:
        """The sample, or the end of the audio where the last window was filled up with silence."""
        return sample if self._audio_end is None else min(sample, self._audio_end)

    def _submit_final(self, utterance: Utterance) -> None:
        """All of it, or what follows the pause at which the model has stopped."""
        assert utterance.end is not None
        before = utterance.before_remainder
        start = utterance.start if before is None else before.end
        utterance.final_id = self._submit(utterance, "final", start, utterance.end).id

    def _take_final(self, utterance: Utterance, result: Result) -> None:
        """The utterance is answered, unless the model has stopped in the middle of it."""
        if (prefix := utterance.before_remainder) is not None:
            result = joined(prefix, utterance.start, result)
        elif (prefix := utterance.stopped_at(utterance.voice, result)) is not None:
            utterance.before_remainder = prefix
            self._submit_final(utterance)
            return
        utterance.final = result
        self._answer()

    def _fix_language(self, utterance: Utterance, result: Result) -> None:
        """Later jobs of the utterance are told the language, once a result is sure of it."""
        fixed = with_language(utterance.decode_options, result)
        if fixed is not utterance.decode_options:
            utterance.decode_options, utterance.probability = fixed, result.language_probability
            self._spoken = result.language

    def _ask_again(self, utterance: Utterance, job_id: str, asked: Asked) -> None:
        """Decode once more what was decoded before the language was fixed to be another one."""
        if asked.kind == "partial":
            return  # the next one knows it
        speculation = utterance.speculation
        if job_id == utterance.final_id:
            self._submit_final(utterance)
        elif utterance.end is None and speculation.is_job(job_id):
            speculative = speculation.is_speculative
            start, end = utterance.start, asked.end
            again = self._submit(utterance, "final", start, end, speculative=speculative)
            speculation.resubmitted(again)

    def _submit_partial_if_due(self) -> None:
        position = self._endpointer.position
        if not self._pace.is_due(position) or not self._endpointer.hears_speech:
            return
        utterance = self._utterances[-1]
        if not utterance.partials or utterance.ends_workers:
            self._pace.pass_over(position)
            return
        utterance.voice = self._endpointer.heard()
        end = self._within_audio(position)
        start = utterance.prefix.end if utterance.prefix else utterance.start
        if end - start > self._partial_window and utterance.next_prefix is not None:
            utterance.prefix, utterance.next_prefix = utterance.next_prefix, None
            start = utterance.prefix.end
        prefix = utterance.prefix.text if utterance.prefix else ""
        job = self._submit(utterance, "partial", start, end, prefix)
        self._pace.on_submitted(job.id, position)

    def _submit(
        self,
        utterance: Utterance,
        kind: JobKind,
        start: int,
        end: int,
        prefix: str = "",
        *,
        speculative: bool = False,
    ) -> Job:
        job_id = f"{self.id}/{utterance.number}/{len(utterance.asked)}/{kind}"
        known = utterance.decode_options.language is not None
        utterance.asked[job_id] = Asked(kind, end, prefix, known)
        audio = self._audio.slice(start, end)
        windows = self._windows
        telephone = kind == "final" and windows.telephone_floor_s > 0 and is_narrow_band(audio)
        job = Job(
            id=job_id,
            session=self.id,
            utterance=utterance.number,
            kind=kind,
            audio=audio,
            decode_options=utterance.decode_options,
            window_s=windows.fit((end - start) / SAMPLE_RATE, kind, telephone=telephone),
            voice=utterance.voice_from(start),
            speculative=speculative,
        )
        self._jobs.append(job)
        return job

    def _waiting_for(self, job_id: str) -> Utterance | None:
        return next((u for u in self._utterances if job_id in u.asked), None)

    def _show(
        self, utterance: Utterance, result: Result, prefix: str, newest: Sequence[float]
    ) -> None:
        """Make a partial of a result, where it shows anything new.

        `newest` are the confidences of its last words, see Caption.hear.
        """
        if utterance.partials and may_show(utterance.decode_options, result):
            text, end = join(prefix, result.text), utterance.asked[result.job_id].end
            self._send_partial(utterance, utterance.caption.hear(text, end, newest))

    def _send_partial(self, utterance: Utterance, shown: Shown | None) -> None:
        if shown is None or not utterance.partials:
            return
        stable, unstable = shown
        self._send(
            Partial(
                seq=self._next_seq(),
                utterance=utterance.number,
                start_ms=samples_to_ms(utterance.start),
                end_ms=samples_to_ms(utterance.caption.heard_to),
                stable=stable,
                unstable=unstable,
            )
        )

    def _announce(self, utterance: Utterance, result: Result) -> None:
        """Tell who wants to know what the final would be, if the utterance ended in this pause."""
        is_text = result.text and may_show(utterance.decode_options, result)
        if not self._start.eager or not is_text:
            return
        start_ms, words = samples_to_ms(utterance.start), None
        text = utterance.caption.foresee(result.text)
        if utterance.decode_options.words:
            text, words = with_words(text, result, start_ms)
        utterance.is_announced = True
        self._send(
            Pause(
                seq=self._next_seq(),
                utterance=utterance.number,
                start_ms=start_ms,
                end_ms=samples_to_ms(utterance.speculation.end),
                text=text,
                finished=is_finished(result.text, result.language),
                confidence=round(result.confidence, 3),
                words=words,
            )
        )

    def _withdraw(self, utterance: Utterance) -> None:
        """What was announced is not the final."""
        if utterance.is_announced:
            utterance.is_announced = False
            self._send(PauseOver(seq=self._next_seq(), utterance=utterance.number))

    def _answer(self) -> None:
        """Send the answers that are there, up to the first utterance that has none."""
        while self._utterances and (result := self._utterances[0].final) is not None:
            utterance = self._utterances.popleft()
            answered = answer(utterance, result, self._next_seq())
            if isinstance(answered, Final):
                self._spoken = answered.language
                self._sentence_in = (
                    answered.language if is_finished(answered.text, answered.language) else None
                )
                if self._revising is not None:
                    self._revising.add(utterance, answered)
            self._account.add(answered)
            self._send(answered)
            if not self._utterances:
                return
            after = self._utterances[0]
            after.caption.after_sentence_in = self._sentence_in
            if utterance.is_cut:
                self._send_partial(after, after.caption.go_on(utterance.caption))

    def _revise(self) -> None:
        """After any input: decode once more what is due, where the engine has time for it."""
        if self._revising is None:
            return
        position = self._endpointer.position
        oldest = self._utterances[0] if self._utterances else None
        over = self._audio_end is not None
        self._revising.listen(position, oldest, patient=self._patient, over=over)
        if not self._patient and (late := self._revising.leave_late(position)) is not None:
            self._cancelled.append(late)
        has_time = self.stopping or self._patient or self._utilization < FULL_UTILIZATION
        if has_time and (job := self._revising.begin(self._audio)) is not None:
            self._jobs.append(job)

    def _mark(self, kind: MarkKind, action: Callable[[], None], held_bytes: int = 0) -> None:
        """Do `action` once voice activity has judged the audio received so far."""
        self._marks.add(self._audio.end, kind, action, held_bytes)
        self._reach_marks()

    def _reach_marks(self) -> None:
        while not self._endpointer.awaits_judgement:
            action = self._marks.take_reached(self._endpointer.position)
            if action is None:
                return
            action()

    def _on_events(self, events: Iterable[Event]) -> None:
        for event in events:
            self._on_event(event)

    def _committed_sample(self) -> int:
        """The sample before which everything is answered."""
        return self._utterances[0].start if self._utterances else self._endpointer.committed

    def _end_utterance(self, sample: int) -> None:
        self._on_events(self._endpointer.flush(sample))
        self._part_revisions()

    def _part_revisions(self) -> None:
        """What follows does not belong to what was said before."""
        if self._revising is not None:
            self._revising.part_after(self._opened)

    def _answer_flushes(self) -> None:
        unanswered = self._utterances[0].number if self._utterances else self._opened + 1
        while self._flushes and self._flushes[0].last_utterance < unanswered:
            flush = self._flushes.popleft()
            audio_ms = samples_to_ms(flush.sample)
            self._send(Flushed(seq=self._next_seq(), audio_ms=audio_ms, flushes=flush.times))

    def _commit(self) -> None:
        """After any input: free audio that is answered, move `safe`, and see whether it is over."""
        self._answer_flushes()
        self._revise()
        over = self._audio_end is not None and self.idle and self._is_mature
        committed = self._audio.end if over else self._committed_sample()
        needed = None if self._revising is None else self._revising.start
        self._audio.discard_before(
            min(committed, self._given, committed if needed is None else needed)
        )
        if over:
            safe = self._received
        else:  # without its header the rest of a container cannot be decoded
            safe = 0 if self._decoder is None else self._decoder.bytes_before(committed)
        self._safe = max(self._safe, min(safe, self._received))
        if over and not self.ended:
            assert self._audio_end is not None
            self.ended = True
            ended = self._account.close(
                seq=self._next_seq(),
                audio_ms=samples_to_ms(self._audio_end),
                missing_ms=samples_to_ms(self._missing),
                utterances=self._opened,
            )
            self._send(ended)

    @property
    def _is_mature(self) -> bool:
        """Whether no final will be revised any more."""
        return self._revising is None or self._revising.is_settled

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _send(self, message: ServerMessage) -> None:
        self._messages.append(message)


def _endpointing(start: Start, usual: EndpointingOptions) -> EndpointingOptions:
    """The usual options, but for what a client wants otherwise."""
    wanted = {
        name: value
        for name in ("endpoint_silence_ms", "max_utterance_ms")
        if (value := getattr(start, name)) is not None
    }
    return replace(usual, **wanted, ends_at_pauses=start.endpointing)
