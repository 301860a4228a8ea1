"""What a server tells Prometheus: one registry for each server, one method for each thing that happens.

Times are seconds of the wall clock. A caption's delay counts from the moment when the audio of its
utterance's end (of a first partial: its start) had come, so it holds the silence that ends an
utterance.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import get_args

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from surtitle.jobs import Job, JobKind, Result
from surtitle.messages import Failed, Final, Partial, Revised, ServerMessage, Suppressed

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SHORT_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_DELAY_S = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)
_BATCH = (1, 2, 4, 8, 16, 32)
OUTCOMES = ("final", "suppressed", "failed")
"""Of an utterance."""
REASONS = ("no_speech", "repetition", "too_fast", "too_slow", "low_confidence", "discarded")
"""For which an utterance is suppressed."""
STATUSES = (400, 401, 403, 429, 500, 503)
"""With which handshakes are refused."""


class Metrics:
    """The figures of one server since its start."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # memory, CPU time, descriptors

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"surtitle_{name}", text, labels, registry=self._registry)

        def histogram(
            name: str, text: str, *labels: str, buckets: Iterable[float] = _SHORT_S
        ) -> Histogram:
            name = f"surtitle_{name}"
            return Histogram(name, text, labels, buckets=tuple(buckets), registry=self._registry)

        self._opened = counter("sessions_opened", "Sessions opened.")
        self._resumed = counter("resumes", "Sessions resumed on another connection.")
        self._expired = counter(
            "sessions_expired", "Sessions that expired because their client did not come back."
        )
        self._shed = counter("sessions_shed", "Sessions ended because memory was short.")
        self._refused = counter("refusals", "Handshakes refused, by HTTP status.", "status")
        self._audio = counter("audio_seconds", "Audio received.")
        self._answered = counter("answered_seconds", "Audio of answered utterances.", "outcome")
        self._utterances = counter("utterances", "Answered utterances.", "outcome")
        self._suppressed = counter("suppressed", "Utterances without speech.", "reason")
        self._revised = counter("revised", "Finals that got a better text afterwards.")
        self._deaths = counter("worker_deaths", "Unexpected ends of a worker, by cause.", "cause")
        wait = histogram("queue_wait_seconds", "Time that jobs wait for the worker.", "kind")
        self._wait = {kind: wait.labels(kind) for kind in get_args(JobKind)}
        self._batch = histogram("batch_jobs", "Jobs per batch.", buckets=_BATCH)
        decode = histogram("decode_seconds", "Time in the worker per job.", "part")
        self._features, self._inference = decode.labels("features"), decode.labels("inference")
        # A figure that is not there until something happens cannot be watched.
        self._expect(self._refused, map(str, STATUSES))
        self._expect(self._answered, OUTCOMES)
        self._expect(self._utterances, OUTCOMES)
        self._expect(self._suppressed, REASONS)
        self._first = histogram(
            "first_partial_seconds", "Delay of the first partial of an utterance.", buckets=_DELAY_S
        )
        self._final = histogram(
            "final_seconds", "Delay of the answer to an utterance.", buckets=_DELAY_S
        )

    def expect_deaths(self, causes: Iterable[str]) -> None:
        """There is a worker, and these are the usual causes of its death."""
        self._expect(self._deaths, causes)

    @staticmethod
    def _expect(counter: Counter, labels: Iterable[str]) -> None:
        for label in labels:
            counter.labels(label)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A figure that is looked up when somebody asks."""
        Gauge(f"surtitle_{name}", text, registry=self._registry).set_function(value)

    def gauges(
        self, name: str, text: str, label: str, values: Callable[[], Mapping[str, float]]
    ) -> None:
        """The same for several things, each with its label."""
        self._registry.register(_LookedUp(GaugeMetricFamily, name, text, label, values))

    def count(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A counter that is looked up, for what somebody else counts; `_total` is added to its name."""
        self.counts(name, text, "", lambda: {"": value()})

    def counts(
        self, name: str, text: str, label: str, values: Callable[[], Mapping[str, float]]
    ) -> None:
        """The same for several things, each with its label."""
        self._registry.register(_LookedUp(CounterMetricFamily, name, text, label, values))

    def page(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)

    # -- sessions -------------------------------------------------------------------------------

    def on_open(self) -> None:
        """A session began."""
        self._opened.inc()

    def on_resume(self) -> None:
        """A session went on with another connection."""
        self._resumed.inc()

    def on_expiry(self) -> None:
        """Nobody came back to a session."""
        self._expired.inc()

    def on_shed(self) -> None:
        """A session was ended since memory was short."""
        self._shed.inc()

    def on_refusal(self, status: int) -> None:
        """A handshake was refused."""
        self._refused.labels(status).inc()

    def on_audio(self, seconds: float) -> None:
        """Audio came."""
        self._audio.inc(seconds)

    def on_message(self, message: ServerMessage, arrivals: "Arrivals", now: float) -> None:
        """A session said something; `now` is on the clock of `arrivals`."""
        match message:
            case Partial():
                if (delay_s := arrivals.first_since(message, now)) is not None:
                    self._first.observe(delay_s)
                return
            case Final():
                outcome = "final"
            case Suppressed():
                outcome = "suppressed"
                self._suppressed.labels(message.reason).inc()
            case Failed():
                outcome = "failed"
            case Revised():
                self._revised.inc()
                return
            case _:
                return
        self._utterances.labels(outcome).inc()
        self._answered.labels(outcome).inc((message.end_ms - message.start_ms) / 1000)
        if (delay_s := arrivals.since(message.end_ms, now)) is not None:
            self._final.observe(delay_s)

    # -- engine ---------------------------------------------------------------------------------

    def on_grant(self, batch: list[Job]) -> None:
        """Jobs were handed to the worker."""
        self._batch.observe(len(batch))

    def on_wait(self, kind: JobKind, seconds: float) -> None:
        """A job waited so long for the worker."""
        self._wait[kind].observe(seconds)

    def on_result(self, result: Result) -> None:
        """The worker answered a job."""
        self._features.observe(result.timings.features_s)
        self._inference.observe(result.timings.inference_s)

    def on_death(self, cause: str) -> None:
        """A worker ended by itself."""
        self._deaths.labels(cause).inc()


