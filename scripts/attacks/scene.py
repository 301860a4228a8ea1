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
from tests.support import REPOSITORY, ServerProcess, is_ready, left_over, start_server

from attacks.access import Access, Parties, parties
from attacks.attacker import Report
from attacks.catalogue import Kind
from attacks.figures import Figures
from attacks.floods import CHANNEL
from attacks.lag import lag_between, read_notes
from attacks.memory import MemoryMeter, look
from attacks.newcomers import Newcomers
from attacks.publisher import Audience, publish
from attacks.victims import Script, speak_all
from attacks.wire import Site
from load.score import Score

LEAD_S = 2.0
"""Victims speak so long before the attack."""
REST_S = 3.0
"""Between the end of all and the look at what is left."""
ATTACKERS_END_WITHIN_S = 10.0
STOPS_WITHIN_S = 10.0
SEATS = 4
"""That are free beside the victims, where an attack is for places."""
ASK_EVERY_S = 1.0
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


def run(plan: Plan, name: str, kind: Kind | None, count: int, access: Access) -> Figures:
    """Play one attack, or a quiet time where there is no kind."""
    who = parties(access, plan.folder)
    notes = plan.folder / "lag"
    settings: dict[str, Any] = {"model": plan.model, **who.settings}
    if kind is not None:
        settings |= kind.settings
        if kind.needs_seats:
            settings["max_sessions"] = len(plan.scripts) + SEATS
    environment = ["env", f"PYTHONPATH={MODULES}"]
    command = [*environment, sys.executable, "-m", "attacks.probed_server", str(notes)]
    server = start_server(command=command, **settings)
    tree = server.tree()
    try:
        figures = asyncio.run(_play(plan, server, name, kind, count, access, who))
        figures.max_sessions = settings.get("max_sessions", 0)
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
    said = [str(line) for line in server.errors]
    return [*said[:3], *([f"the server ended with {status}"] if status else [])]


async def _play(
    plan: Plan,
    server: ServerProcess,
    name: str,
    kind: Kind | None,
    count: int,
    access: Access,
    who: Parties,
) -> Figures:
    site = Site(
        port=server.port,
        server_pid=server.process.pid,
        seconds=plan.seconds,
        seed=plan.seed,
        folder=str(plan.folder),
        token=who.attackers.key,
        address=who.attackers.address,
    )
    attackers = None if kind is None else await _load_attackers(name, count)
    publishing = kind is not None and kind.cuts_publisher
    speaking = asyncio.create_task(
        speak_all(
            plan.scripts[1:] if publishing else plan.scripts,
            server.port,
            who.victims.headers,
            "" if publishing else CHANNEL,
        )
    )
    audience = Audience()
    async with _beside(audience.watch(server.port, who.victims.key)):
        extra = (
            asyncio.create_task(publish(plan.scripts[0], server.port, who.victims.key))
            if publishing
            else None
        )
        await asyncio.sleep(LEAD_S)
        before = look(server.process.pid, server.worker_pid)
        bystanders = [child.pid for child in server.tree()]
        site = msgspec.structs.replace(site, bystanders=tuple(bystanders))
        newcomers = Newcomers(
            msgspec.structs.replace(site, token=who.newcomers.key, address=who.newcomers.address)
        )
        meter = MemoryMeter(server.process.pid, server.worker_pid)
        health = _Health(server)
        began = time.monotonic()
        async with _beside(meter.run(), newcomers.run(), health.run()):
            report = await _attack(attackers, site)
            ended = time.monotonic()
            accounts = await speaking
            if extra is not None:
                accounts = [await extra, *accounts]
    await asyncio.sleep(REST_S)
    after = look(server.process.pid, server.worker_pid)
    lag = lag_between(read_notes((plan.folder / "lag").read_bytes()), began, ended)
    problems = [
        f"victim {number}: {fault}"
        for number, account in enumerate(accounts)
        for fault in account.faults
    ]
    errors = Score()
    for account in accounts:
        errors.add(account.errors)
    cores = os.cpu_count() or 1
    return Figures(
        name=name,
        count=count,
        access=access.value,
        delays_s=[account.delays_s for account in accounts],
        lag_p50_ms=lag.p50_ms,
        lag_p99_ms=lag.p99_ms,
        lag_max_ms=lag.max_ms,
        before_mb=before.answers_for,
        peak_mb=meter.peak.answers_for,
        after_mb=after.answers_for,
        worker_peak_mb=meter.peak.worker_mb,
        wer_percent=errors.percent,
        newcomers=newcomers.came,
        newcomers_refused=newcomers.refused,
        sessions_most=health.sessions_most,
        attackers_share=report.cpu_s / ((ended - began) * cores),
        told=report.told,
        problems=problems + audience.problems,
    )


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


async def _load_attackers(name: str, count: int) -> asyncio.subprocess.Process:
    """Their process, which has begun and waits for the site on its standard input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "attacks.attacker",
        name,
        str(count),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": MODULES},
    )
    assert process.stdout is not None
    await process.stdout.readline()
    return process


async def _attack(process: asyncio.subprocess.Process | None, site: Site) -> Report:
    """Let them go, and wait for their end; nothing happens for that time where there are none."""
    if process is None:
        await asyncio.sleep(site.seconds)
        return Report({}, 0.0)
    try:
        async with asyncio.timeout(site.seconds + ATTACKERS_END_WITHIN_S):
            output, _ = await process.communicate(msgspec.json.encode(site) + b"\n")
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
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
