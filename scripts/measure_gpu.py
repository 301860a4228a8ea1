"""What `estimate_gpu.py` computes, measured on the GPU of this machine, side by side.

    python scripts/measure_gpu.py [--models base,large-v3-turbo]

The models have the shapes of Whisper's and random weights: how long a batch takes depends on the
weights only through the number of tokens, which is held. So nothing is downloaded, and nothing said
about error rates. Times are medians of a few runs, and include the way of the spectrogram to the GPU
and of the tokens back. Beside them stand the times computed for `--rates`, a GPU of estimate_gpu.py.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import ctranslate2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from estimate_gpu import BATCH, FINAL, GPUS, MODELS, PARTIAL, Model, Work, batch_s, sessions

MELS = 80
HEAD_UNITS = 64
SOURCE_POSITIONS, TARGET_POSITIONS = 1500, 448
FRAMES_PER_SECOND = 100
RUNS = 7

SPECIAL = {
    50257: "<|endoftext|>",
    50258: "<|startoftranscript|>",
    50259: "<|en|>",
    50359: "<|transcribe|>",
    50362: "<|nospeech|>",
    50363: "<|notimestamps|>",
}
"""What CTranslate2 looks up by name, where Whisper's multilingual vocabulary has it."""
PROMPT = [50258, 50259, 50359, 50363]


def random_model(model: Model, folder: Path) -> None:
    """Write a model of this shape to the folder, as CTranslate2 reads it."""
    width = model.width
    noise = np.random.default_rng(0).standard_normal(1 << 20, np.float32) * 0.02

    def weights(*shape: int) -> NDArray[np.float16]:
        return np.resize(noise, shape).astype(np.float16)

    def fill(layer: Any, outputs: int, inputs: int = width, *kernel: int) -> None:
        layer.weight = weights(outputs, inputs, *kernel)
        layer.bias = np.zeros(outputs, np.float16)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(width, np.float16), np.zeros(width, np.float16)

    def attention(layer: Any, *outputs: int) -> None:
        norm(layer.layer_norm)
        for linear, size in zip(layer.linear, outputs, strict=True):
            fill(linear, size)

    def feed_forward(layer: Any) -> None:
        norm(layer.layer_norm)
        fill(layer.linear_0, 4 * width)
        fill(layer.linear_1, width, 4 * width)

    from ctranslate2.specs import WhisperSpec  # which imports PyTorch, if it is there

    heads = width // HEAD_UNITS
    spec = WhisperSpec(model.encoder_layers, heads, model.decoder_layers, heads)
    fill(spec.encoder.conv1, width, MELS, 3)
    fill(spec.encoder.conv2, width, width, 3)
    spec.encoder.position_encodings.encodings = weights(SOURCE_POSITIONS, width)
    norm(spec.encoder.layer_norm)
    for layer in spec.encoder.layer:
        attention(layer.self_attention, 3 * width, width)
        feed_forward(layer.ffn)
    spec.decoder.embeddings.weight = weights(model.vocabulary, width)
    spec.decoder.projection.weight = spec.decoder.embeddings.weight
    spec.decoder.position_encodings.encodings = weights(TARGET_POSITIONS, width)
    norm(spec.decoder.layer_norm)
    for layer in spec.decoder.layer:
        attention(layer.self_attention, 3 * width, width)
        attention(layer.attention, width, 2 * width, width)
        feed_forward(layer.ffn)
    spec.register_vocabulary([SPECIAL.get(n, f"token {n}") for n in range(model.vocabulary)])
    spec.validate()
    spec.optimize()
    spec.save(str(folder))


def load(model: Model, device: str, compute_type: str) -> ctranslate2.models.Whisper:
    """A model of this shape on the device."""
    with tempfile.TemporaryDirectory() as folder:
        random_model(model, Path(folder))
        return ctranslate2.models.Whisper(folder, device=device, compute_type=compute_type)


def measure_s(whisper: ctranslate2.models.Whisper, work: Work, batch: int) -> float:
    """Seconds for a batch of one kind of job, the median."""
    shape = batch, MELS, round(work.window_s * FRAMES_PER_SECOND)
    mel = np.random.default_rng(1).standard_normal(shape, np.float32)
    seconds = []
    for _ in range(1 + RUNS):
        started = time.perf_counter()
        results = whisper.generate(
            ctranslate2.StorageView.from_array(mel),
            [PROMPT] * batch,
            beam_size=work.beam,
            max_length=2 * work.tokens,  # new tokens: half of it, see `token_budget`
            suppress_tokens=[50257],
        )
        seconds.append(time.perf_counter() - started)
        assert all(len(result.sequences_ids[0]) == work.tokens for result in results)
    return median(seconds[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [model.name for model in MODELS]
    parser.add_argument("--models", default=",".join(names), help="by default all: %(default)s")
    parser.add_argument("--rates", default="H200", choices=[gpu.name for gpu in GPUS])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--compute-type", default="float16")
    options = parser.parse_args()
    wanted = options.models.split(",")
    if unknown := sorted(set(wanted) - set(names)):
        parser.error(f"no such model: {', '.join(unknown)}; there are {', '.join(names)}")
    if options.device == "cuda" and not ctranslate2.get_cuda_device_count():
        sys.exit(
            "CTranslate2 sees no GPU here. `surtitle check --device cuda` says what is missing."
        )
    gpu = next(gpu for gpu in GPUS if gpu.name == options.rates)
    table = Table(
        title=f"Measured, and in brackets computed for {gpu.name}; ms", title_justify="left"
    )
    for column in ("model", "final of 15 s, alone", f"batch of {BATCH} finals"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for column in ("a partial, alone", f"batch of {BATCH} partials", "sessions"):
        table.add_column(column, justify="right")
    for model in track([model for model in MODELS if model.name in wanted], "models"):
        whisper = load(model, options.device, options.compute_type)
        cells = {
            (work, batch): (measure_s(whisper, work, batch), batch_s(model, gpu, work, batch))
            for work in (FINAL, PARTIAL)
            for batch in (1, BATCH)
        }
        full = [(cells[PARTIAL, BATCH][n], cells[FINAL, BATCH][n]) for n in (0, 1)]
        table.add_row(
            model.name,
            *(
                f"{1000 * measured:.0f} ({1000 * computed:.0f})"
                for measured, computed in cells.values()
            ),
            "{:.0f} ({:.0f})".format(*(sessions(*each) for each in full)),
        )
        del whisper
    Console().print(table)


if __name__ == "__main__":
    main()
