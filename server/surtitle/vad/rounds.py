"""Silero voice activity over all sessions at once: one batch a round, off the event loop.

In a batch of 32 a window costs a tenth of what it costs alone, so the windows of all sessions are
scored together; they come together, since the sockets are read so (`gateway/reading.py`). Each stream
has a state of its own, and its windows get the same probabilities in any company. The state of all
streams lies in one array, a slot for each: a stream costs no Python of its own.

More than a few windows are scored in a thread, one turn at a time; meanwhile the results of the turn
before are handed out.
NumPy releases Python's lock in each product of matrices.

Beside somebody who speaks, what is patient (nobody waits for it now) gets a share of a core: for its
windows, and for what follows from these.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from surtitle.captioning.endpointing import WINDOW_SAMPLES
from surtitle.runtime.allowance import Allowance
from surtitle.runtime.background import DaemonThread
from surtitle.vad.silero import (
    CONTEXT_SAMPLES,
    FULL_SCALE,
    STATE_SIZE,
    Floats,
    SileroNetwork,
    sigmoid,
)

_FIRST_SLOTS = 16

WINDOWS_PER_TURN = 16
"""Windows of one session scored before others get their turn: a file sent at once must not starve
the live ones."""
FEW_WINDOWS = 8
"""Windows that are scored on the event loop: to hand them to the thread would cost as much again."""
WINDOWS_PER_CALL = 1024
"""About how many windows are scored in one call (20 ms): bounds its memory and what it holds up.
More do not make a window cheaper."""
WINDOWS_BESIDE = 256
"""The same of those that have more than a turn's worth, beside those that speak, who wait for it."""
PATIENT_SHARE = 0.25
"""Of a core, for all that is patient, while somebody speaks: some minutes of audio in a second."""
PATIENT_AT_ONCE_S = 0.01
"""The same, after a pause."""
SPOKE_S = 1.0
"""How long somebody counts as speaking after his last windows."""
HAND_OUT_S = 0.004
"""How long results are handed out before the event loop gets its turn."""


class SileroVad:
    """The network and the memory of all its streams. Not safe for concurrent use."""

    def __init__(self, network: SileroNetwork) -> None:
        self._network = network
        self._state = np.zeros((2, 0, STATE_SIZE), np.float32)
        self._context = np.zeros((0, CONTEXT_SAMPLES), np.float32)  # the end of the window before
        self._free: list[int] = []

    def open(self) -> int:
        """A slot for a stream that begins."""
        if not self._free:
            held = len(self._context)
            more = max(held, _FIRST_SLOTS)  # doubled: amortized O(1)
            self._state = np.pad(self._state, ((0, 0), (0, more), (0, 0)))
            self._context = np.pad(self._context, ((0, more), (0, 0)))
            self._free.extend(range(held + more - 1, held - 1, -1))
        slot = self._free.pop()
        self._state[:, slot] = 0
        self._context[slot] = 0
        return slot

    def close(self, slot: int) -> None:
        """The stream has ended; its slot may be given out again."""
        self._free.append(slot)

    def score(
        self, slots: Sequence[int], counts: Sequence[int], windows: NDArray[np.int16]
    ) -> tuple[Floats, Floats]:
        """Speech probability (0-1) and level (RMS, full scale is 1) of each window.

        `windows` has shape (sum(counts), WINDOW_SAMPLES): the next counts[0] windows of the stream
        in slots[0], oldest first, then those of the next. A slot may come only once.
        """
        slot, count = np.array(slots, np.intp), np.array(counts, np.intp)
        end = np.cumsum(count)
        audio = windows.astype(np.float32)
        contexts = np.empty((len(audio), CONTEXT_SAMPLES), np.float32)
        contexts[1:] = audio[:-1, -CONTEXT_SAMPLES:]
        contexts[end - count] = self._context[slot]
        self._context[slot] = audio[end - 1, -CONTEXT_SAMPLES:]
        encoded = self._network.encode(contexts, audio)
        # A stream's windows are one after the other; who has most of them comes first.
        order = np.argsort(-count, kind="stable")
        slot, first = slot[order], (end - count)[order]
        state = self._state[:, slot]
        logits = np.empty(len(audio), np.float32)
        for column in range(count.max(initial=0)):
            going = np.count_nonzero(count > column)
            rows = first[:going] + column
            logits[rows] = self._network.step(encoded[rows], state[:, :going])
        self._state[:, slot] = state
        levels = np.sqrt(np.einsum("ij,ij->i", audio, audio) / WINDOW_SAMPLES) / FULL_SCALE
        return sigmoid(logits), levels


