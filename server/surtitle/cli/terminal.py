"""What the terminal shows: captions growing in place, and captions written in a format."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.spinner import Spinner
from rich.text import Text

from surtitle.client import Disconnected, Event, Gap, ViewerEvent
from surtitle.messages import (
    Channel,
    Failed,
    Final,
    Partial,
    Ready,
    Resumed,
    Speech,
    Status,
    Suppressed,
)
from surtitle.runtime.printable import printable

CHANNEL_STATES = {
    "live": "{viewers} watching",
    "away": "the speaker has lost the connection and may come back",
    "waiting": "nobody is speaking here now",
}


def clock(ms: int) -> str:
    """Milliseconds as minutes, seconds and tenths."""
    minutes, rest = divmod(ms, 60_000)
    return f"{minutes:02}:{rest / 1000:04.1f}"


def _text(text: str, style: str = "") -> Text:
    """What a server has said, as the terminal shows it."""
    return Text(printable(text), style)


class CaptionView:
    """Captions in a terminal: finals scroll up with their times, the partial grows in place.

    A line that was read stays as it is: a better text of it is not shown. Without a terminal (a pipe, a
    log) each final is a line and partials are left out.
    """

    def __init__(self, console: Console, position: Callable[[], str]) -> None:
        """`position` is what the line below the captions begins with."""
        self._console = console
        self._position = position
        self._open: Partial | Speech | None = None
        self._status = ""
        self._session = ""  # of the channel, where one is watched
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=10, transient=True
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the view while the block runs."""
        if not self._console.is_terminal:
            yield
            return
        with self._live:
            yield

    def show(self, message: Event | ViewerEvent) -> None:
        """Take the next message."""
        match message:
            case Speech() | Partial():
                if self._open is None or message.utterance >= self._open.utterance:
                    self._open = message
            case Final():
                self._answer(message, _text(message.text))
            case Suppressed():
                self._answer(message, _text(f"[{message.reason}]", "dim"))
            case Failed():
                self._answer(message, _text(f"[{message.message}]", "red"))
            case Status():
                self._status = "" if message.state == "normal" else message.message
            case Disconnected():
                self._status = message.reason + " Reconnecting …"
            case Resumed() | Ready():
                self._status = ""
            case Channel():
                if message.state == "waiting" or message.session != self._session:
                    self._open = None  # nobody will answer it
                self._session = message.session
                self._status = CHANNEL_STATES[message.state].format(viewers=message.viewers)
            case Gap():
                lost = f"[{(message.end_ms - message.start_ms) / 1000:.1f} s lost]"
                times = Text(f"{clock(message.start_ms)} – {clock(message.end_ms)}  ", style="cyan")
                self._console.print(times + Text(lost, style="red"))
            case _:
                pass

    def _answer(self, message: Final | Suppressed | Failed, text: Text) -> None:
        if self._open is not None and self._open.utterance <= message.utterance:
            self._open = None
        self._live.refresh()  # take the partial away before its final is printed above
        times = Text(f"{clock(message.start_ms)} – {clock(message.end_ms)}  ", style="cyan")
        self._console.print(times + text)

    def _render(self) -> RenderableType:
        lines: list[RenderableType] = []
        if isinstance(self._open, Partial):
            start = Text(f"{clock(self._open.start_ms)} …        ", style="cyan")
            lines.append(
                start + _text(self._open.stable) + _text(self._open.unstable, "italic dim")
            )
        state = "listening" if self._open is None else "speech"
        lines.append(_text(f"{self._position()}  {state}  {self._status}", "dim"))
        return Group(*lines)


def show_addresses(console: Console, local: str, network: Sequence[str]) -> None:
    """Where the server is found; of its addresses in the network, the likeliest first."""
    for label, url in [("On this machine:", local), *(("In the network:", url) for url in network)]:
        line = Text.assemble((f"  {label:<17} ", "dim"), (url, "bold cyan"))
        console.print(line, soft_wrap=True)


@contextmanager
def waiting(console: Console, text: str) -> Iterator[None]:
    """A spinner with a text while the block runs; one plain line without a terminal."""
    if not console.is_terminal:
        console.print(text)
        yield
        return
    with Live(Spinner("dots", text), console=console, transient=True):
        yield


@contextmanager
def byte_progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for `models.locate`: report(stage, done, total) in bytes.

    Without a terminal nothing is shown.
    """
    if not console.is_terminal:
        yield lambda stage, done, total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(f"{stage} model")
            progress.update(tasks[stage], completed=done, total=total)

        yield report
