"""Where the audio went: the four parts of `ended`, and what was suppressed for which reason. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from quality.utterances import utterances
from surtitle.messages import Ended, ServerMessage, Suppressed


class Held(Struct, frozen=True):
    """Utterances that were suppressed for one reason."""

    utterances: int
    ms: int


class Account(Struct, frozen=True):
    """Of some sessions."""

    sessions: int = 0
    unended: int = 0
    """Sessions without `ended`."""
    unbalanced: int = 0
    """Sessions whose four parts do not add up to their audio."""
    unanswered: int = 0
    """Utterances that were opened and got neither final nor `suppressed` nor `failed`."""
    audio_ms: int = 0
    captioned_ms: int = 0
    silence_ms: int = 0
    suppressed_ms: int = 0
    failed_ms: int = 0
    suppressed: dict[str, Held] = {}
    """By reason."""

    def __add__(self, other: "Account") -> "Account":
        sums = {
            name: getattr(self, name) + getattr(other, name)
            for name in self.__struct_fields__
            if name != "suppressed"
        }
        held = dict(self.suppressed)
        for reason, more in other.suppressed.items():
            so_far = held.get(reason, Held(0, 0))
            held[reason] = Held(so_far.utterances + more.utterances, so_far.ms + more.ms)
        return Account(**sums, suppressed=held)


def account(messages: Sequence[ServerMessage]) -> Account:
    """Of one session."""
    total = Account(sessions=1, unended=1)
    for message in messages:
        if isinstance(message, Ended):
            parts = {
                name: getattr(message, name)
                for name in ("captioned_ms", "silence_ms", "suppressed_ms", "failed_ms")
            }
            total = Account(
                sessions=1,
                audio_ms=message.audio_ms,
                unbalanced=int(sum(parts.values()) != message.audio_ms),
                **parts,
            )
    for utterance in utterances(messages).values():
        match utterance.answer:
            case None:
                total += Account(unanswered=1)
            case Suppressed(start_ms=start, end_ms=end, reason=reason):
                total += Account(suppressed={reason: Held(1, end - start)})
    return total
