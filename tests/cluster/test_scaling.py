"""How many engines the jobs that they owe ask for."""

from dataclasses import dataclass, field

import pytest

from surtitle.cluster.scaling import OwedJobs


@dataclass
class Context:
    aggregated_metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    target_num_replicas: int = 3


@pytest.mark.parametrize(
    ("owed", "engines"),
    [([8.0], 1), ([16.0], 2), ([12.0, 12.0, 8.0], 4), ([0.0, 4.0], 0.5), ([0.0], 0)],
)
def test_each_is_to_owe_so_many(owed: list[float], engines: float) -> None:
    metrics = {"owed_jobs": {f"engine {n}": jobs for n, jobs in enumerate(owed)}}
    assert OwedJobs(target=8)(Context(metrics)) == (engines, {})


def test_nothing_changes_before_anybody_has_reported() -> None:
    assert OwedJobs(target=8)(Context()) == (3, {})
