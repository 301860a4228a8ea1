"""Requirements A, C and D with real processes: the worker dies, hangs or errs; nobody else notices.

Every test counts the utterances that were lost, doubled, unexpected or out of order: none may be.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab.ledger import NO_FAULTS, converse
from lab.server_process import FAKE_DECODER, ServerProcess, readiness, start_server
from lab.waiting import wait_until
from surtitle.client import ClientError

LEASE_S = 1.0


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for all faults that it must survive."""
    server = start_server(decoder=FAKE_DECODER, lease_s=LEASE_S)
    yield server
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGSTOP])
async def test_an_idle_worker_that_dies_is_replaced(
    server: ServerProcess, number: signal.Signals
) -> None:
    before = server.worker_pid
    os.kill(before, number)
    ledger = await converse(server.url, "say:after")
    assert ledger.outcomes == ["after"]
    assert server.worker_pid != before


@pytest.mark.parametrize("fault", ["crash-once", "stop-once"])
async def test_a_worker_that_dies_in_mid_job_costs_nothing(
    server: ServerProcess, tmp_path: Path, fault: str
) -> None:
    disturbed, beside = await asyncio.gather(
        converse(server.url, "say:one", f"{fault}:{tmp_path / 'flag'}", "say:three"),
        converse(server.url, "say:un", "say:deux", "say:trois"),
    )
    assert (disturbed.faults, beside.faults) == (NO_FAULTS, NO_FAULTS)
    assert [disturbed.outcomes[0], disturbed.outcomes[2]] == ["one", "three"]
    assert disturbed.outcomes[1].endswith(" ms")  # the fault was over at the second try
    assert beside.outcomes == ["un", "deux", "trois"]
    assert disturbed.states == ["recovering", "normal"]


@pytest.mark.parametrize("fault", ["crash", "exit", "spin:60", "sleep:60"])
async def test_a_job_that_kills_its_worker_twice_is_given_up_and_the_rest_goes_on(
    server: ServerProcess, fault: str
) -> None:
    poison, beside = await asyncio.gather(
        converse(server.url, fault, "say:behind"), converse(server.url, "say:beside")
    )
    assert (poison.faults, beside.faults) == (NO_FAULTS, NO_FAULTS)
    assert poison.outcomes == ["quarantined", "behind"]
    assert beside.outcomes == ["beside"]
    assert poison.ended is not None
    assert poison.ended.failed_ms > 0


async def test_an_exception_in_a_job_is_answered_and_the_worker_lives_on(
    server: ServerProcess,
) -> None:
    before = server.worker_pid
    ledger = await converse(server.url, "raise", "say:next", "suppress")
    assert ledger.outcomes == ["decode_error", "next", "no_speech"]
    assert ledger.faults == NO_FAULTS
    assert server.worker_pid == before


async def test_a_partial_that_kills_the_worker_leaves_the_final_two_tries(
    server: ServerProcess, tmp_path: Path
) -> None:
    ledger = await converse(server.url, f"crash-once:{tmp_path / 'flag'}", partials=True)
    assert ledger.faults == NO_FAULTS
    assert ledger.outcomes[0].endswith(" ms")


def test_recovering_is_told_by_readyz_and_ends(server: ServerProcess) -> None:
    wait_until(lambda: readiness(server.url) == (200, "ready"))
    before = server.worker_pid
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: readiness(server.url) == (503, "recovering"))
    wait_until(lambda: readiness(server.url) == (200, "ready"))
    assert server.worker_pid != before


async def test_nonsense_on_the_answer_channel_costs_one_worker() -> None:
    # A server of its own: the nonsense also reaches the resource tracker, which complains.
    server = start_server(decoder=FAKE_DECODER)
    try:
        ledger = await converse(server.url, "say:before", "garbage", "say:behind")
        assert ledger.faults == NO_FAULTS
        assert ledger.outcomes == ["before", "quarantined", "behind"]
    finally:
        server.stop()


