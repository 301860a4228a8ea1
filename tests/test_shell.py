"""What a shell and `man` make of the command: real completion, real pages."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click_man.core import write_man_pages

from surtitle.cli.main import cli


def completed(*words: str) -> list[str]:
    """What the shell proposes for the last word."""
    done = subprocess.run(
        [Path(sys.executable).parent / "surtitle"],
        env=os.environ
        | {
            "_SURTITLE_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["surtitle", *words]),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        (["cap"], ["caption"]),
        (["models", "r"], ["remove"]),
        (
            ["models", "get", "distil-l"],
            ["distil-large-v2", "distil-large-v3", "distil-large-v3.5"],
        ),
        (["serve", "--open-to"], ["--open-to-network"]),
        (["serve", "--device", "c"], ["cpu", "cuda"]),
        (["serve", "--log-level", ""], ["debug", "info", "warning", "error"]),
        (["caption", "--format", "s"], ["srt"]),
    ],
)
def test_the_shell_proposes_what_fits(words: list[str], proposed: list[str]) -> None:
    assert completed(*words) == proposed


def test_bash_takes_the_script() -> None:
    script = subprocess.run(
        [Path(sys.executable).parent / "surtitle"],
        env=os.environ | {"_SURTITLE_COMPLETE": "bash_source"},
        capture_output=True,
        text=True,
    ).stdout
    assert "complete" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.filterwarnings("ignore:'click.utils.make_default_short_help':DeprecationWarning")
def test_every_command_has_a_page_that_man_can_set(tmp_path: Path) -> None:
    write_man_pages("surtitle", cli, version="1", target_dir=str(tmp_path))
    pages = {page.name for page in tmp_path.iterdir()}
    assert {f"surtitle-{name}.1" for name in cli.commands} < pages
    assert {"surtitle.1", "surtitle-models-get.1", "surtitle-ray-deploy.1"} <= pages
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    for page in tmp_path.iterdir():
        done = subprocess.run(
            ["groff", "-k", "-man", "-Tutf8", "-ww", str(page)], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, ""), page.name
        text = re.sub(".\x08", "", done.stdout)  # a terminal prints bold letters twice
        assert "SYNOPSIS" in text, page.name
