"""What `surtitle mic` does."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from surtitle.cli.caption import server_for, stream, wishes
from surtitle.cli.sharing import shared_address, watch_page
from surtitle.cli.streaming import Figures
from surtitle.cli.writing import Writing
from surtitle.client import Captions, Event
from surtitle.client.microphone import Microphone, MicrophoneGone, open_microphone
from surtitle.config import Settings
from surtitle.messages import Ended
from surtitle.runtime.mainloop import EXIT_INTERRUPTED, run_on_loop, stop_signals
from surtitle.runtime.printable import printable
from surtitle.runtime.telemetry import configure_logging


@dataclass(frozen=True, slots=True)
class MicRequest:
    """The arguments of `surtitle mic`."""

    device: str | None
    channel: str | None
    server: str | None
    key: str | None
    writing: Writing
    translate: bool
    revisions: bool = True
    hotwords: tuple[str, ...] = ()
    replacements: Mapping[str, str] = field(default_factory=dict)


def caption_microphone(request: MicRequest, settings: Settings) -> int:
    """Caption a microphone until Ctrl+C; returns the exit status. Raises SurtitleError."""
    return run_on_loop(_until_stopped(request, settings))


async def _until_stopped(request: MicRequest, settings: Settings) -> int:
    "The first Ctrl+C ends the speech, and waits for its last caption; the second does not wait."
    listening, stopped = asyncio.Event(), asyncio.Event()
    task = asyncio.ensure_future(_caption(request, settings, listening, stopped))
    with contextlib.ExitStack() as stack:

        def stop() -> None:
            if stopped.is_set() or not listening.is_set():
                task.cancel()
            else:
                stopped.set()
                stack.enter_context(stop_signals(stop))

        stack.enter_context(stop_signals(stop))
        try:
            await task
        except asyncio.CancelledError:
            return EXIT_INTERRUPTED
    return 0


class MicStream:
    """A microphone on its way to a server, until it is to stop."""

    def __init__(self, captions: Captions, microphone: Microphone, stopped: asyncio.Event) -> None:
        self._captions = captions
        self._microphone = microphone
        self._stopped = stopped
        self.sent_s = 0.0
        """Seconds of audio sent so far."""
        self._gone: MicrophoneGone | None = None

    async def run(self, on_message: Callable[[Event], None]) -> Figures:
        """See Stream. Raises MicrophoneGone, after the last caption."""
        figures = Figures()
        sending = asyncio.create_task(self._send())
        stopping = asyncio.create_task(self._stop(sending))
        try:
            async for event in self._captions:
                on_message(event)
                if isinstance(event, Ended):
                    figures.ended = event
        finally:
            sending.cancel()
            stopping.cancel()
        if self._gone is not None:
            raise self._gone
        return figures

    async def _send(self) -> None:
        try:
            async for block in self._microphone:
                self._captions.offer(block)
                self.sent_s += len(block) / 2 / self._microphone.sample_rate
        except MicrophoneGone as gone:
            self._gone = gone
            self._stopped.set()

    async def _stop(self, sending: asyncio.Task[None]) -> None:
        await self._stopped.wait()
        sending.cancel()
        await self._captions.stop()


async def _caption(
    request: MicRequest, settings: Settings, listening: asyncio.Event, stopped: asyncio.Event
) -> None:
    console = Console(stderr=True)
    configure_logging(settings.log())
    with request.writing.writer(until_interrupted=True) as writer:
        # The device first: what is wrong with it is better said before a model is loaded.
        async with (
            open_microphone(request.device) as microphone,
            server_for(request.server, settings, console) as url,
        ):
            shared = "" if request.channel is None else await shared_address(url, request.key)
            # The audience may keep a transcript, and who comes late sees only the better text.
            is_kept = writer.takes_revisions or request.channel is not None
            start = wishes(
                settings,
                sample_rate=microphone.sample_rate,
                words=request.writing.needs_words,
                revisions=request.revisions and not request.translate and is_kept,
                task="translate" if request.translate else "transcribe",
                channel=request.channel,
                hotwords=list(request.hotwords),
                replacements=dict(request.replacements),
            )

            def begin(captions: Captions) -> MicStream:
                parts = [f"Listening to {microphone.name}", "Ctrl+C to stop"]
                if request.channel is not None:
                    parts.insert(1, f"watch at {watch_page(shared, captions.ready)}")
                console.print(Text(printable(" · ".join(parts)), "dim"))
                listening.set()
                return MicStream(captions, microphone, stopped)

            figures = await stream(
                url,
                start,
                begin,
                console,
                on_message=writer.write,
                quiet=not console.is_terminal,
                key=request.key,
            )
        figures.reading_speed = writer.finish()
    console.print(f"[dim]{figures.summary()}[/dim]")
