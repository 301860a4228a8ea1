"""The sinks that a server is started with: whether they could be reached. Nothing is sent to them."""

import asyncio
import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from surtitle.diagnosis.finding import CheckedSettings, Finding
from surtitle.errors import ConfigurationError
from surtitle.sinks.building import folder_of, must_be_signed, read_places
from surtitle.sinks.places import Kind, Place, name_place

CONNECT_S = 5.0
_PORTS = {"http": 80, "https": 443}


def examine_sinks(settings: CheckedSettings) -> Iterator[Finding]:
    """A finding for each, in which no address is: it may hold a secret."""
    try:
        places = read_places(settings.sinks, settings.sinks_file)
        secret = settings.webhook_secret()
    except ConfigurationError as error:
        yield Finding("Sink", "problem", str(error))
        return
    if places:
        yield from asyncio.run(_look_at_all(places, secret))


async def _look_at_all(places: tuple[Place, ...], secret: str) -> list[Finding]:
    names: list[str] = []
    for place in places:
        names.append(name_place(place, names))
    looking = (_look_at(name, place, secret) for name, place in zip(names, places, strict=True))
    return await asyncio.gather(*looking)


async def _look_at(name: str, place: Place, secret: str) -> Finding:
    try:
        if place.kind in (Kind.FILE, Kind.HLS):
            return Finding("Sink", "ok", f"{name}: {folder_of(place)} is writable")
        if place.kind is Kind.WEBHOOK:
            must_be_signed(secret)
    except ConfigurationError as error:
        return Finding("Sink", "problem", f"{name}: {error}")
    return await _connect(name, place.target)


async def _connect(name: str, url: str) -> Finding:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
        if parts.scheme.lower() in getproxies() and not proxy_bypass(host):
            return Finding("Sink", "ok", f"{name}: is behind a proxy, so it was not tried")
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        return Finding("Sink", "problem", f"{name}: no connection: {_why(error)}")
    return Finding("Sink", "ok", f"{name}: its host can be reached")


def _why(error: Exception) -> str:
    """Without the address, which the text of most errors has."""
    match error:
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            return str(error.strerror)
        case OSError(errno=int(number)):
            return os.strerror(number)
        case OSError():
            return "none of its addresses answers"
        case _:
            return "the address is wrong"
