"""The messages of a session, utterance by utterance. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from surtitle.messages import Failed, Final, Partial, ServerMessage, Speech, Suppressed


class Received(NamedTuple):
    """A message, and when it came; on the clock of `time.monotonic`."""

    at_s: float
    message: ServerMessage


@dataclass
class Utterance:
    """What was shown of an utterance, and its answer; None where none came."""

    partials: list[Partial] = field(default_factory=list)
    answer: Final | Suppressed | Failed | None = None

    @property
    def text(self) -> str:
        """The text in the end."""
        return self.answer.text if isinstance(self.answer, Final) else ""


def utterances(messages: Iterable[ServerMessage]) -> dict[int, Utterance]:
    """All that were opened, by number and in order."""
    found: dict[int, Utterance] = {}
    for message in messages:
        match message:
            case Speech(utterance=number):
                found[number] = Utterance()
            case Partial(utterance=number):
                found[number].partials.append(message)
            case Final() | Suppressed() | Failed():
                found[message.utterance].answer = message
    return found
