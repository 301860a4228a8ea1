"""The wire protocols that the load test speaks, by name."""

import asyncio
import contextlib
import struct
import uuid
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
import numpy as np

from load.adapter import Adapter, WebSocketAdapter

SAMPLE_RATE = 16_000


class Surtitle(WebSocketAdapter):
    """docs/protocol.md. Committed are the finals only: a final may still correct stable text."""

    path = "/v1/captions"

    def __init__(self, url: str, language: str) -> None:
        super().__init__(url, language)
        self._finals: list[str] = []
        self._open: dict[int, str] = {}

    async def greet(self) -> None:
        """Say what comes."""
        wishes = {"revisions": True} if self.revisions else {}
        await self.send_json(type="start", language=self.language, **wishes)

    def receive(self, message: dict[str, Any]) -> None:
        """Finals come in the order of their utterances."""
        match message["type"]:
            case "ready":
                self.ready.set()
            case "partial":
                self._open[message["utterance"]] = message["stable"] + message["unstable"]
            case "final" | "suppressed" | "failed" as answer:
                self._open.pop(message["utterance"], None)
                self._finals.append(message.get("text", ""))
                if answer == "failed":
                    self.problems.append(message["message"])
            case "error":
                self.problems.append(message["message"])
            case "ended":
                self.ended.set()
            case _:
                return
        self.show(" ".join(self._finals), " ".join(self._open.values()))

    async def say_goodbye(self) -> None:
        """No more audio."""
        await self.send_json(type="stop")


class WhisperLive(WebSocketAdapter):
    """Segments that are repeated in each message until they scroll out; audio in float32."""

    def __init__(self, url: str, language: str) -> None:
        super().__init__(url, language)
        self._completed: dict[str, str] = {}  # by start time

    async def greet(self) -> None:
        """The settings are the defaults of its own client."""
        await self.send_json(
            uid=str(uuid.uuid4()),
            language=self.language,
            task="transcribe",
            model="tiny.en",
            use_vad=True,
            send_last_n_segments=10,
        )

    def receive(self, message: dict[str, Any]) -> None:
        """A full server says WAIT."""
        if message.get("message") == "SERVER_READY":
            self.ready.set()
        elif message.get("status") in ("WAIT", "ERROR"):
            self.problems.append(f"{message['status']}: {message.get('message')}")
            self.ended.set()
            self.ready.set()
        tail = ""
        for segment in message.get("segments", ()):
            if segment.get("completed"):
                self._completed[segment["start"]] = segment["text"].strip()
            else:
                tail = segment["text"].strip()
        if "segments" in message:
            self.show(" ".join(self._completed.values()), tail)

    async def send(self, frame: bytes) -> None:
        """As float32."""
        samples = np.frombuffer(frame, np.int16).astype(np.float32) / 32768
        await self.socket.send(samples.tobytes())

    async def say_goodbye(self) -> None:
        """It closes then, without an answer to what is left."""
        await self.socket.send(b"END_OF_AUDIO")


class WhisperLiveKit(WebSocketAdapter):
    """Each message has all lines, and the buffer that may change."""

    path = "/asr?language={language}"

    async def greet(self) -> None:
        """The server speaks first."""

    def receive(self, message: dict[str, Any]) -> None:
        """Lines of speaker -2 are silences."""
        if message.get("type") == "config":
            self.ready.set()
        elif message.get("type") == "ready_to_stop":
            self.ended.set()
        elif "lines" in message:
            lines = [line["text"] for line in message["lines"] if line.get("speaker") != -2]
            self.show(" ".join(filter(None, lines)), message.get("buffer_transcription") or "")

    async def say_goodbye(self) -> None:
        """An empty frame."""
        await self.socket.send(b"")


class RealtimeSTT(WebSocketAdapter):
    """Its multi-user server: each frame has a JSON header; texts come by segment."""

    path = "/ws/transcribe"

    def __init__(self, url: str, language: str) -> None:
        super().__init__(url, language)
        self._texts: dict[int, tuple[bool, str]] = {}  # by segment: final?, text

    async def greet(self) -> None:
        """The server's `ready` comes once its models are loaded."""

    async def open(self) -> None:
        """Recording begins when it is asked for."""
        await super().open()
        await self.send_json(type="start")

    def receive(self, message: dict[str, Any]) -> None:
        """Committed are the finals up to the first segment without one."""
        kind = message.get("type")
        if kind == "ready":
            self.ready.set()
        elif kind == "error":
            self.problems.append(str(message.get("message")))
        elif kind in ("realtime", "final"):
            segment = message["segmentId"]
            if kind == "final" or not self._texts.get(segment, (False, ""))[0]:
                self._texts[segment] = (kind == "final", message.get("text") or "")
            committed: list[str] = []
            tail: list[str] = []
            for _, (final, text) in sorted(self._texts.items()):
                (committed if final and not tail else tail).append(text)
            self.show(" ".join(committed), " ".join(tail))

    async def send(self, frame: bytes) -> None:
        """Length of the header, header, samples."""
        header = msgspec.json.encode(
            {
                "sampleRate": SAMPLE_RATE,
                "channels": 1,
                "format": "pcm_s16le",
                "frames": len(frame) // 2,
            }
        )
        await self.socket.send(struct.pack("<I", len(header)) + header + frame)

    async def say_goodbye(self) -> None:
        """It has no answer to that: what is on its way gets a second."""
        await self.send_json(type="stop")
        await asyncio.sleep(1)
        self.ended.set()


