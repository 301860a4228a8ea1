"""One run: a fresh server, victims who speak, attackers beside them, and a look at what is left."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil

from attacks.access import Access, Parties, Party, parties
from attacks.attacker import Report
from attacks.catalogue import Kind
from attacks.figures import LEFT_MB, Figures
from attacks.floods import CHANNEL
from attacks.lag import lag_between, read_notes
from attacks.memory import MemoryMeter, look
from attacks.newcomers import Newcomers
from attacks.publisher import Audience, publish
from attacks.victims import Account, Script, speak_all
from attacks.wire import Site
from lab.places import REPOSITORY
from lab.server_process import ServerProcess, is_ready, start_server
from lab.waiting import left_over
from load.meter import Meter
from load.score import Score

LEAD_S = 2.0
"""Victims speak so long before the attack."""
REST_S = 2.0
"""Between the end of all and the look at what is left."""
GIVEN_BACK_WITHIN_S = 65.0
"""By then no session waits for its client (`resume_window_s`)."""
ATTACKERS_END_WITHIN_S = 30.0
STOPS_WITHIN_S = 10.0
SEATS = 4
"""That are free beside the victims, where an attack is for places."""
ASK_EVERY_S = 1.0
MAX_TRACEBACK = 700
MODULES = os.pathsep.join(str(REPOSITORY / each) for each in ("scripts", "server", "."))


@dataclass(frozen=True)
class Plan:
    """What all runs have in common."""

    scripts: Sequence[Script]
    folder: Path
    """With the files for attackers."""
    seconds: float
    """Of an attack."""
    seed: int
    model: str


@dataclass(frozen=True)
class _Scene:
    """One run of a plan."""

    plan: Plan
    name: str
    kind: Kind | None
    """None in a quiet time."""
    count: int
    who: Parties

    @property
    def publishes_apart(self) -> bool:
        """Whether the first victim publishes over a link that is cut."""
        return self.kind is not None and self.kind.cuts_publisher

    @property
    def fills_seats(self) -> bool:
        """Whether attackers may rightly have all that are free."""
        return self.kind is not None and self.kind.fills_seats

    @property
    def settings(self) -> dict[str, Any]:
        """What the server is told."""
        settings: dict[str, Any] = {"model": self.plan.model, **self.who.settings}
        if self.kind is not None:
            settings |= self.kind.settings
            if self.kind.prepare is not None:
                settings |= self.kind.prepare(self.plan.folder)
            if self.kind.needs_seats:
                settings["max_sessions"] = len(self.plan.scripts) + SEATS
        return settings

    def site(self, server: ServerProcess, party: Party) -> Site:
        """Where somebody goes, and as whom."""
        return Site(
            port=server.port,
            server_pid=server.process.pid,
            seconds=self.plan.seconds,
            seed=self.plan.seed,
            folder=str(self.plan.folder),
            headers=party.headers,
            address=party.address,
            bystanders=tuple(process.pid for process in server.tree()),
            wyoming_port=int(server.events("listening")[0].get("wyoming_port", 0)),
        )


def run(plan: Plan, name: str, kind: Kind | None, count: int, access: Access) -> Figures:
    """Play one attack, or a quiet time where there is no kind."""
    scene = _Scene(plan, name, kind, count, parties(access, plan.folder))
    attackers = None if kind is None else _load_attackers(name, count)
    try:
        figures = _run_on_a_server(scene, attackers)
    finally:
        if attackers is not None:
            attackers.kill()
            attackers.communicate()
    figures.access = access.value
    return figures


def _run_on_a_server(scene: _Scene, attackers: "subprocess.Popen[bytes] | None") -> Figures:
    notes = scene.plan.folder / "lag"
    command = ["env", f"PYTHONPATH={MODULES}", sys.executable, "-m", "attacks.probed_server"]
    server = start_server(command=[*command, str(notes)], **scene.settings)
    tree = server.tree()
    try:
        figures = asyncio.run(_play(scene, server, attackers))
        figures.is_ready_after = is_ready(server.url)
        with contextlib.suppress(psutil.Error):
            tree += server.tree()
    finally:
        problems = _stop(server)
    figures.orphans = len(left_over(tree))
    figures.problems += problems
    return figures


def _stop(server: ServerProcess) -> list[str]:
    """End the server; what there is to say of that, and of what it has logged."""
    try:
        server.stop(within_s=STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server.close_pipes()
        return ["SIGTERM did not end the server"]
    status = server.process.returncode
    said = [_in_short(line) for line in server.errors]
    return [*said[:3], *([f"the server ended with {status}"] if status else [])]


async def _play(
    scene: _Scene, server: ServerProcess, attackers: "subprocess.Popen[bytes] | None"
) -> Figures:
    plan, who = scene.plan, scene.who
    await _loaded(attackers)
    audience = Audience()
    async with _beside(audience.watch(server.port, who.victims.key)):
        speaking = asyncio.create_task(_speak(scene, server.port))
        await asyncio.sleep(LEAD_S)
        before = look(server.process.pid, server.worker_pid)
        newcomers = Newcomers(scene.site(server, who.newcomers))
        memory = MemoryMeter(server.process.pid, server.worker_pid)
        cost = Meter(server.process.pid)
        cost.start()
        health = _Health(server)
        began = time.monotonic()
        async with _beside(memory.run(), health.run()):
            async with _beside(newcomers.run()):
                report = await _attack(attackers, scene.site(server, who.attackers))
            ended = time.monotonic()
            spent = await cost.stop()
            accounts = await speaking
    over = time.monotonic()
    await asyncio.sleep(REST_S)
    after = look(server.process.pid, server.worker_pid)
    while (
        after.answers_for > before.answers_for + LEFT_MB
        and time.monotonic() - over < GIVEN_BACK_WITHIN_S
    ):
        await asyncio.sleep(1.0)
        after = look(server.process.pid, server.worker_pid)
    after_s = time.monotonic() - over
    lag = lag_between(read_notes((plan.folder / "lag").read_bytes()), began, ended)
    machine_s = (ended - began) * (os.cpu_count() or 1)
    errors = Score()
    for account in accounts:
        errors.add(account.errors)
    return Figures(
        name=scene.name,
        count=scene.count,
        delays_s=[account.delays_s for account in accounts],
        lag_p50_ms=lag.p50_ms,
        lag_p99_ms=lag.p99_ms,
        lag_max_ms=lag.max_ms,
        before_mb=before.answers_for,
        peak_mb=memory.peak.answers_for,
        after_mb=after.answers_for,
        after_s=after_s,
        worker_peak_mb=memory.peak.worker_mb,
        wer_percent=errors.percent,
        newcomers=0 if scene.fills_seats else newcomers.came,
        newcomers_refused=0 if scene.fills_seats else newcomers.refused,
        newcomers_told=dict(newcomers.told),
        sessions_most=health.sessions_most,
        max_sessions=scene.settings.get("max_sessions", 0),
        attackers_share=report.cpu_s / machine_s,
        others_share=max(spent.others_cpu_s - report.cpu_s, 0.0) / machine_s,
        told=report.told,
        problems=[*_faults(accounts), *audience.problems],
    )


async def _speak(scene: _Scene, port: int) -> list[Account]:
    """All victims."""
    scripts, party = scene.plan.scripts, scene.who.victims
    if not scene.publishes_apart:
        return await speak_all(scripts, port, party.headers, CHANNEL)
    async with asyncio.TaskGroup() as group:
        publishing = group.create_task(publish(scripts[0], port, party.key))
        speaking = group.create_task(speak_all(scripts[1:], port, party.headers, ""))
    return [publishing.result(), *speaking.result()]


def _faults(accounts: Sequence[Account]) -> list[str]:
    return [
        f"victim {number}: {fault}"
        for number, account in enumerate(accounts)
        for fault in account.faults
    ]


def _in_short(line: Any) -> str:
    """A line of the log, with the end of its traceback."""
    if not isinstance(line, dict):
        return str(line)
    exception = str(line.get("exception", "")).strip()
    return f"the server logged: {line.get('event')} {exception[-MAX_TRACEBACK:]}".strip()


@contextlib.asynccontextmanager
async def _beside(*works: "Any") -> AsyncIterator[None]:
    """Do this while the block runs."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


