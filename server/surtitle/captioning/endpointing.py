"""Speech probabilities -> utterance opened / paused / closed, in samples.

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

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import NamedTuple

from surtitle.captioning.pauses import Pauses
from surtitle.jobs import Voice, ms_to_samples, samples_to_ms
from surtitle.messages import EndedBy

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
    lasting_pause_ms: int = 320
    """Silence after which speech rarely goes on in the middle of a word: `PauseLasted`."""
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
    halting_ratio: float = 1.5
    """The same at most for a speaker who was heard to pause so long inside sentences. Nothing is
    learned where this is no more than `unfinished_ratio`, or where that is 1. With 2.5, finals of
    halting speech are better, but later, and their better texts gain nothing (docs/quality.md)."""
    max_utterance_ms: int = 20_000
    """Length at which an utterance is cut."""
    ends_at_pauses: bool = True
    """False: no silence ends an utterance, only its owner or its length. Pauses are told."""


FILE_SILENCE_MS = 1400
FILE_UTTERANCE_MS = 28_000
"""Silence that ends an utterance, and its greatest length, where nobody waits for a caption: the more
the model hears at once, the better it understands; 28 s and a margin are its window. With 2 s, more of
a conversation is lost where people take turns; with 1 s, halting speech is cut (docs/quality.md)."""


def for_files(options: EndpointingOptions) -> EndpointingOptions:
    """The same for a recording that nobody listens to while it is captioned."""
    return replace(
        options,
        endpoint_silence_ms=FILE_SILENCE_MS,
        finished_ratio=1.0,
        unfinished_ratio=1.0,
        max_utterance_ms=FILE_UTTERANCE_MS,
    )


class Sentence(Enum):
    """What the text up to a pause says of its end; see `EndpointingOptions` for the silence of each."""

    FINISHED = auto()
    UNFINISHED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Opened:
    """An utterance begins at `start_sample`."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class Paused:
    """Speech has paused, and the open utterance would end before `end_sample`."""

    end_sample: int
    voice: Voice = field(default=NO_VOICE, compare=False)


@dataclass(frozen=True, slots=True)
class PauseLasted:
    """The pause of the last `Paused` lasts: what was said before it is complete."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Speech goes on after a pause."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The open utterance ends before `end_sample`."""

    end_sample: int
    ended_by: EndedBy = "pause"
    voice: Voice = field(default=NO_VOICE, compare=False)


Event = Opened | Paused | PauseLasted | Resumed | Closed


class _Window(NamedTuple):
    probability: float
    level: float  # root mean square, any unit


@dataclass(slots=True)
class _Pause:
    """A silence in the open utterance that is long enough to be its end."""

    sentence: Sentence | None = None  # None while it is not judged
    lasted: bool = False  # `PauseLasted` was said


