"""What `surtitle watch` does."""

from rich.console import Console

from surtitle.cli.terminal import CaptionView
from surtitle.cli.writing import Writing
from surtitle.client import watch
from surtitle.runtime.mainloop import run_on_loop, until_interrupted
from surtitle.runtime.telemetry import LogOptions, configure_logging


def watch_channel(server: str, channel: str, key: str | None, writing: Writing) -> int:
    """Show a channel until Ctrl+C; returns the exit status. Raises SurtitleError."""
    return run_on_loop(until_interrupted(_watch(server, channel, key, writing)))


async def _watch(server: str, channel: str, key: str | None, writing: Writing) -> None:
    console = Console(stderr=True)
    configure_logging(LogOptions(level="warning"))
    view = CaptionView(console, lambda: channel)
    with writing.writer(until_interrupted=True) as writer:
        async with watch(server, channel, key=key) as messages:
            with view.shown():
                async for message in messages:
                    writer.write(message)
                    if console.is_terminal:
                        view.show(message)
