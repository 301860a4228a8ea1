import io
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

import av
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs
from numpy.typing import NDArray

from surtitle.captioning.endpointing import WINDOW_SAMPLES, EndpointingOptions
from surtitle.captioning.recipe import make_recipe, whisper_language
from surtitle.captioning.session import CaptionSession
from surtitle.errors import BadAudio, BadMessage, BadStart
from surtitle.jobs import Job, ModelInfo, Pcm16, Recipe, Result, Voice, Windows, Word
from surtitle.messages import (
    Ack,
    Ended,
    Failed,
    Final,
    Partial,
    Ready,
    Resumed,
    ServerMessage,
    Speech,
    Start,
    Status,
    Suppressed,
    Update,
    WordTiming,
)
from tests.captioning.chunking import Chunking, three_ways, whole

W = WINDOW_SAMPLES
WINDOW_MS = 32

BASE = ModelInfo("base", "cpu", "int8", ("en", "zh", "de", "fr"), load_s=1.0)
TINY_EN = ModelInfo("tiny.en", "cpu", "int8", ("en",), load_s=1.0)

# Everything in whole windows, so that the expected places can be counted.
OPTIONS = EndpointingOptions(
    min_speech_ms=3 * WINDOW_MS,
    pre_roll_ms=4 * WINDOW_MS,
    hangover_ms=2 * WINDOW_MS,
    settled_pause_ms=3 * WINDOW_MS,
    endpoint_silence_ms=5 * WINDOW_MS,
    finished_ratio=1.0,
    unfinished_ratio=1.0,
    max_utterance_ms=100 * WINDOW_MS,
    partial_interval_ms=10 * WINDOW_MS,
)

JUDGED = replace(
    OPTIONS, endpoint_silence_ms=10 * WINDOW_MS, finished_ratio=0.5, unfinished_ratio=2.0
)
"""A pause is noticed after 2 windows, and the end after 5 (finished), 10 (unknown), 20 (unfinished)."""


def silence(windows: float) -> bytes:
    """PCM16 whose windows are scored as silence."""
    return bytes(2 * int(windows * W))


def speech(windows: float, seed: int = 1) -> bytes:
    """PCM16 whose windows are scored as speech; no two samples in a row tell where they are."""
    samples = np.random.default_rng(seed).integers(2000, 9000, int(windows * W), np.int16)
    return samples.astype("<i2").tobytes()


def score(window: Pcm16) -> float:
    """The scripted voice activity: loud is speech."""
    return 0.9 if np.abs(window.astype(np.int32)).mean() > 400 else 0.05


def judged(windows: NDArray[np.int16]) -> tuple[list[float], list[float]]:
    """What the voice activity says of windows: probabilities and levels."""
    levels = np.sqrt(np.mean(np.square(windows, dtype=np.float64), axis=1))
    return [score(window) for window in windows], levels.tolist()


