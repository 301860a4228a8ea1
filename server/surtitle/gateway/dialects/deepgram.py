"""Deepgram's `/v1/listen`, as a stream and as the answer to a file. Pure.

Times count from the first sample. `word` is bare, `punctuated_word` as in the transcript; confidences
are Whisper's own.
"""

import hashlib
import json
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Struct

from surtitle.errors import BadAudio, BadMessage, Busy, IdleTimeout, WireError
from surtitle.gateway.dialects.deepgram_query import Wishes
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
from surtitle.gateway.dialects.openai_files import Json, Transcript, json_parts
from surtitle.gateway.dialects.words import bare, hotwords, seconds, spread, words_of
from surtitle.messages import (
    RAW_SAMPLE_BYTES,
    Ended,
    Failed,
    Final,
    Flushed,
    Partial,
    ServerMessage,
    Speech,
    Suppressed,
    Update,
    WordTiming,
)

IDLE_TIMEOUT_S = 10.0
"""Without audio or `KeepAlive`."""
INTERIM_CONFIDENCE = 0.5
"""Of words that are not final: nobody has asked the model yet."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a request is called."""

    request_id: str
    """A UUID."""
    created: str
    """When it came: ISO 8601, in UTC."""
    model: str


@dataclass(slots=True)
class _Channel:
    """What was said in a channel."""

    shown: int = 0  # the utterance of which there was an interim result
    unanswered: deque[Speech] = field(default_factory=deque)
    last_word_end_ms: int | None = None  # of what is final and has no UtteranceEnd yet
    position_ms: int = 0  # what comes next begins there
    ended: Ended | None = None
    finalizes: int = 0  # that are not answered
    early: int = 0  # of these, by a final, before all of it was

    def answered(self, utterance: int) -> None:
        """An utterance has its answer."""
        while self.unanswered and self.unanswered[0].utterance <= utterance:
            self.unanswered.popleft()


