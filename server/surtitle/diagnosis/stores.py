"""The databases that a server is started with: where talks are kept, and what shares channels."""

import asyncio
from collections.abc import Iterator

from surtitle.archive.archive import StoreGone as ArchiveGone
from surtitle.diagnosis.finding import CheckedSettings, Finding
from surtitle.errors import ConfigurationError
from surtitle.extras import install_command
from surtitle.gateway.backplane import StoreGone

_NOT_INSTALLED = "what it needs is not installed"


def examine_stores(settings: CheckedSettings) -> Iterator[Finding]:
    """A finding for each that is set. Nothing is made or changed."""
    if settings.archive:
        yield _archive(settings.archive)
    if settings.backplane:
        yield _backplane(settings.backplane)


def _archive(place: str) -> Finding:
    try:
        from surtitle.archive.sql_store import SqlStore
    except ImportError:
        return Finding("Archive", "problem", _NOT_INSTALLED, "Run: " + install_command("archive"))
    try:
        store = SqlStore(place)
        try:
            return Finding("Archive", "ok", store.look())
        finally:
            store.close()
    except (ConfigurationError, ArchiveGone) as error:
        return Finding("Archive", "problem", str(error))


def _backplane(url: str) -> Finding:
    try:
        from surtitle.gateway.redis_store import RedisStore
    except ImportError:
        return Finding("Backplane", "problem", _NOT_INSTALLED, "Run: " + install_command("redis"))

    async def reach() -> None:
        store = RedisStore(url, "check")
        try:
            await store.open()
        finally:
            await store.close()

    try:
        asyncio.run(reach())
    except ValueError as error:
        return Finding("Backplane", "problem", f"its address is wrong: {error}")
    except StoreGone as error:
        return Finding("Backplane", "problem", str(error))
    return Finding("Backplane", "ok", "Redis answers")
