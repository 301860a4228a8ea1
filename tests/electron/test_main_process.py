"""What the Electron example's main process decides, tested in Node.js (`node --test`)."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.electron.conftest import HERE

FILES = sorted((HERE / "main").glob("*.test.mjs"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name.split(".")[0])
def test_in_node(node: str, file: Path) -> None:
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= 1  # they were run
