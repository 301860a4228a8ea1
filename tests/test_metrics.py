"""The dashboard asks for figures that there are, and delays are those of the audio."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from surtitle.engine.process import CAUSES_OF_DEATH
from surtitle.messages import Final, Partial
from surtitle.recognition.guard import Reason
from surtitle.runtime.metrics import Arrivals, Metrics
from tests.gateway.fakes import FakeEngine, make_gateway

DOCS = Path(__file__).resolve().parents[1] / "docs"
OF_ENGINES = {"surtitle_owed_jobs"}
"""What `surtitle engine` has; tests/real_speech/test_engines.py asks one."""
OF_SERVERS = {"surtitle_backplane_up"}
"""What several servers have; tests/balancing/test_channels.py asks one."""
OF_ARCHIVES = {"surtitle_archive_up", "surtitle_archive_waiting", "surtitle_archive_lost_total"}
"""What a server has that keeps talks; tests/archive/test_served.py asks one."""

OF_SINKS = {
    f"surtitle_sink_{figure}"
    for figure in ("waiting", "delivered_total", "dropped_total", "failing")
}
"""What a server has whose captions go on; tests/sinks/test_served.py asks one."""


def names(metrics: Metrics) -> set[str]:
    families = text_string_to_metric_families(metrics.page().decode())
    found = set[str]()
    for family in families:
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        found |= {family.name + end for end in suffixes.get(family.type, [""])}
    return found


@pytest.mark.parametrize("document", ["grafana-dashboard.json", "operations.md"])
async def test_every_figure_that_is_named_exists(document: str) -> None:
    text = (DOCS / document).read_text(encoding="utf-8")
    if document.endswith(".json"):
        text = " ".join(t["expr"] for p in json.loads(text)["panels"] for t in p["targets"])
    named = set(re.findall(r"surtitle_\w+", text))
    named -= OF_ENGINES | OF_SERVERS | OF_ARCHIVES | OF_SINKS
    gateway = make_gateway(FakeEngine())
    there = names(gateway._metrics)
    assert len(named) > 10
    whole = {name.removesuffix(end) for name in there for end in ("_bucket", "_sum", "_count")}
    assert named <= there | whole


def samples(metrics: Metrics) -> dict[str, dict[str, float]]:
    """The values of each counter, by the value of its label."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(metrics.page().decode()):
        for sample in family.samples:
            if sample.name.endswith("_total"):
                found.setdefault(sample.name, {})[" ".join(sample.labels.values())] = sample.value
    return found


def test_every_counter_is_there_with_0_before_anything_happens() -> None:
    """A rate over a counter that appears with its first event misses that event."""
    metrics = Metrics()
    metrics.expect_deaths(CAUSES_OF_DEATH)
    counters = samples(metrics)
    counters.pop("process_cpu_seconds_total")
    declared = re.findall(
        r"^# TYPE (surtitle_\w+_total) counter", metrics.page().decode(), re.MULTILINE
    )
    assert len(declared) > 8 and set(declared) == set(counters)
    assert {value for each in counters.values() for value in each.values()} == {0.0}
    assert set(counters["surtitle_suppressed_total"]) == {*get_args(Reason), "discarded"}
    assert set(counters["surtitle_utterances_total"]) == {"final", "suppressed", "failed"}
    assert set(counters["surtitle_refusals_total"]) >= {"401", "403", "429", "503"}
    deaths = counters["surtitle_worker_deaths_total"]
    assert {"it was killed by SIGSEGV", "the device failed", "it could not be started"} <= set(
        deaths
    )


def test_what_somebody_else_counts_is_a_counter_too() -> None:
    """So a rate over it is right also when the server begins anew with 0."""
    metrics, lost, sent = Metrics(), [0], {"a": 1.0}
    metrics.count("lost", "Lost.", lambda: lost[0])
    metrics.counts("sent", "Sent.", "sink", lambda: sent)
    metrics.gauges("waiting", "Waiting.", "sink", lambda: sent)
    assert {"# TYPE surtitle_lost_total counter", "# TYPE surtitle_waiting gauge"} <= set(
        metrics.page().decode().splitlines()
    )
    assert samples(metrics)["surtitle_lost_total"] == {"": 0.0}
    lost[0], sent["b"] = 7, 2.0
    assert samples(metrics)["surtitle_lost_total"] == {"": 7.0}
    assert samples(metrics)["surtitle_sent_total"] == {"a": 1.0, "b": 2.0}


def partial(utterance: int, start_ms: int) -> Partial:
    return Partial(
        seq=1, utterance=utterance, start_ms=start_ms, end_ms=start_ms, stable="a", unstable=""
    )


def test_a_delay_counts_from_when_the_audio_had_come() -> None:
    arrivals = Arrivals()
    for number in range(1, 31):  # frames of 100 ms, each as it is spoken
        arrivals.add(100 * number, 50 + 0.1 * number)
    assert arrivals.since(1000, 53.0) == pytest.approx(2.0)
    assert arrivals.since(1001, 53.0) == pytest.approx(1.9)
    assert arrivals.since(3001, 53.0) is None  # it has not come
    assert arrivals.first_since(partial(1, 450), 51.0) == pytest.approx(0.5)
    assert arrivals.first_since(partial(1, 450), 51.5) is None  # not the first any more
    assert arrivals.first_since(partial(2, 1450), 52.0) == pytest.approx(0.5)


def test_short_frames_are_remembered_for_as_long() -> None:
    arrivals = Arrivals()
    for number in range(1, 60 * 50 + 1):  # a minute in frames of 20 ms
        arrivals.add(20 * number, 0.02 * number)
    assert arrivals.since(1000, 60.0) == pytest.approx(59.0, abs=0.1)
    assert arrivals.since(59_990, 60.0) == pytest.approx(0.0, abs=0.1)


def test_what_came_too_long_ago_has_no_delay() -> None:
    arrivals = Arrivals()
    for number in range(1, 2 * Arrivals.KEPT):
        arrivals.add(100 * number, number)
    assert arrivals.since(100, 5000) is None
    assert arrivals.since(100 * (2 * Arrivals.KEPT - 1), 5000) is not None


def test_outcomes_are_counted_by_their_audio() -> None:
    metrics, arrivals = Metrics(), Arrivals()
    arrivals.add(1000, 10.0)
    final = Final(
        seq=1,
        utterance=1,
        start_ms=200,
        end_ms=900,
        text="a",
        language="en",
        language_probability=1,
        confidence=1,
    )
    metrics.on_message(final, arrivals, 10.4)
    page = metrics.page().decode()
    assert 'surtitle_answered_seconds_total{outcome="final"} 0.7' in page
    assert 'surtitle_final_seconds_bucket{le="0.3"} 0.0' in page
    assert 'surtitle_final_seconds_bucket{le="0.5"} 1.0' in page
