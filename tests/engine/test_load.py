import math

import pytest

from surtitle.engine.load import RECOVERY, UTILIZATION_S, WINDOW_S, LoadGauge, Utilization
from surtitle.jobs import JobKind


def gauge(*waits: float, kind: JobKind = "partial", now: float = 0.0) -> LoadGauge:
    """A gauge with a limit of 1 s that has seen these waits, all at `now`."""
    load = LoadGauge(limit_s=1.0)
    for wait_s in waits:
        load.observe(kind, wait_s, now)
    return load


def test_nothing_is_no_load() -> None:
    load = gauge()
    assert not load.update(0.0)
    assert not load.overloaded


@pytest.mark.parametrize("kind", ["partial", "final"])
def test_it_is_the_mean_that_counts_and_the_limit_itself_is_no_overload(kind: JobKind) -> None:
    load = gauge(0.5, 1.5, kind=kind)
    assert not load.update(0.0)
    load.observe(kind, 1.1, 0.0)
    assert load.update(0.0)
    assert load.overloaded


def test_one_slow_batch_is_no_alarm() -> None:
    load = gauge(*[0.1] * 9, 5.0)
    assert not load.update(0.0)


@pytest.mark.parametrize(("partials_s", "finals_s"), [(2.0, 0.0), (0.0, 2.0)])
def test_quick_ones_of_the_other_kind_hide_nothing(partials_s: float, finals_s: float) -> None:
    load = gauge(*[partials_s] * 3)
    for _ in range(3):
        load.observe("final", finals_s, 0.0)
    assert load.update(0.0)


def test_a_change_is_told_once() -> None:
    load = gauge(2.0)
    assert [load.update(0.0), load.update(0.1), load.update(0.2)] == [True, False, False]


def test_it_ends_only_well_below_the_limit() -> None:
    load = gauge(2.0)
    assert load.update(0.0)
    for wait_s in (0.0, 1.0):  # a mean of 1.0 s, the limit
        load.observe("partial", wait_s, 1.0)
    assert not load.update(1.0)
    load.observe("partial", 0.0, 2.0)  # 0.75 s
    assert not load.update(2.0)
    load.observe("partial", 0.0, 2.0)  # 0.6 s
    load.observe("partial", 0.0, 2.0)  # 0.5 s
    assert load.update(2.0)
    assert not load.overloaded
    assert RECOVERY == 0.5


def test_what_lies_further_back_is_forgotten() -> None:
    load = gauge(2.0, now=10.0)
    assert load.update(10.0)
    assert not load.update(10.0 + WINDOW_S)
    assert load.update(10.01 + WINDOW_S)
    assert not load.overloaded


def test_only_what_is_recent_makes_the_mean() -> None:
    load = gauge(*[0.0] * 100, now=0.0)
    load.observe("partial", 1.5, 4.0)
    assert not load.update(4.0)
    assert load.update(WINDOW_S + 1.0)


def test_hours_of_load_take_no_memory() -> None:
    load = gauge()
    for tick in range(10_000):
        load.observe("final", 0.1, tick / 10)
        load.update(tick / 10)
    kept = sum(len(waits.newest) for waits in load._waits.values())
    assert kept <= WINDOW_S * 10 + 1


# -- how much of its time is taken --------------------------------------------------------------


def test_a_worker_that_has_nothing_to_do_is_not_utilized() -> None:
    assert Utilization().mean(1000.0) == 0.0


def test_utilization_follows_what_is_taken() -> None:
    utilization = Utilization()
    utilization.change(0.5, 10.0)
    assert utilization.mean(10.0) == 0.0
    assert utilization.mean(10.0 + UTILIZATION_S) == pytest.approx(0.5 * (1 - math.exp(-1)))
    assert utilization.mean(60.0) == pytest.approx(0.5, abs=1e-6)
    utilization.change(0.0, 60.0)
    assert utilization.mean(60.0 + UTILIZATION_S) == pytest.approx(0.5 * math.exp(-1))


def test_how_often_it_is_told_changes_nothing() -> None:
    often, seldom = Utilization(), Utilization()
    for utilization in (often, seldom):
        utilization.change(1.0, 0.0)
    for tenth in range(20):
        often.change(1.0, tenth / 10)
    assert often.mean(2.0) == pytest.approx(seldom.mean(2.0))


def test_a_worker_that_is_busy_half_of_the_time_is_half_utilized() -> None:
    utilization = Utilization()
    for tenth in range(0, 200, 2):
        utilization.change(1.0, tenth / 10)
        utilization.change(0.0, tenth / 10 + 0.1)
    assert utilization.mean(20.0) == pytest.approx(0.5, abs=0.05)
