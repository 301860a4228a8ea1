"""Speech probabilities -> utterance opened / partial due / paused / closed, in samples.

The clock is the audio: positions are absolute sample indexes at 16 kHz, and nothing depends on when
or in what chunks the windows come. One utterance holds one run of speech: it opens after
`min_speech_ms` of it, reaches back `pre_roll_ms` for the first consonant, and closes after
`endpoint_silence_ms` without speech, keeping `hangover_ms` of that for the last one.

How long a silence ends the utterance depends on what was said. When a pause is `hangover_ms` old,
`Paused` says that the audio so far may be a whole utterance; its owner has it decoded and says with
`judge` whether the sentence is finished. A finished one ends after `endpoint_silence_ms` or sooner, an
unfinished one later. For the audio to remain the only clock, no window after the earliest possible
end may be pushed before the judgement is there: see `awaits_judgement`.

A run longer than `max_utterance_ms` is cut at its best pause, looking back over its second half:
the longest gap in the speech probability or, where the speaker leaves none, the quietest tenth of a
second. What follows the cut is the next utterance, without a sample between them or in both.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from surtitle.jobs import Voice, ms_to_samples, samples_to_ms

WINDOW_SAMPLES = 512
"""Samples in one window of voice activity: what Silero takes at 16 kHz (32 ms)."""
CLEAR_PROBABILITY = 0.9
"""A window at or above this is speech without doubt. Spoken words have such windows unless they are
far away or very quiet; a drum, a thud or a burst of music that opens an utterance mostly has none."""
STRETCH_PAUSE_WINDOWS = 4
"""So many windows without speech part two stretches of it. Of single spoken words, one in 38 has such a
pause inside; of words said in a row with 0.2 s between them, nine in ten gaps are heard as one."""
NO_VOICE = Voice(speech_ms=0, clear_ms=0, stretches=0)


@dataclass(frozen=True, slots=True)
class EndpointingOptions:
    """How speech is told from silence, and when an utterance ends. All lengths in milliseconds."""

    onset_probability: float = 0.5
    """A window at or above this is speech."""
    offset_probability: float = 0.35
    """Inside an utterance, a window below this is silence. Lower than the onset, so that one
    breathy vowel does not flicker between the two (Silero's own default is onset - 0.15)."""
    min_speech_ms: int = 96
    """Speech needed to open an utterance: a click is shorter, a "no" is longer."""
    pre_roll_ms: int = 320
    """Audio kept before the first window of speech: Silero answers late on soft consonants."""
    hangover_ms: int = 160
    """Audio kept after the last window of speech: a pause of this length may be the end."""
    settled_pause_ms: int = 320
    """Silence after which speech rarely goes on in the middle of a word: `PauseSettled`."""
    endpoint_silence_ms: int = 600
    """Silence that ends an utterance of which nobody knows whether it is finished. With 500, more
    sentences are cut off from what belongs to them, for 0.4 to 0.8 points of word error rate in
    long talks (docs/performance.md)."""
    finished_ratio: float = 1.0
    """Part of `endpoint_silence_ms` that ends a finished sentence; 1 or less. Whisper also writes a
    full stop where a speaker takes a breath: with 0.7, more sentences are cut in two there, for 0.7
    points of word error rate on read speech (docs/performance.md)."""
    unfinished_ratio: float = 1.5
    """Times `endpoint_silence_ms` that ends an unfinished one; 1 or more."""
    max_utterance_ms: int = 20_000
    """Length at which an utterance is cut."""
    partial_interval_ms: int = 608
    """New speech between two partials. With 352 words come 0.1 s sooner, for nearly twice the work, and
    more of them are changed (docs/quality.md)."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An utterance begins at `start_sample`."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class PartialDue:
    """The open utterance has grown enough for another partial, up to `end_sample`."""

    end_sample: int
    voice: Voice = field(default=NO_VOICE, compare=False)


@dataclass(frozen=True, slots=True)
class Paused:
    """Speech has paused, and the open utterance would end before `end_sample`."""

    end_sample: int
    voice: Voice = field(default=NO_VOICE, compare=False)


@dataclass(frozen=True, slots=True)
class PauseSettled:
    """The pause of the last `Paused` lasts: what was said before it is complete."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Speech goes on after a pause."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The open utterance ends before `end_sample`. `cut`: at its length, speech goes on."""

    end_sample: int
    cut: bool = False
    voice: Voice = field(default=NO_VOICE, compare=False)


Event = Opened | PartialDue | Paused | PauseSettled | Resumed | Closed


class _Window(NamedTuple):
    probability: float
    level: float  # root mean square, any unit


class Endpointer:
    """The voice-activity decisions of one session.

    `position` is the sample up to which everything has been judged; `settled` the sample before
    which no utterance can begin any more: audio before it is answered or silence.
    """

    def __init__(self, options: EndpointingOptions) -> None:
        self.options = options
        self.position = 0
        self._floor = 0  # end of the last utterance: none may begin before it
        self._onset: list[_Window] = []  # the run of speech that may become an utterance
        self._start: int | None = None  # first sample of the open utterance
        self._windows: list[_Window] = []  # of the open utterance, oldest first
        self._silence = 0  # samples since the last speech of the open utterance
        self._paused = False  # the silence is long enough to be the end
        self._limit: int | None = None  # samples of silence that end it; None while not judged
        self._next_partial = 0
        self._pause_settled = False
        self._min_speech = ms_to_samples(options.min_speech_ms)
        self._pre_roll = ms_to_samples(options.pre_roll_ms)
        self._partial_interval = ms_to_samples(options.partial_interval_ms)
        self._max_length = ms_to_samples(options.max_utterance_ms)
        self._settled_pause = ms_to_samples(options.settled_pause_ms)
        silence = ms_to_samples(options.endpoint_silence_ms)
        self._finished_limit = round(silence * min(options.finished_ratio, 1.0))
        self._default_limit = silence
        self._unfinished_limit = round(silence * max(options.unfinished_ratio, 1.0))
        # In whole windows: the end of a pause that is noticed is the end of the utterance.
        hangover = min(ms_to_samples(options.hangover_ms), self._finished_limit)
        self._hangover = -(-hangover // WINDOW_SAMPLES) * WINDOW_SAMPLES

    @property
    def is_open(self) -> bool:
        """Whether an utterance is open."""
        return self._start is not None

    @property
    def settled(self) -> int:
        """See the class."""
        if self._start is not None:
            return self._start
        onset = len(self._onset) * WINDOW_SAMPLES
        return max(self._floor, self.position - onset - self._pre_roll, 0)

    @property
    def awaits_judgement(self) -> bool:
        """Whether `judge` must be called before the next `push`."""
        undecided = self._paused and self._limit is None and self._silence >= self._finished_limit
        return undecided and self._finished_limit < self._unfinished_limit

    def judge(self, finished: bool | None) -> list[Event]:
        """Say of the pause of the last `Paused` whether a sentence is finished; None: unknown."""
        if not self._paused:
            return []
        if finished is None:
            self._limit = self._default_limit
        else:
            self._limit = self._finished_limit if finished else self._unfinished_limit
        return self._end_of_silence() or self._end_of_length()

    def push(self, probability: float, level: float) -> list[Event]:
        """Take the next window: its speech probability (0-1) and its level (RMS, any unit)."""
        self.position += WINDOW_SAMPLES
        window = _Window(probability, level)
        if self._start is None:
            return self._while_silent(window)
        self._windows.append(window)
        return self._while_open(probability)

    def flush(self, end_sample: int | None = None) -> list[Event]:
        """End the open utterance here, whatever is being said.

        `end_sample` says where inside the window after `position` that is, if speech goes on to it.
        Speech that has only begun goes on to be an utterance, or not, as without this.
        """
        if not self.is_open:
            return []
        if end_sample is None or self._paused:
            end_sample = self._speech_end()
        return [self._close(end_sample)]

    def finish(self, end_sample: int) -> list[Event]:
        """The audio ends at `end_sample`, in the newest window or at its end.

        Speech that has only begun is an utterance too, but less than a window of it is none: so much
        may be left behind a flush.
        """
        begun = self._onset and not self.is_open and end_sample - self.settled >= WINDOW_SAMPLES
        return [*([self._open_onset()] if begun else []), *self.flush()]

    def _while_silent(self, window: _Window) -> list[Event]:
        if window.probability < self.options.onset_probability:
            self._onset = []
            return []
        self._onset.append(window)
        if len(self._onset) * WINDOW_SAMPLES < self._min_speech:
            return []
        return [self._open_onset()]

    def _while_open(self, probability: float) -> list[Event]:
        events: list[Event] = []
        if probability < self.options.offset_probability:
            self._silence += WINDOW_SAMPLES
        else:
            self._silence = 0
            if self._paused:
                self._paused = False
                # What came before the pause is decoded: a partial now would hold one new window.
                self._next_partial = self.position + self._partial_interval
                events.append(Resumed())
        if self._silence:
            if not self._paused and self._silence >= max(self._hangover, WINDOW_SAMPLES):
                self._paused, self._pause_settled, self._limit = True, False, None
                events.append(Paused(self._speech_end(), self._heard()))
            if self._paused and not self._pause_settled and self._silence >= self._settled_pause:
                self._pause_settled = True
                events.append(PauseSettled())
            if closed := self._end_of_silence():
                return events + closed
        if cut := self._end_of_length():
            return events + cut
        if self.position >= self._next_partial and not self._silence:
            self._next_partial = self.position + self._partial_interval
            events.append(PartialDue(self.position, self._heard()))
        return events

    def _end_of_silence(self) -> list[Event]:
        limit = self._default_limit if self._limit is None else self._limit
        if self._paused and not self.awaits_judgement and self._silence >= limit:
            return [self._close(self._speech_end())]
        return []

    def _end_of_length(self) -> list[Event]:
        assert self._start is not None
        if self.position - self._start < self._max_length or self.awaits_judgement:
            return []
        return self._cut()

    def _speech_end(self) -> int:
        return self.position - self._silence + min(self._silence, self._hangover)

    def _heard(self) -> Voice:
        heard = [w.probability for w in self._windows]
        speech = [p for p in heard if p >= self.options.onset_probability]
        clear = [p for p in speech if p >= CLEAR_PROBABILITY]
        return Voice(
            speech_ms=samples_to_ms(len(speech) * WINDOW_SAMPLES),
            clear_ms=samples_to_ms(len(clear) * WINDOW_SAMPLES),
            stretches=stretches(heard, self.options.onset_probability),
        )

    def _open_onset(self) -> Opened:
        start, windows = self.settled, self._onset
        self._open(start, start)
        self._windows = windows
        return Opened(start)

    def _open(self, start: int, first_audio: int) -> None:
        self._start = start
        self._onset = []
        self._silence = 0
        self._paused = False
        self._next_partial = first_audio + self._partial_interval

    def _close(self, end: int, *, cut: bool = False) -> Closed:
        voice = self._heard()
        self._start = None
        self._paused = False
        self._floor = end
        self._windows = []
        return Closed(end, cut, voice)

    def _cut(self) -> list[Event]:
        windows = self._windows
        first = len(windows) // 2
        index = first + best_pause(
            [w.probability for w in windows[first:]],
            [w.level for w in windows[first:]],
            self.options.offset_probability,
        )
        rest = windows[index:]
        silence = self._silence
        # A cut falls between two windows; the newest window ends at `position`.
        end = self.position - len(rest) * WINDOW_SAMPLES
        self._windows = windows[:index]
        closed = self._close(end, cut=True)
        if all(w.probability < self.options.offset_probability for w in rest):
            return [closed]  # the pause goes on: speech after it opens its own utterance
        self._open(end, self.position)
        self._windows = rest
        self._silence = silence
        return [closed, Opened(end)]


def stretches(probabilities: list[float], onset: float) -> int:
    """How many stretches of windows at or above the probability `onset` there are."""
    count, silent = 0, STRETCH_PAUSE_WINDOWS
    for probability in probabilities:
        if probability < onset:
            silent += 1
            continue
        count += silent >= STRETCH_PAUSE_WINDOWS
        silent = 0
    return count


def best_pause(probabilities: list[float], levels: list[float], silent: float) -> int:
    """The window before which to cut running speech, 0..len-1.

    The middle of the longest run of windows below the probability `silent` (the later of equals);
    where there is none, the middle of the three neighbouring windows with the lowest level.
    """
    best_length, best_end, length = 0, 0, 0
    for index, probability in enumerate(probabilities):
        length = length + 1 if probability < silent else 0
        if length and length >= best_length:
            best_length, best_end = length, index + 1
    if best_length:
        return best_end - (best_length + 1) // 2
    around = range(1, len(levels) - 1)
    return min(around, key=lambda i: (sum(levels[i - 1 : i + 2]), -i), default=0)
