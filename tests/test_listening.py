"""`surtitle mic` and `surtitle watch`, with a real microphone's way through PortAudio and ALSA."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from websockets.asyncio.server import ServerConnection

from lab.ledger import read_pcm16
from lab.places import REPOSITORY, SAMPLE
from lab.server_process import FAKE_DECODER, ServerProcess, figure, start_server
from lab.waiting import wait_until
from surtitle.client import ClientError
from surtitle.client import microphone as microphones
from surtitle.messages import ClientMessage, Start
from tests.alsa import recorded_microphone
from tests.client.scenes import ENDED, greet, playing, say

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
    assert f"watch at {server.url}/watch/hall" in " ".join(speaking.errors.read_text().split())
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


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ((), False),
        (("-o", "talk.txt"), True),
        (("--format", "srt"), True),
        (("--channel", "hall"), True),
        (("--channel", "hall", "-o", "talk.srt", "--no-revisions"), False),
        (("--channel", "hall", "--translate"), False),
    ],
)
async def test_better_texts_are_asked_for_where_captions_are_kept(
    microphone: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], asked: bool
) -> None:
    starts: list[ClientMessage] = []

    async def scene(socket: ServerConnection) -> None:
        starts.append(await greet(socket))
        await say(socket, ENDED)
        await socket.close()

    async with asyncio.timeout(60), playing(scene) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "surtitle", "mic", "--server", url, *arguments),
            cwd=tmp_path,
            env={"PYTHONPATH": str(REPOSITORY / "server")} | microphone,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    (start,) = starts
    assert isinstance(start, Start) and start.revisions is asked


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


LISTEN = """
import asyncio
from surtitle.client.microphone import open_microphone

