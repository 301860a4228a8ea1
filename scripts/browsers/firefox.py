"""A Firefox as it is released, for Playwright."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright

from lab.places import PYTHON_PATH

PREFERENCES = {
    "media.navigator.permission.disabled": True,  # nobody is asked about the microphone
    "ui.prefersReducedMotion": 1,
}


@contextmanager
def released_firefox(
    playwright: Playwright,
    folder: Path,
    environment: Mapping[str, str],
    **preferences: str | float | bool,
) -> Iterator[Browser]:
    """Start it: its microphone is allowed, and nothing moves. The folder is to be empty."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    assert program, "no Firefox: install Debian's `firefox-esr` package"
    bridge = folder / "firefox"
    command = shlex.join([sys.executable, "-m", "browsers.bidi_bridge", program])
    bridge.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    bridge.chmod(0o755)
    browser = playwright.firefox.launch(
        channel="moz-firefox",  # not Playwright's own build
        executable_path=bridge,
        env={**environment, "PYTHONPATH": PYTHON_PATH},
        firefox_user_prefs=PREFERENCES | preferences,
    )
    try:
        yield browser
    finally:
        browser.close()
