"""The clients that Deepgram and OpenAI publish on npm, unchanged but for the address.

OpenAI's dials `wss:` only, for which there is a server with a certificate. It asks for keys, too.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from lab.places import SAMPLE, SAMPLE_TEXT
from lab.server_process import ServerProcess, start_server
from surtitle.gateway.access import add_key
from tests.gateway.certificates import make_certificate
from tests.node.conftest import npm
from tests.real_speech.scoring import word_error_rate

pytestmark = pytest.mark.long

PACKAGES = ["@deepgram/sdk@5.13.0", "openai@7.59.0", "ws@8.21.3"]
NODE_22 = "22.23.3"
PROGRAMS = Path(__file__).parent / "npm_clients"
LIMIT_S = 120.0
ENOUGH = 0.1  # errors over words: the tests of the model say more
NOTHING_LEFT_MS = 1000
Message = dict[str, Any]


def install(folder: Path, *packages: str) -> None:
    found = npm("install", "--prefer-offline", *packages, cwd=folder)
    if found.returncode:
        pytest.skip(f"npm cannot install {', '.join(packages)}: {found.stderr[-300:]}")


@pytest.fixture(scope="module")
def programs(node_20: str, pytestconfig: pytest.Config) -> Path:
    """The programs of this test, beside the packages. It is kept: one of them has a hundred megabytes."""
    if shutil.which("npm") is None:
        pytest.skip("no npm, which comes with most packages of Node")
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir("npm_clients")
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    install(folder, *PACKAGES)
    for program in PROGRAMS.glob("*.mjs"):
        shutil.copy(program, folder)
    return folder
