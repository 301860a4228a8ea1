from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from surtitle.engine.scheduler import Rank, Scheduler
from surtitle.jobs import DecodeOptions, Job, JobKind


def job(name: str, kind: JobKind = "final", window_s: float = 30.0) -> Job:
    """A job by its name: "a1" is utterance 1 of session a; "a1+" a later job of the same."""
    session, number = name[0], int(name[1])
    return Job(
        id=f"{session}/{name}/{kind}",
        session=session,
        utterance=number,
        kind=kind,
        audio=np.zeros(160, np.int16),
        decode_options=DecodeOptions(),
        window_s=window_s,
    )


def final(name: str, window_s: float = 30.0) -> Job:
    return job(name, "final", window_s)


def partial(name: str, window_s: float = 30.0) -> Job:
    return job(name, "partial", window_s)


def speculative(name: str, window_s: float = 30.0) -> Job:
    return replace(job(name, "final", window_s), speculative=True)


def take(
    scheduler: Scheduler,
    limit: int,
    *,
    free: int = 1,
    idle: bool = True,
    speaking: Sequence[str] = (),
    kept_from: Collection[Rank] = (),
    held: Collection[Rank] = (),
) -> list[str]:
    """The names of the next batch of at most `limit`."""
    return names(
        scheduler.next_batch(
            lambda job: limit,
            free=free,
            idle=idle,
            speaking=speaking,
            kept_from=kept_from,
            held=held,
        ).jobs
    )


def names(jobs: list[Job]) -> list[str]:
    return [job.id.split("/")[1] + ("p" if job.kind == "partial" else "") for job in jobs]


def filled(*jobs: Job) -> Scheduler:
    scheduler = Scheduler()
    for each in jobs:
        scheduler.add(each)
    return scheduler


def test_nothing_waits_at_first() -> None:
    assert take(Scheduler(), 4) == []
    assert len(Scheduler()) == 0


def test_a_batch_has_at_most_the_limit() -> None:
    scheduler = filled(final("a1"), final("b1"), final("c1"))
    assert take(scheduler, 2) == ["a1", "b1"]
    assert len(scheduler) == 1
    assert take(scheduler, 2) == ["c1"]
    assert take(scheduler, 2) == []


def test_finals_go_before_partials() -> None:
    scheduler = filled(partial("a1"), partial("b1"), final("c1"))
    assert take(scheduler, 2) == ["c1"]  # never both in one batch
    assert take(scheduler, 2) == ["a1p", "b1p"]


def test_sessions_take_turns() -> None:
    scheduler = filled(final("a1"), final("a2"), final("a3"), final("b1"), final("c1"))
    assert take(scheduler, 2) == ["a1", "b1"]
    assert take(scheduler, 2) == ["c1", "a2"]
    assert take(scheduler, 2) == ["a3"]


def test_a_session_has_one_job_in_a_batch() -> None:
    scheduler = filled(final("a1"), final("a2"), final("a3"), final("b1"))
    assert take(scheduler, 8) == ["a1", "b1"]
    assert take(scheduler, 8) == ["a2"]
    assert take(scheduler, 8) == ["a3"]


def test_what_waits_is_spread_over_the_batches_that_the_worker_can_take() -> None:
    five = [final(name) for name in ("a1", "b1", "c1", "d1", "e1")]
    scheduler = filled(*five)
    assert take(scheduler, 8, free=2) == ["a1", "b1", "c1"]
    assert take(scheduler, 8, free=1) == ["d1", "e1"]
    scheduler = filled(*five)
    assert take(scheduler, 8, free=8) == ["a1"]
    assert take(scheduler, 8, free=3) == ["b1", "c1"]
    scheduler = filled(*five)
    assert take(scheduler, 2, free=2) == ["a1", "b1"]  # no more than the limit all the same


def test_finals_alone_are_counted_for_the_spreading() -> None:
    scheduler = filled(final("a1"), final("b1"), partial("c1"), partial("d1"))
    assert take(scheduler, 8, free=2) == ["a1"]
    assert take(scheduler, 8, free=2) == ["b1"]
    assert take(scheduler, 8, free=2) == ["c1p"]


def test_a_batch_has_one_window_and_the_one_that_waits_longest_says_which() -> None:
    scheduler = filled(final("a1", 15.0), final("b1", 20.0), final("c1", 15.0), final("d1", 20.0))
    assert take(scheduler, 8) == ["a1", "c1"]
    assert take(scheduler, 8) == ["b1", "d1"]
    scheduler = filled(partial("a1", 20.0), partial("b1", 10.0), partial("c1", 20.0))
    assert take(scheduler, 8) == ["a1p", "c1p"]
    assert take(scheduler, 8) == ["b1p"]


def test_only_jobs_of_its_window_are_counted_for_the_spreading() -> None:
    scheduler = filled(final("a1", 15.0), final("b1", 20.0), final("c1", 15.0), final("d1", 20.0))
    assert take(scheduler, 8, free=2) == ["a1"]
    assert take(scheduler, 8, free=1) == ["b1", "d1"]


