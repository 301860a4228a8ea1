"""OpenAI's Realtime API for transcription. Pure.

An item is what is transcribed under one id: with voice activity on the server, an utterance; without
(`turn_detection` null), all that was said up to a `commit`. Deltas only grow: what a partial holds as
stable, and at the final the rest of it, where it goes on from what was sent.
"""

import binascii
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from surtitle.captioning.decode_options import make_decode_options
from surtitle.errors import BadMessage, BadStart, UnknownMessage, WireError
from surtitle.gateway.dialects.dialect import (
    Action,
    Actions,
    Audio,
    Change,
    Close,
    Discard,
    Flush,
    Open,
    Say,
)
from surtitle.gateway.dialects.growth import Growth
from surtitle.gateway.dialects.openai_files import MAX_PROMPT, Json, logprobs
from surtitle.gateway.dialects.words import hotwords
from surtitle.jobs import ModelInfo
from surtitle.messages import (
    RAW_SAMPLE_BYTES,
    Encoding,
    Failed,
    Final,
    Flushed,
    Partial,
    ServerMessage,
    Speech,
    Start,
    Suppressed,
    Update,
)

MAX_EVENT = 1 << 17
"""Characters of any other event: more of JSON takes long to read, and `session.updated` repeats it."""
PIECE_CHARACTERS = 1 << 14
"""Of base64 that are decoded at a time; a multiple of four."""
MAX_FRAME_BYTES = 21 << 20
"""An append holds up to 15 MiB of audio, which is so much in base64."""
RATE_HZ = 24_000
"""Of PCM, where the client says nothing else."""
SILENCES_MS = {"low": 1200, "medium": 800, "auto": 800, "high": 500}
"""Silence that ends an utterance, by the `eagerness` of `semantic_vad`."""
DEFAULT_SILENCE_MS = 500
"""Of `server_vad`."""
MIN_SILENCE_MS, MAX_SILENCE_MS = 300, 5000
"""Less costs accuracy: 0.305 instead of 0.242 words wrong with 100 ms, on read speech."""

LAGS_MS = {"minimal": 0, "low": 1500, "medium": 4000, "high": 6000, "xhigh": 10_000}
"""How long text must have been stable before it is sent as a delta, by `transcription.delay`."""
MARGIN_MS = 96
"""An utterance that begins later than so long before a commit belongs to the next one: less speech
opens none, and what a resampler holds back is less."""

TRANSCRIPTION = "conversation.item.input_audio_transcription."
BUFFER = "input_audio_buffer."
_LEGACY = "transcription_session."
_LISTS = ("languages", "keywords")

_FORMATS: dict[str, tuple[Encoding, int]] = {
    "audio/pcm": ("pcm_s16le", RATE_HZ),
    "audio/pcmu": ("mulaw", 8000),
    "audio/pcma": ("alaw", 8000),
    "pcm16": ("pcm_s16le", RATE_HZ),
    "g711_ulaw": ("mulaw", 8000),
    "g711_alaw": ("alaw", 8000),
}


