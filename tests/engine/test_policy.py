import pytest

from surtitle.engine.policy import (
    Drop,
    GiveUp,
    Kill,
    Quarantine,
    Recycle,
    RetryAlone,
    Spawn,
    Terminate,
    Watchdog,
    WatchdogOptions,
)
from surtitle.engine.states import EngineState
from surtitle.jobs import Job
from tests.engine.jobs import job

OPTIONS = WatchdogOptions(
    lease_s=30.0,
    startup_s=120.0,
    kill_grace_s=1.0,
    first_backoff_s=0.5,
    max_start_failures=3,
    max_deaths=5,
    breaker_s=15.0,
    healthy_s=60.0,
    max_growth=2.0,
    spare_bytes=1000,
)

FINAL = job()
OTHER = job("b")
PARTIAL = job(utterance=2, kind="partial")


def started(now: float = 0.0) -> Watchdog:
    watchdog = Watchdog(OPTIONS)
    assert watchdog.start(now) == [Spawn()]
    return watchdog


def free(watchdog: Watchdog) -> int:
    """The property as a call, which the type checker does not take for constant."""
    return watchdog.free


def ready(now: float = 0.0, parallel: int = 1) -> Watchdog:
    watchdog = started(now)
    watchdog.on_ready(parallel)
    return watchdog


def busy(*jobs: Job, now: float = 0.0, parallel: int = 1) -> Watchdog:
    watchdog = ready(now, parallel)
    watchdog.on_grant(jobs or (FINAL,), now)
    return watchdog


# -- the good course ----------------------------------------------------------------------------


def test_from_loading_to_ready() -> None:
    watchdog = started()
    assert watchdog.state.name == "LOADING"
    assert free(watchdog) == 0
    assert watchdog.next_deadline == 120.0
    watchdog.on_ready(1)
    assert watchdog.state.name == "READY"
    assert free(watchdog) == 1
    assert watchdog.next_deadline is None


def test_one_batch_at_a_time_where_the_worker_takes_one() -> None:
    watchdog = ready()
    watchdog.on_grant([FINAL, OTHER], 100.0)
    assert watchdog.running == (FINAL, OTHER)
    assert free(watchdog) == 0
    assert watchdog.next_deadline == 130.0
    assert watchdog.on_result(FINAL.id, 0.0)
    assert free(watchdog) == 0
    assert watchdog.next_deadline == 130.0
    assert watchdog.on_result(OTHER.id, 0.0)
    assert free(watchdog) == 1
    assert watchdog.next_deadline is None


def test_a_result_that_nobody_waits_for_is_not_used() -> None:
    watchdog = busy(FINAL)
    assert not watchdog.on_result("x/1/512/final", 0.0)
    assert watchdog.on_result(FINAL.id, 0.0)
    assert not watchdog.on_result(FINAL.id, 0.0)


def test_nothing_happens_before_a_limit() -> None:
    watchdog = busy(now=100.0)
    assert watchdog.tick(100.0) == watchdog.tick(129.999) == []
    assert watchdog.state.name == "READY"


# -- several batches ----------------------------------------------------------------------------

THIRD = job("c")


def test_as_many_batches_as_the_worker_takes() -> None:
    watchdog = ready(parallel=3)
    assert free(watchdog) == 3
    watchdog.on_grant([FINAL, OTHER], 0.0)
    assert free(watchdog) == 2
    watchdog.on_grant([PARTIAL], 1.0)
    watchdog.on_grant([THIRD], 2.0)
    assert free(watchdog) == 0
    assert watchdog.running == (FINAL, OTHER, PARTIAL, THIRD)
    assert watchdog.on_result(PARTIAL.id, 0.0)
    assert free(watchdog) == 1
    assert watchdog.on_result(FINAL.id, 0.0)
    assert free(watchdog) == 1  # a batch is done when all of it is
    assert watchdog.on_result(OTHER.id, 0.0)
    assert free(watchdog) == 2
    assert [job.session for job in watchdog.running] == ["c"]


def test_each_batch_has_a_limit_of_its_own() -> None:
    watchdog = ready(parallel=2)
    watchdog.on_grant([FINAL], 100.0)
    watchdog.on_grant([OTHER], 110.0)
    assert watchdog.next_deadline == 130.0
    watchdog.on_result(FINAL.id, 0.0)
    assert watchdog.next_deadline == 140.0
    watchdog.on_grant([THIRD], 125.0)
    assert watchdog.next_deadline == 140.0
    assert watchdog.tick(139.9) == []
    assert watchdog.tick(140.0) == [Terminate("the worker took longer than 30 s for a batch")]
    assert free(watchdog) == 0
    assert watchdog.next_deadline == 141.0  # only the grace counts now
    assert watchdog.tick(141.0) == [Kill()]


