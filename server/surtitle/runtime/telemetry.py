"""Log set-up, and how late the event loop is.

One line an event; a trace id runs through every line of an utterance.

Levels: `debug` each job with its stage times; `info` what an operator wants to know happened (start,
stop, sessions, worker restarts); `warning` what needs a look soon; `error` what broke.
"""

import asyncio
import atexit
import contextlib
import json
import logging
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TextIO, cast

import structlog

from surtitle.runtime.printable import printable_event

MAX_WAITING_LINES = 10_000
"""Log lines that may wait to be written: 2 MB."""
LAST_LINES_S = 0.5
"""How long the end of the program may wait for its last lines to be written."""

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How to log; picklable, so that the worker process logs alike."""

    level: LogLevel = "info"
    format: LogFormat = "text"


class _StandardError:
    """Standard error that may go away: a closed terminal or a dead parent must not stop the server."""

    def write(self, text: str) -> int:
        """Write, or drop the text where nobody can read it."""
        with contextlib.suppress(OSError, ValueError):
            return sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if there is anything to flush to."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()

    def close(self) -> None:
        """Nothing waits here."""


class _LogThread:
    """Writes log lines from a thread, so that a pipe that nobody reads holds up nobody.

    Where too many wait, further ones are dropped; how many is told as soon as there is room.
    """

    def __init__(self, options: LogOptions) -> None:
        self._json = options.format == "json"
        self._lines: queue.Queue[str | None] = queue.Queue(MAX_WAITING_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, text: str) -> int:
        """Take a line."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._dropped += 1
        return len(text)

    def flush(self) -> None:
        """Nothing waits here for long."""

    def close(self) -> None:
        """Write what waits, if that can be done soon."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
        self._thread.join(LAST_LINES_S)

    def _run(self) -> None:
        error = _StandardError()
        while (line := self._lines.get()) is not None:
            error.write(line)
            error.flush()
            if self._dropped and self._lines.empty():
                count, self._dropped = self._dropped, 0
                event = {"event": "log lines dropped", "level": "warning", "count": count}
                text = json.dumps(event) if self._json else f"{count} log lines dropped"
                error.write(text + "\n")


def configure_logging(options: LogOptions, *, in_background: bool = False) -> Callable[[], object]:
    """Log to standard error; what is below `options.level` is dropped before it is formatted.

    `in_background`: by a thread, for a process that must not wait for who reads the log. Returns what
    writes the last lines; the end of the interpreter calls it too.
    """
    output = _LogThread(options) if in_background else _StandardError()
    level = getattr(logging, options.level.upper())
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if options.format == "json":
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        colors = sys.stderr.isatty()
        processors += [structlog.processors.format_exc_info, _fit_for_a_terminal]
        processors.append(
            structlog.dev.ConsoleRenderer(
                colors=colors, exception_formatter=structlog.dev.plain_traceback
            )
        )
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # A line and its end in one piece: the worker writes to the same pipe.
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, output)),
        cache_logger_on_first_use=False,
    )
    # Libraries speak through the standard module: only what needs a look.
    logging.basicConfig(
        level=max(level, logging.WARNING), format="%(levelname)s %(name)s %(message)s"
    )
    return output.close


def _fit_for_a_terminal(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """What a client or a hub has said is in many a line."""
    return printable_event(event)


LAG_WINDOW_S = 30.0
"""How far back the figures of `LoopLag` reach."""
_LAG_EVERY_S = 0.2


class LoopLag:
    """How late the event loop runs what is due: a timer that notes by how much it was missed."""

    def __init__(self) -> None:
        self._lags_s: deque[float] = deque(maxlen=round(LAG_WINDOW_S / _LAG_EVERY_S))
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch the running loop."""
        self._schedule(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        # Not the loop's clock: uvloop's stands still within a turn of the loop.
        due = time.perf_counter() + _LAG_EVERY_S
        self._timer = loop.call_later(_LAG_EVERY_S, self._note, loop, due)

    def _note(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._lags_s.append(max(0.0, time.perf_counter() - due))
        self._schedule(loop)

    def milliseconds(self) -> dict[str, float]:
        """`p50`, `p99` and `max` over the last LAG_WINDOW_S; all 0 before the first sample."""
        lags = sorted(self._lags_s) or [0.0]
        return {
            name: round(lags[int(share * (len(lags) - 1))] * 1000, 1)
            for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        }
