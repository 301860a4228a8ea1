"""Memory of a server by process: its own, the recognition worker's, and that of all others it has."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import psutil

EVERY_S = 0.25
MB = 1 << 20


@dataclass(frozen=True)
class Look:
    """Megabytes at one moment."""

    server_mb: float = 0.0
    worker_mb: float = 0.0
    others_mb: float = 0.0
    """Processes that decode files, and helpers: each page of memory counts once (PSS)."""

    def most(self, other: "Look") -> "Look":
        """The larger figure of each."""
        return Look(
            max(self.server_mb, other.server_mb),
            max(self.worker_mb, other.worker_mb),
            max(self.others_mb, other.others_mb),
        )

    @property
    def answers_for(self) -> float:
        """What clients can drive up: all but the worker, whose memory is the model's."""
        return self.server_mb + self.others_mb


def look(server: int, worker: int) -> Look:
    """Measure now; what has ended counts as nothing."""
    server_mb = worker_mb = others_mb = 0.0
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(server)
        server_mb = parent.memory_info().rss / MB
        for child in parent.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if child.pid == worker:
                    worker_mb = child.memory_info().rss / MB
                else:
                    others_mb += child.memory_full_info().pss / MB
    return Look(server_mb, worker_mb, others_mb)


@dataclass
class MemoryMeter:
    """Looks again and again while it runs."""

    server: int
    worker: int
    peak: Look = field(default_factory=Look)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self.peak = self.peak.most(await asyncio.to_thread(look, self.server, self.worker))
            await asyncio.sleep(EVERY_S)