class Deepgram:
    """The translator of one connection, see Dialect."""

    idle_timeout_s = IDLE_TIMEOUT_S
    hears_pings = False

    def __init__(self, wishes: Wishes, identity: Identity) -> None:
        self._wishes = wishes
        self._identity = identity
        self._channels = [_Channel() for _ in range(wishes.channels)]
        self._hash = hashlib.sha256()
        self._rest = b""  # of a frame of samples, where there are several channels
        self._received = 0  # bytes
        self._is_stopped = False

    # -- see Dialect ----------------------------------------------------------------------------

    @property
    def owed(self) -> int:
        """See Dialect."""
        return sum(channel.finalizes for channel in self._channels)

    def begin(self) -> Actions:
        """See Dialect."""
        for channel in range(len(self._channels)):
            yield Open(self._wishes.start, channel)

    def take_bytes(self, data: bytes) -> Actions:
        """See Dialect."""
        if self._is_stopped:
            return
        if not data:
            yield from self._stop()
            return
        self._hash.update(data)
        self._received += len(data)
        if len(self._channels) == 1:
            yield Audio(data)
        else:
            for channel, part in enumerate(self._parted(data)):
                yield Audio(part, channel)
        yield from self._utterance_ends()

    def take_text(self, text: str) -> Actions:
        """See Dialect."""
        event = parse_event(text)
        match event.type:
            case "KeepAlive":
                pass
            case "Finalize":
                if not self._is_stopped:
                    yield from self._finalize(event)
            case "CloseStream":
                yield from self._stop()
            case "Configure":
                yield from self._configure(event)
            case name:
                raise BadMessage(
                    f"Unknown message type {name[:40]!r}; known are KeepAlive, Finalize, CloseStream "
                    "and Configure."
                )

    def tell(self, message: ServerMessage, channel: int) -> Actions:
        """See Dialect."""
        state = self._channels[channel]
        match message:
            case Speech():
                state.unanswered.append(message)
                yield from self._utterance_ends()
                if self._wishes.vad_events:
                    yield _say(
                        type="SpeechStarted",
                        channel=[channel, len(self._channels)],
                        timestamp=seconds(message.start_ms),
                    )
            case Partial() if self._wishes.interim_results:
                yield from self._interim(message, channel)
            case Final():
                yield from self._final(message, channel)
            case Suppressed() | Failed():
                yield from self._nothing(message, channel)
            case Flushed():
                for _ in range(message.flushes):
                    yield from self._flushed(channel, message.audio_ms)
            case Ended():
                state.ended = message
                if all(each.ended for each in self._channels):
                    yield self._metadata()
                    yield Close()

    def fail(self, error: WireError) -> Actions:
        """See Dialect."""
        if error.close_code is None:
            yield _say(
                type="Error",
                variant="SchemaError",
                description=str(error),
                message=str(error),
            )
        elif isinstance(error, BadAudio):
            yield Close(1008, "DATA-0000: The payload cannot be decoded as audio.")
        elif self._is_stopped:  # after any other code, their own client connects again
            yield self._metadata()
            yield Close()
        elif isinstance(error, IdleTimeout):
            yield Close(1011, "NET-0001: No audio or KeepAlive within 10 seconds.")
        elif isinstance(error, Busy):
            yield Close(1013, "The server has no room for this session.")
        else:
            yield Close(1011, "NET-0000: The session has failed.")

    def leave(self) -> Actions:
        """See Dialect."""
        if self._is_stopped:
            yield self._metadata()
            yield Close()

    # -- what the client asks for ---------------------------------------------------------------

    def _stop(self) -> Iterator[Action]:
        if self._is_stopped:
            return
        self._is_stopped = True
        if self._received:
            yield Stop()
        else:  # a container without a byte has no end
            yield self._metadata()
            yield Close()

    def _finalize(self, event: "Event") -> Iterator[Action]:
        number = event.channel
        if number is None:
            ended = self._channels
        elif type(number) is int and 0 <= number < len(self._channels):
            ended = [self._channels[number]]
        else:
            raise BadMessage(f"There is no channel {str(number)[:40]}; the first one is 0.")
        for channel in ended:
            channel.finalizes += 1
        yield Flush(number)

    def _configure(self, event: "Event") -> Iterator[Action]:
        changed: Json = {}
        if event.keyterms is not None:
            yield Change(Update(hotwords=hotwords(event.keyterms)))
            changed["keyterms"] = event.keyterms
        yield _say(type="ConfigureSuccess", request_id=self._identity.request_id, **changed)

    def _parted(self, data: bytes) -> list[bytes]:
        """The samples of each channel."""
        width = RAW_SAMPLE_BYTES[self._wishes.start.encoding]
        count = len(self._channels)
        data = self._rest + data
        whole = len(data) // (width * count) * (width * count)
        self._rest = data[whole:]
        frames = np.frombuffer(data[:whole], np.uint8).reshape(-1, count, width)
        return [frames[:, channel].tobytes() for channel in range(count)]

    # -- what the session says ------------------------------------------------------------------

    def _interim(self, partial: Partial, channel: int) -> Iterator[Action]:
        text = (partial.stable + partial.unstable).strip()
        if not text:
            return
        self._channels[channel].shown = partial.utterance
        span = (partial.start_ms, partial.end_ms)
        words = spread(text, *span, INTERIM_CONFIDENCE)
        yield self._result(channel, text, words, INTERIM_CONFIDENCE, span, is_final=False)

    def _final(self, final: Final, channel: int) -> Iterator[Action]:
        state = self._channels[channel]
        words = words_of(final)
        yield from self._answer(final, channel, final.text, words, final.confidence)
        if words:
            state.last_word_end_ms = words[-1].end_ms
        yield from self._utterance_ends()

    def _nothing(self, answer: Suppressed | Failed, channel: int) -> Iterator[Action]:
        """What was shown is taken back, and a `Finalize` has its answer."""
        state = self._channels[channel]
        if state.shown == answer.utterance:
            yield from self._answer(answer, channel, "", [], 0.0)
        state.answered(answer.utterance)

    def _answer(
        self,
        answer: Final | Suppressed | Failed,
        channel: int,
        text: str,
        words: list[WordTiming],
        confidence: float,
    ) -> Iterator[Action]:
        state = self._channels[channel]
        state.answered(answer.utterance)
        state.position_ms = answer.end_ms
        from_finalize = state.finalizes > state.early and answer.ended_by == "flush"
        yield self._result(
            channel,
            text,
            words,
            confidence,
            (answer.start_ms, answer.end_ms),
            speech_final=answer.ended_by != "length" and not from_finalize,
            from_finalize=from_finalize,
            language=answer.language if isinstance(answer, Final) else None,
        )
        state.early += from_finalize

    def _flushed(self, channel: int, audio_ms: int) -> Iterator[Action]:
        """A `Finalize` has its answer: an empty one, where all was final before."""
        state = self._channels[channel]
        if not state.finalizes:
            return
        state.finalizes -= 1
        if state.early:
            state.early -= 1
            return
        begin_ms = min(state.position_ms, audio_ms)
        yield self._result(channel, "", [], 0.0, (begin_ms, audio_ms), from_finalize=True)

    def _utterance_ends(self) -> Iterator[Action]:
        """Where nothing was said for long enough, as far as audio has come or somebody speaks again."""
        end_ms = self._wishes.utterance_end_ms
        if end_ms is None:
            return
        for number, channel in enumerate(self._channels):
            last_ms = channel.last_word_end_ms
            silent_to_ms = channel.unanswered[0].start_ms if channel.unanswered else self._heard_ms
            if last_ms is not None and silent_to_ms - last_ms >= end_ms:
                yield from self._utterance_end(number)

    @property
    def _heard_ms(self) -> float:
        """How far audio has come; nobody knows it of a container."""
        start = self._wishes.start
        if start.encoding not in RAW_SAMPLE_BYTES:
            return math.inf
        frame_bytes = RAW_SAMPLE_BYTES[start.encoding] * start.channels * len(self._channels)
        return self._received * 1000 // (frame_bytes * start.sample_rate)

    def _utterance_end(self, channel: int) -> Iterator[Action]:
        last_ms = self._channels[channel].last_word_end_ms
        if self._wishes.utterance_end_ms is None or last_ms is None:
            return
        self._channels[channel].last_word_end_ms = None
        yield _say(
            type="UtteranceEnd",
            channel=[channel, len(self._channels)],
            last_word_end=seconds(last_ms),
        )

    def _result(
        self,
        channel: int,
        text: str,
        words: list[WordTiming],
        confidence: float,
        span_ms: tuple[int, int],
        *,
        is_final: bool = True,
        speech_final: bool = False,
        from_finalize: bool = False,
        language: str | None = None,
    ) -> Say:
        alternative = make_alternative(text, words, confidence)
        if language is not None and self._wishes.start.language == "auto":
            alternative["languages"] = [language]
        return _say(
            skippable=not is_final,
            type="Results",
            channel_index=[channel, len(self._channels)],
            start=seconds(span_ms[0]),
            duration=round(seconds(span_ms[1] - span_ms[0]), 3),
            is_final=is_final,
            speech_final=speech_final,
            from_finalize=from_finalize,
            channel={"alternatives": [alternative]},
            metadata=_metadata(self._identity),
        )

    def _metadata(self) -> Say:
        ended = [channel.ended for channel in self._channels if channel.ended is not None]
        return _say(
            type="Metadata",
            transaction_key="deprecated",
            request_id=self._identity.request_id,
            sha256=self._hash.hexdigest(),
            created=self._identity.created,
            duration=seconds(max((each.audio_ms for each in ended), default=0)),
            channels=len(self._channels),
            models=[self._identity.model],
            model_info=_models(self._identity),
        )


