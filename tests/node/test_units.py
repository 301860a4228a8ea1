"""The modules of the pages and of the library that need no browser, tested in Node (`node --test`)."""

from pathlib import Path

import pytest

from tests.node.running import run_tests

FILES = sorted((Path(__file__).parent / "unit").glob("*.test.mjs"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name.split(".")[0])
def test_in_node(node_20: str, file: Path) -> None:
    run_tests(node_20, file)