def _load_attackers(name: str, count: int) -> "subprocess.Popen[bytes]":
    """Their process, which loads and then waits for the site on its standard input."""
    return subprocess.Popen(
        [sys.executable, "-m", "attacks.attacker", name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": MODULES},
    )


async def _loaded(attackers: "subprocess.Popen[bytes] | None") -> None:
    if attackers is not None:
        assert attackers.stdout is not None
        await asyncio.to_thread(attackers.stdout.readline)


async def _attack(attackers: "subprocess.Popen[bytes] | None", site: Site) -> Report:
    """Let them go, and wait for their end; nothing happens for that time where there are none."""
    if attackers is None:
        await asyncio.sleep(site.seconds)
        return Report({}, 0.0)
    output, _ = await asyncio.to_thread(
        attackers.communicate,
        msgspec.json.encode(site) + b"\n",
        site.seconds + ATTACKERS_END_WITHIN_S,
    )
    return msgspec.json.decode(output, type=Report)


class _Health:
    """Asks how many sessions there are."""

    def __init__(self, server: ServerProcess) -> None:
        self._url = server.url + "/healthz"
        self.sessions_most = 0

    async def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, ValueError, KeyError):
                self.sessions_most = max(
                    self.sessions_most, await asyncio.to_thread(self._sessions)
                )
            await asyncio.sleep(ASK_EVERY_S)

    def _sessions(self) -> int:
        with urllib.request.urlopen(self._url, timeout=5) as answer:
            return int(json.load(answer)["sessions"])