def text_of(job: Job) -> str:
    """A word for each 10 windows, so that partials grow."""
    return " ".join(f"word{i}" for i in range(1 + len(job.audio) // (10 * W)))


def ok(job: Job, text: str | None = None) -> Result:
    return Result(
        job.id,
        text=text_of(job) if text is None else text,
        language="en",
        language_probability=0.98765,
        confidence=0.87654,
    )


AnyMessage = TypeVar("AnyMessage", bound=ServerMessage)


@dataclass
class Driver:
    """What the rest of the server does around a session: score windows, run jobs, send messages."""

    session: CaptionSession
    answer: Callable[[Job], Result | None] = lambda job: None
    jobs: list[Job] = field(default_factory=list)
    cancelled: list[Job] = field(default_factory=list)
    messages: list[ServerMessage] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    windows: int = 0  # scored

    def feed(self, *pieces: bytes) -> None:
        unseen = 0
        for piece in pieces:
            self.session.receive_audio(piece)
            unseen += len(piece)
            if unseen >= 64:  # byte by byte, looking after each one would only take time
                self.score()
                unseen = 0
        self.score()

    def score(self, limit: int | None = None) -> None:
        """Score the windows that wait, at most `limit`; run the jobs that come up."""
        self.pump()
        while limit is None or limit > 0:
            windows = self.session.take_windows(1)
            if not len(windows):
                break
            self.session.receive_probabilities(*judged(windows))
            self.windows += 1
            self.pump()
            limit = None if limit is None else limit - 1

    def pump(self) -> None:
        self.cancelled += self.session.cancelled()
        while jobs := self.session.jobs():
            self.jobs += jobs
            for job in jobs:
                result = self.answer(job)
                if result is not None:
                    self.session.receive_result(result)
            self.cancelled += self.session.cancelled()
        self.messages += self.session.messages()
        self.acks.append(self.session.ack())

    def give(self, *results: Result) -> None:
        for result in results:
            self.session.receive_result(result)
            self.pump()

    def flush(self) -> None:
        self.session.flush()
        self.score()

    def stop(self) -> None:
        self.session.stop()
        self.score()

    def of(self, kind: type[AnyMessage]) -> list[AnyMessage]:
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def finals(self) -> list[Job]:
        """All final jobs, those of pauses that were not the end among them."""
        return [job for job in self.jobs if job.kind == "final"]

    @property
    def last_finals(self) -> list[Job]:
        """The newest final job of each utterance: the one that answers a closed one."""
        return list({job.utterance: job for job in self.finals}.values())

    @property
    def partials(self) -> list[Job]:
        return [job for job in self.jobs if job.kind == "partial"]


def open_session(
    start: Start | None = None,
    options: EndpointingOptions = OPTIONS,
    model: ModelInfo = BASE,
    answer: Callable[[Job], Result | None] = lambda job: None,
    partial_window_ms: int = 8000,
) -> Driver:
    session = CaptionSession(
        "abc",
        start or Start(language="en"),
        options,
        model,
        partial_window_ms=partial_window_ms,
    )
    return Driver(session, answer)


def samples(data: bytes) -> list[int]:
    values: list[int] = np.frombuffer(data, "<i2").tolist()
    return values


def numbers(messages: Iterable[ServerMessage]) -> list[int]:
    return [m.seq for m in messages if not isinstance(m, Ack | Resumed)]


# -- one utterance ------------------------------------------------------------------------------


def test_the_greeting() -> None:
    driver = open_session(Start(sample_rate=48000, language="en"))
    driver.session.greet(token="secret", resume_window_s=30)
    driver.pump()
    assert driver.messages == [
        Ready(
            seq=1,
            session="abc",
            token="secret",
            model="base",
            sample_rate=48000,
            resume_window_s=30,
            languages=("en", "zh", "de", "fr"),
        )
    ]


def test_silence_is_answered_by_nothing() -> None:
    driver = open_session()
    driver.feed(silence(1000))
    assert driver.messages == []
    assert driver.jobs == []
    assert driver.session.idle


def test_an_utterance_from_speech_to_final() -> None:
    driver = open_session(answer=ok)
    audio = silence(10) + speech(25) + silence(5)
    driver.feed(audio)
    # Speech is windows 10 to 34; 4 before and 2 after it belong to the utterance.
    start_ms, end_ms = 6 * WINDOW_MS, 37 * WINDOW_MS
    assert driver.messages == [
        Speech(seq=1, utterance=1, start_ms=start_ms),
        # The first hypothesis is all held back: its words are too new.
        Partial(
            seq=2,
            utterance=1,
            start_ms=start_ms,
            end_ms=26 * WINDOW_MS,
            stable="word0 word1",
            unstable="",
        ),
        Partial(  # of the pause that turned out to be the end
            seq=3,
            utterance=1,
            start_ms=start_ms,
            end_ms=end_ms,
            stable="word0 word1 word2",
            unstable="",
        ),
        Partial(  # its last word, once the pause has lasted
            seq=4,
            utterance=1,
            start_ms=start_ms,
            end_ms=end_ms,
            stable="word0 word1 word2",
            unstable=" word3",
        ),
        Final(
            seq=5,
            utterance=1,
            start_ms=start_ms,
            end_ms=end_ms,
            text="word0 word1 word2 word3",
            language="en",
            language_probability=0.988,
            confidence=0.877,
        ),
    ]
    assert [(job.kind, job.utterance, job.session) for job in driver.jobs] == [
        ("partial", 1, "abc"),
        ("partial", 1, "abc"),
        ("final", 1, "abc"),
    ]
    assert driver.jobs[-1].audio.tolist() == samples(audio)[6 * W : 37 * W]
    assert driver.jobs[0].audio.tolist() == samples(audio)[6 * W : 16 * W]
    assert driver.jobs[-1].trace == "abc.1"
    assert len({job.id for job in driver.jobs}) == 3


def test_a_client_that_wants_no_partials_costs_none() -> None:
    driver = open_session(Start(language="en", partials=False), answer=ok)
    driver.feed(speech(50) + silence(5))
    assert [job.kind for job in driver.jobs] == ["final"]
    assert [type(message) for message in driver.messages] == [Speech, Final]


def test_words_are_in_session_time_and_only_where_asked_for() -> None:
    def with_words(job: Job) -> Result:
        return Result(job.id, text="a b", words=(Word("a", 0, 40, 0.98765), Word("b", 50, 90, 1.0)))

    for asked in (True, False):
        driver = open_session(Start(language="en", words=asked), answer=with_words)
        driver.feed(silence(10) + speech(5) + silence(5))
        first = 6 * WINDOW_MS
        assert driver.of(Final)[0].words == (
            [
                WordTiming(text="a", start_ms=first, end_ms=first + 40, confidence=0.988),
                WordTiming(text="b", start_ms=first + 50, end_ms=first + 90, confidence=1.0),
            ]
            if asked
            else None
        )


def test_suppressed_takes_the_place_of_the_final() -> None:
    driver = open_session()
    driver.feed(speech(5) + silence(5))
    driver.give(Result(driver.finals[0].id, text="Thank you.", suppressed="no_speech"))
    assert driver.messages[-1] == Suppressed(
        seq=2, utterance=1, start_ms=0, end_ms=7 * WINDOW_MS, reason="no_speech"
    )


def test_failed_takes_the_place_of_the_final() -> None:
    driver = open_session()
    driver.feed(speech(5) + silence(5))
    driver.give(Result(driver.finals[0].id, error_code="quarantined", error="It was given up."))
    assert driver.messages[-1] == Failed(
        seq=2,
        utterance=1,
        start_ms=0,
        end_ms=7 * WINDOW_MS,
        code="quarantined",
        message="It was given up.",
    )


def test_status_and_error_have_their_place_in_the_order() -> None:
    driver = open_session()
    driver.session.say("recovering", "Keep speaking.")
    driver.pump()
    error = driver.session.make_error("bad_message", "No.", fatal=False)
    driver.session.say("normal", "Good.")
    driver.pump()
    assert driver.messages[0] == Status(seq=1, state="recovering", message="Keep speaking.")
    assert (error.seq, error.code, error.message, error.fatal) == (2, "bad_message", "No.", False)
    assert numbers(driver.messages) == [1, 3]


# -- results in any order -----------------------------------------------------------------------


def three_utterances() -> Driver:
    driver = open_session(Start(language="en", partials=False))
    for _ in range(3):
        driver.feed(speech(5) + silence(10))
    assert len(driver.finals) == 3
    return driver


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_answers_leave_in_the_order_of_the_utterances(order: tuple[int, ...]) -> None:
    driver = three_utterances()
    answers = [
        ok(driver.finals[0]),
        Result(driver.finals[1].id, suppressed="repetition"),
        Result(driver.finals[2].id, error_code="x", error="y"),
    ]
    driver.give(*(answers[i] for i in order))
    answered = driver.messages[3:]
    assert [type(message) for message in answered] == [Final, Suppressed, Failed]
    assert numbers(driver.messages) == [1, 2, 3, 4, 5, 6]
    assert driver.session.idle


def test_a_final_waits_for_the_one_before_it() -> None:
    driver = three_utterances()
    driver.give(ok(driver.finals[1]))
    assert driver.of(Final) == []
    driver.give(ok(driver.finals[0]))
    assert [message.utterance for message in driver.of(Final)] == [1, 2]


def test_results_that_nobody_waits_for_are_ignored() -> None:
    driver = three_utterances()
    answers = [ok(job) for job in driver.finals]
    driver.give(answers[0], answers[0], answers[1], answers[1], answers[0], answers[2], answers[2])
    assert len(driver.of(Final)) == 3
    driver.give(Result("abc/99/1024/final", text="?"), Result("abc/4/1024/partial", text="?"))
    assert len(driver.messages) == 6


def test_partials_that_come_late_are_ignored() -> None:
    driver = open_session()
    driver.feed(speech(35))
    first, second, third = driver.partials
    text = "one two three four five"
    driver.give(ok(second, text), ok(first, "one two three four"), ok(second, text))
    assert [message.end_ms for message in driver.of(Partial)] == [20 * WINDOW_MS]
    driver.feed(silence(10))
    driver.give(ok(driver.finals[0], text), ok(third, f"{text} six seven"))
    assert [type(message) for message in driver.messages] == [Speech, Partial, Final]


def test_a_partial_may_still_be_shown_while_its_final_is_waited_for() -> None:
    driver = open_session()
    driver.feed(speech(15) + silence(5))
    driver.give(ok(driver.partials[0], "one two three four"))
    assert [type(message) for message in driver.messages] == [Speech, Partial]


@pytest.mark.parametrize(
    "nothing",
    [
        {"text": ""},
        {"text": "Thank you.", "suppressed": "no_speech"},
        {"error_code": "decode_error", "error": "?"},
    ],
)
def test_a_partial_without_text_is_not_shown(nothing: dict[str, str]) -> None:
    driver = open_session()
    driver.feed(speech(15))
    driver.give(Result(driver.partials[0].id, **nothing))  # type: ignore[arg-type]
    assert [type(message) for message in driver.messages] == [Speech]


# -- finals decoded ahead, in a pause -----------------------------------------------------------

QUIET = Start(language="en", partials=False)


def saying(text: str) -> Callable[[Job], Result | None]:
    return lambda job: ok(job, text)


def error(job: Job) -> Result:
    return Result(job.id, error_code="decode_error", error="?")


def suppressed(job: Job) -> Result:
    return Result(job.id, text="and then", suppressed="no_speech")


def places(driver: Driver) -> list[tuple[int, int]]:
    """Where the answered utterances lie, in windows."""
    answers = [m for m in driver.messages if isinstance(m, Final | Suppressed | Failed)]
    return [(m.start_ms // WINDOW_MS, m.end_ms // WINDOW_MS) for m in answers]


@three_ways
def test_a_pause_is_decoded_before_anybody_knows_whether_it_is_the_end(chunking: Chunking) -> None:
    driver = open_session()
    audio = speech(9) + silence(2)
    driver.feed(*chunking(audio[:-2]))
    assert driver.jobs == []
    driver.feed(*chunking(audio[-2:]))
    (job,) = driver.jobs
    assert (job.kind, job.utterance) == ("final", 1)
    assert job.audio.tolist() == samples(audio)
    driver.feed(*chunking(silence(20)))
    assert driver.jobs == [job]  # the end makes no second one


@three_ways
def test_what_was_decoded_in_the_pause_is_the_answer_the_moment_it_ends(chunking: Chunking) -> None:
    driver = open_session(answer=saying("Yes."))
    audio = speech(9) + silence(5)
    driver.feed(*chunking(audio[:-2]))
    assert driver.of(Final) == []
    driver.feed(audio[-2:])
    assert [message.text for message in driver.of(Final)] == ["Yes."]
    assert places(driver) == [(0, 11)]
    assert len(driver.jobs) == 1
    assert driver.cancelled == []
    assert driver.session.idle


@pytest.mark.parametrize("late", [0, 1, 3, 10, 40])
def test_what_is_decoded_in_the_pause_may_come_after_its_end(late: int) -> None:
    driver = open_session()
    driver.feed(speech(9) + silence(2 + late))
    driver.give(ok(driver.finals[0], "Yes."))
    driver.feed(silence(3))
    assert [message.text for message in driver.of(Final)] == ["Yes."]
    assert places(driver) == [(0, 11)]
    assert len(driver.jobs) == 1


def test_it_is_shown_as_a_partial_until_the_end_comes() -> None:
    driver = open_session(answer=saying("Yes, we do."))
    driver.feed(speech(9) + silence(2))
    end_ms = 11 * WINDOW_MS
    new = Partial(seq=2, utterance=1, start_ms=0, end_ms=end_ms, stable="", unstable="Yes, we")
    assert driver.messages[1:] == [new]  # the last word may be a half one
    driver.feed(silence(1))
    assert driver.messages[2:] == [structs.replace(new, seq=3, unstable="Yes, we do.")]


def test_it_is_not_shown_to_a_client_that_wants_no_partials() -> None:
    driver = open_session(QUIET, answer=saying("Yes, we do."))
    driver.feed(speech(9) + silence(2))
    assert [type(message) for message in driver.messages] == [Speech]


def test_it_is_not_shown_after_the_end() -> None:
    driver = open_session()
    driver.feed(speech(9) + silence(5))
    driver.give(ok(driver.finals[0]))
    assert [type(message) for message in driver.messages] == [Speech, Final]


def test_a_partial_of_less_that_comes_after_it_is_not_shown() -> None:
    driver = open_session()
    driver.feed(speech(12) + silence(2))
    driver.give(ok(driver.finals[0], "one two three"), ok(driver.partials[0], "one"))
    assert [message.end_ms for message in driver.of(Partial)] == [14 * WINDOW_MS]


@pytest.mark.parametrize("ready", [False, True])
@three_ways
def test_speech_that_goes_on_takes_it_back(chunking: Chunking, ready: bool) -> None:
    driver = open_session(QUIET)
    audio = speech(9, 1) + silence(4) + speech(9, 2) + silence(2)
    driver.feed(*chunking(audio[: 2 * 11 * W]))
    (guess,) = driver.jobs
    if ready:
        driver.give(ok(guess, "Yes,"))
    driver.feed(*chunking(audio[2 * 11 * W : 2 * 13 * W]))
    assert driver.cancelled == []
    driver.feed(*chunking(audio[2 * 13 * W : 2 * 14 * W]))
    assert driver.cancelled == ([] if ready else [guess])  # of what is done nothing is taken back
    driver.feed(*chunking(audio[2 * 14 * W :]))
    _, whole_job = driver.jobs
    assert whole_job.audio.tolist() == samples(audio)
    driver.give(ok(guess, "Yes,"), ok(whole_job, "Yes, we do."))
    driver.feed(silence(3))
    assert [message.text for message in driver.of(Final)] == ["Yes, we do."]
    assert places(driver) == [(0, 24)]
    assert driver.session.idle


def test_the_result_of_one_that_was_taken_back_is_neither_shown_nor_the_answer() -> None:
    driver = open_session()
    driver.feed(speech(4) + silence(3) + speech(2))
    driver.give(ok(driver.finals[0], "Yes."))
    assert [type(message) for message in driver.messages] == [Speech]
    driver.feed(silence(5))
    driver.give(ok(driver.finals[0], "Yes."))
    assert driver.of(Final) == []
    driver.give(ok(driver.finals[1], "Yes, we do."))
    assert [message.text for message in driver.of(Final)] == ["Yes, we do."]


def test_the_result_of_an_earlier_pause_says_nothing_about_the_present_one() -> None:
    driver = open_session(options=JUDGED)
    driver.feed(speech(4) + silence(3) + speech(4) + silence(5))
    first, second = driver.finals
    driver.give(ok(first, "Yes."))
    assert [type(message) for message in driver.messages] == [Speech]
    driver.feed(silence(1))
    driver.give(ok(second, "Yes, and"))
    driver.feed(silence(13))
    assert driver.of(Final) == []
    driver.feed(silence(1))
    assert [message.text for message in driver.of(Final)] == ["Yes, and"]


def test_a_session_does_not_wait_for_what_it_has_taken_back() -> None:
    driver = open_session(QUIET)
    driver.feed((speech(4) + silence(3)) * 5)
    driver.stop()
    assert len(driver.cancelled) == 4
    driver.give(ok(driver.finals[-1]))
    assert driver.session.ended
    assert driver.of(Ended)[0].utterances == 1


def test_what_is_taken_back_before_it_was_given_out_is_not_given_out() -> None:
    """As with a file: many windows are scored in one turn."""
    driver = open_session(QUIET)
    driver.session.receive_audio(speech(9) + silence(4) + speech(9) + silence(5))
    driver.session.receive_probabilities(*judged(driver.session.take_windows(1000)))
    assert [len(job.audio) for job in driver.session.jobs()] == [24 * W]


def test_no_two_jobs_have_one_name() -> None:
    driver = open_session(QUIET, options=replace(OPTIONS, max_utterance_ms=30 * WINDOW_MS))
    driver.feed(speech(20) + silence(4) + speech(6))
    assert [len(job.audio) for job in driver.finals] == [22 * W, 22 * W]
    assert len({job.id for job in driver.jobs}) == len(driver.jobs)


# -- how it ends --


@pytest.mark.parametrize(
    ("answer", "windows", "outcome"),
    [
        (saying("We do."), 5, Final),
        (saying("Do we?"), 5, Final),
        (saying("and then"), 20, Final),
        (saying("and then..."), 20, Final),
        (saying(""), 20, Final),
        (suppressed, 5, Suppressed),
        (error, 10, Failed),
    ],
)
@pytest.mark.parametrize("late", [0, 1, 2, 3, 4, 17])
@three_ways
def test_what_was_said_decides_how_long_the_silence_must_be(
    chunking: Chunking,
    late: int,
    answer: Callable[[Job], Result],
    windows: int,
    outcome: type[ServerMessage],
) -> None:
    """And not how late it was decoded."""
    driver = open_session(QUIET, options=JUDGED)
    driver.feed(*chunking(speech(9) + silence(2 + late)))
    driver.give(answer(driver.finals[0]))
    while driver.session.unanswered_s > 0.2 and driver.windows < 40:
        driver.feed(silence(1))
    assert driver.windows == max(9 + windows, 11 + late)
    assert [type(message) for message in driver.messages] == [Speech, outcome]
    assert places(driver) == [(0, 11)]
    assert len(driver.jobs) == 1


@three_ways
def test_nothing_is_judged_before_it_is_known_what_was_said(chunking: Chunking) -> None:
    driver = open_session(QUIET, options=JUDGED)
    audio = speech(9, 1) + silence(30) + speech(9, 2) + silence(30)
    driver.feed(*chunking(audio))
    assert len(driver.jobs) == 1
    assert driver.session.unanswered_s == pytest.approx(78 * WINDOW_MS / 1000)
    assert not driver.session.idle
    driver.give(ok(driver.finals[0], "We do."))
    assert places(driver) == [(0, 11)]
    assert len(driver.jobs) == 2
    driver.give(ok(driver.finals[1], "and then"))
    assert places(driver) == [(0, 11), (35, 50)]
    assert driver.session.idle


def test_ratios_of_one_wait_for_nothing() -> None:
    driver = open_session(QUIET)
    driver.feed((speech(9) + silence(30)) * 3)
    assert len(driver.jobs) == 3
    driver.give(*(ok(job, "and then") for job in driver.jobs))
    assert places(driver) == [(0, 11), (35, 50), (74, 89)]


def test_an_utterance_that_failed_in_a_pause_is_not_tried_in_every_further_one() -> None:
    driver = open_session(options=JUDGED)
    driver.feed(speech(9) + silence(2))
    driver.give(error(driver.finals[0]))
    driver.feed(silence(2) + speech(2) + silence(2))
    assert len(driver.finals) == 1
    driver.feed(silence(30))
    assert len(driver.finals) == 2
    driver.give(ok(driver.finals[1], "We do."))
    assert [message.text for message in driver.of(Final)] == ["We do."]
    assert places(driver) == [(0, 17)]


def test_a_pause_without_text_may_go_on() -> None:
    driver = open_session(options=JUDGED)
    driver.feed(speech(9) + silence(2))
    driver.give(suppressed(driver.finals[0]))
    assert [type(message) for message in driver.messages] == [Speech]
    driver.feed(silence(2) + speech(2) + silence(2))
    assert driver.cancelled == []
    driver.give(ok(driver.finals[1], "We do."))
    driver.feed(silence(3))
    assert [message.text for message in driver.of(Final)] == ["We do."]
    assert places(driver) == [(0, 17)]


def test_an_unfinished_pause_that_goes_on_is_judged_anew() -> None:
    driver = open_session(QUIET, options=JUDGED)
    driver.feed(speech(9) + silence(2))
    driver.give(ok(driver.finals[0], "We do,"))
    driver.feed(silence(17) + speech(9) + silence(2))
    driver.give(ok(driver.finals[1], "We do, you know."))
    driver.feed(silence(2))
    assert driver.of(Final) == []
    driver.feed(silence(1))
    assert places(driver) == [(0, 39)]


# -- what comes between --


@pytest.mark.parametrize("silent", [2, 4, 5, 9])
@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize("wish", ["flush", "stop"])
def test_flush_and_stop_take_the_decode_of_the_pause(wish: str, ready: bool, silent: int) -> None:
    """It ends where they would end the utterance, however long the silence was."""
    driver = open_session(QUIET, options=JUDGED)
    driver.feed(speech(9) + silence(silent))
    if ready:
        driver.give(ok(driver.finals[0], "and then"))
    getattr(driver, "stop" if wish == "stop" else "flush")()
    if not ready:
        assert driver.of(Final) == []
        driver.give(ok(driver.finals[0], "and then"))
    assert places(driver) == [(0, 11)]
    assert len(driver.jobs) == 1
    assert driver.cancelled == []
    assert driver.session.idle
    assert driver.session.ended == (wish == "stop")


@pytest.mark.parametrize("wish", ["flush", "stop"])
def test_flush_and_stop_before_the_pause_is_noticed_decode_what_there_is(wish: str) -> None:
    driver = open_session(QUIET, options=JUDGED, answer=saying("and then"))
    driver.feed(speech(9) + silence(1))
    getattr(driver, "stop" if wish == "stop" else "flush")()
    assert [len(job.audio) for job in driver.jobs] == [10 * W]
    assert places(driver) == [(0, 10)]


def test_a_pause_in_the_last_piece_of_a_window_ends_with_the_audio() -> None:
    driver = open_session(QUIET, options=JUDGED, answer=saying("and then"))
    driver.feed(speech(9) + silence(1.5))
    driver.stop()
    assert [len(job.audio) for job in driver.jobs] == [10 * W + W // 2]
    assert driver.of(Ended)[0].captioned_ms == driver.of(Ended)[0].audio_ms


def heard(job: Job, language: str, *, sure: bool) -> Result:
    """The answer of a worker that was to find the language."""
    result = replace(ok(job), language=job.recipe.language or language, language_sure=sure)
    return replace(result, language_probability=1.0 if job.recipe.language else 0.7)


def test_a_language_that_is_sure_is_told_to_later_jobs_and_nothing_is_shown_before() -> None:
    driver = open_session(Start(language="auto"), options=JUDGED)
    driver.feed(speech(40))
    *before, second_last, last = driver.partials
    driver.give(*(heard(job, "de", sure=False) for job in before))
    assert driver.of(Partial) == []
    driver.give(heard(second_last, "fr", sure=True), heard(last, "fr", sure=False))
    assert driver.of(Partial)
    driver.feed(speech(8) + silence(25))
    final = driver.finals[-1]
    assert final.recipe.language == "fr"
    driver.give(heard(final, "de", sure=True))
    assert (driver.of(Final)[0].language, driver.of(Final)[0].language_probability) == ("fr", 0.7)


def test_a_final_heard_in_another_language_than_was_settled_is_decoded_again() -> None:
    driver = open_session(Start(language="auto"), options=JUDGED)
    driver.feed(speech(70) + silence(20))
    partial, final = driver.partials[-1], driver.finals[-1]
    driver.give(heard(partial, "fr", sure=True), heard(final, "de", sure=True))
    again = driver.finals[-1]
    assert again is not final
    assert (again.recipe.language, len(again.audio)) == ("fr", len(final.audio))
    driver.give(heard(again, "fr", sure=True))
    driver.feed(silence(20))
    assert [message.language for message in driver.of(Final)] == ["fr"]


def test_the_next_utterance_leans_on_the_language_of_the_last_and_may_have_another() -> None:
    driver = open_session(
        Start(language="auto", partials=False),
        options=JUDGED,
        answer=lambda job: heard(job, "fr" if job.utterance == 1 else "de", sure=False),
    )
    driver.feed(speech(9) + silence(25) + speech(9) + silence(25))
    assert [(job.recipe.language, job.recipe.leaning) for job in driver.finals] == [
        (None, ""),
        (None, "fr"),
    ]
    assert [message.language for message in driver.of(Final)] == ["fr", "de"]


def test_wishes_behind_a_pause_wait_for_it() -> None:
    driver = open_session(QUIET, options=JUDGED)
    driver.session.receive_audio(speech(9) + silence(8) + speech(4))
    driver.session.flush()
    driver.session.update(Update(language="zh"))
    driver.session.receive_audio(speech(6) + silence(9))
    driver.session.stop()
    driver.score()
    assert len(driver.jobs) == 1
    driver.give(ok(driver.finals[0], "and then"))
    assert [(len(job.audio), job.recipe.language) for job in driver.jobs] == [
        (11 * W, "en"),
        (21 * W, "en"),
        (8 * W, "zh"),
    ]
    driver.give(ok(driver.finals[1]), ok(driver.finals[2], "We do."))
    assert places(driver) == [(0, 21), (21, 29)]
    assert driver.session.ended


@pytest.mark.parametrize("ready", [False, True])
def test_a_cut_takes_the_decode_of_a_pause_back(ready: bool) -> None:
    options = replace(JUDGED, max_utterance_ms=36 * WINDOW_MS)
    driver = open_session(QUIET, options=options)
    audio = speech(24, 1) + silence(4) + speech(5, 2) + silence(3)
    driver.feed(audio[: -2 * W])
    guess = driver.finals[-1]
    assert len(guess.audio) == 35 * W
    if ready:
        driver.give(ok(guess, "and then"))
    driver.feed(audio[-2 * W :])
    # Cut in the middle of the longer pause; what follows is an utterance that has paused already.
    assert driver.cancelled[1:] == ([] if ready else [guess])
    assert [len(job.audio) for job in driver.finals[2:]] == [26 * W]
    driver.feed(silence(1))
    assert [len(job.audio) for job in driver.finals[2:]] == [26 * W, 9 * W]
    driver.give(ok(driver.finals[2], "and then"), ok(driver.finals[3], "we did."))
    driver.feed(silence(1))
    assert places(driver) == [(0, 26), (26, 35)]
    joined = np.concatenate([job.audio for job in driver.last_finals])
    assert joined.tolist() == samples(audio)[: 35 * W]


def test_no_partial_is_made_where_nothing_new_was_said() -> None:
    options = replace(JUDGED, endpoint_silence_ms=40 * WINDOW_MS)
    driver = open_session(options=options, answer=ok)
    driver.feed(speech(10))
    assert len(driver.partials) == 1
    driver.feed(silence(19))
    assert len(driver.partials) == 1
    assert [message.end_ms // WINDOW_MS for message in driver.of(Partial)] == [12, 12]
    driver.feed(speech(10))
    assert len(driver.partials) == 1
    driver.feed(speech(1))
    assert len(driver.partials) == 2


# -- a model that stops too early ---------------------------------------------------------------


def stopped(**start: Any) -> Driver:
    """The final of 9 windows, a pause and 15 more says no more than was said before the pause."""
    driver = open_session(Start(language="en", partials=False, **start), options=JUDGED)
    driver.feed(speech(9, 1) + silence(2))
    driver.give(ok(driver.finals[0], "We came home and"))
    driver.feed(silence(4) + speech(15, 2) + silence(2))
    driver.give(ok(driver.finals[1], "We came home, and."))
    driver.feed(silence(30))
    return driver


def test_what_follows_the_pause_at_which_a_final_stops_is_decoded_by_itself() -> None:
    driver = stopped()
    assert driver.of(Final) == []
    tail = driver.finals[2]
    assert (len(tail.audio), tail.audio[4 * W]) == (21 * W, samples(speech(1, 2))[0])
    assert tail.voice == Voice(speech_ms=15 * WINDOW_MS, clear_ms=15 * WINDOW_MS)
    driver.give(replace(ok(tail, "went to bed."), confidence=0.25))
    (final,) = driver.of(Final)
    assert (final.text, final.confidence) == ("We came home and went to bed.", 0.25)
    assert places(driver) == [(0, 32)]
    assert driver.session.idle


@pytest.mark.parametrize("answer", [error, suppressed, saying("")])
def test_where_nothing_follows_what_was_said_before_it_stands(
    answer: Callable[[Job], Result],
) -> None:
    driver = stopped()
    driver.give(answer(driver.finals[2]))
    assert [final.text for final in driver.of(Final)] == ["We came home and"]


def test_words_after_it_have_their_times_in_the_utterance() -> None:
    driver = open_session(Start(language="en", partials=False, words=True), options=JUDGED)
    driver.feed(speech(9) + silence(2))
    first = (Word("We", 0, 100, 0.9),)
    driver.give(replace(ok(driver.finals[0], "We"), words=first))
    driver.feed(silence(4) + speech(15) + silence(2))
    driver.give(replace(ok(driver.finals[1], "We"), words=first))
    driver.feed(silence(30))
    driver.give(replace(ok(driver.finals[2], "slept."), words=(Word("slept.", 50, 300, 0.8),)))
    (final,) = driver.of(Final)
    assert final.text == "We slept."
    assert final.words is not None
    assert [(w.text, w.start_ms, w.end_ms) for w in final.words] == [
        ("We", 0, 100),
        ("slept.", 11 * WINDOW_MS + 50, 11 * WINDOW_MS + 300),
    ]


@pytest.mark.parametrize(
    ("more", "text"), [(12, "We came home and"), (15, "We came home and slept")]
)
def test_a_breath_or_a_word_more_is_no_early_stop(more: int, text: str) -> None:
    driver = open_session(QUIET, options=JUDGED)
    driver.feed(speech(9) + silence(2))
    driver.give(ok(driver.finals[0], "We came home and"))
    driver.feed(silence(4) + speech(more) + silence(2))
    driver.give(ok(driver.finals[1], text))
    driver.feed(silence(30))
    assert [final.text for final in driver.of(Final)] == [text]
    assert len(driver.finals) == 2


def test_a_pause_whose_text_has_stopped_at_the_one_before_does_not_count() -> None:
    driver = open_session(QUIET, options=JUDGED)
    for _ in range(2):
        driver.feed(speech(15) + silence(2))
        driver.give(ok(driver.finals[-1], "We came home and"))
        driver.feed(silence(2))
    driver.feed(speech(15) + silence(2))
    driver.give(ok(driver.finals[-1], "We came home and"))
    driver.feed(silence(30))
    assert len(driver.finals[-1].audio) == (3 * 15 + 2 * 4 + 2 - 17) * W  # from the first pause on


# -- partials of long utterances ----------------------------------------------------------------


def long_session(**changes: int) -> Driver:
    return open_session(
        options=replace(JUDGED, endpoint_silence_ms=100 * WINDOW_MS, **changes),
        partial_window_ms=30 * WINDOW_MS,
    )


def shown(driver: Driver) -> str:
    partial = driver.of(Partial)[-1]
    return partial.stable + partial.unstable


def test_partials_of_a_long_utterance_are_decoded_from_its_last_pause_on() -> None:
    driver = long_session()
    audio = speech(15, 1) + silence(3) + speech(31, 2)
    driver.feed(audio[: 2 * 17 * W])
    driver.give(ok(driver.finals[0], "we went out and"))
    driver.feed(audio[2 * 17 * W :])
    spans = [(len(job.audio) // W, job.audio[0]) for job in driver.partials]
    first, later = samples(audio)[0], samples(audio)[17 * W]
    # Up to 30 windows all of it; from there on what follows the 17 windows of the pause.
    assert spans == [(10, first), (29, first), (22, later), (32, later)]
    driver.give(ok(driver.partials[1], "we went out and then we"))
    assert shown(driver) == "we went out and"
    driver.give(ok(driver.partials[2], "then we came home"))
    assert shown(driver) == "we went out and then we"
    assert driver.of(Partial)[-1].end_ms == 39 * WINDOW_MS
    assert driver.of(Partial)[-1].start_ms == 0
    driver.session.flush()
    driver.pump()
    assert driver.finals[-1].audio.tolist() == samples(audio)  # a final is always of all of it


def test_a_long_utterance_has_no_head_where_its_pause_was_not_decoded_in_time() -> None:
    driver = long_session()
    driver.feed(speech(15) + silence(3) + speech(12))
    driver.give(ok(driver.finals[0], "we went out and"))  # too late: speech goes on
    driver.feed(speech(30))
    assert [len(job.audio) // W for job in driver.partials] == [10, 29, 39, 49, 59]


@pytest.mark.parametrize("answer", [error, suppressed, saying("")])
def test_a_pause_without_text_leads_no_partials(answer: Callable[[Job], Result]) -> None:
    driver = long_session()
    driver.feed(speech(15) + silence(2))
    driver.give(answer(driver.finals[0]))
    driver.feed(silence(1) + speech(30))
    assert [len(job.audio) // W for job in driver.partials] == [10, 29, 39]


def test_the_newest_pause_leads_and_only_when_it_is_needed_again() -> None:
    driver = long_session()
    for text in ("one", "one two", "one two three"):
        driver.feed(speech(17) + silence(2))
        driver.give(ok(driver.finals[-1], text))
        driver.feed(silence(1))
    driver.feed(speech(21))
    # They end at 10, 31, 51, 71 and 81, the pauses at 19, 39 and 59.
    assert [len(job.audio) // W for job in driver.partials] == [10, 12, 12, 12, 22]
    driver.give(ok(driver.partials[-1], "four five six seven"))
    assert shown(driver) == "one two three four"


def test_heads_are_forgotten_with_their_utterance() -> None:
    driver = long_session()
    driver.feed(speech(15) + silence(2))
    driver.give(ok(driver.finals[0], "we went out and"))
    driver.feed(silence(1) + speech(31))
    driver.session.flush()
    driver.feed(speech(11))
    assert len(driver.partials[-1].audio) == 10 * W
    driver.give(ok(driver.partials[-1], "home and went to bed"))
    assert (driver.of(Partial)[-1].utterance, shown(driver)) == (2, "home and")


def test_each_job_has_the_window_that_fits_it() -> None:
    windows = Windows(final_floor_s=2.0, partial_floor_s=1.0, margin_s=0.5, step_s=0.5)
    driver = open_session(model=replace(BASE, windows=windows))
    driver.feed(speech(70) + silence(2))
    assert [(job.kind, round(job.seconds, 2), job.window_s) for job in driver.jobs] == [
        ("partial", 0.32, 1.0),
        ("partial", 0.64, 1.5),
        ("partial", 0.96, 1.5),
        ("partial", 1.28, 2.0),
        ("partial", 1.6, 2.5),
        ("partial", 1.92, 2.5),
        ("partial", 2.24, 3.0),
        ("final", 2.3, 3.0),
    ]


# -- what the client asks for -------------------------------------------------------------------


def test_update_holds_from_the_next_utterance_on() -> None:
    driver = open_session(Start(language="en", hotwords=["old"]))
    driver.feed(speech(5))
    driver.session.update(Update(language="zh", hotwords=["new"], prompt="Then", partials=False))
    driver.feed(speech(15) + silence(10) + speech(30) + silence(10))
    old, new = driver.finals
    assert old.recipe == Recipe(language="en", hotwords=("old",))
    assert new.recipe == Recipe(language="zh", hotwords=("new",), prompt="Then")
    assert {job.utterance for job in driver.partials} == {1}


def test_update_leaves_alone_what_it_does_not_name() -> None:
    driver = open_session(Start(language="en", hotwords=["old"], prompt="Once", words=True))
    driver.session.update(Update(prompt=""))
    driver.session.update(Update(languages=["de", "fr"]))
    driver.session.update(Update(language="auto"))
    driver.feed(speech(5) + silence(10))
    assert driver.finals[0].recipe == Recipe(
        language=None, languages=("de", "fr"), hotwords=("old",), words=True
    )


def test_update_takes_effect_at_its_place_in_the_audio() -> None:
    """However far scoring lags behind: here everything was received before anything was scored."""
    driver = open_session()
    driver.session.receive_audio(speech(5) + silence(10))
    driver.session.update(Update(language="zh"))
    driver.session.receive_audio(speech(5) + silence(10))
    driver.score()
    assert [job.recipe.language for job in driver.finals] == ["en", "zh"]


def test_an_update_that_the_model_cannot_do_changes_nothing() -> None:
    driver = open_session()
    with pytest.raises(BadStart, match="does not know the language 'tlh'"):
        driver.session.update(Update(language="tlh", prompt="Once"))
    driver.session.update(Update(hotwords=["word"]))
    driver.feed(speech(5) + silence(10))
    assert driver.finals[0].recipe == Recipe(language="en", hotwords=("word",))


def test_flush_ends_the_open_utterance() -> None:
    driver = open_session()
    audio = speech(10)
    driver.feed(audio)
    driver.session.flush()
    driver.pump()
    assert [job.kind for job in driver.jobs][-1] == "final"
    assert driver.finals[0].audio.tolist() == samples(audio)


def test_flush_takes_effect_at_its_place_in_the_audio() -> None:
    driver = open_session()
    first, second = speech(10), speech(7, seed=2)
    driver.session.receive_audio(first)
    driver.session.flush()
    driver.session.receive_audio(second + silence(10))
    driver.score()
    assert [len(job.audio) for job in driver.finals] == [10 * W, 9 * W]
    assert driver.finals[1].audio.tolist() == samples(second + silence(2))


def test_flush_in_silence_does_nothing() -> None:
    driver = open_session()
    driver.feed(silence(10))
    driver.session.flush()
    driver.session.flush()
    driver.score()
    assert driver.messages == []
    assert driver.session.idle


def test_endpointing_that_the_client_chose() -> None:
    driver = open_session(Start(language="en", endpoint_silence_ms=320, max_utterance_ms=2000))
    driver.feed(speech(20) + silence(2))
    driver.give(ok(driver.finals[0]))
    driver.feed(silence(7))
    assert driver.of(Final) == []
    driver.feed(silence(1))
    assert len(driver.of(Final)) == 1
    driver.feed(speech(60))
    assert len(driver.finals) == 2


def test_a_long_utterance_is_cut_and_loses_nothing() -> None:
    driver = open_session(Start(language="en", partials=False), answer=ok)
    audio = b"".join(
        speech(30, seed) + silence(seed % 4) + speech(25, seed + 100) for seed in range(12)
    )
    driver.feed(audio + silence(10))
    assert len(driver.last_finals) > 5
    joined = np.concatenate([job.audio for job in driver.last_finals])
    assert joined.tolist() == samples(audio + silence(2))
    assert all(job.seconds * 1000 <= 101 * WINDOW_MS for job in driver.finals)
    finals = driver.of(Final)
    assert all(left.end_ms == right.start_ms for left, right in pairwise(finals))


# -- the end ------------------------------------------------------------------------------------


def test_stop_without_audio() -> None:
    driver = open_session()
    driver.stop()
    assert driver.messages == [
        Ended(
            seq=1,
            audio_ms=0,
            captioned_ms=0,
            silence_ms=0,
            suppressed_ms=0,
            failed_ms=0,
            utterances=0,
        )
    ]
    assert driver.session.ended


def test_stop_in_silence() -> None:
    driver = open_session()
    driver.feed(silence(10.5))
    driver.stop()
    assert [type(message) for message in driver.messages] == [Ended]
    assert driver.of(Ended)[0].audio_ms == driver.of(Ended)[0].silence_ms == 336


@pytest.mark.parametrize("windows", [10, 10.25, 10.998, 3.001])
def test_stop_in_the_middle_of_a_word_keeps_every_sample(windows: float) -> None:
    driver = open_session(Start(language="en", partials=False), answer=ok)
    audio = speech(windows)
    driver.feed(audio)
    driver.stop()
    assert driver.finals[0].audio.tolist() == samples(audio)
    ended = driver.of(Ended)[0]
    assert ended.captioned_ms == ended.audio_ms == len(samples(audio)) // 16
    assert ended.utterances == 1


def test_stop_waits_for_what_is_still_decoded() -> None:
    driver = open_session()
    driver.feed(speech(10))
    driver.stop()
    assert driver.of(Ended) == []
    assert not driver.session.ended
    driver.give(ok(driver.finals[0]))
    assert [type(message) for message in driver.messages][-2:] == [Final, Ended]


def test_stop_waits_for_what_is_not_scored_yet() -> None:
    driver = open_session(answer=ok)
    driver.session.receive_audio(silence(20) + speech(20))
    driver.session.stop()
    driver.pump()
    assert driver.messages == []
    driver.score()
    assert isinstance(driver.messages[-1], Ended)


def test_the_four_parts_add_up() -> None:
    driver = open_session(Start(language="en", partials=False))
    driver.feed(silence(7) + (speech(5) + silence(10.3)) * 3 + speech(4.7) + b"\x01")
    driver.stop()
    first, second, third, last = driver.finals
    driver.give(
        ok(first),
        Result(second.id, suppressed="no_speech"),
        Result(third.id, error_code="x", error="y"),
        ok(last),
    )
    ended = driver.of(Ended)[0]
    assert ended.suppressed_ms == pytest.approx(11 * WINDOW_MS, abs=WINDOW_MS)
    assert ended.failed_ms == pytest.approx(11 * WINDOW_MS, abs=WINDOW_MS)
    assert ended.captioned_ms > 15 * WINDOW_MS
    parts = ended.captioned_ms + ended.silence_ms + ended.suppressed_ms + ended.failed_ms
    assert parts == ended.audio_ms == (7 * W + 3 * (5 * W + int(10.3 * W)) + int(4.7 * W)) // 16
    assert ended.utterances == 4


def test_no_message_names_a_time_after_the_end_of_the_audio() -> None:
    driver = open_session(answer=ok)
    driver.feed(speech(9.1))
    driver.stop()
    ended = driver.of(Ended)[0]
    assert all(message.end_ms <= ended.audio_ms for message in driver.of(Partial))
    assert all(message.end_ms <= ended.audio_ms for message in driver.of(Final))


def test_audio_after_stop_is_refused() -> None:
    driver = open_session()
    driver.stop()
    with pytest.raises(BadMessage):
        driver.session.receive_audio(silence(1))


def test_a_second_stop_and_late_wishes_change_nothing() -> None:
    driver = open_session(answer=ok)
    driver.feed(speech(10))
    driver.stop()
    driver.stop()
    driver.session.flush()
    driver.session.update(Update(language="zh"))
    driver.score()
    assert len(driver.of(Ended)) == 1
    assert numbers(driver.messages) == list(range(1, len(driver.messages) + 1))


def test_a_session_may_be_closed_at_any_moment() -> None:
    for encoding in ("pcm_s16le", "webm"):
        driver = open_session(Start(language="en", encoding=encoding))
        driver.session.close()


# -- received and safe --------------------------------------------------------------------------


def test_received_counts_bytes() -> None:
    driver = open_session()
    driver.feed(b"\x01", b"", b"\x01\x02")
    assert driver.session.ack().received == 3


def test_safe_follows_silence_at_the_distance_of_the_pre_roll() -> None:
    driver = open_session()
    driver.feed(*[silence(1)] * 100)
    assert driver.session.ack() == Ack(received=200 * W, safe=2 * (100 - 4) * W)


def test_safe_waits_at_the_start_of_an_utterance_until_it_is_answered() -> None:
    driver = open_session(Start(language="en", partials=False))
    driver.feed(*[silence(1)] * 10, *[speech(1)] * 10, *[silence(1)] * 20)
    assert driver.session.ack().safe == 2 * 6 * W
    driver.give(ok(driver.finals[0]))
    assert driver.session.ack().safe == 2 * (40 - 4) * W


def test_safe_does_not_pass_an_utterance_that_is_waited_for() -> None:
    driver = three_utterances()
    driver.give(ok(driver.finals[1]), ok(driver.finals[2]))
    assert driver.session.ack().safe == 0


def test_at_the_end_everything_is_safe() -> None:
    driver = open_session(answer=ok)
    driver.feed(speech(9.3), b"\x01")
    driver.stop()
    assert driver.session.ack().safe == driver.session.ack().received


@three_ways
@pytest.mark.parametrize("channels", [1, 3])
def test_safe_never_lies_inside_a_sample(channels: int, chunking: Chunking) -> None:
    """A new session that is fed from there must not read every sample askew."""
    driver = open_session(Start(language="en", channels=channels))
    driver.feed(*chunking(silence(6 * channels)))
    assert driver.acks[-1].safe > 0
    assert {ack.safe % (2 * channels) for ack in driver.acks} == {0}


@three_ways
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 96000])
def test_safe_does_not_count_what_the_resampler_holds_back(rate: int, chunking: Chunking) -> None:
    driver = open_session(Start(language="en", sample_rate=rate))
    for piece in chunking(bytes(rate // 2)):  # a quarter of a second
        driver.session.receive_audio(piece)
        driver.score()
        answered = max(driver.windows - 4, 0) * W  # samples at 16 kHz
        assert driver.session.ack().safe // 2 * 16000 <= answered * rate


def test_safe_never_falls_back() -> None:
    driver = open_session(answer=ok)
    for seed in range(10):
        driver.feed(*[silence(0.7)] * (seed * 3), *[speech(0.9, seed)] * 20, *[silence(1.3)] * 9)
        driver.session.flush()
        driver.pump()
    assert all(a.safe <= b.safe <= b.received for a, b in pairwise(driver.acks))


# -- the same for every chunking ----------------------------------------------------------------


@cache
def in_webm(pcm: bytes) -> bytes:
    """PCM16 at 16 kHz as Opus in WebM."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm", options={"live": "1"}) as muxer:
        stream = muxer.add_stream("libopus", rate=48000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(stream.codec_context.format, "mono", 48000, 960)
        frame = av.AudioFrame.from_ndarray(
            np.frombuffer(pcm, np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = 16000
        frame.pts = 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            muxer.mux(stream.encode(piece))
        muxer.mux(stream.encode(None))
    return file.getvalue()


def as_mulaw_8k(pcm: bytes) -> bytes:
    loud = np.abs(np.frombuffer(pcm, np.int16)[::2]) > 0
    codes = np.random.default_rng(1).integers(0, 256, len(loud), np.uint8)
    return np.where(loud, codes, 0xFF).astype(np.uint8).tobytes()


SCRIPT = (
    silence(5.3) + speech(12.4, 1),
    speech(3.7, 2) + silence(3.1) + speech(8, 3) + silence(8),
    silence(3) + speech(47.2, 4),
    speech(9.9, 5) + silence(2),
)
"""Audio; between the parts stand a flush, an update and another flush."""
SHORT = replace(OPTIONS, max_utterance_ms=30 * WINDOW_MS)

FORMATS: dict[str, tuple[Start, Callable[[bytes], bytes]]] = {
    "pcm16": (Start(language="en"), lambda pcm: pcm),
    "stereo-22050": (
        Start(language="en", sample_rate=22050, channels=2),
        lambda pcm: np.repeat(np.frombuffer(pcm, "<i2")[: len(pcm) // 4 * 2], 3).tobytes(),
    ),
    "float": (
        Start(language="en", encoding="pcm_f32le"),
        lambda pcm: (np.frombuffer(pcm, "<i2") / 32768).astype("<f4").tobytes(),
    ),
    "mulaw-8000": (Start(language="en", encoding="mulaw", sample_rate=8000), as_mulaw_8k),
}


def played(start: Start, parts: Iterable[bytes], chunking: Chunking) -> Driver:
    """A session in which audio is scored and answered as it comes."""
    driver = open_session(start, SHORT, answer=ok)
    wishes: list[Callable[[], None]] = [
        driver.session.flush,
        lambda: driver.session.update(Update(language="zh")),
        driver.session.flush,
    ]
    for index, part in enumerate(parts):
        driver.feed(*chunking(part))
        if index < len(wishes):
            wishes[index]()
            driver.score()
    driver.stop()
    return driver


@cache
def expected(name: str) -> Driver:
    start, encode = FORMATS[name]
    return played(start, [encode(part) for part in SCRIPT], whole)


@three_ways
@pytest.mark.parametrize("name", list(FORMATS))
def test_all_messages_are_the_same_however_the_bytes_come(name: str, chunking: Chunking) -> None:
    start, encode = FORMATS[name]
    driver = played(start, [encode(part) for part in SCRIPT], chunking)
    assert driver.messages == expected(name).messages
    assert [(job.id, job.recipe) for job in driver.jobs] == [
        (job.id, job.recipe) for job in expected(name).jobs
    ]
    for job, other in zip(driver.jobs, expected(name).jobs, strict=True):
        assert np.array_equal(job.audio, other.audio)
    assert driver.session.ack() == expected(name).session.ack()
    assert len(driver.of(Final)) >= 5
    assert {job.recipe.language for job in driver.finals} == {"en", "zh"}


@three_ways
def test_a_container_gives_the_same_messages_however_the_bytes_come(chunking: Chunking) -> None:
    start = Start(language="en", encoding="webm")
    data = in_webm(b"".join(SCRIPT))
    parts = [data[:5_001], data[5_001:14_002], data[14_002:]]
    driver = played(start, parts, chunking)
    assert driver.messages == played(start, parts, whole).messages
    assert len(driver.of(Final)) >= 4
    assert driver.of(Ended)[0].audio_ms == pytest.approx(len(b"".join(SCRIPT)) // 32, abs=30)


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_how_far_scoring_lags_behind_does_not_change_the_utterances(limit: int) -> None:
    """As on a slow machine: all audio is there long before it is scored, and results come late."""
    driver = open_session(options=SHORT)
    for index, part in enumerate(SCRIPT):
        driver.session.receive_audio(part)
        driver.score(limit=7 * index)
        if index in (0, 2):
            driver.session.flush()
        elif index == 1:
            driver.session.update(Update(language="zh"))
    driver.session.stop()
    while len(windows := driver.session.take_windows(limit)):
        driver.session.receive_probabilities(*judged(windows))
    driver.pump()
    on_time = expected("pcm16")
    assert [(job.id, job.recipe) for job in driver.jobs] == [
        (job.id, job.recipe) for job in on_time.jobs
    ]
    driver.give(*(ok(job) for job in reversed(driver.finals)))

    def without_seq(messages: list[Final]) -> list[tuple[object, ...]]:
        return [(m.utterance, m.start_ms, m.end_ms, m.text) for m in messages]

    assert without_seq(driver.of(Final)) == without_seq(on_time.of(Final))
    assert numbers(driver.messages) == list(range(1, len(driver.messages) + 1))


# -- the same whenever results come -------------------------------------------------------------

DELAYED = replace(JUDGED, max_utterance_ms=60 * WINDOW_MS)
scripts = st.lists(
    st.one_of(
        st.tuples(st.just("speech"), st.floats(0.5, 30)),
        st.tuples(st.just("silence"), st.floats(0.5, 25)),
        st.tuples(st.sampled_from(["flush", "update"]), st.just(0.0)),
    ),
    max_size=14,
)


def by_its_audio(job: Job) -> Result:
    """Any of the kinds of result, but always the same one for the same audio."""
    texts = ("We do.", "Do we?", "and then", "and then we", "")
    match zlib.crc32(job.audio.tobytes()) % 7:
        case 5:
            return suppressed(job)
        case 6:
            return error(job)
        case kind:
            return ok(job, texts[kind])


class Delayed:
    """Plays a script; each job is answered so many windows after it was given out."""

    def __init__(self, delays: Iterable[int]) -> None:
        self.driver = open_session(options=DELAYED)
        self.delays = iter(delays)
        self.clock = 0
        self.seen = 0
        self.due: list[tuple[int, int, Job]] = []  # when, number of the job, the job

    def play(self, script: Iterable[tuple[str, float]], piece: int) -> list[ServerMessage]:
        """The answers, without their number among the messages."""
        session = self.driver.session
        for seed, (name, windows) in enumerate(script):
            if name == "flush":
                session.flush()
            elif name == "update":
                session.update(Update(language=("zh", "de")[seed % 2]))
            else:
                data = speech(windows, seed) if name == "speech" else silence(windows)
                for start in range(0, len(data), piece):
                    session.receive_audio(data[start : start + piece])
                    self.turn()
        session.stop()
        while not session.ended:
            self.turn()
            assert self.clock < 100_000
        self.driver.pump()
        return [
            structs.replace(message, seq=0)
            for message in self.driver.messages
            if isinstance(message, Final | Suppressed | Failed | Ended)
        ]

    def turn(self) -> None:
        self.driver.score(limit=1)
        self.collect()
        while self.due and self.due[0][0] <= self.clock:
            job = self.due.pop(0)[2]
            if job not in self.driver.cancelled:  # the engine answers no job that was taken back
                self.driver.give(by_its_audio(job))
                self.collect()
        self.clock += 1

    def collect(self) -> None:
        for job in self.driver.jobs[self.seen :]:
            self.due.append((self.clock + next(self.delays, 0), self.seen, job))
            self.seen += 1
        self.due.sort(key=lambda each: each[:2])


# In both the greatest length is reached in the very window that is the end of a finished sentence.
CUT_IN_A_PAUSE = [
    ("update", 0.0),
    ("update", 0.0),
    ("speech", 35.0),
    ("silence", 7.0),
    ("speech", 13.0),
    ("silence", 5.0),
    ("speech", 6.0),
]
FLUSH_AT_A_CUT = [
    ("speech", 31.0),
    ("silence", 7.0),
    ("speech", 17.0),
    ("silence", 5.0),
    ("flush", 0.0),
    ("speech", 6.0),
]


@settings(max_examples=150, deadline=None)
@given(
    scripts,
    st.lists(st.one_of(st.integers(0, 8), st.integers(0, 200)), max_size=20),
    st.sampled_from([700, 2 * W, 10_000, 100_000]),
)
@example(CUT_IN_A_PAUSE, [200] * 20, 2 * W)
@example(FLUSH_AT_A_CUT, [200] * 20, 2 * W)
def test_the_utterances_are_the_same_whenever_results_come(
    script: list[tuple[str, float]], delays: list[int], piece: int
) -> None:
    at_once = Delayed([]).play(script, 2 * W)
    assert Delayed(delays).play(script, piece) == at_once


def test_windows_are_given_out_in_order_and_once() -> None:
    driver = open_session()
    audio = speech(7.5)
    driver.session.receive_audio(audio)
    first = driver.session.take_windows(3)
    second = driver.session.take_windows(100)
    assert (first.shape, second.shape) == ((3, W), (4, W))
    assert np.concatenate([first, second]).ravel().tolist() == samples(audio)[: 7 * W]
    assert driver.session.take_windows(100).shape == (0, W)
    assert not driver.session.idle
    driver.session.receive_probabilities([0.05] * 7, [0.0] * 7)
    assert driver.session.idle


# -- memory -------------------------------------------------------------------------------------


def growth(driver: Driver, step: Callable[[], None], times: int) -> int:
    """Bytes of memory more after many steps than after a few."""
    for _ in range(20):
        step()
    driver.acks.clear()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            step()
            driver.acks.clear()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_an_hour_of_silence_takes_no_memory() -> None:
    driver = open_session()
    ten_seconds = bytes(320_000)

    def step() -> None:
        driver.session.receive_audio(ten_seconds)
        count = len(driver.session.take_windows(1000))
        driver.session.receive_probabilities([0.05] * count, [0.0] * count)

    assert growth(driver, step, 360) < 100_000
    assert driver.session.unanswered_s < 1
    assert driver.session.messages() == []
    assert driver.session.ack().received - driver.session.ack().safe < 2 * 320_000


def test_hours_of_short_utterances_take_no_memory() -> None:
    driver = open_session(Start(language="en", partials=False), answer=ok)
    audio = speech(20) + silence(10)

    def step() -> None:
        driver.feed(audio)
        driver.jobs.clear()
        driver.messages.clear()

    assert growth(driver, step, 300) < 100_000


def test_frames_that_bring_no_audio_take_no_memory() -> None:
    driver = open_session()
    driver.feed(speech(10), b"\x01")

    def step() -> None:
        driver.session.receive_audio(b"")

    assert growth(driver, step, 5000) < 50_000


def test_what_is_unanswered_is_known_in_seconds() -> None:
    driver = open_session()
    driver.session.receive_audio(bytes(64_000))
    assert driver.session.unanswered_s == pytest.approx(2.0)
    driver.score()
    assert driver.session.unanswered_s < 0.2
    driver.feed(speech(50))
    assert driver.session.unanswered_s == pytest.approx(54 * WINDOW_MS / 1000, abs=0.1)


# -- what a session can be ----------------------------------------------------------------------


def test_bad_audio_is_refused() -> None:
    driver = open_session(Start(language="en", encoding="pcm_f32le"))
    with pytest.raises(BadAudio):
        driver.feed(np.array([np.nan], "<f4").tobytes())
    driver = open_session(Start(language="en", encoding="webm"))
    with pytest.raises(BadAudio):
        driver.feed(b"not a container" * 1000)


@pytest.mark.parametrize(
    ("tag", "model", "code"),
    [
        ("en", BASE, "en"),
        ("en-US", BASE, "en"),
        ("ZH-Hans", BASE, "zh"),
        ("auto", BASE, None),
        (None, BASE, None),
        ("auto", TINY_EN, "en"),
        (None, TINY_EN, "en"),
        ("en-GB", TINY_EN, "en"),
    ],
)
def test_languages(tag: str | None, model: ModelInfo, code: str | None) -> None:
    assert whisper_language(tag, model) == code


def test_a_language_that_the_model_does_not_know() -> None:
    with pytest.raises(BadStart, match=r"tiny\.en does not know the language 'de'.* it knows en\."):
        whisper_language("de", TINY_EN)
    with pytest.raises(BadStart):
        open_session(Start(languages=["en", "xx"]))
    with pytest.raises(BadStart):
        open_session(Start(language="xx"))


def test_an_english_model_cannot_translate() -> None:
    with pytest.raises(BadStart, match="cannot translate"):
        make_recipe(Start(task="translate"), TINY_EN)
    assert make_recipe(Start(task="translate", language="de"), BASE) == Recipe(
        language="de", task="translate"
    )


def test_everything_of_a_start_reaches_the_recipe() -> None:
    start = Start(
        language="auto",
        languages=["en", "de-DE"],
        hotwords=["Surtitle"],
        prompt="An opera.",
        words=True,
    )
    assert make_recipe(start, BASE) == Recipe(
        language=None,
        languages=("en", "de"),
        hotwords=("Surtitle",),
        prompt="An opera.",
        words=True,
    )


# -- anything in any order ----------------------------------------------------------------------

actions = st.lists(
    st.one_of(
        st.tuples(st.just("speech"), st.integers(1, 60_000)),
        st.tuples(st.just("silence"), st.integers(1, 40_000)),
        st.tuples(st.just("score"), st.integers(1, 120)),
        st.tuples(st.just("result"), st.integers(0, 50)),
        st.tuples(st.just("again"), st.integers(0, 50)),
        st.tuples(st.sampled_from(["flush", "update", "say", "stop"]), st.just(0)),
    ),
    max_size=50,
)


def some_result(job: Job, number: int) -> Result:
    match number % 4:
        case 0:
            return Result(job.id, text=job.id, suppressed="no_speech")
        case 1:
            return Result(job.id, error_code="decode_error", error="?")
        case _:
            return ok(job)


@settings(max_examples=120, deadline=None)
@given(actions)
def test_every_utterance_is_answered_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    driver = open_session()
    answered: set[str] = set()
    for name, number in steps:
        if name in ("speech", "silence") and not driver.session.stopping:
            data = speech(1) if name == "speech" else silence(1)
            driver.session.receive_audio((data * (number // len(data) + 1))[:number])
        elif name == "score":
            driver.score(limit=number)
        elif name in ("result", "again") and driver.jobs:
            job = driver.jobs[number % len(driver.jobs)]
            if name == "again" or job.id not in answered:
                answered.add(job.id)
                driver.give(some_result(job, number))
        elif name == "flush":
            driver.session.flush()
        elif name == "update":
            driver.session.update(Update(partials=bool(number % 2)))
        elif name == "say":
            driver.session.say("normal", "Good.")
        elif name == "stop":
            driver.session.stop()
        driver.pump()
    driver.stop()
    driver.give(*(some_result(job, index) for index, job in enumerate(driver.jobs)))

    opened = [message.utterance for message in driver.of(Speech)]
    answers = [m for m in driver.messages if isinstance(m, Final | Suppressed | Failed)]
    assert opened == list(range(1, len(opened) + 1))
    assert [message.utterance for message in answers] == opened
    assert numbers(driver.messages) == list(range(1, len(driver.messages) + 1))
    assert all(message.start_ms <= message.end_ms for message in answers)
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(answers))
    (ended,) = driver.of(Ended)
    assert driver.messages[-1] in (ended, *driver.of(Status))
    parts = (ended.captioned_ms, ended.silence_ms, ended.suppressed_ms, ended.failed_ms)
    assert sum(parts) == ended.audio_ms
    assert min(parts) >= 0
    assert ended.utterances == len(opened)
    assert all(a.safe <= b.safe <= b.received for a, b in pairwise(driver.acks))
    assert driver.acks[-1].safe == driver.acks[-1].received
    stable: dict[int, str] = {}
    for partial in driver.of(Partial):
        assert partial.stable.startswith(stable.get(partial.utterance, ""))
        stable[partial.utterance] = partial.stable


# -- across a cut -------------------------------------------------------------------------------


def test_running_speech_that_is_cut_reads_as_one() -> None:
    soft = (np.frombuffer(speech(4, 5), "<i2") // 4).astype("<i2").tobytes()  # where the cut falls
    audio = speech(63, 3) + soft + speech(63, 4)
    places = {value: at for at, value in enumerate(zip(*[iter(samples(audio))] * 4, strict=False))}

    def sentence(job: Job) -> Result:
        """Whisper writes what it gets as one sentence: a word for each 10 windows of the audio."""
        begin = places[tuple(job.audio[:4].tolist())] * 4
        first, last = begin // (10 * W), (begin + len(job.audio) - 1) // (10 * W)
        text = " ".join(f"word{at}" for at in range(first, last + 1))
        return ok(job, text[0].upper() + text[1:] + ".")

    driver = open_session(answer=sentence)
    driver.feed(audio + silence(6))
    first, second = driver.of(Final)
    assert first.end_ms == second.start_ms
    assert first.text[:5] == "Word0"
    assert not first.text.endswith(".")
    assert second.text[:1] == "w"
    assert second.text.endswith("word13.")
    said = f"{first.text} {second.text}".casefold().removesuffix(".").split()
    assert said == [f"word{at}" for at in range(14)]  # none is lost, none comes twice
    # What the first side showed beyond the cut stands on the screen again with its final.
    at = driver.messages.index(first)
    carried = driver.messages[at + 1]
    assert isinstance(carried, Partial)
    assert carried.utterance == 2
    before = next(m for m in reversed(driver.messages[:at]) if isinstance(m, Partial))
    shown_before = (before.stable + before.unstable).casefold().split()
    carried_text = (carried.stable + carried.unstable).split()
    assert [*first.text.casefold().split(), *carried_text] == shown_before
