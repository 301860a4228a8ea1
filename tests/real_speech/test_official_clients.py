"""Official clients of other services, unchanged but for the address, on the real model."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import soxr
from deepgram import AsyncDeepgramClient
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.types import (
    ListenV1CloseStream,
    ListenV1Finalize,
    ListenV1Metadata,
    ListenV1Results,
)
from deepgram.listen.v2.types import ListenV2CloseStream, ListenV2TurnInfo

from lab.ledger import read_pcm16
from lab.places import SAMPLE, SAMPLE_TEXT
from lab.server_process import ServerProcess, start_server
from surtitle.jobs import SAMPLE_RATE
from surtitle.messages import Final, Start
from tests.real_speech.scoring import stream, word_error_rate

pytestmark = [
    pytest.mark.filterwarnings("ignore:websockets:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'audioop' is deprecated"),
]

LIMIT_S = 60.0
FRAME_BYTES = 32_000


def openai_client(server: ServerProcess) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0)


def deepgram_client(
    server: ServerProcess, over: httpx.AsyncClient | None = None
) -> AsyncDeepgramClient:
    http, ws = server.url, server.url.replace("http", "ws", 1)
    here = DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)
    return AsyncDeepgramClient(api_key="any", environment=here, httpx_client=over)


def frames(audio: bytes) -> list[bytes]:
    return [audio[begin : begin + FRAME_BYTES] for begin in range(0, len(audio), FRAME_BYTES)]


@pytest.fixture
async def native(tiny: ServerProcess) -> AsyncIterator[list[tuple[str, float, float, float]]]:
    """The words of the sample in our own protocol: text, begin, end, confidence."""
    result = await stream(tiny.url, read_pcm16(SAMPLE), Start(language="en", words=True))
    yield [
        (word.text, word.start_ms / 1000, word.end_ms / 1000, word.confidence)
        for final in result.of(Final)
        for word in final.words or ()
    ]


async def test_a_file_by_openai(tiny: ServerProcess) -> None:
    async with openai_client(tiny) as client:
        create = client.audio.transcriptions.create
        plain = await create(model="whisper-1", file=Path(SAMPLE))
        verbose = await create(
            model="whisper-1",
            file=Path(SAMPLE),
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
        events = await create(model="whisper-1", file=Path(SAMPLE), stream=True)
        deltas = [event.delta async for event in events if event.type == "transcript.text.delta"]
    assert word_error_rate(SAMPLE_TEXT, plain.text) == 0
    assert verbose.words is not None
    assert " ".join(word.word for word in verbose.words) == verbose.text
    assert verbose.segments
    assert "".join(deltas) == plain.text


async def test_openai_realtime(tiny: ServerProcess) -> None:
    pcm = soxr.resample(read_pcm16(SAMPLE), SAMPLE_RATE, 24_000).tobytes()
    session: dict[str, Any] = {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "transcription": {"model": "gpt-4o-mini-transcribe", "language": "en"},
                "turn_detection": None,
            }
        },
    }
    deltas, transcript = "", ""
    query = {"intent": "transcription"}
    async with (
        asyncio.timeout(LIMIT_S),
        openai_client(tiny) as client,
        client.realtime.connect(extra_query=query) as connection,
    ):
        await connection.session.update(session=session)  # type: ignore[arg-type]
        for frame in frames(pcm):
            await connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())
        await connection.input_audio_buffer.commit()
        async for event in connection:
            assert event.type != "error"
            if event.type == "conversation.item.input_audio_transcription.delta":
                deltas += event.delta or ""
            elif event.type == "conversation.item.input_audio_transcription.completed":
                transcript = event.transcript
                break
    assert word_error_rate(SAMPLE_TEXT, transcript) == 0
    assert deltas == transcript


async def test_deepgram(tiny: ServerProcess, native: list[tuple[str, float, float, float]]) -> None:
    words: list[tuple[str | None, float, float, float]] = []
    finalized = 0
    async with (
        asyncio.timeout(LIMIT_S),
        deepgram_client(tiny).listen.v1.connect(
            model="nova-3",
            language="en",
            encoding="linear16",
            sample_rate=SAMPLE_RATE,
            interim_results=True,
        ) as connection,
    ):
        for frame in frames(read_pcm16(SAMPLE).tobytes()):
            await connection.send_media(frame)
        await connection.send_finalize(ListenV1Finalize(type="Finalize"))
        await connection.send_close_stream(ListenV1CloseStream(type="CloseStream"))
        last: Any = None
        async for message in connection:
            last = message
            type(message).model_validate(message.model_dump(exclude_unset=True))
            if isinstance(message, ListenV1Results) and message.is_final:
                finalized += bool(message.from_finalize)
                words += [
                    (word.punctuated_word, word.start, word.end, word.confidence)
                    for word in message.channel.alternatives[0].words
                ]
        code = connection._websocket.close_code
    assert isinstance(last, ListenV1Metadata)
    assert abs(last.duration - len(read_pcm16(SAMPLE)) / SAMPLE_RATE) < 0.01
    assert (code, finalized) == (1000, 1)
    assert [word[:3] for word in words] == [word[:3] for word in native]  # to the millisecond
    # Both were decoded, and what is decoded beside a job rounds otherwise on some processors.
    assert [word[3] for word in words] == pytest.approx([word[3] for word in native], abs=0.02)


async def test_deepgram_flux(tiny: ServerProcess) -> None:
    async with (
        asyncio.timeout(LIMIT_S),
        deepgram_client(tiny).listen.v2.connect(
            model="flux-general-en",
            encoding="linear16",
            sample_rate=SAMPLE_RATE,
            eager_eot_threshold=0.4,
        ) as connection,
    ):
        for frame in frames(read_pcm16(SAMPLE).tobytes()):
            await connection.send_media(frame)
        await connection.send_close_stream(ListenV2CloseStream(type="CloseStream"))
        said = [message async for message in connection]
    turns = [message for message in said if isinstance(message, ListenV2TurnInfo)]
    ends = [turn for turn in turns if turn.event == "EndOfTurn"]
    assert word_error_rate(SAMPLE_TEXT, " ".join(turn.transcript for turn in ends)) == 0
    assert [turn.turn_index for turn in ends] == list(range(len(ends)))
    eager = {turn.turn_index: turn.transcript for turn in turns if turn.event == "EagerEndOfTurn"}
    assert eager
    for turn in ends:
        if turn.turn_index in eager:
            assert eager[turn.turn_index] == turn.transcript


async def test_a_file_by_deepgram(tiny: ServerProcess) -> None:
    async with httpx.AsyncClient() as over:
        response: Any = await deepgram_client(tiny, over).listen.v1.media.transcribe_file(
            request=SAMPLE.read_bytes(), model="nova-3", language="en"
        )
    (channel,) = response.results.channels
    assert word_error_rate(SAMPLE_TEXT, channel.alternatives[0].transcript) == 0


async def test_wyoming() -> None:
    from wyoming.asr import Transcribe, Transcript
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.client import AsyncTcpClient
    from wyoming.info import Describe, Info

    port = 0
    server = start_server(model="tiny.en", wyoming="tcp://127.0.0.1:0", overload_wait_ms=60_000)
    try:
        port = int(server.events("listening")[0]["wyoming_port"])
        async with asyncio.timeout(LIMIT_S), AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None
            assert Info.from_event(event).asr[0].models[0].languages == ["en"]
            for _ in range(2):  # one command after the other
                await client.write_event(Transcribe(language="en").event())
                await client.write_event(AudioStart(rate=SAMPLE_RATE, width=2, channels=1).event())
                for frame in frames(read_pcm16(SAMPLE).tobytes()):
                    chunk = AudioChunk(rate=SAMPLE_RATE, width=2, channels=1, audio=frame)
                    await client.write_event(chunk.event())
                await client.write_event(AudioStop().event())
                while (event := await client.read_event()) is not None:
                    if Transcript.is_type(event.type):
                        break
                assert event is not None
                text = Transcript.from_event(event).text
                assert word_error_rate(SAMPLE_TEXT, text) == 0
    finally:
        assert server.stop() == 0