async def main():
    async with open_microphone() as microphone:
        print(microphone.sample_rate, flush=True)
        async for block in microphone:
            print(block.hex(), flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize(("channels", "number"), [(2, 1), (2, 2), (8, 5)])
def test_a_voice_on_any_input_of_an_interface(channels: int, number: int, tmp_path: Path) -> None:
    spoken = np.zeros((16_000, channels), np.int16)
    spoken[:, number - 1] = TONE
    command = [sys.executable, "-c", LISTEN]
    with (
        recorded_microphone(tmp_path, spoken) as environment,
        subprocess.Popen(
            command, env=os.environ | environment, stdout=subprocess.PIPE, text=True
        ) as listening,
    ):
        assert listening.stdout is not None
        try:
            assert int(next(listening.stdout)) == 16_000
            blocks = (np.frombuffer(bytes.fromhex(line), np.int16) for line in listening.stdout)
            assert any(block.max() >= 0.99 * TONE.max() for block in blocks)
        finally:
            listening.kill()


TONE = (8000 * np.sin(np.arange(16_000) / 5)).astype(np.int16)


class FakePortAudio:
    """One device, and what `sounddevice` would do with it."""

    class PortAudioError(Exception):
        pass

    def __init__(
        self,
        channels: int,
        rate: int,
        opens: Callable[[int, int], bool],
        starts: Callable[[int, int], bool] = lambda channels, rate: True,
    ) -> None:
        """`opens` says whether the device takes so many channels at so many Hz, and `starts` whether
        it then runs."""
        self.device = {"name": "Desk", "max_input_channels": channels, "default_samplerate": rate}
        self.opens = opens
        self.starts = starts
        self.asked: list[tuple[int, int]] = []
        self.open_streams = 0
        self.stream: dict[str, Any] = {}

    def query_devices(self, number: int | None = None) -> Any:
        return [self.device] if number is None else self.device

    def RawInputStream(self, **options: Any) -> Self:
        self.asked.append((options["channels"], options["samplerate"]))
        if not self.opens(*self.asked[-1]):
            raise self.PortAudioError("Invalid number of channels")
        self.stream = options
        self.open_streams += 1
        return self

    def start(self) -> None:
        if not self.starts(*self.asked[-1]):
            raise self.PortAudioError("Error starting stream: Unanticipated host error")

    def stop(self) -> None:
        self.end()

    def close(self) -> None:
        self.open_streams -= 1

    @property
    def samplerate(self) -> float:
        return float(self.stream["samplerate"])

    def hear(self, frames: NDArray[np.int16]) -> None:
        self.stream["callback"](frames.tobytes(), len(frames), None, NoFlags())

    def end(self) -> None:
        """What PortAudio says when a stream was stopped, and when its device has gone."""
        self.stream["finished_callback"]()


class NoFlags:
    input_overflow = False


@contextlib.asynccontextmanager
async def desk(
    monkeypatch: pytest.MonkeyPatch,
    channels: int,
    opens: Callable[[int, int], bool],
    rate: int = 48_000,
) -> AsyncIterator[tuple[FakePortAudio, microphones.Microphone]]:
    fake = FakePortAudio(channels, rate, opens)
    monkeypatch.setattr(microphones, "_library", lambda: fake)
    async with microphones.open_microphone("0") as microphone:
        yield fake, microphone


@pytest.mark.parametrize(
    ("channels", "opens", "asked"),
    [
        (1, lambda channels, rate: True, [(1, 16_000)]),
        (2, lambda channels, rate: True, [(2, 16_000)]),
        (32, lambda channels, rate: True, [(32, 16_000)]),
        (128, lambda channels, rate: True, [(32, 16_000)]),
        (2, lambda channels, rate: rate == 48_000, [(2, 16_000), (2, 48_000)]),
        (
            8,
            lambda channels, rate: channels == 1,
            [(8, 16_000), (8, 48_000), (1, 16_000)],
        ),
        (
            2,
            lambda channels, rate: (channels, rate) == (1, 48_000),
            [(2, 16_000), (2, 48_000), (1, 16_000), (1, 48_000)],
        ),
    ],
)
async def test_as_many_channels_as_a_device_gives(
    channels: int,
    opens: Callable[[int, int], bool],
    asked: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with desk(monkeypatch, channels, opens) as (fake, microphone):
        assert fake.asked == asked
        assert microphone.sample_rate == 16_000
        assert await heard(fake, microphone, *asked[-1])


async def test_a_device_that_opens_and_does_not_start_is_asked_for_another_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakePortAudio(2, 48_000, lambda *_: True, lambda channels, rate: rate == 48_000)
    monkeypatch.setattr(microphones, "_library", lambda: fake)
    async with microphones.open_microphone("0") as microphone:
        assert fake.asked == [(2, 16_000), (2, 48_000)]
        assert fake.open_streams == 1
        assert await heard(fake, microphone, 2, 48_000)
    assert fake.open_streams == 0


async def test_a_device_that_never_starts_is_told_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakePortAudio(1, 48_000, lambda *_: True, lambda *_: False)
    monkeypatch.setattr(microphones, "_library", lambda: fake)
    with pytest.raises(
        ClientError, match=r"Desk cannot be opened: Error starting stream: "
    ) as told:
        async with microphones.open_microphone("0"):
            pass
    assert told.value.code == "not_readable"
    assert fake.open_streams == 0


def test_a_sound_system_that_does_not_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = "class PortAudioError(Exception): pass\nraise PortAudioError('Host error')"
    (tmp_path / "sounddevice.py").write_text(library)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(ClientError, match=r"PortAudio cannot start: Host error\.") as told:
        microphones.input_names()
    assert told.value.code == "not_readable"


async def test_a_device_whose_rate_no_server_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    def opens(channels: int, rate: int) -> bool:
        return rate == 192_000

    async with desk(monkeypatch, 2, opens, rate=192_000) as (fake, microphone):
        assert fake.asked == [(2, 16_000), (2, 192_000)]
        assert microphone.sample_rate == 16_000
        assert await heard(fake, microphone, 2, 192_000)


async def heard(
    fake: FakePortAudio, microphone: microphones.Microphone, channels: int, rate: int
) -> bool:
    """Whether a tone on the last channel is what the microphone gives, at 16 kHz."""
    tone = TONE if rate == 16_000 else resampled(TONE, rate)
    for start in range(0, len(tone), rate // 10):
        frames = np.zeros((rate // 10, channels), np.int16)
        frames[:, -1] = tone[start : start + rate // 10]
        fake.hear(frames)
    blocks = [await anext(microphone) for _ in range(9)]
    samples = np.frombuffer(b"".join(blocks), np.int16)[500:14_000]
    return len(samples) > 10_000 and int(np.abs(samples - TONE[500:][: len(samples)]).max()) < 100


def resampled(samples: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
    """16 kHz at another rate."""
    there: NDArray[np.int16] = soxr.resample(samples, 16_000, rate, quality="HQ")
    return there


@pytest.mark.parametrize("blocks", [0, 3, microphones.MAX_QUEUED + 1])
async def test_a_device_that_goes_is_told_after_what_it_heard(
    blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(monkeypatch, 1, lambda channels, rate: True) as (fake, microphone):
        for _ in range(blocks):
            fake.hear(TONE[:1600])
        fake.end()
        heard = 0
        for _ in range(2):  # a second loop hears of it, too
            with pytest.raises(ClientError, match=r"microphone Desk is gone: .* start again"):
                async for _ in microphone:
                    heard += 1
    # Who has not listened for a minute loses a block.
    assert heard == min(blocks, microphones.MAX_QUEUED)


async def test_a_microphone_that_is_left_has_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(monkeypatch, 1, lambda channels, rate: True) as (fake, microphone):
        reading = asyncio.ensure_future(anext(microphone, None))
        await asyncio.sleep(0)
    fake.hear(TONE[:1600])
    async with asyncio.timeout(10):
        assert await reading is None
        assert [block async for block in microphone] == []


async def test_who_stops_waiting_for_a_block_can_wait_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with desk(monkeypatch, 1, lambda channels, rate: True) as (fake, microphone):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(microphone), 0.01)
        fake.hear(TONE[:1600])
        assert await anext(microphone) == TONE[:1600].tobytes()


# `surtitle mic` on a device that goes after so many blocks.
GOES = """
import sounddevice
from surtitle.cli.main import main

def going(*, callback, real=sounddevice.RawInputStream, **options):
    left = iter(range(60))
    def hear(*block):
        callback(*block)
        if next(left, None) is None:
            raise sounddevice.CallbackAbort
    return real(callback=hear, **options)

sounddevice.RawInputStream = going
main()
"""


def test_a_microphone_that_goes_while_it_is_captioned(microphone: dict[str, str]) -> None:
    server = start_server(decoder=FAKE_DECODER)
    try:
        command = [sys.executable, "-c", GOES, "mic", "--server", server.url]
        done = subprocess.run(
            command, env=microphone, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        server.stop()
    assert done.returncode == 1
    assert "surtitle: The microphone default is gone: " in done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(r"\d ms", done.stdout), "what was said is captioned all the same"


async def test_a_device_that_cannot_be_opened_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClientError, match="Desk cannot be opened: Invalid number of channels"):
        async with desk(monkeypatch, 2, lambda channels, rate: False):
            pass


def test_a_channel_on_a_server_that_is_not_there() -> None:
    command = [sys.executable, "-m", "surtitle", "watch", "hall", "--server", "ws://127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("surtitle: Cannot reach a Surtitle server at ws://127.0.0.1:1/")
