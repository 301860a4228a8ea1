"""What is printed, whatever the locale."""

import os
import pty
import subprocess
import sys

import pytest

from lab.places import REPOSITORY

TEXTS = ["Grüße", "講堂", "Łódź – “so”", "\N{MICROPHONE}"]
LOCALES = {
    "ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1"},  # what a locale of that kind comes to
    "UTF-8": {"PYTHONUTF8": "1"},
}


def print_made_good(text: str, locale: str, output: int) -> subprocess.CompletedProcess[bytes]:
    code = f"from surtitle.runtime.surroundings import make_good; make_good(); print({text!a})"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "server")} | LOCALES[locale]
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, stdout=output, stderr=subprocess.PIPE)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("text", TEXTS)
def test_a_pipe_gets_utf_8(text: str, locale: str) -> None:
    ended = print_made_good(text, locale, subprocess.PIPE)
    assert (ended.stderr, ended.stdout.decode().strip()) == (b"", text)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("text", TEXTS)
def test_a_terminal_gets_what_it_can_show(text: str, locale: str) -> None:
    ours, theirs = pty.openpty()
    try:
        ended = print_made_good(text, locale, theirs)
        assert ended.stderr == b""  # or there may be nothing to read
        shown = os.read(ours, 1000).strip()
    finally:
        os.close(ours)
        os.close(theirs)
    encoding = locale if locale != "ASCII" else "ascii"
    assert shown == text.encode(encoding, "replace")
