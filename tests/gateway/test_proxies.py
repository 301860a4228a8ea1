"""Where a client really is that comes through a proxy."""

import pytest

from surtitle.gateway.proxies import ClientAddress, TrustedProxies

PROXIES = TrustedProxies(["127.0.0.1", "10.0.0.0/8", "::1", "2001:db8:ffff::/48"])


def told(address: str) -> ClientAddress:
    return ClientAddress(address, is_forwarded=True)


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("127.0.0.1", ["203.0.113.9"], told("203.0.113.9")),
        ("::1", ["203.0.113.9"], told("203.0.113.9")),
        ("::ffff:127.0.0.1", ["203.0.113.9"], told("203.0.113.9")),
        ("127.0.0.1", ["198.51.100.7, 203.0.113.9"], told("203.0.113.9")),  # a forged one before it
        ("127.0.0.1", ["127.0.0.1, 203.0.113.9"], told("203.0.113.9")),
        ("127.0.0.1", ["198.51.100.7", "203.0.113.9"], told("203.0.113.9")),  # on two lines
        ("127.0.0.1", ["203.0.113.9, 10.1.2.3"], told("203.0.113.9")),  # two proxies in a row
        ("10.9.9.9", ["198.51.100.7,203.0.113.9 , 10.1.2.3,127.0.0.1"], told("203.0.113.9")),
        ("127.0.0.1", ["203.0.113.9:4711"], told("203.0.113.9")),
        ("127.0.0.1", ["2001:db8::9"], told("2001:db8::9")),
        ("127.0.0.1", ["[2001:DB8::9]:4711"], told("2001:db8::9")),
        ("127.0.0.1", ["::ffff:203.0.113.9"], told("203.0.113.9")),
        ("127.0.0.1", ["10.1.1.1, 10.2.2.2"], told("10.1.1.1")),  # somebody behind the proxies
        ("127.0.0.1", ["127.0.0.1"], told("127.0.0.1")),  # not exempt: a proxy says so
        ("127.0.0.1", ["unknown"], told("127.0.0.1")),
        ("127.0.0.1", ["203.0.113.9, nonsense"], told("127.0.0.1")),
        ("127.0.0.1", ["203.0.113.9, _hidden, 10.1.1.1"], told("127.0.0.1")),
        ("127.0.0.1", [], ClientAddress("127.0.0.1")),  # a program of this machine
        ("127.0.0.1", ["", " , "], ClientAddress("127.0.0.1")),
        ("203.0.113.1", ["198.51.100.7"], ClientAddress("203.0.113.1")),  # no proxy of ours
        ("", ["198.51.100.7"], ClientAddress("")),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours(
    peer: str, forwarded_for: list[str], client: ClientAddress
) -> None:
    assert PROXIES.client(peer, forwarded_for, []) == client


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (["for=203.0.113.9"], told("203.0.113.9")),
        (['For="203.0.113.9:4711"'], told("203.0.113.9")),
        (['for="[2001:db8::9]:4711";proto=https;by=10.0.0.1'], told("2001:db8::9")),
        (["proto=https; for=203.0.113.9"], told("203.0.113.9")),
        (["for=198.51.100.7, for=203.0.113.9"], told("203.0.113.9")),
        (["for=198.51.100.7", "for=203.0.113.9, for=10.1.1.1"], told("203.0.113.9")),
        (["for=unknown"], told("127.0.0.1")),
        (["for=_secret"], told("127.0.0.1")),
        (["proto=https"], told("127.0.0.1")),
        (['xfor=1.2.3.4;host="for=198.51.100.7"'], told("127.0.0.1")),
    ],
)
def test_the_standard_header(forwarded: list[str], client: ClientAddress) -> None:
    assert PROXIES.client("127.0.0.1", [], forwarded) == client


def test_two_headers_that_disagree_are_not_believed() -> None:
    assert PROXIES.client("127.0.0.1", ["203.0.113.9"], ["for=203.0.113.9"]) == told("203.0.113.9")
    assert PROXIES.client("127.0.0.1", ["203.0.113.9"], ["for=198.51.100.7"]) == told("127.0.0.1")


def test_without_proxies_nobody_is_believed() -> None:
    assert TrustedProxies().client("127.0.0.1", ["203.0.113.9"], []) == ClientAddress("127.0.0.1")


@pytest.mark.parametrize("name", ["", "localhost", "10.0.0.0/99", "10.0.0"])
def test_what_is_no_network(name: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 network"):
        TrustedProxies([name])
