import numpy as np

from surtitle.engine.scheduler import Scheduler
from surtitle.jobs import Job, JobKind, Recipe


def job(name: str, kind: JobKind = "final") -> Job:
    """A job by its name: "a1" is utterance 1 of session a; "a1+" a later job of the same."""
    session, number = name[0], int(name[1])
    return Job(
        id=f"{session}/{name}/{kind}",
        session=session,
        utterance=number,
        kind=kind,
        audio=np.zeros(160, np.int16),
        recipe=Recipe(),
    )


def final(name: str) -> Job:
    return job(name, "final")


def partial(name: str) -> Job:
    return job(name, "partial")


def names(jobs: list[Job]) -> list[str]:
    return [job.id.split("/")[1] + ("p" if job.kind == "partial" else "") for job in jobs]


def filled(*jobs: Job) -> Scheduler:
    scheduler = Scheduler()
    for each in jobs:
        scheduler.add(each)
    return scheduler


def test_nothing_waits_at_first() -> None:
    assert Scheduler().next_batch(4) == []
    assert len(Scheduler()) == 0


def test_a_batch_has_at_most_the_limit() -> None:
    scheduler = filled(final("a1"), final("b1"), final("c1"))
    assert names(scheduler.next_batch(2)) == ["a1", "b1"]
    assert len(scheduler) == 1
    assert names(scheduler.next_batch(2)) == ["c1"]
    assert scheduler.next_batch(2) == []


def test_finals_go_before_partials() -> None:
    scheduler = filled(partial("a1"), partial("b1"), final("c1"))
    assert names(scheduler.next_batch(2)) == ["c1", "a1p"]
    assert names(scheduler.next_batch(2)) == ["b1p"]


def test_sessions_take_turns() -> None:
    scheduler = filled(final("a1"), final("a2"), final("a3"), final("b1"), final("c1"))
    assert names(scheduler.next_batch(2)) == ["a1", "b1"]
    assert names(scheduler.next_batch(2)) == ["c1", "a2"]
    assert names(scheduler.next_batch(2)) == ["a3"]


def test_a_session_alone_may_fill_a_batch_in_order() -> None:
    scheduler = filled(final("a1"), final("a2"), final("a3"))
    assert names(scheduler.next_batch(8)) == ["a1", "a2", "a3"]


def test_a_session_that_comes_back_stands_behind_those_that_wait() -> None:
    scheduler = filled(final("a1"), final("b1"), final("c1"))
    scheduler.next_batch(1)
    scheduler.add(final("a2"))
    assert names(scheduler.next_batch(8)) == ["b1", "c1", "a2"]


def test_a_newer_partial_replaces_the_one_that_waits_and_takes_its_place() -> None:
    scheduler = filled(partial("a1"), partial("b1"))
    assert names(scheduler.add(partial("a1+"))) == ["a1p"]
    assert len(scheduler) == 2
    assert names(scheduler.next_batch(8)) == ["a1+p", "b1p"]


def test_a_partial_of_the_next_utterance_replaces_one_of_the_last() -> None:
    scheduler = filled(partial("a1"))
    assert names(scheduler.add(partial("a2"))) == ["a1p"]
    assert names(scheduler.next_batch(8)) == ["a2p"]


def test_a_final_makes_the_partial_of_its_utterance_superfluous() -> None:
    scheduler = filled(partial("a1"), partial("b1"))
    assert names(scheduler.add(final("a1"))) == ["a1p"]
    assert names(scheduler.next_batch(8)) == ["a1", "b1p"]


def test_a_final_leaves_the_partial_of_a_later_utterance() -> None:
    scheduler = filled(partial("a2"))
    assert scheduler.add(final("a1")) == []
    assert names(scheduler.next_batch(8)) == ["a1", "a2p"]


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
        taken = scheduler.next_batch(2)
        assert {each.id for each in taken} <= waiting
        waiting -= {each.id for each in taken}
    rest = scheduler.next_batch(1000)
    assert {each.id for each in rest} == waiting
    assert len(scheduler) == 0


def test_a_job_to_be_tried_alone_goes_first_and_by_itself() -> None:
    scheduler = filled(final("a1"), partial("b1"))
    scheduler.add_alone(final("c1"))
    scheduler.add_alone(final("d1"))
    assert len(scheduler) == 4
    assert names(scheduler.next_batch(8)) == ["c1"]
    assert names(scheduler.next_batch(8)) == ["d1"]
    assert names(scheduler.next_batch(8)) == ["a1", "b1p"]


def test_the_jobs_of_a_session_that_has_gone_are_forgotten() -> None:
    scheduler = filled(final("a1"), final("a2"), final("b1"), partial("a3"), partial("b2"))
    scheduler.add_alone(final("a0"))
    scheduler.add_alone(final("b0"))
    assert sorted(names(scheduler.discard_session("a"))) == ["a0", "a1", "a2", "a3p"]
    assert scheduler.discard_session("a") == []
    assert names(scheduler.next_batch(8)) == ["b0"]
    assert names(scheduler.next_batch(8)) == ["b1", "b2p"]
