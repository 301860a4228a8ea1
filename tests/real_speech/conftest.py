"""Servers with the real models, shared by the tests of this folder."""

from collections.abc import Iterator

import pytest

from lab.server_process import ServerProcess, start_server
from tests.marks import long
from tests.real_speech.offline import Offline, decode_with

UNHURRIED_MS = 60_000
"""Sessions that send a file at once make partials wait; the next one is taken all the same."""


@pytest.fixture(scope="session")
def tiny() -> Iterator[ServerProcess]:
    """A server with tiny.en; a short lease, so that a hung worker is replaced soon."""
    server = start_server(model="tiny.en", lease_s=8, overload_wait_ms=UNHURRIED_MS)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def base() -> Iterator[ServerProcess]:
    """A server with base."""
    server = start_server(model="base", overload_wait_ms=UNHURRIED_MS)
    yield server
    server.stop()


@pytest.fixture(params=["tiny", long("base")])
def either(request: pytest.FixtureRequest) -> ServerProcess:
    """A server with each of the bundled models."""
    server: ServerProcess = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def offline(request: pytest.FixtureRequest) -> Offline:
    """The offline decode with the model of `either`."""
    return decode_with({"tiny": "tiny.en", "base": "base"}[request.node.callspec.params["either"]])
