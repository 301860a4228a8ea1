"""Speculative decoding: a pause may be the end, so its audio is decoded as the final at once.

                paused              decoded
    IDLE ----------------> PENDING ----------> READY
      ^                       | needed           ^
      |                       v       decoded    |
      |                    AWAITED --------------+
      |                       |                  |
      +--------- resumed, or closed elsewhere ---+

If the utterance ends in this pause, the speculative final is its answer, most often ready by then. If
speech goes on, it is cancelled; where it was ready, its text may be the prefix of later partials. What
it says also decides how long the silence must be.

Pure: each input returns what its owner has to do, in order.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from surtitle.captioning.endpointing import NO_VOICE, Sentence
from surtitle.captioning.language import fits, may_show
from surtitle.captioning.sentence import is_finished
from surtitle.jobs import QUARANTINED, DecodeOptions, Job, Result, Voice


@dataclass(frozen=True, slots=True)
class Prefix:
    """What was said up to a pause of an utterance that went on."""

    end: int  # absolute sample
    voice: Voice  # what was heard up to it
    result: Result

    @property
    def text(self) -> str:
        """As it was decoded."""
        return self.result.text


@dataclass(frozen=True, slots=True)
class Submit:
    """Decode the utterance up to `end` (absolute sample) in the background, and say `submitted`."""

    end: int


@dataclass(frozen=True, slots=True)
class Promote:
    """The job is waited for: it is no longer speculative."""

    job: Job


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody wants the job any more."""

    job: Job


@dataclass(frozen=True, slots=True)
class Show:
    """Show what was said before the pause, without its last word unless `all_words`."""

    result: Result
    all_words: bool


@dataclass(frozen=True, slots=True)
class ShowAll:
    """The pause lasts: show the last word too, if nothing newer than `end` is shown."""

    end: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Tell the endpointer about the sentence before the pause."""

    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Keep:
    """Speech went on after a pause whose text is there."""

    prefix: Prefix


@dataclass(frozen=True, slots=True)
class Finalize:
    """The job's result is the final of the utterance; None: it is still to come."""

    job_id: str
    result: Result | None


@dataclass(frozen=True, slots=True)
class SubmitFinal:
    """The utterance ends where no speculative final does: decode it."""


Action = Submit | Promote | Cancel | Show | ShowAll | Judge | Keep | Finalize | SubmitFinal


class SpeculationState(Enum):
    """See the module's docstring."""

    IDLE = auto()
    PENDING = auto()
    AWAITED = auto()
    READY = auto()


class Speculation:
    """The speculative finals of one utterance, one pause after the other."""

    def __init__(self) -> None:
        self.state = SpeculationState.IDLE
        self.end = 0
        """Absolute sample at which the newest pause begins; 0 before the first one."""
        self._job: Job | None = None
        self._result: Result | None = None
        self._voice = NO_VOICE  # what was heard up to the pause
        self._lasted = False  # the pause is so long that no half word can go on
        self._barred = False  # one has killed workers: it must not do so in every pause

    def paused(self, end: int) -> list[Action]:
        """The speaker pauses; the utterance may end at `end`."""
        return [Judge(Sentence.UNKNOWN)] if self._barred else [Submit(end)]

    def submitted(self, job: Job, end: int, voice: Voice) -> None:
        """`Submit` is done, with `voice` heard up to `end`."""
        self.state = SpeculationState.PENDING
        self._job, self._result, self._lasted = job, None, False
        self.end, self._voice = end, voice

    def resubmitted(self, job: Job) -> None:
        """The same audio is decoded once more, with the language known by now."""
        self._job = job

    def is_job(self, job_id: str) -> bool:
        """Whether this is the job of the pause that goes on."""
        return self.state is not SpeculationState.IDLE and self._current.id == job_id

    @property
    def is_speculative(self) -> bool:
        """Whether nobody waits for the job."""
        return self._current.speculative

    def needed(self) -> list[Action]:
        """Nothing goes on before the text of the pause is there."""
        if self.state is not SpeculationState.PENDING:
            return []
        self.state = SpeculationState.AWAITED
        self._job = replace(self._current, speculative=False)
        return [Promote(self._job)]

    def decoded(self, result: Result) -> list[Action]:
        """The text of the pause is there while the utterance is still open."""
        if not self.is_job(result.job_id):
            return []
        self.state = SpeculationState.READY
        self._result = result
        self._barred = result.error_code == QUARANTINED
        judged: list[Action] = [Judge(_sentence(result))]
        return judged if result.suppressed else [Show(result, self._lasted), *judged]

    def lasted(self) -> list[Action]:
        """The pause is so long that speech rarely goes on in the middle of a word."""
        if self.state is SpeculationState.IDLE:
            return []
        self._lasted = True
        return [ShowAll(self.end)]

    def resumed(self, decode_options: DecodeOptions) -> list[Action]:
        """Speech goes on; `decode_options` are those that the utterance has by now."""
        state, self.state = self.state, SpeculationState.IDLE
        if state is SpeculationState.IDLE:
            return []
        if self._result is None:
            return [Cancel(self._current)]
        said = self._result.text and self._is_usable(decode_options)
        if not said or not may_show(decode_options, self._result):
            return []
        return [Keep(Prefix(self.end, self._voice, self._result))]

    def closed(self, end: int, decode_options: DecodeOptions) -> list[Action]:
        """The utterance ends at `end`."""
        here = self.state is not SpeculationState.IDLE and self.end == end
        if not here or not self._is_usable(decode_options):
            return [*self.resumed(decode_options), SubmitFinal()]
        return [*self.needed(), Finalize(self._current.id, self._result)]

    @property
    def _current(self) -> Job:
        assert self._job is not None
        return self._job

    def _is_usable(self, decode_options: DecodeOptions) -> bool:
        """Not if it was decoded in another language than was fixed later."""
        known = self._current.decode_options.language is not None
        return known or self._result is None or fits(decode_options, self._result)


def _sentence(result: Result) -> Sentence:
    """Whether the text of a pause is a finished sentence."""
    if result.error_code:
        return Sentence.UNKNOWN
    if result.suppressed:
        return Sentence.FINISHED  # nothing was said that could go on
    return Sentence.FINISHED if is_finished(result.text, result.language) else Sentence.UNFINISHED
