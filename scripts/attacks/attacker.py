"""The process of the attackers: python -m attacks.attacker NAME COUNT

It writes a line once it has loaded, reads a `Site` as JSON from its standard input, attacks, and writes
a `Report`.
"""

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from attacks.catalogue import KINDS
from attacks.wire import Site, Told

NICE = 19
AUTOGROUP = Path("/proc/self/autogroup")
"""Where Linux shares processor time between sessions (sched(7)), nice counts within one of them alone;
a session has a nice value of its own, in this file."""


class Report(msgspec.Struct):
    """What became of them."""

    told: dict[str, int]
    cpu_s: float


async def attack(name: str, count: int, site: Site) -> Told:
    """So many attackers until the time is over."""
    told = Told()
    attackers = [
        asyncio.create_task(KINDS[name].attack(site, told, number)) for number in range(count)
    ]
    done, _ = await asyncio.wait(
        attackers, timeout=site.seconds, return_when=asyncio.FIRST_EXCEPTION
    )
    for each in attackers:
        each.cancel()
    await asyncio.gather(*attackers, return_exceptions=True)
    for each in done:
        each.result()  # one that has failed by a mistake of its own
    return told


def stand_back() -> None:
    """Leave the processors to the server: it is attacked by what is sent, not by what that costs us."""
    os.nice(NICE)
    with contextlib.suppress(OSError):
        os.setsid()
        AUTOGROUP.write_text(str(NICE))


def main(name: str, count: int) -> None:
    """Attack when told to, and say what came of it."""
    stand_back()
    print("loaded", flush=True)
    site = msgspec.json.decode(sys.stdin.buffer.readline(), type=Site)
    loaded_s = time.process_time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(attack(name, count, site))
    report = Report(dict(told), time.process_time() - loaded_s)
    sys.stdout.buffer.write(msgspec.json.encode(report))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
