"""Addresses in one spelling, and what is this machine alone. Pure."""

import re
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

LOOPBACK = "127.0.0.1"
LOCALHOST = "localhost"
IPV6 = 6


def plain(address: str) -> IPv4Address | IPv6Address:
    """An address; one of version 4 that stands in one of version 6 as what it is. Raises ValueError."""
    parsed = ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return parsed if mapped is None else mapped


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches this: an address of loopback, or `localhost` itself."""
    try:
        return plain(host).is_loopback
    except ValueError:
        return host == LOCALHOST


def is_local_name(name: str) -> bool:
    """Whether a browser asks this machine under this name, by RFC 6761."""
    return name == LOCALHOST or name.endswith("." + LOCALHOST)


def reachable(listening: Iterable[str], own: Collection[str]) -> list[str]:
    """Where others reach who listens there on a machine that has these addresses of its own."""
    found: list[str] = []
    for host in listening:
        address = ip_address(host)
        if address.is_unspecified:
            found += [each for each in own if ip_address(each).version == address.version]
        else:
            found.append(host)
    return [each for each in found if not is_loopback(each)]


def likeliest_first(addresses: Iterable[str], main: str | None) -> list[str]:
    """Those that somebody can type on a phone, the likeliest first.

    `main` is the one by which this machine reaches others. Addresses that need the name of an adapter
    lead nowhere in a browser.
    """
    kept = [
        address
        for address in addresses
        if not ((parsed := ip_address(address)).version == IPV6 and parsed.is_link_local)
    ]

    def rank(address: str) -> tuple[bool, int, bool, bool]:
        parsed = ip_address(address)
        return address != main, parsed.version, parsed.is_link_local, not parsed.is_private

    return sorted(kept, key=rank)


def has_clear_password(url: str) -> bool:
    """Whether all programs take the same part of an address for its password.

    Some end it at the first `@`, others at the last one, and some at a `/`. What is left would be taken
    for a host or a port, and told in messages.
    """
    rest = url.partition("://")[2]
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    return authority.count("@") == rest.count("@") <= 1


def in_url(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host
