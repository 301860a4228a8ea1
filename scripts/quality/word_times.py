"""How far word times are from the truth, on spoken digits joined with known gaps.

    python scripts/quality/word_times.py --model tiny.en FOLDER
    python scripts/quality/word_times.py --model base FOLDER --seconds 3600

FOLDER has a manifest.tsv of recordings of one word each. They are cut to their speech by its level,
joined with gaps of known lengths, and sent into a server of its own process, as fast as it takes them;
with --seconds again and again, for drift. Judged are rows of ten words that were recognised word for
word: a wrong word has no right time, and one left out gives its time to those beside it. A word of
several digits ("764") has the start of the first and the end of the last.
"""

import argparse
import asyncio
import csv
import re
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from load.summary import Spread
from load.target import Target, TargetError, running
from load.words import matches, words
from surtitle.client import Captions, ClientError, connect
from surtitle.client.media import read_chunks
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.messages import Final, Start, WordTiming

GAPS_MS = (150, 300, 450, 250)
"""Between words, in turn: from what a list read aloud has to what nearly ends an utterance."""
ROW = 10
ROW_GAP_MS = 1500
"""After so many words there is a silence that ends the utterance."""
FLOOR_RMS = 8.0
"""Level of the noise under all of it, in steps of int16 (-72 dBFS): no room is digitally silent."""
GOOD_S = 0.1
"""An error that a viewer does not see: caption times are judged to about 100 ms."""
LOAD_LIMIT_S = 120.0
"""A server may take so long to load its model."""

_LEVEL_SAMPLES = SAMPLE_RATE // 200  # 5 ms
_FRAME_SAMPLES = SAMPLE_RATE // 10
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Spoken(Struct, frozen=True):
    """A word of the reference, in milliseconds of the stream."""

    text: str
    start_ms: float
    end_ms: float


class WordError(Struct, frozen=True):
    """How far a word is from the reference: positive is late. None: it has no such edge."""

    at_s: float
    """Place in the stream."""
    start_s: float | None
    end_s: float | None


class WordTimes(Struct, frozen=True):
    """Figures of a stream. Spreads are of the sizes of the errors, in seconds."""

    spoken: int
    judged: int
    start: Spread
    end: Spread
    good: float
    """Share of all edges that are within GOOD_S."""
    drift_s: float
    """Median error in the last tenth of the stream less that in the first."""


class _Part(NamedTuple):
    """What a recognised word consists of: one word of the reference, or several."""

    name: str
    number: int
    """Which recognised word it is in."""
    first: bool
    last: bool


def speech_edges(audio: Pcm16) -> tuple[int, int]:
    """First sample of the speech and the one after its last, by the level of 5 ms frames.

    Speech is what is 30 dB below the loudest frame, and in a noisy recording 10 dB above its softest
    tenth, as long as that leaves the upper 20 dB.
    """
    frames = audio[: len(audio) // _LEVEL_SAMPLES * _LEVEL_SAMPLES].reshape(-1, _LEVEL_SAMPLES)
    levels = 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1)
    loud, floor = levels.max(), np.percentile(levels, 10)
    speech = np.flatnonzero(levels > max(loud - 30, min(floor + 10, loud - 20)))
    return int(speech[0]) * _LEVEL_SAMPLES, (int(speech[-1]) + 1) * _LEVEL_SAMPLES


