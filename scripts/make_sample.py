"""Make the spoken sample of the demo page, `web_demo/sample.flac`, from `web_demo/sample.txt`.

    python scripts/make_sample.py [--seed 7] [--out web_demo/sample.flac]

Each line of the text is spoken by itself (hibari-tts, offline, Apache-2.0), so that the pauses
between sentences have a known length: `PAUSE_S` of digital silence and 50 ms of what the voice
leaves at either end. The result is FLAC, 16 kHz, mono, 16 bit. The same seed and the same versions
of hibari-tts, onnxruntime and soxr give the same samples.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soxr
from hibari import Hibari

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_RATE = 16_000
PAUSE_S = 0.8  # long enough for the server's default endpoint, short enough to sound natural
LEAD_IN_S = 0.4  # room for the pre-roll of the first utterance
LEAD_OUT_S = 1.0  # the last sentence ends by its pause, not by the end of the stream
PEAK = 0.7  # of full scale


def speak(sentences: list[str], seed: int) -> npt.NDArray[np.int16]:
    """Return the sentences as 16 kHz mono int16 samples, with pauses between them."""
    voice = Hibari()
    pause = np.zeros(int(PAUSE_S * SAMPLE_RATE), np.float32)
    parts = [np.zeros(int(LEAD_IN_S * SAMPLE_RATE), np.float32)]
    for number, sentence in enumerate(sentences):
        if number:
            parts.append(pause)
        spoken = np.asarray(voice(sentence, seed=seed), np.float32)
        parts.append(trim(soxr.resample(spoken, voice.sample_rate, SAMPLE_RATE)))
    parts.append(np.zeros(int(LEAD_OUT_S * SAMPLE_RATE), np.float32))
    samples = np.concatenate(parts)
    samples *= PEAK / float(np.abs(samples).max())
    return np.round(samples * 32767).astype(np.int16)


def trim(samples: npt.NDArray[np.float32], threshold: float = 0.005) -> npt.NDArray[np.float32]:
    """Cut the near-silence at both ends (amplitude below `threshold`), keeping 50 ms of it."""
    loud = np.flatnonzero(np.abs(samples) > threshold)
    margin = SAMPLE_RATE // 20
    return samples[max(0, int(loud[0]) - margin) : int(loud[-1]) + margin]


def write_flac(path: Path, samples: npt.NDArray[np.int16]) -> None:
    """Write 16 kHz mono int16 samples as FLAC."""
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        fifo = av.AudioFifo()
        fifo.write(frame)
        for piece in fifo.read_many(4096, partial=True):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=7, help="seed of the voice's noise component")
    parser.add_argument("--text", type=Path, default=ROOT / "web_demo" / "sample.txt")
    parser.add_argument("--out", type=Path, default=ROOT / "web_demo" / "sample.flac")
    options = parser.parse_args()
    sentences = options.text.read_text(encoding="utf-8").splitlines()
    samples = speak([line for line in sentences if line.strip()], options.seed)
    write_flac(options.out, samples)
    size_kb = options.out.stat().st_size / 1024
    print(f"{options.out}: {len(samples) / SAMPLE_RATE:.1f} s, {size_kb:.0f} kB")


if __name__ == "__main__":
    main()
