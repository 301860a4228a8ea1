"""Say in a sentence that this Python is too old, instead of failing somewhere later."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - it runs on the interpreter to be checked
    sys.exit(
        "Surtitle needs Python 3.11 or newer; this is "
        + sys.version.split()[0]
        + ". Choose another: make demo PYTHON=python3.12"
    )
