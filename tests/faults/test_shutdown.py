"""Requirements E and F with real processes: no orphan after any end, and a stop that is quick."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from lab.ledger import NO_FAULTS, Ledger, converse, expect, spoken_word
from lab.places import REPOSITORY
from lab.server_process import (
    FAKE_DECODER,
    START_LIMIT_S,
    ServerProcess,
    is_ready,
    readiness,
    start_server,
)
from lab.waiting import left_over, wait_until
from surtitle.messages import Speech, Start, format_message, parse_server_message
from tests.marks import long

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

QUICK_S = 3.0
"""Generous: a stop with nothing in flight takes a fraction of it on an idle machine."""
DRAIN_S = 0.5
"""What the servers here give to open utterances. Only a worker that never answers uses it up."""


@pytest.fixture(autouse=True)
def hangups_are_heeded() -> Iterator[None]:
    """By the servers, also where `nohup` runs the tests: what is handled is not inherited."""
    before = signal.getsignal(signal.SIGHUP)
    if before == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    signal.signal(signal.SIGHUP, before)


@dataclass
class Doomed:
    """A server in some state of its worker, about to be ended."""

    server: ServerProcess
    processes: list[psutil.Process]
    client: ClientConnection | None = None

    def ended_within(self, limit_s: float) -> float:
        """Wait for the server's end and return how long it took; then nothing may be left."""
        begun = time.monotonic()
        try:
            self.server.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {limit_s:g} s; killed {left_over(self.processes, 0)}")
        took_s = time.monotonic() - begun
        assert left_over(self.processes) == []
        self.server.collector.join(5)
        return took_s

    def release(self) -> None:
        """Leave nothing behind, whatever the test made of it."""
        left_over(self.processes, 0)
        self.server.process.wait(5)
        if self.server.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.server.process.stdin.close()
        self.server.close_pipes()
        if self.client is not None:
            self.client.close_socket()


STATES = ("loading", "idle", "in mid-job", "stopped", "stopped in mid-job", "holding the GIL")


def start_in(state: str, folder: Path, *parent: str) -> Doomed:
    """A server whose worker is in the given state."""
    model = "slow:600" if state == "loading" else "fake"
    server = start_server(
        decoder=FAKE_DECODER,
        model=model,
        ready=state != "loading",
        parent=parent,
        drain_s=DRAIN_S,
    )
    doomed = Doomed(server, server.tree())
    try:
        flag = folder / f"{server.process.pid}"
        if state in ("in mid-job", "stopped in mid-job"):
            doomed.client = speak(server, f"hold:{flag}")
            wait_until(flag.exists)
        if state == "holding the GIL":
            doomed.client = speak(server, f"spin-once:{flag}")
            wait_until(flag.exists)
        if state.startswith("stopped"):
            worker = psutil.Process(server.worker_pid)
            worker.suspend()
            wait_until(lambda: worker.status() == psutil.STATUS_STOPPED)
    except BaseException:
        doomed.release()
        raise
    return doomed


def speak(server: ServerProcess, prompt: str) -> ClientConnection:
    """Open a session and say one word."""
    client = connect(server.websocket_url, legacy=True)
    client.send(format_message(Start(prompt=prompt, partials=False)))
    client.send(spoken_word())
    client.send('{"type": "flush"}')
    return client


@contextlib.contextmanager
def doomed_servers(
    folder: Path, states: tuple[str, ...] = STATES, parent: tuple[str, ...] = ()
) -> Iterator[dict[str, Doomed]]:
    """A server in each of the states, started side by side."""
    with ThreadPoolExecutor(3) as pool:
        starting = {state: pool.submit(start_in, state, folder, *parent) for state in states}
    started = {state: future.result() for state, future in starting.items()}
    try:
        yield started
    finally:
        for doomed in started.values():
            doomed.release()


def report(what: str, times: dict[str, float]) -> None:
    """Measured times, shown by pytest -rP."""
    print(what, ", ".join(f"{state} {seconds:.2f} s" for state, seconds in times.items()))


# -- signals to the server ----------------------------------------------------------------------


def end_and_check_cleanliness(state: str, doomed: Doomed) -> float:
    took_s = doomed.ended_within(QUICK_S + DRAIN_S)
    server = doomed.server
    assert server.process.returncode == 0, state
    assert server.errors == [], state
    assert [line["event"] for line in server.log[-1:]] == ["stopped"], state
    return took_s


