"""Recordings spoken into a server, each in a session of its own, and every message it answers with."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from load.adapter import Refused
from load.protocols import Surtitle
from load.session import Heard, Part, Session
from load.speech import FRAME_S, SILENCE
from quality.recordings import Recording
from quality.utterances import Received
from surtitle.messages import ServerMessage

PAUSE_S = 0.5
"""Silence that belongs to a recording: it ends in the room in which it was made."""
QUIET_S = 1.5
"""At real-time pace a session then goes on until its text has rested for so long, which is longer than
any endpoint takes: so no final owes anything to the goodbye."""
FULL_LIMIT_S = 120.0
"""A server that is full, or still loading, is asked again for so long."""
FAST_LIMIT_S = 600.0
"""What was sent at once may take so long to be answered."""

How = Callable[[str, Recording], Awaitable["Listened"]]
OnDone = Callable[[Recording], None]


class Listener(Surtitle):
    """A session that keeps all messages."""

    def __init__(self, url: str, language: str, **wishes: str | bool) -> None:
        """`wishes` are those of `start`."""
        super().__init__(url, language)
        self._wishes = wishes
        self.messages: list[Received] = []

    async def greet(self) -> None:
        """Say what comes."""
        await self.send_json(type="start", language=self.language, **self._wishes)

    def receive(self, message: dict[str, Any]) -> None:
        """Keep it as its type, with its time."""
        super().receive(message)
        typed: ServerMessage = msgspec.convert(message, ServerMessage)
        self.messages.append(Received(time.monotonic(), typed))


@dataclass(frozen=True)
class Listened:
    """All that came of one recording."""

    recording: Recording
    heard: Heard
    messages: list[Received]


async def speak(url: str, recording: Recording, **wishes: str | bool) -> Listened:
    """At the pace of speech; `wishes` are those of `start`."""
    clip = recording.clip()
    listener = Listener(url, recording.decoded_as, **wishes)
    session = Session(0, listener, pause_s=PAUSE_S, quiet_s=QUIET_S)
    await session.run([Part(clip, clip.frames(), ())], start_after_s=0)
    return Listened(recording, session.heard, listener.messages)


async def send_at_once(url: str, recording: Recording, **wishes: str | bool) -> Listened:
    """The same audio as fast as the server takes it, for the finals alone."""
    heard = Heard(0)
    listener = Listener(url, recording.decoded_as, partials=False, **wishes)
    frames = [*recording.clip().frames(), *[SILENCE] * round(PAUSE_S / FRAME_S)]
    try:
        await listener.open()
        for frame in frames:
            await listener.send(frame)
        await listener.say_goodbye()
        await asyncio.wait_for(listener.ended.wait(), FAST_LIMIT_S)
    except Refused as refused:
        heard.refused = str(refused)
    except Exception as error:  # the report goes on without this recording
        heard.problems.append(f"{type(error).__name__}: {error}")
    finally:
        await listener.close()
    heard.changes = listener.changes
    heard.problems += listener.problems
    return Listened(recording, heard, listener.messages)


async def listen_to_all(
    url: str,
    recordings: Sequence[Recording],
    sessions: int,
    how: How,
    on_done: OnDone,
) -> list[Listened]:
    """So many sessions at a time, until each recording has had one; the longest first."""
    waiting = iter(sorted(recordings, key=lambda each: -each.seconds))
    done: list[Listened] = []

    async def speaker() -> None:
        for recording in waiting:
            done.append(await _admitted(url, recording, how))
            on_done(recording)

    async with asyncio.TaskGroup() as group:
        for _ in range(sessions):
            group.create_task(speaker())
    return done


async def _admitted(url: str, recording: Recording, how: How) -> Listened:
    deadline = time.monotonic() + FULL_LIMIT_S
    while True:
        listened = await how(url, recording)
        if not listened.heard.refused or time.monotonic() > deadline:
            return listened
        await asyncio.sleep(1)