class Vosk(WebSocketAdapter):
    """vosk-server: one reply to each frame."""

    def __init__(self, url: str, language: str) -> None:
        super().__init__(url, language)
        self._results: list[str] = []

    async def greet(self) -> None:
        """Only the rate; the server does not answer."""
        await self.send_json(config={"sample_rate": SAMPLE_RATE})
        self.ready.set()

    def receive(self, message: dict[str, Any]) -> None:
        """A result ends what the partials began."""
        if message.get("text"):
            self._results.append(message["text"])
        self.show(" ".join(self._results), message.get("partial", ""))

    async def say_goodbye(self) -> None:
        """Its answer is the last result and a close."""
        await self.send_json(eof=1)


class Deepgram(WebSocketAdapter):
    """Deepgram's live endpoint, and servers that offer the same."""

    path = (
        "/v1/listen?encoding=linear16&sample_rate=16000&channels=1&interim_results=true"
        "&punctuate=true&language={language}"
    )

    def __init__(self, url: str, language: str) -> None:
        super().__init__(url, language)
        self._finals: list[str] = []

    def receive(self, message: dict[str, Any]) -> None:
        """`is_final` results follow each other; another one is the text after them."""
        if message.get("type") == "Error":
            self.problems.append(str(message.get("description")))
        if message.get("type") != "Results":
            return
        text = message["channel"]["alternatives"][0]["transcript"]
        if message["is_final"]:
            self._finals.append(text)
        self.show(" ".join(self._finals), "" if message["is_final"] else text)

    async def say_goodbye(self) -> None:
        """Its answer is the rest, `Metadata` and a close."""
        await self.send_json(type="CloseStream")


class Wyoming(Adapter):
    """Home Assistant's protocol: a TCP connection for each utterance, no partials."""

    note = "the client says where speech ends, so no delay of an endpoint is in its figures"
    _FORMAT: ClassVar[dict[str, int]] = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}

    def __init__(self, url: str, language: str) -> None:
        super().__init__(url, language)
        self._texts: list[str] = []
        self._writer: asyncio.StreamWriter | None = None
        self._answers: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Nothing before the first utterance."""

    async def speech_begins(self) -> None:
        """Connect."""
        place = urlsplit(self.url)
        reader, self._writer = await asyncio.open_connection(place.hostname, place.port)
        self._event("transcribe", {"language": self.language})
        self._event("audio-start", self._FORMAT)
        self._texts.append("")
        self._answers.append(
            asyncio.create_task(self._answer(reader, self._writer, len(self._texts) - 1))
        )

    async def send(self, frame: bytes) -> None:
        """The pauses between utterances are not sent."""
        if self._writer is not None:
            self._event("audio-chunk", self._FORMAT, frame)
            await self._writer.drain()

    async def speech_ended(self) -> None:
        """Ask for the text."""
        if self._writer is not None:
            self._event("audio-stop", {})
            await self._writer.drain()
            self._writer = None

    def _event(self, kind: str, data: dict[str, Any], payload: bytes = b"") -> None:
        assert self._writer is not None
        head = {"type": kind, "data": data, "payload_length": len(payload)}
        self._writer.write(msgspec.json.encode(head) + b"\n" + payload)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, index: int
    ) -> None:
        with contextlib.closing(writer):
            while line := await reader.readline():
                head = msgspec.json.decode(line)
                data = await reader.readexactly(head.get("data_length") or 0)
                await reader.readexactly(head.get("payload_length") or 0)
                if head["type"] == "transcript":
                    fields = msgspec.json.decode(data) if data else head["data"]
                    self._texts[index] = fields["text"]
                    self.show(" ".join(self._texts))
                    return

    async def say_goodbye(self) -> None:
        """Wait for the answers that are still to come."""
        _, missing = await asyncio.wait(self._answers, timeout=20)
        self.problems += ["no transcript within 20 s"] * len(missing)
        self.ended.set()

    async def close(self) -> None:
        """Give up on answers still to come."""
        for task in self._answers:
            task.cancel()


PROTOCOLS: dict[str, type[Adapter]] = {
    "surtitle": Surtitle,
    "whisperlive": WhisperLive,
    "whisperlivekit": WhisperLiveKit,
    "realtimestt": RealtimeSTT,
    "wyoming": Wyoming,
    "vosk": Vosk,
    "deepgram": Deepgram,
}
