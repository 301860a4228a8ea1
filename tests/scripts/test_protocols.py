"""What each protocol's messages mean: committed text and changeable tail."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from load.adapter import Refused, WebSocketAdapter
from load.protocols import (
    Deepgram,
    RealtimeSTT,
    Surtitle,
    Vosk,
    WhisperLive,
    WhisperLiveKit,
    Wyoming,
)

Text = tuple[str, str]


def texts(kind: type[WebSocketAdapter], *messages: dict[str, Any]) -> list[Text]:
    adapter = kind("ws://nowhere", "en")
    for message in messages:
        adapter.receive(message)
    return [(change.committed, change.tail) for change in adapter.changes]


def test_surtitle_commits_finals_in_order() -> None:
    assert texts(
        Surtitle,
        {"type": "partial", "utterance": 1, "stable": "Let", "unstable": " me"},
        {"type": "partial", "utterance": 2, "stable": "", "unstable": "How"},
        {"type": "final", "utterance": 1, "text": "Let me see."},
        {"type": "suppressed", "utterance": 2, "reason": "no_speech"},
        {"type": "ack", "received": 0, "safe": 0},
    ) == [("", "Let me"), ("", "Let me How"), ("Let me see.", "How"), ("Let me see. ", "")]


def test_whisperlive_repeats_segments_and_changes_the_last() -> None:
    segments = [
        {"start": "0.000", "end": "2.5", "text": " Let me see.", "completed": True},
        {"start": "2.500", "end": "3.0", "text": " How", "completed": False},
    ]
    later = [segments[0], {**segments[1], "text": " How can", "completed": True}]
    assert texts(
        WhisperLive, {"segments": segments[1:]}, {"segments": segments}, {"segments": later[1:]}
    ) == [("", "How"), ("Let me see.", "How"), ("Let me see. How can", "")]


def test_whisperlivekit_has_lines_and_a_buffer() -> None:
    silence = {"speaker": -2, "text": "silence"}
    lines = [{"speaker": 1, "text": "Let me"}, silence, {"speaker": 1, "text": None}]
    message = {"lines": lines, "buffer_transcription": "see"}
    assert texts(WhisperLiveKit, {"type": "config"}, message) == [("Let me", "see")]


def test_realtimestt_commits_up_to_the_first_segment_without_a_final() -> None:
    assert texts(
        RealtimeSTT,
        {"type": "realtime", "segmentId": 1, "text": "Let"},
        {"type": "final", "segmentId": 2, "text": "How"},
        {"type": "final", "segmentId": 1, "text": "Let me."},
        {"type": "realtime", "segmentId": 1, "text": "late"},
    ) == [("", "Let"), ("", "Let How"), ("Let me. How", "")]


def test_vosk_adds_results_and_replaces_partials() -> None:
    assert texts(
        Vosk, {"partial": "let"}, {"text": "let me"}, {"partial": ""}, {"partial": "see"}
    ) == [("", "let"), ("let me", ""), ("let me", "see")]


def test_deepgram_adds_results_that_are_final() -> None:
    def result(text: str, final: bool) -> dict[str, Any]:
        alternatives = {"alternatives": [{"transcript": text}]}
        return {"type": "Results", "is_final": final, "channel": alternatives}

    assert texts(
        Deepgram, result("let", False), result("let me", True), {"type": "UtteranceEnd"}
    ) == [("", "let"), ("let me", "")]


@asynccontextmanager
async def scripted(replies: Sequence[dict[str, Any]]) -> AsyncIterator[tuple[str, list[Any]]]:
    """A server that greets with the replies and keeps what it gets until `stop`."""
    received: list[Any] = []

    async def handle(socket: ServerConnection) -> None:
        for reply in replies:
            await socket.send(json.dumps(reply))
        async for message in socket:
            received.append(message)
            if isinstance(message, str) and "stop" in message:
                return

    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}", received


async def test_a_session_from_greeting_to_goodbye() -> None:
    async with scripted([{"type": "ready"}]) as (url, received):
        adapter = Surtitle(url, "de")
        await adapter.open()
        await adapter.send(b"\0\0")
        await adapter.finish()
        await adapter.close()
    assert json.loads(received[0]) == {"type": "start", "language": "de"}
    assert received[1:] == [b"\0\0", '{"type":"stop"}']
    assert adapter.problems == []


async def test_a_session_that_asks_for_better_texts_shows_its_finals() -> None:
    replies: list[dict[str, Any]] = [
        {"type": "ready"},
        {"type": "final", "utterance": 1, "text": "Let me."},
        {"type": "revised", "utterance": 1, "text": "Let me see"},
    ]
    async with scripted(replies) as (url, received):
        adapter = Surtitle(url, "en")
        adapter.revisions = True
        await adapter.open()
        await adapter.finish()
        await adapter.close()
    assert json.loads(received[0]) == {"type": "start", "language": "en", "revisions": True}
    assert [change.committed for change in adapter.changes] == ["", "Let me."]
    assert adapter.problems == []


async def test_audio_of_realtimestt_has_a_header() -> None:
    async with scripted([{"type": "ready"}]) as (url, received):
        adapter = RealtimeSTT(url, "en")
        await adapter.open()
        await adapter.send(bytes(3200))
        await adapter.say_goodbye()
        await adapter.close()
    frame = received[1]
    (length,) = struct.unpack("<I", frame[:4])
    assert json.loads(frame[4 : 4 + length])["frames"] == 1600
    assert frame[4 + length :] == bytes(3200)


async def test_a_full_server_refuses() -> None:
    def full(socket: ServerConnection, request: Request) -> Response:
        return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full")

    async def handle(socket: ServerConnection) -> None: ...

    async with serve(handle, "127.0.0.1", 0, process_request=full) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(Refused, match="503"):
            await Surtitle(f"ws://127.0.0.1:{port}", "en").open()


async def test_whisperlive_says_wait_when_it_is_full() -> None:
    async with scripted([{"status": "WAIT", "message": 3}]) as (url, _):
        adapter = WhisperLive(url, "en")
        with pytest.raises(Refused, match="WAIT"):
            await adapter.open()
        await adapter.close()


async def test_wyoming_has_a_connection_for_each_utterance() -> None:
    events: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            head = msgspec.json.decode(line)
            events.append(head["type"])
            await reader.readexactly(head["payload_length"])
            if head["type"] == "audio-stop":
                data = b'{"text": "hello"}'
                reply = {"type": "transcript", "data_length": len(data)}
                writer.write(msgspec.json.encode(reply) + b"\n" + data)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        adapter = Wyoming(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", "en")
        await adapter.open()
        for _ in range(2):
            await adapter.send(b"pause")
            await adapter.speech_begins()
            await adapter.send(bytes(3200))
            await adapter.speech_ended()
        await adapter.finish()
        await adapter.close()
    assert sorted(set(events)) == ["audio-chunk", "audio-start", "audio-stop", "transcribe"]
    assert (len(events), adapter.changes[-1].committed) == (8, "hello hello")
