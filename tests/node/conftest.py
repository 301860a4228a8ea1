"""Node with the client library as a program gets it: packed by npm, installed beside other packages."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.places import REPOSITORY
from lab.server_process import FAKE_DECODER, ServerProcess, start_server

LIBRARY = REPOSITORY / "web_demo" / "client"
PACKAGES = ["ws@8", "@types/ws@8", "typescript@5"]
INSTALL_LIMIT_S = 120.0


def npm(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run npm, which never asks for anything here."""
    return subprocess.run(
        ["npm", "--no-audit", "--no-fund", "--no-update-notifier", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=INSTALL_LIMIT_S,
    )


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    running = start_server(decoder=FAKE_DECODER)
    try:
        yield running
        assert not running.errors
    finally:
        running.stop()


@pytest.fixture(scope="session")
def node_20() -> str:
    """The command of a Node that the library is made for."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node: install Node 20 or later")
    version = subprocess.check_output([node, "--version"], text=True)
    if int(version.removeprefix("v").split(".")[0]) < 20:
        pytest.skip(f"this is Node {version.strip()}, the library needs 20 or later")
    return node


@pytest.fixture(scope="session")
def packed(node_20: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as npm would publish it."""
    if shutil.which("npm") is None:
        pytest.skip("no npm, which comes with most packages of Node")
    folder = tmp_path_factory.mktemp("packed")
    found = npm("pack", "--json", "--pack-destination", str(folder), cwd=LIBRARY)
    assert found.returncode == 0, found.stderr
    return folder / str(json.loads(found.stdout)[0]["filename"])


@pytest.fixture(scope="session")
def project(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program's folder, in which the library is installed from its package, and `ws` with it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    found = npm("install", str(packed), *PACKAGES, cwd=folder)
    if found.returncode:
        pytest.skip(f"npm cannot install the package `ws`: {found.stderr[-300:]}")
    return folder
