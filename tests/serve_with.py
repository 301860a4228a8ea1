"""`surtitle serve` with another decoder in the worker: python -m tests.serve_with MODULE:FUNCTION."""

import sys

from surtitle.app import run_on_loop, serve
from surtitle.config import load_settings
from surtitle.errors import SurtitleError

if __name__ == "__main__":
    try:
        sys.exit(run_on_loop(serve(load_settings({}), decoder=sys.argv[1])))
    except SurtitleError as error:
        sys.exit(f"surtitle: {error}")
