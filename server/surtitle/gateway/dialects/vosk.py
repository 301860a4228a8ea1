"""vosk-server's protocol: each message has one answer. Pure.

Words are in lower case without punctuation, as Kaldi's. Finals that come while nothing is asked wait
for the next message, and `eof` gets all that are left.
"""

import json
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, structs

from surtitle.errors import BadAudio, BadMessage, WireError
from surtitle.gateway.dialects.dialect import (
    Action,
    Actions,
    Audio,
    Close,
    Flush,
    Open,
    Say,
    Stop,
)
from surtitle.gateway.dialects.openai_files import Json
from surtitle.gateway.dialects.words import bare, hotwords, seconds, words_of
from surtitle.messages import (
    Ended,
    Failed,
    Final,
    Flushed,
    Partial,
    ServerMessage,
    Start,
    Suppressed,
)

RATE_HZ = 8000
"""Where the client says nothing else."""

_Owed = Literal["audio", "reset"]


class Vosk:
    """The translator of one connection, see Dialect."""

    idle_timeout_s = float("inf")  # as theirs: a client that records on demand is silent for long
    hears_pings = False

    def __init__(self) -> None:
        self._config = _Config()
        self._is_open = False
        self._is_stopped = False
        self._partial = ""
        self._finals: deque[Final] = deque()  # that were not told
        self._owed: deque[_Owed] = deque()  # answers that wait for that of a `reset`

    @property
    def owed(self) -> int:
        """See Dialect."""
        return len(self._owed)

    def begin(self) -> Actions:
        """See Dialect."""
        return ()

    def take_bytes(self, data: bytes) -> Actions:
        """See Dialect."""
        if self._is_stopped:
            return
        yield from self._opened()
        yield Audio(data)
        self._owed.append("audio")
        yield from self._pay()

    def take_text(self, text: str) -> Actions:
        """See Dialect."""
        message = _parse(text)
        if message.config is not None and not self._is_open:
            phrases = (phrase for phrase in message.config.phrase_list if phrase != "[unk]")
            self._config = structs.replace(message.config, phrase_list=hotwords(phrases))
        if message.reset and not self._is_stopped:
            yield from self._opened()
            self._owed.append("reset")
            yield Flush()
        if message.eof and not self._is_stopped:
            self._is_stopped = True
            if self._is_open:
                yield Stop()
            else:
                yield self._rest()
                yield Close()

    def tell(self, message: ServerMessage, channel: int) -> Actions:
        """See Dialect."""
        match message:
            case Partial():
                self._partial = _plain(message.stable + message.unstable)
            case Final():
                self._partial = ""
                self._finals.append(message)
            case Suppressed() | Failed():
                self._partial = ""
            case Flushed():
                for _ in range(message.flushes):
                    if not self._owed:
                        return
                    self._owed.popleft()
                    yield self._rest()
                    yield from self._pay()
            case Ended():
                while self._owed:  # a `reset` right before the end has no answer of its own
                    self._owed.popleft()
                    yield _say({"partial": ""})
                yield self._rest()
                yield Close()

    def fail(self, error: WireError) -> Actions:
        """See Dialect. Their clients know no errors: they are in the log."""
        if error.close_code is not None:
            if self._finals:
                yield self._rest()
            yield Close(1003 if isinstance(error, BadAudio) else 1011, error.code)

    def leave(self) -> Actions:
        """See Dialect."""
        if self._finals:
            yield self._rest()

    def _opened(self) -> Iterator[Action]:
        if self._is_open:
            return
        self._is_open = True
        rate = round(self._config.sample_rate)
        yield Open(Start(sample_rate=rate, words=True, hotwords=self._config.phrase_list))

    def _pay(self) -> Iterator[Say]:
        """Answer audio, up to the next `reset`: by an utterance that has ended, or how far the open one
        has come.
        """
        while self._owed and self._owed[0] == "audio":
            self._owed.popleft()
            if self._finals:
                yield self._final([self._finals.popleft()])
            else:
                yield _say({"partial": self._partial})

    def _rest(self) -> Say:
        """All that was not told, as one."""
        finals, self._finals = list(self._finals), deque()
        return self._final(finals)

    def _final(self, finals: list[Final]) -> Say:
        words = [
            {
                "conf": word.confidence,
                "start": seconds(word.start_ms),
                "end": seconds(word.end_ms),
                "word": bare(word.text),
            }
            for final in finals
            for word in words_of(final)
        ]
        answer: Json = {"result": words} if words and self._config.words else {}
        answer["text"] = " ".join(str(word["word"]) for word in words)
        if not self._config.max_alternatives:
            return _say(answer)
        confidence = min((final.confidence for final in finals), default=1.0)
        return _say({"alternatives": [{"confidence": confidence, **answer}]})


class _Config(Struct):
    sample_rate: Annotated[float, Meta(ge=8000, le=96_000)] = float(RATE_HZ)
    words: bool | int = True
    max_alternatives: int = 0
    phrase_list: Annotated[list[str], Meta(max_length=100_000)] = []


class _Message(Struct):
    config: _Config | None = None
    eof: bool | int = False
    reset: bool | int = False


_decoder = msgspec.json.Decoder(_Message, strict=False)  # "16000" is a number too


def _parse(text: str) -> _Message:
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadMessage(
            "A text message must be a JSON object with `config`, `eof` or `reset`."
        ) from error


def _plain(text: str) -> str:
    return " ".join(filter(None, map(bare, text.split())))


def _say(message: Json) -> Say:
    return Say(json.dumps(message, ensure_ascii=False))
