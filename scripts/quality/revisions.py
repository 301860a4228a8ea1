"""Better texts of finals that had come: what they make of the text, and when they come. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from load.session import Heard
from quality.utterances import Received
from surtitle.messages import Final, Revised, revise


class Revisions(Struct, frozen=True):
    """Of one session, or of several."""

    finals: int = 0
    revised: int = 0
    """Of these finals."""
    after_end_s: list[float] = []
    """End of the utterance -> its better text. Here and in the next one only of those that came before
    the goodbye, which hurries the others."""
    after_final_s: list[float] = []
    """Final -> better text."""

    def __add__(self, other: "Revisions") -> "Revisions":
        return Revisions(
            self.finals + other.finals,
            self.revised + other.revised,
            self.after_end_s + other.after_end_s,
            self.after_final_s + other.after_final_s,
        )


def revised_text(messages: Sequence[Received]) -> str:
    """The text of all finals, of those that were revised the better one."""
    finals: dict[int, Final] = {}
    for _, message in messages:
        if isinstance(message, Final):
            finals[message.utterance] = message
        elif isinstance(message, Revised) and message.utterance in finals:
            finals[message.utterance] = revise(finals[message.utterance], message)
    return " ".join(final.text for final in finals.values() if final.text)


def revisions(heard: Heard, messages: Sequence[Received]) -> Revisions:
    """Of one session; without delays unless it has spoken at the pace of speech."""
    finals = {m.utterance: at_s for at_s, m in messages if isinstance(m, Final)}
    revised = [(at_s, m) for at_s, m in messages if isinstance(m, Revised)]
    in_time = [(at_s, m) for at_s, m in revised if at_s < heard.goodbye_s and m.utterance in finals]
    began_s = heard.spoken[0].start_s if heard.spoken else 0.0
    return Revisions(
        finals=len(finals),
        revised=len(revised),
        after_end_s=[at_s - began_s - m.end_ms / 1000 for at_s, m in in_time],
        after_final_s=[at_s - finals[m.utterance] for at_s, m in in_time],
    )
