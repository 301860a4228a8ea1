"""Drives a session without clock or threads: what it asks for is answered when the test says so."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from surtitle.captioning.endpointing import WINDOW_SAMPLES, EndpointingOptions
from surtitle.captioning.session import CaptionSession
from surtitle.jobs import Job, ModelInfo, Pcm16, Piece, Result
from surtitle.messages import Ack, Failed, Final, Resumed, ServerMessage, Start, Suppressed
from tests.captioning import endpointer

W = WINDOW_SAMPLES
WINDOW_MS = 32

BASE = ModelInfo("base", "cpu", "int8", ("en", "zh", "de", "fr"), load_s=1.0)
TINY_EN = ModelInfo("tiny.en", "cpu", "int8", ("en",), load_s=1.0)

OPTIONS = replace(
    endpointer.OPTIONS,
    lasting_pause_ms=3 * WINDOW_MS,
    max_utterance_ms=100 * WINDOW_MS,
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
    """Of the last three words of a partial the model is not sure."""
    text = text_of(job) if text is None else text
    newest = tuple(Piece(f" {word}", 0.2) for word in text.split()[-3:])
    return Result(
        job.id,
        text=text,
        newest=newest if job.kind == "partial" else (),
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
    promoted: list[Job] = field(default_factory=list)
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
        self.promoted += self.session.promoted()
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
    partial_interval_ms: int = 10 * WINDOW_MS,
    partial_window_ms: int = 8000,
    max_backlog_s: float = 60.0,
) -> Driver:
    session = CaptionSession(
        "abc",
        start or Start(language="en"),
        options,
        model,
        partial_interval_ms=partial_interval_ms,
        partial_window_ms=partial_window_ms,
        max_backlog_s=max_backlog_s,
    )
    return Driver(session, answer)


def samples(data: bytes) -> list[int]:
    values: list[int] = np.frombuffer(data, "<i2").tolist()
    return values


def numbers(messages: Iterable[ServerMessage]) -> list[int]:
    return [m.seq for m in messages if not isinstance(m, Ack | Resumed)]


def three_utterances() -> Driver:
    driver = open_session(Start(language="en", partials=False))
    for _ in range(3):
        driver.feed(speech(5) + silence(10))
    assert len(driver.finals) == 3
    return driver


def saying(text: str) -> Callable[[Job], Result | None]:
    return lambda job: ok(job, text)


def error(job: Job, code: str = "decode_error") -> Result:
    return Result(job.id, error_code=code, error="?")


def unheard(job: Job) -> Result | None:
    """Partials come back with nothing to show, so that the next may come; finals wait for the test."""
    return suppressed(job) if job.kind == "partial" else None


def suppressed(job: Job) -> Result:
    return Result(job.id, text="and then", suppressed="no_speech")


def places(driver: Driver) -> list[tuple[int, int]]:
    """Where the answered utterances lie, in windows."""
    answers = [m for m in driver.messages if isinstance(m, Final | Suppressed | Failed)]
    return [(m.start_ms // WINDOW_MS, m.end_ms // WINDOW_MS) for m in answers]
