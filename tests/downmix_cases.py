"""What holds for the mix to mono in Python and for that in JavaScript, as a table."""

import json
from pathlib import Path
from typing import Any

DOWNMIX_CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
)
"""Each with a `name`, the number of `channels`, the `sample_rate` in Hz, the `frames` (a sample of
each channel), the `pushes` (how many frames come at once), and what is `expected` of all of them
and of the end, to 1e-6."""
