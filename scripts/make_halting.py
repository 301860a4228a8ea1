"""Halting speech, made of recordings: pauses put between words, at the same places for the same seed.

    python scripts/make_halting.py FOLDER OUT [--every 3-8] [--pauses 0.7-1.5]

FOLDER has a manifest.tsv as `scripts/quality_report.py` reads it, or has folders that do. Each English
recording is written to OUT as WAV, with a manifest of its own, so that the report can be made of both.
A pause is the quietest stretch of the recording, again and again.
"""

import argparse
import csv
import random
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from load.wordtimes import cache_folder, word_ends
from quality.recordings import NoRecordings, Recording, read_recordings
from surtitle.jobs import SAMPLE_RATE, Pcm16

FRAME_SAMPLES = SAMPLE_RATE // 100
BEFORE_S, AFTER_S = 0.1, 0.25
"""Where the gap after a word is looked for, from the time at which it is said to end."""
QUIET_BELOW_LOUD_DB = 25.0
"""What is not so much quieter than the loud parts is no gap between words."""
ROOM_S = 0.1
"""Length of the stretch that fills the pauses."""


def levels_db(audio: Pcm16) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The level of each FRAME_SAMPLES, in dB over one step of int16."""
    frames = audio[: len(audio) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    levels: np.ndarray[tuple[int], np.dtype[np.float64]] = 10 * np.log10(
        np.mean(np.square(frames, dtype=np.float64), axis=1) + 1
    )
    return levels


def gaps(audio: Pcm16, word_ends_s: Sequence[float]) -> list[int]:
    """The samples between two words at which it is quiet, in order."""
    levels = levels_db(audio)
    threshold = np.percentile(levels, 95) - QUIET_BELOW_LOUD_DB
    found = []
    for end_s in word_ends_s[:-1]:
        first = max(round((end_s - BEFORE_S) * 100), 0)
        around = levels[first : round((end_s + AFTER_S) * 100)]
        if len(around) and around.min() <= threshold:
            found.append((first + int(around.argmin())) * FRAME_SAMPLES + FRAME_SAMPLES // 2)
    return sorted(set(found))


def room(audio: Pcm16) -> Pcm16:
    """The quietest ROOM_S, and the same backwards: put after each other, they have no joints."""
    size = round(ROOM_S * SAMPLE_RATE / FRAME_SAMPLES)
    loudest = np.lib.stride_tricks.sliding_window_view(levels_db(audio), size).max(axis=1)
    start = int(loudest.argmin()) * FRAME_SAMPLES
    quiet = audio[start : start + size * FRAME_SAMPLES]
    return np.concatenate([quiet, quiet[::-1]])


def halting(
    audio: Pcm16,
    word_ends_s: Sequence[float],
    rng: random.Random,
    every: tuple[int, int],
    pauses_s: tuple[float, float],
) -> Pcm16:
    """The recording with a pause after each so many words; both are drawn from ranges."""
    places, quiet = gaps(audio, word_ends_s), room(audio)
    parts, done, at = [], 0, 0
    while (at := at + rng.randint(*every)) <= len(places):
        pause = round(rng.uniform(*pauses_s) * SAMPLE_RATE)
        parts += [audio[done : places[at - 1]], np.resize(quiet, pause)]
        done = places[at - 1]
    return np.concatenate([*parts, audio[done:]])


def write(recordings: Sequence[Recording], out: Path, options: argparse.Namespace) -> None:
    """Write all of them and the manifest."""
    out.mkdir(parents=True, exist_ok=True)
    clips = [recording.clip() for recording in recordings]
    ends = word_ends(clips, cache_folder(), lambda clip: print(f"word times of {clip.path.name}"))
    with (out / "manifest.tsv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None)
        rows.writerow(("file", "seconds", "language", "transcript"))
        for clip in clips:
            rng = random.Random(f"{options.seed} {clip.path.name}")
            audio = halting(clip.audio, ends[clip.path], rng, options.every, options.pauses)
            name = f"{clip.path.parent.name}-{clip.path.stem}.wav"
            with wave.open(str(out / name), "wb") as sound:
                sound.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
                sound.writeframes(audio.astype("<i2").tobytes())
            rows.writerow((name, f"{len(audio) / SAMPLE_RATE:.2f}", "en", clip.transcript))


def main() -> None:
    """Read the arguments and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--every", type=_range(int), default=(3, 8), metavar="WORDS")
    parser.add_argument("--pauses", type=_range(float), default=(0.7, 1.5), metavar="SECONDS")
    parser.add_argument("--seed", default="20")
    options = parser.parse_args()
    recordings = [each for each in read_recordings([options.folder], {"en"}) if each.transcript]
    write(recordings, options.out, options)


def _range(kind: type[int] | type[float]):  # type: ignore[no-untyped-def]
    return lambda text: tuple(map(kind, text.split("-")))


if __name__ == "__main__":
    try:
        main()
    except NoRecordings as error:
        sys.exit(str(error))
