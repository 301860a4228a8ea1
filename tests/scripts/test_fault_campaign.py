"""A short campaign, as it is run by hand for hours: nothing lost, and its own counting is right."""

import random
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from fault_campaign import table
from faults.account import Account, judge
from faults.containers import Told, hurt
from lab.places import REPOSITORY

ACCOUNT = {
    "audio_ms": 9,
    "captioned_ms": 5,
    "silence_ms": 4,
    "suppressed_ms": 0,
    "failed_ms": 0,
    "utterances": 2,
}


@pytest.mark.long
def test_a_short_campaign_is_clean() -> None:
    command = [sys.executable, str(REPOSITORY / "scripts" / "fault_campaign.py")]
    command += ["--link-cuts", "60", "--viewer-cuts", "60", "--worker-faults", "4"]
    command += ["--bad-inputs", "1000", "--damage", "20", "--decoder-kills", "4", "--silences", "4"]
    command += ["--stops", "2", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [re.findall(r"[\d,]+", line) for line in done.stdout.splitlines()[2:] if line]
    faults = [int(row[0].replace(",", "")) for row in rows]
    assert all(
        many >= few for many, few in zip(faults, (60, 60, 4, 1000, 20, 4, 4, 2), strict=True)
    )
    assert all(row[4:10] == ["0"] * 6 for row in rows)


@pytest.mark.long
def test_a_short_soak_is_clean() -> None:
    command = [sys.executable, str(REPOSITORY / "scripts" / "soak.py")]
    command += ["--minutes", "0.5", "--clients", "2", "--faults-per-minute", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\| utterances \| [1-9]", done.stdout)
    assert re.search(r"\| (link cuts|worker faults) \| [1-9]", done.stdout)


@pytest.mark.parametrize(
    ("answers", "expected", "wrong"),
    [
        ([(1, "a"), (2, "b")], ["a", "b"], {}),
        ([(1, "a")], ["a", "b"], {"lost": 1}),
        ([(1, "a"), (2, "b"), (2, "b")], ["a", "b"], {"doubled": 1}),
        ([(2, "b"), (1, "a")], ["a", "b"], {"disorder": 1}),
        ([(1, "a"), (2, "x")], ["a", "b"], {"unexpected": 1}),
        ([(1, "500 ms"), (2, "11")], [" ms", "1"], {"unexpected": 1}),
        ([(1, "a"), (2, "b"), (3, "c")], ["a", "b"], {"unexpected": 1}),
    ],
)
def test_what_went_wrong_is_counted(
    answers: list[tuple[int, str]], expected: list[str], wrong: dict[str, int]
) -> None:
    account = Account()
    judge(answers, expected, account)
    names = ("lost", "doubled", "unexpected", "disorder")
    assert {name: n for name in names if (n := getattr(account, name))} == wrong
    assert account.clean == (not wrong)


def test_the_table_has_a_line_for_each_phase() -> None:
    text = table({"link cuts": Account(faults=12_345), "worker faults": Account()})
    assert "| link cuts | 12,345 |" in text
    assert len(text.splitlines()) == 4


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, {}),
        ({"answered": [1]}, {"lost": 1}),
        ({"answered": [1, 2, 2]}, {"doubled": 1}),
        ({"answered": [2, 1]}, {"disorder": 1}),
        ({"answered": [1, 2, 3]}, {"unexpected": 1}),
        ({"late": 1}, {"unexpected": 1}),
        ({"ended": ACCOUNT | {"silence_ms": 7}}, {"unbalanced": 1}),
        ({"ended": ACCOUNT | {"utterances": 1}}, {"unbalanced": 1}),
        ({"ended": None, "errors": ["bad_audio"], "closed": 1003}, {}),
        ({"ended": None, "closed": 1006}, {"problems": 1}),
        ({"errors": ["internal"]}, {"problems": 1}),
    ],
)
def test_what_a_session_was_told_is_added_up(
    changes: dict[str, object], wrong: dict[str, int]
) -> None:
    told = replace(Told(opened=[1, 2], answered=[1, 2], ended=ACCOUNT, closed=1000), **changes)  # type: ignore[arg-type]
    account = Account()
    told.enter(account)
    names = ("lost", "doubled", "unexpected", "disorder", "unbalanced")
    found = {name: n for name in names if (n := getattr(account, name))}
    found |= {"problems": len(account.problems)} if account.problems else {}
    assert found == wrong


def test_recordings_are_hurt_in_many_ways() -> None:
    data = random.Random(1).randbytes(20_000)
    results = {hurt(data, random.Random(seed)) for seed in range(50)}
    assert len(results) == 50
    assert data not in results
    assert min(map(len, results)) < len(data) / 2 < len(data) < max(map(len, results))