class Mistake(BadMessage):
    """An event that cannot be used, with what their clients want to know of it."""

    def __init__(self, text: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(text)
        self.error_code = code
        self.param = param


@dataclass(slots=True)
class _Item:
    """What is transcribed under one id."""

    id: str
    growth: Growth
    finals: list[Final] = field(default_factory=list)
    failed: Failed | None = None
    seconds: float = 0.0
    is_over: bool = False  # its result was sent


@dataclass(slots=True)
class _Commit:
    """A wish of the client to end an item, of its audio from `from_ms` to `at_ms`."""

    from_ms: int  # what was cleared before it ends there
    at_ms: int
    item: _Item | None


@dataclass(frozen=True, slots=True)
class _Config:
    """What `session.update` may change, as it is repeated to the client."""

    format: Json
    transcription: Json
    turn_detection: Json | None
    noise_reduction: Json | None = None
    include: tuple[str, ...] = ()


class OpenAIRealtime:
    """The translator of one connection, see Dialect."""

    idle_timeout_s = float("inf")  # LiveKit keeps idle connections in a pool
    hears_pings = False

    def __init__(self, name: str, model: ModelInfo) -> None:
        """`name` is a random one for ids."""
        self._name = name
        self._model = model
        self._config = _Config(
            format={"type": "audio/pcm", "rate": RATE_HZ},
            transcription={"model": model.name},
            turn_detection={
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": DEFAULT_SILENCE_MS,
            },
        )
        self._events = 0
        self._items = 0
        self._previous: str | None = None  # the item committed last
        self._start: Start | None = None  # once there is a session
        self._received = 0  # bytes of audio
        self._committed = 0  # up to the last commit or clear, or answered by voice activity
        self._cleared_ms = 0
        self._answered = 0  # utterances
        self._unanswered: dict[int, int] = {}  # utterances, and where they begin in ms
        self._item: _Item | None = None  # without voice activity: that of the next commit
        self._open: dict[int, _Item] = {}  # with it: by utterance
        self._commits: deque[_Commit] = deque()  # those that are not answered yet
        self._event_id: str | None = None  # of the client's event that is worked on

    # -- see Dialect ----------------------------------------------------------------------------

    @property
    def owed(self) -> int:
        """See Dialect."""
        return len(self._commits)

    def begin(self) -> Actions:
        """See Dialect."""
        yield self._say("session.created", session=self._session())

    def take_text(self, text: str) -> Actions:
        """See Dialect."""
        self._event_id = None
        if len(text) > MAX_EVENT:
            append = _parse_append(text)
            del text  # as large
            self._event_id = append.event_id
            yield from self._append(append.audio)
            return
        event = _parse(text)
        self._event_id = event.get("event_id")
        match event["type"]:
            case "session.update" | "transcription_session.update":
                yield from self._update(event)
            case "input_audio_buffer.append":
                yield from self._append(event.get("audio"))
            case "input_audio_buffer.commit":
                yield from self._commit()
            case "input_audio_buffer.clear":
                yield from self._clear()
            case name if name.split(".")[0] in ("conversation", "response", "output_audio_buffer"):
                raise Mistake(f"{name[:60]} is not supported in a transcription session.")
            case name:
                raise UnknownMessage(f"Unknown event type {name[:60]!r}.")

    def take_bytes(self, data: bytes) -> Actions:
        """See Dialect."""
        self._event_id = None
        raise Mistake("Audio comes in `input_audio_buffer.append`, not in binary frames.")

    def tell(self, message: ServerMessage, channel: int) -> Actions:
        """See Dialect."""
        self._event_id = None  # what goes wrong from now on is none of its client's events
        match message:
            case Speech():
                yield from self._on_speech(message)
            case Partial():
                is_next = message.utterance == self._answered + 1
                item = self._item_of(message) if is_next or self._has_vad else None
                if item is not None:
                    yield from self._say_delta(
                        item, item.growth.grow(message.stable, message.end_ms)
                    )
            case Final() | Suppressed() | Failed():
                yield from self._on_answer(message)
            case Flushed():
                for _ in range(message.flushes):
                    yield from self._on_flushed()

    def fail(self, error: WireError) -> Actions:
        """See Dialect."""
        is_fault = error.close_code in (1011, 1013)
        yield self._say(
            "error",
            error={
                "type": "server_error" if is_fault else "invalid_request_error",
                "code": error.error_code if isinstance(error, Mistake) else error.code,
                "message": str(error),
                "param": error.param if isinstance(error, Mistake) else None,
                "event_id": self._event_id,
            },
        )
        if error.close_code is not None:
            yield Close(1013 if error.close_code == 1013 else 1011, error.code)

    def leave(self) -> Actions:
        """See Dialect."""
        return ()

    # -- what the client asks for ---------------------------------------------------------------

    def _update(self, event: Json) -> Iterator[Action]:
        given = event.get("session")
        is_legacy = event["type"].startswith(_LEGACY)
        config = _changed(self._config, _legacy(given) if is_legacy else given)
        start = self._make_start(config)
        try:
            make_decode_options(start, self._model)  # what the model cannot do is told at once
        except BadStart as error:
            raise Mistake(str(error), param="session.audio.input.transcription.language") from error
        if self._start is not None:
            if _form(start) != _form(self._start):
                raise Mistake(
                    "The audio format cannot be changed once audio has come.",
                    param="session.audio.input.format",
                )
            yield Change(
                Update(
                    language=start.language,
                    languages=start.languages,
                    hotwords=start.hotwords,
                    prompt=start.prompt,
                    endpoint_silence_ms=start.endpoint_silence_ms,
                    endpointing=start.endpointing,
                )
            )
            self._start = start
        had_vad, self._config = self._has_vad, config
        name = "transcription_session.updated" if is_legacy else "session.updated"
        yield self._say(name, session=self._session())
        if self._has_vad and not had_vad:
            for utterance, start_ms in self._unanswered.items():
                if self._is_next(start_ms + MARGIN_MS):
                    yield self._say_started(utterance, start_ms)

    def _append(self, audio: object) -> Iterator[Action]:
        if not isinstance(audio, str):
            raise Mistake("`audio` must be base64.", param="audio")
        for begin in range(0, len(audio), PIECE_CHARACTERS):  # all at once takes 40 ms
            piece = audio[begin : begin + PIECE_CHARACTERS]
            try:
                data = binascii.a2b_base64(piece, strict_mode=True)
            except ValueError as error:
                raise Mistake("`audio` must be base64.", param="audio") from error
            if self._start is None:
                self._start = self._make_start(self._config)
                yield Open(self._start)
            self._received += len(data)
            yield Audio(data)

    def _commit(self) -> Iterator[Action]:
        if self._received == self._committed:
            raise Mistake(
                "The buffer is empty: append audio before you commit it.",
                "input_audio_buffer_commit_empty",
            )
        self._committed = self._received
        item: _Item | None = None
        if not self._has_vad or self._item is not None:
            item, self._item = self._item or self._new_item(), None
            yield from self._say_committed(item)
        self._commits.append(_Commit(self._cleared_ms, self._received_ms, item))
        yield Flush()

    def _clear(self) -> Iterator[Action]:
        self._committed = self._received
        self._cleared_ms = self._received_ms
        self._item = None
        if self._start is not None:
            yield Discard()
        yield self._say(BUFFER + "cleared")

    # -- what the session says ------------------------------------------------------------------

    def _on_speech(self, speech: Speech) -> Iterator[Action]:
        self._unanswered[speech.utterance] = speech.start_ms
        if self._has_vad:
            yield self._say_started(speech.utterance, speech.start_ms)

    def _say_started(self, utterance: int, start_ms: int) -> Say:
        """It is an item, which begins with what was said without voice activity and not committed."""
        item, self._item = self._item or self._new_item(), None
        self._open[utterance] = item
        return self._say(BUFFER + "speech_started", audio_start_ms=start_ms, item_id=item.id)

    def _item_of(self, message: Partial | Final | Suppressed | Failed) -> _Item | None:
        """The item that it belongs to; None for what was cleared."""
        if message.utterance in self._open:
            return self._open[message.utterance]
        begins_ms = message.start_ms + MARGIN_MS
        for commit in self._commits:
            if commit.from_ms <= begins_ms < commit.at_ms and commit.item is not None:
                return commit.item
        if begins_ms < self._cleared_ms:
            return None
        self._item = self._item or self._new_item()
        return self._item

    def _is_next(self, begins_ms: int) -> bool:
        """Whether what begins there is neither committed nor cleared."""
        committed_ms = self._commits[-1].at_ms if self._commits else 0
        return begins_ms >= max(committed_ms, self._cleared_ms)

    def _say_delta(self, item: _Item, delta: str) -> Iterator[Action]:
        if delta:
            yield self._say(TRANSCRIPTION + "delta", item_id=item.id, content_index=0, delta=delta)

    def _on_answer(self, answer: Final | Suppressed | Failed) -> Iterator[Action]:
        self._answered = answer.utterance
        self._unanswered.pop(answer.utterance, None)
        item = self._item_of(answer)
        was_heard = self._open.pop(answer.utterance, None) is not None
        if item is None or answer.ended_by == "discard":
            return
        if was_heard:
            self._committed = max(self._committed, self._bytes_at(answer.end_ms))
            yield self._say(BUFFER + "speech_stopped", audio_end_ms=answer.end_ms, item_id=item.id)
            yield from self._say_committed(item)
        item.seconds += (answer.end_ms - answer.start_ms) / 1000
        match answer:
            case Final():
                yield from self._say_delta(item, item.growth.finish(answer.text))
                item.finals.append(answer)
            case Failed():
                item.failed = answer
                item.growth.give_up()
            case Suppressed():
                item.growth.give_up()
        if was_heard:
            if self._commits and self._commits[0].item is None and answer.ended_by == "flush":
                self._commits[0].item = item  # it is what was committed
            yield from self._say_result(item)
            item.is_over = True

    def _on_flushed(self) -> Iterator[Action]:
        if not self._commits:
            return
        item = self._commits.popleft().item
        if item is None:  # nothing was said in what was committed
            item = self._new_item()
            yield from self._say_committed(item)
        if not item.is_over:
            yield from self._say_result(item)

    def _say_committed(self, item: _Item) -> Iterator[Action]:
        yield self._say(BUFFER + "committed", item_id=item.id, previous_item_id=self._previous)
        content = {"type": "input_audio", "audio": None, "transcript": None}
        yield self._say(
            "conversation.item.added",
            previous_item_id=self._previous,
            item={
                "id": item.id,
                "object": "realtime.item",
                "type": "message",
                "status": "completed",
                "role": "user",
                "content": [content],
            },
        )
        self._previous = item.id

    def _say_result(self, item: _Item) -> Iterator[Action]:
        place = {"item_id": item.id, "content_index": 0}
        if item.failed is not None and not item.growth.text:
            error = {
                "type": "transcription_error",
                "code": item.failed.code,
                "message": item.failed.message,
                "param": None,
            }
            yield self._say(TRANSCRIPTION + "failed", **place, error=error)
            return
        more: Json = {}
        if "item.input_audio_transcription.logprobs" in self._config.include:
            more["logprobs"] = list(logprobs(item.finals))
        if item.finals:
            more["languages"] = [{"code": code} for code in {f.language: 0 for f in item.finals}]
        yield self._say(
            TRANSCRIPTION + "completed",
            **place,
            transcript=item.growth.text,
            usage={"type": "duration", "seconds": round(item.seconds, 3)},
            **more,
        )

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _has_vad(self) -> bool:
        return self._config.turn_detection is not None

    @property
    def _received_ms(self) -> int:
        if self._start is None:
            return 0
        return self._received * 1000 // _bytes_per_second(self._start)

    def _bytes_at(self, milliseconds: int) -> int:
        if self._start is None:
            return 0
        return min(milliseconds * _bytes_per_second(self._start) // 1000, self._received)

    def _new_item(self) -> _Item:
        self._items += 1
        lag_ms = LAGS_MS[self._config.transcription.get("delay") or "medium"]
        return _Item(f"item_{self._name}_{self._items}", Growth(lag_ms))

    def _make_start(self, config: _Config) -> Start:
        encoding, usual_hz = _FORMATS[config.format["type"]]
        rate = config.format.get("rate") or usual_hz
        wanted, detection = config.transcription, config.turn_detection
        language, languages = wanted.get("language"), wanted.get("languages") or []
        if not language and languages:
            language = languages[0] if len(languages) == 1 else "auto"
        return Start(
            encoding=encoding,
            sample_rate=rate if encoding == "pcm_s16le" else usual_hz,
            language=language or None,
            languages=languages if language == "auto" else [],
            words=bool(config.include),
            hotwords=hotwords(wanted.get("keywords") or []),
            prompt=(wanted.get("prompt") or "")[-MAX_PROMPT:],
            endpoint_silence_ms=None if detection is None else _silence_ms(detection),
            endpointing=detection is not None,
        )

    def _session(self) -> Json:
        config = self._config
        return {
            "type": "transcription",
            "object": "realtime.transcription_session",
            "id": f"sess_{self._name}",
            "expires_at": 0,
            "include": list(config.include) or None,
            "audio": {
                "input": {
                    "format": config.format,
                    "transcription": config.transcription,
                    "noise_reduction": config.noise_reduction,
                    "turn_detection": config.turn_detection,
                }
            },
        }

    def _say(self, name: str, **fields: Any) -> Say:
        self._events += 1
        event = {"type": name, "event_id": f"event_{self._name}_{self._events}", **fields}
        return Say(json.dumps(event, ensure_ascii=False))


class _Event(Struct):
    type: str
    event_id: str | None = None


class _Format(Struct):
    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma", "pcm16", "g711_ulaw", "g711_alaw"]
    rate: Annotated[int, Meta(ge=8000, le=96_000)] | None = None


_Text = Annotated[str, Meta(max_length=100_000)]


class _Transcription(Struct):
    model: str | None = None
    language: _Text | None = None
    languages: Annotated[list[_Text], Meta(max_length=100)] | None = None
    keywords: Annotated[list[_Text], Meta(max_length=1000)] | None = None
    prompt: _Text | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class _Detection(Struct):
    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    silence_duration_ms: float | None = None
    eagerness: Literal["low", "medium", "auto", "high"] | None = None


class _Input(Struct):
    format: _Format | None = None
    transcription: _Transcription | None = None
    turn_detection: _Detection | None = None
    noise_reduction: dict[str, Any] | None = None


class _AudioOptions(Struct):
    input: _Input | None = None


class _Session(Struct):
    type: Literal["transcription"] = "transcription"
    audio: _AudioOptions | None = None
    include: Annotated[list[str], Meta(max_length=10)] | None = None


class _Append(Struct, tag="input_audio_buffer.append", tag_field="type"):
    audio: str
    event_id: str | None = None


_append_decoder = msgspec.json.Decoder(_Append)


def _parse_append(text: str) -> _Append:
    """A large event, which can only be one with audio. Raises Mistake."""
    try:
        return _append_decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Mistake(
            f"An event other than `input_audio_buffer.append` has at most {MAX_EVENT} characters.",
            "invalid_event",
        ) from error


def _parse(text: str) -> Json:
    """An event, as it came. Raises Mistake."""
    try:
        event = msgspec.json.decode(text)
        msgspec.convert(event, _Event)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Mistake(
            "An event must be a JSON object with a string field `type`.", "invalid_event"
        ) from error
    assert isinstance(event, dict)
    return event


def _changed(config: _Config, given: Any) -> _Config:
    """What is wanted after an update, field by field as it came. Raises Mistake."""
    try:
        msgspec.convert(given, _Session)
    except msgspec.ValidationError as error:
        raise Mistake(f"`session` cannot be used: {str(error)[:200]}.", param="session") from error
    wanted = (given.get("audio") or {}).get("input") or {}
    changes: Json = {
        name: _flat(wanted[name])
        for name in ("format", "transcription")
        if wanted.get(name) is not None
    }
    changes |= {
        name: _flat(wanted[name])
        for name in ("turn_detection", "noise_reduction")
        if name in wanted
    }
    if given.get("include") is not None:
        changes["include"] = tuple(given["include"])
    return replace(config, **changes)


def _flat(wanted: Json | None) -> Json | None:
    """Without lists and objects that nobody knows: deep ones can be read and not be written again."""
    if wanted is None:
        return None
    return {
        name: value
        for name, value in wanted.items()
        if name in _LISTS or not isinstance(value, dict | list)
    }


def _legacy(given: Any) -> Any:
    """The session of a beta client, which is flat, in the form of now."""
    if not isinstance(given, dict):
        return given
    names = {
        "input_audio_transcription": "transcription",
        "input_audio_noise_reduction": "noise_reduction",
        "turn_detection": "turn_detection",
    }
    wanted = {new: given[old] for old, new in names.items() if old in given}
    if "input_audio_format" in given:
        wanted["format"] = {"type": given["input_audio_format"]}
    return {"audio": {"input": wanted}, "include": given.get("include")}


def _silence_ms(detection: Json) -> int:
    """The silence that ends an utterance."""
    wanted = detection.get("silence_duration_ms") or DEFAULT_SILENCE_MS
    if detection.get("type") == "semantic_vad":
        wanted = SILENCES_MS[detection.get("eagerness") or "auto"]
    return round(min(max(wanted, MIN_SILENCE_MS), MAX_SILENCE_MS))


def _form(start: Start) -> tuple[Encoding, int]:
    return start.encoding, start.sample_rate


def _bytes_per_second(start: Start) -> int:
    return RAW_SAMPLE_BYTES[start.encoding] * start.sample_rate
