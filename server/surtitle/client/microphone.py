"""A microphone of this machine, by PortAudio. Needs the extra `mic`."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from surtitle.client.dialing import ClientError
from surtitle.client.inbox import Inbox
from surtitle.extras import install_command
from surtitle.jobs import SAMPLE_RATE

if TYPE_CHECKING:
    import sounddevice

log = logging.getLogger("surtitle.microphone")

BLOCK_S = 0.1
MAX_QUEUED = 600
"""Blocks that may wait for a reader, a minute; more are dropped, and told."""
MAX_CHANNELS = 32
"""A mixing desk has the speaker on any of its channels; as many as the page asks for."""


class MicrophoneGone(ClientError):
    """The device has ended by itself."""


class Microphone(AsyncIterator[bytes]):
    """An open microphone: iterate for blocks of mono PCM16 (little-endian), about 100 ms each.

    The iteration ends when the microphone is left. Two loops share the blocks.
    """

    def __init__(self, name: str, blocks: Inbox[bytes]) -> None:
        self.name = name
        self.sample_rate = SAMPLE_RATE
        """Hz, whatever the rate of the device."""
        self._blocks = blocks

    async def __anext__(self) -> bytes:
        """The next block; a wait that is cancelled loses none. Raises MicrophoneGone."""
        return await anext(self._blocks)


@contextlib.asynccontextmanager
async def open_microphone(device: str | None = None) -> AsyncIterator[Microphone]:
    """Listen while the block runs. `device` is a number or a part of a name; None is the default.

    Raises ClientError where the extra, PortAudio or the device is missing, or it cannot be opened.
    """
    sd = _library()
    from surtitle.captioning.audio import RawDecoder  # needs a package of the extra, too

    number = find_input(device)
    info: dict[str, Any] = sd.query_devices(number)
    loop = asyncio.get_running_loop()
    blocks: Inbox[bytes] = Inbox()
    decoder: RawDecoder
    losing = leaving = False

    def take(data: bytes) -> None:
        nonlocal losing
        is_full = len(blocks) == MAX_QUEUED
        if is_full:
            blocks.drop_oldest()
            if not losing:
                log.warning("audio is being lost: it is not read fast enough")
        losing = is_full
        blocks.put(data)

    def on_block(data: Any, frames: int, time: Any, status: "sounddevice.CallbackFlags") -> None:
        if status.input_overflow:
            log.warning("audio was lost: the machine is too busy")
        if block := decoder.feed(bytes(data)).tobytes():
            loop.call_soon_threadsafe(take, block)  # from a thread of PortAudio's

    def on_end() -> None:
        if not leaving:  # it also ends when we stop it
            loop.call_soon_threadsafe(blocks.end, _gone(info["name"]))

    stream = None
    for channels, rate in _formats(info):
        decoder = RawDecoder("pcm_s16le", rate, channels)
        try:
            stream = _started(
                sd,
                samplerate=rate,
                blocksize=round(rate * BLOCK_S),
                device=number,
                channels=channels,
                dtype="int16",
                callback=on_block,
                finished_callback=on_end,
            )
            break
        except sd.PortAudioError as error:
            why = str(error)
    if stream is None:
        raise ClientError(
            f"The microphone {info['name']} cannot be opened: {why}. Another program may be using "
            "it; `surtitle mic --list` shows the others.",
            "not_readable",
        )
    try:
        yield Microphone(info["name"], blocks)
    finally:
        leaving = True
        blocks.end()
        stream.stop()
        stream.close()


def _started(sd: Any, **options: Any) -> Any:
    """A stream that runs: a device may open and only then refuse. Raises PortAudioError."""
    stream = sd.RawInputStream(**options)
    try:
        stream.start()
    except sd.PortAudioError:
        stream.close()
        raise
    return stream


def _gone(name: str) -> MicrophoneGone:
    return MicrophoneGone(
        f"The microphone {name} is gone: it was disconnected, or the system stopped it. Reconnect "
        "it, or choose another from `surtitle mic --list`, and start again.",
        "interrupted",
    )


def _formats(info: dict[str, Any]) -> list[tuple[int, int]]:
    """Numbers of channels and rates in Hz that a device may be opened with, the best one first."""
    most = min(int(info["max_input_channels"]), MAX_CHANNELS)
    rates = dict.fromkeys((SAMPLE_RATE, int(info["default_samplerate"])))
    return [(channels, rate) for channels in dict.fromkeys((most, 1)) for rate in rates]


def input_names() -> dict[int, str]:
    """The devices that can be listened to, by number. Raises ClientError."""
    devices = _library().query_devices()
    return {n: each["name"] for n, each in enumerate(devices) if each["max_input_channels"]}


def find_input(device: str | None) -> int:
    """The number of a device from its number or a part of its name. Raises ClientError."""
    names = input_names()
    advice = "; ".join(f"{number} is {name}" for number, name in names.items())
    if not names:
        raise ClientError(
            "This machine has no microphone: connect one, or caption a file.", "not_found"
        )
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
        raise ClientError(f"There is {kind} {device!r}: {advice}.", "not_found")
    return (exact or found)[0]


def _library() -> Any:
    try:
        import sounddevice
        import soxr  # noqa: F401 - for RawDecoder
    except ModuleNotFoundError:
        raise ClientError(
            f"Listening to a microphone needs one more package. Run: {install_command('mic')}",
            "no_package",
        ) from None
    except OSError:
        raise ClientError(
            "PortAudio is missing: install it (Debian and Ubuntu: apt-get install libportaudio2).",
            "no_package",
        ) from None
    except Exception as error:  # its own, whose class is not to be had where the import fails
        raise ClientError(
            f"PortAudio cannot start: {error}. Is the sound system of this machine running?",
            "not_readable",
        ) from error
    return sounddevice
