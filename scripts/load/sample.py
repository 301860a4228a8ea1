"""The spoken sample of the demo page as a folder of clips, for those who have no recorded speech."""

import wave
from pathlib import Path

import numpy as np

from surtitle.client.media import read_chunks
from surtitle.gateway.web import web_root
from surtitle.jobs import SAMPLE_RATE, Pcm16

_BLOCK = SAMPLE_RATE // 50
_SILENT = 100
"""Level (RMS of 16-bit samples) below which a block of the sample is a pause."""


def write_sample(folder: Path) -> Path:
    """Write a WAV for each line of the sample, and their manifest; returns the folder."""
    audio = np.frombuffer(b"".join(read_chunks(web_root() / "sample.flac")), np.int16)
    lines = (web_root() / "sample.txt").read_text(encoding="utf-8").split("\n")
    lines = [line for line in lines if line]
    rows = ["file\tseconds\tlanguage\ttranscript"]
    for number, (line, part) in enumerate(zip(lines, split(audio, len(lines)), strict=True)):
        name = f"sample{number}.wav"
        with wave.open(str(folder / name), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes(part.tobytes())
        rows.append(f"{name}\t{len(part) / SAMPLE_RATE:.2f}\ten\t{line}")
    (folder / "manifest.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def split(audio: Pcm16, parts: int) -> list[Pcm16]:
    """Cut the audio in the middle of its longest pauses."""
    blocks = audio[: len(audio) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    loud = np.flatnonzero(np.sqrt(np.mean(np.square(blocks, dtype=np.float64), axis=1)) > _SILENT)
    pauses = np.argsort(np.diff(loud))[len(loud) - parts :]
    middles = sorted((int(loud[i]) + int(loud[i + 1]) + 1) // 2 * _BLOCK for i in pauses)
    return np.split(audio, middles)
