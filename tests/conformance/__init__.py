"""Tables of cases that hold in Python and in JavaScript alike."""

import json
from pathlib import Path
from typing import Any


def cases(name: str) -> list[dict[str, Any]]:
    """Those of one table, each with a `name`."""
    found: list[dict[str, Any]] = json.loads(
        (Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")
    )
    return found
