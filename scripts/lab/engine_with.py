"""`surtitle engine` on a free port, with another decoder: python -m lab.engine_with MODULE:FUNCTION.

The worker imports this module again, so what is heavy is imported where it is used.
"""

import sys

from surtitle.errors import SurtitleError


def main(decoder: str) -> int:
    from surtitle.cli.engine import serve_engine
    from surtitle.config import load_settings
    from surtitle.runtime.mainloop import run_on_loop

    return run_on_loop(serve_engine(load_settings({}), "127.0.0.1", 0, decoder=decoder))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except SurtitleError as error:
        sys.exit(f"surtitle: {error}")
