"""What `surtitle caption` and `surtitle demo` do."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import FileIO
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from surtitle.app import EXIT_OK, fetch_models, first_of, running
from surtitle.cli.outputs import STANDARD_INPUT
from surtitle.cli.progress import progress_words
from surtitle.cli.streaming import Figures, FileStream
from surtitle.cli.terminal import CaptionView, byte_progress, clock, waiting
from surtitle.cli.writing import CaptionWriter, Writing
from surtitle.client import Captions, Event, connect
from surtitle.client.media import Recording, Tracks, read_chunks
from surtitle.config import Settings
from surtitle.errors import EngineError, SurtitleError
from surtitle.gateway.web import web_root
from surtitle.messages import Start
from surtitle.runtime.background import in_daemon_thread
from surtitle.runtime.mainloop import run_on_loop, until_interrupted
from surtitle.runtime.printable import printable
from surtitle.runtime.telemetry import configure_logging

EXIT_FAILED = 1
EXIT_DAMAGED = 4
"""The captions are there, but part of the recording could not be read."""
_OUTCOMES = {EXIT_OK: "captioned", EXIT_DAMAGED: "captioned in part", EXIT_FAILED: "failed"}
"""Of a file, by its status."""


@dataclass(frozen=True, slots=True)
class Job:
    """A file, and where its captions go."""

    file: str
    writing: Writing


@dataclass(frozen=True, slots=True)
class CaptionRequest:
    """The arguments of `surtitle caption`."""

    jobs: tuple[Job, ...]
    server: str | None
    key: str | None
    fast: bool
    words: bool
    translate: bool
    revisions: bool = True
    track: int | None = None
    hotwords: tuple[str, ...] = ()
    replacements: Mapping[str, str] = field(default_factory=dict)


def caption_files(request: CaptionRequest, settings: Settings) -> int:
    """Caption files; returns the exit status. Raises SurtitleError, of several only for all of them."""
    work = _caption if len(request.jobs) == 1 else _caption_all
    return run_on_loop(until_interrupted(work(request, settings)))


def run_demo(settings: Settings) -> int:
    """Caption the spoken sample in real time; returns the exit status. Raises SurtitleError."""
    return run_on_loop(until_interrupted(_demo(settings)))


async def _caption(request: CaptionRequest, settings: Settings) -> int:
    console = Console(stderr=True)
    configure_logging(settings.log())
    (job,) = request.jobs
    opened = await _open(job.file, request.track, console)
    # A file that cannot be written is better said before a model is loaded, too.
    with job.writing.writer() as writer:
        async with server_for(request.server, settings, console) as url:
            figures = await _stream_file(url, request, settings, job, opened, writer, console)
        figures.reading_speed = writer.finish()
    console.print(f"[dim]{figures.summary()}[/dim]")
    return _tell_missing(opened.recording, console)


async def _caption_all(request: CaptionRequest, settings: Settings) -> int:
    """One after the other. One that fails does not keep the rest from being captioned."""
    console = Console(stderr=True)
    configure_logging(settings.log())
    statuses: dict[str, int] = {}
    async with server_for(request.server, settings, console) as url:
        for number, job in enumerate(request.jobs, 1):
            console.print(Text(f"{number} of {len(request.jobs)}: {printable(job.file)}", "bold"))
            try:
                statuses[job.file] = await _caption_one(url, request, settings, job, console)
            except Exception as error:  # whatever it is, it concerns this file
                is_ours = isinstance(error, SurtitleError)
                said = str(error) if is_ours else f"{type(error).__name__}: {error}"
                console.print(Text(printable(said), "red"))
                statuses[job.file] = EXIT_FAILED
    return _sum_up(statuses, console)


async def _caption_one(
    url: str, request: CaptionRequest, settings: Settings, job: Job, console: Console
) -> int:
    opened = await _open(job.file, request.track, console)
    with job.writing.writer() as writer:
        await _stream_file(url, request, settings, job, opened, writer, console)
    console.print(Text(f"Written to {printable(str(job.writing.output))}.", "dim"))
    return _tell_missing(opened.recording, console)


def _sum_up(statuses: Mapping[str, int], console: Console) -> int:
    """Say what became of all files; returns the exit status."""
    names = {status: [f for f, s in statuses.items() if s == status] for status in _OUTCOMES}
    counts = [
        f"{len(names[status])} {words}" for status, words in _OUTCOMES.items() if names[status]
    ]
    console.print(Text(f"{len(statuses)} files: {', '.join(counts)}.", "bold"))
    for status in (EXIT_DAMAGED, EXIT_FAILED):
        for name in names[status]:
            console.print(Text(printable(f"  {_OUTCOMES[status]}: {name}"), "yellow"))
    return EXIT_FAILED if names[EXIT_FAILED] else max(statuses.values())


@dataclass(frozen=True, slots=True)
class _Opened:
    """A recording whose first sound is there."""

    recording: Recording
    chunks: Iterator[bytes]


async def _open(file: str, track: int | None, console: Console) -> _Opened:
    """Raises ClientError for a file that cannot be read; of standard input that is found out later."""
    # Unbuffered: a thread that waits in a buffered read could not be left behind at exit.
    source = FileIO(0, closefd=False) if file == STANDARD_INPUT else Path(file)
    recording = read_chunks(source, track)
    chunks: Iterator[bytes] = recording
    if track is None:
        chunks = _telling_tracks(recording, console)
    if file != STANDARD_INPUT:
        chunks = chain([await in_daemon_thread(next, chunks, b"")], chunks)
    return _Opened(recording, chunks)


async def _stream_file(
    url: str,
    request: CaptionRequest,
    settings: Settings,
    job: Job,
    opened: _Opened,
    writer: CaptionWriter,
    console: Console,
) -> Figures:
    start = wishes(
        settings,
        words=request.words or job.writing.needs_words,
        revisions=request.revisions and not request.translate and writer.takes_revisions,
        task="translate" if request.translate else "transcribe",
        mode="file" if request.fast else "live",
        hotwords=list(request.hotwords),
        replacements=dict(request.replacements),
    )
    began = time.monotonic()
    sound: FileStream | None = None

    def begin(captions: Captions) -> FileStream:
        nonlocal sound
        sound = FileStream(captions, opened.chunks, real_time=not request.fast)
        return sound

    def position() -> str:
        assert sound is not None
        if not request.fast:
            return clock(round(sound.sent_s * 1000))
        elapsed_s = time.monotonic() - began
        words = progress_words(sound.answered_s, opened.recording.tracks.length_s, elapsed_s)
        return "  ".join(filter(None, [clock(round(sound.answered_s * 1000)), words]))

    return await stream(
        url,
        start,
        begin,
        console,
        on_message=writer.write,
        quiet=not console.is_terminal,
        key=request.key,
        position=position,
    )


def _tell_missing(recording: Recording, console: Console) -> int:
    """Say how much could not be read; returns the exit status."""
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
    position: Callable[[], str] | None = None,
) -> Figures:
    """Send a stream to a server, and show what comes back. Raises ClientError."""
    async with connect(url, start, key=key) as captions:
        sound = make_stream(captions)
        view = CaptionView(console, position or (lambda: clock(round(sound.sent_s * 1000))))

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
            raise EngineError(f"The engine cannot start. {app.failure}")
        yield app.url
