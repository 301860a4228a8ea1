"""Addresses in one spelling, and what is this machine alone. Pure."""

from ipaddress import IPv4Address, IPv6Address, ip_address

LOOPBACK = "127.0.0.1"
LOCALHOST = "localhost"


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
