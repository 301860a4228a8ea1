"""Twenty replicas that die and hang under eight hundred speakers, on a virtual clock."""

import pytest

from simulate_cluster import H200, SILENCE_S, Outcome, Times, VirtualClock, simulate


def run(faults: int, seed: int = 1) -> Outcome:
    return simulate(
        H200["large-v3-turbo"], replicas=20, sessions=800, faults=faults, seconds=20.0, seed=seed
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_faults_lose_and_double_nothing(seed: int) -> None:
    out = run(faults=12, seed=seed)
    assert out.jobs > 10_000
    assert (out.lost, out.doubled, out.quarantined) == (0, 0, 0)
    assert len(out.final_s) > 1_500
    assert SILENCE_S < max(out.final_s) < 2 * SILENCE_S + 1.0  # of one that met two that hang


def test_without_faults_no_final_waits_for_long() -> None:
    assert max(run(faults=0).final_s) < 0.5


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert run(faults=5) == run(faults=5)


def test_a_batch_takes_longer_the_more_is_in_it() -> None:
    times = Times(final_s=(0.1, 0.25), partial_s=(0.05, 0.05))
    assert [times.of("final", jobs) for jobs in (1, 16)] == [0.1, 0.25]
    assert times.of("partial", 7) == 0.05


def test_the_clock_does_things_in_their_order() -> None:
    clock, done = VirtualClock(), list[tuple[str, float]]()
    for name, seconds in (("late", 2.0), ("soon", 1.0), ("never", 9.0)):
        clock.call_in(seconds, lambda name=name: done.append((name, clock.time())))  # type: ignore[misc]
    clock.run(5.0)
    assert done == [("soon", 1.0), ("late", 2.0)]
    assert clock.time() == 5.0
