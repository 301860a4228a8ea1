"""What `surtitle caption` and `surtitle demo` do."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from surtitle.app import EXIT_OK, fetch_models, first_of, running
from surtitle.cli.streaming import Figures, FileStream
from surtitle.cli.terminal import CaptionView, Writing, byte_progress, clock, waiting
from surtitle.client import Captions, Event, connect
from surtitle.client.media import Recording, Tracks, read_chunks
from surtitle.config import Settings
from surtitle.errors import EngineError
from surtitle.gateway.web import web_root
from surtitle.messages import Start
from surtitle.runtime.background import in_daemon_thread
from surtitle.runtime.mainloop import run_on_loop, until_interrupted
from surtitle.runtime.printable import printable
from surtitle.runtime.telemetry import configure_logging

EXIT_DAMAGED = 4
"""The captions are there, but part of the recording could not be read."""


@dataclass(frozen=True, slots=True)
class CaptionRequest:
    """The arguments of `surtitle caption`."""

    file: str
    server: str | None
    key: str | None
    fast: bool
    writing: Writing
    words: bool
    translate: bool
    revisions: bool = True
    track: int | None = None


def caption_file(request: CaptionRequest, settings: Settings) -> int:
    """Caption a file; returns the exit status. Raises SurtitleError."""
    return run_on_loop(until_interrupted(_caption(request, settings)))


def run_demo(settings: Settings) -> int:
    """Caption the spoken sample in real time; returns the exit status. Raises SurtitleError."""
    return run_on_loop(until_interrupted(_demo(settings)))


async def _caption(request: CaptionRequest, settings: Settings) -> int:
    console = Console(stderr=True)
    configure_logging(settings.log())
    # Unbuffered: a thread that waits in a buffered read could not be left behind at exit.
    source = FileIO(0, closefd=False) if request.file == "-" else Path(request.file)
    recording = read_chunks(source, request.track)
    chunks: Iterator[bytes] = recording
    if request.track is None:
        chunks = _telling_tracks(recording, console)
    if request.file != "-":  # a file that cannot be read is better said before a model is loaded
        chunks = chain([await in_daemon_thread(next, chunks, b"")], chunks)
    with request.writing.writer() as writer:
        start = wishes(
            settings,
            words=request.words or request.writing.needs_words,
            revisions=request.revisions and not request.translate and writer.takes_revisions,
            task="translate" if request.translate else "transcribe",
            mode="file" if request.fast else "live",
        )
        async with server_for(request.server, settings, console) as url:
            figures = await stream(
                url,
                start,
                lambda captions: FileStream(captions, chunks, real_time=not request.fast),
                console,
                on_message=writer.write,
                quiet=not console.is_terminal,
                key=request.key,
            )
        figures.reading_speed = writer.finish()
    console.print(f"[dim]{figures.summary()}[/dim]")
    if not recording.missing_ms:
        return EXIT_OK
    missing_s = recording.missing_ms / 1000
    console.print(f"{missing_s:.1f} s of the recording could not be read.", style="yellow")
    return EXIT_DAMAGED


def _telling_tracks(recording: Recording, console: Console) -> Iterator[bytes]:
    """The chunks of a recording. With the first one its tracks are known."""
    for chunk in islice(recording, 1):
        if len(recording.tracks.names) > 1:
            console.print(_tell_tracks(recording.tracks), style="yellow")
        yield chunk
    yield from recording


def _tell_tracks(tracks: Tracks) -> Text:
    names = [f"{number} ({printable(name)})" for number, name in enumerate(tracks.names, 1)]
    return Text(
        f"There are {len(names)} audio tracks: {', '.join(names)}. Track {tracks.chosen} is captioned; "
        "choose another with --track."
    )


async def _demo(settings: Settings) -> None:
    console = Console()
    configure_logging(settings.log())
    started = time.monotonic()
    async with server_for(None, settings, console) as url:
        console.print(f"The server is ready at {url} after {time.monotonic() - started:.1f} s.")
        console.print("Streaming a spoken sample, as a microphone would:\n")
        chunks = read_chunks(web_root() / "sample.flac")
        figures = await stream(
            url,
            wishes(settings),
            lambda captions: FileStream(captions, chunks, real_time=True),
            console,
        )
    console.print(f"\n{figures.summary()}")


class Stream(Protocol):
    """Sound on its way to a server."""

    @property
    def sent_s(self) -> float:
        """Seconds of audio sent so far."""
        ...

    async def run(self, on_message: Callable[[Event], None]) -> Figures:
        """Send everything, hand each message on, return after `ended`. Raises ClientError."""
        ...


async def stream(
    url: str,
    start: Start,
    make_stream: Callable[[Captions], Stream],
    console: Console,
    on_message: Callable[[Event], None] = lambda message: None,
    quiet: bool = False,
    key: str | None = None,
) -> Figures:
    """Send a stream to a server, and show what comes back. Raises ClientError."""
    async with connect(url, start, key=key) as captions:
        sound = make_stream(captions)
        view = CaptionView(console, lambda: clock(round(sound.sent_s * 1000)))

        def show(message: Event) -> None:
            on_message(message)
            if not quiet:
                view.show(message)

        with view.shown():
            return await sound.run(show)


def wishes(settings: Settings, **fields: Any) -> Start:
    """A `start` with these fields, and with the settings that were made; the rest is the server's."""
    names = {"language", "endpoint_silence_ms", "max_utterance_ms"} & settings.model_fields_set
    return Start(**fields, **{name: getattr(settings, name) for name in names})


@contextlib.asynccontextmanager
async def server_for(url: str | None, settings: Settings, console: Console) -> AsyncIterator[str]:
    """The address of the server to use: the one given, or one of our own for as long as needed."""
    if url is not None:
        yield url
        return
    with byte_progress(console) as report:
        await in_daemon_thread(fetch_models, settings, report)
    async with running(settings) as app:
        with waiting(console, f"Loading the model {settings.model} …"):
            await first_of(app.ready, app.failed)
        if app.failed.is_set():
            raise EngineError(f"The engine cannot start. {app.engine.failure}")
        yield app.url