def test_a_session_with_a_rare_window_has_its_turn() -> None:
    scheduler = filled(final("a1", 15.0), final("b1", 30.0), final("c1", 15.0))
    order = []
    for number in range(2, 8):
        order += take(scheduler, 1)
        scheduler.add(final(f"a{number}", 15.0))
        scheduler.add(final(f"c{number}", 15.0))
    assert order[:3] == ["a1", "b1", "c1"]


def test_the_limit_is_that_of_the_first_job() -> None:
    scheduler = filled(final("a1", 10.0), final("b1", 10.0), final("c1", 30.0), final("d1", 30.0))
    asked: list[str] = []

    def limit(job: Job) -> int:
        asked.append(job.id)
        return 2 if job.window_s == 10.0 else 1

    assert names(scheduler.next_batch(limit).jobs) == ["a1", "b1"]
    assert names(scheduler.next_batch(limit).jobs) == ["c1"]
    assert names(scheduler.next_batch(limit).jobs) == ["d1"]
    assert asked == [final(name).id for name in ("a1", "c1", "d1")]


def test_a_session_that_comes_back_stands_behind_those_that_wait() -> None:
    scheduler = filled(final("a1"), final("b1"), final("c1"))
    take(scheduler, 1)
    scheduler.add(final("a2"))
    assert take(scheduler, 8) == ["b1", "c1", "a2"]


def test_a_newer_partial_replaces_the_one_that_waits_and_takes_its_place() -> None:
    scheduler = filled(partial("a1"), partial("b1"))
    assert names(scheduler.add(partial("a1+"))) == ["a1p"]
    assert len(scheduler) == 2
    assert take(scheduler, 8) == ["a1+p", "b1p"]


def test_a_partial_of_an_older_utterance_than_the_one_that_waits_is_not_queued() -> None:
    scheduler = filled(partial("a2"))
    assert names(scheduler.add(partial("a1"))) == ["a1p"]
    assert take(scheduler, 8) == ["a2p"]


def test_a_partial_of_the_next_utterance_replaces_one_of_the_last() -> None:
    scheduler = filled(partial("a1"))
    assert names(scheduler.add(partial("a2"))) == ["a1p"]
    assert take(scheduler, 8) == ["a2p"]


def test_a_final_makes_the_partial_of_its_utterance_superfluous() -> None:
    scheduler = filled(partial("a1"), partial("b1"))
    assert names(scheduler.add(final("a1"))) == ["a1p"]
    assert take(scheduler, 8) == ["a1"]
    assert take(scheduler, 8) == ["b1p"]


def test_a_final_leaves_the_partial_of_a_later_utterance() -> None:
    scheduler = filled(partial("a2"))
    assert scheduler.add(final("a1")) == []
    assert take(scheduler, 8) == ["a1"]
    assert take(scheduler, 8) == ["a2p"]


def test_a_partial_leaves_the_finals_of_its_session() -> None:
    scheduler = filled(final("a1"))
    assert scheduler.add(partial("a2")) == []
    assert len(scheduler) == 2


def test_every_job_leaves_once_whether_taken_or_replaced() -> None:
    scheduler = Scheduler()
    waiting: set[str] = set()
    for number in range(1, 10):
        for session in "abc":
            for each in (partial(f"{session}{number}"), partial(f"{session}{number}+")):
                waiting.add(each.id)
                waiting -= {gone.id for gone in scheduler.add(each)}
            last = final(f"{session}{number}")
            waiting.add(last.id)
            waiting -= {gone.id for gone in scheduler.add(last)}
            assert len(scheduler) == len(waiting)
        taken = scheduler.next_batch(lambda job: 2, free=1 + number % 3).jobs
        assert {each.id for each in taken} <= waiting
        waiting -= {each.id for each in taken}
    while taken := scheduler.next_batch(lambda job: 1000).jobs:
        assert len({each.session for each in taken}) == len(taken)
        assert {each.id for each in taken} <= waiting
        waiting -= {each.id for each in taken}
    assert not waiting
    assert len(scheduler) == 0


def test_a_job_to_be_tried_alone_goes_first_and_by_itself() -> None:
    scheduler = filled(final("a1"), partial("b1"))
    scheduler.add_alone(final("c1"))
    scheduler.add_alone(final("d1"))
    assert len(scheduler) == 4
    assert take(scheduler, 8) == ["c1"]
    assert take(scheduler, 8) == ["d1"]
    assert take(scheduler, 8) == ["a1"]
    assert take(scheduler, 8) == ["b1p"]


def test_a_job_to_be_tried_alone_waits_until_nothing_else_is_under_way_and_all_wait_for_it() -> (
    None
):
    scheduler = filled(final("a1"))
    scheduler.add_alone(final("c1"))
    assert take(scheduler, 8, free=1, idle=False) == []
    assert len(scheduler) == 2
    assert take(scheduler, 8, free=2) == ["c1"]
    assert take(scheduler, 8, free=1, idle=False) == ["a1"]


