"""Deepgram's Flux, `/v2/listen`: turns, for voice agents. Pure.

A turn is what is said up to a pause that ends it. `EagerEndOfTurn` is the text of a pause that may end
it, `TurnResumed` takes it back.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from surtitle.captioning.stability import join
from surtitle.errors import BadMessage, WireError
from surtitle.gateway.dialects.deepgram import INTERIM_CONFIDENCE, Event, parse_event
from surtitle.gateway.dialects.deepgram_query import (
    MANUAL_EOT_THRESHOLD,
    BadQuery,
    FluxWishes,
    read_thresholds,
)
from surtitle.gateway.dialects.dialect import (
    Action,
    Actions,
    Audio,
    Change,
    Close,
    Flush,
    Open,
    Say,
    Stop,
)
from surtitle.gateway.dialects.openai_files import Json
from surtitle.gateway.dialects.words import hotwords, seconds, spread, words_of
from surtitle.messages import (
    Ended,
    Failed,
    Final,
    Flushed,
    Partial,
    Pause,
    PauseOver,
    ServerMessage,
    Suppressed,
    Update,
    WordTiming,
)

IDLE_TIMEOUT_S = 60.0
"""Without audio, a message or a ping."""
UNFINISHED_CONFIDENCE, FINISHED_CONFIDENCE = 0.4, 0.8
"""That a turn ends with a pause in the middle of a sentence, or at its end. These two are all that is
known."""
MAX_TURN_MS = 120_000
"""Of a turn without a pause, which ends where it is cut then: each event repeats all of it."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """What was said in a turn by now."""

    text: str = ""
    words: list[WordTiming] = field(default_factory=list)
    end_ms: int = 0

    def and_then(self, text: str, words: list[WordTiming] | None, end_ms: int) -> "_Heard":
        """With what follows."""
        return _Heard(join(self.text, text), [*self.words, *(words or [])], end_ms)


class Flux:
    """The translator of one connection, see Dialect."""

    idle_timeout_s = IDLE_TIMEOUT_S
    hears_pings = True  # its clients have no `KeepAlive`
    owed = 0

    def __init__(self, wishes: FluxWishes, request_id: str) -> None:
        self._wishes = wishes
        self._eot_threshold = wishes.eot_threshold
        self._eager_eot_threshold = wishes.eager_eot_threshold
        self._request_id = request_id
        self._keyterms = list(wishes.keyterms)
        self._said = 0  # messages
        self._turn = 0
        self._is_in_turn = False  # its start was told
        self._is_eager = False  # an end was told that is not sure
        self._before = _Heard()  # of the turn, in utterances that were cut
        self._heard = _Heard()
        self._begin_ms = 0  # of the turn
        self._forced = 0  # ends that the client wants and that have not come
        self._is_stopped = False

    # -- see Dialect ----------------------------------------------------------------------------

    def begin(self) -> Actions:
        """See Dialect."""
        yield Open(self._wishes.start)
        yield self._say("Connected")

    def take_bytes(self, data: bytes) -> Actions:
        """See Dialect."""
        if not self._is_stopped:
            yield Audio(data)

    def take_text(self, text: str) -> Actions:
        """See Dialect."""
        event = parse_event(text)
        match event.type:
            case "CloseStream":
                if not self._is_stopped:
                    self._is_stopped = True
                    yield Stop()
            case "KeepAlive":
                pass
            case "ForceEndTurn":
                if not self._is_stopped:
                    self._forced += 1
                    yield Flush()
            case "Configure":
                yield from self._configure(event)
            case name:
                raise BadMessage(f"Unknown message type {name[:40]!r}.")

    def tell(self, message: ServerMessage, channel: int) -> Actions:
        """See Dialect."""
        match message:
            case Partial():
                if text := (message.stable + message.unstable).strip():
                    words = spread(text, message.start_ms, message.end_ms, INTERIM_CONFIDENCE)
                    yield from self._hear(message, text, words)
            case Pause():
                yield from self._on_pause(message)
            case PauseOver():
                if self._is_eager:
                    self._is_eager = False
                    yield self._info("TurnResumed", 0.0)
            case Final() | Suppressed() | Failed():
                yield from self._on_answer(message)
            case Flushed():
                is_answered = self._heard is self._before  # nothing was said since that
                if self._forced and self._is_in_turn and is_answered:
                    yield self._end("manual")
                self._forced = max(0, self._forced - message.flushes)
            case Ended():
                if self._is_in_turn:
                    yield self._end("model")
                yield Close()

    def fail(self, error: WireError) -> Actions:
        """See Dialect."""
        kind = "Warning" if error.close_code is None else "Error"
        yield self._say(kind, code=error.code.upper(), description=str(error))
        if error.close_code is not None:  # after any code but 1000, their own client connects again
            yield Close() if self._is_stopped else Close(1011, error.code)

    def leave(self) -> Actions:
        """See Dialect."""
        if self._is_stopped:
            yield Close()

    # -- turns ----------------------------------------------------------------------------------

    def _hear(
        self, message: Partial | Pause | Final, text: str, words: list[WordTiming] | None
    ) -> Iterator[Say]:
        """Something is said in a turn, maybe the first thing."""
        is_first = not self._is_in_turn
        if is_first:
            self._is_in_turn, self._begin_ms = True, message.start_ms
        self._heard = self._before.and_then(text, words, message.end_ms)
        if is_first:
            yield self._info("StartOfTurn", 0.0)
        elif isinstance(message, Partial) and not self._is_eager:
            yield self._info("Update", 0.0)

    def _on_pause(self, pause: Pause) -> Iterator[Say]:
        confidence = FINISHED_CONFIDENCE if pause.finished else UNFINISHED_CONFIDENCE
        if confidence >= (self._eager_eot_threshold or 1.0):
            yield from self._hear(pause, pause.text, pause.words)
            self._is_eager = True
            yield self._info("EagerEndOfTurn", confidence)

    def _on_answer(self, answer: Final | Suppressed | Failed) -> Iterator[Say]:
        if isinstance(answer, Final) and answer.text:
            yield from self._hear(answer, answer.text, words_of(answer))
        else:
            self._heard = self._before.and_then("", None, answer.end_ms)
        if not self._is_in_turn:
            return
        is_long = answer.end_ms - self._begin_ms >= MAX_TURN_MS
        goes_on = answer.ended_by == "length" or (self._is_manual and answer.ended_by == "pause")
        if goes_on and not is_long:
            self._before = self._heard
            return
        is_forced = answer.ended_by == "flush" and self._forced > 0
        yield self._end("manual" if is_forced else "model")

    def _end(self, trigger: Literal["manual", "model"]) -> Say:
        """The turn ends with what was heard of it."""
        confidence = max(self._eot_threshold, FINISHED_CONFIDENCE)
        end = self._info("EndOfTurn", confidence, trigger=trigger)
        self._turn += 1
        self._is_in_turn = self._is_eager = False
        self._before = _Heard()
        return end

    @property
    def _is_manual(self) -> bool:
        """Whether no pause ends a turn. Silence may still end an utterance at its greatest length."""
        return self._eot_threshold == MANUAL_EOT_THRESHOLD

    def _configure(self, event: Event) -> Iterator[Action]:
        thresholds = event.thresholds or {}
        query = {name: [str(value)] for name, value in thresholds.items() if value is not None}
        try:
            eot, eager = read_thresholds(query)
        except BadQuery as error:
            yield self._say("ConfigureFailure", code="INVALID_THRESHOLDS", description=str(error))
            return
        was_manual, self._eot_threshold = self._is_manual, eot or self._eot_threshold
        if self._is_manual != was_manual:
            yield Change(Update(endpointing=was_manual))
            if was_manual and self._is_in_turn and self._heard is self._before:
                yield self._end("model")  # the pause after it has been already
        if "eager_eot_threshold" in thresholds:  # null turns it off
            self._eager_eot_threshold = eager
        if event.keyterms is not None:
            self._keyterms = event.keyterms
            yield Change(Update(hotwords=hotwords(event.keyterms)))
        yield self._say(
            "ConfigureSuccess",
            thresholds={
                "eot_threshold": self._eot_threshold,
                "eager_eot_threshold": self._eager_eot_threshold,
            },
            keyterms=self._keyterms,
        )

    def _info(self, event: str, confidence: float, **more: str) -> Say:
        return self._say(
            "TurnInfo",
            event=event,
            turn_index=self._turn,
            audio_window_start=seconds(self._begin_ms),
            audio_window_end=seconds(self._heard.end_ms),
            transcript=self._heard.text,
            words=[
                {
                    "word": word.text,
                    "confidence": word.confidence,
                    "start": seconds(word.start_ms),
                    "end": seconds(word.end_ms),
                }
                for word in self._heard.words
            ],
            end_of_turn_confidence=confidence,
            **more,
        )

    def _say(self, kind: str, **fields: Any) -> Say:
        number, self._said = self._said, self._said + 1
        message: Json = {"type": kind, "request_id": self._request_id, "sequence_id": number}
        return Say(json.dumps(message | fields, ensure_ascii=False))
