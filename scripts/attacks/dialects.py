"""Attackers that speak the protocols of other services."""

import asyncio
import base64
import json
from functools import cache
from pathlib import Path

import numpy as np

from attacks.sessions import SPEECH
from attacks.wire import (
    BINARY,
    TEXT,
    Line,
    Site,
    Told,
    again_and_again,
    audio_frames,
    connect,
    dial,
    frame,
    pour,
    text,
)

BYTES_PER_S = 2e6
"""Of each attacker at most."""
BLOCK_BYTES = 65_536
LISTEN = "/v1/listen?encoding=linear16&sample_rate=16000&language=en"
FLUX = "/v2/listen?encoding=linear16&sample_rate=16000&language=en"
REALTIME = "/v1/realtime?intent=transcription"
VOSK = "/vosk"
SPOKEN_BYTES = 20 * 32_000
"""Of speech that is not answered yet while something else is asked for again and again."""
APPEND_BYTES = 15 << 20
"""Of audio in one event, as many as there may be."""
APPEND_RATE_HZ = 8000
"""At which that is a quarter of an hour."""
LARGE_TERMS = ["x" * 990] * 1000
"""A megabyte of key terms, as many as there may be."""
MANY_PHRASES = ["x"] * 100_000
KEY_TERMS = 250
"""In the query string of a handshake."""
DENSE = [[]] * 30_000  # type: ignore[var-annotated]
"""Which is long to read and to write, for its size."""
DEPTHS = (50, 300, *range(900, 1000, 4), 5000)
"""In which objects lie: some can be read and not be written again."""
WYOMING_HEAD_BYTES = 16_000
STALLED = 10
"""Connections of one attacker on which a byte comes in a second."""


@cache
def _speech(folder: str) -> bytes:
    return (Path(folder) / SPEECH).read_bytes()


def _append(audio: bytes) -> bytes:
    return text(type="input_audio_buffer.append", audio=base64.b64encode(audio).decode())


def _update(rate: int = 16_000, **wishes: object) -> bytes:
    wanted = {"format": {"type": "audio/pcm", "rate": rate}, **wishes}
    return text(type="session.update", session={"audio": {"input": wanted}})


