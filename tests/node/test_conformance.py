"""The tables that the library shares with its twin in Python (tests/client/test_conformance.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import conformance
from tests.conformance import cases
from tests.node.modules import evaluate

TABLES = Path(conformance.__file__).parent

TIMELINE = """({ Timeline, bytesBefore }, table, name) => {
  const { steps } = JSON.parse(fs.readFileSync(table)).find((each) => each.name === name);
  const timeline = new Timeline();
  return steps.map((step) => {
    if ("go_on" in step) timeline.goOn(step.go_on, step.bytes_per_second);
    else if ("start_over" in step) timeline.startOver();
    else if ("place" in step) return timeline.place(step.place);
    else return bytesBefore(step.bytes_before_ms, step.bytes_per_second, step.frame_bytes);
    return "no answer";
  });
}"""

OUTBOX = """({ Outbox }, table, name) => {
  const found = JSON.parse(fs.readFileSync(table)).find((each) => each.name === name);
  const outbox = new Outbox(found.max_bytes ?? Infinity);
  return found.steps.map(([what, value]) => {
    if (what === "audio") outbox.addAudio(new Uint8Array(value));
    else if (what === "forget") return outbox.forgetBefore(value).map(({ type }) => type);
    else if (what === "number_at") return outbox.numberAt(value);
    else if (what === "kept") return [outbox.safe, outbox.start, outbox.end];
    else outbox.addCommand({ type: what });
    return "no answer";
  });
}"""


@pytest.mark.parametrize("case", cases("timeline"), ids=lambda case: case["name"])
def test_the_timeline(node_20: str, case: dict[str, Any]) -> None:
    gave = evaluate(node_20, "timeline.js", TIMELINE, TABLES / "timeline.json", case["name"])
    assert gave == [step.get("gives", "no answer") for step in case["steps"]]


@pytest.mark.parametrize("case", cases("outbox"), ids=lambda case: case["name"])
def test_the_outbox(node_20: str, case: dict[str, Any]) -> None:
    gave = evaluate(node_20, "outbox.js", OUTBOX, TABLES / "outbox.json", case["name"])
    asks = {"forget", "number_at", "kept"}
    assert gave == [step[-1] if step[0] in asks else "no answer" for step in case["steps"]]
