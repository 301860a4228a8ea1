"""A pool of engines that do what the test says: each job is answered once, whatever becomes of them."""

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import assume
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from surtitle.engine.engine import OnLoad, OnState
from surtitle.engine.pool import EnginePool
from surtitle.engine.scheduler import Owner
from surtitle.engine.states import EngineState
from surtitle.jobs import ENGINE_FAILED, QUARANTINED, Job, JobKind, Result
from tests.engine.jobs import job
from tests.engine.scripted import MODEL, Scripted

READY, LOADING, RECOVERING = EngineState.READY, EngineState.LOADING, EngineState.RECOVERING
BROKEN, FAILED = EngineState.BROKEN, EngineState.FAILED


class Pool:
    """A pool of scripted members, and what came of it."""

    def __init__(self, *states: EngineState) -> None:
        self.states: list[EngineState] = []
        self.results: list[Result] = []
        self.members: list[Scripted] = []
        self.engine = EnginePool([self._make] * len(states), self.states.append)
        for member, state in zip(self.members, states, strict=True):
            member.turn(state)

    def _make(self, on_state: OnState, on_load: OnLoad) -> Scripted:
        self.members.append(Scripted(f"m{len(self.members)}", on_state, on_load))
        return self.members[-1]

    def submit(self, job: Job) -> Job:
        self.engine.submit(job, self.results.append)
        return job

    @property
    def held(self) -> list[list[str]]:
        """What each member has, as it has it."""
        return [list(member.held) for member in self.members]


def test_what_a_member_owes_goes_to_others_when_it_is_gone() -> None:
    pool = Pool(READY, READY)
    first, second = pool.submit(job("a")), pool.submit(job("b"))
    assert pool.held == [[first.id], [second.id]]
    pool.members[0].turn(RECOVERING)
    assert pool.held == [[], [second.id, first.id]]
    pool.members[1].answer(first.id)
    pool.members[0].stale[0][1](Result(first.id, text="too late"))
    assert [result.text for result in pool.results] == ["by m1"]


def test_who_took_over_knows_whose_the_session_is() -> None:
    pool = Pool(READY, READY)
    pool.engine.place("a", Owner("somebody", patient=True))
    pool.submit(job("a"))
    assert pool.members[1].owners == {}
    pool.members[0].turn(RECOVERING)
    assert pool.members[1].owners == {"a": Owner("somebody", patient=True)}
    pool.engine.place("a", Owner("somebody"))
    assert pool.members[1].owners == {"a": Owner("somebody")}
    pool.engine.discard_session("a")
    assert [member.owners for member in pool.members] == [{}, {}]
    assert pool.held == [[], []]


def test_a_final_that_was_under_way_is_decoded_alone_and_given_up_the_second_time() -> None:
    pool = Pool(READY, READY, READY)
    final = pool.submit(job("a"))
    pool.members[0].under_way.add(final.id)
    pool.members[0].turn(RECOVERING)
    assert pool.members[1].held[final.id][0].alone
    pool.members[1].under_way.add(final.id)
    pool.members[1].turn(RECOVERING)
    assert pool.held == [[], [], []]
    assert [result.error_code for result in pool.results] == [QUARANTINED]


def test_a_final_that_waited_for_its_second_try_has_it_elsewhere() -> None:
    pool = Pool(READY, READY, READY)
    final = pool.submit(job("a"))
    pool.members[0].under_way.add(final.id)
    pool.members[0].turn(RECOVERING)
    pool.members[1].turn(RECOVERING)
    assert pool.members[2].held[final.id][0].alone


def test_a_partial_that_was_under_way_is_dropped() -> None:
    pool = Pool(READY, READY)
    partial = pool.submit(job("a", kind="partial"))
    pool.members[0].under_way.add(partial.id)
    pool.members[0].turn(RECOVERING)
    assert [result.dropped for result in pool.results] == ["worker_died"]
    assert pool.held == [[], []]


def test_what_waits_where_nobody_is_ready_goes_to_the_first_who_is() -> None:
    pool = Pool(READY, LOADING)
    pool.members[0].turn(RECOVERING)
    final = pool.submit(job("a"))
    assert pool.held == [[final.id], []]
    assert pool.states == [READY, RECOVERING]
    pool.members[1].turn(READY)
    assert pool.held == [[], [final.id]]
    assert pool.states == [READY, RECOVERING, READY]


def test_sessions_hear_nothing_of_a_member_that_others_stand_in_for() -> None:
    pool = Pool(READY, READY)
    pool.members[0].turn(RECOVERING)
    pool.members[0].turn(BROKEN)
    pool.members[0].turn(READY)
    assert pool.states == [READY]


def test_an_engine_that_has_given_up_is_stood_in_for() -> None:
    pool = Pool(LOADING, LOADING)
    final = pool.submit(job("a"))
    pool.members[0].failure = "No such device."
    _, deliver = pool.members[0].held.pop(final.id)
    pool.members[0].state = FAILED
    deliver(Result(final.id, error_code=ENGINE_FAILED))
    pool.members[0].on_state(FAILED)
    pool.members[1].turn(READY)
    pool.members[1].answer(final.id)
    assert [result.text for result in pool.results] == ["by m1"]
    assert pool.engine.failure is None


def test_a_pool_has_failed_where_all_have() -> None:
    pool = Pool(LOADING, LOADING)
    for member in pool.members:
        member.failure = "No such device."
        member.turn(FAILED)
    assert pool.states == [FAILED]
    assert pool.engine.failure == "No such device."


