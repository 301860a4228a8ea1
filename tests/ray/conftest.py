"""The cluster that most tests of this folder share."""

from collections.abc import Iterator

import pytest

from lab.ray_cluster import RayCluster, ray_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[RayCluster]:
    """Two nodes, with room for an engine each."""
    with ray_cluster(nodes=2) as cluster:
        yield cluster
