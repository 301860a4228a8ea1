"""WebKitGTK's MiniBrowser, on a screen that nobody sees."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from browsers.tab import OpenTab, Tab, WebDriverTab
from browsers.webdriver import driver, session


@contextmanager
def webkit(environment: Mapping[str, str], folder: Path, *arguments: str) -> Iterator[OpenTab]:
    """Its automation allows the microphone, and nothing moves; each tab is a browser of its own.

    The folder is to be empty.
    """
    found = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    assert found, "no WebKitGTK: install Debian's `webkit2gtk-driver` package"
    options = {"binary": str(found[-1]), "args": ["--automation", *arguments]}

    @contextmanager
    def open_tab() -> Iterator[Tab]:
        wanted = {"webkitgtk:browserOptions": options}
        with driver("WebKitWebDriver", surroundings) as url, session(url, **wanted) as started:
            yield WebDriverTab(started)

    settings = folder / "gtk-3.0" / "settings.ini"
    settings.parent.mkdir()
    settings.write_text("[Settings]\ngtk-enable-animations=false\n", encoding="utf-8")
    with screen() as display:
        own = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"), str(folder))
        surroundings = {**environment, **own, "DISPLAY": display}
        yield open_tab


@contextmanager
def screen() -> Iterator[str]:
    """A display that nobody sees; its name."""
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1920x1200x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield f":{server.stdout.readline().strip()}"
    finally:
        server.terminate()
        server.communicate()
