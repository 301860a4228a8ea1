"""The same messages however the bytes come and whenever the results do."""

import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from surtitle.jobs import Job, Result
from surtitle.messages import (
    Ended,
    Failed,
    Final,
    Partial,
    ServerMessage,
    Speech,
    Start,
    Status,
    Suppressed,
    Update,
)
from tests.captioning.chunking import Chunking, three_ways, whole
from tests.captioning.driver import (
    JUDGED,
    OPTIONS,
    WINDOW_MS,
    Driver,
    W,
    error,
    judged,
    numbers,
    ok,
    open_session,
    samples,
    silence,
    speech,
    suppressed,
)

# -- the same for every chunking ----------------------------------------------------------------


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
    assert [(job.id, job.decode_options) for job in driver.jobs] == [
        (job.id, job.decode_options) for job in expected(name).jobs
    ]
    for job, other in zip(driver.jobs, expected(name).jobs, strict=True):
        assert np.array_equal(job.audio, other.audio)
    assert driver.session.ack() == expected(name).session.ack()
    assert len(driver.of(Final)) >= 5
    assert {job.decode_options.language for job in driver.finals} == {"en", "zh"}


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
    assert [(job.utterance, len(job.audio), job.decode_options) for job in driver.finals] == [
        (job.utterance, len(job.audio), job.decode_options) for job in on_time.finals
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
        """The answers, without their number among the messages.

        A final keeps the capitals and full stops that a partial has shown, if one came in time.
        """
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
            structs.replace(message, seq=0, text=re.sub(r"\W+", " ", message.text).strip().lower())
            if isinstance(message, Final)
            else structs.replace(message, seq=0)
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


SHOWN_BEFORE_THE_CUT_IS_ANSWERED = [
    ("flush", 0.0),
    ("speech", 29.8515625),
    ("silence", 12.0),
    ("speech", 2.0),
    ("speech", 15.0),
    ("speech", 0.5),
]


# The first pause cannot be decoded; its result is there at once, or too late to be known.
CANNOT_BE_DECODED_IN_A_PAUSE = [
    ("speech", 7.859375),
    ("silence", 3.0),
    ("speech", 2.0),
    ("speech", 2.0),
    ("speech", 25.5),
    ("silence", 19.0),
]


@settings(max_examples=150, deadline=None)
@given(
    scripts,
    st.lists(st.one_of(st.integers(0, 8), st.integers(0, 200)), max_size=20),
    st.sampled_from([700, 2 * W, 10_000, 100_000]),
)
@example(CUT_IN_A_PAUSE, [200] * 20, 2 * W)
@example(FLUSH_AT_A_CUT, [200] * 20, 2 * W)
@example(SHOWN_BEFORE_THE_CUT_IS_ANSWERED, [0, 0, 31], 2 * W)
@example(CANNOT_BE_DECODED_IN_A_PAUSE, [1], 2 * W)
@example(CANNOT_BE_DECODED_IN_A_PAUSE, [2], 2 * W)
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
@example([("speech", 10_304), ("score", 10), ("flush", 0), ("stop", 0)])
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
    assert all(message.start_ms < message.end_ms for message in answers)
    assert all(job.audio.size for job in driver.jobs)
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
