"""A server for ASGI applications, on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from surtitle.engine.asgi import LanesApp


@asynccontextmanager
async def listening(app: LanesApp) -> AsyncIterator[int]:
    """The port that it is served on."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:
                assert not serving.done()
                await asyncio.sleep(0.005)
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            await serving
