"""The weights of Silero's network, read by a process of its own.

The package has them as a program for PyTorch, which takes 180 MB and two seconds to be loaded: for 14
tensors that are read once. So a short-lived process reads them, while the worker loads the model.

    python -m surtitle.vad.weights          # writes them to standard output, in NumPy's format
"""

import asyncio
import io
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from surtitle.errors import SurtitleError
from surtitle.runtime.launch import launch
from surtitle.runtime.surroundings import tolerate_warnings
from surtitle.vad.silero import Floats

Weights = Mapping[str, Floats]


async def read_weights() -> Weights:
    """The tensors of the installed package, by their names. Raises SurtitleError."""
    alive, ours = os.pipe()  # its standard input ends with this process, and it with that
    try:
        process = launch(
            "surtitle.vad.weights",
            stdin=alive,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        os.close(ours)
        raise SurtitleError(
            f"No process can be started to read voice activity: {error}."
        ) from error
    finally:
        os.close(alive)
    try:
        data, complaint = await asyncio.to_thread(process.communicate)
    finally:
        process.kill()
        os.close(ours)
    if process.returncode:
        why = complaint.decode(errors="replace").strip().rpartition("\n")[2].rstrip(".")
        raise SurtitleError(
            f"The voice-activity network cannot be read from the package silero-vad: {why}. "
            "`surtitle check` examines the installation."
        )
    with np.load(io.BytesIO(data)) as tensors:
        return {name: tensors[name] for name in tensors}


def load_weights() -> Weights:
    """The same, in this process."""
    from silero_vad import load_silero_vad

    state = load_silero_vad()._model.state_dict()
    return {name: tensor.numpy() for name, tensor in state.items()}


def _end_with_standard_input() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    tolerate_warnings()
    tensors: dict[str, Any] = dict(load_weights())
    np.savez(sys.stdout.buffer, **tensors)
