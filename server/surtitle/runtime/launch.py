"""Starts the programs of this room, each in a Python of its own."""

import os
import subprocess
import sys
from typing import Any


def launch(module: str, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    """Run a module of the package; `options` are Popen's.

    Not from the working folder, which may hold anything, and without NumPy's threads, which would
    stand in the way of a fork.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        **options,
    )
