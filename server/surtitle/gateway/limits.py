"""How much one address may ask for. Pure: the clock is an argument.

Loopback has no limits: it is this machine. Who comes from there through a proxy that is trusted has the
limits of the address that it names, whichever that is.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address

from surtitle.runtime.addresses import is_loopback, plain

REMEMBERED = 10_000
"""Addresses whose handshakes are remembered: 1 MB. Beyond that the longest unseen is forgotten."""
IPV6_NETWORK_BITS = 64
"""What one customer has at least: its addresses count as one."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float


class AddressLimits:
    """Open connections and handshakes by address."""

    def __init__(
        self,
        *,
        max_connections: int,
        handshakes_per_s: float,
        burst: int,
        is_exempt: Callable[[str], bool] = is_loopback,
    ) -> None:
        """So many connections at once; so many handshakes a second, after `burst` at once."""
        self._max_connections = max_connections
        self._per_s = handshakes_per_s
        self._burst = burst
        self._is_exempt = is_exempt
        self._open: dict[str, int] = {}
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def refusal(self, address: str, now_s: float, *, is_forwarded: bool = False) -> str | None:
        """Note a handshake; returns why it is refused, or None."""
        if not is_forwarded and self._is_exempt(address):
            return None
        who = network_of(address)
        bucket = self._buckets.pop(who, None) or _Bucket(self._burst, now_s)
        self._buckets[who] = bucket  # the newest are at the end
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        gained = (now_s - bucket.at_s) * self._per_s
        bucket.left, bucket.at_s = min(bucket.left + gained, self._burst), now_s
        if bucket.left < 1:
            return "Too many connections per second from this address; wait a moment."
        bucket.left -= 1
        if self._open.get(who, 0) >= self._max_connections:
            return "This address has reached its session limit."
        return None

    def is_over(self, address: str, left_behind: int, *, is_forwarded: bool = False) -> bool:
        """Whether an address has too many sessions, with those that its clients have left behind.

        Each of its open connections counts as one.
        """
        if not is_forwarded and self._is_exempt(address):
            return False
        return self._open.get(network_of(address), 0) + left_behind > self._max_connections

    def enter(self, address: str) -> None:
        """A connection is open."""
        who = network_of(address)
        self._open[who] = self._open.get(who, 0) + 1

    def leave(self, address: str) -> None:
        """A connection has gone."""
        who = network_of(address)
        self._open[who] -= 1
        if not self._open[who]:
            del self._open[who]


def network_of(address: str) -> str:
    """What counts as one address."""
    try:
        parsed = plain(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(int(parsed) >> (128 - IPV6_NETWORK_BITS))
