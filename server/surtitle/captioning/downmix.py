"""Several channels -> one, so that no voice is lost in it. Pure.

The plain mean loses a voice that is on one of many channels, and one whose other channel is
inverted. So it is the mean of the channels that have signal; of two that cancel each other out the
weaker one has no part, and where all together do the strongest is heard alone. That is judged in
blocks of 10 ms on the stream's own axis, so how it is cut makes no difference, and weights change
by a ramp over a block, so that nothing clicks. What is judged is what differs from a parabola
through the block: an offset does not, and hum, which can be louder than a voice, hardly does.
`web_demo/client/downmix.js` follows the same rule; `tests/conformance/downmix.json` holds the two
together.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Pair = tuple[int, int]
"""Numbers of two channels, the lower one first."""

BLOCKS_PER_S = 100
HOLD = 10 ** (-1 / BLOCKS_PER_S)
"""What is left of a channel's level after a block: it falls by 10 dB a second, so a speaker's
pauses change nothing."""
NEAR = 10**-2.6
"""Power of a channel that has signal, over that of the strongest (-26 dB): crosstalk has less."""
MIN_POWER = 1e-7
"""Mean square of a channel that has signal, full scale being 1 (-70 dB). This and all powers are
without the parabola, which takes 18 to 32 dB from hum at 50 Hz, and about 1 dB at 150 Hz."""
SOON = 0.8
LATER = 0.1
"""Part of a block in the powers by which cancelling is judged: at once, lest a word is lost, and
looking back 0.1 s before it is taken to be over."""
CANCELS = 0.1
HOLDS = 0.25
"""Power of the mean, over what it has where the channels have nothing to do with each other (the
strongest one's, divided by their number), below which they cancel each other out, and above which
they no longer do."""
STRONGER = 2.0
"""Times the power of the strongest channel that another must have to take its place."""
OPPOSED = 0.35
"""Power of two channels added, over the sum of their powers: a block with less speaks for their
cancelling each other out. An inverted voice still does with noise 7 dB below it on both; copies of a
voice with delays up to 1 ms never do, voices that have nothing to do with each other seldom."""
LOUD = 0.4
"""Of what the two have held: a block with less power says nothing of them."""
CLEARLY, AGAINST = 4, -2
"""What a block counts that has less than CANCELS, and one that has more than OPPOSED; others 1."""
ENOUGH, MOST = 20, 100
"""Counted, at which two are taken to cancel each other out, after 50 ms at the earliest; and the most,
after which it takes 0.4 s of loud blocks to say otherwise."""


class Downmix:
    """One stream of several channels at one rate."""

    def __init__(self, channels: int, sample_rate: int) -> None:
        """`channels` is at least 2, `sample_rate` at least BLOCKS_PER_S, in Hz."""
        self._block = sample_rate // BLOCKS_PER_S
        self._rest = np.zeros((0, channels), np.float32)  # of a block that is not whole
        self._held = [0.0] * channels  # power of each channel, falling by HOLD
        self._evidence: dict[Pair, int] = {}  # for two channels cancelling each other out; above 0
        self._mean_power = 0.0  # smoothed, of the mean of the channels that have signal
        self._single_power = 0.0  # the same of the strongest channel
        self._strongest = 0
        self._cancelled = False
        self._weights: list[float] | None = None  # of the newest block

    def push(self, frames: Float) -> Float:
        """Mix frames of shape (n, channels); returns the whole blocks that are there, shape
        (m,)."""
        frames = np.concatenate([self._rest, frames]) if len(self._rest) else frames
        whole = len(frames) // self._block * self._block
        self._rest = frames[whole:].copy()
        return self._mix(frames[:whole].reshape(-1, self._block, frames.shape[1]))

    def finish(self) -> Float:
        """What is left: less than a block. The next frames are a new block's."""
        rest, self._rest = self._rest, self._rest[:0]
        return self._mix(rest[None]) if len(rest) else rest[:, 0]

    def _mix(self, blocks: Float) -> Float:
        """Blocks of shape (n, samples, channels) -> shape (n * samples,)."""
        if not len(blocks):
            return np.zeros(0, np.float32)
        products = _products(blocks)
        before = self._weights
        pairs = _opposed(products)
        chosen = []
        for number, rows in enumerate(products.tolist()):
            self._weights = self._weigh(rows, pairs.get(number, []))
            chosen.append(self._weights)
        weights = np.array(chosen, np.float32)
        mixed = (blocks @ weights[:, :, None])[:, :, 0]
        earlier = [chosen[0] if before is None else before, *chosen[:-1]]
        changes = [i for i in range(len(chosen)) if earlier[i] != chosen[i]]
        if changes:
            ramp = (np.arange(1, blocks.shape[1] + 1) / blocks.shape[1]).astype(np.float32)
            was = np.array([earlier[i] for i in changes], np.float32)
            faded = (blocks[changes] @ was[:, :, None])[:, :, 0]
            mixed[changes] = faded + (mixed[changes] - faded) * ramp
        result: Float = mixed.reshape(-1)
        return result

    def _weigh(self, products: list[list[float]], opposed: list[Pair]) -> list[float]:
        """The weights of the channels in the next block, which add up to 1; `opposed` in it are
        these pairs.

        On lists: for so few numbers, arrays take ten times as long.
        """
        held = self._held = [
            max(row[i], level * HOLD)
            for i, (row, level) in enumerate(zip(products, self._held, strict=True))
        ]
        peak = max(held)
        if peak > STRONGER * held[self._strongest]:
            self._strongest = held.index(peak)
        least = max(NEAR * peak, MIN_POWER)
        active = [i for i, level in enumerate(held) if level >= least]
        if opposed or self._evidence:
            self._note(products, active, opposed)
            active = self._without_opposed(active)
        count = len(active)
        if count < 2:
            return self._alone(active[0]) if active else [1 / len(held)] * len(held)
        mean_power = sum(products[i][j] for i in active for j in active) / count**2
        smoothing = LATER if self._cancelled else SOON
        self._mean_power += smoothing * (mean_power - self._mean_power)
        single_power = products[self._strongest][self._strongest]
        self._single_power += smoothing * (single_power - self._single_power)
        limit = (HOLDS if self._cancelled else CANCELS) * self._single_power / count
        self._cancelled = self._mean_power < limit
        if self._cancelled:
            return self._alone(self._strongest)
        weights = [0.0] * len(held)
        for i in active:
            weights[i] = 1 / count
        return weights

    def _note(self, products: list[list[float]], active: list[int], opposed: list[Pair]) -> None:
        """What a block says of the pairs. A quiet one says nothing: noise that both channels have is
        all there is in a pause, and it is not inverted."""
        for pair in {*opposed, *self._evidence}:
            i, j = pair
            power = products[i][i] + products[j][j]
            is_loud = power >= LOUD * (self._held[i] + self._held[j])
            if not (is_loud and i in active and j in active):
                continue
            left = power + 2 * products[i][j]
            step = CLEARLY if left < CANCELS * power else 1 if left < OPPOSED * power else AGAINST
            self._evidence[pair] = min(self._evidence.get(pair, 0) + step, MOST)
            if self._evidence[pair] <= 0:
                del self._evidence[pair]

    def _without_opposed(self, active: list[int]) -> list[int]:
        """Less the weaker one of each pair; which that is does not change for a little."""
        heard = self._weights or [0.0] * len(self._held)
        rank = {i: self._held[i] * (STRONGER if heard[i] else 1) for i in active}
        kept: list[int] = []
        for i in sorted(active, key=rank.__getitem__, reverse=True):
            if all(self._evidence.get((min(i, j), max(i, j)), 0) < ENOUGH for j in kept):
                kept.append(i)
        return sorted(kept)

    def _alone(self, channel: int) -> list[float]:
        weights = [0.0] * len(self._held)
        weights[channel] = 1.0
        return weights


def _opposed(products: NDArray[np.float64]) -> dict[int, list[Pair]]:
    """The pairs that lose most of their power when they are added, by number of block."""
    powers = np.diagonal(products, axis1=1, axis2=2)
    limits = (OPPOSED - 1) / 2 * (powers[:, :, None] + powers[:, None, :])
    found: dict[int, list[Pair]] = {}
    for block, i, j in np.argwhere(products < limits).tolist():
        if i < j:
            found.setdefault(block, []).append((i, j))
    return found


def _products(blocks: Float) -> NDArray[np.float64]:
    """Mean products of each two channels, shape (n, channels, channels): the power of any mix of a
    block without mixing it."""
    curves = _curves(blocks.shape[1])
    rest = blocks - curves.T @ (curves @ blocks)
    products: NDArray[np.float64] = rest.transpose(0, 2, 1) @ rest / np.float64(blocks.shape[1])
    return products


@cache
def _curves(length: int) -> Float:
    """A level, a slope and a bend, orthonormal, shape (3, length): all parabolas are made of them."""
    slope = np.arange(length) - (length - 1) / 2
    curves = np.stack([np.ones(length), slope, slope**2 - np.mean(slope**2)])
    curves /= np.maximum(np.linalg.norm(curves, axis=1, keepdims=True), 1e-9)
    return curves.astype(np.float32)
