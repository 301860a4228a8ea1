"""One session: bytes, probabilities and results in; jobs and messages out.

Goals: no clock, no I/O, and every input answered by outputs that the owner fetches with `jobs()` and
`messages()` after it. What a client asks for at a point of its audio (`update`, `flush`, `stop`)
takes effect at that sample, when voice activity gets there, so that the outcome does not depend on
how far the server happens to be.

An utterance goes through three states:

    open --(endpoint, cut, flush, stop)--> waiting for its final --(result)--> answered

Answers leave in the order of the utterances: one that comes early waits for those before it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from surtitle.captioning.audio import AudioBuffer, open_decoder
from surtitle.captioning.endpointing import (
    WINDOW_SAMPLES,
    Closed,
    Endpointer,
    EndpointingOptions,
    Opened,
    PartialDue,
)
from surtitle.captioning.stability import Stabilizer
from surtitle.errors import BadMessage, BadStart
from surtitle.jobs import (
    SAMPLE_RATE,
    Job,
    JobKind,
    ModelInfo,
    Recipe,
    Result,
    samples_to_ms,
)
from surtitle.messages import (
    Ack,
    Ended,
    Error,
    Failed,
    Final,
    Partial,
    Ready,
    ServerMessage,
    ServiceState,
    Speech,
    Start,
    Status,
    Suppressed,
    Update,
    WordTiming,
)

_AUTO = "auto"


def whisper_language(tag: str | None, model: ModelInfo) -> str | None:
    """A BCP 47 tag as the model's language code; None to detect. Raises BadStart."""
    if tag is None or tag == _AUTO:
        return None if model.multilingual else model.languages[0]
    code = tag.split("-")[0].lower()
    if code not in model.languages:
        known = ", ".join(model.languages[:8]) + (" …" if len(model.languages) > 8 else "")
        raise BadStart(
            f"The model {model.name} does not know the language {tag!r}; it knows {known}. "
            "Choose one of these, or start the server with a multilingual model."
        )
    return code


def make_recipe(start: Start, model: ModelInfo) -> Recipe:
    """What of a `start` reaches the model. Raises BadStart for what the model cannot do."""
    if start.task == "translate" and not model.multilingual:
        raise BadStart(
            f"The model {model.name} is for {model.languages[0]} only and cannot translate; "
            "start the server with a multilingual model such as base."
        )
    allowed = tuple(
        code for tag in start.languages if (code := whisper_language(tag, model)) is not None
    )
    return Recipe(
        language=whisper_language(start.language, model),
        languages=allowed,
        task=start.task,
        hotwords=tuple(start.hotwords),
        prompt=start.prompt,
        words=start.words,
    )


@dataclass(slots=True)
class _Utterance:
    """An utterance that is not answered yet."""

    number: int
    start: int  # absolute sample
    recipe: Recipe
    partials: bool
    end: int | None = None  # None while it is open
    jobs: int = 0
    shown_to: int = 0  # end of the newest partial that was shown, absolute sample
    stabilizer: Stabilizer = field(default_factory=Stabilizer)
    final: Result | None = None


