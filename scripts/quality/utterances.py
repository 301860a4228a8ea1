"""The messages of a session, utterance by utterance. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from surtitle.messages import Failed, Final, Partial, ServerMessage, Speech, Suppressed


@dataclass
class Utterance:
    """What was shown of an utterance, and its answer; None where none came."""

    partials: list[Partial] = field(default_factory=list)
    answer: Final | Suppressed | Failed | None = None

    @property
    def text(self) -> str:
        """The text in the end."""
        return self.answer.text if isinstance(self.answer, Final) else ""


def utterances(messages: Iterable[ServerMessage]) -> list[Utterance]:
    """All that were opened, in order."""
    found: dict[int, Utterance] = {}
    for message in messages:
        match message:
            case Speech(utterance=number):
                found[number] = Utterance()
            case Partial(utterance=number):
                found[number].partials.append(message)
            case Final() | Suppressed() | Failed():
                found[message.utterance].answer = message
    return list(found.values())


def text(messages: Iterable[ServerMessage]) -> str:
    """The finals as one text."""
    return " ".join(message.text for message in messages if isinstance(message, Final))
