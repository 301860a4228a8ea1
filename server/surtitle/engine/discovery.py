"""Engines whose addresses a name has: those of a headless service in Kubernetes, for example."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from dataclasses import replace
from urllib.parse import urlsplit

import structlog

from surtitle.engine.dialing import LaneOptions
from surtitle.engine.pool import EnginePool, MakeMember

log = structlog.get_logger("surtitle.engine")

LOOK_EVERY_S = 5.0
"""How often a name is looked up again."""


async def follow(pool: EnginePool, url: str, make: Callable[[str], MakeMember]) -> None:
    """Have a member in the pool for each address of a name, for ever; `url` as `ws://name:port`.

    A name that has no address for the moment changes nothing: its engines may well be there.
    """
    members: dict[str, int] = {}
    said = ""
    while True:
        try:
            found = await look_up(url)
        except (OSError, ValueError) as error:
            if said != str(error):
                said = str(error)
                log.warning("name not found", url=url, why=said)
        else:
            said = ""
            for engine in found - members.keys():
                members[engine] = pool.add(make(engine))
            for engine in members.keys() - found:
                log.info("engine gone", member=engine)
                await pool.remove(members.pop(engine))
        await asyncio.sleep(LOOK_EVERY_S)


async def look_up(url: str) -> set[str]:
    """The URLs of all addresses. Raises OSError, also ValueError for what can be no name."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    return set(_with_addresses(parts.scheme, (address[4] for address in found)))


def options_for_addresses(url: str, options: LaneOptions) -> LaneOptions:
    """How to reach what `look_up` finds: engines whose certificates have the name, and no address."""
    return replace(options, name=urlsplit(url).hostname)


def _with_addresses(scheme: str, addresses: Iterable[tuple[object, ...]]) -> Iterable[str]:
    for host, port, *_ in addresses:
        yield f"{scheme}://[{host}]:{port}" if ":" in str(host) else f"{scheme}://{host}:{port}"