def _blocks(message: bytes) -> bytes:
    return message * max(BLOCK_BYTES // len(message), 1)


async def _flood(
    site: Site, told: Told, path: str, opening: bytes, block: bytes, per_s: float = BYTES_PER_S
) -> None:
    """Connect, open, and say the same again and again."""

    async def once() -> None:
        line = await connect(site, told, path)
        if line is not None:
            with line:
                await line.send(opening)
                await pour(line, block, per_s)

    await again_and_again(once, told)


# -- OpenAI Realtime ----------------------------------------------------------------------------------


@cache
def _large_append(folder: str) -> bytes:
    """A quarter of an hour of speech in one event."""
    samples = np.frombuffer(_speech(folder), np.int16)[:: 16_000 // APPEND_RATE_HZ]
    spoken = base64.b64encode(samples[: len(samples) // 3 * 3].tobytes())
    times = APPEND_BYTES * 4 // 3 // len(spoken)
    return frame(TEXT, b'{"type":"input_audio_buffer.append","audio":"%s"}' % (spoken * times))


async def _send_in_pieces(line: Line, data: memoryview) -> None:
    """Without a copy of all of it."""
    for begin in range(0, len(data), BLOCK_BYTES):
        await line.send(data[begin : begin + BLOCK_BYTES])


async def appends(site: Site, told: Told, number: int) -> None:
    """Events of 20 MB, as fast as they are taken."""
    event = memoryview(_large_append(site.folder))

    async def once() -> None:
        line = await connect(site, told, REALTIME)
        if line is not None:
            with line:
                await line.send(_update(APPEND_RATE_HZ))
                while True:
                    await _send_in_pieces(line, event)

    await again_and_again(once, told)


async def unfinished(site: Site, told: Told, number: int) -> None:
    """Events of 20 MB, of which the last byte never comes."""
    almost = memoryview(_large_append(site.folder))[:-1]

    async def once() -> None:
        line = await connect(site, told, REALTIME)
        if line is not None:
            with line:
                await _send_in_pieces(line, almost)
                await line.closed()

    await again_and_again(once, told)


async def commits(site: Site, told: Told, number: int) -> None:
    """Items of a single sample behind speech without an answer, and some that are cleared."""
    speech = _speech(site.folder)[:SPOKEN_BYTES]
    opening = _update(turn_detection=None) + _append(speech)
    commit = _append(bytes(2)) + text(type="input_audio_buffer.commit")
    await _flood(
        site, told, REALTIME, opening, commit * 300 + text(type="input_audio_buffer.clear")
    )


# -- all of them --------------------------------------------------------------------------------------


async def flushes(site: Site, told: Told, number: int) -> None:
    """End what is said, again and again, behind speech without an answer."""
    speech = audio_frames(_speech(site.folder)[:SPOKEN_BYTES])
    path, *messages = (
        (LISTEN, text(type="Finalize")),
        (LISTEN, text(type="KeepAlive"), text(type="Finalize")),
        (FLUX, text(type="ForceEndTurn")),
    )[number % 3]
    await _flood(site, told, path, speech, _blocks(b"".join(messages)))


async def resets(site: Site, told: Told, number: int) -> None:
    """The same of vosk, with empty frames of audio, each of which has an answer too."""
    opening = text(config={"sample_rate": 16_000})
    opening += audio_frames(_speech(site.folder)[:SPOKEN_BYTES])
    block = (text(reset=1) + frame(BINARY) * 100) * 50
    await _flood(site, told, VOSK, opening, block)


async def configures(site: Site, told: Told, number: int) -> None:
    """Configurations as large as one may be."""
    terms = text(type="Configure", keyterms=LARGE_TERMS)
    path, message = (
        (LISTEN, terms),
        (FLUX, terms),
        (VOSK, text(config={"phrase_list": MANY_PHRASES})),
        (REALTIME, _update(noise_reduction={"type": DENSE})),
    )[number % 4]
    await _flood(site, told, path, b"", message)


async def key_terms(site: Site, told: Told, number: int) -> None:
    """Handshakes with 250 key terms each, one right behind the other."""
    terms = "".join(f"&keyterm={'term' * 20}{n}" for n in range(KEY_TERMS))
    path = (LISTEN, FLUX)[number % 2] + terms
    while True:
        line = await connect(site, told, path)
        if line is not None:
            told["let in"] += 1
            line.cut()
        await asyncio.sleep(0)


async def nested(site: Site, told: Told, number: int) -> None:
    """Objects in objects, as deep as they are taken, and deeper."""
    deep = ["[" * depth + "]" * depth for depth in DEPTHS]

    def messages(form: str) -> bytes:
        return b"".join(frame(TEXT, form.replace("DEEP", each).encode()) for each in deep)

    if number % 5 == 4:
        events = "".join(f'{{"type":"transcribe","data":{{"x":{each}}}}}\n' for each in deep)
        await _wyoming(site, told, events.encode(), BYTES_PER_S)
        return
    thresholds = '{"type":"Configure","thresholds":{"eot_threshold":DEEP}}'
    path, form = (
        (LISTEN, thresholds),
        (FLUX, thresholds),
        (
            REALTIME,
            '{"type":"session.update","session":{"audio":{"input":{"noise_reduction":{"type":DEEP}}}}}',
        ),
        (VOSK, '{"config":{"x":DEEP}}'),
    )[number % 5]
    await _flood(site, told, path, b"", messages(form))


# -- Wyoming ------------------------------------------------------------------------------------------


def _event(kind: str, **data: object) -> bytes:
    return json.dumps({"type": kind, "data": data}).encode() + b"\n"


async def _wyoming(site: Site, told: Told, block: bytes, per_s: float) -> None:
    """Say the same again and again to who speaks Wyoming."""

    async def once() -> None:
        line = await dial(site, told, port=site.wyoming_port)
        if line is not None:
            with line:
                line.drop_answers()
                await pour(line, block, per_s)

    await again_and_again(once, told)


async def wyoming_events(site: Site, told: Told, number: int) -> None:
    """Small events, each with an answer but one."""
    message = _event("describe") + _event("ping", text="x" * 10)
    await _wyoming(site, told, _blocks(message + _event("transcribe", language="en")), BYTES_PER_S)


async def wyoming_heads(site: Site, told: Told, number: int) -> None:
    """Events with a head and data as large as they may be, some that announce more, and some of which
    a byte comes in a second.
    """
    dense = json.dumps({"x": [[]] * (WYOMING_HEAD_BYTES // 4 - 30)}).encode()
    head = {"type": "transcribe", "data": json.loads(dense), "data_length": len(dense)}
    match number % 3:
        case 0:
            event = json.dumps(head, separators=(",", ":")).encode() + b"\n" + dense
            await _wyoming(site, told, event * 4, BYTES_PER_S)
        case 1:
            event = b'{"type":"audio-chunk","payload_length":1000000000}\n'
            await _wyoming(site, told, event, BYTES_PER_S)
        case _:
            await asyncio.gather(*(_wyoming(site, told, b"{", 1.0) for _ in range(STALLED)))
