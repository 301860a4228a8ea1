"""Whose turn it is: owners, piles of finals, and who can wait."""

from collections import Counter
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.engine.scheduler import MANY, PATIENCE, PILE, Owner, Rank, Scheduler
from surtitle.jobs import Job
from tests.engine.test_scheduler import filled, final, names, partial, speculative, take

ANN, BOB, EVE = Owner("ann"), Owner("bob"), Owner("eve")


def placed(*jobs: Job, **owners: Owner) -> Scheduler:
    """A scheduler with these jobs; `owners` says whose each session is."""
    scheduler = Scheduler()
    for session, owner in owners.items():
        scheduler.place(session, owner)
    for job in jobs:
        scheduler.add(job)
    return scheduler


def drained(scheduler: Scheduler, limit: int = 1) -> list[str]:
    """Everything in the order in which it goes."""
    order = []
    while batch := take(scheduler, limit):
        order += batch
    return order


# -- owners take turns --------------------------------------------------------------------------


def test_one_who_has_many_sessions_gets_as_much_as_one_who_has_one() -> None:
    crowd = [final(f"{session}1") for session in "abcde"]
    scheduler = placed(
        *crowd, final("x1"), final("x2"), final("x3"), **dict.fromkeys("abcde", EVE), x=BOB
    )
    assert drained(scheduler) == ["a1", "x1", "b1", "x2", "c1", "x3", "d1", "e1"]


def test_partials_take_turns_by_owner_too() -> None:
    crowd = [partial(f"{session}1") for session in "abc"]
    scheduler = placed(*crowd, partial("x1"), **dict.fromkeys("abc", EVE), x=BOB)
    assert drained(scheduler) == ["a1p", "x1p", "b1p", "c1p"]


def test_who_comes_new_waits_for_one_turn_of_each() -> None:
    scheduler = placed(
        *(final(f"{session}{number}") for session in "abc" for number in (1, 2)),
        a=ANN,
        b=BOB,
        c=EVE,
    )
    assert take(scheduler, 1) == ["a1"]
    scheduler.place("x", Owner("new"))
    scheduler.add(final("x1"))
    assert drained(scheduler)[:4] == ["b1", "c1", "a2", "x1"]


def test_a_batch_fills_from_all_owners_first_and_then_from_their_sessions() -> None:
    crowd = [final(f"{session}1") for session in "abcde"]
    scheduler = placed(
        *crowd, final("x1"), final("y1"), **dict.fromkeys("abcde", EVE), x=BOB, y=ANN
    )
    assert take(scheduler, 4) == ["a1", "x1", "y1", "b1"]
    assert take(scheduler, 4) == ["c1", "d1", "e1"]


def test_what_waits_of_all_owners_is_spread_over_the_batches() -> None:
    crowd = [final(f"{session}1") for session in "abcde"]
    scheduler = placed(*crowd, final("x1"), **dict.fromkeys("abcde", EVE), x=BOB)
    assert take(scheduler, 8, free=2) == ["a1", "x1", "b1"]
    assert take(scheduler, 8, free=1) == ["c1", "d1", "e1"]


def test_a_session_that_changes_hands_takes_along_what_waits() -> None:
    scheduler = placed(final("a1"), partial("a2"), final("b1"), a=ANN, b=ANN)
    scheduler.place("a", BOB)
    assert len(scheduler) == 3
    assert drained(scheduler) == ["b1", "a1", "a2p"]
    assert scheduler.owner_of("a") == BOB
    scheduler.discard_session("a")
    assert scheduler.owner_of("a") == Owner()


def test_jobs_are_taken_back_hurried_and_forgotten_whosever_they_are() -> None:
    scheduler = placed(
        final("a1"), speculative("b1"), partial("c1"), final("d1"), a=ANN, b=BOB, c=EVE
    )
    assert scheduler.promote(final("b1"))
    assert scheduler.discard(final("a1").id, "a")
    assert names(scheduler.discard_session("c")) == ["c1p"]
    assert drained(scheduler) == ["b1", "d1"]
    assert not scheduler._owners


# -- piles --------------------------------------------------------------------------------------


def pile(session: str, count: int = PILE) -> list[Job]:
    return [final(f"{session}{number}") for number in range(1, count + 1)]


@pytest.mark.parametrize("owner", [ANN, BOB], ids=["of the same", "of another"])
def test_a_pile_of_finals_does_not_keep_others_from_their_partials(owner: Owner) -> None:
    scheduler = placed(*pile("a", 9), partial("x1"), a=ANN, x=owner)
    assert "x1p" in drained(scheduler)[:2]