class VadClient(Protocol):
    """Who wants windows scored."""

    @property
    def patient(self) -> bool:
        """Whether nobody waits for it now."""
        ...

    def take_windows(self, limit: int) -> NDArray[np.int16]:
        """Up to `limit` windows, shape (n, WINDOW_SAMPLES)."""
        ...

    def receive_probabilities(self, probabilities: list[float], levels: list[float]) -> None:
        """The probabilities (0-1) and levels (RMS) of all windows taken, in order."""
        ...


class VadRounds:
    """Collects who has windows to score, and scores them together, a round at a time.

    Nothing of a client is in two rounds at once, so its windows are judged in order.
    """

    def __init__(self, vad: SileroVad) -> None:
        self._vad = vad
        self._slots: dict[VadClient, int] = {}  # who has a slot
        self._left: list[int] = []  # slots of those who have gone, perhaps in a round that goes on
        self._ready: dict[VadClient, None] = {}  # an ordered set
        self._behind: dict[VadClient, None] = {}  # the same of those that had a full turn
        self._patient: dict[VadClient, None] = {}
        self._share = Allowance(PATIENT_SHARE, PATIENT_AT_ONCE_S)  # of the time, for those
        self._spoke_at = -math.inf
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Start on the running loop; returns the task, which never ends by itself."""
        self._task = asyncio.create_task(self._run(), name="vad")
        return self._task

    async def stop(self) -> None:
        """Stop. What the task ended by, if it has, is for whoever started it to see."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def request(self, client: VadClient) -> None:
        """The client may have windows to score."""
        if client.patient:
            self._ready.pop(client, None)
            self._behind.pop(client, None)
            self._patient.setdefault(client)
        else:
            self._patient.pop(client, None)
            if client not in self._behind:
                self._ready.setdefault(client)
        self._wake.set()

    def forget(self, client: VadClient) -> None:
        """The client has gone: it is neither asked nor answered any more."""
        for queue in (self._ready, self._behind, self._patient):
            queue.pop(client, None)
        if (slot := self._slots.pop(client, None)) is not None:
            self._left.append(slot)

    async def _run(self) -> None:
        thread = DaemonThread("vad")
        try:
            while True:
                await self._wait()
                await self._round(thread)
                await asyncio.sleep(0)
        finally:
            thread.stop()

    async def _wait(self) -> None:
        """Wait until somebody has windows whose turn it is."""
        while not (self._ready or self._behind):
            rest_s = self._rest_s(time.perf_counter()) if self._patient else None
            if rest_s == 0:
                return
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest_s):
                    await self._wake.wait()

    def _rest_s(self, now_s: float) -> float:
        """How long what is patient has to wait, if nobody else comes."""
        until_s = min(self._share.good_at_s, self._spoke_at + SPOKE_S)
        return max(until_s - now_s, 0.0)

    def _somebody_speaks(self, now_s: float) -> bool:
        return now_s < self._spoke_at + SPOKE_S

    async def _round(self, thread: DaemonThread) -> None:
        """Score what the waiting clients have, turn after turn.

        While the thread scores a turn, the results of the one before are handed out.
        """
        scored: tuple[_Turn, tuple[Floats, Floats]] | None = None
        while (turn := self._gather()) is not None:
            scoring = asyncio.ensure_future(self._score(thread, turn))
            if scored is not None:
                await self._hand_out(*scored)
            scored = turn, await scoring
            if not turn.more:
                break
        if scored is not None:
            await self._hand_out(*scored)

    async def _score(self, thread: DaemonThread, turn: "_Turn") -> tuple[Floats, Floats]:
        def score() -> tuple[tuple[Floats, Floats], float]:
            began_s = time.perf_counter()
            scores = self._vad.score(turn.slots, turn.counts, turn.windows)
            return scores, time.perf_counter() - began_s

        is_small = len(turn.windows) <= FEW_WINDOWS
        scores, took_s = score() if is_small else await thread.run(score)
        self._charge(took_s * sum(turn.counts[turn.patient_from :]) / len(turn.windows))
        return scores

    def _charge(self, cost_s: float) -> None:
        """So long was worked for what is patient: not a matter where nobody speaks."""
        now_s = time.perf_counter()
        if self._somebody_speaks(now_s):
            self._share.take(cost_s, now_s)

    def _gather(self) -> "_Turn | None":
        """The next windows of those who have waited longest. Called while nothing is scored."""
        while self._left:
            self._vad.close(self._left.pop())
        clients: list[VadClient] = []
        taken: list[NDArray[np.int16]] = []
        total = 0

        def take_from(queue: dict[VadClient, None], most: int) -> None:
            nonlocal total
            while queue and total < most:
                client = next(iter(queue))
                del queue[client]
                windows = client.take_windows(WINDOWS_PER_TURN)
                if len(windows):
                    clients.append(client)
                    taken.append(windows)
                    total += len(windows)

        now_s = time.perf_counter()
        take_from(self._ready, WINDOWS_PER_CALL)
        take_from(self._behind, WINDOWS_BESIDE if taken else WINDOWS_PER_CALL)
        patient_from = len(clients)
        if clients:
            self._spoke_at = now_s
        if not self._rest_s(now_s):
            speaks = self._somebody_speaks(now_s)
            take_from(self._patient, WINDOWS_BESIDE if speaks else WINDOWS_PER_CALL)
        if not taken:
            return None
        for client in clients:
            if client not in self._slots:
                self._slots[client] = self._vad.open()
        counts = [len(windows) for windows in taken]
        return _Turn(
            clients,
            slots=[self._slots[client] for client in clients],
            counts=counts,
            patient_from=patient_from,
            windows=np.concatenate(taken),
            more=bool(self._ready or self._behind or self._patient)
            or max(counts) == WINDOWS_PER_TURN,
        )

    async def _hand_out(self, turn: "_Turn", scores: tuple[Floats, Floats]) -> None:
        """Give each client its results, and the event loop a turn now and then."""
        probabilities, levels = scores
        start, turn_began_s = 0, time.perf_counter()
        for number, (client, count) in enumerate(zip(turn.clients, turn.counts, strict=True), 1):
            if client in self._slots:  # else it has gone meanwhile
                if count == WINDOWS_PER_TURN and client not in self._patient:
                    self._ready.pop(client, None)
                    self._behind.pop(client, None)
                    (self._patient if client.patient else self._behind)[client] = None
                part = slice(start, start + count)
                began_s = time.perf_counter()
                client.receive_probabilities(probabilities[part].tolist(), levels[part].tolist())
                now_s = time.perf_counter()
                if number > turn.patient_from:
                    self._charge(now_s - began_s)
                if now_s - turn_began_s > HAND_OUT_S:
                    await asyncio.sleep(0)
                    turn_began_s = time.perf_counter()
            start += count


@dataclass(frozen=True, slots=True)
class _Turn:
    """What is scored in one call."""

    clients: list[VadClient]
    slots: list[int]
    counts: list[int]
    patient_from: int  # from that one on
    windows: NDArray[np.int16]
    more: bool  # others wait, or one of these may have more
