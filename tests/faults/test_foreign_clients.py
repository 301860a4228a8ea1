"""Clients of other services while the worker dies, hangs or errs: each answer comes once.

A session of our own protocol speaks beside all of it, and notices nothing.
"""

import asyncio
import base64
import contextlib
import io
import json
import os
import signal
import urllib.request
import wave
from collections.abc import AsyncIterator, Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from lab.ledger import NO_FAULTS, SILENCE_1S, converse, spoken_word
from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from lab.waiting import wait_until

LEASE_S = 1.0
LIMIT_S = 30.0
DEEPGRAM = "/v1/listen?encoding=linear16&sample_rate=16000"
FLUX = "/v2/listen?encoding=linear16&sample_rate=16000"
REALTIME = "/v1/realtime?intent=transcription"
VOSK = "/vosk"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for all of them, with a log without errors of its own and tracebacks."""
    server = start_server(decoder=FAKE_DECODER, lease_s=LEASE_S)
    yield server
    assert server.stop() == 0
    assert server.stray == []


@pytest.fixture(autouse=True)
async def bystander(server: ServerProcess) -> AsyncIterator[None]:
    """A session that is open all through each test and must come out whole."""
    beside = asyncio.create_task(converse(server.url, "say:one", "say:two"))
    yield
    ledger = await beside
    assert ledger.faults == NO_FAULTS
    assert ledger.outcomes == ["one", "two"]
    wait_until(lambda: _sessions(server) == 0)


def _sessions(server: ServerProcess) -> int:
    with urllib.request.urlopen(f"{server.url}/healthz", timeout=5) as response:
        return int(json.loads(response.read())["sessions"])


async def say(socket: ClientConnection, path: str, *parts: bytes) -> None:
    """Send audio as the clients of a path do."""
    for part in parts:
        if path == REALTIME:
            text = base64.b64encode(part).decode()
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": text}))
        else:
            await socket.send(part)


BEGIN: dict[str, str] = {
    VOSK: '{"config":{"sample_rate":16000}}',
    REALTIME: json.dumps(
        {
            "type": "session.update",
            "session": {
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 16_000},
                        "turn_detection": None,
                    }
                }
            },
        }
    ),
}
END = {
    DEEPGRAM: '{"type":"CloseStream"}',
    FLUX: '{"type":"CloseStream"}',
    VOSK: '{"eof" : 1}',
    REALTIME: '{"type":"input_audio_buffer.commit"}',
}


def answer(message: dict[str, Any]) -> str | None:
    """The text of a final, whatever it is called; None for anything else."""
    match message:
        case {"is_final": True, "channel": {"alternatives": [{"transcript": str(text)}]}}:
            return text
        case {"event": "EndOfTurn", "transcript": str(text)} | {
            "usage": _,
            "transcript": str(text),
        }:
            return text
        case {"text": str(text)}:
            return text
    return None


@pytest.mark.parametrize("path", [DEEPGRAM, FLUX, REALTIME, VOSK])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_worker_that_dies_in_mid_request_costs_no_answer(
    server: ServerProcess, path: str, number: signal.Signals
) -> None:
    answers: list[str] = []
    url = server.url.replace("http", "ws", 1) + path
    async with connect(url) as socket, asyncio.timeout(LIMIT_S):
        if path in BEGIN:
            await socket.send(BEGIN[path])
        await say(socket, path, spoken_word())
        os.kill(server.worker_pid, number)
        await say(socket, path, SILENCE_1S)
        await socket.send(END[path])
        with contextlib.suppress(ConnectionClosed):
            while not (path == REALTIME and answers):
                text = answer(json.loads(await socket.recv()))
                answers += [text] if text else []
        if path == REALTIME:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    while True:
                        assert answer(json.loads(await socket.recv())) is None
        else:
            assert socket.close_code == 1000
    assert len(answers) == 1
    assert answers[0].endswith("ms")  # as the scripted decoder says it


def upload(server: ServerProcess, prompt: str, words: int = 2) -> tuple[Message, Any]:
    """The headers and the body of the answer to a file of so many words."""
    pcm = (spoken_word() + SILENCE_1S * 2) * words
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(pcm)
    body = b"".join(
        b'--X\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % each
        for each in (
            (b"prompt", b"", prompt.encode()),
            (b"file", b'; filename="a.wav"', data.getvalue()),
        )
    )
    request = urllib.request.Request(
        f"{server.url}/v1/audio/transcriptions",
        body + b"--X--\r\n",
        {"Content-Type": "multipart/form-data; boundary=X"},
    )
    with urllib.request.urlopen(request, timeout=LIMIT_S) as response:
        return response.headers, json.loads(response.read())


@pytest.mark.parametrize("fault", ["crash-once", "stop-once"])
async def test_an_upload_is_answered_once_whatever_happens_to_the_worker(
    server: ServerProcess, tmp_path: Path, fault: str
) -> None:
    headers, body = await asyncio.to_thread(upload, server, f"{fault}:{tmp_path / 'flag'}")
    assert body["text"].count("ms") == 2
    assert "Surtitle-Failed-Ms" not in headers


async def test_of_an_upload_that_kills_the_worker_twice_the_rest_is_answered(
    server: ServerProcess,
) -> None:
    headers, body = await asyncio.to_thread(upload, server, "crash", 1)
    assert body["text"] == ""
    assert int(headers["Surtitle-Failed-Ms"]) > 100