@pytest.mark.parametrize("owner", [ANN, BOB], ids=["of the same", "of another"])
def test_the_final_of_one_who_has_none_goes_before_a_pile(owner: Owner) -> None:
    scheduler = placed(*pile("a", 9), a=ANN, x=owner)
    scheduler.add(final("x1"))
    assert take(scheduler, 1) == ["x1"]


def test_a_pile_leaves_in_order_and_is_one_no_more_when_it_is_small() -> None:
    scheduler = placed(*pile("a"), partial("x1"), partial("y1"), a=ANN, x=BOB, y=EVE)
    assert drained(scheduler) == ["a1", "a2", "a3", "a4", "x1p", "y1p"]


def test_many_sessions_of_one_owner_do_not_keep_others_from_their_partials() -> None:
    crowd = [final(f"{session}1") for session in "abcdefghijkl"]
    assert len(crowd) > MANY
    sessions = dict.fromkeys("abcdefghijkl", EVE)
    scheduler = placed(*crowd, partial("x1"), x=BOB, **sessions)
    assert "x1p" in drained(scheduler)[:2]
    alone = placed(*crowd, partial("l2"), **sessions)
    assert drained(alone)[-1] == "l2p"  # his own come behind his finals, as always


# -- who can wait -------------------------------------------------------------------------------


PATIENT = Owner("eve", patient=True)
YIELDING = (Rank.MANY, Rank.PATIENT)


def test_who_can_wait_goes_behind_the_partials_of_others() -> None:
    scheduler = placed(
        *pile("a", 2), final("b1"), partial("x1"), partial("y1"), a=PATIENT, b=PATIENT
    )
    scheduler.add(final("z1"))
    assert drained(scheduler) == ["z1", "x1p", "y1p", "a1", "b1", "a2"]


def test_who_can_wait_is_not_passed_over_for_ever() -> None:
    scheduler = placed(final("a1"), a=PATIENT)
    order = []
    for _ in range(PATIENCE[Rank.PATIENT] + 2):
        scheduler.add(partial("x1"))
        order += take(scheduler, 1)
    assert order == ["x1p"] * PATIENCE[Rank.PATIENT] + ["a1", "x1p"]


def test_a_place_can_be_kept_from_who_gives_way() -> None:
    scheduler = placed(final("a1"), partial("b1"), a=PATIENT, b=PATIENT)
    assert take(scheduler, 8, speaking=["bob"], kept_from=YIELDING) == []
    scheduler.add(partial("x1"))
    assert take(scheduler, 8, speaking=["bob"], kept_from=YIELDING) == ["x1p"]
    assert drained(scheduler) == ["a1", "b1p"]


def test_who_waits_again_is_served_as_others_are() -> None:
    scheduler = placed(final("a1"), a=PATIENT)
    scheduler.place("a", EVE)
    assert take(scheduler, 1, speaking=["bob"], kept_from=YIELDING) == ["a1"]


def crowd(owner: Owner, sessions: str = "abcdefghijkl") -> Scheduler:
    """One of whom more finals wait than he can be served with."""
    assert len(sessions) > MANY
    jobs = [final(f"{session}1") for session in sessions]
    return placed(*jobs, **dict.fromkeys(sessions, owner))


def test_of_whom_many_finals_wait_leaves_the_last_place_to_others() -> None:
    scheduler = crowd(EVE)
    assert scheduler.rank(EVE, ["eve", "bob"]) is Rank.MANY
    assert take(scheduler, 8, speaking=["eve", "bob"], kept_from=YIELDING) == []
    scheduler.place("x", BOB)
    scheduler.add(partial("x1"))
    assert take(scheduler, 8, speaking=["eve", "bob"], kept_from=YIELDING) == ["x1p"]
    assert len(drained(scheduler)) == 12


@pytest.mark.parametrize("speaking", [["eve"], []])
def test_a_crowd_that_is_alone_has_all_places(speaking: list[str]) -> None:
    scheduler = crowd(EVE)
    assert scheduler.rank(EVE, speaking) is Rank.SPEAKS
    assert len(take(scheduler, 8, speaking=speaking, kept_from=YIELDING)) == 8


