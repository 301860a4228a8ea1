"""A microphone for PortAudio that is made of a recording: ALSA's file plugin reads from a named pipe.

The plugin takes what it is given as fast as it comes, so the pace is that of the writer.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from surtitle.jobs import Pcm16

BLOCK_BYTES = 3200
BLOCK_S = 0.1


@contextmanager
def recorded_microphone(folder: Path, spoken: Pcm16) -> Iterator[dict[str, str]]:
    """The environment in which `recording` is the default microphone.

    It hears what is spoken, 16 kHz, again and again, each time after three seconds of silence.
    """
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    configuration = folder / "asound.conf"
    configuration.write_text(
        "</usr/share/alsa/alsa.conf>\n"
        f"pcm.recording {{ type file slave.pcm null file /dev/null infile {pipe} format raw }}\n"
        "pcm.!default recording\n"
    )
    over = threading.Event()
    feeding = threading.Thread(target=_feed, args=(pipe, spoken, over))
    feeding.start()
    try:
        yield {"ALSA_CONFIG_PATH": str(configuration)}
    finally:
        over.set()
        feeding.join()


def _feed(pipe: Path, spoken: Pcm16, over: threading.Event) -> None:
    sound = bytes(3 * 32_000) + spoken.tobytes()
    # Open at both ends: who looks at the device and closes it again breaks nothing.
    handle = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    due = time.monotonic()
    position = 0
    while not over.is_set():
        block = sound[position : position + BLOCK_BYTES]
        try:
            os.write(handle, block)
        except BlockingIOError:
            pass  # nobody listens
        else:
            position = (position + BLOCK_BYTES) % len(sound)
        due += BLOCK_S
        over.wait(max(0.0, due - time.monotonic()))
    os.close(handle)
