"""The Autobahn|Testsuite against the gateway's socket, beside the websockets library itself.

    python scripts/autobahn.py --wstest VENV/bin/wstest

The suite (PyPI: autobahntestsuite) runs on Python 2.7 alone: make a virtual environment there. It
wants a server that sends back what it gets. So both sockets do that here: the gateway's, with its
listener, and the library's own. Neither compresses. The exit status is 1 where ours
fails in a case in which the library's does not.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import click
from starlette.types import Receive, Scope, Send
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import BINARY, Frame

from surtitle.gateway.handshake import accept
from surtitle.gateway.inputs import InputTurns
from surtitle.gateway.listening import MANY_PLACES, Listener
from surtitle.gateway.places import Places
from surtitle.gateway.stream import ClientStream
from surtitle.gateway.websocket import WebSocket

MAX_SIZE = 1 << 24
"""Bytes of a message; the suite sends some of 16 MiB."""
GOOD = {"OK", "INFORMATIONAL", "UNIMPLEMENTED"}
"""UNIMPLEMENTED is compression, which is not offered."""


_echoing: set[asyncio.Task[None]] = set()


async def _echo_by_ours(socket: WebSocket) -> None:
    with suppress(ConnectionClosed):
        while True:
            message = await socket.recv()
            if isinstance(message, str):
                await socket.send(message)
            else:
                socket.write_frame(Frame(BINARY, message).serialize(mask=False))
                await socket.stream.drain()


async def _accept(scope: Scope, receive: Receive, send: Send) -> None:
    def take(socket: WebSocket) -> None:
        task = asyncio.create_task(_echo_by_ours(socket))
        _echoing.add(task)
        task.add_done_callback(_echoing.discard)

    await accept(scope, None, MAX_SIZE, take)(scope, receive, send)


async def _echo(socket: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for message in socket:
            await socket.send(message)


def _url(port: int) -> str:
    return f"ws://127.0.0.1:{port}"


async def _results(wstest: Path, folder: Path) -> dict[str, dict[str, str]]:
    """What became of each case, by the name of the server."""
    places = Places[ClientStream](MANY_PLACES)
    ours = Listener(_accept, inputs=InputTurns(), places=places, send_timeout_s=10.0)
    port = await ours.start("127.0.0.1", 0, None, "nothing")
    library = await serve(_echo, "127.0.0.1", 0, max_size=MAX_SIZE, compression=None)
    plan = {
        "outdir": str(folder),
        "servers": [
            {"agent": "surtitle", "url": _url(port)},
            {"agent": "websockets", "url": _url(library.sockets[0].getsockname()[1])},
        ],
        "cases": ["*"],
        "exclude-cases": ["12.*", "13.*"],  # compression
    }
    spec = folder / "spec.json"
    spec.write_text(json.dumps(plan))
    suite = await asyncio.create_subprocess_exec(
        wstest, "-m", "fuzzingclient", "-s", spec, stdout=subprocess.DEVNULL
    )
    if await suite.wait():
        raise click.ClickException(f"{wstest} failed.")
    await ours.close()
    library.close()
    index = json.loads((folder / "index.json").read_text())
    return {
        name: {case: result["behavior"] for case, result in cases.items()}
        for name, cases in index.items()
    }


@click.command()
@click.option("--wstest", type=click.Path(exists=True, path_type=Path), required=True)
def main(wstest: Path) -> None:
    """Run the suite and compare."""
    with tempfile.TemporaryDirectory() as folder:
        results = asyncio.run(_results(wstest.absolute(), Path(folder)))
    ours, library = results["surtitle"], results["websockets"]
    for name, cases in results.items():
        counts = {kind: list(cases.values()).count(kind) for kind in sorted(set(cases.values()))}
        failed = [case for case in cases if cases[case] == "FAILED"]
        click.echo(f"{name}: {len(cases)} cases, {counts}, failed: {', '.join(failed) or 'none'}")
    worse = [case for case in ours if ours[case] not in GOOD and library[case] in GOOD]
    worse += [case for case in ours if ours[case] == "FAILED" != library[case]]
    for case in sorted(set(worse)):
        click.echo(f"{case}: {ours[case]}, the library's {library[case]}")
    sys.exit(bool(worse))


if __name__ == "__main__":
    main()