def test_crowds_do_not_wait_for_each_other() -> None:
    scheduler = crowd(EVE, "abcdefghi")
    for session in "jklmnopqr":
        scheduler.place(session, BOB)
        scheduler.add(final(f"{session}1"))
    assert scheduler.rank(EVE, ["eve", "bob"]) is Rank.SPEAKS
    assert len(take(scheduler, 8, speaking=["eve", "bob"], kept_from=YIELDING)) == 8


def test_a_crowd_goes_behind_the_partials_of_others_but_not_for_ever() -> None:
    scheduler, order = crowd(EVE), list[str]()
    scheduler.place("x", BOB)
    for _ in range(2 * PATIENCE[Rank.MANY] + 2):
        scheduler.add(partial("x1"))
        order += take(scheduler, 1, speaking=["eve", "bob"])
    turn = ["x1p"] * PATIENCE[Rank.MANY]
    assert order == [*turn, "a1", *turn, "b1"]


def test_guesses_make_a_crowd_too() -> None:
    sessions = "abcdefghijkl"
    scheduler = placed(
        *(speculative(f"{each}1") for each in sessions), **dict.fromkeys(sessions, EVE)
    )
    assert scheduler.rank(EVE, ["bob"]) is Rank.MANY


@pytest.mark.parametrize(("partials", "rank"), [(2 * MANY, Rank.SPEAKS), (2 * MANY + 2, Rank.MANY)])
def test_of_partials_two_count_as_one(partials: int, rank: Rank) -> None:
    sessions = ascii_lowercase[:partials]
    scheduler = placed(*(partial(f"{each}1") for each in sessions), **dict.fromkeys(sessions, EVE))
    assert scheduler.rank(EVE, ["bob"]) is rank


def test_few_sessions_with_many_finals_are_a_crowd_too() -> None:
    few = "abc"
    finals = [final(f"{each}{number}") for each in few for number in (1, 2, 3)]
    assert len(finals) == MANY + 1
    scheduler = placed(*finals, partial("x1"), x=BOB, **dict.fromkeys(few, EVE))
    assert take(scheduler, 1, speaking=["eve", "bob"]) == ["x1p"]


def test_the_finals_of_a_file_make_no_crowd_of_who_speaks_beside_it() -> None:
    scheduler = placed(*pile("a", 3 * MANY), partial("b1"), a=PATIENT, b=EVE)
    assert scheduler.rank(EVE, ["eve", "bob"]) is Rank.SPEAKS


def test_what_is_patient_has_its_turns_beside_a_crowd() -> None:
    sessions = "abcdefghijkl"
    finals = [final(f"{each}{number}") for each in sessions for number in (1, 2, 3)]
    files = Owner("files", patient=True)
    scheduler = placed(*finals, final("x1"), **dict.fromkeys(sessions, EVE), x=files)
    order = list[str]()
    for _ in range(PATIENCE[Rank.PATIENT] + 2):
        order += take(scheduler, 1, speaking=["eve", "bob"], kept_from=[Rank.PATIENT])
    assert "x1" in order


def test_what_is_patient_counts_for_a_crowd_too() -> None:
    scheduler = crowd(PATIENT)
    scheduler.place("y", EVE)
    scheduler.add(partial("y1"))
    assert scheduler.rank(EVE, ["eve", "bob"]) is Rank.MANY
    drained(scheduler)
    assert scheduler.rank(EVE, ["eve", "bob"]) is Rank.SPEAKS
    assert not scheduler._crowds


def test_the_last_place_alone_is_kept() -> None:
    scheduler = crowd(EVE)
    assert len(take(scheduler, 4, free=2, speaking=["eve", "bob"], kept_from=YIELDING)) == 2
    assert take(scheduler, 4, free=1, speaking=["eve", "bob"], kept_from=YIELDING) == []
    assert len(take(scheduler, 4, free=1, speaking=["eve", "bob"], kept_from=[Rank.PATIENT])) == 2


def test_who_is_held_begins_only_where_he_was_passed_over_often_enough() -> None:
    scheduler = crowd(PATIENT)
    held = [Rank.PATIENT]
    assert take(scheduler, 4, free=2, held=held) == []
    scheduler.place("y", EVE)
    order = list[str]()
    for number in range(PATIENCE[Rank.PATIENT] + 2):
        scheduler.add(partial(f"y{number % 9 + 1}"))
        order += take(scheduler, 1, speaking=["eve"], held=held)
    assert [each for each in order if not each.startswith("y")] == order[-2:-1]
    assert len(take(scheduler, 4, free=2)) > 0


