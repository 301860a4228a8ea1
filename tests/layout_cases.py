"""The table of layouts that hold for the server and for the page: `layout_cases.json`."""

import json
from pathlib import Path
from typing import Any

LAYOUT_CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
)
"""Each with a `name`, what differs from the usual `layout`, the `finals`, and the `cues` expected."""