def test_a_result_does_not_prolong_the_limit_of_another_batch() -> None:
    watchdog = ready(parallel=2)
    watchdog.on_grant([FINAL], 0.0)
    for now in range(1, 30):
        watchdog.on_grant([OTHER], float(now))
        assert watchdog.on_result(OTHER.id, 0.0)
    assert watchdog.tick(30.0) == [Terminate("the worker took longer than 30 s for a batch")]


def test_all_that_was_under_way_is_lost_with_the_worker() -> None:
    watchdog = busy(FINAL, parallel=2)
    watchdog.on_grant([PARTIAL, OTHER], 0.5)
    assert watchdog.on_death("signal 11", 1.0) == [
        RetryAlone(FINAL),
        Drop(PARTIAL),
        RetryAlone(OTHER),
        Spawn(),
    ]
    assert watchdog.running == ()
    watchdog.on_ready(2)
    assert free(watchdog) == 2


def test_nothing_runs_beside_a_job_on_its_second_try() -> None:
    watchdog = busy(FINAL, parallel=2)
    watchdog.on_death("signal 11", 1.0)
    watchdog.on_ready(2)
    watchdog.on_grant([FINAL], 2.0)
    assert free(watchdog) == 0
    watchdog.on_result(FINAL.id, 0.0)
    assert free(watchdog) == 2


def test_after_a_second_death_of_one_the_others_have_both_tries() -> None:
    watchdog = busy(FINAL, parallel=2)
    watchdog.on_grant([OTHER], 0.0)
    watchdog.on_death("signal 11", 1.0)
    watchdog.on_ready(2)
    watchdog.on_grant([FINAL], 2.0)
    assert watchdog.on_death("signal 11", 3.0) == [Quarantine(FINAL)]
    watchdog.tick(3.5)
    watchdog.on_ready(2)
    watchdog.on_grant([OTHER], 4.0)
    assert watchdog.on_result(OTHER.id, 0.0)


def test_a_new_worker_may_take_another_number_of_batches() -> None:
    watchdog = ready(parallel=4)
    watchdog.on_death("signal 11", 1.0)
    assert free(watchdog) == 0
    watchdog.on_ready(2)
    assert free(watchdog) == 2


def test_one_of_several_batches_that_comes_back_ends_the_row() -> None:
    watchdog = ready(parallel=2)
    watchdog.on_death("signal 11", 0.0)
    watchdog.on_ready(2)
    watchdog.on_grant([FINAL], 1.0)
    watchdog.on_grant([OTHER], 1.0)
    watchdog.on_result(OTHER.id, 0.0)
    assert watchdog.on_death("signal 11", 2.0) == [RetryAlone(FINAL), Spawn()]


# -- limits -------------------------------------------------------------------------------------


def test_a_lease_that_expires_is_answered_by_terminate_then_kill() -> None:
    watchdog = busy(now=100.0)
    assert watchdog.tick(130.0) == [Terminate("the worker took longer than 30 s for a batch")]
    assert watchdog.state.name == "RECOVERING"
    assert free(watchdog) == 0
    assert watchdog.next_deadline == 131.0
    assert watchdog.tick(130.5) == []
    assert watchdog.tick(131.0) == [Kill()]
    assert watchdog.tick(131.5) == []
    assert watchdog.tick(132.0) == [Kill()]


def test_after_a_kill_the_worker_is_replaced_and_the_final_tried_again() -> None:
    watchdog = busy(now=100.0)
    watchdog.tick(130.0)
    watchdog.tick(131.0)
    assert watchdog.on_death("signal 9", 131.1) == [RetryAlone(FINAL), Spawn()]
    assert watchdog.state.name == "RECOVERING"
    watchdog.on_ready(1)
    assert watchdog.state.name == "READY"
    assert free(watchdog) == 1


def test_results_may_still_come_while_the_worker_is_told_to_end() -> None:
    watchdog = busy(FINAL, OTHER, now=100.0)
    watchdog.tick(130.0)
    assert watchdog.on_result(FINAL.id, 0.0)
    assert watchdog.on_result(OTHER.id, 0.0)
    assert free(watchdog) == 0
    assert watchdog.tick(131.0) == [Kill()]
    assert watchdog.on_death("signal 9", 131.1) == [Spawn()]


def test_a_start_that_takes_too_long_is_ended() -> None:
    watchdog = started(50.0)
    assert watchdog.tick(169.9) == []
    assert watchdog.tick(170.0) == [Terminate("the worker took longer than 120 s for its start")]
    assert watchdog.state.name == "LOADING"
    assert watchdog.tick(171.0) == [Kill()]


