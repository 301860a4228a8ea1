"""`surtitle serve` with another decoder in the worker: python -m lab.serve_with MODULE:FUNCTION.

The worker imports this module again, so what is heavy is imported where it is used. Where the
environment names a file in JUMPING_CLOCK, the wall clock of both is wrong by as many seconds as stand
in it.
"""

import os
import sys
import time
from pathlib import Path

from surtitle.errors import SurtitleError

JUMPING_CLOCK = "SURTITLE_TEST_CLOCK"

if JUMPING_CLOCK in os.environ:
    _right, _file = time.time, Path(os.environ[JUMPING_CLOCK])
    time.time = lambda: _right() + float(_file.read_text() or 0)


def main(decoder: str) -> int:
    from surtitle.config import load_settings
    from surtitle.runtime.mainloop import run_on_loop, stop_with_stdin

    settings = load_settings({})
    if settings.stop_with_stdin:
        stop_with_stdin()
    from surtitle.app import serve

    return run_on_loop(serve(settings, decoder=decoder))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except SurtitleError as error:
        sys.exit(f"surtitle: {error}")
