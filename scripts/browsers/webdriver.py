"""The few requests of WebDriver (https://www.w3.org/TR/webdriver2/) that are made here."""

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from lab.waiting import wait_until

STARTS_S = 30.0
ANSWERS_S = 60.0


@dataclass(frozen=True)
class Session:
    """A browser that was started for it."""

    _client: httpx2.Client
    _path: str

    def post(self, command: str, **parameters: Any) -> Any:
        """What comes of a command; raises AssertionError with the driver's words."""
        answer = self._client.post(f"{self._path}/{command}".rstrip("/"), json=parameters)
        value = answer.json()["value"]
        assert answer.is_success, value
        return value


@contextmanager
def session(url: str, **options: Any) -> Iterator[Session]:
    """Have the driver at `url` start a browser with these capabilities."""
    with httpx2.Client(base_url=url, timeout=ANSWERS_S, trust_env=False) as client:
        started = Session(client, "/session").post("", capabilities={"alwaysMatch": options})
        path = f"/session/{started['sessionId']}"
        try:
            yield Session(client, path)
        finally:
            client.delete(path)


@contextmanager
def driver(program: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Run a driver on a free port; where."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [program, f"--port={port}"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: _answers(url), STARTS_S)
        yield url
    finally:
        process.terminate()  # and with it the browsers that it has started
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/status", trust_env=False).is_success
    except httpx2.TransportError:
        return False
