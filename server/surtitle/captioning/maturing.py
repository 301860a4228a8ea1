"""Finals that mature: what belongs together is decoded once more, together. Pure.

A speaker who pauses inside sentences gets a final at each pause, made of a fragment: nothing of what is
said around it was heard. Where speech goes on soon after, the fragments are decoded once more with the
audio before and after them, and the better text is shared out to the utterances by the times of its
words. The first finals come no later for it, and nobody waits for the second look: it is taken when the
engine has time, or not at all.

    answered --(the sentence is MATURE_MS old, or it is clear that nothing follows)--> due
    due --(the engine has time)--> under way --(result)--> revised, or left as it is
    due --(LATEST_MS after the end of the sentence)--> left as it is

What is sent faster than it is spoken is there for its text: it has no such limit, and its clock is the
end of the next utterance to be answered.

Positions are absolute samples of the session's audio. The clock is the audio.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from surtitle.captioning.sentence import is_finished
from surtitle.captioning.stability import split_units
from surtitle.jobs import (
    DecodeOptions,
    Pcm16,
    Result,
    Voice,
    Word,
    ms_to_samples,
    samples_to_ms,
)

TOGETHER_MS = 2500
"""After a longer pause nothing belongs to what was said before."""
MATURE_MS = 7000
"""So long after its end a finished sentence is decoded with what follows it by then."""
LATEST_MS = 10_000
"""After that nobody is told of a better text any more: the reader is elsewhere."""
MAX_NEW_MS = 20_000
"""Speech with pauses that is revised at once; as much again at most is heard around it."""
MAX_DUE = 3
"""With more, answers get too far ahead of their better texts: their audio is held until then."""
WINDOW_MS = 28_000
"""All that is decoded together: Whisper's window, less its margin."""
KEPT_PAUSE_MS = 300
"""What is left of each pause between two utterances: with the pauses as they are fewer of them fit, and
models write a full stop in a long one."""
MIN_SHARE = 0.7
"""A text with fewer words than this share of those that it would replace has left something out."""
MIN_LOST = 3
"""So has one in which an utterance of so many words has none."""
MAX_SHARE = 1.5
"""One with so many times the words, and MIN_LOST more, has said something twice."""


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance whose final has come."""

    number: int
    start: int
    end: int
    text: str
    decode_options: DecodeOptions
    """With which all of it is decoded again: with its language, and with times of words."""
    voice: Voice

    @property
    def is_finished(self) -> bool:
        """Whether its text ends like a sentence."""
        return is_finished(self.text, self.decode_options.language or "")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of audio, in samples."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Together:
    """Utterances that are decoded together, in order: some were revised, some are, some will be."""

    before: tuple[Said, ...]
    revised: tuple[Said, ...]
    after: tuple[Said, ...]
    open: Stretch | None = None
    """What was heard by then of the utterance that is open."""

    @property
    def all(self) -> tuple[Said, ...]:
        """All of those that are closed."""
        return self.before + self.revised + self.after

    @property
    def stretches(self) -> list[Said | Stretch]:
        """What is heard, in order."""
        return [*self.all, *([self.open] if self.open is not None else [])]

    @property
    def start(self) -> int:
        """The first sample."""
        return self.all[0].start

    @property
    def end(self) -> int:
        """The sample after the last one."""
        return self.stretches[-1].end

    @property
    def latest(self) -> int:
        """The sample after which nobody is told any more."""
        return _sentence_end(self.revised) + ms_to_samples(LATEST_MS)

    @property
    def voice(self) -> Voice | None:
        """What voice activity heard in all of it; None where not all was counted."""
        if self.open is not None:
            return None
        each = [said.voice for said in self.all]
        return Voice(
            speech_ms=sum(voice.speech_ms for voice in each),
            clear_ms=sum(voice.clear_ms for voice in each),
            stretches=sum(voice.stretches for voice in each),
        )


@dataclass(frozen=True, slots=True)
class Better:
    """What an utterance gets of a text that was decoded together; words in ms of the session."""

    said: Said
    text: str
    words: tuple[Word, ...]


class Maturing:
    """The utterances of a session that may still get a better text."""

    def __init__(self) -> None:
        self._before: list[Said] = []  # have had their turn, and are still heard with the next ones
        self._waiting: list[Said] = []  # follow those, oldest first
        self._due: deque[Together] = deque()
        self._under_way: Together | None = None

    @property
    def start(self) -> int | None:
        """The first sample that is still needed, if any is."""
        starts = [together.start for together in self._due]
        starts += [said.start for said in [*self._before, *self._waiting][:1]]
        return min(starts, default=None)

    @property
    def is_settled(self) -> bool:
        """Whether all have had their turn."""
        return not self._waiting and not self._due and self._under_way is None

    @property
    def is_behind(self) -> bool:
        """Whether much is due."""
        return len(self._due) >= MAX_DUE

    def add(self, said: Said) -> None:
        """The next utterance has got its final."""
        if (last := self._last) is not None and said.decode_options != last.decode_options:
            self.part()
        self._part_before(said.start)
        self._waiting.append(said)
        while _length(self._waiting) > ms_to_samples(MAX_NEW_MS):
            sentences = _up_to_sentence(self._waiting[:-1])
            self._take(sentences or max(len(self._waiting) - 1, 1))

    def part(self) -> None:
        """Nothing that follows belongs to what was said by now."""
        self._take(len(self._waiting))
        self._before.clear()

    def listen(self, position: int, speaks_from: int | None) -> None:
        """Voice activity has come to `position`; what is not answered begins at `speaks_from`, if
        there is anything."""
        self._part_before(position if speaks_from is None else speaks_from)
        if self._is_mature(position) and (count := _up_to_sentence(self._waiting)):
            self._take(count, None if speaks_from is None else Stretch(speaks_from, position))

    def drop_late(self, position: int) -> None:
        """Leave as it is what nobody wants to know any more at `position`."""
        while self._due and position > self._due[0].latest:
            self._due.popleft()

    def begin(self) -> Together | None:
        """What to decode now, if anything is due and nothing is under way; `end` or `leave` follows."""
        if self._under_way is None and self._due:
            self._under_way = self._due.popleft()
            return self._under_way
        return None

    def is_late(self, position: int) -> bool:
        """Whether nobody wants the result of what is under way any more."""
        return self._under_way is not None and position > self._under_way.latest

    def leave(self) -> None:
        """What is under way is left as it is."""
        self._under_way = None

    def end(self, result: Result) -> list[Better]:
        """The result of what is under way: the texts that differ from those that they had."""
        together, self._under_way = self._under_way, None
        assert together is not None
        if result.error_code or result.suppressed:
            return []
        better = share_out(result, together)
        return [each for each in better if each.text != each.said.text]

    @property
    def _last(self) -> Said | None:
        said = self._waiting or self._before
        return said[-1] if said else None

    def _part_before(self, speaks_at: int) -> None:
        """Speech goes on there, at the earliest: too late to belong to what was said?"""
        last = self._last
        if last is not None and speaks_at - last.end > ms_to_samples(TOGETHER_MS):
            self.part()

    def _is_mature(self, position: int) -> bool:
        age = position - _sentence_end(self._waiting) if self._waiting else 0
        return age >= ms_to_samples(MATURE_MS)

    def _take(self, count: int, heard: Stretch | None = None) -> None:
        """So many of those that wait are due, with what was said around them."""
        revised, rest = self._waiting[:count], self._waiting[count:]
        self._waiting = rest
        before = _newest(self._before, MAX_NEW_MS - samples_to_ms(_length(revised)))
        after = list(rest)
        while after and _length([*before, *revised, *after]) > ms_to_samples(WINDOW_MS):
            after.pop()
        together = Together(
            tuple(before), tuple(revised), tuple(after), heard if len(after) == len(rest) else None
        )
        if revised and len(together.stretches) > 1:
            self._due.append(together)
        self._before = _newest([*self._before, *revised], MAX_NEW_MS)


def _newest(said: Sequence[Said], most_ms: int) -> list[Said]:
    """The newest of them, as many as are so long at most."""
    first = 0
    while first < len(said) and _length(said[first:]) > ms_to_samples(max(most_ms, 0)):
        first += 1
    return list(said[first:])


def _up_to_sentence(said: Sequence[Said]) -> int:
    """How many there are up to the end of the last finished sentence."""
    return max((count for count, each in enumerate(said, 1) if each.is_finished), default=0)


def _sentence_end(said: Sequence[Said]) -> int:
    """Where the first finished sentence ends, or the last of them where none is."""
    return next((each.end for each in said if each.is_finished), said[-1].end)


def _length(stretches: Sequence[Said | Stretch]) -> int:
    """Of the joined audio."""
    kept = ms_to_samples(KEPT_PAUSE_MS)
    pauses = sum(min(after.start - before.end, kept) for before, after in pairwise(stretches))
    return sum(each.end - each.start for each in stretches) + pauses


def join_audio(audio: Pcm16, together: Together) -> Pcm16:
    """The audio to decode, with short pauses; `audio` is all from `together.start` to its end."""
    kept = ms_to_samples(KEPT_PAUSE_MS)
    at = [(each.start - together.start, each.end - together.start) for each in together.stretches]
    parts = [audio[: at[0][1]]]
    for (_, pause_start), (pause_end, end) in pairwise(at):
        pause = audio[pause_start:pause_end]
        if len(pause) > kept:
            pause = np.concatenate([pause[: kept // 2], pause[-(kept - kept // 2) :]])
        parts += [pause, audio[pause_end:end]]
    return np.concatenate(parts)[: ms_to_samples(WINDOW_MS)]


def places(together: Together) -> list[Stretch]:
    """Where each stretch lies in the joined audio."""
    kept = ms_to_samples(KEPT_PAUSE_MS)
    found: list[Stretch] = []
    at, before = 0, None
    for each in together.stretches:
        if before is not None:
            at += min(each.start - before.end, kept)
        found.append(Stretch(at, at + each.end - each.start))
        at, before = found[-1].end, each
    return found


def share_out(result: Result, together: Together) -> list[Better]:
    """What each of the revised ones gets; nothing where something that was said is left out."""
    stretches = places(together)
    owners = [_nearest(word, stretches) for word in result.words]
    starts = _starts(result.text, result.words)
    better = []
    for at, said in enumerate(together.revised, len(together.before)):
        mine = [number for number, owner in enumerate(owners) if owner == at]
        text, words = "", tuple[Word, ...]()
        if mine:
            end = starts[mine[-1] + 1] if mine[-1] + 1 < len(starts) else len(result.text)
            text = result.text[starts[mine[0]] : end].strip()
            words = tuple(_placed(result.words[number], stretches[at], said) for number in mine)
        better.append(Better(said, text, words))
    return better if _is_complete(better) else []


def _nearest(word: Word, stretches: Sequence[Stretch]) -> int:
    """In which of them the word lies, or which is the nearest."""
    middle = ms_to_samples(word.start_ms + word.end_ms) / 2
    distances = [max(each.start - middle, middle - each.end, 0.0) for each in stretches]
    return distances.index(min(distances))


def _starts(text: str, words: Iterable[Word]) -> list[int]:
    """Where each word begins in the text that they are the words of."""
    starts, at = [], 0
    for word in words:
        at = max(text.find(word.text, at), at)
        starts.append(at)
        at += len(word.text)
    return starts


def _placed(word: Word, stretch: Stretch, said: Said) -> Word:
    """A word with its times in the session, inside its utterance."""
    shift_ms = samples_to_ms(said.start - stretch.start)
    first_ms, last_ms = samples_to_ms(said.start), samples_to_ms(said.end)
    start_ms = min(max(word.start_ms + shift_ms, first_ms), last_ms)
    end_ms = min(max(word.end_ms + shift_ms, start_ms), last_ms)
    return replace(word, start_ms=start_ms, end_ms=end_ms)


def _is_complete(better: Sequence[Better]) -> bool:
    """Whether about as much is said in them as before: no more, either, which would be said twice."""
    counts = [(len(split_units(each.said.text)), len(split_units(each.text))) for each in better]
    before, now = (sum(column) for column in zip(*counts, strict=True))
    emptied = any(was >= MIN_LOST and not is_ for was, is_ in counts)
    return MIN_SHARE * before <= now <= MAX_SHARE * before + MIN_LOST and not emptied
