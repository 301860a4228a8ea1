"""The clients that Deepgram, OpenAI and Vercel publish on npm, unchanged but for the address.

OpenAI's dials `wss:` only, so there is a server with a certificate. That one asks for keys, too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import pytest

from lab.places import REPOSITORY, SAMPLE, SAMPLE_TEXT
from lab.server_process import START_LIMIT_S, ServerProcess, start_server
from lab.waiting import wait_until
from surtitle.gateway.access import add_key
from tests.gateway.certificates import make_certificate
from tests.node.conftest import npm
from tests.real_speech.scoring import word_error_rate
from tests.subtitle_readers import read_with_webvtt

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

PACKAGES = (
    "@ai-sdk/openai@4.0.118",
    "@deepgram/sdk@5.13.0",
    "ai@7.0.173",
    "openai@7.59.0",
    "ws@8.23.0",
    "zod@4.1.8",
)
NODE_22 = "node@22.23.3"
PROGRAMS = Path(__file__).parent / "npm_clients"
LIMIT_S = 120.0
MAX_WRONG = 0.1  # words; the tests of the models say more
NOTHING_LEFT_MS = 1000  # a client that tries again waits longer
TRANSCRIPTION = "conversation.item.input_audio_transcription."


def install(folder: Path, *packages: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    try:
        found = npm("install", "--prefer-offline", *packages, cwd=folder)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm does not come to an end with {' '.join(packages)}")
    if found.returncode:
        pytest.skip(f"npm cannot install {' '.join(packages)}: {found.stderr[-300:]}")


@pytest.fixture(scope="module")
def kept(pytestconfig: pytest.Config) -> Path:
    """A folder that the next run finds again: a Node has nearly 200 MB."""
    if shutil.which("npm") is None:
        pytest.skip("no npm, which comes with most packages of Node")
    assert pytestconfig.cache is not None
    return pytestconfig.cache.mkdir("npm_clients")


@pytest.fixture(scope="module")
def programs(node_20: str, kept: Path) -> Path:
    """The programs, with the packages beside them."""
    folder = kept / "clients"
    install(folder, *PACKAGES)
    for program in PROGRAMS.glob("*.mjs"):
        shutil.copy(program, folder)
    return folder


@pytest.fixture(scope="module")
def node_22(node_20: str, kept: Path) -> str:
    """The command of a Node that OpenAI's client is made for: the one there is, or npm's."""
    version = subprocess.check_output([node_20, "--version"], text=True)
    if int(version.removeprefix("v").split(".")[0]) >= 22:
        return node_20
    install(kept / "node", NODE_22)
    node = kept / "node" / "node_modules" / "node" / "bin" / "node"
    if not node.exists():
        pytest.skip(f"npm has no {NODE_22} for this machine; OpenAI's client needs Node 22")
    return str(node)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"), "here")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file with a key, and the key."""
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    return path, add_key(path, "studio", ["speak"])


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """A server without keys."""
    running = start_server(model="tiny.en", language="en")
    try:
        yield running
        assert not running.errors
    finally:
        running.stop()