def test_a_worker_that_says_ready_while_it_is_told_to_end_is_still_killed() -> None:
    watchdog = started(0.0)
    watchdog.tick(120.0)
    watchdog.on_ready(1)
    assert free(watchdog) == 0
    assert watchdog.state is not EngineState.READY
    assert watchdog.tick(121.0) == [Kill()]
    assert watchdog.on_death("signal 9", 121.1) == [Spawn()]


def test_a_dead_worker_is_not_ended_again() -> None:
    watchdog = busy(now=0.0)
    watchdog.on_death("signal 11", 1.0)
    watchdog.on_death("signal 11", 2.0)
    assert watchdog.next_deadline == 2.5
    assert watchdog.tick(2.4) == []


# -- deaths -------------------------------------------------------------------------------------


def test_the_first_death_is_followed_by_a_spawn_at_once() -> None:
    watchdog = ready()
    assert watchdog.on_death("signal 11", 10.0) == [Spawn()]
    assert watchdog.state.name == "RECOVERING"
    assert watchdog.next_deadline == 130.0


def test_each_further_death_waits_twice_as_long_until_the_engine_is_broken() -> None:
    watchdog = ready()
    watchdog.on_death("signal 11", 0.0)
    now, waits, states = 0.0, [], []
    for _ in range(6):
        watchdog.on_ready(1)
        assert watchdog.on_death("signal 11", now) == []
        assert watchdog.next_deadline is not None
        waits.append(watchdog.next_deadline - now)
        states.append(watchdog.state.name)
        now = watchdog.next_deadline
        assert watchdog.tick(now - 0.001) == []
        assert watchdog.tick(now) == [Spawn()]
    assert waits == pytest.approx([0.5, 1.0, 2.0, 15.0, 15.0, 15.0])
    assert states == ["RECOVERING"] * 3 + ["BROKEN"] * 3


def broken(now: float = 0.0) -> Watchdog:
    watchdog = ready()
    for _ in range(OPTIONS.max_deaths):
        watchdog.on_death("signal 11", now)
        watchdog.tick(now + OPTIONS.breaker_s)
    assert watchdog.state.name == "BROKEN"
    return watchdog


def test_a_broken_engine_heals_by_itself() -> None:
    watchdog = broken()
    watchdog.on_ready(1)
    assert watchdog.state.name == "READY"
    watchdog.on_grant([FINAL], 20.0)
    watchdog.on_result(FINAL.id, 0.0)
    assert watchdog.on_death("signal 11", 21.0) == [Spawn()]


def test_a_broken_engine_that_did_not_heal_is_tried_for_ever() -> None:
    watchdog = broken()
    for hour in range(1, 100):
        assert watchdog.on_start_failure("No such file.") == []
        watchdog.on_death("status 1", hour * 3600.0)
        assert watchdog.next_deadline == hour * 3600.0 + OPTIONS.breaker_s
        assert watchdog.tick(hour * 3600.0 + OPTIONS.breaker_s) == [Spawn()]
        assert watchdog.state.name == "BROKEN"


def test_a_worker_that_was_there_for_long_ends_the_row() -> None:
    """A worker that is killed once an hour while nobody speaks is no storm."""
    watchdog = ready()
    for hour in range(1, 10):
        assert watchdog.on_death("signal 9", hour * 3600.0) == [Spawn()]
        watchdog.on_ready(1)


def test_nothing_is_kept_of_a_second_try_that_nobody_waits_for() -> None:
    watchdog = busy(now=0.0)
    assert RetryAlone(FINAL) in watchdog.on_death("signal 11", 1.0)
    watchdog.on_ready(1)
    watchdog.on_grant([FINAL], 2.0)
    watchdog.abandon(FINAL)
    watchdog.on_death("signal 11", 3.0)
    assert not watchdog._retried


# -- replacing a worker on purpose --------------------------------------------------------------


def grown(watchdog: Watchdog) -> Watchdog:
    watchdog.on_memory(10_000)
    watchdog.on_memory(21_000)
    assert free(watchdog) == 1 or watchdog.running
    watchdog.on_memory(21_001)
    assert free(watchdog) == 0
    return watchdog