class Arrivals:
    """When the audio of a session came, as far back as an utterance may reach."""

    KEPT = 1000
    EVERY_MS = 100.0
    """Frames that end within so much count as one: 100 s at the least, longer than any utterance."""

    def __init__(self) -> None:
        self._ends_ms: deque[float] = deque(maxlen=self.KEPT)
        self._at: deque[float] = deque(maxlen=self.KEPT)
        self._told = 0  # newest utterance that had a partial

    def add(self, end_ms: float, now: float) -> None:
        """All audio before `end_ms` has come."""
        if len(self._at) > 1 and end_ms - self._ends_ms[-2] <= self.EVERY_MS:
            self._ends_ms.pop()
            self._at.pop()
        self._ends_ms.append(end_ms)
        self._at.append(now)

    def since(self, ms: float, now: float) -> float | None:
        """Seconds since the audio up to `ms` had come; None where that is not known any more."""
        place = bisect_left(self._ends_ms, ms)
        if place == len(self._at) or (place == 0 and len(self._at) == self.KEPT):
            return None
        return now - self._at[place]

    def first_since(self, partial: Partial, now: float) -> float | None:
        """The same for the start of an utterance, at its first partial; None at all others."""
        if partial.utterance <= self._told:
            return None
        self._told = partial.utterance
        return self.since(partial.start_ms, now)


class _LookedUp(Collector):
    """Figures that are looked up when somebody asks, one for each of several things."""

    def __init__(
        self,
        family: type[GaugeMetricFamily | CounterMetricFamily],
        name: str,
        text: str,
        label: str,
        values: Callable[[], Mapping[str, float]],
    ) -> None:
        """Without a `label` there is one."""
        self._family = family
        self._name = f"surtitle_{name}"
        self._text = text
        self._labels = [label] if label else []
        self._values = values

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        family = self._family(self._name, self._text, labels=self._labels)
        for label, value in self._values().items():
            family.add_metric([label] if self._labels else [], value)
        yield family
