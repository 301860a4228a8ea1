"""The load test against a real server with tiny.en, from the command line to its files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lab.places import REPOSITORY
from load.history import ratios
from load.meter import thread_cpu_s
from load.run import Plan
from load.session import Part
from load.speech import Clip
from load.target import TargetError, parse_target
from surtitle.jobs import SAMPLE_RATE


def test_a_target_is_a_command_with_a_port_or_a_url() -> None:
    assert not parse_target("ours=surtitle=serve --opt=1 --port {port}").is_url
    assert parse_target("far=wyoming=tcp://host:1").is_url
    for wrong in ("serve", "a=surtitle", "a=morse=x {port}", "a=surtitle=serve --port 1"):
        with pytest.raises(TargetError):
            parse_target(wrong)


def test_thread_times_are_read_behind_any_name() -> None:
    stat = f"7 (a) b (c) S {' '.join(['0'] * 10)} 150 50 0 0"
    assert thread_cpu_s(stat) == pytest.approx(200 / os.sysconf("SC_CLK_TCK"))


def test_few_sessions_speak_their_clips_again(tmp_path: Path) -> None:
    clips = [Clip(tmp_path / name, name, np.zeros(SAMPLE_RATE, np.int16)) for name in "abc"]
    parts = [Part(clip, clip.frames(), ()) for clip in clips]
    plan = Plan(parts, "en", pause_s=1.0, stagger_s=0.5, quiet_s=4.0, least_utterances=7)

    def spoken(number: int, sessions: int) -> str:
        return "".join(part.clip.transcript for part in plan.of_session(number, sessions))

    assert [spoken(0, 1), spoken(1, 2), spoken(2, 3), spoken(3, 8)] == [
        "abcabcabc",
        "bcabca",
        "cab",
        "abc",
    ]
    assert [plan.seconds(n) for n in (1, 2, 3)] == pytest.approx([22.0, 16.5, 11.0])


@pytest.mark.long
def test_two_sessions_of_the_sample(tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "scripts" / "load_test.py")]
    command += ["--sessions", "2", "--seconds", "7", "--stagger", "0.5", "--quiet", "2"]
    command += ["--least-utterances", "4"]
    for option in ("json", "markdown", "picture", "cache"):
        command += [f"--{option}", str(tmp_path / option)]
    command[-3] += ".png"
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "json").read_text())["rows"]
    assert (row["sessions"], row["utterances"], row["refused"]) == (2, 4, 0)
    assert (row["unanswered"], row["tail_lost"], row["problems"]) == (0, 0, [])
    assert row["wer_percent"] < 10
    assert 0.3 < row["final"]["p50"] < 10  # the endpoint alone takes longer than the least
    assert row["word_shown"]["count"] > 20
    assert 0 < row["costs"]["outside_share"] < 1
    assert row["costs"]["cpu_per_audio_s"] > 0.01
    assert "| ours | 2 |" in (tmp_path / "markdown").read_text()
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    baseline = {**row, "label": "naive"}
    assert set(ratios([row, baseline], 1.0).values()) == {0.0, 1.0}
