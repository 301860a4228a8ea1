"""Servers with the real models, shared by the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support import ServerProcess, start_server


@pytest.fixture(scope="module")
def tiny() -> Iterator[ServerProcess]:
    """A server with tiny.en; a short lease, so that a hung worker is replaced soon."""
    server = start_server(model="tiny.en", lease_s=8)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def base() -> Iterator[ServerProcess]:
    """A server with base."""
    server = start_server(model="base")
    yield server
    server.stop()