@pytest.fixture(scope="module")
def guarded(certificate: tuple[Path, Path], keys: tuple[Path, str]) -> Iterator[ServerProcess]:
    """A server with TLS and keys."""
    running = start_server(
        ready=False,  # who asks would have to trust its certificate
        model="tiny.en",
        language="en",
        tls_cert=certificate[0],
        tls_key=certificate[1],
        keys_file=keys[0],
    )
    try:
        wait_until(lambda: running.events("ready"), START_LIMIT_S)
        yield running
        assert not running.errors
    finally:
        running.stop()


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The sample as raw 16-bit audio, by rate."""
    folder = tmp_path_factory.mktemp("samples")
    found = {rate: folder / f"{rate}.pcm" for rate in (16_000, 24_000)}
    for rate, path in found.items():
        resampler = av.AudioResampler("s16", "mono", rate)
        with av.open(str(SAMPLE)) as container, path.open("wb") as file:
            for frame in (*container.decode(audio=0), None):
                for part in resampler.resample(frame):
                    file.write(part.to_ndarray().tobytes())
    return found


def run(
    node: str,
    program: Path,
    *arguments: str | Path,
    told: object = None,
    key: str = "any",
    trusted: Path | None = None,
) -> Any:
    """What a program says, as JSON. It has to end by itself, without an error."""
    environment = os.environ | {"KEY": key}
    if trusted is not None:
        environment["NODE_EXTRA_CA_CERTS"] = str(trusted)
    done = subprocess.run(
        [node, str(program), *map(str, arguments)],
        cwd=program.parent,
        env=environment,
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def check_text(text: str) -> None:
    assert word_error_rate(SAMPLE_TEXT, text) <= MAX_WRONG, text


def check_words(words: list[dict[str, Any]]) -> None:
    """Their times grow."""
    times = [time for word in words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert times


def check_closed(told: dict[str, Any]) -> None:
    """The server has closed the only connection, and the client takes it for the end."""
    assert told["opened"] == 1
    assert told["closes"] == [{"code": 1000, "reason": ""}]
    assert told["errors"] == []
    assert told["leftForMs"] < NOTHING_LEFT_MS


@pytest.mark.parametrize("last", [["CloseStream"], ["KeepAlive", "Finalize", "CloseStream"]])
def test_deepgram_live(
    node_20: str,
    programs: Path,
    server: ServerProcess,
    samples: dict[int, Path],
    last: list[str],
) -> None:
    told = run(
        node_20,
        programs / "deepgram_live.mjs",
        server.url,
        "v1",
        samples[16_000],
        told={
            "query": {"language": "en", "interim_results": True, "vad_events": True},
            "last": last,
        },
    )
    check_closed(told)
    *heard, metadata = told["heard"]
    assert metadata["type"] == "Metadata"
    seconds = samples[16_000].stat().st_size / 32_000
    assert metadata["duration"] == pytest.approx(seconds, abs=0.01)
    assert heard[0]["type"] == "SpeechStarted"
    results = [message for message in heard if message["type"] == "Results"]
    assert {message["metadata"]["request_id"] for message in results} == {metadata["request_id"]}
    assert not results[0]["is_final"]
    finals = [message for message in results if message["is_final"]]
    assert [message["from_finalize"] for message in finals].count(True) == last.count("Finalize")
    best = [message["channel"]["alternatives"][0] for message in finals]
    check_text(" ".join(alternative["transcript"] for alternative in best))
    check_words([word for alternative in best for word in alternative["words"]])


def test_deepgram_flux(
    node_20: str, programs: Path, server: ServerProcess, samples: dict[int, Path]
) -> None:
    told = run(
        node_20,
        programs / "deepgram_live.mjs",
        server.url,
        "v2",
        samples[16_000],
        told={"query": {"eager_eot_threshold": 0.4}, "last": ["CloseStream"]},
    )
    check_closed(told)
    heard = told["heard"]
    assert [message["sequence_id"] for message in heard] == list(range(len(heard)))
    connected, *turns = heard
    assert connected["type"] == "Connected"
    assert {message["type"] for message in turns} == {"TurnInfo"}
    ended = [turn for turn in turns if turn["event"] == "EndOfTurn"]
    for number, end in enumerate(ended):
        events = [turn["event"] for turn in turns if turn["turn_index"] == number]
        assert events[0] == "StartOfTurn"
        assert events.index("EndOfTurn") == len(events) - 1
        check_words(end["words"])
    assert turns[-1] is ended[-1]
    check_text(" ".join(turn["transcript"] for turn in ended))


def test_deepgram_file(node_20: str, programs: Path, server: ServerProcess) -> None:
    answer = run(node_20, programs / "deepgram_file.mjs", server.url, SAMPLE)
    (channel,) = answer["results"]["channels"]
    (alternative,) = channel["alternatives"]
    check_text(alternative["transcript"])
    check_words(alternative["words"])
    assert answer["metadata"]["channels"] == 1
    assert answer["metadata"]["duration"] == pytest.approx(19.787, abs=0.01)


def test_openai_files(node_22: str, programs: Path, server: ServerProcess, tmp_path: Path) -> None:
    told = run(node_22, programs / "openai_files.mjs", server.url, SAMPLE)
    assert told["models"] == ["tiny.en"]
    check_text(told["json"]["text"])

    verbose = told["verbose"]
    assert verbose["text"] == told["json"]["text"]
    assert verbose["duration"] == pytest.approx(19.787, abs=0.01)
    assert " ".join(segment["text"] for segment in verbose["segments"]) == verbose["text"]
    assert " ".join(word["word"] for word in verbose["words"]) == verbose["text"]
    check_words(verbose["words"])
    check_words(verbose["segments"])

    subtitles = tmp_path / "subtitles.srt"
    subtitles.write_text(told["srt"])
    check_text(" ".join(line for cue in read_with_webvtt(subtitles) for line in cue.lines))

    *deltas, done = told["events"]
    assert {event["type"] for event in deltas} == {"transcript.text.delta"}
    assert done["type"] == "transcript.text.done"
    assert "".join(event["delta"] for event in deltas) == done["text"]
    check_text(done["text"])


@pytest.mark.parametrize("detection", [None, {"type": "server_vad", "silence_duration_ms": 500}])
def test_openai_realtime(
    node_22: str,
    programs: Path,
    guarded: ServerProcess,
    certificate: tuple[Path, Path],
    keys: tuple[Path, str],
    samples: dict[int, Path],
    detection: dict[str, Any] | None,
) -> None:
    told = run(
        node_22,
        programs / "openai_realtime.mjs",
        guarded.url,
        samples[24_000],
        told=detection,
        key=keys[1],
        trusted=certificate[0],
    )
    assert told["errors"] == []
    assert (told["code"], told["reason"]) == (1000, "OK")  # the client has closed it
    heard = told["heard"]
    assert [event["type"] for event in heard[:2]] == ["session.created", "session.updated"]
    assert heard[1]["session"]["audio"]["input"]["turn_detection"] == detection
    assert any(event["type"] == TRANSCRIPTION + "delta" for event in heard)

    committed = [e["item_id"] for e in heard if e["type"] == "input_audio_buffer.committed"]
    started = [e["item_id"] for e in heard if e["type"] == "input_audio_buffer.speech_started"]
    done = [event for event in heard if event["type"] == TRANSCRIPTION + "completed"]
    assert [event["item_id"] for event in done] == committed
    if detection is None:
        assert (len(done), started) == (1, [])
    else:  # what is committed at the end is silence
        assert started == committed[:-1]
        assert len(started) > 1
        assert done[-1]["transcript"] == ""
    check_text(" ".join(event["transcript"] for event in done))


@pytest.mark.parametrize(
    "more",
    ["", ', providerOptions: { openai: { language: "en", timestampGranularities: ["word"] } }'],
)
def test_the_recipe_of_the_ai_sdk(
    node_22: str, programs: Path, server: ServerProcess, more: str
) -> None:
    """As docs/compatibility.md prints it, and with options, which are sent behind the file."""
    document = (REPOSITORY / "docs" / "compatibility.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^```js\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    program = programs / "ai_sdk.mjs"
    program.write_text(
        recipe.replace("127.0.0.1:8765", urlsplit(server.url).netloc).replace(
            ", audio }", f", audio{more} }}"
        )
    )
    shutil.copy(SAMPLE, programs / "talk.mp3")  # whatever the name says, a reader looks inside
    done = subprocess.run(
        [node_22, program], cwd=programs, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert (done.returncode, done.stderr) == (0, "")
    check_text(done.stdout)


def test_keys_that_the_server_does_not_know(
    node_22: str, programs: Path, guarded: ServerProcess, certificate: tuple[Path, Path]
) -> None:
    told = run(node_22, programs / "refusals.mjs", guarded.url, SAMPLE, trusted=certificate[0])
    assert told == {
        "deepgram": {"kind": "DeepgramError", "status": 401},
        "openai": {"kind": "AuthenticationError", "status": 401},
        "deepgramLive": "Unexpected server response: 401",
        "openaiLive": "Unexpected server response: 401",
    }