def join(clips: Sequence[tuple[str, Pcm16]], seconds: float = 0.0) -> tuple[Pcm16, list[Spoken]]:
    """The clips with gaps between them, once or until the stream has so many seconds.

    Also where each word is. A clip is (what is said, audio); ROW clips make an utterance.
    """
    cut = [(text, audio[slice(*speech_edges(audio))]) for text, audio in clips]
    parts: list[Pcm16] = [np.zeros(SAMPLE_RATE // 2, np.int16)]
    spoken: list[Spoken] = []
    end = len(parts[0])
    for number, ((text, audio), gap_ms) in enumerate(
        zip(cycle(cut), cycle(GAPS_MS), strict=False), 1
    ):
        spoken.append(Spoken(text, _ms(end), _ms(end + len(audio))))
        gap = np.zeros((gap_ms if number % ROW else ROW_GAP_MS) * SAMPLE_RATE // 1000, np.int16)
        parts += [audio, gap]
        end += len(audio) + len(gap)
        if number >= len(cut) and end >= seconds * SAMPLE_RATE:
            break
    parts.append(np.zeros(ROW_GAP_MS * SAMPLE_RATE // 1000, np.int16))
    stream = np.concatenate(parts)
    floor = np.random.default_rng(0).normal(0, FLOOR_RMS, len(stream)).round()
    return np.clip(stream + floor, -32768, 32767).astype(np.int16), spoken


def word_errors(spoken: Sequence[Spoken], heard: Sequence[WordTiming]) -> list[WordError]:
    """The errors of the words in rows that were recognised word for word, in order."""
    parts = [
        _Part(name, number, first=at == 0, last=at == len(names) - 1)
        for number, names in enumerate(_names(word.text) for word in heard)
        for at, name in enumerate(names)
    ]
    right = matches([word.text for word in spoken], [part.name for part in parts])
    found = []
    for first in range(0, len(spoken), ROW):
        row = spoken[first : first + ROW]
        begin = right.get(first, 0)
        if [right.get(first + at) for at in range(len(row))] == [*range(begin, begin + len(row))]:
            found += [_error(said, parts[begin + at], heard) for at, said in enumerate(row)]
    return found


def _error(said: Spoken, part: _Part, heard: Sequence[WordTiming]) -> WordError:
    word = heard[part.number]
    return WordError(
        at_s=said.start_ms / 1000,
        start_s=(word.start_ms - said.start_ms) / 1000 if part.first else None,
        end_s=(word.end_ms - said.end_ms) / 1000 if part.last else None,
    )


def summarize(errors: Sequence[WordError], spoken: int) -> WordTimes:
    """The figures; `spoken` words were said."""
    starts = [each.start_s for each in errors if each.start_s is not None]
    ends = [each.end_s for each in errors if each.end_s is not None]
    edges = np.abs([*starts, *ends])
    tenth = max(len(errors) // 10, 1)
    return WordTimes(
        spoken=spoken,
        judged=len(errors),
        start=Spread.of([abs(error) for error in starts]),
        end=Spread.of([abs(error) for error in ends]),
        good=float(np.mean(edges <= GOOD_S)) if len(edges) else 0.0,
        drift_s=_median(errors[-tenth:]) - _median(errors[:tenth]),
    )


def read_clips(folder: Path) -> list[tuple[str, Pcm16]]:
    """The recordings of one word that a folder's manifest lists, as (word, audio)."""
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        (said[0], np.frombuffer(b"".join(read_chunks(folder / row["file"])), np.int16))
        for row in rows
        if len(said := words(row["transcript"])) == 1
    ]


async def listen(url: str, audio: Pcm16) -> list[WordTiming]:
    """All words that a server times in a stream of English."""
    found: list[WordTiming] = []
    async with connect(url, Start(language="en", words=True, partials=False)) as captions:
        sending = asyncio.create_task(_send(captions, audio))
        async for message in captions:
            if isinstance(message, Final):
                found += message.words or []
        await sending
    return found


async def measure(url: str, folder: Path, seconds: float = 0.0) -> WordTimes:
    """The word times of a server, on the recordings of a folder."""
    audio, spoken = join(read_clips(folder), seconds)
    return summarize(word_errors(spoken, await listen(url, audio)), len(spoken))


async def _send(captions: Captions, audio: Pcm16) -> None:
    for start in range(0, len(audio), _FRAME_SAMPLES):
        await captions.send(audio[start : start + _FRAME_SAMPLES].tobytes())
    await captions.stop()


def _names(text: str) -> list[str]:
    """A recognised word as the reference would have it: "764" is three words."""
    return [
        _DIGITS[int(part)] if part.isdigit() else part
        for word in words(text)
        for part in re.findall(r"[0-9]|[^0-9]+", word)
    ]


def _ms(samples: int) -> float:
    return samples * 1000 / SAMPLE_RATE


def _median(errors: Sequence[WordError]) -> float:
    edges = [edge for each in errors for edge in (each.start_s, each.end_s) if edge is not None]
    return float(np.median(edges)) if edges else 0.0


async def _ready(url: str) -> None:
    """Return once the model is loaded. Raises ClientError after LOAD_LIMIT_S."""
    deadline = time.monotonic() + LOAD_LIMIT_S
    while True:
        try:
            async with connect(url):
                return
        except ClientError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    command = (
        f"{sys.executable} -m surtitle serve --model {options.model} --port {{port}} "
        "--log-level warning"
    )
    async with running(Target("surtitle", "surtitle", command)) as server:
        await _ready(server.url)
        times = await measure(server.url, options.folder, options.seconds)
    print(f"{options.model}: {times.judged} of {times.spoken} words judged")
    for name, spread in (("start", times.start), ("end", times.end)):
        print(f"  {name}: p50 {spread.p50 * 1000:.0f} ms, p95 {spread.p95 * 1000:.0f} ms")
    print(f"  within {GOOD_S * 1000:.0f} ms: {times.good:.1%}; drift {times.drift_s * 1000:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default="base", help="name or folder of the model (base)")
    parser.add_argument("--seconds", type=float, default=0.0, help="length of the stream (once)")
    try:
        asyncio.run(main(parser.parse_args()))
    except (TargetError, ClientError) as error:
        sys.exit(str(error))