class Endpointer:
    """The voice-activity decisions of one session.

    `position` is the sample up to which everything has been judged; `committed` the sample before
    which no utterance can begin any more: audio before it is answered or silence.
    """

    def __init__(self, options: EndpointingOptions) -> None:
        self.position = 0
        self._floor = 0  # end of the last utterance: none may begin before it
        self._onset: list[_Window] = []  # the run of speech that may become an utterance
        self._start: int | None = None  # first sample of the open utterance
        self._windows: list[_Window] = []  # of the open utterance, oldest first
        self._silence = 0  # samples since the last speech of the open utterance
        self._pause: _Pause | None = None
        self._pauses = Pauses()
        self._unfinished_since: int | None = None  # end of speech in an utterance ended unfinished
        self._next_options: EndpointingOptions | None = None  # from the next utterance on
        self._use(options)

    def _use(self, options: EndpointingOptions) -> None:
        self.options = options
        self._min_speech = ms_to_samples(options.min_speech_ms)
        self._pre_roll = ms_to_samples(options.pre_roll_ms)
        self._max_length = ms_to_samples(options.max_utterance_ms)
        self._lasting_pause = ms_to_samples(options.lasting_pause_ms)
        silence = ms_to_samples(options.endpoint_silence_ms)
        self._limits = {  # samples of silence that end an utterance
            Sentence.FINISHED: round(silence * min(options.finished_ratio, 1.0)),
            Sentence.UNFINISHED: round(silence * max(options.unfinished_ratio, 1.0)),
            Sentence.UNKNOWN: silence,
        }
        learns = self._limits[Sentence.UNFINISHED] > silence
        self._most_unfinished = round(silence * options.halting_ratio) if learns else 0
        # In whole windows: the end of a pause that is noticed is the end of the utterance.
        hangover = min(ms_to_samples(options.hangover_ms), self._limits[Sentence.FINISHED])
        self._hangover = -(-hangover // WINDOW_SAMPLES) * WINDOW_SAMPLES

    def change(self, options: EndpointingOptions) -> None:
        """Use these from the next utterance on."""
        self._next_options = options

    @property
    def is_open(self) -> bool:
        """Whether an utterance is open."""
        return self._start is not None

    @property
    def hears_speech(self) -> bool:
        """Whether an utterance is open, and its newest window is speech."""
        return self._start is not None and not self._silence

    @property
    def committed(self) -> int:
        """See the class."""
        if self._start is not None:
            return self._start
        onset = len(self._onset) * WINDOW_SAMPLES
        return max(self._floor, self.position - onset - self._pre_roll, 0)

    @property
    def awaits_judgement(self) -> bool:
        """Whether `judge` must be called before the next `push`."""
        if self._pause is None or self._pause.sentence is not None:
            return False
        if not self.options.ends_at_pauses:
            return False
        earliest = self._limits[Sentence.FINISHED]
        return self._silence >= earliest and earliest < self._limits[Sentence.UNFINISHED]

    def judge(self, sentence: Sentence) -> list[Event]:
        """Say of the pause of the last `Paused` whether the sentence before it is finished."""
        if self._pause is None:
            return []
        self._pause.sentence = sentence
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
        if end_sample is None or self._pause is not None:
            end_sample = self._speech_end()
        return [self._close(end_sample, "flush")]

    def discard(self, end_sample: int) -> list[Event]:
        """Throw away the open utterance, and speech that has only begun.

        `end_sample` is where, inside the window after `position`: no utterance begins before it.
        """
        events: list[Event] = [self._close(end_sample, "discard")] if self.is_open else []
        self._onset = []
        self._floor = end_sample
        return events

    def finish(self, end_sample: int) -> list[Event]:
        """The audio ends at `end_sample`, in the newest window or at its end.

        Speech that has only begun is an utterance too, but less than a window of it is none: so much
        may be left behind a flush.
        """
        events: list[Event] = []
        if self._onset and not self.is_open and end_sample - self.committed >= WINDOW_SAMPLES:
            events.append(self._open_onset())
        if self.is_open:
            events.append(self._close(self._speech_end(), "stop"))
        return events

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
            silence, self._silence = self._silence, 0
            if self._pause is not None:
                self._learn(self._pause, silence)
                self._pause = None
                events.append(Resumed())
        if self._silence:
            if self._pause is None and self._silence >= max(self._hangover, WINDOW_SAMPLES):
                self._pause = _Pause()
                events.append(Paused(self._speech_end(), self.heard()))
            pause = self._pause
            if pause is not None and not pause.lasted and self._silence >= self._lasting_pause:
                pause.lasted = True
                events.append(PauseLasted())
            if closed := self._end_of_silence():
                return events + closed
        if cut := self._end_of_length():
            return events + cut
        return events

    def _end_of_silence(self) -> list[Event]:
        if self._pause is None or self.awaits_judgement or not self.options.ends_at_pauses:
            return []
        sentence = self._pause.sentence or Sentence.UNKNOWN
        if self._silence < self._limit(sentence):
            return []
        if sentence is Sentence.UNFINISHED:
            self._unfinished_since = self.position - self._silence
        return [self._close(self._speech_end())]

    def _limit(self, sentence: Sentence) -> int:
        """Silence that ends an utterance with such a text."""
        if sentence is not Sentence.UNFINISHED:
            return self._limits[sentence]
        return max(self._limits[sentence], min(self._pauses.expected, self._most_unfinished))

    def _end_of_length(self) -> list[Event]:
        assert self._start is not None
        if self.position - self._start < self._max_length or self.awaits_judgement:
            return []
        if self._pause is not None and not self.options.ends_at_pauses:
            return [self._close(self._speech_end())]  # there is no speech to be cut
        return self._cut()

    def _speech_end(self) -> int:
        return self.position - self._silence + min(self._silence, self._hangover)

    def heard(self) -> Voice:
        """What was heard of the open utterance."""
        heard = [w.probability for w in self._windows]
        speech = [p for p in heard if p >= self.options.onset_probability]
        clear = [p for p in speech if p >= CLEAR_PROBABILITY]
        return Voice(
            speech_ms=samples_to_ms(len(speech) * WINDOW_SAMPLES),
            clear_ms=samples_to_ms(len(clear) * WINDOW_SAMPLES),
            stretches=stretches(heard, self.options.onset_probability),
        )

    def _learn(self, pause: _Pause, silence: int) -> None:
        """Speech goes on. Only a pause counts that is surely judged by now, however slow that is."""
        if silence >= self._limits[Sentence.FINISHED] and pause.sentence is Sentence.UNFINISHED:
            self._pauses.note(silence)

    def _open_onset(self) -> Opened:
        start, windows = self.committed, self._onset
        if self._unfinished_since is not None:
            speaks_from = self.position - len(windows) * WINDOW_SAMPLES
            self._pauses.note(speaks_from - self._unfinished_since)
            self._unfinished_since = None
        self._open(start)
        self._windows = windows
        return Opened(start)

    def _open(self, start: int) -> None:
        if self._next_options is not None:
            self._use(self._next_options)
            self._next_options = None
        self._start = start
        self._onset = []
        self._silence = 0
        self._pause = None

    def _close(self, end: int, ended_by: EndedBy = "pause") -> Closed:
        voice = self.heard()
        self._start = None
        self._pause = None
        self._floor = end
        self._windows = []
        return Closed(end, ended_by, voice)

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
        if all(w.probability < self.options.offset_probability for w in rest):
            return [self._close(end)]  # the pause goes on: speech after it opens its own utterance
        closed = self._close(end, "length")
        self._open(end)
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
