"""The client library under a real Node, with a real server: files, links that break, and the end."""

from __future__ import annotations

import asyncio
import json
import random
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lab.ledger import SILENCE_1S, spoken_word
from lab.link import Cut, Link
from lab.server_process import FAKE_DECODER, ServerProcess, start_server

LIMIT_S = 60.0
WORDS = 12
WORD_MS = 1500  # a word and the silence after it

NOTHING_LEFT_MS = (
    1000  # a loopback connection closes in some milliseconds, the library's timers take longer
)

# Each word is told to be another text.
STORY = """
import { CaptionClient } from "surtitle-client";
import WebSocket from "ws";
import { readFileSync } from "node:fs";

const [url, file, words] = process.argv.slice(2);
const word = readFileSync(file);
const frames = [];
for (let at = 0; at < word.length; at += 3200) {
  frames.push(new Int16Array(new Uint8Array(word.subarray(at, at + 3200)).buffer));
}
const client = new CaptionClient(url, { language: "en" }, { WebSocket });
const heard = [];
const told = (async () => {
  for await (const message of client) {
    heard.push(message);
  }
})();
await client.connect();
for (let number = 0; number < Number(words); number++) {
  client.update({ prompt: `say:${number}` });
  for (const frame of frames) {
    client.send(frame);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
const ended = await client.stop();
await told;
const endedAt = performance.now();
process.once("beforeExit", () => { // when no timer or socket is left
  console.log(JSON.stringify({ heard, ended, leftForMs: performance.now() - endedAt }));
});
"""

CAPTION = """
import { CaptionClient, decibels, openSamples } from "surtitle-client";
import WebSocket from "ws";
import { readFileSync } from "node:fs";

const [url, file] = process.argv.slice(2);
const wav = readFileSync(file);
const samples = new Int16Array(wav.buffer, wav.byteOffset + 44, (wav.length - 44) / 2);
const client = new CaptionClient(url, { prompt: "say:spoken" }, { WebSocket });
const levels = [];
client.addEventListener("level", ({ detail }) => levels.push(decibels(detail.rms)));
const heard = [];
for await (const message of client.caption(openSamples(samples, 16000, { pace: 20 }))) {
  heard.push(message);
}
console.log(JSON.stringify({ heard, levels, state: client.state }));
"""


RECORDING = """
import { CaptionClient, openRecording } from "surtitle-client";
import WebSocket from "ws";
import { openAsBlob } from "node:fs";

const [url, file] = process.argv.slice(2);
const client = new CaptionClient(url, { prompt: "say:spoken" }, { WebSocket });
const heard = [];
for await (const message of client.caption(await openRecording(await openAsBlob(file)))) {
  heard.push(message);
}
const endedAt = performance.now();
process.once("beforeExit", () => {
  console.log(JSON.stringify({ heard, leftForMs: performance.now() - endedAt }));
});
"""