def test_a_member_that_hears_other_languages_waits_until_it_is_alone() -> None:
    pool = Pool(READY, LOADING)
    pool.members[1].model = replace(MODEL, name="other", languages=("en", "de"))
    pool.members[1].state = READY
    pool.members[1].on_state(READY)
    jobs = [pool.submit(job(session)) for session in "abcd"]
    assert pool.held == [[each.id for each in jobs], []]
    pool.members[0].turn(RECOVERING)
    assert pool.held == [[], [each.id for each in jobs]]
    assert pool.engine.model is pool.members[1].model
    assert pool.states == [READY]


async def test_one_with_another_model_takes_over_when_the_last_of_the_old_one_is_removed() -> None:
    pool = Pool(READY, LOADING)
    pool.members[1].model = replace(MODEL, name="other", languages=("en", "de"))
    pool.members[1].state = READY
    pool.members[1].on_state(READY)
    job_of_a = pool.submit(job("a"))
    await pool.engine.remove(1)
    assert pool.engine.state is READY
    assert pool.held[1] == [job_of_a.id]


def test_it_is_overloaded_where_nobody_has_room() -> None:
    pool = Pool(READY, READY, RECOVERING)
    pool.members[0].overloaded.add("x")
    assert not pool.engine.overloaded_for("x")
    pool.members[1].overloaded.add("x")
    assert pool.engine.overloaded_for("x")
    assert not pool.engine.overloaded_for("y")
    pool.members[0].utilization = 0.5
    assert pool.engine.utilization == 0.25


def test_a_speculative_final_that_is_waited_for_is_so_wherever_it_goes() -> None:
    pool = Pool(READY, READY)
    final = pool.submit(replace(job("a"), speculative=True))
    pool.members[0].under_way.add(final.id)
    pool.members[0].turn(RECOVERING)
    pool.engine.promote(replace(final, speculative=False))
    moved, _ = pool.members[1].held[final.id]
    assert moved.alone
    assert not moved.speculative


class Anything(RuleBasedStateMachine):
    """Members come and go, hang and answer late, while sessions ask and take back."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool(READY, READY, READY)
        self.asked = 0
        self.owed: dict[str, Job] = {}
        self.taken_back: set[str] = set()
        self.answers: list[str] = []

    @rule(
        session=st.sampled_from("abcd"),
        kind=st.sampled_from(["partial", "final"]),
        late=st.booleans(),
    )
    def submit(self, session: str, kind: JobKind, late: bool) -> None:
        self.asked += 1
        number = max(self.asked // 5 - late, 0)
        asked = replace(job(session, number, kind), id=f"{session}/{self.asked}")
        self.owed[asked.id] = asked

        def deliver(result: Result) -> None:
            self.answers.append(result.job_id)
            assert result.job_id == asked.id
            del self.owed[asked.id]

        self.pool.engine.submit(asked, deliver)

    @precondition(lambda self: self.owed)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.owed)))
        self.taken_back.add(job_id)
        self.pool.engine.cancel(self.owed.pop(job_id))

    @precondition(lambda self: self.owed)
    @rule(data=st.data())
    def promote(self, data: st.DataObject) -> None:
        self.pool.engine.promote(self.owed[data.draw(st.sampled_from(sorted(self.owed)))])

    @rule(session=st.sampled_from("abcd"))
    def leave(self, session: str) -> None:
        gone = [job_id for job_id, job in self.owed.items() if job.session == session]
        self.taken_back.update(gone)
        for job_id in gone:
            del self.owed[job_id]
        self.pool.engine.discard_session(session)

    @rule(data=st.data(), member=st.integers(0, 2))
    def begin(self, data: st.DataObject, member: int) -> None:
        held = self.pool.members[member].held
        assume(held)
        self.pool.members[member].under_way.add(data.draw(st.sampled_from(sorted(held))))

    @rule(data=st.data(), member=st.integers(0, 2))
    def answer(self, data: st.DataObject, member: int) -> None:
        held = self.pool.members[member].held
        assume(held)
        self.pool.members[member].answer(data.draw(st.sampled_from(sorted(held))))

    @rule(data=st.data(), member=st.integers(0, 2))
    def answer_late(self, data: st.DataObject, member: int) -> None:
        scripted = self.pool.members[member]
        forgotten = [entry for entry in scripted.stale if entry[0] not in scripted.held]
        assume(forgotten)
        job_id, deliver = data.draw(st.sampled_from(forgotten))
        deliver(Result(job_id, text="late"))

    @rule(member=st.integers(0, 2), state=st.sampled_from([READY, RECOVERING, BROKEN]))
    def turn(self, member: int, state: EngineState) -> None:
        self.pool.members[member].turn(state)

    @invariant()
    def each_job_is_with_one_member_that_can_answer_it(self) -> None:
        held = [job_id for member in self.pool.members for job_id in member.held]
        assert sorted(held) == sorted(self.owed)
        if any(member.state is READY for member in self.pool.members):
            assert all(m.state is READY for m in self.pool.members if m.held)

    @invariant()
    def nothing_is_answered_twice_or_after_it_was_taken_back(self) -> None:
        assert len(set(self.answers)) == len(self.answers)
        assert not self.taken_back & set(self.answers)

    def teardown(self) -> None:
        for member in self.pool.members:
            member.turn(READY)
        for member in self.pool.members:
            for job_id in list(member.held):
                member.answer(job_id)
        assert not self.owed
        assert len(self.answers) + len(self.taken_back) == self.asked
        for session in "abcd":
            self.pool.engine.discard_session(session)
        engine = self.pool.engine
        assert not (engine._owed or engine._owners or engine._known or engine._placement._homes)


TestAnything = Anything.TestCase
