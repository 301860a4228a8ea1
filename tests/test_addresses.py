import pytest

from surtitle.runtime.addresses import is_local_name, is_loopback, plain


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
