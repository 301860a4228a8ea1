"""The server that everyone writes first, to measure ours against: one model, a lock, a thread.

    python scripts/naive_server.py [--model tiny.en] [--port 8766]

It speaks enough of docs/protocol.md for the load test. Every utterance is decoded anew, as a whole,
for each partial (about twice a second, where the lock is free) and once more when it ends, with
faster-whisper as it comes: 30 s windows, beam of 5, int8, all cores. Voice activity is Silero as it
comes, one for each session, on the event loop. Of our own code it has only what says when an
utterance opens and closes, there after a fixed silence.
"""

import argparse
import asyncio
import contextlib
import os
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import torch
from faster_whisper import WhisperModel
from silero_vad import load_silero_vad
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from surtitle.captioning.endpointing import (
    WINDOW_SAMPLES,
    Closed,
    Endpointer,
    EndpointingOptions,
    Event,
    Opened,
)
from surtitle.captioning.pacing import LONGEST_INTERVAL_MS, PartialPace
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.recognition.models import locate

MS_SAMPLES = SAMPLE_RATE // 1000


class Recognizer:
    """What all sessions share."""

    def __init__(self, model: str) -> None:
        self._model = WhisperModel(
            **locate(model).arguments(),
            device="cpu",
            compute_type="int8",
            cpu_threads=os.cpu_count() or 1,
        )
        self.lock = asyncio.Lock()

    async def transcribe(self, audio: Pcm16, language: str) -> str:
        """The text of the audio; one at a time."""
        async with self.lock:
            return await asyncio.to_thread(self._decode, audio, language)

    def _decode(self, audio: Pcm16, language: str) -> str:
        segments, _ = self._model.transcribe(audio.astype(np.float32) / 32768, language=language)
        return " ".join(segment.text.strip() for segment in segments)


class Session:
    """One connection: audio in, captions out."""

    def __init__(self, socket: ServerConnection, recognizer: Recognizer) -> None:
        self._socket = socket
        self._recognizer = recognizer
        self._vad = load_silero_vad()  # it holds the state of one stream
        self._endpointer = Endpointer(EndpointingOptions(finished_ratio=1, unfinished_ratio=1))
        self._pace = PartialPace(LONGEST_INTERVAL_MS)
        self._audio = bytearray()
        self._utterance, self._start = 0, 0
        self._closed: asyncio.Queue[tuple[int, int, int] | None] = asyncio.Queue()
        self._partial: asyncio.Task[None] | None = None
        self._language = "en"

    async def run(self) -> None:
        """Until the client says `stop` or goes."""
        await self._say("ready", session="naive", token="", protocol=1)
        finals = asyncio.create_task(self._send_finals())
        try:
            async for message in self._socket:
                if isinstance(message, bytes):
                    self._audio += message
                    await self._listen()
                elif (command := msgspec.json.decode(message))["type"] == "stop":
                    break
                else:
                    self._language = command.get("language") or "en"
            await self._act(self._endpointer.flush())
            self._closed.put_nowait(None)
            await finals
            await self._say("ended", audio_ms=len(self._audio) // 2 // MS_SAMPLES)
        finally:
            finals.cancel()

    async def _listen(self) -> None:
        while (end := self._endpointer.position + WINDOW_SAMPLES) * 2 <= len(self._audio):
            window = self._samples(end - WINDOW_SAMPLES, end)
            samples = window.astype(np.float32) / 32768
            with torch.inference_mode():
                probability = self._vad(torch.from_numpy(samples), SAMPLE_RATE).item()
            level = float(np.sqrt(np.mean(np.square(samples))))
            await self._act(self._endpointer.push(probability, level))
            self._begin_partial(end)

    def _begin_partial(self, end: int) -> None:
        if self._endpointer.hears_speech and self._pace.is_due(end):
            self._pace.pass_over(end)
            if not self._recognizer.lock.locked():
                self._partial = asyncio.create_task(self._send_partial(end))

    async def _act(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case Opened():
                    self._utterance, self._start = self._utterance + 1, event.start_sample
                    self._pace.pass_over(self._start)
                    await self._say("speech", utterance=self._utterance)
                case Closed():
                    self._closed.put_nowait((self._utterance, self._start, event.end_sample))

    async def _send_partial(self, end: int) -> None:
        utterance = self._utterance
        audio = self._samples(self._start, end)
        text = await self._recognizer.transcribe(audio, self._language)
        if utterance == self._utterance and self._endpointer.is_open:
            await self._say("partial", utterance=utterance, stable="", unstable=text)

    async def _send_finals(self) -> None:
        while (closed := await self._closed.get()) is not None:
            utterance, start, end = closed
            text = await self._recognizer.transcribe(self._samples(start, end), self._language)
            await self._say("final", utterance=utterance, text=text)

    def _samples(self, start: int, end: int) -> Pcm16:
        return np.frombuffer(bytes(self._audio[2 * start : 2 * end]), np.int16)

    async def _say(self, kind: str, **fields: Any) -> None:
        with contextlib.suppress(ConnectionClosed):  # the loop over its messages ends then
            await self._socket.send(msgspec.json.encode({"type": kind, **fields}).decode())


async def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--port", type=int, default=8766)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recognizer = Recognizer(options.model)

    async def handle(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await Session(socket, recognizer).run()

    async with serve(handle, "127.0.0.1", options.port, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
