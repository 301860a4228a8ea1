"""The devices of this machine that models run on, by the names that settings use."""

import subprocess
import sys
from collections.abc import Sequence

from surtitle.errors import ConfigurationError

ALL = "all"
_COUNT = "import ctranslate2; print(ctranslate2.get_cuda_device_count())"
COUNT_WITHIN_S = 60.0


def find_devices(names: Sequence[str]) -> list[str]:
    """The same names, or those of all GPUs where `all` is asked for. Raises ConfigurationError."""
    if list(names) != [ALL]:
        return list(names)
    count = count_gpus()
    if not count:
        raise ConfigurationError(
            "`devices` is all, but no GPU was found; `surtitle check --device cuda` says why."
        )
    return [f"cuda:{index}" for index in range(count)]


def count_gpus() -> int:
    """How many GPUs CTranslate2 can use. It is asked in a process of its own: here it is not loaded."""
    command = [sys.executable, "-c", _COUNT]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COUNT_WITHIN_S, check=True
        )
        return int(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0
