"""The report over two spoken lines and some noise, with a real server and tiny.en, from the command."""

import json
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from load.sample import write_sample
from surtitle.jobs import SAMPLE_RATE
from tests.support import REPOSITORY

LINES = ("sample1.wav", "sample3.wav")
"""The two shortest lines of the sample: "They help everyone …", "Nothing leaves this machine."."""


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A folder of folders, as for a whole report."""
    whole = tmp_path / "whole"
    whole.mkdir()
    head, *rows = (write_sample(whole) / "manifest.tsv").read_text("utf-8").splitlines()
    folder = tmp_path / "speech"
    for name, kept in (
        ("lines", [row for row in rows if row.startswith(LINES)]),
        ("noise", ["noise.wav\t1.5\t-\t"]),
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / "manifest.tsv").write_text("\n".join([head, *kept]) + "\n", "utf-8")
    for line in LINES:
        shutil.move(whole / line, folder / "lines")
    noise = np.random.default_rng(1).normal(0, 300, SAMPLE_RATE * 3 // 2).astype(np.int16)
    with wave.open(str(folder / "noise" / "noise.wav"), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(noise.tobytes())
    return folder


def run(speech: Path, tmp_path: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, str(REPOSITORY / "scripts" / "quality_report.py"), str(speech)]
    command += ["--model", "tiny.en", "--sessions", "2", *options]
    for option, name in (
        ("json", "report.json"),
        ("markdown", "report.md"),
        ("picture", "report.png"),
        ("document", "document.md"),
        ("cache", "cache"),
        ("word-times", "word-times"),
    ):
        command += [f"--{option}", str(tmp_path / name)]
    (tmp_path / "document.md").write_text("<!-- begin tiny.en -->\n<!-- end tiny.en -->\n", "utf-8")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads((tmp_path / "report.json").read_text("utf-8"))
    return report


def check_account(account: dict[str, Any], sessions: int) -> None:
    assert account["sessions"] == sessions
    assert account["unended"] == account["unbalanced"] == account["unanswered"] == 0
    parts = ("captioned_ms", "silence_ms", "suppressed_ms", "failed_ms")
    assert sum(account[part] for part in parts) == account["audio_ms"]


def test_at_the_pace_of_speech(speech: Path, tmp_path: Path) -> None:
    report = run(speech, tmp_path, "--alone-seconds", "4")
    assert report["problems"] == []
    (errors,) = report["errors"]
    assert (errors["recordings"], errors["units"]) == (2, 15)
    assert errors["streamed_percent"] < 10
    assert errors["offline_percent"] < 10
    (calm,) = report["calm"]
    assert calm["calm"]["words"] == 15
    assert 0 <= calm["erasure"] < 1
    assert calm["calm"]["stable_broken"] == 0
    assert report["delays"]["recordings"] == 1  # either line fits the four seconds, both do not
    assert report["delays"]["word_shown"]["count"] in (4, 11)
    assert 0 < report["delays"]["word_shown"]["p50"] < 5
    assert 0 < report["delays"]["final"]["p50"] < 5
    check_account(report["account"], 2)
    assert report["account"]["captioned_ms"] > 5000
    check_account(report["silent"]["account"], 1)
    assert report["silent"]["invented"] == []
    tables = (tmp_path / "report.md").read_text("utf-8")
    assert "| lines, en | 2 |" in tables
    assert tables.strip() in (tmp_path / "document.md").read_text("utf-8")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


def test_as_fast_as_it_goes(speech: Path, tmp_path: Path) -> None:
    """The second time the offline texts come from the cache, and all figures are the same."""
    first = run(speech, tmp_path, "--fast")
    assert first["problems"] == []
    texts = sorted((tmp_path / "cache").iterdir())
    assert len(texts) == 3
    for text in texts:
        text.write_text("from the cache", "utf-8")
    second = run(speech, tmp_path, "--fast")
    assert {each["offline"] for each in second["recordings"]} == {"from the cache"}
    assert [each["streamed"] for each in second["recordings"]] == [
        each["streamed"] for each in first["recordings"]
    ]
    assert second["account"] == first["account"]
    assert first["errors"][0]["streamed_percent"] < 10
    assert second["errors"][0]["offline_percent"] >= 100
    assert (first["calm"], first["delays"]) == ([], None)
