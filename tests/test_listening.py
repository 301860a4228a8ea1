"""`surtitle mic` and `surtitle watch`, with a real microphone's way through PortAudio and ALSA."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from surtitle import microphone as microphones
from surtitle.client import ClientError
from tests.alsa import recorded_microphone
from tests.support import (
    SAMPLE,
    ServerProcess,
    figure,
    read_pcm16,
    start_server,
    wait_until,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ALSA is Linux's")


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    spoken = read_pcm16(SAMPLE)[: 9 * 16_000]  # its first two sentences
    with recorded_microphone(tmp_path_factory.mktemp("alsa"), spoken) as environment:
        yield os.environ | environment


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    server = start_server()
    yield server
    server.stop()


class Command:
    """A `surtitle` command whose output grows in a file."""

    def __init__(self, folder: Path, environment: dict[str, str], *arguments: str) -> None:
        self.output = folder / arguments[0]
        self.errors = folder / f"{arguments[0]}.errors"
        with self.output.open("w") as output, self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "surtitle", *arguments],
                env=environment,
                stdout=output,
                stderr=errors,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


def test_from_the_microphone_to_somebody_who_watches(
    microphone: dict[str, str], server: ServerProcess, tmp_path: Path
) -> None:
    url = server.url.replace("http", "ws", 1)
    watching = Command(tmp_path, microphone, "watch", "hall", "--server", url, "--format", "jsonl")
    wait_until(lambda: watching.said, 30)
    speaking = Command(tmp_path, microphone, "mic", "--server", url, "--channel", "hall")
    try:
        wait_until(lambda: "still talking" in speaking.said, 60)
        wait_until(lambda: "still talking" in watching.said, 10)
        assert speaking.interrupt() == 0
        assert watching.interrupt() == 130
    finally:
        for command in (watching, speaking):
            command.process.kill()
            command.process.wait()
    assert "Listening to" in speaking.errors.read_text()
    assert f"to be watched at {server.url}/watch/hall" in " ".join(
        speaking.errors.read_text().split()
    )
    messages = [json.loads(line) for line in watching.said.splitlines()]
    assert messages[0] == {
        "type": "channel",
        "channel": "hall",
        "state": "waiting",
        "session": "",
        "viewers": 1,
    }
    finals = [message["text"] for message in messages if message["type"] == "final"]
    assert finals == speaking.said.splitlines()
    assert {"partial", "speech"} <= {message["type"] for message in messages}


def test_who_does_not_wait_for_the_last_caption_keeps_the_others(
    microphone: dict[str, str], tmp_path: Path
) -> None:
    server = start_server()
    subtitles = tmp_path / "talk.srt"
    speaking = Command(tmp_path, microphone, "mic", "--server", server.url, "-o", str(subtitles))
    try:
        wait_until(lambda: finals_of(server) >= 1, 60)
        server.process.send_signal(signal.SIGSTOP)
        speaking.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            speaking.process.wait(1)  # the last caption may still come
        assert speaking.interrupt() == 130
        assert re.search(r" --> [\d:,]+\n\w", subtitles.read_text())
    finally:
        speaking.process.kill()
        speaking.process.wait()
        server.process.send_signal(signal.SIGCONT)
        server.stop()


def finals_of(server: ServerProcess) -> float:
    return figure(server, "surtitle_final_seconds_count")


def test_the_microphones_are_listed(microphone: dict[str, str]) -> None:
    command = [sys.executable, "-m", "surtitle", "mic", "--list"]
    done = subprocess.run(command, env=microphone, capture_output=True, text=True, check=True)
    assert "recording" in done.stdout


@pytest.mark.parametrize("device", ["studio", "99"])
def test_a_microphone_that_is_not_there(microphone: dict[str, str], device: str) -> None:
    command = [sys.executable, "-m", "surtitle", "mic", "--input", device]
    done = subprocess.run(command, env=microphone, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"surtitle: There is no microphone {device!r}: " in done.stderr
    assert "is recording" in done.stderr  # which there are


def test_a_machine_without_a_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphones, "input_names", dict)
    with pytest.raises(ClientError, match="This machine has no microphone: connect one"):
        microphones.find_input(None)


@pytest.mark.parametrize(
    ("device", "found"),
    [("2", 2), ("usb", 2), ("Built-in", 0), ("built", "more than one microphone 'built'")],
)
def test_a_microphone_by_its_number_or_a_part_of_its_name(
    device: str, found: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {0: "Built-in", 1: "Built-in (mixed)", 2: "USB Audio"}
    monkeypatch.setattr(microphones, "input_names", lambda: names)
    if isinstance(found, int):
        assert microphones.find_input(device) == found
    else:
        with pytest.raises(ClientError, match=found):
            microphones.find_input(device)


def test_a_channel_on_a_server_that_is_not_there() -> None:
    command = [sys.executable, "-m", "surtitle", "watch", "hall", "--server", "ws://127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("surtitle: Cannot reach a Surtitle server at ws://127.0.0.1:1/")