async def run(node: str, folder: Path, code: str, *arguments: object) -> Any:
    """What the program says, as JSON. It has to end by itself, without an error."""
    program = folder / "program.mjs"
    program.write_text(code)
    process = await asyncio.create_subprocess_exec(
        node,
        str(program),
        *map(str, arguments),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


def texts(heard: list[dict[str, Any]]) -> list[str]:
    return [message["text"] for message in heard if message["type"] == "final"]


@pytest.fixture
def word(tmp_path: Path) -> Path:
    path = tmp_path / "word.pcm"
    path.write_bytes(spoken_word() + SILENCE_1S)
    return path


def cuts(seed: int) -> Iterator[tuple[int, Cut] | None]:
    """Cuts at random bytes, of connections and of handshakes."""
    chance = random.Random(seed)
    yield 100_000, Cut.RESET  # the first connection must be made
    for limit in (300, 900, 150_000, 150_000, 150_000):
        yield chance.randrange(limit), chance.choice([Cut.RESET, Cut.CLOSE])


@pytest.mark.parametrize("seed", range(2))
async def test_a_link_that_breaks_at_any_byte_loses_and_doubles_no_word(
    node_20: str, project: Path, server: ServerProcess, word: Path, seed: int
) -> None:
    async with Link(server.port, cuts(seed)) as link:
        url = f"ws://127.0.0.1:{link.port}/v1/captions"
        told = await run(node_20, project, STORY, url, word, WORDS)
    assert link.cuts >= 4
    assert any(message["type"] == "resumed" for message in told["heard"])
    assert texts(told["heard"]) == [str(number) for number in range(WORDS)]
    assert told["ended"]["audio_ms"] == WORDS * WORD_MS
    assert told["ended"]["utterances"] == WORDS
    assert told["leftForMs"] < NOTHING_LEFT_MS


async def test_a_server_that_is_killed_is_followed_to_the_next_one(
    node_20: str, project: Path, server: ServerProcess, word: Path
) -> None:
    mortal = await asyncio.to_thread(start_server, decoder=FAKE_DECODER)
    async with Link(mortal.port, iter([])) as link:
        url = f"ws://127.0.0.1:{link.port}/v1/captions"
        telling = asyncio.create_task(run(node_20, project, STORY, url, word, WORDS))
        async with asyncio.timeout(20):
            while not mortal.events("session opened"):  # noqa: ASYNC110 - it is written to a pipe
                await asyncio.sleep(0.01)
        link.target_port = server.port
        await asyncio.to_thread(mortal.stop, 9)
        told = await telling
    assert texts(told["heard"]) == [str(number) for number in range(WORDS)]
    assert sum(message["type"] == "ready" for message in told["heard"]) == 2
    assert told["ended"]["audio_ms"] == WORDS * WORD_MS


async def test_a_file_is_captioned_in_one_loop(
    node_20: str, project: Path, server: ServerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "talk.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes((spoken_word() + SILENCE_1S) * 2)
    url = f"http://127.0.0.1:{server.port}/v1/captions"
    told = await run(node_20, project, CAPTION, url, path)
    assert texts(told["heard"]) == ["spoken", "spoken"]
    assert told["heard"][0]["type"] == "ready"
    assert told["heard"][-1]["type"] == "ended"
    assert told["heard"][-1]["audio_ms"] == 2 * WORD_MS
    assert told["state"] == "ended"
    assert len(told["levels"]) == 30
    assert min(told["levels"]) == -96
    assert -40 < max(told["levels"]) < 0


# -- recordings, which cannot go on in the middle ----------------------------------------------


@pytest.fixture(params=["wav", "flac", "mp3"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Words with silence between them."""
    path = tmp_path / f"talk.{request.param}"
    samples = np.frombuffer((spoken_word() + SILENCE_1S) * WORDS, "<i2")
    codec = {"wav": "pcm_s16le", "flac": "flac", "mp3": "libmp3lame"}[request.param]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=16_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for start in range(0, len(samples), 1152):
            block = samples[None, start : start + 1152]
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate = 16_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def every_word_once(told: dict[str, Any]) -> None:
    answers = [message for message in told["heard"] if message["type"] == "final"]
    assert [answer["utterance"] for answer in answers] == list(range(1, WORDS + 1))
    assert texts(told["heard"]) == ["spoken"] * WORDS
    starts = [answer["start_ms"] for answer in answers]
    assert np.diff(starts) == pytest.approx(WORD_MS, abs=300)  # the first has no pre-roll
    ended = told["heard"][-1]
    assert ended["audio_ms"] == pytest.approx(WORDS * WORD_MS, abs=200)
    assert ended["utterances"] == WORDS
    assert told["leftForMs"] < NOTHING_LEFT_MS


async def test_a_recording_over_a_link_that_breaks_loses_and_doubles_no_word(
    node_20: str, project: Path, server: ServerProcess, recording: Path
) -> None:
    breaks = [(30_000, Cut.RESET), (300, Cut.RESET), (20_000, Cut.CLOSE)]
    async with Link(server.port, iter(breaks)) as link:
        url = f"ws://127.0.0.1:{link.port}/v1/captions"
        told = await run(node_20, project, RECORDING, url, recording)
    assert link.cuts >= 2
    every_word_once(told)


async def test_a_recording_goes_to_the_next_server_from_its_beginning(
    node_20: str, project: Path, server: ServerProcess, recording: Path
) -> None:
    mortal = await asyncio.to_thread(start_server, decoder=FAKE_DECODER)
    async with Link(mortal.port, iter([])) as link:
        url = f"ws://127.0.0.1:{link.port}/v1/captions"
        telling = asyncio.create_task(run(node_20, project, RECORDING, url, recording))
        async with asyncio.timeout(20):
            while not mortal.events("session opened"):  # noqa: ASYNC110 - it is written to a pipe
                await asyncio.sleep(0.01)
        link.target_port = server.port
        await asyncio.to_thread(mortal.stop, 9)
        told = await telling
    assert sum(message["type"] == "ready" for message in told["heard"]) == 2
    every_word_once(told)


# -- what goes wrong is said -------------------------------------------------------------------

REFUSED = """
import { CaptionClient, CaptionError, Problem } from "surtitle-client";
import WebSocket from "ws";
const client = new CaptionClient(process.argv[2], {}, { WebSocket });
const error = await client.connect().catch((error) => error);
const { code, message } = error;
const kinds = [error instanceof CaptionError, error instanceof Problem];
const endedAt = performance.now();
process.once("beforeExit", () => {
  console.log(JSON.stringify({ code, message, kinds, leftForMs: performance.now() - endedAt }));
});
"""


async def test_a_server_that_is_not_there_is_named(node_20: str, project: Path) -> None:
    told = await run(node_20, project, REFUSED, "ws://127.0.0.1:9/v1/captions")
    assert (told["code"], told["kinds"]) == ("unreachable", [True, True])
    assert told["message"].startswith("No answer from 127.0.0.1:9.")
    assert told["leftForMs"] < NOTHING_LEFT_MS


async def test_a_wrong_address_is_explained_by_the_server(
    node_20: str, project: Path, server: ServerProcess
) -> None:
    told = await run(node_20, project, REFUSED, f"{server.url}/v1/nothing")
    assert told["code"] == "refused"
    assert "/v1/nothing" in told["message"]


FOREIGN = """
import { CaptionClient, ChannelViewer } from "surtitle-client";
import WebSocket, { WebSocketServer } from "ws";
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("connection", (socket) => socket.send("Hello."));
await new Promise((resolve) => server.once("listening", resolve));
const url = `ws://127.0.0.1:${server.address().port}/`;
const told = [];
for (const guest of [
  new CaptionClient(url, {}, { WebSocket }),
  new ChannelViewer(url, { WebSocket }),
]) {
  const { code, message } = await guest.connect().catch((error) => error);
  told.push([guest.state, code, message]);
}
server.close();
console.log(JSON.stringify(told));
"""


async def test_a_server_that_is_no_surtitle_is_told_and_ends_no_program(
    node_20: str, project: Path
) -> None:
    told = await run(node_20, project, FOREIGN)
    sentence = "The server does not speak Surtitle's protocol. Check its address."
    assert told == [["closed", "closed_1007", sentence]] * 2


NO_WEBSOCKET = """
import { CaptionClient } from "surtitle-client";
delete globalThis.WebSocket;
try {
  new CaptionClient("ws://127.0.0.1:9/v1/captions");
} catch ({ code, message }) {
  console.log(JSON.stringify({ code, message }));
}
"""


async def test_a_node_without_a_websocket_is_told_what_to_install(
    node_20: str, project: Path
) -> None:
    told = await run(node_20, project, NO_WEBSOCKET)
    assert told["code"] == "no_websocket"
    assert "“ws”" in told["message"]


LATE_TOKEN = """
import { CaptionClient } from "surtitle-client";
import WebSocket, { WebSocketServer } from "ws";
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
const offered = [];
server.on("connection", (socket, request) => {
  offered.push(request.headers["sec-websocket-protocol"]);
  socket.on("message", () => socket.send(JSON.stringify({ type: "ready", seq: 1, session: "s1" })));
});
await new Promise((resolve) => server.once("listening", resolve));
const url = `ws://127.0.0.1:${server.address().port}/v1/captions`;
const late = async () => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return "a.token";
};
const client = new CaptionClient(url, {}, { WebSocket, access: late });
await client.connect();
client.close();
const access = () => Promise.reject(new Error("Who are you?"));
const stranger = new CaptionClient(url, {}, { WebSocket, access });
const { code, message } = await stranger.connect().catch((error) => error);
const gone = new CaptionClient(url, {}, { WebSocket, access: late });
gone.connect();
gone.close(); // before there is a token
await late();
await late();
server.close();
console.log(JSON.stringify({ offered, code, message, clients: server.clients.size }));
"""


async def test_a_token_may_come_later_and_may_fail_to(node_20: str, project: Path) -> None:
    told = await run(node_20, project, LATE_TOKEN)
    assert told["offered"] == ["surtitle.v1,token.a.token"]
    assert told["code"] == "no_token"
    assert told["message"].endswith("Who are you?")
