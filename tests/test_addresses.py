from collections.abc import Sequence

import pytest

from surtitle.runtime.addresses import (
    has_clear_password,
    in_url,
    is_local_name,
    is_loopback,
    likeliest_first,
    plain,
    reachable,
)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("captions.localhost", False),  # it depends on who resolves it
        ("captions.example", False),
        ("", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("localhost", True),
        ("captions.localhost", True),
        ("notlocalhost", False),
        ("localhost.example", False),
        ("127.0.0.1", False),
    ],
)
def test_names_of_this_machine(name: str, expected: bool) -> None:
    assert is_local_name(name) is expected


def test_an_address_has_one_spelling() -> None:
    assert str(plain("::ffff:192.0.2.1")) == "192.0.2.1"
    assert str(plain("2001:DB8::0")) == "2001:db8::"
    with pytest.raises(ValueError, match="not appear to be"):
        plain("captions.example")


@pytest.mark.parametrize(
    ("listening", "expected"),
    [
        (["0.0.0.0"], ["192.0.2.2", "198.51.100.7"]),
        (["::"], ["fd00::2", "fe80::1"]),
        (["0.0.0.0", "::"], ["192.0.2.2", "198.51.100.7", "fd00::2", "fe80::1"]),
        (["192.0.2.2"], ["192.0.2.2"]),
        (["127.0.1.1"], []),
        ([], []),
    ],
)
def test_others_reach_all_addresses_but_loopback(
    listening: Sequence[str], expected: Sequence[str]
) -> None:
    own = ["127.0.0.1", "192.0.2.2", "198.51.100.7", "::1", "fd00::2", "fe80::1"]
    assert reachable(listening, own) == expected


def test_a_machine_without_a_network_has_nothing_to_announce() -> None:
    assert reachable(["0.0.0.0", "::"], []) == []


@pytest.mark.parametrize(
    ("addresses", "main", "expected"),
    [
        (["172.17.0.1", "192.168.1.5"], "192.168.1.5", ["192.168.1.5", "172.17.0.1"]),
        (["fd00::2", "10.0.0.7"], None, ["10.0.0.7", "fd00::2"]),
        (["169.254.3.4", "10.0.0.7"], None, ["10.0.0.7", "169.254.3.4"]),
        (["203.0.114.9", "10.0.0.7"], None, ["10.0.0.7", "203.0.114.9"]),
        (["fe80::1"], None, []),  # it is nothing without the name of an adapter
    ],
)
def test_the_address_of_the_hall_comes_first(
    addresses: list[str], main: str | None, expected: list[str]
) -> None:
    assert likeliest_first(addresses, main) == expected


def test_an_address_of_version_6_stands_in_brackets_in_a_url() -> None:
    assert [in_url("::1"), in_url("10.0.0.7"), in_url("hall")] == ["[::1]", "10.0.0.7", "hall"]


@pytest.mark.parametrize(
    ("url", "is_clear"),
    [
        ("redis://h:1", True),
        ("redis://:secret@h:1/0", True),
        ("redis://u:a%40b%2F@h:1/0?db=1", True),
        ("redis://u:a@b@h", False),
        ("redis://u:a/b@h", False),
        ("redis://u:a?b@h", False),
        ("redis://u:a#b@h", False),
        ("postgresql://h/d?user=a@b", False),
    ],
)
def test_a_password_ends_where_all_programs_end_it(url: str, is_clear: bool) -> None:
    assert has_clear_password(url) is is_clear
