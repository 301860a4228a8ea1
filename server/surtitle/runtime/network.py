"""Which addresses this machine has."""

import contextlib
import socket
from socket import AF_INET, AF_INET6

import psutil

SOMEWHERE = ("192.0.2.1", 9)
"""An address that nobody has (RFC 5737). Nothing is sent there."""


def own_addresses() -> list[str]:
    """Those of this machine, where it is connected."""
    adapters = psutil.net_if_stats()
    return [
        address.address.partition("%")[0]  # without the adapter's name
        for adapter, addresses in psutil.net_if_addrs().items()
        if adapter in adapters and adapters[adapter].isup
        for address in addresses
        if address.family in (AF_INET, AF_INET6)
    ]


def main_address() -> str | None:
    """The one by which this machine reaches others; None where it is in no network."""
    with contextlib.suppress(OSError), socket.socket(AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(SOMEWHERE)  # of UDP, this only looks up the way
        return str(probe.getsockname()[0])
    return None
