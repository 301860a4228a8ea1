"""The wire vocabulary, version 1: every message as a type, its parser and its formatter side by side.

Times are integers in milliseconds of session audio. `docs/protocol.md` is the prose; the JSON Schema
beside it is generated from these types (`python -m surtitle.messages`).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from surtitle.errors import BadMessage, BadStart, BadText, UnknownMessage
from surtitle.jobs import SAMPLE_BYTES, Task

PROTOCOL_VERSION = 1
SUBPROTOCOL = "surtitle.v1"

RawEncoding = Literal["pcm_s16le", "pcm_f32le", "mulaw", "alaw"]
ContainerEncoding = Literal["webm", "ogg", "wav", "flac", "mp4", "mp3", "aac", "auto"]
"""`auto` is any of these and of many others, recognised by its first bytes."""
Encoding = RawEncoding | ContainerEncoding
CONTAINERS: dict[Encoding, ContainerEncoding] = {
    encoding: encoding for encoding in get_args(ContainerEncoding)
}
RAW: dict[Encoding, RawEncoding] = {encoding: encoding for encoding in get_args(RawEncoding)}
"""The encodings by what they are: containers, and samples without a header."""
RAW_SAMPLE_BYTES: dict[Encoding, int] = {
    "pcm_s16le": SAMPLE_BYTES,
    "pcm_f32le": 4,
    "mulaw": 1,
    "alaw": 1,
}
"""Of one sample of one channel, where there is no header."""

EndedBy = Literal["pause", "length", "flush", "discard", "stop"]
"""What ended an utterance: silence, its greatest length (speech goes on in the next one), or the client
by `flush`, `discard` or `stop`."""
Mode = Literal["live", "file"]
"""`file`: nobody waits for a caption."""
MAX_NAME_LETTERS = 100
Name = Annotated[str, Meta(max_length=MAX_NAME_LETTERS)]
MAX_HOTWORDS = 100
"""Names and terms that a session listens for, and as many that it replaces."""
CHANNEL_NAME = r"[A-Za-z0-9_-]{1,64}"
ChannelName = Annotated[str, Meta(pattern=rf"^{CHANNEL_NAME}$(?!\n)")]
LanguageTag = Annotated[
    str, Meta(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$(?!\n)", max_length=35)
]


class Start(Struct, tag="start", kw_only=True, frozen=True):
    """What audio comes and what is wanted of it. None means the server's default."""

    encoding: Encoding = "pcm_s16le"
    sample_rate: Annotated[int, Meta(ge=8000, le=96000)] = 16000
    channels: Annotated[int, Meta(ge=1, le=32)] = 1
    language: LanguageTag | None = None
    languages: Annotated[list[LanguageTag], Meta(max_length=100)] = []
    task: Task = "transcribe"
    mode: Mode = "live"
    partials: bool = True
    words: bool = False
    revisions: bool = False
    eager: bool = False
    hotwords: Annotated[list[Name], Meta(max_length=MAX_HOTWORDS)] = []
    prompt: Annotated[str, Meta(max_length=1000)] = ""
    endpoint_silence_ms: Annotated[int, Meta(ge=100, le=5000)] | None = None
    max_utterance_ms: Annotated[int, Meta(ge=2000, le=28000)] | None = None
    endpointing: bool = True
    silent_after_ms: Annotated[int, Meta(ge=0, le=60_000)] | None = None
    channel: ChannelName | None = None
    archive: bool = True
    replacements: Annotated[dict[Name, Name], Meta(max_length=MAX_HOTWORDS)] = {}


class Update(Struct, tag="update", kw_only=True, frozen=True):
    """Changes that hold from the next utterance on. A field left out stays as it is."""

    language: LanguageTag | None = None
    languages: Annotated[list[LanguageTag], Meta(max_length=100)] | None = None
    hotwords: Annotated[list[Name], Meta(max_length=MAX_HOTWORDS)] | None = None
    prompt: Annotated[str, Meta(max_length=1000)] | None = None
    partials: bool | None = None
    endpoint_silence_ms: Annotated[int, Meta(ge=100, le=5000)] | None = None
    endpointing: bool | None = None


class Flush(Struct, tag="flush", frozen=True):
    """End the open utterance now."""


class Discard(Struct, tag="discard", frozen=True):
    """Throw away the open utterance, and go on."""


class Stop(Struct, tag="stop", frozen=True):
    """No more audio: answer what is left, then say `ended` and close."""


class Resume(Struct, tag="resume", kw_only=True, frozen=True):
    """Go on with a session whose connection broke."""

    session: Name
    token: Annotated[str, Meta(max_length=1000)]
    last_seq: Annotated[int, Meta(ge=0)]


ClientMessage = Start | Update | Flush | Discard | Stop | Resume
_CLIENT_TYPES: dict[str, type[ClientMessage]] = {
    cls.__struct_config__.tag: cls for cls in get_args(ClientMessage)
}


