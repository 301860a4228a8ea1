"""OpenAI's endpoint for files: a form in, a transcript out, in each of its formats. Pure."""

import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, get_args

from msgspec import structs

from surtitle.captioning.stability import join
from surtitle.gateway.dialects.words import seconds
from surtitle.jobs import ModelInfo
from surtitle.messages import Final, LanguageTag, Start, WordTiming
from surtitle.subtitles.cues import Layout, lay_out_in_steps
from surtitle.subtitles.formats import format_srt, format_vtt

Json = dict[str, Any]
Format = Literal["json", "text", "srt", "vtt", "verbose_json"]
FORMATS: tuple[Format, ...] = get_args(Format)
Granularity = Literal["word", "segment"]
_GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)
_GRANULARITY_FIELDS = ("timestamp_granularities[]", "timestamp_granularities")
_INCLUDE_FIELDS = ("include[]", "include")
MAX_PROMPT = 1000
"""Characters of a prompt that reach the model: the last ones, as with OpenAI's own."""
MAX_THEIR_BYTES = 25_000_000
"""Of a file for OpenAI (platform.openai.com/docs/guides/speech-to-text)."""
EARLY = ("language", "prompt", "response_format", *_GRANULARITY_FIELDS, *_INCLUDE_FIELDS)
"""Those that say how the file is to be decoded. Where none of them came before it, some may come after:
many clients send the model, the file and then the rest."""

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "verbose_json": "application/json",
}


class BadField(Exception):
    """A field of the form that cannot be used: a sentence, and the field's name."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a form asks for."""

    start: Start
    format: Format
    granularities: tuple[Granularity, ...]
    stream: bool
    wants_logprobs: bool


def read_form(fields: Mapping[str, Sequence[str]], *, translate: bool) -> Wishes:
    """What the fields come to. Raises BadField."""
    form = _one(fields, "response_format", "json")
    if form not in FORMATS:
        known = ", ".join(FORMATS)
        raise BadField(
            f"response_format {form[:40]!r} is not supported; use one of {known}.",
            "response_format",
        )
    granularities = _several(fields, _GRANULARITY_FIELDS)
    for wish in granularities:
        if wish not in _GRANULARITIES:
            raise BadField(
                f"timestamp_granularities may contain `word` and `segment`, but not {wish[:40]!r}.",
                "timestamp_granularities",
            )
    temperature = _one(fields, "temperature", "0")
    try:
        float(temperature)
    except ValueError as error:
        raise BadField(
            f"temperature must be a number, not {temperature[:40]!r}.", "temperature"
        ) from error
    stream = _flag(fields, "stream")
    if stream and form not in ("json", "text"):
        raise BadField(f"response_format {form} cannot be streamed; use json.", "response_format")
    wants_logprobs = "logprobs" in _several(fields, _INCLUDE_FIELDS)
    start = Start(
        encoding="auto",
        language=_language(fields),
        task="translate" if translate else "transcribe",
        mode="file",
        partials=False,
        words=not translate
        and (wants_logprobs or "word" in granularities or form in ("srt", "vtt")),
        prompt=_one(fields, "prompt", "")[-MAX_PROMPT:],
    )
    chosen = tuple(each for each in _GRANULARITIES if each in granularities) or ("segment",)
    return Wishes(start, form, chosen, stream, wants_logprobs)


def _language(fields: Mapping[str, Sequence[str]]) -> LanguageTag | None:
    """As given; what the model does not know is refused by the session."""
    language = _one(fields, "language", "")
    if len(language) > 35 or not language.replace("-", "").isalnum():
        if not language:
            return None
        raise BadField(f"language must be a code such as `en`, not {language[:40]!r}.", "language")
    return language


def _one(fields: Mapping[str, Sequence[str]], name: str, default: str) -> str:
    values = fields.get(name)
    return values[-1] if values and values[-1] else default


def _several(fields: Mapping[str, Sequence[str]], names: Sequence[str]) -> list[str]:
    return [value for name in names for value in fields.get(name, ())]


def _flag(fields: Mapping[str, Sequence[str]], name: str) -> bool:
    value = _one(fields, name, "false").lower()
    if value not in ("true", "false"):
        raise BadField(f"{name} must be true or false, not {value[:40]!r}.", name)
    return value == "true"


def fitting(start: Start, model: ModelInfo) -> Start:
    """With a model that knows English alone, a translation into English is what is said."""
    return start if model.multilingual else structs.replace(start, task="transcribe")


