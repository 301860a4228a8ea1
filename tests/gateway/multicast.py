"""Whether multicast works on the machine that runs the tests."""

import socket
import struct

import psutil

from surtitle.runtime.addresses import is_loopback

GROUPS = {socket.AF_INET: "224.0.0.251", socket.AF_INET6: "ff02::fb"}
"""Those of multicast DNS."""
LIMIT_S = 1.0


def multicast_problem(family: socket.AddressFamily) -> str | None:
    """Why what is sent to all from this machine does not come back to it; None if it does."""
    adapters = psutil.net_if_stats()
    found = [
        (address.address.partition("%")[0], socket.if_nametoindex(name))
        for name, addresses in psutil.net_if_addrs().items()
        if adapters[name].isup
        for address in addresses
        if address.family == family
    ]
    for address, index in found:
        if not is_loopback(address):
            try:
                _send_to_all(family, address, index)
            except OSError as error:
                return f"no multicast from {address}: {error}"
            return None
    return f"no network: no address of {family.name} but loopback"


def _send_to_all(family: socket.AddressFamily, address: str, index: int) -> None:
    """Send a datagram and receive it. Raises OSError."""
    group = GROUPS[family]
    with socket.socket(family, socket.SOCK_DGRAM) as own:
        own.settimeout(LIMIT_S)
        own.bind(("", 0))
        port = own.getsockname()[1]
        packed = socket.inet_pton(family, group)
        if family == socket.AF_INET6:
            member = packed + struct.pack("@I", index)
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        else:
            member = packed + socket.inet_aton(address)
            own.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        own.sendto(b"?", (group, port))
        assert own.recv(9) == b"?"
