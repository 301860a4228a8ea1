"""How late the event loop is. (What the logs hold is tested where it is logged.)"""

import asyncio
import time

from surtitle.telemetry import LoopLag


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
