"""Node's own test runner, one file at a time, and small programs that are told files and say JSON."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "programs"
LIMIT_S = 60.0


def run_tests(node: str, file: Path) -> None:
    """Run the tests of a `.test.mjs`; those that fail are told, and there has to be one."""
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", str(file)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= 1


def run_program(node: str, name: str, *arguments: str | Path, told: object = None) -> Any:
    """What a program of this folder says, which is told something as JSON."""
    done = subprocess.run(
        [node, str(PROGRAMS / name), *map(str, arguments)],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "null")
