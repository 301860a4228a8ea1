"""A short campaign, as it is run by hand for hours: nothing lost, and its own counting is right."""

import re
import subprocess
import sys

import pytest

from fault_campaign import table
from faults.account import Account, judge
from tests.support import REPOSITORY


def test_a_short_campaign_is_clean() -> None:
    command = [sys.executable, str(REPOSITORY / "scripts" / "fault_campaign.py")]
    command += ["--link-cuts", "60", "--viewer-cuts", "60", "--worker-faults", "4"]
    command += ["--bad-inputs", "1000"]
    command += ["--stops", "2", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [re.findall(r"[\d,]+", line) for line in done.stdout.splitlines()[2:] if line]
    faults = [int(row[0].replace(",", "")) for row in rows]
    assert all(many >= few for many, few in zip(faults, (60, 60, 4, 1000, 2), strict=True))
    assert all(row[4:10] == ["0"] * 6 for row in rows)


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
