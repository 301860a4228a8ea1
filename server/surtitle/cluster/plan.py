"""What is wanted of a Ray cluster; known without Ray."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted of Ray."""

    name: str
    """Of the application."""
    prefix: str
    """The path of its lanes."""
    least: int
    most: int
    """Engines."""
    owed_jobs: float
    """Of each engine, if there are not the most or least."""
    scale_up_s: float
    scale_down_s: float
    """How long more, or fewer, have to be wanted."""
    num_cpus: float
    num_gpus: float
    """What Ray keeps for each engine."""
    drain_s: float