def make_alternative(text: str, words: list[WordTiming], confidence: float) -> Json:
    """A transcript with its words, as the only one of several that might be."""
    return {
        "transcript": text,
        "confidence": confidence,
        "words": [_word(word) for word in words],
    }


def _word(word: WordTiming) -> Json:
    return {
        "word": bare(word.text),
        "start": seconds(word.start_ms),
        "end": seconds(word.end_ms),
        "confidence": word.confidence,
        "punctuated_word": word.text,
    }


def file_body(
    transcript: Transcript, identity: Identity, audio_ms: int, sha256: str
) -> Iterator[str]:
    """The answer to a file, piece by piece: all of its finals as one transcript."""
    finals = transcript.finals
    confidence = min((final.confidence for final in finals), default=0.0)
    metadata = {
        "transaction_key": "deprecated",
        "request_id": identity.request_id,
        "sha256": sha256,
        "created": identity.created,
        "duration": seconds(audio_ms),
        "channels": 1,
        "models": [identity.model],
        "model_info": _models(identity),
    }
    channel = {"detected_language": finals[0].language} if finals else {}
    words = (_word(word) for final in finals for word in words_of(final))
    alternative: Json = {"transcript": transcript.text, "confidence": confidence}
    # The words are the last of all, in the innermost object.
    outer: Json = {"metadata": metadata, "results": {"channels": [channel | {"alternatives": []}]}}
    head = json.dumps(outer, ensure_ascii=False).removesuffix("]}]}}")
    yield head
    yield from json_parts(alternative, {"words": words})
    yield "]}]}}"


def error_body(message: str, code: str, request_id: str) -> Json:
    """A refusal in their shape."""
    return {"err_code": code, "err_msg": message, "request_id": request_id}


def _metadata(identity: Identity) -> Json:
    return {
        "request_id": identity.request_id,
        "model_uuid": identity.model,
        "model_info": {"name": identity.model, "version": "surtitle", "arch": "whisper"},
    }


def _models(identity: Identity) -> Json:
    return {identity.model: {"name": identity.model, "version": "surtitle", "arch": "whisper"}}


class Event(Struct):
    """What a client says in a text frame."""

    type: str
    channel: Any = None
    keyterms: Annotated[list[str], Meta(max_length=1000)] | None = None
    thresholds: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(Event)


def parse_event(text: str) -> Event:
    """A text frame. Raises BadMessage."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadMessage(
            "A text message must be a JSON object with a string field `type`."
        ) from error


def _say(*, skippable: bool = False, **fields: Any) -> Say:
    return Say(json.dumps(fields, ensure_ascii=False), skippable)
