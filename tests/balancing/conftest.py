"""A real Redis for the servers that share their channels."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.balancing.redis_server import REDIS, RedisServer


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    if REDIS is None:
        pytest.skip("no redis-server")
    with RedisServer(tmp_path) as running:
        yield running
