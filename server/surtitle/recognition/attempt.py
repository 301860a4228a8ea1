"""How often a job is decoded, with what effort, and what comes of each decode. Pure.

A decode is judged by the guard, and by how much of the audio it leaves unsaid:

    ALIGN          look up where the audio has the words, and judge again; costs no decode
    RETRY          decode again, with the next effort of the ladder
    DROP_CONTEXT   decode again, without what the client has given to read before
    CONTINUE       keep the words up to a pause, and decode what follows
    ACCEPT         the text is the answer
    REFUSE         it is not speech: the answer says why

Every job comes to an end: a ladder has three rungs at most and is climbed once for each part of the
audio, of which there are MAX_PARTS and the last one, and once more where the context is dropped.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from surtitle.jobs import JobKind, Piece
from surtitle.recognition.guard import (
    Evidence,
    Reason,
    echoes,
    is_hurried_copy,
    is_noise,
    refusal,
    suspicion,
)

MIN_PART_MS = 1000
"""A part of a job's audio is kept if it is so long, and speech behind the last word is decoded if it
is: less has hardly a word."""
SPARSE_TOKENS_PER_S = 2.5
SPARSE_FROM_MS = 8000
"""Fewer tokens for each second of so much speech are few: people say four to six."""
MAX_PARTS = 8
"""So many are kept at most where a job has more words than fit into one decode."""
MIN_WORTH_A_LOOK_S = 0.3
"""Shorter audio, of a sender that breaks off, has no word that a second look could find. And it takes
as long as that of a whole sentence."""


@dataclass(frozen=True, slots=True)
class Effort:
    """One rung of the ladder that a suspicious job climbs."""

    beam_size: int
    full_window: bool = False
    """In a window of MAX_WINDOW_S instead of the job's own."""
    no_repeat_ngram_size: int = 0
    """So many tokens in a row are not written twice; 0 lets everything come again."""


PARTIAL_LADDER = (Effort(beam_size=1),)
"""A partial gets no second look: one that needs it is not shown, the next comes soon."""
FINAL_LADDER = (
    Effort(beam_size=5),
    Effort(beam_size=5, full_window=True),
    Effort(beam_size=5, full_window=True, no_repeat_ngram_size=5),
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one decode wrote."""

    tokens: list[int]
    """Of the text alone: without prompt and end mark."""
    evidence: Evidence
    newest: tuple[Piece, ...] = ()
    """Of a partial: how its text ends."""
    full: bool = False
    """All tokens that there was room for were written: more may have been said."""
    said_to_ms: int | None = None
    """Where the last word ends by cross-attention, in ms of the audio, and 0 without words; None as
    long as nobody has looked."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How far a job has come."""

    kind: JobKind
    ladder: tuple[Effort, ...]
    rung: int = 0
    """Place in the ladder of the decode under way."""
    context: str = ""
    """What the model is given to read before, from the client; empty for nothing."""
    echo: Decoded | None = None
    """Text that repeats a context, until a decode without it finds speech too."""
    unheard_ms: int = 0
    """So much speech at least was heard in the audio that is being decoded."""
    parts: int = 0
    """How many were kept before that audio."""

    @property
    def effort(self) -> Effort:
        """That of the decode under way."""
        return self.ladder[self.rung]

    @property
    def is_last(self) -> bool:
        """Whether nothing more careful is left."""
        return self.rung + 1 == len(self.ladder)

    def retry(self) -> "Attempt":
        """With the next effort; not of the last one."""
        return replace(self, rung=self.rung + 1)

    def drop_context(self, echo: Decoded) -> "Attempt":
        """From the lowest rung, without the context that this text repeats; for all that follows."""
        return replace(self, rung=0, context="", echo=echo)

    def go_on(self, rest_ms: int) -> "Attempt":
        """With the audio from that time on, from the lowest rung."""
        return replace(
            self,
            rung=0,
            echo=None,
            unheard_ms=self.unheard_ms - rest_ms,
            parts=self.parts + 1,
        )


class Outcome(Enum):
    """What comes of a decode; see the head of this file."""

    ALIGN = auto()
    RETRY = auto()
    DROP_CONTEXT = auto()
    CONTINUE = auto()
    ACCEPT = auto()
    REFUSE = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome, and the text that it is about."""

    outcome: Outcome
    decoded: Decoded
    """As it was judged, or the echo that it confirms."""
    reason: Reason | None = None
    """Of REFUSE alone: what `Result.suppressed` says."""


def begin(kind: JobKind, seconds: float, context: str = "", speech_ms: int = 0) -> Attempt:
    """The first attempt at a job.

    `seconds` is the length of its audio, and `speech_ms` how much of it voice activity took for
    speech, 0 where nobody listened.
    """
    ladder = PARTIAL_LADDER if kind == "partial" else FINAL_LADDER
    if seconds < MIN_WORTH_A_LOOK_S:
        ladder = ladder[:1]
    return Attempt(kind, ladder, context=context, unheard_ms=speech_ms)


def judge(attempt: Attempt, decoded: Decoded) -> Verdict:
    """What comes of this decode of the attempt.

    After CONTINUE the text is accepted as it is where no pause is found to go on from.
    """
    evidence = decoded.evidence
    doubt = suspicion(evidence)
    if doubt == "repetition" and decoded.said_to_ms is None and not is_noise(evidence):
        return Verdict(Outcome.ALIGN, decoded)
    if attempt.kind == "partial" and doubt is None and is_hurried_copy(evidence):
        doubt = "repetition"
    if doubt is not None and not attempt.is_last:
        return Verdict(Outcome.RETRY, decoded)
    # Nobody looks at a partial twice: why one would is reason enough to hold it back.
    reason = (doubt if attempt.kind == "partial" else None) or refusal(evidence)
    if reason is not None:
        return Verdict(Outcome.REFUSE, decoded, reason)
    if attempt.echo is not None:
        decoded = attempt.echo  # something was said, and the context has helped to spell it
    elif attempt.context and echoes(evidence.text, attempt.context):
        return Verdict(Outcome.DROP_CONTEXT, decoded)
    goes_on = attempt.parts < MAX_PARTS and (decoded.full or may_stop_early(attempt, decoded))
    return Verdict(Outcome.CONTINUE if goes_on else Outcome.ACCEPT, decoded)


def may_stop_early(attempt: Attempt, decoded: Decoded) -> bool:
    """Whether a text may end before the speech does.

    One that really repeats itself may: of five times the same, Whisper may write two, and of what
    follows them one. So may one that has few words for much speech: at a change of speaker Whisper now
    and then takes the end of what the first one says for the end of all.
    """
    if attempt.unheard_ms < MIN_PART_MS:
        return False
    return decoded.evidence.repeated or attempt.parts > 0 or _is_sparse(attempt, decoded)


def _is_sparse(attempt: Attempt, decoded: Decoded) -> bool:
    most = SPARSE_TOKENS_PER_S * attempt.unheard_ms / 1000
    much = attempt.kind == "final" and attempt.unheard_ms >= SPARSE_FROM_MS
    return much and len(decoded.tokens) < most


def stops_early(attempt: Attempt, end_ms: int) -> bool:
    """Whether a part's worth of speech or more follows the last word, which ends at `end_ms`."""
    return attempt.unheard_ms - end_ms >= MIN_PART_MS
