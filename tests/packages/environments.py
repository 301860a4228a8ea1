"""Environments that commands are run in, which know nothing of this checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.places import REPOSITORY

TOOLS = REPOSITORY / ".venv-packages"
CONSTRAINTS = REPOSITORY / "constraints.txt"
INSTALL_LIMIT_S = 300.0
RUN_LIMIT_S = 120.0

needs_tools = pytest.mark.skipif(
    not (TOOLS / "installed").exists(), reason="no .venv-packages: run `make test-packages`"
)


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
    limit_s: float = RUN_LIMIT_S,
) -> subprocess.CompletedProcess[str]:
    """Run a command, which never asks for anything; whoever calls looks at its status."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
    )


def tool(name: str, *arguments: str | Path, cwd: Path | None = None) -> str:
    """The output of a tool, which has to succeed."""
    done = run([TOOLS / "bin" / name, *arguments], cwd=cwd, limit_s=INSTALL_LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Installation:
    """A virtual environment, and an empty folder to be in."""

    venv: Path
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def command(self) -> Path:
        """`surtitle`."""
        return self.venv / "bin" / "surtitle"

    @property
    def environment(self) -> dict[str, str]:
        """Of a user who has nothing but this: no path of Python's, a home that is empty."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        plain = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**plain, "HOME": str(home), "SURTITLE_DEVICE": "cpu", **self.variables}

    def surtitle(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the command in the empty folder."""
        return run([self.command, *arguments], cwd=self.folder, environment=self.environment)

    def python(self, code: str) -> str:
        """What a program says, which has to succeed."""
        done = run(
            [self.venv / "bin" / "python", "-c", code],
            cwd=self.folder,
            environment=self.environment,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def make_venv(folder: Path) -> Path:
    """An empty virtual environment."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=INSTALL_LIMIT_S)
    return folder


def pip_install(venv: Path, *arguments: str | Path) -> None:
    """Install with the versions that the project was tested with."""
    pip: list[str | Path] = [venv / "bin" / "pip", "--disable-pip-version-check", "install"]
    pip.append("--no-compile")  # most of PyTorch is never loaded
    done = run([*pip, "--constraint", CONSTRAINTS, *arguments], limit_s=INSTALL_LIMIT_S)
    assert done.returncode == 0, done.stderr


@contextmanager
def served(installation: Installation, *arguments: str) -> Iterator[str]:
    """The address of a server of this installation; it ends by SIGTERM, with status 0."""
    command = [installation.command, "serve", "--port", "0", "--log-format", "json", *arguments]
    with subprocess.Popen(
        list(map(str, command)),
        cwd=installation.folder,
        env=installation.environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            yield address_of(process.stderr)
        except BaseException:
            process.kill()
            raise
        process.terminate()
        _, rest = process.communicate(timeout=RUN_LIMIT_S)
        assert process.returncode == 0, rest


def address_of(log: Iterable[str]) -> str:
    """Where the server listens, from its log of JSON lines."""
    for line in log:
        said = json.loads(line)
        if said["event"] == "listening":
            return str(said["url"])
    raise AssertionError("the server ended before it listened")