def test_sigterm_to_the_server_stops_it_cleanly_in_every_state(tmp_path: Path) -> None:
    times = {}
    with doomed_servers(tmp_path) as servers:
        for state, doomed in servers.items():
            doomed.server.process.terminate()
            times[state] = end_and_check_cleanliness(state, doomed)
    report("SIGTERM:", times)


def test_ctrl_c_to_the_whole_group_stops_it_cleanly_in_every_state(tmp_path: Path) -> None:
    times = {}
    with doomed_servers(tmp_path) as servers:
        for state, doomed in servers.items():
            os.killpg(doomed.server.process.pid, signal.SIGINT)
            times[state] = end_and_check_cleanliness(state, doomed)
    report("SIGINT to the group:", times)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_server_that_dies_leaves_no_process_in_any_state(
    tmp_path: Path, number: signal.Signals
) -> None:
    with doomed_servers(tmp_path) as servers:
        for state, doomed in servers.items():
            doomed.server.process.send_signal(number)
            doomed.ended_within(2.0)
            assert doomed.server.process.returncode == -number, state


def test_sigkill_while_the_worker_is_being_started_leaves_no_process() -> None:
    """The worker asks the kernel to die with its parent as its first act; before that act it must
    find out by itself that the parent has gone."""
    server = start_server(decoder=FAKE_DECODER, ready=False)
    # The parent listens before the worker has finished its imports.
    doomed = Doomed(server, server.tree())
    server.process.kill()
    doomed.ended_within(2.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_leaves_no_process(number: int, tmp_path: Path) -> None:
    """What a service manager does that signals every process, and a shell that ends a job."""
    with doomed_servers(tmp_path, ("loading", "idle", "in mid-job")) as servers:
        for state, doomed in servers.items():
            os.killpg(doomed.server.process.pid, number)
            doomed.ended_within(QUICK_S + DRAIN_S)
            assert doomed.server.process.returncode == 0, state
            # The worker got it too, and its death may come up before the end.
            errors = [e for e in doomed.server.errors if "worker died" not in str(e)]
            assert errors == [], state


def test_a_server_that_is_to_outlive_its_terminal_stays_when_that_goes(tmp_path: Path) -> None:
    """`nohup` starts it with SIGHUP ignored, by it and by its processes; it stops by other signals."""
    server = start_server(decoder=FAKE_DECODER, parent=("nohup",), drain_s=600)
    flag = tmp_path / "flag"
    doomed = Doomed(server, server.tree(), speak(server, f"hold:{flag}"))
    try:
        wait_until(flag.exists)
        for _ in range(2):
            os.killpg(server.process.pid, signal.SIGHUP)
        assert is_ready(server.url)
        server.process.terminate()
        wait_until(lambda: server.events("stopping"))
        os.killpg(server.process.pid, signal.SIGHUP)
        flag.unlink()
        doomed.ended_within(QUICK_S)
        assert server.process.returncode == 0
        assert [event["signal"] for event in server.events("stopping")] == ["SIGTERM"]
        assert server.errors == []
    finally:
        doomed.release()


def test_a_signal_in_the_middle_of_a_log_line_is_taken() -> None:
    """Whoever writes that line holds the logger's lock, which the handler must not want."""
    result = subprocess.run(
        [sys.executable, "-c", SIGNAL_IN_A_LOG_LINE], capture_output=True, text=True, timeout=30
    )
    assert result.returncode == 0
    assert result.stdout == "stopped\n"


SIGNAL_IN_A_LOG_LINE = """
import asyncio, signal, sys
import structlog
from surtitle.runtime.mainloop import stop_signals
from surtitle.runtime.telemetry import LogOptions, configure_logging

class Interrupted:
    def write(self, text):
        if "now" in text:
            signal.raise_signal(signal.SIGTERM)
        return len(text)

    def flush(self):
        pass

async def main():
    sys.stderr = Interrupted()
    configure_logging(LogOptions("info", "json"))
    stopped = asyncio.Event()
    with stop_signals(stopped.set):
        structlog.get_logger().info("now")
        await stopped.wait()
    print("stopped")

asyncio.run(main())
"""


def test_a_second_signal_ends_a_stop_that_takes_long(tmp_path: Path) -> None:
    server = start_server(decoder=FAKE_DECODER, drain_s=600)
    doomed = Doomed(server, server.tree(), speak(server, f"hold:{tmp_path / 'flag'}"))
    try:
        wait_until((tmp_path / "flag").exists)
        server.process.send_signal(signal.SIGINT)
        wait_until(lambda: server.events("stopping"))
        server.process.send_signal(signal.SIGINT)
        assert doomed.ended_within(2.0) < 1.0
        assert server.process.returncode == -signal.SIGINT
    finally:
        doomed.release()


BLOCKED_LOOP = f"""
import asyncio, threading, sys, time
from surtitle import app
from surtitle.config import load_settings
from surtitle.runtime.mainloop import run_on_loop

async def serve_and_block():
    loop = asyncio.get_running_loop()
    def watch_and_block():
        print('{{"event": "blocked", "level": "info"}}', file=sys.stderr, flush=True)
        time.sleep(600)
    def on_enter():
        sys.stdin.read()
        loop.call_soon_threadsafe(watch_and_block)
    threading.Thread(target=on_enter, daemon=True).start()
    return await app.serve(load_settings({{}}), decoder={FAKE_DECODER!r})

if __name__ == "__main__":
    sys.exit(run_on_loop(serve_and_block()))
"""


def test_a_second_ctrl_c_ends_a_server_whose_event_loop_is_stuck(tmp_path: Path) -> None:
    script = tmp_path / "blocked_loop.py"
    script.write_text(BLOCKED_LOOP)
    server = start_server(command=[sys.executable, str(script)])
    doomed = Doomed(server, server.tree())
    try:
        assert server.process.stdin is not None
        server.process.stdin.close()
        wait_until(lambda: server.events("blocked"))
        os.killpg(server.process.pid, signal.SIGINT)
        # The signal is taken although the loop is stuck …
        wait_until(lambda: default_action(server.process.pid, signal.SIGINT))
        assert server.process.poll() is None
        os.killpg(server.process.pid, signal.SIGINT)
        # … and the second one ends it, and the worker with it.
        assert doomed.ended_within(2.0) < 1.0
        assert server.process.returncode == -signal.SIGINT
    finally:
        doomed.release()


STUCK = f"""
import asyncio, ctypes, sys, threading, time
from surtitle import app
from surtitle.config import load_settings
from surtitle.runtime.mainloop import run_on_loop

class Until(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]

def hang():
    print('{{"event": "stuck", "level": "info"}}', file=sys.stderr, flush=True)
    library, mutex = getattr(ctypes, sys.argv[1])(None), ctypes.create_string_buffer(64)
    library.pthread_mutex_lock(mutex)
    until = Until(int(time.time() + float(sys.argv[2])), 0)
    library.pthread_mutex_timedlock(mutex, ctypes.byref(until))

async def serve_and_hang():
    loop = asyncio.get_running_loop()
    def on_enter():
        sys.stdin.read()
        loop.call_soon_threadsafe(hang)
    threading.Thread(target=on_enter, daemon=True).start()
    return await app.serve(load_settings({{}}), decoder={FAKE_DECODER!r})

if __name__ == "__main__":
    sys.exit(run_on_loop(serve_and_hang()))
"""
"""A server whose main thread waits in native code, for so many seconds, as no signal interrupts it:
with Python's lock held (PyDLL) or not (CDLL)."""


@contextlib.contextmanager
def stuck_server(folder: Path, library: str, seconds: float) -> Iterator[Doomed]:
    script = folder / "stuck.py"
    script.write_text(STUCK)
    server = start_server(command=[sys.executable, str(script), library, str(seconds)])
    doomed = Doomed(server, server.tree())
    try:
        assert server.process.stdin is not None
        server.process.stdin.close()
        wait_until(lambda: server.events("stuck"), START_LIMIT_S)
        # Until its main thread sleeps, it may still come to Python's handlers.
        wait_until(lambda: status_of(server.process.pid)["State"].startswith("S"))
        yield doomed
    finally:
        doomed.release()


def status_of(pid: int) -> dict[str, str]:
    """What the kernel says of a process, and of its main thread (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def caught(pid: int, number: int) -> bool:
    """Whether the signal has been taken from the queue of the process, or the process has ended.

    One that is killed leaves in the queue what was there: `faulthandler` sends the signal once more
    after it has written.
    """
    fields = status_of(pid)
    if fields["State"].startswith("Z"):
        return True
    pending = int(fields["ShdPnd"], 16) | int(fields["SigPnd"], 16)
    return not pending >> (number - 1) & 1


def send(doomed: Doomed, number: int) -> None:
    """To the whole group, as a terminal does; returns when it has been caught."""
    os.killpg(doomed.server.process.pid, number)
    wait_until(lambda: caught(doomed.server.process.pid, number))


@pytest.mark.parametrize("library", ["PyDLL", "CDLL"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGTERM),
        long(signal.SIGINT, signal.SIGINT),
        long(signal.SIGHUP, signal.SIGINT),
    ],
)
def test_a_second_signal_ends_a_server_that_is_stuck_in_native_code(
    tmp_path: Path, library: str, first: int, second: int
) -> None:
    with stuck_server(tmp_path, library, 600) as doomed:
        send(doomed, first)
        with pytest.raises(subprocess.TimeoutExpired):  # it may come to itself again
            doomed.server.process.wait(1.0)
        send(doomed, second)
        assert doomed.ended_within(2.0) < 1.0
        assert doomed.server.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("library", ["PyDLL", "CDLL"])
def test_one_signal_stops_it_cleanly_when_it_comes_to_itself(tmp_path: Path, library: str) -> None:
    with stuck_server(tmp_path, library, 3) as doomed:
        for _ in range(3):  # as one: `timeout` sends to the process and then to its group
            doomed.server.process.terminate()
        doomed.ended_within(3 + QUICK_S)
        assert doomed.server.process.returncode == 0
        assert doomed.server.events("stopped")
        assert doomed.server.errors == []


def test_a_new_worker_takes_nothing_of_that_away(tmp_path: Path) -> None:
    """Nor does it have the signal blocked that it is started without."""
    server = start_server(decoder=FAKE_DECODER)
    doomed = Doomed(server, server.tree())
    try:
        before = server.worker_pid
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: server.worker_pid != before and is_ready(server.url))
        status = Path(f"/proc/{server.worker_pid}/status").read_text()
        blocked = next(line for line in status.splitlines() if line.startswith("SigBlk"))
        assert int(blocked.split()[1], 16) == 0
        doomed.processes = server.tree()
        os.killpg(server.process.pid, signal.SIGINT)
        doomed.ended_within(QUICK_S)
        assert server.process.returncode == 0
        assert [error["event"] for error in server.errors] == ["worker died"]
    finally:
        doomed.release()


def default_action(pid: int, number: int) -> bool:
    """Whether the process neither catches nor ignores the signal any more."""
    fields = status_of(pid)
    handled = int(fields["SigCgt"], 16) | int(fields["SigIgn"], 16)
    return not handled >> (number - 1) & 1


# -- parents ------------------------------------------------------------------------------------

TERMINAL = (sys.executable, "-m", "tests.faults.terminal")
ELECTRON = (sys.executable, "-m", "tests.faults.electron_parent")
SOME_STATES = ("loading", "idle", "in mid-job", "stopped")


def reported_status(doomed: Doomed) -> int:
    """The exit status of the server as its parent saw it."""
    wait_until(lambda: doomed.server.events("ended"))
    return int(doomed.server.events("ended")[0]["status"])


def test_ctrl_c_typed_in_a_terminal_stops_it_cleanly(tmp_path: Path) -> None:
    with doomed_servers(tmp_path, SOME_STATES, TERMINAL) as servers:
        for state, doomed in servers.items():
            assert doomed.server.process.stdin is not None
            doomed.server.process.stdin.write("\x03")
            doomed.server.process.stdin.flush()
            doomed.ended_within(QUICK_S + DRAIN_S)
            assert reported_status(doomed) == 0, state
            assert [e for e in doomed.server.errors if "^C" not in str(e)] == [], state
            # The terminal echoes "^C" in front of a line.
            assert doomed.server.events("stopped"), state


def test_closing_the_terminal_ends_it(tmp_path: Path) -> None:
    """SIGHUP, and a standard error that cannot be written to any more."""
    with doomed_servers(tmp_path, SOME_STATES, TERMINAL) as servers:
        for doomed in servers.values():
            doomed.server.process.kill()
            doomed.ended_within(1.0)


def test_the_electron_way_to_stop_needs_no_sigkill(tmp_path: Path) -> None:
    times = {}
    with doomed_servers(tmp_path, SOME_STATES, (*ELECTRON, "10")) as servers:
        for state, doomed in servers.items():
            assert doomed.server.process.stdin is not None
            doomed.server.process.stdin.close()
            times[state] = doomed.ended_within(QUICK_S + DRAIN_S)
            assert reported_status(doomed) == 0, state
    report("Electron:", times)


def test_the_electron_way_to_kill_leaves_no_process(tmp_path: Path) -> None:
    """Its patience ends before the drain does: SIGKILL."""
    with doomed_servers(tmp_path, ("in mid-job",), (*ELECTRON, "0.05")) as servers:
        doomed = servers["in mid-job"]
        assert doomed.server.process.stdin is not None
        doomed.server.process.stdin.close()
        doomed.ended_within(2.0)
        assert reported_status(doomed) == -signal.SIGKILL


async def test_when_its_parent_is_killed_it_goes_on_and_stops_on_request() -> None:
    """A server is not bound to who started it (it may be meant to outlive a shell); but a log that
    nobody reads any more must not keep it from working, nor from stopping."""
    server = start_server(decoder=FAKE_DECODER, parent=(*ELECTRON, "10"))
    doomed = Doomed(server, server.tree())
    try:
        own = doomed.processes[1]
        server.process.kill()
        server.process.wait()
        assert (await converse(server.url, "say:still here")).outcomes == ["still here"]
        worker = psutil.Process(server.worker_pid)
        worker.kill()
        assert (await converse(server.url, "say:again")).outcomes == ["again"]
        children = own.children()
        own.terminate()
        assert left_over([*doomed.processes, *children], QUICK_S) == []
    finally:
        doomed.release()


# -- stopping while people speak ----------------------------------------------------------------


async def test_an_open_utterance_is_finished_before_the_close() -> None:
    server = start_server(decoder=FAKE_DECODER)
    try:
        ledger = Ledger()
        async with websocket_connect(server.websocket_url) as socket:
            await socket.send(format_message(Start(partials=False, prompt="say:to the end")))
            await socket.send(spoken_word())
            message = parse_server_message(await socket.recv())
            while not isinstance(message, Speech):
                message = parse_server_message(await socket.recv())
            ledger.take(message)
            server.process.terminate()
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    ledger.take(expect(await socket.recv()))
        assert ledger.states == ["draining"]
        assert ledger.outcomes == ["to the end"]
        assert ledger.faults == NO_FAULTS
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
        assert server.process.wait(QUICK_S) == 0
        assert server.errors == []
    finally:
        server.stop()


async def test_a_client_that_speaks_on_does_not_hold_the_stop_up() -> None:
    server = start_server(decoder=FAKE_DECODER, drain_s=600)
    doomed = Doomed(server, server.tree())
    try:
        async with websocket_connect(server.websocket_url) as socket:
            await socket.send(format_message(Start(partials=False, prompt="say:x")))
            await socket.send(spoken_word())
            server.process.terminate()
            with pytest.raises(ConnectionClosed):
                while True:
                    await socket.send(spoken_word()[:3200])
                    await asyncio.sleep(0.05)  # as a microphone would, if a little faster
        await asyncio.to_thread(doomed.ended_within, QUICK_S)
    finally:
        doomed.release()


async def test_a_client_that_vanishes_while_the_server_stops_does_not_hold_it_up(
    tmp_path: Path,
) -> None:
    server = start_server(decoder=FAKE_DECODER, drain_s=600)
    doomed = Doomed(server, server.tree(), speak(server, f"hold:{tmp_path / 'flag'}"))
    try:
        assert doomed.client is not None
        wait_until((tmp_path / "flag").exists)
        server.process.terminate()
        wait_until(lambda: server.events("stopping"))
        doomed.client.close_socket()
        doomed.ended_within(QUICK_S)
    finally:
        doomed.release()


def test_while_it_stops_it_refuses_and_says_so(tmp_path: Path) -> None:
    server = start_server(decoder=FAKE_DECODER, drain_s=600)
    flag = tmp_path / "flag"
    doomed = Doomed(server, server.tree(), speak(server, f"hold:{flag}"))
    try:
        wait_until(flag.exists)
        server.process.terminate()
        wait_until(lambda: readiness(server.url) == (503, "draining"))
        with pytest.raises(InvalidStatus) as refused:
            connect(server.websocket_url, legacy=True)
        assert refused.value.response.status_code == 503
        assert int(refused.value.response.headers["Retry-After"]) > 0
        flag.unlink()
        doomed.ended_within(QUICK_S)
        assert server.process.returncode == 0
        assert server.errors == []
    finally:
        doomed.release()


def test_a_half_open_handshake_does_not_hold_the_stop_up() -> None:
    server = start_server(decoder=FAKE_DECODER)
    doomed = Doomed(server, server.tree())
    host, port = server.url.removeprefix("http://").split(":")
    try:
        with socket.create_connection((host, int(port))) as half_open:
            half_open.sendall(b"GET /v1/captions HTTP/1.1\r\nHost: localhost\r\n")
            assert is_ready(server.url)  # a connection opened later is served: this one is accepted
            server.process.terminate()
            doomed.ended_within(QUICK_S)
        assert server.process.returncode == 0
        assert server.errors == []
    finally:
        doomed.release()


def test_a_port_in_use_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "surtitle", "serve", "--port", str(port), "--model", "tiny.en"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=START_LIMIT_S,
        )
    assert result.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {port}" in result.stderr
    assert "Traceback" not in result.stderr
