"""What is built once for all: the distributions, and an environment that the wheel is installed in."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.places import REPOSITORY
from tests.node.conftest import node_20, packed
from tests.packages.environments import CONSTRAINTS, TOOLS, make_venv, pip_install, tool
from tests.packages.test_versions import PROJECT

__all__ = ["node_20", "packed"]


@dataclass(frozen=True)
class Distributions:
    """What `python -m build` makes: the source distribution, and the wheel that is built from it."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    folder = tmp_path_factory.mktemp("dist")
    tool("python", "-m", "build", "--outdir", folder, REPOSITORY)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="session")
def venv(distributions: Distributions) -> Path:
    """An environment into which nothing but the wheel and what it needs was installed.

    That takes a minute, so what the wheel needs is kept until that changes.
    """
    needed = CONSTRAINTS.read_bytes() + repr(PROJECT["dependencies"]).encode()
    digest = hashlib.sha256(needed).hexdigest()
    folder = TOOLS / "wheel"
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == digest:
        pip_install(folder, "--no-deps", "--force-reinstall", distributions.wheel)
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    pip_install(make_venv(folder), distributions.wheel)
    stamp.write_text(digest)
    return folder