def test_a_worker_whose_memory_has_grown_is_replaced_when_it_is_idle() -> None:
    watchdog = grown(busy(now=0.0))
    assert free(watchdog) == 0
    assert watchdog.tick(1.0) == []
    watchdog.on_result(FINAL.id, 0.0)
    assert free(watchdog) == 0
    assert watchdog.next_deadline is not None and watchdog.next_deadline < 2.0
    assert watchdog.tick(2.0) == [Recycle("its memory has grown from 0 to 0 MB")]
    assert watchdog.tick(2.5) == []
    planned = watchdog.planned
    assert watchdog.on_death("status 0", 2.6) == [Spawn()]
    assert (planned, watchdog.planned) == (True, False)
    watchdog.on_ready(1)
    assert watchdog.on_death("signal 11", 2.7) == [Spawn()]  # it was not the second in a row


def test_one_that_does_not_end_is_killed() -> None:
    watchdog = grown(ready())
    assert len(watchdog.tick(2.0)) == 1
    assert watchdog.tick(2.9) == []
    assert watchdog.tick(3.0) == [Kill()]


def test_one_that_dies_before_it_is_replaced_has_died() -> None:
    watchdog = grown(busy(now=0.0))
    assert watchdog.on_death("signal 11", 1.0) == [RetryAlone(FINAL), Spawn()]
    watchdog.on_ready(1)
    assert watchdog.on_death("signal 11", 1.0) == []


def test_one_that_hangs_while_it_is_to_be_replaced_is_ended() -> None:
    watchdog = grown(busy(now=0.0))
    assert isinstance(watchdog.tick(30.0)[0], Terminate)


# -- deaths in a row ----------------------------------------------------------------------------


def test_a_batch_that_comes_back_ends_the_row() -> None:
    watchdog = ready()
    for now in (0.0, 10.0, 20.0):
        watchdog.on_death("signal 11", now)
        watchdog.tick(now + 9.0)
        watchdog.on_ready(1)
    watchdog.on_grant([FINAL], 30.0)
    watchdog.on_result(FINAL.id, 0.0)
    assert watchdog.on_death("signal 11", 40.0) == [Spawn()]


def test_half_a_batch_does_not_end_the_row() -> None:
    watchdog = busy(FINAL, OTHER)
    watchdog.on_death("signal 11", 0.0)
    watchdog.on_ready(1)
    watchdog.on_grant([FINAL, OTHER], 1.0)
    watchdog.on_result(FINAL.id, 0.0)
    watchdog.on_death("signal 11", 2.0)
    assert watchdog.next_deadline == 2.5


def test_a_final_that_was_running_is_tried_once_more_and_then_given_up() -> None:
    watchdog = busy(FINAL)
    assert watchdog.on_death("signal 11", 1.0) == [RetryAlone(FINAL), Spawn()]
    watchdog.on_ready(1)
    watchdog.on_grant([FINAL], 2.0)
    assert watchdog.on_death("signal 11", 3.0) == [Quarantine(FINAL)]
    assert watchdog.tick(3.5) == [Spawn()]


def test_only_what_is_unanswered_is_tried_again() -> None:
    watchdog = busy(FINAL, OTHER)
    watchdog.on_result(FINAL.id, 0.0)
    assert watchdog.on_death("signal 11", 1.0) == [RetryAlone(OTHER), Spawn()]


def test_a_final_that_succeeds_the_second_time_has_its_chances_again() -> None:
    watchdog = busy(FINAL)
    watchdog.on_death("signal 11", 1.0)
    watchdog.on_ready(1)
    watchdog.on_grant([FINAL], 2.0)
    assert watchdog.on_result(FINAL.id, 0.0)
    watchdog.on_grant([FINAL], 3.0)
    assert RetryAlone(FINAL) in watchdog.on_death("signal 11", 4.0)


def test_a_final_that_only_waited_for_its_second_try_is_not_given_up() -> None:
    watchdog = busy(FINAL)
    watchdog.on_death("signal 11", 1.0)
    watchdog.on_ready(1)
    watchdog.on_death("signal 11", 2.0)  # idle: nothing was running
    watchdog.tick(3.0)
    watchdog.on_ready(1)
    watchdog.on_grant([FINAL], 4.0)
    assert watchdog.on_result(FINAL.id, 0.0)


def test_partials_are_dropped() -> None:
    watchdog = busy(PARTIAL)
    assert watchdog.on_death("signal 11", 1.0) == [Drop(PARTIAL), Spawn()]


def test_the_final_of_such_an_utterance_is_still_tried_twice() -> None:
    watchdog = busy(PARTIAL)
    watchdog.on_death("signal 11", 1.0)
    final = job(utterance=2)
    watchdog.on_ready(1)
    watchdog.on_grant([final], 2.0)
    assert watchdog.on_death("signal 11", 3.0) == [RetryAlone(final)]
    watchdog.tick(3.5)
    watchdog.on_ready(1)
    watchdog.on_grant([final], 4.0)
    assert watchdog.on_result(final.id, 0.0)