class Ready(Struct, tag="ready", kw_only=True, frozen=True):
    """The session is open. Always the first message.

    `channel` is there where the session publishes, `watch_token` where its viewers need one, and
    `edit_token` for somebody who corrects what it says; `archive_days` where what is said is kept by
    the server: for so many days, 0 without limit.
    """

    seq: int
    session: str
    token: str
    model: str
    sample_rate: int
    resume_window_s: int
    protocol: int = PROTOCOL_VERSION
    languages: tuple[str, ...] = ()
    channel: str | UnsetType = UNSET
    watch_token: str | UnsetType = UNSET
    edit_token: str | UnsetType = UNSET
    archive_days: int | UnsetType = UNSET


class Resumed(Struct, tag="resumed", kw_only=True, frozen=True):
    """The session goes on: send its audio again from byte `received`.

    `token` is the one for the next time.
    """

    received: int
    token: str = ""


class Speech(Struct, tag="speech", kw_only=True, frozen=True):
    """An utterance opened."""

    seq: int
    utterance: int
    start_ms: int


class Partial(Struct, tag="partial", kw_only=True, frozen=True):
    """The caption so far: show `stable + unstable`. `stable` only grows within an utterance."""

    seq: int
    utterance: int
    start_ms: int
    end_ms: int
    stable: str
    unstable: str


class WordTiming(Struct, kw_only=True, frozen=True):
    """One word of a final, in session time."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


class Pause(Struct, tag="pause", kw_only=True, frozen=True, omit_defaults=True):
    """The speaker pauses, and this would be the final, if the utterance ended here.

    `finished`: the text ends a sentence, and the utterance more likely with it.
    """

    seq: int
    utterance: int
    start_ms: int
    end_ms: int
    text: str
    finished: bool
    confidence: float
    words: list[WordTiming] | None = None


class PauseOver(Struct, tag="pause_over", kw_only=True, frozen=True):
    """Speech goes on after the last `pause`: its text does not stand."""

    seq: int
    utterance: int


class Final(Struct, tag="final", kw_only=True, frozen=True, omit_defaults=True):
    """The text of an utterance. `words` is there only where the client asked for it.

    `ended_by` is None where a server does not say it. `by` is there where a person has corrected the
    text: who that was.
    """

    seq: int
    utterance: int
    start_ms: int
    end_ms: int
    text: str
    language: str
    language_probability: float
    confidence: float
    ended_by: EndedBy | None = None
    words: list[WordTiming] | None = None
    by: str | None = None


class Revised(Struct, tag="revised", kw_only=True, frozen=True, omit_defaults=True):
    """A better text of an utterance whose final has come.

    One at most, soon after the final, was decoded together with what was said around it. Others were
    written by a person, whom `by` names, and may come at any time. `text` may be empty: all that was
    heard there belongs to a word of the utterance before or after it, or the person has deleted it.
    """

    seq: int
    utterance: int
    start_ms: int
    end_ms: int
    text: str
    confidence: float
    words: list[WordTiming] | None = None
    by: str | None = None


def updated(start: Start, update: Update) -> Start:
    """The `start` that holds after an `update`. A field left out stays as it is."""
    fields = ((name, getattr(update, name)) for name in update.__struct_fields__)
    return structs.replace(start, **{name: value for name, value in fields if value is not None})


def revise(final: Final, revised: Revised) -> Final:
    """The final with the better text."""
    return structs.replace(
        final,
        text=revised.text,
        confidence=revised.confidence,
        words=revised.words,
        by=revised.by,
    )


class Suppressed(Struct, tag="suppressed", kw_only=True, frozen=True, omit_defaults=True):
    """Takes the place of the final: what was heard is not speech, by the reason given."""

    seq: int
    utterance: int
    start_ms: int
    end_ms: int
    reason: str
    ended_by: EndedBy | None = None


class Failed(Struct, tag="failed", kw_only=True, frozen=True, omit_defaults=True):
    """Takes the place of the final: the engine gave up on this utterance."""

    seq: int
    utterance: int
    start_ms: int
    end_ms: int
    code: str
    message: str
    ended_by: EndedBy | None = None


class Flushed(Struct, tag="flushed", kw_only=True, frozen=True):
    """All that was said before a `flush`, at `audio_ms` of the audio, has been answered.

    It answers so many `flushes`: those that came together.
    """

    seq: int
    audio_ms: int
    flushes: int = 1


ServiceState = Literal["normal", "recovering", "overloaded", "draining"]


class Status(Struct, tag="status", kw_only=True, frozen=True):
    """How the service is, with a sentence for a person."""

    seq: int
    state: ServiceState
    message: str


class Ack(Struct, tag="ack", kw_only=True, frozen=True, omit_defaults=True):
    """Bytes of audio payload received, and the byte before which everything has been answered.

    `viewers` of its channel, where the session publishes.
    """

    received: int
    safe: int
    viewers: int | None = None


class Error(Struct, tag="error", kw_only=True, frozen=True):
    """A mistake, in a sentence that a person can act on. A fatal one is followed by a close."""

    seq: int
    code: str
    message: str
    fatal: bool


class Ended(Struct, tag="ended", kw_only=True, frozen=True):
    """The account of the session. The four parts add up to `audio_ms`.

    `missing_ms` could not be decoded: silence stands for it, or it was to follow and did not come.
    """

    seq: int
    audio_ms: int
    captioned_ms: int
    silence_ms: int
    suppressed_ms: int
    failed_ms: int
    utterances: int
    missing_ms: int = 0


ServerMessage = (
    Ready
    | Resumed
    | Speech
    | Partial
    | Pause
    | PauseOver
    | Final
    | Revised
    | Suppressed
    | Failed
    | Flushed
    | Status
    | Ack
    | Error
    | Ended
)

ChannelState = Literal["live", "away", "waiting"]


class Channel(Struct, tag="channel", kw_only=True, frozen=True):
    """How a channel is, for its viewers; what follows belongs to its `session`.

    `live`: somebody publishes; `away`: the connection of who does is broken; `waiting`: nobody does.
    """

    channel: str
    state: ChannelState
    session: str
    viewers: int


Published = Speech | Partial | Final | Revised | Suppressed | Failed
"""What viewers get of what a session's own client gets."""
ViewerMessage = Channel | Published

