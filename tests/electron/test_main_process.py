"""What the Electron example's main process decides, tested in Node.js (`node --test`)."""

from pathlib import Path

import pytest

from tests.electron.conftest import HERE
from tests.node.running import run_tests

FILES = sorted((HERE / "main").glob("*.test.mjs"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name.split(".")[0])
def test_in_node(node: str, file: Path) -> None:
    run_tests(node, file)
