"""Silero voice activity over all sessions at once: one batch a round.

A batch row is one stream with a state of its own; a batched row equals the same row alone. One call
for 32 streams costs about three times one call for a single stream, so the windows of all sessions
are scored together.
"""

import asyncio
import contextlib
from typing import Protocol

import numpy as np
import structlog
import torch
from numpy.typing import NDArray
from silero_vad import load_silero_vad

from surtitle.captioning.endpointing import WINDOW_SAMPLES

log = structlog.get_logger("surtitle.vad")

CONTEXT_SAMPLES = 64
"""Samples of the window before that Silero wants in front of each window at 16 kHz."""
_STATE_SHAPE = (2, 128)

TICK_S = 0.010
"""How long the first window of a round waits for those of other sessions."""
WINDOWS_PER_TURN = 16
"""Windows of one session scored before others get their turn: a file sent at once must not starve
the live ones, and the event loop breathes between rounds."""


class VadStream:
    """The memory of one stream: Silero's recurrent state and the end of the window before."""

    __slots__ = ("context", "state")

    def __init__(self) -> None:
        self.state = torch.zeros(_STATE_SHAPE)
        self.context = torch.zeros(CONTEXT_SAMPLES)


class SileroVad:
    """The model. Not safe for concurrent use."""

    def __init__(self) -> None:
        torch.set_num_threads(1)  # a batch is too small to share, and the worker wants the cores
        self._model = load_silero_vad()._model
        with torch.inference_mode():  # the first calls compile
            for _ in range(3):
                self._model(torch.zeros(1, CONTEXT_SAMPLES + WINDOW_SAMPLES), self._state([]))

    def score(self, streams: list[VadStream], windows: NDArray[np.int16]) -> list[float]:
        """Speech probability of each stream's next window.

        `windows` has shape (len(streams), WINDOW_SAMPLES); a stream may come only once.
        """
        with torch.inference_mode():
            audio = torch.tensor(windows, dtype=torch.float32) / 32768
            context = torch.stack([stream.context for stream in streams])
            out, state = self._model(torch.cat([context, audio], dim=1), self._state(streams))
            for row, stream in enumerate(streams):
                stream.state = state[:, row].clone()
                stream.context = audio[row, -CONTEXT_SAMPLES:].clone()
            probabilities: list[float] = out[:, 0].tolist()
        return probabilities

    @staticmethod
    def _state(streams: list[VadStream]) -> torch.Tensor:
        if not streams:
            return torch.zeros(_STATE_SHAPE[0], 1, _STATE_SHAPE[1])
        return torch.stack([stream.state for stream in streams], dim=1)


class VadClient(Protocol):
    """Who wants windows scored."""

    vad_stream: VadStream

    def take_windows(self, limit: int) -> NDArray[np.int16]:
        """Up to `limit` windows, shape (n, WINDOW_SAMPLES)."""
        ...

    def receive_probabilities(self, probabilities: list[float]) -> None:
        """The probabilities of all windows taken, in order."""
        ...


class VadTicker:
    """Collects who has windows to score, and scores them together, a round at a time."""

    def __init__(self, vad: SileroVad) -> None:
        self._vad = vad
        self._ready: dict[VadClient, None] = {}  # an ordered set
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Start ticking on the running loop; returns the task, which never ends by itself."""
        self._task = asyncio.create_task(self._run(), name="vad")
        return self._task

    async def stop(self) -> None:
        """Stop ticking."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def request(self, client: VadClient) -> None:
        """The client may have windows to score."""
        self._ready[client] = None
        self._wake.set()

    def forget(self, client: VadClient) -> None:
        """The client has gone."""
        self._ready.pop(client, None)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(TICK_S)
            while self._ready:
                self._round()
                await asyncio.sleep(0)

    def _round(self) -> None:
        """Score up to WINDOWS_PER_TURN windows of each waiting client, one column at a time."""
        clients = list(self._ready)
        self._ready.clear()
        work = [(client, client.take_windows(WINDOWS_PER_TURN)) for client in clients]
        scored: list[list[float]] = [[] for _ in work]
        for column in range(max(len(windows) for _, windows in work)):
            rows = [i for i, (_, windows) in enumerate(work) if len(windows) > column]
            streams = [work[i][0].vad_stream for i in rows]
            batch = np.stack([work[i][1][column] for i in rows])
            for i, probability in zip(rows, self._vad.score(streams, batch), strict=True):
                scored[i].append(probability)
        for (client, windows), probabilities in zip(work, scored, strict=True):
            if len(windows) == WINDOWS_PER_TURN:
                self._ready[client] = None  # there may be more
            if probabilities:
                client.receive_probabilities(probabilities)
