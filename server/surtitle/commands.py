"""What `surtitle caption` and `surtitle demo` do."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from io import FileIO
from itertools import chain
from pathlib import Path

from rich.console import Console

from surtitle.app import fetch_model, first_of, run_on_loop, running, stop_signals
from surtitle.background import in_daemon_thread
from surtitle.captionfile import Figures, FileStream
from surtitle.captioning.cues import Layout
from surtitle.client import Event, connect
from surtitle.config import Settings
from surtitle.errors import EngineError
from surtitle.gateway.web import web_root
from surtitle.media import read_chunks
from surtitle.messages import Start
from surtitle.telemetry import configure_logging
from surtitle.terminal import CaptionView, CaptionWriter, byte_progress, open_output, waiting

EXIT_INTERRUPTED = 130
"""What a shell reports of a command that Ctrl+C ended."""


@dataclass(frozen=True, slots=True)
class CaptionRequest:
    """The arguments of `surtitle caption`."""

    file: str
    server: str | None
    key: str | None
    fast: bool
    kind: str
    output: str | None
    words: bool
    translate: bool
    layout: Layout


def caption_file(request: CaptionRequest, settings: Settings) -> int:
    """Caption a file; returns the exit status. Raises SurtitleError."""
    return run_on_loop(_until_interrupted(_caption(request, settings)))


def run_demo(settings: Settings) -> int:
    """Caption the spoken sample in real time; returns the exit status. Raises SurtitleError."""
    return run_on_loop(_until_interrupted(_demo(settings)))


async def _until_interrupted(work: Coroutine[None, None, None]) -> int:
    task = asyncio.ensure_future(work)
    with stop_signals(task.cancel):
        try:
            await task
        except asyncio.CancelledError:
            return EXIT_INTERRUPTED
    return 0


async def _caption(request: CaptionRequest, settings: Settings) -> None:
    console = Console(stderr=True)
    configure_logging(settings.log())
    # Unbuffered: a thread that waits in a buffered read could not be left behind at exit.
    source = FileIO(0, closefd=False) if request.file == "-" else Path(request.file)
    start = Start(
        language=settings.language,
        # Cues are timed by their words.
        words=request.words or request.kind in ("srt", "vtt"),
        task="translate" if request.translate else "transcribe",
        # Finals keep what partials have shown. Where nobody watches, they are as decoded.
        partials=request.kind == "jsonl" or not request.fast,
    )
    chunks = read_chunks(source)
    if request.file != "-":  # a file that cannot be read is better said before a model is loaded
        chunks = chain([await in_daemon_thread(next, chunks, b"")], chunks)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(open_output(request.output))
        writer = CaptionWriter(output, request.kind, request.layout)
        # On a terminal the view already shows the text that would be written beside it.
        shows_text = request.kind == "text" and request.output is None and sys.stdout.isatty()
        async with _server(request.server, settings, console) as url:
            figures = await _stream(
                url,
                start,
                lambda captions: FileStream(captions, chunks, real_time=not request.fast),
                console,
                on_message=(lambda message: None) if shows_text else writer.write,
                quiet=not console.is_terminal,
                key=request.key,
            )
        if not shows_text and (speed := writer.finish()) is not None:
            figures.reading_speed = speed
    console.print(f"[dim]{figures.summary()}[/dim]")


async def _demo(settings: Settings) -> None:
    console = Console()
    configure_logging(settings.log())
    started = time.monotonic()
    async with _server(None, settings, console) as url:
        console.print(f"The server is ready at {url} after {time.monotonic() - started:.1f} s.")
        console.print("Streaming a spoken sample, as a microphone would:\n")
        chunks = read_chunks(web_root() / "sample.flac")
        figures = await _stream(
            url,
            Start(language=settings.language),
            lambda captions: FileStream(captions, chunks, real_time=True),
            console,
        )
    console.print(f"\n{figures.summary()}")


async def _stream(
    url: str,
    start: Start,
    make_stream: Callable[..., FileStream],
    console: Console,
    on_message: Callable[[Event], None] = lambda message: None,
    quiet: bool = False,
    key: str | None = None,
) -> Figures:
    async with connect(url, start, key=key) as captions:
        stream = make_stream(captions)
        view = CaptionView(console, lambda: stream.sent_s)

        def show(message: Event) -> None:
            on_message(message)
            if not quiet:
                view.show(message)

        with view.shown():
            return await stream.run(show)


@contextlib.asynccontextmanager
async def _server(url: str | None, settings: Settings, console: Console) -> AsyncIterator[str]:
    """The address of the server to use: the one given, or one of our own for as long as needed."""
    if url is not None:
        yield url
        return
    with byte_progress(console) as report:
        await in_daemon_thread(fetch_model, settings.model, report)
    async with running(settings) as app:
        with waiting(console, f"Loading the model {settings.model} …"):
            await first_of(app.ready, app.failed)
        if app.failed.is_set():
            raise EngineError(f"The engine cannot start. {app.engine.failure}")
        yield app.url
