"""One TCP connection and how it ends, with a transport that the test looks at."""

import asyncio
from typing import Any

import pytest

from surtitle.gateway import stream
from surtitle.gateway.inputs import InputTurns
from surtitle.gateway.places import Places
from surtitle.gateway.stream import ClientStream


class Socket:
    def setsockopt(self, *option: int) -> None: ...


class Transport(asyncio.Transport):
    """Notes what it is asked for. Closing takes for ever: its client does not read."""

    def __init__(self) -> None:
        super().__init__()
        self.socket = Socket()
        self.asked: list[str] = []
        self.is_read = True
        self.reset = False
        self.aborted = asyncio.Event()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.socket if name == "socket" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def is_closing(self) -> bool:
        return "close" in self.asked

    def can_write_eof(self) -> bool:
        return True

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def write_eof(self) -> None:
        self.asked.append("eof")
        if self.reset:
            raise OSError("Transport endpoint is not connected")

    def close(self) -> None:
        self.asked.append("close")

    def abort(self) -> None:
        self.asked.append("abort")
        self.aborted.set()


class Layer:
    """Takes everything."""

    def receive(self, data: bytes) -> int:
        return 1

    def receive_eof(self) -> None: ...

    def on_settled(self) -> None: ...

    def go_away(self) -> None: ...

    def lose(self) -> None: ...


@pytest.fixture
async def transport() -> Transport:
    return Transport()


@pytest.fixture
async def client(transport: Transport) -> ClientStream:
    client = ClientStream(lambda stream: Layer(), inputs=InputTurns(), places=Places(9))
    client.connection_made(transport)
    return client


async def test_whose_transport_has_much_to_do_is_read_later(
    client: ClientStream, transport: Transport
) -> None:
    """Also where nothing came of it that the layer could work on."""
    seen = list[bool]()
    for cost_s in (0.001, 0.1):
        client.charge_transport(cost_s)
        seen.append(transport.is_read)
    assert seen == [True, False]
    async with asyncio.timeout(5):
        while not transport.is_read:  # noqa: ASYNC110 - it is no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("way", ["close", "hang_up"])
async def test_who_does_not_read_the_end_is_cut_off(
    way: str, client: ClientStream, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LINGER_S", 0.01)
    getattr(client, way)(*([0.01] if way == "close" else []))
    async with asyncio.timeout(5):
        await transport.aborted.wait()
    assert transport.asked == ["eof" if way == "close" else "close", "abort"]


async def test_a_connection_that_was_reset_is_given_up_all_the_same(
    client: ClientStream, transport: Transport
) -> None:
    """asyncio's transport notices a reset when it reads or writes, which may be later."""
    transport.reset = True
    client.close(0.01)
    async with asyncio.timeout(5):
        await transport.aborted.wait()
