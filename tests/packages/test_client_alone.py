"""`surtitle-client` in an environment of its own: no server, no PyTorch; and beside the server."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from lab.places import REPOSITORY
from lab.server_process import FAKE_DECODER, start_server
from tests.packages.conftest import Distributions
from tests.packages.environments import Installation, make_venv, needs_tools, pip_install, run, tool

pytestmark = [pytest.mark.packages, pytest.mark.timeout(300), needs_tools]

CAPTION = """
import numpy as np
from surtitle.client import Ended, Start
from surtitle.client.sync import caption
noise = np.random.default_rng(1).integers(-9000, 9000, 32000).astype(np.int16)
events = list(caption({url!r}, noise, Start(partials=False)))
assert isinstance(events[-1], Ended) and events[-1].audio_ms == 2000, events
print("captioned")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client-dist")
    tool(
        "python", "-m", "build", "--wheel", "--outdir", folder, REPOSITORY / "packaging" / "client"
    )
    (wheel,) = folder.glob("surtitle_client-*.whl")
    assert "PASSED" in tool("twine", "check", "--strict", wheel)
    return wheel


@pytest.fixture(scope="module")
def venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_venv(tmp_path_factory.mktemp("client-venv") / "venv")
    pip_install(folder, wheel)
    return folder


@pytest.fixture
def installation(venv: Path, tmp_path: Path) -> Installation:
    return Installation(venv, tmp_path)


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_nothing_else_is_installed(installation: Installation) -> None:
    listed = run(
        [installation.venv / "bin" / "pip", "--disable-pip-version-check", "list", "--format=json"]
    )
    found = {each["name"].lower() for each in json.loads(listed.stdout)}
    assert found - {"pip", "setuptools"} == {"msgspec", "numpy", "surtitle-client", "websockets"}


def test_every_module_of_it_can_be_imported(installation: Installation, wheel: Path) -> None:
    """But for those of the extras, which say what is missing when they are used."""
    modules = sorted(
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in names(wheel)
        if name.startswith("surtitle/client/") and name.endswith(".py")
    )
    assert {"surtitle.client", "surtitle.client.sync", "surtitle.client.microphone"} <= set(modules)
    assert installation.python(f"import {', '.join(modules)}; print('fine')") == "fine"


def test_it_captions(installation: Installation) -> None:
    server = start_server(decoder=FAKE_DECODER)
    try:
        assert installation.python(CAPTION.format(url=server.url)) == "captioned"
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("next(read_chunks(Path('talk.wav')))", "files"),
        ("input_names()", "mic"),
    ],
)
def test_what_an_extra_brings_is_asked_for(
    installation: Installation, code: str, extra: str
) -> None:
    (installation.folder / "talk.wav").write_bytes(b"RIFF")
    said = installation.python(
        "from pathlib import Path\n"
        "from surtitle.client import ClientError\n"
        "from surtitle.client.media import read_chunks\n"
        "from surtitle.client.microphone import input_names\n"
        f"try:\n    {code}\nexcept ClientError as error:\n    print(error.code, error)"
    )
    assert said.startswith("no_package ")
    assert said.endswith(f"bin/python -m pip install 'surtitle-client[{extra}]'")


# Behind the others: it adds to the environment.
def test_with_its_extra_it_reads_files(wheel: Path, venv: Path, installation: Installation) -> None:
    pip_install(venv, f"{wheel}[files]")
    sample = REPOSITORY / "web_demo" / "sample.flac"
    code = (
        "from pathlib import Path\nfrom surtitle.client.media import read_chunks\n"
        f"print(len(b''.join(read_chunks(Path({str(sample)!r})))) > 16000)"
    )
    assert installation.python(code) == "True"


def test_it_is_the_servers_own_client(wheel: Path, distributions: Distributions) -> None:
    """Byte for byte, so that one may lie over the other."""
    with zipfile.ZipFile(wheel) as client, zipfile.ZipFile(distributions.wheel) as server:
        for name in names(wheel):
            assert client.read(name) == server.read(name), name


def test_the_server_may_be_installed_over_it(
    wheel: Path, distributions: Distributions, tmp_path: Path
) -> None:
    venv = make_venv(tmp_path / "venv")
    pip_install(venv, wheel)
    pip_install(venv, "--no-deps", distributions.wheel)
    there = Installation(venv, tmp_path)
    assert there.python("import surtitle.client.sync; print('fine')") == "fine"
    gone = run([venv / "bin" / "pip", "uninstall", "--yes", "surtitle-client"])
    assert gone.returncode == 0, gone.stderr
    pip_install(venv, "--no-deps", "--force-reinstall", distributions.wheel)
    assert there.python("import surtitle.client.sync; print('fine')") == "fine"