@pytest.mark.parametrize("fault", ["half", "oversize"])
async def test_a_message_that_never_ends_costs_one_worker(tmp_path: Path, fault: str) -> None:
    server = start_server(decoder=FAKE_DECODER, lease_s=LEASE_S)
    try:
        ledger = await converse(server.url, f"{fault}:{tmp_path / 'flag'}", "say:behind")
        assert ledger.faults == NO_FAULTS
        assert ledger.outcomes[0].endswith(" ms") and ledger.outcomes[1] == "behind"
        assert len(server.events("worker died")) == 1
    finally:
        server.stop()


async def test_an_answer_that_was_written_before_the_death_counts(server: ServerProcess) -> None:
    before = server.worker_pid
    ledger = await converse(server.url, "last-words", "say:behind")
    assert ledger.faults == NO_FAULTS
    assert ledger.outcomes[0].endswith(" ms") and ledger.outcomes[1] == "behind"
    assert server.worker_pid != before


async def test_a_worker_out_of_memory_is_replaced_and_the_job_done(server: ServerProcess) -> None:
    worker = psutil.Process(server.worker_pid)
    worker.rlimit(psutil.RLIMIT_AS, (worker.memory_info().vms + (50 << 20),) * 2)
    ledger = await converse(server.url, "eat:200", "say:behind")
    assert ledger.faults == NO_FAULTS
    assert ledger.outcomes[0].endswith(" ms") and ledger.outcomes[1] == "behind"
    assert server.worker_pid != worker.pid
    cause = "the device had no memory left for a single job"
    assert server.events("worker died")[-1]["cause"] == cause


@pytest.mark.long
async def test_a_storm_of_crashes_breaks_the_engine_and_it_heals(tmp_path: Path) -> None:
    """Those who speak stay, others are refused, and all is answered in the end."""
    server = start_server(decoder=FAKE_DECODER)
    try:
        storm = asyncio.create_task(converse(server.url, "crash", "exit", "crash", "say:calm"))
        await asyncio.to_thread(wait_until, lambda: readiness(server.url) == (503, "failed"), 30)
        with pytest.raises(ClientError, match="keeps crashing"):
            await converse(server.url, "say:hello")
        ledger = await storm
        assert ledger.faults == NO_FAULTS
        assert ledger.outcomes == ["quarantined"] * 3 + ["calm"]
        assert readiness(server.url) == (200, "ready")
        assert (await converse(server.url, "say:hello")).outcomes == ["hello"]
    finally:
        assert server.stop() == 0


def test_a_worker_that_cannot_start_ends_the_server_with_the_cause() -> None:
    server = start_server(decoder=FAKE_DECODER, ready=False, model="fail:No such device.")
    assert server.process.wait(20) == 3
    server.stop()
    assert server.events("the engine gives up")[0]["cause"] == "No such device."


def test_a_worker_that_dies_before_it_is_ready_is_tried_three_times() -> None:
    server = start_server(decoder=FAKE_DECODER, ready=False, model="crash")
    assert server.process.wait(40) == 3
    server.stop()
    assert len(server.events("worker started")) == 3
    assert "SIGSEGV" in server.events("the engine gives up")[0]["cause"]


@pytest.mark.parametrize(
    "cause", ["The model is damaged.", "There is no memory left on the device.", "No such file."]
)
async def test_a_worker_that_cannot_start_again_says_why(tmp_path: Path, cause: str) -> None:
    flag = tmp_path / "flag"
    server = start_server(decoder=FAKE_DECODER, model=f"fail-if:{flag}")
    try:
        flag.write_text(cause)
        os.kill(server.worker_pid, signal.SIGKILL)
        wait_until(lambda: server.events("the new worker cannot start"))
        assert server.events("the new worker cannot start")[0]["cause"] == cause
        assert readiness(server.url)[0] == 503
        flag.unlink()
        assert (await converse(server.url, "say:again")).outcomes == ["again"]
    finally:
        server.stop()
