"""How much of what all share one connection may take."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from surtitle.gateway.budget import (
    MAX_DEBT_S,
    MIN_SHARE,
    TURN_S,
    WORK_AT_ONCE_S,
    WORK_SHARE,
    InputBudget,
    allowance,
)
from surtitle.runtime.allowance import Allowance


@dataclass
class Sender:
    """A connection, each slice of whose input costs so much."""

    name: str
    cost_s: float
    slices: int
    budget: InputBudget
    done: list[tuple[str, float]]
    work: Allowance = field(default_factory=allowance)
    now_s: float = 0.0

    def take_slice(self) -> bool:
        self.slices -= 1
        self.budget.charge(self.work, self.cost_s, self.now_s)
        self.done.append((self.name, self.now_s))
        return self.slices > 0


class Loop:
    """An event loop that has nothing else to do."""

    def __init__(self, **senders: tuple[float, int]) -> None:
        self.budget = InputBudget()
        self.done: list[tuple[str, float]] = []
        self.now_s = 0.0
        self.turns_s: list[float] = []
        for name, (cost_s, slices) in senders.items():
            self.budget.wait(Sender(name, cost_s, slices, self.budget, self.done), 0.0)

    def run(self, until_s: float) -> None:
        while self.now_s < until_s:
            self.budget.begin_turn()
            began_s = self.now_s
            while (holder := self.budget.next_holder(self.now_s)) is not None:
                assert isinstance(holder, Sender)
                holder.now_s = self.now_s
                more = holder.take_slice()
                self.now_s += holder.cost_s
                if more:
                    self.budget.wait(holder, self.now_s)
            self.turns_s.append(self.now_s - began_s)
            due_in_s = self.budget.due_in_s(self.now_s)
            if due_in_s is None:
                return
            self.now_s += max(due_in_s, 0.0001)

    def finished_at_s(self, name: str) -> float:
        return max(at_s for who, at_s in self.done if who == name)


FLOOD = (0.004, 1_000_000)


@pytest.mark.parametrize("floods", [1, 8, 64])
def test_floods_get_a_share_together_and_a_turn_is_short(floods: int) -> None:
    loop = Loop(**{f"flood {number}": FLOOD for number in range(floods)})
    loop.run(20.0)
    worked_s = len(loop.done) * FLOOD[0]
    allowed_s = floods * (WORK_AT_ONCE_S + FLOOD[0] + WORK_SHARE * 20.0)
    assert worked_s <= 0.2 * 20.0 + allowed_s
    assert max(loop.turns_s) <= TURN_S + FLOOD[0]
    assert len({who for who, _ in loop.done}) == floods  # each of them


@pytest.mark.parametrize("floods", [1, 8, 64])
def test_somebody_with_little_is_done_soon_beside_floods(floods: int) -> None:
    others = {f"flood {number}": FLOOD for number in range(floods)}
    loop = Loop(**others, speaker=(0.0001, 15))
    loop.run(0.5)
    assert loop.finished_at_s("speaker") < (floods + 1) * FLOOD[0] + 0.02


def test_a_file_sent_at_once_is_taken_at_once_where_nobody_else_is() -> None:
    loop = Loop(file=(0.00005, 400))
    loop.run(10)
    assert loop.finished_at_s("file") < 0.1


def test_who_has_taken_least_comes_first() -> None:
    budget = InputBudget()
    done: list[tuple[str, float]] = []
    much, little, nothing = (Sender(name, 0.001, 9, budget, done) for name in "mln")
    budget.charge(much.work, 0.003, 10.0)
    budget.charge(little.work, 0.0001, 10.0)
    for each in (much, little, nothing):
        budget.wait(each, 10.0)
    budget.begin_turn()
    assert [budget.next_holder(10.0) for _ in range(4)] == [nothing, little, much, None]


def test_a_turn_that_is_spent_is_over_for_everybody() -> None:
    budget = InputBudget()
    greedy, other = Allowance(1.0, 1.0), Allowance(1.0, 1.0)
    assert budget.may_go_on(other, 1.0)
    budget.charge(greedy, TURN_S, 1.0)
    assert not budget.may_go_on(other, 1.0)
    budget.begin_turn()
    assert budget.may_go_on(other, 1.0)
    assert budget.due_in_s(1.0) is None


def test_time_that_others_took_counts_for_the_turn_alone() -> None:
    budget, work = InputBudget(), allowance()
    budget.charge(work, TURN_S, 1.0, most_s=0.0001)
    assert not budget.may_go_on(work, 1.0)
    budget.begin_turn()
    assert budget.may_go_on(work, 1.0)


def test_where_there_are_many_each_has_less() -> None:
    def taken_s(members: int) -> float:
        """How much of his own one can take in ten seconds."""
        budget, work, taken, now_s = InputBudget(), allowance(), 0.0, 0.0
        for _ in range(members):
            budget.join()
        while now_s < 10:
            budget.begin_turn()
            if budget.may_go_on(work, now_s):
                budget.charge(work, 0.0001, now_s)
                taken += 0.0001
            now_s += 0.001
        return taken

    assert taken_s(16) == pytest.approx(10 * WORK_SHARE + WORK_AT_ONCE_S, rel=0.1)
    assert taken_s(32) == pytest.approx(taken_s(16) / 2, rel=0.1)
    assert taken_s(1000) == pytest.approx(taken_s(16) * MIN_SHARE / WORK_SHARE, rel=0.1)


@pytest.mark.parametrize("floods", [8, 64])
@pytest.mark.parametrize("members", [4, 100])
def test_what_one_took_while_it_was_free_is_not_held_against_him_for_long(
    floods: int, members: int
) -> None:
    loop = Loop(file=(0.001, 1_000_000))
    for _ in range(members):
        loop.budget.join()
    loop.run(60.0)
    for number in range(floods):
        sender = Sender(f"flood {number}", 0.001, 1_000_000, loop.budget, loop.done)
        loop.budget.wait(sender, loop.now_s)
    loop.run(70.0)
    waits = [b - a for a, b in pairwise(at_s for who, at_s in loop.done if who == "file")]
    assert max(waits) < MAX_DEBT_S + 0.5


def test_who_comes_does_not_go_before_those_that_wait() -> None:
    budget, done = InputBudget(), list[tuple[str, float]]()
    speaker = Sender("speaker", 0.0001, 9, budget, done)
    for now_s in (1.0, 2.0, 3.0):
        budget.charge(speaker.work, 0.0001, now_s)
    budget.wait(speaker, 4.0)
    for number in range(10):
        budget.wait(Sender(f"newcomer {number}", 0.0001, 9, budget, done), 4.1)
    budget.begin_turn()
    assert budget.next_holder(4.2) is speaker


def test_what_is_reserved_is_no_longer_there_for_others_in_this_turn() -> None:
    budget, work = InputBudget(), allowance()
    budget.begin_turn()
    budget.reserve(TURN_S / 2)
    assert budget.may_go_on(work, 0.0)
    budget.reserve(TURN_S / 2)
    assert not budget.may_go_on(work, 0.0)
    budget.begin_turn()
    assert budget.may_go_on(work, 0.0)
