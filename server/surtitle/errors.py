"""The exceptions of Surtitle, and the one map from an error to what the wire says about it.

    SurtitleError
    ├── ConfigurationError      a setting that cannot be used; said at start-up
    ├── EngineError             the recognition engine cannot go on
    └── WireError               something a client sent; carries code, close code, fatal
        ├── BadStart            4400  a `start` (or query string) that cannot be used
        ├── BadText             1007  a text frame that is not JSON or not UTF-8
        ├── BadAudio            1003  audio bytes that cannot be decoded
        ├── FrameTooLarge       1009  a frame over the limit
        ├── UnknownSession      4404  a session that is not here (any more)
        ├── ResumedElsewhere    4409  another connection has taken the session over
        ├── Busy                1013  no room for a session now, or no longer
        ├── IdleTimeout         4408  nothing received for too long
        ├── TooManyMistakes     1008  a client that only sends what cannot be used
        ├── InternalError       1011  our own mistake; details are in the log alone
        ├── DamagedAudio        not fatal: part of the audio cannot be decoded
        ├── UnlikelyEncoding    not fatal: audio that does not look like what was declared
        ├── BadMessage          not fatal: a known message that does not fit here
        └── UnknownMessage      not fatal: a `type` that this server does not know

The text of a SurtitleError is a sentence for a person: what is wrong and what to do. It goes on the
wire as it is, so it never contains internals. Whatever is not a WireError reaches a client only as
an InternalError.
"""


class SurtitleError(Exception):
    """Base of all errors that Surtitle raises on purpose."""


class ConfigurationError(SurtitleError):
    """A setting that cannot be used."""


class EngineError(SurtitleError):
    """The recognition engine cannot start or cannot go on."""


class WireError(SurtitleError):
    """A mistake in what a client sent.

    `code` is the machine-readable `code` of the `error` message; `close_code` is the WebSocket
    close code that follows, or None where the connection goes on.
    """

    code: str
    close_code: int | None = None


class BadStart(WireError):
    """A `start` message or query string that cannot be used."""

    code = "bad_start"
    close_code = 4400


class BadText(WireError):
    """A text frame that is not UTF-8 or not a JSON object."""

    code = "bad_text"
    close_code = 1007


class BadAudio(WireError):
    """Audio bytes that cannot be decoded as the declared encoding."""

    code = "bad_audio"
    close_code = 1003


class FrameTooLarge(WireError):
    """A frame over the server's size limit."""

    code = "frame_too_large"
    close_code = 1009


class UnknownSession(WireError):
    """A session that is unknown, has expired, or belongs to somebody else."""

    code = "unknown_session"
    close_code = 4404


class ResumedElsewhere(WireError):
    """A connection whose session another one has resumed."""

    code = "resumed_elsewhere"
    close_code = 4409


class Busy(WireError):
    """A `start` on a connection that was let in for a `resume`, while the server is full; or a session
    that takes much of a memory that has run short, or comes when no file can be opened any more. Its
    client may come back.
    """

    code = "busy"
    close_code = 1013


class IdleTimeout(WireError):
    """A client that has sent nothing for longer than the server waits."""

    code = "idle"
    close_code = 4408


class TooManyMistakes(WireError):
    """A client that goes on sending what cannot be used."""

    code = "too_many_mistakes"
    close_code = 1008


class InternalError(WireError):
    """A mistake of the server's own, in a sentence without internals."""

    code = "internal"
    close_code = 1011

    def __init__(self, text: str = "Internal server error; see the server's log.") -> None:
        super().__init__(text)


class DamagedAudio(WireError):
    """Part of the audio cannot be decoded; silence stands for it, and the rest goes on."""

    code = "damaged_audio"


class UnlikelyEncoding(WireError):
    """Audio whose values are hardly what the declared encoding would give."""

    code = "unlikely_encoding"


class BadMessage(WireError):
    """A known message with wrong fields, or at a moment where it has no meaning."""

    code = "bad_message"


class UnknownMessage(WireError):
    """A message whose `type` this server does not know."""

    code = "unknown_message"
