"""Announces the Wyoming port in the local network by Zeroconf (RFC 6762 and 6763): Home Assistant finds
it by itself.

Rejected: the same in the `wyoming` package, which knows one IPv4 address and no end.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import NoReturn

import structlog
from zeroconf import DNSQuestionType, Error, NonUniqueNameException
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from surtitle.runtime.addresses import reachable
from surtitle.runtime.network import own_addresses

log = structlog.get_logger("surtitle.wyoming")

SERVICE = "_wyoming._tcp.local."
NO_PROPERTIES = b"\0"
"""The least that there may be of them (RFC 6763, 6.1)."""
ASKING_MS = 1500
"""How long others have to answer that the name is theirs. Who has just told it waits a second and more
(RFC 6762, 6).
"""
WITHDRAWAL_S = 1.0
"""How long the withdrawal may take: four times what its three messages take."""


async def announce(name: str, listening: Iterable[str], port: int) -> None:
    """Announce until cancelled, then withdraw. Where that cannot be done, the log says why.

    `listening` are the addresses of the listening sockets.
    """
    logging.getLogger("zeroconf").addFilter(_without_traceback)
    why = "other machines reach none of the addresses"
    try:
        if addresses := reachable(listening, own_addresses()):
            await _stay_announced(name, addresses, port)
    except NonUniqueNameException:
        why = "the name is taken in this network; choose another with --wyoming-zeroconf"
    except (Error, OSError, RuntimeError) as error:  # RuntimeError: an address has just gone
        why = str(error) or type(error).__name__
    log.warning("wyoming not announced", name=name, why=why)


async def _stay_announced(name: str, addresses: list[str], port: int) -> NoReturn:
    network = AsyncZeroconf(interfaces=addresses)
    try:
        # It starts at once; but if it were cancelled meanwhile, it could not be closed.
        start = network.zeroconf.async_wait_for_start()
        await asyncio.shield(asyncio.gather(start, return_exceptions=True))
        service = AsyncServiceInfo(
            SERVICE,
            f"{name}.{SERVICE}",
            port,
            properties=NO_PROPERTIES,
            parsed_addresses=addresses,
        )
        # Registration asks too, but what it is answered may go to another program on this machine.
        other = AsyncServiceInfo(SERVICE, service.name)
        await other.async_request(network.zeroconf, ASKING_MS, DNSQuestionType.QM)
        if other.port is not None:
            raise NonUniqueNameException
        await (await network.async_register_service(service))
        # What goes to everybody comes back, too.
        is_heard = AsyncServiceInfo(SERVICE, service.name).load_from_cache(network.zeroconf)
        if is_heard:
            log.info("wyoming announced", name=name, addresses=addresses, port=port)
        else:
            why = "is there multicast in this network, and is UDP port 5353 open?"
            log.warning("wyoming announced, but nobody hears it", name=name, why=why)
        while True:
            await asyncio.get_running_loop().create_future()
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WITHDRAWAL_S):
                await network.async_close()


def _without_traceback(record: logging.LogRecord) -> bool:
    """The package shows one where a network cannot be reached."""
    record.exc_info = None
    return True
