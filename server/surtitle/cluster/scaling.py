"""How many engines there should be. Ray Serve's controller runs it: it needs nothing else of ours."""

from collections.abc import Mapping
from typing import Any, Protocol

OWED_JOBS = "owed_jobs"
"""What replicas report: how many jobs they have not answered yet."""


class Context(Protocol):
    """What of Ray's AutoscalingContext is used."""

    target_num_replicas: int

    @property
    def aggregated_metrics(self) -> Mapping[str, Mapping[Any, float]]:
        """By name and replica."""
        ...


class OwedJobs:
    """So many engines that each owes so many jobs; Ray adds the bounds and delays."""

    def __init__(self, target: float) -> None:
        self._target = target

    def __call__(self, context: Context) -> tuple[float, dict[str, Any]]:
        """The number of engines, and what is to be remembered."""
        owed = (context.aggregated_metrics or {}).get(OWED_JOBS)
        if not owed:  # nobody has reported yet
            return context.target_num_replicas, {}
        return sum(owed.values()) / self._target, {}
