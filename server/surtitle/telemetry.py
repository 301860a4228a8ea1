"""Log set-up. One line an event; a trace id runs through every line of an utterance.

Levels: `debug` each job with its stage times; `info` what an operator wants to know happened (start,
stop, sessions, worker restarts); `warning` what needs a look soon; `error` what broke.
"""

import contextlib
import logging
import sys
from dataclasses import dataclass
from typing import Literal, TextIO, cast

import structlog

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


def configure_logging(options: LogOptions) -> None:
    """Log to standard error; what is below `options.level` is dropped before it is formatted."""
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
        processors.append(
            structlog.dev.ConsoleRenderer(
                colors=colors, exception_formatter=structlog.dev.plain_traceback
            )
        )
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
        cache_logger_on_first_use=False,
    )
    # Libraries speak through the standard module: only what needs a look.
    logging.basicConfig(
        level=max(level, logging.WARNING), format="%(levelname)s %(name)s %(message)s"
    )
