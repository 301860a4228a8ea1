"""Engines on a Ray cluster that die, hang and are replaced: a gateway without Ray loses nothing."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from lab.ray_cluster import RayCluster
from lab.waiting import is_alive, left_over
from surtitle.engine.states import EngineState
from tests.ray.load import Gateway, gateway, load

pytestmark = [pytest.mark.scaling, pytest.mark.timeout(120)]

PER_S = 10.0
"""Jobs: what one engine can do, so that those of another do not pile up."""


@pytest.fixture(scope="module")
def failing(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """While this file is there, no model can be loaded."""
    return tmp_path_factory.mktemp("failing") / "failing"


@pytest.fixture(scope="module", autouse=True)
def options(cluster: RayCluster, failing: Path) -> list[str]:
    """Those that two engines are deployed with. Lanes that do not end hold a replica that leaves for as
    long as it may drain.
    """
    options = ["--min-engines", "2", "--drain-s", "60", "--model", f"fail-if:{failing}"]
    cluster.deploy(*options)
    return options


def report(event: str, here: Gateway) -> None:
    """For the table in docs/scaling.md; -rP shows it."""
    print(f"{event}: {len(here.asked)} finals, longest wait {here.longest_s:.2f} s")


async def test_a_replica_that_dies_is_replaced(cluster: RayCluster) -> None:
    async with gateway(cluster.urls) as here:
        await here.engines_are(2)
        before = here.engines
        async with load(here, PER_S):
            await here.answered(20)
            victim = cluster.engines[0]
            workers = victim.children(recursive=True)
            assert workers
            victim.kill()
            await here.engines_are(1, 5)
            await here.engines_are(2)
            assert len(set(here.engines) - set(before)) == 1
        report("replica, SIGKILL", here)
        assert left_over(workers) == []


async def test_a_replica_that_hangs_is_given_up_until_it_goes_on(cluster: RayCluster) -> None:
    async with gateway(cluster.urls) as here:
        await here.engines_are(2)
        before = here.engines
        async with load(here, PER_S):
            await here.answered(20)
            victim = cluster.engines[0]
            victim.suspend()
            await here.engines_are(1, 5)
            await here.answered(20)
            victim.resume()
            await here.engines_are(2)
            assert here.engines == before
        report("replica, SIGSTOP", here)


async def test_lanes_through_a_proxy_that_dies_are_found_through_another(
    cluster: RayCluster,
) -> None:
    async with gateway(cluster.urls) as here:
        await here.engines_are(2)
        before = here.engines
        async with load(here, PER_S):
            await here.answered(20)
            cluster.named("ray::ProxyActor")[0].kill()
            await here.answered(20)
            await here.until(lambda: here.engines == before, 10)
        report("one of two proxies, SIGKILL", here)


async def test_a_node_that_dies_and_one_that_joins(cluster: RayCluster) -> None:
    async with gateway(cluster.urls) as here:
        await here.engines_are(2)
        before = here.engines
        async with load(here, PER_S):
            await here.answered(20)
            cluster.kill_node()
            began = time.monotonic()
            await here.engines_are(1, 40)
            await here.answered(20)
            print(f"its engine was there for {time.monotonic() - began:.1f} s")
            (kept,) = here.engines
            assert kept in before
            await asyncio.to_thread(cluster.add_node)
            await here.engines_are(2)
            await here.answered(20)
        report("raylet of a node, SIGKILL, and a node that joins", here)


async def test_a_roll_out_replaces_all_engines(cluster: RayCluster, options: list[str]) -> None:
    async with gateway(cluster.urls) as here:
        await here.engines_are(2)
        before = here.engines
        async with load(here, PER_S):
            await here.answered(20)
            await asyncio.to_thread(cluster.deploy, *options)
            await here.until(lambda: not set(here.engines) & set(before), 30)
            await here.engines_are(2)
            await here.answered(20)
        report("roll-out", here)


async def test_an_engine_that_has_failed_is_replaced(cluster: RayCluster, failing: Path) -> None:
    async with gateway(cluster.urls) as here:
        await here.engines_are(2)
        before = here.engines
        async with load(here, PER_S):
            victim = cluster.engines[0]
            _end_workers(victim, failing)
            await here.until(lambda: EngineState.BROKEN in here.member_states, 20)
            await asyncio.to_thread(failing.unlink)
            await here.until(lambda: not is_alive(victim), 60)
            await here.engines_are(2)
            assert len(set(here.engines) - set(before)) == 1
        report("engine that has failed", here)


def _end_workers(replica: psutil.Process, failing: Path) -> None:
    """The next one finds that it cannot load its model."""
    failing.write_text("No such device.")
    for process in replica.children():
        if "spawn_main" in " ".join(process.cmdline()):
            process.kill()


async def test_there_are_as_many_engines_as_their_owed_jobs_ask_for(cluster: RayCluster) -> None:
    quick = ("--scale-up-s", "0", "--scale-down-s", "0", "--owed-jobs", "3")
    cluster.deploy("--min-engines", "1", "--max-engines", "2", *quick)
    async with gateway(cluster.urls) as here:
        async with load(here, 2.0):  # there were two, and one is enough
            await here.until(lambda: (len(cluster.engines), len(here.engines)) == (1, 1), 40)
            await here.answered(4)
        report("scaled down", here)
    async with gateway(cluster.urls) as here:
        await here.engines_are(1)
        began = time.monotonic()
        async with load(here, 2 * PER_S):  # more than one can do
            await here.engines_are(2, 60)
            print(f"two engines after {time.monotonic() - began:.1f} s")
            await here.answered(40)
        report("scaled up", here)