@dataclass(slots=True)
class Transcript:
    """The finals of a recording, as they come."""

    finals: list[Final] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)  # of the text

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)

    def add(self, final: Final) -> str:
        """Take the next final; returns what it adds to the text."""
        self.finals.append(final)
        end = self._parts[-1] if self._parts else ""
        delta = join(end, final.text)[len(end) :]
        if delta:
            self._parts.append(delta)
        return delta


def answer(transcript: Transcript, wishes: Wishes, audio_ms: int, layout: Layout) -> Iterator[str]:
    """The answer, piece by piece: an hour of subtitles takes a while to lay out."""
    match wishes.format:
        case "json":
            lists = {"logprobs": logprobs(transcript.finals)} if wishes.wants_logprobs else {}
            yield from json_parts({"text": transcript.text}, lists)
        case "text":
            yield transcript.text + "\n"
        case "srt":
            yield from format_srt(lay_out_in_steps(transcript.finals, layout))
        case "vtt":
            yield from format_vtt(lay_out_in_steps(transcript.finals, layout))
        case "verbose_json":
            yield from _verbose(transcript, wishes, audio_ms)


def delta_event(transcript: Transcript, delta: str, wishes: Wishes) -> str:
    """The server-sent event of what the newest final adds."""
    event: Json = {"type": "transcript.text.delta", "delta": delta}
    if wishes.wants_logprobs:
        event["logprobs"] = list(logprobs(transcript.finals[-1:]))
    return _event(event)


def done_event(transcript: Transcript, wishes: Wishes) -> str:
    """The server-sent event with all of the text."""
    event: Json = {"type": "transcript.text.done", "text": transcript.text}
    if wishes.wants_logprobs:
        event["logprobs"] = list(logprobs(transcript.finals))
    return _event(event)


def error_event(message: str) -> str:
    """The server-sent event of an answer that breaks off."""
    return _event({"type": "error", "error": error_body(message, "server_error")["error"]})


def error_body(message: str, kind: str, param: str | None = None, code: str | None = None) -> Json:
    """An error in their shape."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def model_body(name: str) -> Json:
    """The loaded model, as one of a list."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "surtitle"}


def _verbose(transcript: Transcript, wishes: Wishes, audio_ms: int) -> Iterator[str]:
    finals = transcript.finals
    body: Json = {
        "task": wishes.start.task,
        "language": finals[0].language if finals else wishes.start.language or "",
        "duration": seconds(audio_ms),
        "text": transcript.text,
    }
    lists: dict[str, Iterable[Json]] = {}
    if "segment" in wishes.granularities:
        lists["segments"] = (_segment(number, final) for number, final in enumerate(finals))
    if "word" in wishes.granularities:
        lists["words"] = (
            {"word": word.text, "start": seconds(word.start_ms), "end": seconds(word.end_ms)}
            for word in _words(finals)
        )
    return json_parts(body, lists)


AT_ONCE = 200
"""Items of a list that are written at a time: a millisecond."""


def json_parts(body: Json, lists: Mapping[str, Iterable[Json]]) -> Iterator[str]:
    """An object as JSON, piece by piece: its fields, and long lists among them."""
    yield _encode(body)[:-1]
    for name, items in lists.items():
        yield ("," if body else "") + f'"{name}":['
        separator, remaining = "", iter(items)
        while part := list(islice(remaining, AT_ONCE)):
            yield separator + ",".join(map(_encode, part))
            separator = ","
        yield "]"
    yield "}\n"


def _segment(number: int, final: Final) -> Json:
    data = final.text.encode()
    return {
        "id": number,
        "seek": final.start_ms // 10,
        "start": seconds(final.start_ms),
        "end": seconds(final.end_ms),
        "text": final.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": _log(final.confidence),
        "compression_ratio": round(len(data) / len(zlib.compress(data)), 3) if data else 0.0,
        "no_speech_prob": 0.0,
    }


def logprobs(finals: Sequence[Final]) -> Iterator[Json]:
    """One entry for each word: nobody outside sees the model's own pieces."""
    for word in _words(finals):
        letters = list(word.text.encode())
        yield {"token": word.text, "logprob": _log(word.confidence), "bytes": letters}


def _words(finals: Sequence[Final]) -> Iterator[WordTiming]:
    for final in finals:
        yield from final.words or ()


def _log(probability: float) -> float:
    """Its logarithm; the smallest that is told is that of a thousandth, as confidences are rounded."""
    return round(math.log(max(probability, 0.001)), 4)


def _encode(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _event(value: Json) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
