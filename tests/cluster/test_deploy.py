"""What `surtitle ray deploy` says where it cannot do it, and which settings go to the engines."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from surtitle.cli.cluster import travelling
from surtitle.cluster.plan import Plan
from surtitle.config import load_settings
from surtitle.extras import install_command


def deploy(*options: str, first: str = "pass") -> str:
    """What the command says; it must fail."""
    code = f"import sys; {first}; from surtitle.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "ray", "deploy", *options],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    return done.stderr


def test_without_ray_it_says_how_to_install_it() -> None:
    said = deploy(first="sys.modules['ray'] = None")
    assert said == f"surtitle: Ray is not installed. Run: {install_command('ray')}\n"


def test_without_a_cluster_it_says_how_to_start_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = (
            f"127.0.0.1:{server.getsockname()[1]}"  # nobody else's, until the command is started
        )
    said = deploy("--address", address)
    assert f"There is no Ray cluster at {address}" in said
    assert "Start one with `ray start --head`" in said


def test_an_ingress_that_others_reach_needs_a_secret() -> None:
    assert "(--engine-secret-file)" in deploy("--http-host", "0.0.0.0")


def test_fewer_engines_at_the_most_than_at_the_least() -> None:
    assert "must not be less" in deploy("--min-engines", "3", "--max-engines", "2")


def plan(num_cpus: float, num_gpus: float) -> Plan:
    return Plan("captions", "/captions", 1, 1, 8, 10, 300, num_cpus, num_gpus, 4)


@pytest.mark.parametrize(
    ("num_cpus", "num_gpus", "given"),
    [
        (1, 0, {"device": "cpu", "replicas": "1", "threads": "1"}),
        (4, 0, {"device": "cpu", "replicas": "4", "threads": "1"}),
        (0.5, 0, {"device": "cpu", "replicas": "1", "threads": "1"}),
        (1, 0.25, {}),
    ],
)
def test_engines_get_what_ray_keeps_for_them(
    num_cpus: float, num_gpus: float, given: dict[str, str]
) -> None:
    settings = load_settings({"model": "tiny.en", "port": "1234"})
    assert travelling(settings, plan(num_cpus, num_gpus)) == {"model": "tiny.en", **given}


def test_settings_that_were_made_win_and_paths_are_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"threads": "3", "engine_secret_file": "secret"})
    sent = travelling(settings, plan(2, 0))
    assert sent["threads"] == "3"
    assert sent["engine_secret_file"] == str(tmp_path / "secret")
