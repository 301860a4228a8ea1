"""Wyoming announced in the network, with real multicast on this machine's own interface."""

import asyncio
import socket
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

from lab.server_process import FAKE_DECODER, start_server
from lab.waiting import wait_until
from surtitle.errors import ConfigurationError
from surtitle.gateway.announcing import (
    SERVICE,
    WITHDRAWAL_S,
    announce,
)
from surtitle.runtime.addresses import reachable
from surtitle.runtime.network import own_addresses
from tests.gateway.fakes import everything_logged
from tests.gateway.loops import LOOPS, run_on
from tests.gateway.multicast import multicast_problem
from tests.gateway.site import Site
from tests.gateway.test_wyoming import Client, event

ALL_V4, ALL_V6 = "0.0.0.0", "::"
LIMIT_S = 15.0


def needs_multicast(host: str) -> None:
    """Skip the test where the network of this machine carries none."""
    problem = multicast_problem(socket.AF_INET6 if host == ALL_V6 else socket.AF_INET)
    if problem is not None:
        pytest.skip(problem)


def some_name() -> str:
    """One that nobody else in the network has."""
    return f"Saal {uuid.uuid4()} (größer)"


class Browser:
    """Looks for Wyoming, as Home Assistant does."""

    def __init__(self, network: AsyncZeroconf) -> None:
        self.network = network
        self.changes: asyncio.Queue[tuple[str, ServiceStateChange]] = asyncio.Queue()

    def on_change(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        self.changes.put_nowait((name, state_change))

    async def until(self, name: str, change: ServiceStateChange) -> None:
        async with asyncio.timeout(LIMIT_S):
            while await self.changes.get() != (f"{name}.{SERVICE}", change):
                pass

    async def look_up(self, name: str) -> tuple[list[str], int]:
        """Addresses and port."""
        found = await self.network.async_get_service_info(SERVICE, f"{name}.{SERVICE}")
        assert found is not None
        assert found.port is not None
        return [each.partition("%")[0] for each in found.parsed_addresses()], found.port


@asynccontextmanager
async def browsing(host: str) -> AsyncIterator[Browser]:
    async with AsyncZeroconf(interfaces=reachable([host], own_addresses())) as network:
        browser = Browser(network)
        async with AsyncServiceBrowser(network.zeroconf, SERVICE, handlers=[browser.on_change]):
            yield browser


@asynccontextmanager
async def site_at(host: str, name: str) -> AsyncIterator[Site]:
    """One that is to be announced."""
    site = Site()
    try:
        await site.gateway.start("127.0.0.1", 0, wyoming=(host, 0), wyoming_name=name)
        yield site
    finally:
        await site.gateway.drain(0)


async def is_served(address: str, port: int) -> bool:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(event("describe"))
        return (await Client(reader, writer).until("info")) is not None
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(("loop", "host"), [("asyncio", ALL_V4), ("uvloop", ALL_V6)])
def test_a_browser_finds_the_server_and_hears_that_it_goes(loop: str, host: str) -> None:
    needs_multicast(host)
    if loop not in LOOPS:
        pytest.skip(f"no {loop} here")
    run_on(LOOPS[loop], come_and_go(host))


async def come_and_go(host: str) -> None:
    name = some_name()
    async with browsing(host) as browser:
        async with site_at(host, name) as site:
            site.gateway.announce()
            await browser.until(name, ServiceStateChange.Added)
            addresses, port = await browser.look_up(name)
            assert port == site.gateway.wyoming_port
            assert set(addresses) == set(reachable([host], own_addresses()))
            for address in addresses:
                if not ip_address(address).is_link_local:  # which needs an interface, too
                    assert await is_served(address, port)
        await browser.until(name, ServiceStateChange.Removed)


async def test_a_name_that_is_taken_is_told_and_harms_nobody() -> None:
    needs_multicast(ALL_V4)
    name = some_name()
    async with browsing(ALL_V4) as browser, site_at(ALL_V4, name) as first:
        first.gateway.announce()
        await browser.until(name, ServiceStateChange.Added)
        async with site_at(ALL_V4, name) as second:
            with everything_logged() as lines:
                second.gateway.announce()
                async with asyncio.timeout(LIMIT_S):
                    while not (refusals := [each for each in lines if "why" in each]):  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            (line,) = refusals
            assert (line["event"], line["log_level"]) == ("wyoming not announced", "warning")
            assert "--wyoming-zeroconf" in line["why"]
            assert await is_served("127.0.0.1", second.gateway.wyoming_port)
        assert (await browser.look_up(name))[1] == first.gateway.wyoming_port


async def test_a_stop_does_not_wait_for_an_announcement() -> None:
    needs_multicast(ALL_V4)
    tasks = asyncio.all_tasks()
    async with site_at(ALL_V4, some_name()) as site:
        site.gateway.announce()
        await asyncio.sleep(0)  # it has begun
        async with asyncio.timeout(2 * WITHDRAWAL_S):
            await site.gateway.drain(0)
        site.gateway.announce()  # too late
    assert asyncio.all_tasks() == tasks


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the package leaves a socket behind
@pytest.mark.parametrize(
    "listening",
    [["127.0.0.1"], ["::1"], ["203.0.113.9"], ["2001:db8::9"]],
    ids=lambda listening: listening[0],
)
async def test_addresses_without_a_network_are_told(listening: list[str]) -> None:
    """Of loopback, and such as have just gone."""
    with everything_logged() as lines:
        async with asyncio.timeout(LIMIT_S):
            await announce("Saal", listening, 10300)
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("wyoming not announced", "warning")
    assert line["why"]


async def test_without_the_package_only_announcing_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "surtitle.gateway.announcing")
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    site = Site()
    try:
        await site.gateway.start("127.0.0.1", 0, wyoming=("127.0.0.1", 0))
        assert site.gateway.wyoming_port
        site.gateway.announce()  # nothing
    finally:
        await site.gateway.drain(0)
    with pytest.raises(ConfigurationError, match=r"-m pip install .*\[zeroconf\]'$"):
        async with site_at(ALL_V4, "Saal"):
            pass


def test_a_server_is_announced_once_it_is_ready() -> None:
    needs_multicast(ALL_V4)
    server = start_server(
        decoder=FAKE_DECODER,
        wyoming=f"tcp://{ALL_V4}:0",
        wyoming_zeroconf=some_name(),
        open_to_network=True,
    )
    try:
        wait_until(lambda: server.events("wyoming announced"), LIMIT_S)
        told = [line["event"] for line in server.log]
        assert told.index("listening") < told.index("ready") < told.index("wyoming announced")
        (line,) = server.events("wyoming announced")
        assert line["port"] == server.events("listening")[0]["wyoming_port"]
    finally:
        assert server.stop() == 0
    assert server.errors == []
