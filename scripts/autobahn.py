"""The Autobahn|Testsuite against the gateway's socket, beside the websockets library itself.

    python scripts/autobahn.py --wstest VENV/bin/wstest

The suite (PyPI: autobahntestsuite) runs on Python 2.7 alone: make a virtual environment there. It
wants a server that sends back what it gets. So both sockets do that here: `CaptionSocket` as the
gateway listens with it, and the library's own. Neither compresses. The exit status is 1 where ours
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
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from surtitle.gateway.caption_socket import listen

MAX_SIZE = 1 << 24
"""Bytes of a message; the suite sends some of 16 MiB."""
GOOD = {"OK", "INFORMATIONAL", "UNIMPLEMENTED"}
"""UNIMPLEMENTED is compression, which is not offered."""


async def _echo(socket: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for message in socket:
            await socket.send(message)


def _url(server: Server) -> str:
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def _results(wstest: Path, folder: Path) -> dict[str, dict[str, str]]:
    """What became of each case, by the name of the server."""
    ours = await listen(_echo, "127.0.0.1", 0, max_size=MAX_SIZE)
    library = await serve(_echo, "127.0.0.1", 0, max_size=MAX_SIZE, compression=None)
    plan = {
        "outdir": str(folder),
        "servers": [
            {"agent": "surtitle", "url": _url(ours)},
            {"agent": "websockets", "url": _url(library)},
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
    ours.close()
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
