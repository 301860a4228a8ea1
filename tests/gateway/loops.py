"""The event loops on which the server runs, for tests of what differs between them."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

NewLoop = Callable[[], asyncio.AbstractEventLoop]
LOOPS: dict[str, NewLoop] = {"asyncio": asyncio.new_event_loop}
if sys.platform != "win32":
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop
both_loops = pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS)
"""A test with the argument `new_loop` is run on each."""


def run_on(new_loop: NewLoop, main: Coroutine[Any, Any, None]) -> None:
    """Run on a loop of its own."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main)
