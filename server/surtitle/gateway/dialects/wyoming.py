"""Wyoming, as Home Assistant speaks it: events in, events out. Pure.

A request is a session: it begins with its first audio and ends with `audio-stop`, and all that was said
in it is one transcript. A connection may have several, one after the other.
"""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct

from surtitle.captioning.decode_options import make_decode_options
from surtitle.errors import BadMessage, BadStart, WireError
from surtitle.gateway.dialects.dialect import Action, Actions, Audio, Close, Open, Say, Stop
from surtitle.gateway.dialects.growth import Growth
from surtitle.gateway.dialects.openai_files import Json
from surtitle.gateway.dialects.words import hotwords
from surtitle.jobs import ModelInfo
from surtitle.messages import (
    Encoding,
    Ended,
    Failed,
    Final,
    Partial,
    ServerMessage,
    Start,
    Suppressed,
)

IDLE_TIMEOUT_S = 60.0
_ENCODINGS: dict[int, Encoding] = {2: "pcm_s16le", 4: "pcm_s16le"}
"""By the bytes of a sample. Those of four are cut to two."""


class Wyoming:
    """The translator of one connection, see Dialect. A text frame is an event without its payload, as
    JSON; a binary frame is the payload of an `audio-chunk` in the format of the last `audio-start`.
    """

    idle_timeout_s = IDLE_TIMEOUT_S
    hears_pings = False
    owed = 0

    def __init__(self, model: ModelInfo, version: str, *, external_vad: bool) -> None:
        """With `external_vad` the client says where a command ends; else its first pause does."""
        self._model = model
        self._version = version
        self._external_vad = external_vad
        self._wishes = _Transcribe()
        self._format = _Format()
        self._rest = b""  # of a sample
        self._is_open = False  # there is a session
        self._is_over = False  # it takes no more audio
        self._is_refused = False  # nor does it until the next `transcribe`
        self._growth = _growth()
        self._has_begun = False  # `transcript-start` was sent
        self._language = ""

    def begin(self) -> Actions:
        """See Dialect."""
        return ()

    def take_text(self, text: str) -> Actions:
        """See Dialect."""
        try:
            event = _event_decoder.decode(text)
            match event.type:
                case "describe":
                    yield _say("info", self._info())
                case "ping":
                    said = _ping_decoder.decode(event.data).text
                    yield _say("pong", {} if said is None else {"text": said[:1000]})
                case "transcribe" | "audio-start" | "audio-stop" if self._is_open and self._is_over:
                    self._is_refused = True
                    raise BadMessage("Wait for the transcript before the next command.")
                case "transcribe":
                    self._wishes = _transcribe_decoder.decode(event.data)
                    self._is_over = self._is_refused = False
                    self._check_language()
                case "audio-start":
                    self._format = _format_decoder.decode(event.data)
                    self._is_over = False
                    if not self._is_refused:
                        yield from self._opened()
                case "audio-stop":
                    yield from self._stop()
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise BadMessage(f"This event cannot be used: {str(error)[:200]}.") from error

    def take_bytes(self, data: bytes) -> Actions:
        """See Dialect."""
        if self._is_over or self._is_refused:
            return
        yield from self._opened()
        if self._format.width == 4:
            data = self._rest + data
            whole = len(data) // 4 * 4
            self._rest = data[whole:]
            data = (np.frombuffer(data[:whole], "<i4") >> 16).astype("<i2").tobytes()
        yield Audio(data)

    def tell(self, message: ServerMessage, channel: int) -> Actions:
        """See Dialect."""
        match message:
            case Partial():
                yield from self._send(self._growth.grow(message.stable, message.end_ms))
            case Final():
                self._language = message.language
                yield from self._send(self._growth.finish(message.text))
                if not self._external_vad:
                    yield from self._stop()
            case Suppressed() | Failed():
                self._growth.give_up()
            case Ended():
                yield from self._answer()

    def fail(self, error: WireError) -> Actions:
        """See Dialect."""
        yield _say("error", {"text": str(error), "code": error.code})
        if error.close_code is not None:
            yield Close()

    def leave(self) -> Actions:
        """See Dialect."""
        return ()

    # -- inside ---------------------------------------------------------------------------------

    def _opened(self) -> Iterator[Action]:
        if self._is_open:
            return
        self._is_open = True
        self._growth, self._has_begun, self._rest = _growth(), False, b""
        wishes = self._wishes
        yield Open(
            Start(
                encoding=_ENCODINGS[self._format.width],
                sample_rate=self._format.rate,
                channels=self._format.channels,
                language=wishes.language,
                hotwords=hotwords(chain(wishes.transcript_names, wishes.transcript_terms)),
            )
        )

    def _check_language(self) -> None:
        """Raises BadMessage, so that the connection goes on: there may be another command."""
        try:
            make_decode_options(Start(language=self._wishes.language), self._model)
        except BadStart as error:
            self._is_refused = True
            raise BadMessage(str(error)) from error

    def _stop(self) -> Iterator[Action]:
        if self._is_refused:
            return
        if self._is_open and not self._is_over:
            self._is_over = True
            yield Stop()
        elif not self._is_open and not self._is_over:
            yield from self._answer()

    def _send(self, delta: str) -> Iterator[Say]:
        if not delta:
            return
        if not self._has_begun:
            self._has_begun = True
            yield _say("transcript-start", self._in_language())
        yield _say("transcript-chunk", {"text": delta})

    def _answer(self) -> Iterator[Say]:
        if self._has_begun:
            yield _say("transcript-stop", {})
        yield _say("transcript", {"text": self._growth.text, **self._in_language()})
        self._is_open = False
        self._wishes = _Transcribe()

    def _in_language(self) -> Json:
        language = self._language or self._wishes.language
        return {"language": language} if language else {}

    def _info(self) -> Json:
        made_by = {"name": "Surtitle", "url": "https://pypi.org/project/surtitle"}
        model = {
            "name": self._model.name,
            "attribution": {"name": "OpenAI", "url": "https://github.com/openai/whisper"},
            "installed": True,
            "description": f"Whisper {self._model.name}",
            "version": self._version,
            "languages": list(self._model.languages),
        }
        program = {
            "name": "surtitle",
            "attribution": made_by,
            "installed": True,
            "description": "Live captions by Whisper",
            "version": self._version,
            "models": [model],
            "supports_transcript_streaming": True,
            "requires_external_vad": self._external_vad,
            "prefers_auto_gain_enabled": False,
            "prefers_noise_reduction_enabled": False,
        }
        return {"asr": [program]}


class _Event(Struct):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


class _Ping(Struct):
    text: str | None = None


class _Transcribe(Struct):
    language: str | None = None
    transcript_names: list[str] = []
    transcript_terms: list[str] = []


class _Format(Struct):
    rate: Annotated[int, Meta(ge=8000, le=96_000)] = 16_000
    width: Annotated[int, Meta(ge=2, le=4, multiple_of=2)] = 2
    channels: Annotated[int, Meta(ge=1, le=32)] = 1


_event_decoder = msgspec.json.Decoder(_Event)
_ping_decoder = msgspec.json.Decoder(_Ping)
_transcribe_decoder = msgspec.json.Decoder(_Transcribe)
_format_decoder = msgspec.json.Decoder(_Format)


def _growth() -> Growth:
    """Chunks are not to be taken back, but one wrong word should not be the last one that is shown."""
    return Growth(outlives_corrections=True)


def _say(kind: str, data: Json) -> Say:
    return Say(json.dumps({"type": kind, "data": data}, ensure_ascii=False))
