"""Blocking calls off the event loop, without keeping the process from ending."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThread:
    """One thread that does blocking calls for an event loop, one after the other.

    Unlike an executor's, it does not hold up the end of the program: the interpreter joins executor
    threads, not daemons.
    """

    def __init__(self, name: str | None = None) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()

    def stop(self) -> None:
        """End the thread after the calls it was given."""
        self._calls.put(None)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call in the thread and wait for its result or exception.

        One that nobody waits for any more (cancelled) is made all the same.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if done.cancelled():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)  # type: ignore[arg-type]

        def make() -> None:
            result, error = None, None
            try:
                result = call(*args, **kwargs)
            except BaseException as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                loop.call_soon_threadsafe(settle, result, error)

        self._calls.put(make)
        return await done


async def in_daemon_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread of its own and wait for its result or exception.

    A call that never returns (a silent pipe, a stalled download) holds up nobody else.
    """
    thread = DaemonThread()
    try:
        return await thread.run(call, *args, **kwargs)
    finally:
        thread.stop()
