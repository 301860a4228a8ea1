"""Blocking calls in threads that nobody has to wait for."""

import asyncio
import threading

import pytest

from surtitle.runtime.background import DaemonThread, in_daemon_thread


async def test_results_and_exceptions_come_back() -> None:
    assert await in_daemon_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_daemon_thread(divmod, 7, 0)


async def test_calls_of_one_thread_are_made_in_order_one_at_a_time() -> None:
    thread = DaemonThread("test")
    running, made, threads = 0, [], set()

    def call(number: int) -> None:
        nonlocal running
        running += 1
        assert running == 1
        made.append(number)
        threads.add(threading.current_thread())
        running -= 1

    await asyncio.gather(*(thread.run(call, number) for number in range(100)))
    thread.stop()
    assert made == list(range(100))
    (used,) = threads
    assert used.daemon and used.name == "test"
    await asyncio.to_thread(used.join, 5)
    assert not used.is_alive()


async def test_one_that_nobody_waits_for_any_more_does_no_harm() -> None:
    thread = DaemonThread()
    go = threading.Event()
    waiting = asyncio.create_task(thread.run(go.wait, 5))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    go.set()
    assert await thread.run(divmod, 7, 2) == (3, 1)
    thread.stop()
