"""Real servers that keep what is said: killed meanwhile, and with a PostgreSQL that goes away."""

import asyncio
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.server_process import FAKE_DECODER, ServerProcess, figure, start_server
from surtitle.client import watch
from surtitle.messages import Final
from tests.archive.postgres_server import AVAILABLE, postgres
from tests.faults.story import Story

STEP_S = 0.02
LIMIT_S = 30


@contextmanager
def server(archive: str) -> Iterator[ServerProcess]:
    running = start_server(decoder=FAKE_DECODER, archive=archive, drain_s=1)
    try:
        yield running
    finally:
        running.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.02)


async def archived(running: ServerProcess, path: str = "") -> Any:
    def fetch() -> Any:
        with urllib.request.urlopen(f"{running.url}/v1/archive{path}", timeout=5) as response:
            return json.load(response)

    return await asyncio.to_thread(fetch)


async def texts(running: ServerProcess) -> list[str]:
    """Of the only talk."""
    (talk,) = (await archived(running))["talks"]
    return [final["text"] for final in (await archived(running, f"/{talk['id']}"))["messages"]]


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


async def test_a_server_that_is_killed_has_kept_what_was_said(tmp_path: Path) -> None:
    story = Story()
    with server(str(tmp_path)) as first:
        telling = asyncio.create_task(story.tell(first.port, 500, step_s=STEP_S, channel="hall"))
        await until(lambda: len(story.texts) >= 4)
        heard = len(story.texts)
        await until(lambda: len(story.texts) >= heard + 3)  # longer than it gathers
        await asyncio.to_thread(first.stop, 9)
        telling.cancel()
        await asyncio.wait({telling})
    with server(str(tmp_path)) as second:
        kept = await texts(second)
        assert kept[:heard] == numbers(heard)
        assert kept == numbers(len(kept))
        (talk,) = (await archived(second))["talks"]
        assert talk["ended_at"] is None
        # Whoever comes to the channel now gets it too.
        found = list[str]()
        async with asyncio.timeout(LIMIT_S), watch(second.url, "hall") as messages:
            while len(found) < len(kept):
                message = await anext(messages)
                found += [message.text] if isinstance(message, Final) else []
        assert found == kept
        assert not second.errors


@pytest.mark.skipif(not AVAILABLE, reason="no PostgreSQL")
async def test_nobody_notices_that_the_database_was_away() -> None:
    story = Story()
    with postgres() as database, server(database.url) as running:
        telling = asyncio.create_task(story.tell(running.port, 12, step_s=STEP_S))
        await until(lambda: len(story.texts) >= 2)
        await asyncio.to_thread(database.kill)
        await until(lambda: figure(running, "surtitle_archive_up") == 0)
        away = len(story.texts)
        await until(lambda: len(story.texts) >= away + 2)
        assert figure(running, "surtitle_archive_waiting") >= 2
        await asyncio.to_thread(database.start)
        await telling
        story.check(12)
        await until(lambda: figure(running, "surtitle_archive_waiting") == 0)
        assert await texts(running) == numbers(12)
        assert figure(running, "surtitle_archive_lost_total") == 0
        warned = running.events("the archive keeps nothing for now; what is said waits")
        assert warned and len(warned) <= 2  # the end of the connection, and that there is none
