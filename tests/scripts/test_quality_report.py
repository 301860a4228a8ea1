"""The report over two lines, a word and noise, with a real server and tiny.en, from the command."""

import json
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.places import REPOSITORY
from load.sample import write_sample
from surtitle.client.media import read_chunks
from surtitle.jobs import SAMPLE_RATE, Pcm16

LINES = ("sample1.wav", "sample3.wav")
"""The two shortest lines of the sample: "They help everyone …", "Nothing leaves this machine."."""
NOTHING = (int(0.40 * SAMPLE_RATE), int(0.72 * SAMPLE_RATE))
"""Samples of the second line: its first word, between the pauses around it."""


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
    (folder / "word").mkdir()
    (folder / "word" / "manifest.tsv").write_text(f"{head}\nnothing.wav\t0.32\ten\tnothing\n")
    audio = np.frombuffer(b"".join(read_chunks(folder / "lines" / LINES[1])), np.int16)
    write(folder / "word" / "nothing.wav", audio[slice(*NOTHING)])
    noise = np.random.default_rng(1).normal(0, 300, SAMPLE_RATE * 3 // 2).astype(np.int16)
    write(folder / "noise" / "noise.wav", noise)
    return folder


def write(path: Path, audio: Pcm16) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(audio.tobytes())


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


@pytest.mark.long
def test_at_the_pace_of_speech(speech: Path, tmp_path: Path) -> None:
    report = run(speech, tmp_path, "--alone-seconds", "4")
    assert report["problems"] == []
    errors, word, whole = report["errors"]
    assert (errors["label"], word["label"], whole["label"]) == ("lines", "word", "all")
    assert (errors["recordings"], errors["units"], whole["units"]) == (2, 15, 16)
    assert errors["streamed_percent"] < 10
    assert errors["offline_percent"] < 10
    calm = report["calm"][0]
    assert calm["calm"]["words"] == 15
    assert 0 <= calm["erasure"] < 1
    assert calm["calm"]["stable_broken"] == 0
    # In four seconds there is room for either line, not for both.
    assert report["delays"]["recordings"] in (1, 2)
    assert 4 <= report["delays"]["word_shown"]["count"] <= 12
    assert 0 < report["delays"]["word_shown"]["p50"] < 5
    assert 0 < report["delays"]["final"]["p50"] < 5
    assert report["reading"][0]["speed"]["characters_per_second"] > 5
    assert report["word_times"]["word"]["spoken"] == 1
    assert report["word_times"]["word"]["judged"] == 1
    assert report["word_times"]["word"]["start"]["p50"] < 0.3
    check_account(report["account"], 3)
    assert report["account"]["captioned_ms"] > 5000
    check_account(report["silent"]["account"], 1)
    assert report["silent"]["invented"] == []
    tables = (tmp_path / "report.md").read_text("utf-8")
    assert "| lines, en | 2 |" in tables
    assert tables.strip() in (tmp_path / "document.md").read_text("utf-8")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_as_fast_as_it_goes(speech: Path, tmp_path: Path) -> None:
    """The second time the offline texts come from the cache, and all figures are the same."""
    first = run(speech, tmp_path, "--fast")
    assert first["problems"] == []
    texts = sorted((tmp_path / "cache").iterdir())
    assert len(texts) == 4
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
