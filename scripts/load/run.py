"""One run: so many sessions against one target, and its row of figures."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed

from load.adapter import OPEN_LIMIT_S, Adapter, Refused
from load.meter import Meter
from load.metrics import measure
from load.protocols import PROTOCOLS
from load.session import Part, Session
from load.speech import FRAME_S, SILENCE, rotated
from load.summary import Summary, costs_of, summarize
from load.target import Running, Target, TargetError

Progress = Callable[[float, str], None]
"""Called with the part that is done (0-1) and a sentence about how it goes."""


REST_S = 2.0
"""After a run a server may still clean up; the next one begins after this."""


@dataclass(frozen=True)
class Plan:
    """What every session of every run does."""

    parts: Sequence[Part]
    language: str
    pause_s: float
    stagger_s: float
    """Between the starts of two sessions."""
    quiet_s: float
    """After its last clip a session listens until its text has not changed for so long."""
    least_utterances: int
    """Spoken in a run; where the sessions are too few for it they speak their clips again."""
    revisions: bool = False
    """Whether sessions ask for better texts of finals."""

    def seconds(self, sessions: int) -> float:
        """How long a run takes at least."""
        clips_s = sum(len(part.frames) * FRAME_S + self.pause_s for part in self.parts)
        return self._rounds(sessions) * clips_s + self.quiet_s + (sessions - 1) * self.stagger_s

    def of_session(self, number: int, sessions: int) -> list[Part]:
        """What one of so many sessions speaks: the clips, beginning with its own, so many times."""
        return rotated(self.parts, number) * self._rounds(sessions)

    def _rounds(self, sessions: int) -> int:
        return max(math.ceil(self.least_utterances / (len(self.parts) * sessions)), 1)


def _adapter(target: Target, server: Running, plan: Plan) -> Adapter:
    adapter = PROTOCOLS[target.protocol](server.url, plan.language)
    adapter.revisions = plan.revisions
    return adapter


async def warm_up(target: Target, server: Running, plan: Plan) -> None:
    """One short session, tried again while the server still loads. Raises TargetError."""
    deadline = time.monotonic() + OPEN_LIMIT_S
    while True:
        adapter = _adapter(target, server, plan)
        try:
            await adapter.open()
            await adapter.speech_begins()
            for frame in [*plan.parts[0].frames, *[SILENCE] * 20]:
                await adapter.send(frame)
                await asyncio.sleep(FRAME_S / 4)
            await adapter.speech_ended()
            await adapter.finish()
        except (Refused, OSError, ConnectionClosed) as error:
            if not isinstance(error, Refused) or time.monotonic() > deadline:
                raise TargetError(f"{target.label} takes no session: {error}.") from error
            await asyncio.sleep(0.5)
        else:
            break
        finally:
            await adapter.close()
    await asyncio.sleep(REST_S)


async def run(
    target: Target, server: Running, plan: Plan, sessions: int, on_progress: Progress
) -> Summary:
    """Speak all sessions, then work out what they heard."""
    speakers = [
        Session(
            i,
            _adapter(target, server, plan),
            pause_s=plan.pause_s,
            quiet_s=plan.quiet_s,
        )
        for i in range(sessions)
    ]
    meter = Meter(server.pid) if server.pid is not None else None
    if meter is not None:
        meter.start()
    began = time.monotonic()
    watching = asyncio.create_task(_watch(speakers, plan, on_progress))
    try:
        await asyncio.gather(
            *(
                speaker.run(plan.of_session(i, sessions), i * plan.stagger_s)
                for i, speaker in enumerate(speakers)
            )
        )
    finally:
        watching.cancel()
    wall_s = time.monotonic() - began
    heard = [speaker.heard for speaker in speakers]
    audio_s = sum(each.audio_s for each in heard)
    costs = costs_of(await meter.stop(), audio_s, wall_s) if meter is not None else None
    figures = [measure(h.spoken, h.changes, h.goodbye_s) for h in heard if not h.refused]
    return summarize(target.label, target.protocol, heard, figures, plan.language, costs)


async def _watch(speakers: Sequence[Session], plan: Plan, on_progress: Progress) -> None:
    began = time.monotonic()
    likely_s = plan.seconds(len(speakers))
    while True:
        heard = [speaker.heard for speaker in speakers]
        spoken = sum(len(each.spoken) for each in heard)
        saying = f"{spoken} utterances"
        for count, what in (
            (sum(bool(each.refused) for each in heard), "refused"),
            (sum(bool(each.problems) for each in heard), "with problems"),
        ):
            saying += f", {count} {what}" if count else ""
        late_s = max(each.late_s for each in heard)
        saying += f", {late_s:.1f} s late" if late_s > 0.5 else ""
        on_progress(min((time.monotonic() - began) / likely_s, 1.0), saying)
        await asyncio.sleep(1)