class CaptionSession:
    """The state of one stream of audio. See the module's docstring.

    `position` of the audio is in samples at 16 kHz; `received` and `safe` count payload bytes.
    """

    def __init__(
        self,
        session_id: str,
        start: Start,
        endpointing: EndpointingOptions,
        model: ModelInfo,
        last_seq: int = 0,
    ) -> None:
        """Raises BadStart where `start` asks for what the model cannot do.

        `last_seq` is the number of messages that the client was sent before the session opened.
        """
        self.id = session_id
        self._model = model
        self._start = start
        self._recipe = make_recipe(start, model)
        self._partials = start.partials
        changes = {
            name: value
            for name in ("endpoint_silence_ms", "max_utterance_ms")
            if (value := getattr(start, name)) is not None
        }
        self._endpointer = Endpointer(replace(endpointing, **changes))
        self._decoder = open_decoder(start.encoding, start.sample_rate, start.channels)
        self._audio = AudioBuffer()
        self._given = 0  # windows handed out for scoring, by the sample after the last one
        self._levels: deque[float] = deque()  # of the windows handed out and not judged
        self._marks: deque[tuple[int, Callable[[], None]]] = deque()  # what to do at which sample
        self._received = 0  # payload bytes
        self._safe = 0  # payload bytes
        self._utterances: deque[_Utterance] = deque()  # unanswered, oldest first
        self._opened = 0  # how many utterances were opened
        self._seq = last_seq
        self._messages: deque[ServerMessage] = deque()
        self._jobs: deque[Job] = deque()
        self.stopping = False  # `stop` was taken
        self._audio_end: int | None = None  # samples in all, known once `stop` was taken
        self._answered_ms = {"captioned": 0, "suppressed": 0, "failed": 0}
        self.ended = False

    # -- inputs ---------------------------------------------------------------------------------

    def receive_audio(self, data: bytes) -> None:
        """Take the next bytes of payload. Raises BadAudio; BadMessage after `stop`."""
        if self.stopping:
            raise BadMessage("Audio after `stop` is ignored.")
        self._received += len(data)
        self._audio.append(self._decoder.feed(data))

    def take_windows(self, limit: int) -> NDArray[np.int16]:
        """Up to `limit` windows to score next, in order; shape (n, WINDOW_SAMPLES), n may be 0.

        Each must be answered, in order, by `receive_probabilities`.
        """
        count = min((self._audio.end - self._given) // WINDOW_SAMPLES, limit)
        end = self._given + count * WINDOW_SAMPLES
        windows = self._audio.slice(self._given, end).reshape(count, WINDOW_SAMPLES)
        self._given = end
        levels = np.sqrt(np.mean(np.square(windows, dtype=np.float64), axis=1))
        self._levels.extend(levels.tolist())
        return windows

    def receive_probabilities(self, probabilities: Sequence[float]) -> None:
        """Take the speech probabilities (0-1) of the next windows given out."""
        for probability in probabilities:
            for event in self._endpointer.push(probability, self._levels.popleft()):
                self._on_event(event)
            self._reach_marks()
        self._settle()

    def receive_result(self, result: Result) -> None:
        """Take the result of a job. One that nobody waits for any more is ignored."""
        utterance = self._waiting_for(result.job_id)
        if utterance is None:
            return
        if result.job_id.endswith("/final"):
            utterance.final = result
            self._answer()
        elif utterance.final is None and not result.error_code and not result.suppressed:
            self._show_partial(utterance, result)
        self._settle()

    def update(self, update: Update) -> None:
        """Change what is wanted, from the next utterance on. Raises BadStart as at the start."""
        changes = {
            name: value
            for name in update.__struct_fields__
            if (value := getattr(update, name)) is not None
        }
        start = structs.replace(self._start, **changes)
        recipe = make_recipe(start, self._model)
        self._start = start

        def apply() -> None:
            self._recipe, self._partials = recipe, start.partials

        self._mark(apply)

    def flush(self) -> None:
        """End the open utterance after the audio received so far."""
        self._mark(self._flush)

    def stop(self) -> None:
        """No more audio. What is left is answered, then `ended` follows. Raises BadAudio."""
        if self.stopping:
            return
        self.stopping = True
        self._audio.append(self._decoder.finish())
        self._audio_end = self._audio.end
        # Fill the last window with silence: it must be scored to be answered.
        self._audio.append(np.zeros(-self._audio.end % WINDOW_SAMPLES, np.int16))
        self._mark(self._flush)
        self._settle()

    def say(self, state: ServiceState, message: str) -> None:
        """Tell the client how the service is."""
        self._send(Status(seq=self._next_seq(), state=state, message=message))

    def make_error(self, code: str, message: str, *, fatal: bool) -> Error:
        """An `error` with its place in the order of messages, to be sent at once."""
        return Error(seq=self._next_seq(), code=code, message=message, fatal=fatal)

    def greet(self, token: str, resume_window_s: int) -> None:
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
            )
        )

    def close(self) -> None:
        """Let go of what the decoder holds; the session is not used afterwards."""
        self._decoder.close()

    # -- outputs --------------------------------------------------------------------------------

    def jobs(self) -> list[Job]:
        """The jobs that came up since the last call."""
        jobs = list(self._jobs)
        self._jobs.clear()
        return jobs

    def messages(self) -> list[ServerMessage]:
        """The messages that came up since the last call, in order."""
        messages = list(self._messages)
        self._messages.clear()
        return messages

    def ack(self) -> Ack:
        """How far audio has come, and how far it is answered."""
        return Ack(received=self._received, safe=self._safe)

    @property
    def unanswered_s(self) -> float:
        """Seconds of audio that are held because they are not answered yet."""
        return (self._audio.end - self._settled_sample()) / SAMPLE_RATE

    @property
    def idle(self) -> bool:
        """Whether nothing is open, waiting for a result or waiting to be scored."""
        unscored = self._audio.end - self._endpointer.position >= WINDOW_SAMPLES
        return not self._utterances and not self._marks and not unscored

    # -- inside ---------------------------------------------------------------------------------

    def _on_event(self, event: Opened | PartialDue | Closed) -> None:
        match event:
            case Opened(start_sample):
                self._opened += 1
                utterance = _Utterance(self._opened, start_sample, self._recipe, self._partials)
                self._utterances.append(utterance)
                self._send(
                    Speech(
                        seq=self._next_seq(),
                        utterance=utterance.number,
                        start_ms=samples_to_ms(start_sample),
                    )
                )
            case PartialDue(end_sample):
                utterance = self._utterances[-1]
                if utterance.partials:
                    self._submit(
                        utterance, "partial", min(end_sample, self._audio_end or end_sample)
                    )
            case Closed(end_sample):
                utterance = self._utterances[-1]
                utterance.end = min(end_sample, self._audio_end or end_sample)
                self._submit(utterance, "final", utterance.end)

    def _submit(self, utterance: _Utterance, kind: JobKind, end: int) -> None:
        utterance.jobs += 1
        self._jobs.append(
            Job(
                # The end of the audio is part of the id: a partial's result tells what it covers.
                id=f"{self.id}/{utterance.number}/{end}/{kind}",
                session=self.id,
                utterance=utterance.number,
                kind=kind,
                audio=self._audio.slice(utterance.start, end),
                recipe=utterance.recipe,
            )
        )

    def _waiting_for(self, job_id: str) -> _Utterance | None:
        number = int(job_id.split("/")[1])
        return next((u for u in self._utterances if u.number == number), None)

    def _show_partial(self, utterance: _Utterance, result: Result) -> None:
        end = int(result.job_id.split("/")[2])
        if end <= utterance.shown_to or not result.text:
            return
        utterance.shown_to = end
        stable, unstable = utterance.stabilizer.update(result.text)
        self._send(
            Partial(
                seq=self._next_seq(),
                utterance=utterance.number,
                start_ms=samples_to_ms(utterance.start),
                end_ms=samples_to_ms(end),
                stable=stable,
                unstable=unstable,
            )
        )

    def _answer(self) -> None:
        """Send the answers that are there, up to the first utterance that has none."""
        while self._utterances and (result := self._utterances[0].final) is not None:
            utterance = self._utterances.popleft()
            assert utterance.end is not None
            start_ms, end_ms = samples_to_ms(utterance.start), samples_to_ms(utterance.end)
            place = {
                "seq": self._next_seq(),
                "utterance": utterance.number,
                "start_ms": start_ms,
                "end_ms": end_ms,
            }
            message: ServerMessage
            if result.error_code is not None:
                part = "failed"
                message = Failed(**place, code=result.error_code, message=result.error)
            elif result.suppressed is not None:
                part = "suppressed"
                message = Suppressed(**place, reason=result.suppressed)
            else:
                part = "captioned"
                message = Final(
                    **place,
                    text=result.text,
                    language=result.language,
                    language_probability=round(result.language_probability, 3),
                    confidence=round(result.confidence, 3),
                    words=_session_words(result, start_ms) if utterance.recipe.words else None,
                )
            self._answered_ms[part] += end_ms - start_ms
            self._send(message)

    def _mark(self, action: Callable[[], None]) -> None:
        """Do `action` once voice activity has judged the audio received so far."""
        self._marks.append((self._audio.end, action))
        self._reach_marks()

    def _reach_marks(self) -> None:
        position = self._endpointer.position
        # A mark inside the newest window is reached when less than a window is left to judge.
        while self._marks and self._marks[0][0] - position < WINDOW_SAMPLES:
            self._marks.popleft()[1]()

    def _flush(self) -> None:
        for event in self._endpointer.flush():
            self._on_event(event)

    def _settled_sample(self) -> int:
        """The sample before which everything is answered."""
        return self._utterances[0].start if self._utterances else self._endpointer.settled

    def _settle(self) -> None:
        """After any input: free audio that is answered, move `safe`, and see whether it is over."""
        over = self._audio_end is not None and self.idle
        settled = self._audio.end if over else self._settled_sample()
        self._audio.discard_before(min(settled, self._given))
        safe = self._received if over else self._decoder.bytes_before(settled)
        self._safe = max(self._safe, min(safe, self._received))
        if over and not self.ended:
            assert self._audio_end is not None
            self.ended = True
            audio_ms = samples_to_ms(self._audio_end)
            self._send(
                Ended(
                    seq=self._next_seq(),
                    audio_ms=audio_ms,
                    captioned_ms=self._answered_ms["captioned"],
                    silence_ms=audio_ms - sum(self._answered_ms.values()),
                    suppressed_ms=self._answered_ms["suppressed"],
                    failed_ms=self._answered_ms["failed"],
                    utterances=self._opened,
                )
            )

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _send(self, message: ServerMessage) -> None:
        self._messages.append(message)


def _session_words(result: Result, start_ms: int) -> list[WordTiming]:
    return [
        WordTiming(
            text=word.text,
            start_ms=start_ms + word.start_ms,
            end_ms=start_ms + word.end_ms,
            confidence=round(word.confidence, 3),
        )
        for word in result.words
    ]