def test_a_mixed_batch_that_kills_the_worker() -> None:
    watchdog = busy(FINAL, PARTIAL, OTHER)
    assert watchdog.on_death("signal 11", 1.0) == [
        RetryAlone(FINAL),
        Drop(PARTIAL),
        RetryAlone(OTHER),
        Spawn(),
    ]


def test_nothing_is_kept_about_a_session_that_has_gone() -> None:
    watchdog = busy(FINAL, PARTIAL, OTHER)
    watchdog.on_death("signal 11", 1.0)
    watchdog.forget_session("a")
    watchdog.on_ready(1)
    watchdog.on_grant([FINAL, OTHER], 2.0)
    # `a` was forgotten, so this is the first death that its final is known for; that of `b` is not.
    assert watchdog.on_death("signal 11", 3.0) == [RetryAlone(FINAL), Quarantine(OTHER)]


def test_a_final_on_which_a_worker_died_elsewhere_is_not_tried_a_third_time() -> None:
    watchdog = ready()
    watchdog.retry(FINAL)
    watchdog.on_grant([FINAL], 1.0)
    assert watchdog.free == 0
    assert watchdog.on_death("signal 11", 2.0) == [Quarantine(FINAL), Spawn()]


def test_strikes_are_counted_by_job() -> None:
    watchdog = busy(FINAL, PARTIAL)
    watchdog.tick(30.0)  # it hangs
    assert watchdog.strikes == {FINAL.id: 1, PARTIAL.id: 1}
    watchdog.on_death("signal 15", 31.0)
    assert watchdog.strikes == {FINAL.id: 1}
    watchdog.on_ready(1)
    watchdog.on_grant([FINAL], 32.0)
    watchdog.tick(62.0)
    assert watchdog.strikes == {FINAL.id: 2}
    watchdog.on_result(FINAL.id, 62.0)
    assert watchdog.strikes == {}


def test_what_a_worker_is_at_is_no_strike_while_all_is_well() -> None:
    watchdog = busy(FINAL, PARTIAL)
    assert watchdog.strikes == {}
    watchdog.on_memory(1000)
    watchdog.on_memory(4000)  # it is to be replaced
    assert watchdog.strikes == {}
    watchdog = ready()
    watchdog.retry(FINAL)
    watchdog.on_grant([FINAL], 1.0)
    assert watchdog.strikes == {FINAL.id: 1}  # that of elsewhere


# -- starts that fail ---------------------------------------------------------------------------


def test_a_worker_that_says_why_it_cannot_start_ends_the_engine() -> None:
    watchdog = started()
    assert watchdog.on_start_failure("There is no model x.") == [GiveUp("There is no model x.")]
    assert watchdog.state.name == "FAILED"
    assert watchdog.on_death("exit 1", 1.0) == []
    assert watchdog.next_deadline is None
    assert watchdog.tick(1000.0) == []


def test_a_later_worker_that_cannot_start_is_tried_again() -> None:
    watchdog = ready()
    watchdog.on_death("signal 11", 0.0)
    assert watchdog.on_start_failure("CUDA out of memory") == []
    assert watchdog.on_death("exit 1", 1.0) == []
    assert watchdog.state.name == "RECOVERING"
    assert watchdog.tick(1.5) == [Spawn()]


def test_a_worker_that_dies_three_times_before_it_is_ready_ends_the_engine() -> None:
    watchdog = started()
    assert watchdog.on_death("signal 4", 1.0) == [Spawn()]
    assert watchdog.state.name == "LOADING"
    assert watchdog.on_death("signal 4", 2.0) == []
    assert watchdog.tick(2.5) == [Spawn()]
    assert watchdog.on_death("signal 4", 3.0) == [
        GiveUp("The worker died 3 times in a row before it was ready; last: signal 4.")
    ]
    assert watchdog.state.name == "FAILED"
    assert watchdog.tick(1000.0) == []
    assert watchdog.next_deadline is None


def test_a_start_that_succeeds_ends_the_count_of_failed_ones() -> None:
    watchdog = started()
    now = 0.0
    for _ in range(5):
        watchdog.on_death("signal 4", now)
        now += 20.0
        watchdog.tick(now)
        watchdog.on_death("signal 4", now)
        now += 20.0
        watchdog.tick(now)
        watchdog.on_ready(1)
        assert watchdog.state.name == "READY"
        watchdog.on_grant([FINAL], now)
        watchdog.on_result(FINAL.id, 0.0)
        watchdog.on_death("signal 4", now)
