"""A PulseAudio of its own: a microphone that hears what a test says, and silent loudspeakers.

Chromium takes a file for its microphone. Other browsers ask the system for one, so they get a system.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.waiting import wait_until

# What is said in the room is heard by the microphone; browsers offer no monitor of a sink for one.
CONFIGURATION = """
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
load-module module-null-sink sink_name=speakers
load-module module-null-sink sink_name=room
load-module module-remap-source source_name=microphone master=room.monitor
set-default-sink speakers
set-default-source microphone
"""


@dataclass(frozen=True)
class SoundSystem:
    """Where it is, for the environment of a browser."""

    environment: dict[str, str]

    @contextmanager
    def saying(self, wav: Path) -> Iterator[None]:
        """Play a file to the microphone, from now on."""
        player = subprocess.Popen(["paplay", "--device=room", str(wav)], env=self.environment)
        try:
            yield
        finally:
            player.kill()
            player.wait()


@contextmanager
def sound_system(folder: Path) -> Iterator[SoundSystem]:
    """Run it, with all that it keeps in a folder of its own."""
    socket = folder / "pulse"
    configuration = folder / "pulse.pa"
    configuration.write_text(CONFIGURATION.format(socket=socket), encoding="utf-8")
    places = {"PULSE_RUNTIME_PATH": str(folder), "PULSE_STATE_PATH": str(folder)}
    environment = os.environ | places | {"PULSE_SERVER": f"unix:{socket}"}
    server = subprocess.Popen(
        ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "-F", str(configuration)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: socket.exists() or server.poll() is not None)
        assert server.poll() is None, "PulseAudio does not start"
        yield SoundSystem(environment)
    finally:
        server.terminate()
        server.wait()