_encoder = msgspec.json.Encoder()
_server_decoder = msgspec.json.Decoder(ServerMessage)
_viewer_decoder = msgspec.json.Decoder(ViewerMessage)


class _Envelope(Struct):
    type: str


def parse_client_message(data: bytes) -> ClientMessage:
    """Parse one text frame.

    Raises BadText (not UTF-8, not a JSON object with a `type`), UnknownMessage, BadStart (a `start`
    with wrong fields), BadMessage (another message with wrong fields).
    """
    try:
        data.decode()  # the JSON decoder looks only at the strings it keeps
        kind = msgspec.json.decode(data, type=_Envelope).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadText(
            "A text frame must be a JSON object in UTF-8 with a string field `type`; "
            "audio goes in binary frames."
        ) from error
    if kind not in _CLIENT_TYPES:
        raise UnknownMessage(
            f"Unknown message type {kind[:40]!r}; the known types are {', '.join(_CLIENT_TYPES)}."
        )
    try:
        return msgspec.json.decode(data, type=_CLIENT_TYPES[kind])
    except (msgspec.DecodeError, RecursionError) as error:
        kind_of_error = BadStart if kind == "start" else BadMessage
        raise kind_of_error(f"`{kind}` cannot be used: {_short(error)}.") from error


MAX_REASON = 200
"""Characters of what is wrong with a message."""

_LISTS = {"languages", "hotwords"}


def parse_start_query(query: Mapping[str, Sequence[str]]) -> Start:
    """A `start` from the query string; lists are comma-separated or repeated. Raises BadStart."""
    fields: dict[str, Any] = {}
    for name, values in query.items():
        if name in _LISTS:
            fields[name] = [item for value in values for item in value.split(",") if item]
        elif name == "replacements":  # as FIND:REPLACE, repeated
            pairs = (value.partition(":") for value in values)
            fields[name] = {find: replace for find, _, replace in pairs}
        elif name in Start.__struct_fields__:
            fields[name] = values[-1]
    try:
        return msgspec.convert(fields | {"type": "start"}, Start, strict=False)
    except msgspec.ValidationError as error:
        raise BadStart(f"The query string cannot be used: {_short(error)}.") from error


def _short(error: Exception) -> str:
    """What the library says; it repeats what was sent, which may be a megabyte."""
    text = str(error)
    return text if len(text) <= MAX_REASON else text[:MAX_REASON] + "…"


def format_message(message: ServerMessage | ClientMessage | Channel) -> str:
    """One message as the text of a frame."""
    return _encoder.encode(message).decode()


def parse_server_message(data: str | bytes) -> ServerMessage | None:
    """Parse a text frame of a server; None for a `type` that this client does not know.

    Raises msgspec.DecodeError for a frame that breaks the protocol.
    """
    return _server_decoder.decode(data) if _type_of(data) in _SERVER_TYPES else None


def parse_viewer_message(data: str | bytes) -> ViewerMessage | None:
    """The same of what the viewers of a channel get."""
    return _viewer_decoder.decode(data) if _type_of(data) in _VIEWER_TYPES else None


def _type_of(data: str | bytes) -> str:
    return msgspec.json.decode(data, type=_Envelope).type


_SERVER_TYPES = {cls.__struct_config__.tag for cls in get_args(ServerMessage)}
_VIEWER_TYPES = {cls.__struct_config__.tag for cls in get_args(ViewerMessage)}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of all messages, by direction."""
    roots = (ClientMessage, ServerMessage, ViewerMessage)
    (client, server, viewer), definitions = msgspec.json.schema_components(
        roots, ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Surtitle wire protocol, version {PROTOCOL_VERSION}",
        "client_to_server": client,
        "server_to_client": server,
        "server_to_viewer": viewer,
        "$defs": definitions,
    }


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
