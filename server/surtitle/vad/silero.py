"""Silero's voice-activity network (version 6, 16 kHz), evaluated with NumPy.

The weights are those of the `silero-vad` package, and so are the results, to the sixth digit. In the
package the network runs on PyTorch, which looks after each of its small layers at length: a round of
two windows of 16 streams costs 3.0 ms there and about a third of that here, with cold caches. It is
small enough to be written as the matrix products that it is:

    magnitudes of a short-time Fourier transform -> four convolutions -> LSTM cell -> probability

Only the LSTM's own product is recurrent, a tenth of the work. All before it (`encode`) takes any
number of windows at once, several of one stream among them; `step` then goes window by window.

Time is the first axis: what comes at one moment lies together for all windows. So a convolution is a
sum of products, one for each tap, of what lies there already, and nothing is copied or padded for it.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

CONTEXT_SAMPLES = 64
"""Samples of the window before that the network wants in front of each window."""
STATE_SIZE = 128
"""Units of the LSTM cell; a stream's state is its output and its cell, two vectors of this size."""
FULL_SCALE = 32768
"""Of the samples that the network is given."""

_FRAME, _HOP, _FRAMES = 256, 128, 4
"""Of the Fourier transform, in samples."""
_BINS = _FRAME // 2 + 1
_GATES = 3 * STATE_SIZE
_WINDOWS_AT_ONCE = 128
"""More do not make a window cheaper: what lies between the layers would leave the cache."""

Floats = NDArray[np.float32]


class SileroNetwork:
    """The network without any memory; the state of the streams is its user's."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        """`weights` are those of the package, by the names that they have there."""
        # Products as small as these are slower on several threads, which spin between them.
        threadpool_limits(limits=1, user_api="blas")
        # Both the Fourier transform's taper, which begins with 0, and the cosines are even around the
        # middle of the frame, the sines odd: sums and differences of the samples around it, half as
        # many, give the same.
        basis = weights["stft.forward_basis_buffer"][:, 0].T / FULL_SCALE
        self._cosines = np.ascontiguousarray(basis[_HOP:0:-1, :_BINS])
        self._sines = np.ascontiguousarray(basis[_HOP - 1 : 0 : -1, _BINS + 1 : -1])
        self._taps = [
            np.ascontiguousarray(weights[f"encoder.{n}.reparam_conv.weight"].transpose(2, 1, 0))
            for n in range(4)
        ]
        self._biases = [weights[f"encoder.{n}.reparam_conv.bias"] for n in range(4)]
        # The package has the cell's gates in the order take, keep, candidate, give. With the
        # candidate last, and the others halved, one tanh does for all of them, since
        # 2 * sigmoid(x) = 1 + tanh(x / 2).
        order = np.arange(4 * STATE_SIZE).reshape(4, STATE_SIZE)[[0, 1, 3, 2]].ravel()
        halves = np.ones(4 * STATE_SIZE, np.float32)
        halves[:_GATES] = 0.5
        bias = weights["decoder.rnn.bias_ih"] + weights["decoder.rnn.bias_hh"]
        self._input = np.ascontiguousarray(weights["decoder.rnn.weight_ih"][order].T * halves)
        self._input_bias = bias[order] * halves
        self._recurrent = np.ascontiguousarray(weights["decoder.rnn.weight_hh"][order].T * halves)
        self._output = weights["decoder.decoder.2.weight"][0, :, 0]
        self._output_bias = weights["decoder.decoder.2.bias"]

    def encode(self, contexts: Floats, windows: Floats) -> Floats:
        """What the LSTM cell gets of each window; shape (n, 4 * STATE_SIZE).

        `windows` has shape (n, 512) and `contexts`, what came before each, (n, CONTEXT_SAMPLES).
        """
        parts = [
            self._encode(
                contexts[first : first + _WINDOWS_AT_ONCE], windows[first:][:_WINDOWS_AT_ONCE]
            )
            for first in range(0, len(windows), _WINDOWS_AT_ONCE)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _encode(self, contexts: Floats, windows: Floats) -> Floats:
        count = len(windows)
        # Context, window and the window's end mirrored, in pieces of half a frame.
        pieces = np.empty((_FRAMES + 1, count, _HOP), np.float32)
        half = _HOP // 2
        pieces[0, :, :half] = contexts
        pieces[0, :, half:] = windows[:, :half]
        pieces[1:-1] = windows[:, half:-half].reshape(count, -1, _HOP).transpose(1, 0, 2)
        pieces[-1, :, :half] = windows[:, -half:]
        pieces[-1, :, half:] = windows[:, -2 : -2 - half : -1]
        left, right = pieces[:-1, :, :0:-1], pieces[1:, :, 1:]
        sums = np.empty((_FRAMES, count, _HOP), np.float32)
        sums[:, :, 0] = pieces[1:, :, 0]
        np.add(left, right, out=sums[:, :, 1:])
        magnitudes = sums.reshape(-1, _HOP) @ self._cosines
        magnitudes *= magnitudes
        imaginary = (left - right).reshape(-1, _HOP - 1) @ self._sines
        imaginary *= imaginary
        magnitudes[:, 1:-1] += imaginary  # the lowest and the highest have none
        np.sqrt(magnitudes, out=magnitudes)

        before, here, after = self._taps[0]  # for four frames, with nothing around them
        first = magnitudes @ here
        first[count:] += magnitudes[:-count] @ before
        first[:-count] += magnitudes[count:] @ after
        frames = _rectified(first, self._biases[0]).reshape(_FRAMES, count, -1)

        before, here, after = self._taps[1]  # every other one of them
        second = frames[::2] @ here
        second += frames[1::2] @ after
        second[1] += frames[1] @ before
        _rectified(second, self._biases[1])

        _, here, after = self._taps[2]  # the first of two
        third = second[0] @ here
        third += second[1] @ after
        _rectified(third, self._biases[2])

        fourth = _rectified(third @ self._taps[3][1], self._biases[3])  # one alone
        gates: Floats = fourth @ self._input
        gates += self._input_bias
        return gates

    def step(self, encoded: Floats, state: Floats) -> Floats:
        """Speech as a logit in one window of each stream, shape (n,); the state becomes the next one.

        `encoded` comes from `encode`, shape (n, 4 * STATE_SIZE), and is used up; `state` has shape
        (2, n, STATE_SIZE) and begins with zeros.
        """
        output, cell = state
        encoded += output @ self._recurrent
        np.tanh(encoded, out=encoded)
        gates, candidate = encoded[:, :_GATES], encoded[:, _GATES:]
        gates += 1
        gates *= 0.5
        take, keep, give = (gates[:, i * STATE_SIZE : (i + 1) * STATE_SIZE] for i in range(3))
        cell *= keep
        take *= candidate
        cell += take
        np.tanh(cell, out=output)
        output *= give
        logits: Floats = np.maximum(output, 0) @ self._output
        logits += self._output_bias
        return logits


def _rectified(values: Floats, bias: Floats) -> Floats:
    """The values with their bias, or 0 where that is less; in their place."""
    values += bias
    return np.maximum(values, 0, out=values)


def sigmoid(logits: Floats) -> Floats:
    """Probabilities; shape as given."""
    result: Floats = np.tanh(logits * np.float32(0.5))  # unlike exp(-x) it cannot overflow
    result += 1
    result *= np.float32(0.5)
    return result
