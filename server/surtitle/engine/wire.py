"""What a gateway and an engine on another machine tell each other: MessagePack in WebSocket frames.

Both sides begin by saying which version of this protocol they speak, in messages whose form does not
change. What they do not know in a message they ignore, so that fields may be added without a new
version. Nothing here can run code, as a pickle could.
"""

from typing import Any

import msgspec
import numpy as np

from surtitle.engine.states import EngineState
from surtitle.jobs import DecodeOptions, Job, JobKind, ModelInfo, Result, Voice

PROTOCOL = 1
"""Counted up when either side would misunderstand the other one of before."""
PATH = "/v1/lane"
HEARTBEAT_S = 1.0
"""So often an engine says that it is there; after two that do not come it is given up."""
MAX_FRAME_BYTES = 8 << 20
"""Far more than 30 s of audio, or than a model can write about it."""


class Hello(msgspec.Struct, tag="hello"):
    """The gateway begins."""

    protocol: int
    gateway: str
    """What it is called in the engine's log."""
    known: list[str] = []
    """The incarnations of engines that it has lanes to, where it looks for others behind an address:
    one of these closes the connection.
    """


class Submit(msgspec.Struct, tag="submit"):
    """See Engine.submit, and Job for the fields."""

    id: str
    session: str
    utterance: int
    kind: JobKind
    audio: bytes
    """Little-endian 16-bit PCM."""
    decode_options: DecodeOptions
    window_s: float
    voice: Voice | None = None
    speculative: bool = False
    alone: bool = False

    @classmethod
    def of(cls, job: Job) -> "Submit":
        """The message for a job."""
        return cls(
            job.id,
            job.session,
            job.utterance,
            job.kind,
            job.audio.astype("<i2", copy=False).tobytes(),
            job.decode_options,
            job.window_s,
            job.voice,
            job.speculative,
            job.alone,
        )

    def job(self, prefix: str) -> Job:
        """The job, with a prefix before its id and session. Raises ValueError."""
        return Job(
            prefix + self.id,
            prefix + self.session,
            self.utterance,
            self.kind,
            np.frombuffer(self.audio, "<i2").astype(np.int16, copy=False),
            self.decode_options,
            self.window_s,
            self.voice,
            self.speculative,
            self.alone,
        )


class Place(msgspec.Struct, tag="place"):
    """See Engine.place."""

    session: str
    owner: str
    patient: bool


class Promote(msgspec.Struct, tag="promote"):
    """See Engine.promote."""

    id: str


class Cancel(msgspec.Struct, tag="cancel"):
    """See Engine.cancel."""

    id: str


class Discard(msgspec.Struct, tag="discard"):
    """See Engine.discard_session."""

    session: str


class Welcome(msgspec.Struct, tag="welcome"):
    """The engine's first message."""

    protocol: int
    engine: str
    """What it is called."""
    incarnation: str
    """Another one each time that it is started."""


class Refused(msgspec.Struct, tag="refused"):
    """The engine's first message where it does not serve this gateway."""

    why: str


class State(msgspec.Struct, tag="state"):
    """How the engine is; it follows `welcome`, and comes when that has changed."""

    state: EngineState
    model: ModelInfo | None
    strikes: dict[str, int] = {}
    """See Member.strikes."""


class Beat(msgspec.Struct, tag="beat"):
    """The engine is there; also how busy it is."""

    utilization: float
    overloaded: bool
    """For anybody who has no session yet."""
    overloaded_for: list[str] = []
    """The owners, of those with sessions of this gateway, for whom it is overloaded."""


class Answer(msgspec.Struct, tag="answer"):
    """The answer to a job."""

    result: Result


ToEngine = Hello | Submit | Place | Promote | Cancel | Discard
ToGateway = Welcome | Refused | State | Beat | Answer

_encoder = msgspec.msgpack.Encoder()
_to_engine: msgspec.msgpack.Decoder[ToEngine] = msgspec.msgpack.Decoder(ToEngine)
_to_gateway: msgspec.msgpack.Decoder[ToGateway] = msgspec.msgpack.Decoder(ToGateway)


class NotUnderstood(Exception):
    """A frame that is no message of this protocol."""


_UNREADABLE = (msgspec.MsgspecError, TypeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a frame: the last two for text that is none, and for a very deep one."""


def encode(message: ToEngine | ToGateway) -> bytes:
    """A frame."""
    return _encoder.encode(message)


def decode_to_engine(frame: Any) -> ToEngine:
    """A message of a gateway. Raises NotUnderstood."""
    try:
        return _to_engine.decode(frame)
    except _UNREADABLE as error:
        raise NotUnderstood(str(error)) from error


def decode_to_gateway(frame: Any) -> ToGateway:
    """A message of an engine. Raises NotUnderstood."""
    try:
        return _to_gateway.decode(frame)
    except _UNREADABLE as error:
        raise NotUnderstood(str(error)) from error


def other_version(theirs: int) -> str:
    """Why two of different versions do not understand each other, in a sentence."""
    older = "engine" if theirs < PROTOCOL else "gateway"
    return (
        f"The gateway speaks version {PROTOCOL} of the lane protocol, and the engine version {theirs}: "
        f"update the {older}."
    )
