"""How late the event loop is, and how a log is written. (What it holds is tested elsewhere.)"""

import asyncio
import json
import os
import subprocess
import sys
import time

import pytest

from surtitle.runtime.telemetry import LoopLag


async def test_a_loop_that_is_held_up_shows() -> None:
    lag = LoopLag()
    assert lag.milliseconds() == {"p50": 0, "p99": 0, "max": 0}
    lag.start()
    try:
        await asyncio.sleep(0.5)
        time.sleep(0.4)  # noqa: ASYNC251 - what is to be seen
        await asyncio.sleep(0.2)
    finally:
        lag.stop()
    seen = lag.milliseconds()
    assert seen["max"] >= 280  # a tenth of a second may have passed before the timer was due
    assert seen["p50"] < seen["max"] / 2


async def test_it_stops() -> None:
    lag = LoopLag()
    lag.start()
    lag.stop()
    await asyncio.sleep(0.1)
    assert lag.milliseconds()["max"] == 0


@pytest.mark.parametrize("in_background", [True, False])
def test_a_log_line_is_written_in_one_piece(in_background: bool) -> None:
    """Server and worker write to the same pipe: their lines must not run into each other."""
    code = (
        "import os, sys, structlog\n"
        "from surtitle.runtime.telemetry import LogOptions, configure_logging\n"
        f"configure_logging(LogOptions(format='json'), in_background={in_background})\n"
        "for number in range(300):\n"
        "    structlog.get_logger().info('line', number=number, length='x' * 200)\n"
    )
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as lines:
        programs = [subprocess.Popen([sys.executable, "-c", code], stderr=writing) for _ in "ab"]
        os.close(writing)
        seen = [json.loads(line)["number"] for line in lines]
    assert [program.wait() for program in programs] == [0, 0]
    assert sorted(seen) == sorted([*range(300)] * 2)
