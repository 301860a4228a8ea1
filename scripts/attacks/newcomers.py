"""People who come while others mean harm: are they let in?"""

import asyncio
import contextlib

from attacks.wire import CLOSE, Site, Told, connect, frame, text

COMES_EVERY_S = 0.5
LET_IN_WITHIN_S = 2.0


class Newcomers:
    """One comes every half second, and goes again."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.came = 0
        self.told = Told()

    @property
    def refused(self) -> int:
        """How many got no session."""
        return self.came - self.told["ready"]

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._come())
                await asyncio.sleep(COMES_EVERY_S)

    async def _come(self) -> None:
        told = Told()
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(LET_IN_WITHIN_S):
                line = await connect(self._site, told)
                if line is not None:
                    with line:
                        await line.send(text(type="start", language="en"))
                        await line.ready_or_closed()
                        await line.send(frame(CLOSE, (1000).to_bytes(2, "big")))
                        await line.closed()
        self.came += 1
        self.told["ready" if told["ready"] else "; ".join(told) or "no answer"] += 1
