"""A microphone of this machine, by PortAudio. Needs the extra `surtitle[mic]`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

from surtitle.captioning.audio import to_pcm16
from surtitle.captioning.downmix import Downmix
from surtitle.client.dialing import ClientError
from surtitle.jobs import SAMPLE_RATE

if TYPE_CHECKING:
    import sounddevice

log = structlog.get_logger("surtitle.microphone")

BLOCK_S = 0.1
MAX_QUEUED = 600
"""Blocks that may wait for a reader, a minute; more are dropped, and told."""
MAX_CHANNELS = 32
"""A mixing desk has the speaker on any of its channels; as many as the page asks for."""
FULL_SCALE = np.float32(32768)


class MicrophoneGone(ClientError):
    """The device has ended by itself."""


@dataclass(frozen=True, slots=True)
class Microphone:
    """An open microphone: iterate for blocks of mono PCM16 (little-endian), 100 ms each."""

    name: str
    sample_rate: int
    """Hz; 16000 where the device can, else the device's own."""
    _blocks: "asyncio.Queue[bytes | None]"
    """None once the device has gone."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Without an end. Raises MicrophoneGone once the device has."""
        while (block := await self._blocks.get()) is not None:
            yield block
        raise MicrophoneGone(
            f"The microphone {self.name} has gone: it was disconnected, or the system has stopped it. "
            "Connect it again, or choose one that `surtitle mic --list` shows, and start once more."
        )


@contextlib.asynccontextmanager
async def open_microphone(device: str | None = None) -> AsyncIterator[Microphone]:
    """Listen while the block runs. `device` is a number or a part of a name; None is the default.

    Raises ClientError where the extra, PortAudio or the device is missing, or it cannot be opened.
    """
    sd = _library()
    number = find_input(device)
    info: dict[str, Any] = sd.query_devices(number)
    loop = asyncio.get_running_loop()
    blocks: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_QUEUED)
    mix: Callable[[bytes], bytes] = bytes
    losing = leaving = False

    def take(data: bytes | None) -> None:
        nonlocal losing
        is_full = blocks.full()
        if is_full:
            blocks.get_nowait()
            if not losing:
                log.warning("sound is lost: nobody takes it")
        losing = is_full
        blocks.put_nowait(data)

    def on_block(data: Any, frames: int, time: Any, status: "sounddevice.CallbackFlags") -> None:
        if status.input_overflow:
            log.warning("sound was lost: the machine is too busy")
        loop.call_soon_threadsafe(take, mix(bytes(data)))  # from a thread of PortAudio's

    def on_end() -> None:
        if not leaving:  # it also ends when we stop it
            loop.call_soon_threadsafe(take, None)

    stream = None
    for channels, rate in _formats(info):
        try:
            stream = sd.RawInputStream(
                samplerate=rate,
                blocksize=round(rate * BLOCK_S),
                device=number,
                channels=channels,
                dtype="int16",
                callback=on_block,
                finished_callback=on_end,
            )
            mix = _mixer(channels, rate)
            break
        except sd.PortAudioError as error:
            why = str(error)
    if stream is None:
        raise ClientError(
            f"The microphone {info['name']} cannot be opened: {why}. Another program may use it; "
            "`surtitle mic --list` shows which others there are."
        )
    with stream:
        try:
            yield Microphone(info["name"], int(stream.samplerate), blocks)
        finally:
            leaving = True


def _formats(info: dict[str, Any]) -> list[tuple[int, int]]:
    """Numbers of channels and rates in Hz that a device may be opened with, the best one first."""
    most = min(int(info["max_input_channels"]), MAX_CHANNELS)
    rates = dict.fromkeys((SAMPLE_RATE, int(info["default_samplerate"])))
    return [(channels, rate) for channels in dict.fromkeys((most, 1)) for rate in rates]


def _mixer(channels: int, sample_rate: int) -> Callable[[bytes], bytes]:
    """What makes mono of the blocks of one stream of PCM16."""
    if channels == 1:
        return bytes
    downmix = Downmix(channels, sample_rate)

    def mix(block: bytes) -> bytes:
        frames = np.frombuffer(block, np.int16).reshape(-1, channels).astype(np.float32)
        return to_pcm16(downmix.push(frames / FULL_SCALE)).tobytes()

    return mix


def input_names() -> dict[int, str]:
    """The devices that can be listened to, by number. Raises ClientError."""
    devices = _library().query_devices()
    return {n: each["name"] for n, each in enumerate(devices) if each["max_input_channels"]}


def find_input(device: str | None) -> int:
    """The number of a device from its number or a part of its name. Raises ClientError."""
    names = input_names()
    advice = "; ".join(f"{number} is {name}" for number, name in names.items())
    if not names:
        raise ClientError("This machine has no microphone: connect one, or caption a file.")
    if device is None:
        default = int(_library().default.device[0])
        return default if default in names else next(iter(names))
    if device.isdecimal():
        found = [number for number in names if number == int(device)]
    else:
        found = [n for n, name in names.items() if device.casefold() in name.casefold()]
    exact = [number for number in found if names[number] == device]
    if len(exact or found) != 1:
        kind = "no microphone" if not found else "more than one microphone"
        raise ClientError(f"There is {kind} {device!r}: {advice}.")
    return (exact or found)[0]


def _library() -> Any:
    try:
        import sounddevice
    except ModuleNotFoundError:
        raise ClientError(
            "Listening to a microphone takes one more package: pip install 'surtitle[mic]'."
        ) from None
    except OSError:
        raise ClientError(
            "PortAudio is missing: install it (Debian and Ubuntu: apt-get install libportaudio2)."
        ) from None
    return sounddevice
