"""docs/electron.md shows the example's own code."""

import re

import pytest

from lab.places import REPOSITORY
from tests.electron.conftest import EXAMPLE

DOCUMENT = (REPOSITORY / "docs" / "electron.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```(?:js|json)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
FILES = [
    path
    for path in EXAMPLE.rglob("*")
    if path.suffix in (".js", ".cjs", ".json") and "node_modules" not in path.parts
]


def plain(code: str) -> str:
    """Code without its indentation, each line between line feeds."""
    return "\n" + "\n".join(line.strip() for line in code.strip().splitlines()) + "\n"


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda code: code.strip().splitlines()[0][:40])
def test_each_snippet_stands_in_a_file(snippet: str) -> None:
    assert any(plain(snippet) in plain(path.read_text(encoding="utf-8")) for path in FILES)


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) >= 10


def test_the_files_it_names_exist() -> None:
    named = set(re.findall(r"`((?:main|preload|server|renderer)/[\w./-]+)`", DOCUMENT))
    assert len(named) >= 8
    assert {name for name in named if not (EXAMPLE / name).exists()} == set()
    tests = set(re.findall(r"`(tests/[\w./-]+)`", DOCUMENT))
    assert {name for name in tests if not (REPOSITORY / name).exists()} == set()
