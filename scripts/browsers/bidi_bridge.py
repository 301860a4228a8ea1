"""A Firefox as it is released for Playwright, which asks it for more than it knows.

    python -m browsers.bidi_bridge FIREFOX [ARGUMENT ...]

Takes the place of Firefox: starts it, says like it where WebDriver BiDi is spoken, and passes on all
that is said there. What Playwright 1.65 wants of every page, and Firefox 153 does not have yet, is
answered here; nothing of it is wanted by the tests.
"""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE

from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve

LISTENING = "WebDriver BiDi listening on ws://127.0.0.1:"
UNKNOWN = frozenset({"emulation.setMediaFeaturesOverride"})


async def bridge(program: str, *arguments: str) -> int:
    """Run until Firefox ends; its exit status."""
    firefox = await asyncio.create_subprocess_exec(program, *arguments, stderr=PIPE)
    assert firefox.stderr is not None
    port = 0
    while not port:
        line = (await firefox.stderr.readline()).decode(errors="replace")
        assert line, "Firefox has ended"
        if found := re.search(LISTENING + r"(\d+)", line):
            port = int(found[1])
    silence = asyncio.create_task(firefox.stderr.read())

    async def pass_on(playwright: ServerConnection) -> None:
        async with connect(f"ws://127.0.0.1:{port}/session", max_size=None, proxy=None) as there:
            asking = asyncio.create_task(ask(playwright, there))
            await copy(there, playwright)
            asking.cancel()

    async with serve(pass_on, "127.0.0.1", 0, max_size=None, compression=None) as server:
        (socket,) = server.sockets
        print(f"{LISTENING}{socket.getsockname()[1]}", file=sys.stderr, flush=True)
        status = await firefox.wait()
    await silence
    return status


async def ask(playwright: Connection, firefox: Connection) -> None:
    """Pass on what Firefox knows, answer the rest."""
    async for message in playwright:
        asked = json.loads(message)
        if asked["method"] in UNKNOWN:
            nothing = {"type": "success", "id": asked["id"], "result": {}}
            await playwright.send(json.dumps(nothing))
        else:
            await firefox.send(message)


async def copy(source: Connection, sink: Connection) -> None:
    """Pass on everything."""
    async for message in source:
        await sink.send(message)


if __name__ == "__main__":
    sys.exit(asyncio.run(bridge(*sys.argv[1:])))
