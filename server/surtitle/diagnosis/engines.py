"""The engines on other machines that a server is started with."""

import asyncio
from collections.abc import Iterator

from surtitle.diagnosis.finding import CheckedSettings, Finding
from surtitle.engine.dialing import LaneOptions, NotReached, dial, lane_options
from surtitle.engine.discovery import look_up, options_for_addresses
from surtitle.engine.remote import BALANCED, DNS
from surtitle.errors import ConfigurationError


def examine_engines(settings: CheckedSettings) -> Iterator[Finding]:
    """A finding for each. They are asked who they are, and get no job."""
    if not settings.engine:
        return
    try:
        options = lane_options(
            settings.engine,
            settings.name_among_servers,
            settings.engine_secret(),
            settings.engine_ca,
            settings.engine_cert,
            settings.engine_key,
        )
    except ConfigurationError as error:
        yield Finding("Engine", "problem", str(error))
        return
    yield from asyncio.run(_ask_all(settings.engine, options))


async def _ask_all(urls: list[str], options: LaneOptions) -> list[Finding]:
    found = await asyncio.gather(*(_ask(url, options) for url in urls))
    return [finding for findings in found for finding in findings]


async def _ask(url: str, options: LaneOptions) -> list[Finding]:
    """Of a name that stands for several, a finding for each."""
    if not url.startswith(DNS):
        return [await _ask_one(url.removeprefix(BALANCED), options)]
    try:
        name = url.removeprefix(DNS)
        addresses, options = sorted(await look_up(name)), options_for_addresses(name, options)
    except (OSError, ValueError) as error:
        return [Finding("Engine", "problem", f"{url}: {error}")]
    return await asyncio.gather(*(_ask_one(each, options) for each in addresses))


async def _ask_one(url: str, options: LaneOptions) -> Finding:
    try:
        reached = await dial(url, options)
    except NotReached as error:
        return Finding("Engine", "problem", f"{url}: {error}")
    await reached.connection.close()
    return Finding("Engine", "ok", f"{url} answers as {reached.engine.engine}")
