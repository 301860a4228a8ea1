"""Modules of the library by themselves, in Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.node.conftest import LIBRARY

LIMIT_S = 60.0


def evaluate(node: str, module: str, code: str, *arguments: str | Path) -> Any:
    """What an async function of the module's exports and the arguments returns, by way of JSON."""
    program = (
        f"const module = await import({json.dumps((LIBRARY / module).as_uri())});\n"
        "const fs = await import('node:fs');\n"
        f"const made = await ({code})(module, ...process.argv.slice(1));\n"
        "process.stdout.write(JSON.stringify(made ?? null));"
    )
    found = subprocess.run(
        [node, "--input-type=module", "-e", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)
