"""A server that means harm, and what `watch` and `caption` let through to a real terminal."""

import asyncio
import contextlib
import os
import pty
import sys
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from lab.places import REPOSITORY, SAMPLE
from surtitle.messages import Channel, Error, Failed, Final, Partial, Status, Suppressed
from tests.client.scenes import ENDED, READY, greet, playing, say
from tests.containers import Track, clicks, encode

EVIL = "\x1b]0;owned\x07\x9b31m\u202eabc\b\b\b\x1b[5;5H\nforged"
CAUGHT = (b"\x1b]", b"\x07", b"\x08", b"\xc2\x9b", b"\xe2\x80\xae", b"\x1b[5;5H", b"\nforged")
WORDS = {"language": "en", "language_probability": 1.0, "confidence": 0.9}


def final(utterance: int) -> Final:
    return Final(seq=1, utterance=utterance, start_ms=0, end_ms=900, text="hall " + EVIL, **WORDS)  # type: ignore[arg-type]


async def in_a_terminal(*arguments: str, stdin: int | None = None) -> tuple[int, bytes]:
    """The command with a terminal for its streams, but for a `stdin`: status, and what the terminal
    gets."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "surtitle", *arguments),
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "server"), "TERM": "xterm"},
        stdin=theirs if stdin is None else stdin,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)

    def read_all() -> bytes:
        parts = []
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while part := os.read(ours, 65536):
                parts.append(part)
        return b"".join(parts)

    try:
        written = await asyncio.wait_for(asyncio.to_thread(read_all), 60)
        return await process.wait(), written
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        os.close(ours)


def assert_harmless(written: bytes, *, said: bytes = b"hall") -> None:
    assert said in written
    assert [each for each in CAUGHT if each in written] == []


@pytest.mark.parametrize("kind", ["text", "jsonl", "srt", "vtt"])
async def test_what_a_server_answers(kind: str) -> None:
    async def scene(socket: ServerConnection) -> None:
        await greet(socket)
        times: dict[str, Any] = {"utterance": 1, "start_ms": 0, "end_ms": 900}
        await say(socket, Status(seq=1, state="overloaded", message=EVIL))
        await say(socket, Partial(seq=1, stable=EVIL, unstable=EVIL, **times))
        await asyncio.sleep(0.3)  # so that the terminal shows it
        await say(socket, final(1))
        times["utterance"] = 2
        await say(socket, Suppressed(seq=2, reason=EVIL, **times))
        times["utterance"] = 3
        await say(socket, Failed(seq=3, code="x", message=EVIL, **times))
        await say(socket, Error(seq=4, code="x", message=EVIL, fatal=False))
        async for message in socket:
            if isinstance(message, str) and "stop" in message:
                break
        await say(socket, replace(ENDED, utterances=3))
        await socket.close()

    async with playing(scene) as url:
        command = ("caption", str(SAMPLE), "--fast", "--server", url, "--format", kind)
        status, written = await in_a_terminal(*command)
    assert status == 0, written
    assert_harmless(written)


@pytest.mark.parametrize("kind", ["text", "jsonl"])
async def test_what_a_channel_says(kind: str) -> None:
    async def scene(socket: ServerConnection) -> None:
        channel = Channel(channel=EVIL, state="live", session=EVIL, viewers=1)
        await say(socket, channel)
        await say(socket, final(1))
        await socket.close(1008, EVIL[:30])

    async with playing(scene) as url:
        status, written = await in_a_terminal("watch", "hall", "--server", url, "--format", kind)
    assert status == 1
    assert_harmless(written)


async def fatal(socket: ServerConnection) -> None:
    await greet(socket)
    await say(socket, Error(seq=1, code=EVIL, message="hall " + EVIL, fatal=True))
    await socket.close(1008)


async def bad_ready(socket: ServerConnection) -> None:
    await socket.recv()
    await say(socket, replace(READY, model=EVIL))
    await socket.send('{"type": "error", "message": "' + "hall\\u001b]0;owned\\u0007" + '"}')


@pytest.mark.parametrize("scene", [fatal, bad_ready])
async def test_why_a_server_ends_a_session(
    scene: Callable[[ServerConnection], Awaitable[None]],
) -> None:
    async with playing(scene) as url:
        status, written = await in_a_terminal("caption", str(SAMPLE), "--fast", "--server", url)
    assert status == 1
    assert_harmless(written, said=b"surtitle: ")


@pytest.mark.parametrize(
    "command", [("watch", "hall"), ("caption", str(SAMPLE))], ids=["watch", "caption"]
)
async def test_why_a_server_refuses(command: tuple[str, ...]) -> None:
    def refuse(socket: ServerConnection, request: Request) -> Response:
        sentence = "hall " + EVIL.encode("unicode_escape").decode().replace("\\x", "\\u00")
        return socket.respond(HTTPStatus.FORBIDDEN, '{"error": "' + sentence + '"}')

    async def nothing(socket: ServerConnection) -> None:
        pass

    async with serve(nothing, "127.0.0.1", 0, process_request=refuse) as server:
        host, port = next(iter(server.sockets)).getsockname()
        status, written = await in_a_terminal(*command, "--server", f"ws://{host}:{port}")
    assert status == 1
    assert_harmless(written)


def test_a_file_of_captions_has_no_control_characters(tmp_path: Path) -> None:
    from surtitle.cli.writing import Writing

    for kind in ("text", "srt", "vtt"):
        path = tmp_path / kind
        with Writing(kind, str(path)).writer() as writer:
            writer.write(final(1))
        assert "hall" in path.read_text(encoding="utf-8")
        assert [each for each in CAUGHT if each in path.read_bytes()] == []


@pytest.mark.parametrize("name", ["talk.mkv", "-"])
async def test_the_titles_of_the_tracks_of_a_file(tmp_path: Path, name: str) -> None:
    async def scene(socket: ServerConnection) -> None:
        await greet(socket)
        async for message in socket:
            if isinstance(message, str) and "stop" in message:
                break
        await say(socket, ENDED)
        await socket.close()

    tracks = [Track(clicks(1.0), "flac", title="hall " + EVIL.replace("\n", "")) for _ in range(2)]
    file = tmp_path / "talk.mkv"
    file.write_bytes(encode("matroska", *tracks))
    argument = "-" if name == "-" else str(file)
    async with playing(scene) as url:
        with file.open("rb") as source:
            stdin = source.fileno() if name == "-" else None
            status, written = await in_a_terminal(
                *("caption", argument, "--fast", "--server", url), stdin=stdin
            )
    assert status == 0, written
    assert written.count(b"There are 2 audio tracks") == 1
    assert_harmless(written)