def test_batches_of_who_gives_way_are_half_as_large_while_somebody_speaks() -> None:
    assert len(take(crowd(EVE), 8, speaking=["eve", "bob"])) == 4
    assert len(take(crowd(PATIENT), 8, speaking=["bob"])) == 4
    assert len(take(crowd(PATIENT), 8)) == 8
    assert len(take(crowd(EVE), 8, speaking=["eve"])) == 8


def test_a_batch_tells_who_gives_way() -> None:
    scheduler = crowd(EVE)
    scheduler.place("x", BOB)
    scheduler.add(partial("x1"))
    ranks = [scheduler.next_batch(lambda job: 8, speaking=["eve", "bob"]).rank for _ in range(2)]
    assert ranks == [Rank.SPEAKS, Rank.MANY]


def test_how_many_are_too_many_depends_on_the_worker() -> None:
    scheduler = crowd(EVE)
    scheduler.many = 16
    assert scheduler.rank(EVE, ["bob"]) is Rank.SPEAKS


def test_a_crowd_that_has_been_served_is_none_any_more() -> None:
    scheduler = crowd(EVE)
    assert scheduler.rank(EVE, ["bob"]) is Rank.MANY
    take(scheduler, 12 - MANY // 2 - 1)
    assert scheduler.rank(EVE, ["bob"]) is Rank.MANY  # it is not to come and go
    take(scheduler, 1)
    assert scheduler.rank(EVE, ["bob"]) is Rank.SPEAKS


# -- in any order -------------------------------------------------------------------------------

SESSIONS = "abcdef"
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["partial", "final", "speculative"]), st.sampled_from(SESSIONS)),
        st.tuples(st.just("place"), st.sampled_from(SESSIONS)),
        st.tuples(st.just("gone"), st.sampled_from(SESSIONS)),
        st.tuples(st.just("take"), st.sampled_from("123")),
    ),
    max_size=80,
)


@given(steps)
def test_every_job_leaves_once_and_nothing_is_left_behind(steps: list[tuple[str, str]]) -> None:
    scheduler = Scheduler()
    waiting: dict[str, Job] = {}
    numbers: Counter[str] = Counter()
    for what, who in steps:
        if what in ("partial", "final", "speculative"):
            numbers[who] = numbers[who] % 9 + 1
            job = {"partial": partial, "final": final, "speculative": speculative}[what](
                f"{who}{numbers[who]}"
            )
            if job.id in waiting:
                continue
            waiting[job.id] = job
            for gone in scheduler.add(job):
                del waiting[gone.id]
        elif what == "place":
            owner = Owner("xyz"[len(waiting) % 3], patient=len(waiting) % 2 == 1)
            scheduler.place(who, owner)
        elif what == "gone":
            for gone in scheduler.discard_session(who):
                del waiting[gone.id]
        else:
            batch = scheduler.next_batch(lambda job: 2, free=int(who)).jobs
            assert len({job.session for job in batch}) == len(batch)
            assert len({(job.kind, job.window_s) for job in batch}) <= 1
            for job in batch:
                del waiting[job.id]
        assert len(scheduler) == len(waiting)
    while batch := scheduler.next_batch(lambda job: 2).jobs:
        for job in batch:
            del waiting[job.id]
    assert not waiting
    assert not scheduler._owners


@given(st.lists(st.sampled_from(SESSIONS), min_size=1, max_size=40))
def test_nobody_waits_for_more_than_a_turn_of_each_owner(arrivals: list[str]) -> None:
    """Each has a first job of his own; all others have as many as they like."""
    owners = {session: Owner(session) for session in SESSIONS}
    scheduler = placed(**owners)
    numbers: Counter[str] = Counter()
    for session in arrivals:
        if numbers[session] < 9:
            numbers[session] += 1
            scheduler.add(final(f"{session}{numbers[session]}"))
    scheduler.place("x", Owner("x"))
    scheduler.add(final("x1"))
    assert drained(scheduler).index("x1") <= len(SESSIONS)


def test_one_owner_alone_is_served_as_if_there_were_none() -> None:
    """The same order, whether anybody was placed or not."""
    jobs = [
        final("a1"),
        partial("b1"),
        speculative("c1"),
        final("d1", 10.0),
        final("a2"),
        partial("e1"),
    ]
    owned = placed(*jobs, **dict.fromkeys("abcde", ANN))
    assert drained(owned, 2) == drained(filled(*jobs), 2)
