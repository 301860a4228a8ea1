"""Which pages may use the server, and under which names it answers. Pure.

A page of another origin may not use the server, unless it is allowed to. Where the server asks nobody
for a key, this is all that stands between it and any page that is open in a browser on the same
machine. Such a page may also have a name that it has made to point here (DNS rebinding), so there the
server answers under an address or a name that it was given, and under no other: an address points
nowhere else, and what a machine calls itself is not in its own hands.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

from surtitle.runtime.addresses import is_local_name, is_loopback, plain

_HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[\w.-]*\w))\.?(?::\d*)?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Names(Enum):
    """Under what the server may be asked, besides names that it was given."""

    ANY = auto()
    """Who asks needs a key."""
    ADDRESSES = auto()
    """Addresses, and names of this machine by RFC 6761: `localhost` and what ends in it."""
    LOOPBACK = auto()
    """Of the addresses those of loopback alone."""


@dataclass(frozen=True, slots=True)
class OriginPolicy:
    """Which pages may use the server."""

    allowed: tuple[str, ...] = ()
    """Origins such as `https://captions.example` or `file://`, besides the server's own; `*`: all."""
    names: Names = Names.ANY
    """Under what it may be asked besides the hosts of `allowed`."""
    host: str = ""
    """The name or address at which it was told to listen."""

    def knows(self, host: str | None) -> bool:
        """Whether this is a name of ours, by the header `Host`: a page that was made to point here
        asks under a name of its own, and by GET without an `Origin`.
        """
        if self.names is Names.ANY or host is None or "*" in self.allowed:
            return True
        name = _host_name(host)
        if name is None:
            return False
        if is_local_name(name):
            return True
        try:
            plain(name)
        except ValueError:
            return name in {_host_name(self.host), *map(_host_of, self.allowed)}
        if self.names is Names.ADDRESSES or is_loopback(name):
            return True
        return name in map(_host_of, self.allowed)

    def admits(
        self, origin: str | None, host: str | None, schemes: Collection[str] = ("http",)
    ) -> bool:
        """Whether a page of this origin may connect, by the headers of its request.

        Scheme, host and port of our own page must all be the same; `schemes` are those that it may
        have. A program that is no browser sends no `Origin`.
        """
        if origin is None or "*" in self.allowed or _normal(origin) in map(_normal, self.allowed):
            return True
        if host is None or not self.knows(host):
            return False
        place = _place(origin)
        return place is not None and any(place == _place(f"{s}://{host}") for s in schemes)


SAME_ORIGIN = OriginPolicy()
"""Pages of the server itself alone."""


def is_host(host: str) -> bool:
    """Whether a header `Host` is a name or an address, with or without a port."""
    return _host_name(host) is not None


def _normal(origin: str) -> str:
    return origin.rstrip("/").lower()


def _place(origin: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an origin; None for one that has none, such as `null`."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def _host_of(origin: str) -> str | None:
    """The host of an origin, in the form of `_host_name`; None for one that has none."""
    return _host_name(origin.partition("://")[2].partition("/")[0])


def _host_name(host: str) -> str | None:
    """What a header `Host` names, without port, brackets and final dot; None for nonsense."""
    parts = _HOST.fullmatch(host.lower())
    return None if parts is None else parts["address"] or parts["name"]
