"""Where a server says that it is found."""

import pytest

from surtitle.gateway.whereabouts import Whereabouts, command_for_network
from surtitle.runtime.addresses import LOOPBACK
from surtitle.runtime.network import main_address, own_addresses
from tests.gateway.site import listening

OWN = ["127.0.0.1", "192.168.1.5", "172.17.0.1", "::1", "fd00::2", "fe80::1"]


@pytest.mark.parametrize(
    ("addresses", "local", "network"),
    [
        (["127.0.0.1"], "http://127.0.0.1:8765", []),
        (
            ["0.0.0.0"],
            "http://127.0.0.1:8765",
            ["http://192.168.1.5:8765", "http://172.17.0.1:8765"],
        ),
        (["::"], "http://[::1]:8765", ["http://[fd00::2]:8765"]),
        (["192.168.1.5"], "http://192.168.1.5:8765", ["http://192.168.1.5:8765"]),
    ],
)
def test_it_is_found_at_addresses_that_somebody_can_go_to(
    addresses: list[str], local: str, network: list[str]
) -> None:
    where = Whereabouts(tuple(addresses), 8765)
    assert where.local_url == local
    assert where.network_urls(OWN, "192.168.1.5") == network


def test_an_operator_knows_better() -> None:
    known = Whereabouts(("127.0.0.1",), 8765, public_url="https://captions.example/", command="x")
    assert known.told(OWN, None) == {"urls": ["https://captions.example"], "command": ""}
    hidden = Whereabouts(("0.0.0.0",), 8765, public_url="none", command="x")
    assert hidden.told(OWN, None) == {"urls": [], "command": ""}


def test_a_server_that_only_this_machine_reaches_says_how_to_open_it() -> None:
    where = Whereabouts(("127.0.0.1", "::1"), 8765, command="surtitle serve --host 0.0.0.0")
    assert where.told(OWN, None) == {"urls": [], "command": "surtitle serve --host 0.0.0.0"}


@pytest.mark.parametrize(
    ("arguments", "has_keys", "command"),
    [
        (["surtitle", "serve"], False, "surtitle serve --host 0.0.0.0 --open-to-network"),
        (["surtitle", "serve"], True, "surtitle serve --host 0.0.0.0"),
        (
            ["/usr/lib/surtitle/__main__.py", "serve", "--model", "small", "--host", "127.0.0.1"],
            False,
            "python -m surtitle serve --model small --host 0.0.0.0 --open-to-network",
        ),
        (
            ["surtitle", "serve", "--host=::1", "--open-to-network", "false", "--port", "1"],
            False,
            "surtitle serve --port 1 --host 0.0.0.0 --open-to-network",
        ),
        (
            ["surtitle", "serve", "--open-to-network", "--config", "my hall.toml"],
            False,
            "surtitle serve --config 'my hall.toml' --host 0.0.0.0 --open-to-network",
        ),
        (
            ["surtitle", "serve", "--archive", "/srv/talks", "--sinks=hall=file:talk.vtt"],
            True,
            "surtitle serve --archive /srv/talks --sinks=hall=file:talk.vtt --host 0.0.0.0",
        ),
        (["surtitle", "serve", "--archive", "postgresql://u:secret@h/d"], True, ""),
        (["surtitle", "serve", "--port", "1", "--backplane=redis://u:secret@h:1"], True, ""),
        (["surtitle", "serve", "--sinks", "hall=zoom:https://h/?signature=secret"], True, ""),
        (["surtitle", "serve", "--sinks"], True, "surtitle serve --sinks --host 0.0.0.0"),
    ],
)
def test_the_command_is_the_one_that_was_given_but_for_the_address(
    arguments: list[str], has_keys: bool, command: str
) -> None:
    found = command_for_network(arguments, has_keys=has_keys, has_archive=False)
    assert found == command


@pytest.mark.parametrize(
    ("has_keys", "command"), [(False, ""), (True, "surtitle serve --host 0.0.0.0")]
)
def test_no_command_is_shown_that_does_not_start(has_keys: bool, command: str) -> None:
    found = command_for_network(["surtitle", "serve"], has_keys=has_keys, has_archive=True)
    assert found == command


async def test_a_real_one_tells_its_page() -> None:
    async with listening(command_for_network="surtitle serve --host 0.0.0.0") as site:
        told = {"urls": [], "command": "surtitle serve --host 0.0.0.0", "language": "auto"}
        assert await site.get("/v1/network") == (200, told)


async def test_a_real_one_in_a_network_tells_its_addresses() -> None:
    main = main_address()
    if main is None or main == LOOPBACK:
        pytest.skip("this machine is in no network")
    assert main in own_addresses()
    async with listening(host="0.0.0.0") as site:
        status, told = await site.get("/v1/network")
        assert status == 200
        assert told["urls"][0] == f"http://{main}:{site.gateway.port}"
        assert site.gateway.local_url == f"http://127.0.0.1:{site.gateway.port}"
