"""An utterance that is not answered yet: what was asked about it, and what is known of it.

Pure data with the questions that can be asked of it; what happens to it is decided in `session`.
"""

from dataclasses import dataclass, field, replace

from surtitle.captioning.caption import Caption
from surtitle.captioning.endpointing import NO_VOICE
from surtitle.captioning.speculation import Prefix, Speculation
from surtitle.captioning.stability import join, normalize_unit, split_units
from surtitle.jobs import DecodeOptions, JobKind, Result, Voice, samples_to_ms
from surtitle.messages import EndedBy, WordTiming

MIN_REMAINDER_MS = 400
"""Speech that has words of its own, by voice activity, which also hears breaths and half syllables."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job covers."""

    kind: JobKind
    end: int  # absolute sample
    prefix: str  # what was said in the utterance before the audio of the job
    language_known: bool  # when it was submitted; otherwise the worker detects it


@dataclass(slots=True)
class Utterance:
    """An utterance that is not answered yet."""

    number: int
    start: int  # absolute sample
    decode_options: DecodeOptions
    partials: bool
    caption: Caption
    end: int | None = None  # None while it is open
    ended_by: EndedBy | None = None  # the same
    speculation: Speculation = field(default_factory=Speculation)
    prefix: Prefix | None = None  # partials are decoded from its end on
    next_prefix: Prefix | None = None  # of the newest pause
    before_remainder: Prefix | None = None  # the final stopped there: the rest is decoded alone
    voice: Voice = NO_VOICE  # what was heard of it up to the newest event
    asked: dict[str, Asked] = field(default_factory=dict)  # by job id
    probability: float | None = None  # of the language, where it was heard and is fixed
    ends_workers: bool = False  # a worker died on a partial of it: another may do the same
    is_announced: bool = False  # its client was told the text of a pause that goes on
    final_id: str = ""  # id of the job whose result is the answer, once it is closed
    final: Result | None = None

    @property
    def is_cut(self) -> bool:
        """Whether speech goes on in the next one."""
        return self.ended_by == "length"

    def stopped_at(self, heard: Voice, result: Result) -> Prefix | None:
        """The pause at which the text ends although speech went on after it, if there is one.

        Whisper now and then takes the end of a sentence for the end of all. The text of the same
        utterance up to that pause, which was decoded in it, tells.
        """
        prefix = self.next_prefix or self.prefix
        if prefix is None or result.error_code or result.suppressed:
            return None
        said_more = _less(heard, prefix.voice).speech_ms >= MIN_REMAINDER_MS
        return prefix if said_more and _names(result.text) == _names(prefix.text) else None

    def keep(self, prefix: Prefix) -> None:
        """Speech went on after a pause whose text is there.

        One that has stopped at an earlier pause says nothing about this one.
        """
        if self.stopped_at(prefix.voice, prefix.result) is None:
            self.next_prefix = prefix

    def voice_from(self, start: int) -> Voice | None:
        """What was heard in the audio of a job that begins there; None where nobody has counted."""
        remainder_of = self.before_remainder
        if remainder_of is not None and start == remainder_of.end:
            return _less(self.voice, remainder_of.voice)
        return self.voice if start == self.start else None


def _less(whole: Voice, part: Voice) -> Voice:
    """What was heard after a part."""
    return Voice(
        whole.speech_ms - part.speech_ms,
        whole.clear_ms - part.clear_ms,
        whole.stretches - part.stretches,
    )


def _names(text: str) -> list[str]:
    return [normalize_unit(unit) for unit in split_units(text)]


def joined(prefix: Prefix, start: int, remainder: Result) -> Result:
    """The result of an utterance that begins at `start`, of its part up to a pause and the rest."""
    if remainder.error_code or remainder.suppressed or not remainder.text:
        return replace(prefix.result, job_id=remainder.job_id)
    shift_ms = samples_to_ms(prefix.end - start)
    words = [
        replace(word, start_ms=word.start_ms + shift_ms, end_ms=word.end_ms + shift_ms)
        for word in remainder.words
    ]
    return replace(
        prefix.result,
        job_id=remainder.job_id,
        text=join(prefix.text, remainder.text),
        confidence=min(prefix.result.confidence, remainder.confidence),
        words=(*prefix.result.words, *words),
    )


def with_words(text: str, result: Result, start_ms: int) -> tuple[str, list[WordTiming]]:
    """The text and its words, which must be the same: where they are not, as they were decoded."""
    forms = [unit.strip() for unit in split_units(text)]
    decoded = [word.text for word in result.words]
    if [normalize_unit(form) for form in forms] != [normalize_unit(word) for word in decoded]:
        text, forms = result.text, decoded
    return text, [
        WordTiming(
            text=form,
            start_ms=start_ms + word.start_ms,
            end_ms=start_ms + word.end_ms,
            confidence=round(word.confidence, 3),
        )
        for form, word in zip(forms, result.words, strict=True)
    ]
