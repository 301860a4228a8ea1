"""Where a client really is that comes through a reverse proxy. Pure.

A proxy tells by `X-Forwarded-For`, to which each one on the way adds the address that has asked it, or
by `Forwarded` (RFC 7239). A client can send such a header too, so it is read from its end, as far as
those go who are trusted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from surtitle.runtime.addresses import plain

Network = IPv4Network | IPv6Network
_AS_PAGES = {"ws": "http", "wss": "https"}
"""Some proxies name the scheme of a WebSocket."""
_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s"]+)', re.IGNORECASE)
_PORT = re.compile(r":[\w.-]*$")


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """Where somebody is."""

    address: str
    is_forwarded: bool = False
    """A proxy has said so: it is not this machine, whatever the address."""


class TrustedProxies:
    """The proxies that are believed."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        """Addresses and networks, such as `127.0.0.1` and `10.0.0.0/8`. Raises ValueError."""
        self._networks: tuple[Network, ...] = tuple(
            ip_network(name, strict=False) for name in names
        )

    def client(
        self, peer: str, forwarded_for: Sequence[str], forwarded: Sequence[str]
    ) -> ClientAddress:
        """Where the client is that asks from the address `peer`, with these header lines.

        Where the two headers disagree neither is believed: a proxy that writes one of them lets the
        other through as the client has sent it.
        """
        if not self._trusts(peer):
            return ClientAddress(peer)
        told = {
            self._last_stranger(hops)
            for hops in (_split(forwarded_for), [_for(each) for each in _split(forwarded)])
            if hops
        }
        if not told:
            return ClientAddress(peer)
        (address,) = told if len(told) == 1 else (None,)
        return ClientAddress(peer if address is None else address, is_forwarded=True)

    def schemes(self, peer: str, own: str, forwarded: Sequence[str]) -> frozenset[str]:
        """Which scheme the page of a client may have that asks by our `own` one: what the last line of
        X-Forwarded-Proto says where a proxy sends it, and either where that does not tell.
        """
        if not self._trusts(peer):
            return frozenset((own,))
        told = [_AS_PAGES.get(name.lower(), name.lower()) for name in _split(forwarded)[-1:]]
        return frozenset(told or ("http", "https"))

    def _last_stranger(self, hops: Sequence[str]) -> str | None:
        """The last hop that is no proxy of ours, the first of all where there is none; None where
        one cannot be read.
        """
        address = None
        for hop in reversed(hops):
            address = _address(hop)
            if address is None or not self._trusts(address):
                break
        return address

    def _trusts(self, address: str) -> bool:
        try:
            parsed = plain(address)
        except ValueError:  # a socket without an address
            return False
        return any(parsed in network for network in self._networks)


TRUST_NONE = TrustedProxies()


def _split(lines: Sequence[str]) -> list[str]:
    return [hop.strip() for hop in ",".join(lines).split(",") if hop.strip()]


def _for(element: str) -> str:
    """The address of one element of `Forwarded`; "" where it names none."""
    found = _FOR.search(element)
    return "" if found is None else found[1].strip('"')


def _address(hop: str) -> str | None:
    """An address without port and brackets, in one spelling; None where it is none."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = _PORT.sub("", hop)
    try:
        return str(plain(hop))
    except ValueError:
        return None
