"""The Electron example's main process as a real parent of a real server: it leaves nothing behind."""

import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab.ledger import converse
from lab.server_process import FAKE_DECODER, is_ready, start_server
from lab.waiting import left_over, wait_until
from tests.faults.test_shutdown import DRAIN_S, QUICK_S, STATES, Doomed, doomed_servers

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
    pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js: install `nodejs`"),
]

PARENT = ("node", str(Path(__file__).with_name("parent.mjs")))
PATIENT, IMPATIENT = (*PARENT, "10000"), (*PARENT, "50")
SOME_STATES = ("loading", "idle", "in mid-job", "stopped")
GONE_S = 2.0


def close_input(doomed: Doomed) -> None:
    assert doomed.server.process.stdin is not None
    doomed.server.process.stdin.close()


def how_it_ended(doomed: Doomed) -> Any:
    return doomed.server.events("ended")[0]["exit"]


def states(doomed: Doomed) -> list[str]:
    return [line["state"] for line in doomed.server.events("state")]


def the_server(doomed: Doomed) -> psutil.Process:
    return doomed.processes[1]


def test_quitting_stops_the_server_cleanly(tmp_path: Path) -> None:
    with doomed_servers(tmp_path, SOME_STATES, PATIENT) as servers:
        for state, doomed in servers.items():
            close_input(doomed)
            doomed.ended_within(QUICK_S + DRAIN_S)
            assert how_it_ended(doomed) == {"code": 0, "signal": None}, state
            assert doomed.server.errors == [], state
            assert states(doomed)[-1] == "stopped"


def test_a_server_that_hangs_is_killed_when_patience_ends(tmp_path: Path) -> None:
    with doomed_servers(tmp_path, ("idle",), IMPATIENT) as servers:
        doomed = servers["idle"]
        the_server(doomed).suspend()
        close_input(doomed)
        doomed.ended_within(GONE_S)
        assert how_it_ended(doomed) == {"code": None, "signal": "SIGKILL"}


def test_nothing_is_left_when_the_application_is_killed(tmp_path: Path) -> None:
    with doomed_servers(tmp_path, STATES, PATIENT) as servers:
        for state, doomed in servers.items():
            doomed.server.process.kill()
            doomed.server.process.wait()
            assert left_over(doomed.processes, GONE_S) == [], state


async def test_a_server_that_crashes_is_started_again_at_its_address(tmp_path: Path) -> None:
    with doomed_servers(tmp_path, ("idle",), PATIENT) as servers:
        doomed = servers["idle"]
        url = doomed.server.url
        for crash in (1, 2):
            the_server(doomed).send_signal(signal.SIGSEGV)
            wait_until(lambda crash=crash: states(doomed).count("ready") == 1 + crash, 30)
            doomed.processes = doomed.server.tree()
            assert (await converse(url, "say:here again")).outcomes == ["here again"]
        told = doomed.server.events("state")
        assert [line["state"] for line in told] == ["starting", "ready"] + 2 * [
            "restarting",
            "ready",
        ]
        assert {line["url"] for line in told if line["state"] == "ready"} == {url}
        assert "SIGSEGV" in told[2]["message"]
        close_input(doomed)
        doomed.ended_within(QUICK_S)


def test_a_server_that_cannot_work_is_not_tried_for_ever(tmp_path: Path) -> None:
    server = start_server(
        decoder=FAKE_DECODER, model="fail:There is no such model.", ready=False, parent=PATIENT
    )
    doomed = Doomed(server, server.tree())
    try:
        wait_until(lambda: states(doomed)[-1:] == ["failed"], 20)
        assert states(doomed) == ["starting", "failed"]
        assert "There is no such model." in doomed.server.events("state")[-1]["message"]
        assert not is_ready(server.url)
        close_input(doomed)
        doomed.ended_within(GONE_S)
        assert how_it_ended(doomed) is None
    finally:
        doomed.release()
