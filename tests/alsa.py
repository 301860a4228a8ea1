"""A microphone for PortAudio that is made of a recording: ALSA's file plugin reads from a named pipe.

The plugin takes what it is given as fast as it comes, so the pace is that of the writer. It stands
behind ALSA's converter, as sound cards do: whoever asks for more channels gets copies or silence.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from surtitle.jobs import SAMPLE_RATE

BLOCK_S = 0.1


@contextmanager
def recorded_microphone(folder: Path, spoken: NDArray[np.int16]) -> Iterator[dict[str, str]]:
    """The environment in which `recording` is the default microphone.

    It hears what is spoken, 16 kHz, again and again, each time after three seconds of silence.
    `spoken` has shape (samples,), or (samples, channels).
    """
    frames = spoken.reshape(len(spoken), -1)
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    configuration = folder / "asound.conf"
    configuration.write_text(
        "</usr/share/alsa/alsa.conf>\n"
        "pcm.recording { type plug slave { pcm recorded format S16_LE "
        f"rate {SAMPLE_RATE} channels {frames.shape[1]} }} }}\n"
        f"pcm.recorded {{ type file slave.pcm null file /dev/null infile {pipe} format raw }}\n"
        "pcm.!default recording\n"
    )
    over = threading.Event()
    feeding = threading.Thread(target=_feed, args=(pipe, frames, over))
    feeding.start()
    try:
        yield {"ALSA_CONFIG_PATH": str(configuration)}
    finally:
        over.set()
        feeding.join()


def _feed(pipe: Path, frames: NDArray[np.int16], over: threading.Event) -> None:
    second_bytes = SAMPLE_RATE * frames[0].nbytes
    block_bytes = round(second_bytes * BLOCK_S)
    sound = bytes(3 * second_bytes) + frames.tobytes()
    # Open at both ends: who looks at the device and closes it again breaks nothing.
    handle = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    due = time.monotonic()
    position = 0
    while not over.is_set():
        block = sound[position : position + block_bytes]
        try:
            os.write(handle, block)
        except BlockingIOError:
            pass  # nobody listens
        else:
            position = (position + block_bytes) % len(sound)
        due += BLOCK_S
        over.wait(max(0.0, due - time.monotonic()))
    os.close(handle)
