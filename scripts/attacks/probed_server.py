"""`surtitle serve` with a timer on its event loop that notes how late it is:

    python -m attacks.probed_server FILE

The notes are those of `attacks.lag`. All else is as it is.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import BinaryIO

from attacks.lag import EVERY_S, NOTE


async def _note(file: BinaryIO) -> None:
    while True:
        due = time.monotonic() + EVERY_S
        await asyncio.sleep(EVERY_S)
        file.write(NOTE.pack(due, max(0.0, time.monotonic() - due)))


def open_notes(path: str) -> BinaryIO:
    """The file, which has each note at once."""
    return Path(path).open("wb", buffering=0)


async def _serve(path: str) -> int:
    from surtitle.app import serve
    from surtitle.config import load_settings

    with open_notes(path) as file:
        noting = asyncio.create_task(_note(file))
        try:
            return await serve(load_settings({}))
        finally:
            noting.cancel()


def main() -> int:
    """Serve until the end, which is also that of who has started us."""
    from surtitle.runtime.mainloop import run_on_loop, stop_with_stdin

    stop_with_stdin()
    return run_on_loop(_serve(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