# -- speculative finals -------------------------------------------------------------------------


def test_a_speculative_final_takes_its_turn_among_the_partials_behind_all_finals() -> None:
    scheduler = filled(
        partial("a1"), speculative("b1"), partial("c1"), speculative("d1"), final("e1")
    )
    assert take(scheduler, 8) == ["e1"]
    assert take(scheduler, 8) == ["a1p", "c1p"]  # never beside a partial in one batch
    assert take(scheduler, 8) == ["b1", "d1"]


def test_a_speculative_final_replaces_the_partial_that_waits_and_takes_its_place() -> None:
    scheduler = filled(partial("a1"), partial("b1"))
    assert names(scheduler.add(speculative("a1"))) == ["a1p"]
    assert take(scheduler, 8) == ["a1"]
    assert take(scheduler, 8) == ["b1p"]


def test_one_that_is_waited_for_goes_before_the_partials() -> None:
    scheduler = filled(partial("a1"), speculative("b1"), partial("c1"))
    assert scheduler.promote(final("b1"))
    assert len(scheduler) == 3
    assert take(scheduler, 8) == ["b1"]
    assert take(scheduler, 8) == ["a1p", "c1p"]


def test_what_does_not_wait_cannot_be_hurried() -> None:
    scheduler = filled(speculative("a1"), partial("b1"))
    assert take(scheduler, 1) == ["a1"]
    assert not scheduler.promote(final("a1"))
    assert not scheduler.promote(final("b1"))
    assert not scheduler.promote(final("x1"))
    assert take(scheduler, 8) == ["b1p"]


def test_a_speculative_final_is_never_replaced_by_a_partial() -> None:
    scheduler = filled(speculative("a1"))
    assert names(scheduler.add(partial("a2"))) == ["a2p"]
    assert take(scheduler, 8) == ["a1"]


def test_a_speculative_final_that_finds_its_place_taken_is_not_lost() -> None:
    scheduler = filled(partial("a2"), speculative("b1"))
    assert scheduler.add(speculative("a1")) == []
    assert scheduler.add(speculative("b1+")) == []
    assert len(scheduler) == 4
    assert take(scheduler, 8) == ["a1", "b1+"]


def test_a_speculative_final_is_taken_back_and_forgotten_with_its_session() -> None:
    scheduler = filled(speculative("a1"), speculative("b1"))
    assert not scheduler.discard(speculative("a2").id, "a")
    assert scheduler.discard(speculative("a1").id, "a")
    assert names(scheduler.discard_session("b")) == ["b1"]
    assert len(scheduler) == 0


# -- jobs that are taken back -------------------------------------------------------------------


def test_a_final_that_is_taken_back_is_not_decoded() -> None:
    scheduler = filled(final("a1"), final("a2"), final("a3"), final("b1"))
    assert scheduler.discard(final("a2").id, "a")
    assert not scheduler.discard(final("a2").id, "a")
    assert len(scheduler) == 3
    assert take(scheduler, 8) == ["a1", "b1"]
    assert take(scheduler, 8) == ["a3"]


def test_the_only_final_of_a_session_that_is_taken_back_leaves_nothing() -> None:
    scheduler = filled(final("a1"), partial("b1"))
    assert scheduler.discard(final("a1").id, "a")
    assert len(scheduler) == 1
    assert take(scheduler, 8) == ["b1p"]
    assert take(scheduler, 8) == []


def test_one_that_was_handed_over_cannot_be_taken_back() -> None:
    scheduler = filled(final("a1"))
    assert take(scheduler, 8) == ["a1"]
    assert not scheduler.discard(final("a1").id, "a")
    assert not scheduler.discard("x/1/512/final", "x")


def test_one_to_be_tried_alone_is_taken_back_too() -> None:
    scheduler = filled(final("a2"))
    scheduler.add_alone(final("a1"))
    scheduler.add_alone(final("b1"))
    assert scheduler.discard(final("a1").id, "a")
    assert take(scheduler, 8) == ["b1"]
    assert take(scheduler, 8) == ["a2"]


def test_taking_one_back_leaves_its_session_in_its_place() -> None:
    scheduler = filled(final("a1"), final("a2"), final("b1"))
    assert scheduler.discard(final("a1").id, "a")
    assert take(scheduler, 1) == ["a2"]
    assert take(scheduler, 1) == ["b1"]


def test_the_jobs_of_a_session_that_has_gone_are_forgotten() -> None:
    scheduler = filled(final("a1"), final("a2"), final("b1"), partial("a3"), partial("b2"))
    scheduler.add_alone(final("a0"))
    scheduler.add_alone(final("b0"))
    assert sorted(names(scheduler.discard_session("a"))) == ["a0", "a1", "a2", "a3p"]
    assert scheduler.discard_session("a") == []
    assert take(scheduler, 8) == ["b0"]
    assert take(scheduler, 8) == ["b1"]
    assert take(scheduler, 8) == ["b2p"]
