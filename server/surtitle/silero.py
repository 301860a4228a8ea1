"""Silero's voice-activity network (version 6, 16 kHz), evaluated with NumPy.

The weights are those of the `silero-vad` package, and so are the results, to the sixth digit. In the
package the network runs on PyTorch, which looks after each of its small layers at length: a round of
two windows of 16 streams costs 3.0 ms there and 1.1 ms here, with the caches cold as they are beside
a busy recognizer. It is small enough to be written as the matrix products that it is:

    magnitudes of a short-time Fourier transform -> four convolutions -> LSTM cell -> probability

Only the LSTM's own product is recurrent, a tenth of the work. All before it (`encode`) takes any
number of windows at once, several of one stream among them; `step` then goes window by window.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from silero_vad import load_silero_vad
from threadpoolctl import threadpool_limits

CONTEXT_SAMPLES = 64
"""Samples of the window before that the network wants in front of each window."""
STATE_SIZE = 128
"""Units of the LSTM cell; a stream's state is its output and its cell, two vectors of this size."""

_FRAME, _HOP, _FRAMES = 256, 128, 4
"""Of the Fourier transform; four frames fit a row once it is extended."""
_BINS = _FRAME // 2 + 1
_ROWS_AT_ONCE = 128
"""More do not make a row cheaper: what lies between the layers would leave the cache."""

Floats = NDArray[np.float32]


class SileroNetwork:
    """The network without any memory; the state of the streams is its user's."""

    def __init__(self) -> None:
        """Read the weights from the installed package."""
        # Products as small as these are slower on several threads, which spin between them.
        threadpool_limits(limits=1, user_api="blas")
        weights = {
            name: tensor.numpy() for name, tensor in load_silero_vad()._model.state_dict().items()
        }
        self._basis = np.ascontiguousarray(weights["stft.forward_basis_buffer"][:, 0].T)
        # Of the third and fourth kernel only these taps ever meet anything but padding.
        used = (slice(0, 3), slice(0, 3), slice(1, 3), slice(1, 2))
        self._layers = [
            (
                _taps(weights[f"encoder.{number}.reparam_conv.weight"][:, :, taps]),
                weights[f"encoder.{number}.reparam_conv.bias"],
            )
            for number, taps in enumerate(used)
        ]
        # The package has the cell's gates in the order take, keep, candidate, give; with the
        # candidate last, one call does for the other three.
        order = np.arange(4 * STATE_SIZE).reshape(4, STATE_SIZE)[[0, 1, 3, 2]].ravel()
        self._input = np.ascontiguousarray(weights["decoder.rnn.weight_ih"][order].T)
        self._input_bias = (weights["decoder.rnn.bias_ih"] + weights["decoder.rnn.bias_hh"])[order]
        self._recurrent = np.ascontiguousarray(weights["decoder.rnn.weight_hh"][order].T)
        self._output = weights["decoder.decoder.2.weight"][0, :, 0]
        self._output_bias = weights["decoder.decoder.2.bias"]

    def encode(self, rows: Floats) -> Floats:
        """What the LSTM cell gets of each window; shape (n, 4 * STATE_SIZE).

        `rows` has shape (n, CONTEXT_SAMPLES + WINDOW_SAMPLES), full scale is 1.
        """
        parts = [
            self._encode(rows[first : first + _ROWS_AT_ONCE])
            for first in range(0, len(rows), _ROWS_AT_ONCE)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _encode(self, rows: Floats) -> Floats:
        count = len(rows)
        extended = np.concatenate([rows, rows[:, -2 : -2 - CONTEXT_SAMPLES : -1]], axis=1)
        frames = _overlapping(extended, _FRAME, _HOP)
        spectrum = frames @ self._basis  # the real parts, then the imaginary
        spectrum *= spectrum
        # A convolution of three taps over vectors that lie one behind the other is one product with
        # what each three of them hold together.
        padded = np.zeros((count, _FRAMES + 2, _BINS), np.float32)
        power = padded[:, 1:-1]
        parts = spectrum.reshape(count, _FRAMES, 2, _BINS)
        np.add(parts[:, :, 0], parts[:, :, 1], out=power)
        np.sqrt(power, out=power)
        first = self._layer(0, _overlapping(padded, 3 * _BINS, _BINS))
        padded = np.zeros((count, _FRAMES + 1, STATE_SIZE), np.float32)
        padded[:, 1:] = first.reshape(count, _FRAMES, STATE_SIZE)
        second = self._layer(1, _overlapping(padded, 3 * STATE_SIZE, 2 * STATE_SIZE))
        third = self._layer(2, second.reshape(count, -1))
        gates: Floats = self._layer(3, third) @ self._input
        gates += self._input_bias
        return gates

    def _layer(self, number: int, inputs: Floats) -> Floats:
        taps, bias = self._layers[number]
        outputs: Floats = inputs @ taps
        outputs += bias
        return np.maximum(outputs, 0, out=outputs)

    def step(self, encoded: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Speech probability (0-1) of one window of each stream, shape (n,), and the new state.

        `encoded` comes from `encode`, shape (n, 4 * STATE_SIZE); `state` has shape (2, n, STATE_SIZE)
        and begins with zeros.
        """
        output, cell = state
        encoded = encoded + output @ self._recurrent
        gates = _sigmoid(encoded[:, : 3 * STATE_SIZE])
        take, keep, give = (gates[:, i * STATE_SIZE : (i + 1) * STATE_SIZE] for i in range(3))
        cell = keep * cell + take * np.tanh(encoded[:, 3 * STATE_SIZE :])
        output = give * np.tanh(cell)
        probability = _sigmoid(np.maximum(output, 0) @ self._output + self._output_bias)
        return probability, np.stack([output, cell])


def _overlapping(rows: Floats, length: int, hop: int) -> Floats:
    """Pieces of `length` values, `hop` apart, of each of the n rows; shape (n * pieces, length)."""
    count, width = len(rows), rows[0].size
    pieces = (width - length) // hop + 1
    strides = (width * rows.itemsize, hop * rows.itemsize, rows.itemsize)
    return as_strided(rows, (count, pieces, length), strides).reshape(-1, length)


def _taps(kernel: Floats) -> Floats:
    """The kernel of a convolution, (outputs, inputs, taps), as a matrix (taps * inputs, outputs)."""
    return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, len(kernel)))


def _sigmoid(values: Floats) -> Floats:
    result: Floats = np.tanh(values * np.float32(0.5))  # unlike exp(-x) it cannot overflow
    result += 1
    result *= np.float32(0.5)
    return result
