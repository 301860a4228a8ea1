"""`surtitle serve` with another decoder in the worker: python -m tests.serve_with MODULE:FUNCTION.

The worker imports this module again, so what is heavy is imported where it is used.
"""

import sys

from surtitle.errors import SurtitleError


def main(decoder: str) -> int:
    from surtitle.app import run_on_loop, serve
    from surtitle.config import load_settings

    return run_on_loop(serve(load_settings({}), decoder=decoder))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except SurtitleError as error:
        sys.exit(f"surtitle: {error}")
