"""The way of a connection to its end: forward, and never back."""

from itertools import pairwise

import pytest

from surtitle.gateway.stage import Stage, next_stage

IN_ORDER = [Stage.SERVING, Stage.DRAINING, Stage.ENDING, Stage.CLOSING, Stage.GONE]


def test_there_are_no_others() -> None:
    assert set(IN_ORDER) == set(Stage)


@pytest.mark.parametrize(("now", "later"), list(pairwise(IN_ORDER)))
def test_a_stage_goes_on_to_the_next_and_not_back(now: Stage, later: Stage) -> None:
    assert next_stage(now, later) is later
    assert next_stage(later, now) is later


@pytest.mark.parametrize("now", IN_ORDER)
def test_any_may_be_the_last_and_none_begins_twice(now: Stage) -> None:
    assert next_stage(now, Stage.GONE) is Stage.GONE
    assert next_stage(now, now) is now


def test_one_that_ends_by_a_mistake_is_not_drained() -> None:
    """It takes nothing any more, whatever the server does."""
    assert next_stage(Stage.ENDING, Stage.DRAINING) is Stage.ENDING
    assert next_stage(Stage.SERVING, Stage.CLOSING) is Stage.CLOSING
