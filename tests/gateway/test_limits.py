"""How much one address may ask for."""

import pytest

from surtitle.gateway import limits
from surtitle.gateway.limits import AddressLimits


def limited(max_connections: int = 100, per_s: float = 2, burst: int = 3) -> AddressLimits:
    return AddressLimits(max_connections=max_connections, handshakes_per_s=per_s, burst=burst)


def test_a_burst_passes_and_then_so_many_a_second() -> None:
    addresses = limited()
    assert [addresses.refusal("192.0.2.1", 5.0) is None for _ in range(5)] == [True] * 3 + [
        False
    ] * 2
    assert addresses.refusal("192.0.2.2", 5.0) is None  # another one
    assert addresses.refusal("192.0.2.1", 5.4) is not None
    assert addresses.refusal("192.0.2.1", 5.5) is None
    assert addresses.refusal("192.0.2.1", 5.5) is not None
    assert [addresses.refusal("192.0.2.1", 1000.0) is None for _ in range(4)] == [True] * 3 + [
        False
    ]


def test_a_clock_that_stands_still_gives_nothing() -> None:
    addresses = limited(burst=1)
    assert addresses.refusal("192.0.2.1", 1.0) is None
    assert all(addresses.refusal("192.0.2.1", 1.0) for _ in range(100))


def test_so_many_at_once() -> None:
    addresses = limited(max_connections=2, burst=100)
    for _ in range(2):
        assert addresses.refusal("192.0.2.1", 0) is None
        addresses.enter("192.0.2.1")
    assert "session limit" in (addresses.refusal("192.0.2.1", 0) or "")
    addresses.leave("192.0.2.1")
    assert addresses.refusal("192.0.2.1", 0) is None


def test_loopback_is_not_limited() -> None:
    addresses = limited(max_connections=0, burst=0)
    assert {addresses.refusal(own, 0) for own in ("127.0.0.1", "127.8.8.8", "::1")} == {None}
    assert addresses.refusal("::ffff:127.0.0.1", 0) is None
    assert addresses.refusal("192.0.2.1", 0) is not None
    assert addresses.refusal("a socket without an address", 0) is not None


def test_loopback_behind_a_proxy_is_limited() -> None:
    addresses = limited(burst=1)
    for address in ("127.0.0.1", "::1", "203.0.113.9"):
        assert addresses.refusal(address, 0, is_forwarded=True) is None
        assert addresses.refusal(address, 0, is_forwarded=True) is not None
    assert addresses.refusal("127.0.0.1", 0) is None


def test_loopback_behind_a_proxy_leaves_only_so_many_sessions_behind() -> None:
    addresses = limited(max_connections=2)
    addresses.enter("127.0.0.1")
    assert not addresses.is_over("127.0.0.1", 100)
    assert not addresses.is_over("127.0.0.1", 1, is_forwarded=True)
    assert addresses.is_over("127.0.0.1", 2, is_forwarded=True)


def test_a_network_of_version_6_counts_as_one() -> None:
    addresses = limited(burst=1)
    assert addresses.refusal("2001:db8:1:2::1", 0) is None
    assert addresses.refusal("2001:db8:1:2:3:4:5:6", 0) is not None
    assert addresses.refusal("2001:db8:1:3::1", 0) is None
    assert addresses.refusal("::ffff:192.0.2.1", 0) is None
    assert addresses.refusal("192.0.2.1", 0) is not None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 10)
    addresses = limited(burst=1)
    for number in range(100):
        assert addresses.refusal(f"192.0.2.{number}", 0) is None
    assert len(addresses._buckets) == 10
    assert addresses.refusal("192.0.2.99", 0) is not None  # the newest are known
    for number in range(90, 100):
        addresses.enter(f"192.0.2.{number}")
        addresses.leave(f"192.0.2.{number}")
    assert not addresses._open
