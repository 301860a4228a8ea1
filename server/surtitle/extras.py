"""How to install what only some need. Names nothing that an index may not have: Surtitle is often
installed from a checkout, where `pip install 'surtitle[mic]'` would look for a package elsewhere.
"""

import json
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

DISTRIBUTIONS = ("surtitle", "surtitle-client")
"""Those that this package may come from."""


def install_command(extra: str) -> str:
    """The command that installs an extra into the environment of this program."""
    requirement, options = _requirement(_installed(), extra)
    return " ".join([_shortest(Path(sys.executable)), "-m pip install", *options, requirement])


def _requirement(installed: Distribution | None, extra: str) -> tuple[str, list[str]]:
    """What pip is to install, and options before it."""
    if installed is None:  # not installed at all: a checkout in PYTHONPATH
        return f"'{_shortest(Path(__file__).parents[2])}[{extra}]'", []
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    if (folder := origin.get("dir_info")) is None:
        return f"'{installed.name}[{extra}]'", []  # which is here already, so no index is asked
    path = Path(url2pathname(urlsplit(origin["url"]).path))
    return f"'{_shortest(path)}[{extra}]'", ["--editable"] if folder.get("editable") else []


def _installed() -> Distribution | None:
    for name in DISTRIBUTIONS:
        try:
            return distribution(name)
        except PackageNotFoundError:
            continue
    return None


def _shortest(path: Path) -> str:
    """A path from here, where it is below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere; or the working folder has gone
        return str(path)
