"""What a GPU would change, computed and not measured: sessions per GPU from FLOPs and bandwidth.

    python scripts/estimate_gpu.py

The encoder is bound by arithmetic: 24 d^2 operations a position and layer for the matrices and 4 p d
for attention over p positions (Kaplan et al. 2020, "Scaling Laws for Neural Language Models",
section 2.1), and the second convolution. The decoder reads its weights once a step for the whole batch,
and the keys and values of the encoded audio once for each hypothesis; where that is little, starting
the kernels of a layer takes longer. The rates are the makers' figures; what share of them is reached,
and what a layer costs at least, was measured on an H200 with `measure_gpu.py`. The load of a session is
what the load test shows for one speaker. Word error rates do not follow from this.
"""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

ENCODER_EFFICIENCY = 0.18
LAYER_STEP_S = 0.00025
"""Of each layer of the decoder, for each token, whatever the batch. With these two the times computed
for an H200 are off by 13 % in the mean, see docs/performance.md."""
BANDWIDTH_EFFICIENCY = 0.6
UTILIZATION = 0.6
"""Part of the time that may be spent decoding before jobs queue up."""
BYTES = 2
"""Of a float16."""
POSITIONS_PER_SECOND = 50
LAUNCH_S = 0.004
"""Kernel launches and the way between the processes, a batch."""


@dataclass(frozen=True)
class Model:
    """A Whisper model: width and layers of encoder and decoder (Radford et al. 2022, table 1)."""

    name: str
    width: int
    encoder_layers: int
    decoder_layers: int
    vocabulary: int = 51865

    def encoder_flops(self, window_s: float) -> float:
        """Operations to encode one window."""
        positions, width = window_s * POSITIONS_PER_SECOND, self.width
        layer = 24 * width**2 * positions + 4 * positions**2 * width
        return self.encoder_layers * layer + 6 * positions * width**2

    def step_bytes(self, window_s: float, hypotheses: int) -> float:
        """Bytes read to write one token of each hypothesis of a batch."""
        # Self-attention 4, cross-attention 2 (keys and values are computed once), MLP 8.
        weights = self.decoder_layers * 14 * self.width**2 + self.vocabulary * self.width
        cross = 2 * self.decoder_layers * window_s * POSITIONS_PER_SECOND * self.width
        return BYTES * (weights + hypotheses * cross)


@dataclass(frozen=True)
class Gpu:
    """The maker's figures: dense float16 operations and bytes a second."""

    name: str
    flops: float
    bandwidth: float


@dataclass(frozen=True)
class Work:
    """One kind of job: how often a session asks for it while it is open, and what it takes."""

    rate_hz: float
    window_s: float
    tokens: int
    beam: int


MODELS = (
    Model("base", 512, 6, 6),
    Model("small", 768, 12, 12),
    Model("large-v3-turbo", 1280, 32, 4),
    Model("large-v3", 1280, 32, 32),
)
GPUS = (
    Gpu("T4", 65e12, 320e9),
    Gpu("L4", 121e12, 300e9),
    Gpu("A100 80 GB", 312e12, 2039e9),
    Gpu("H100 SXM", 989e12, 3350e9),
    Gpu("H200", 989e12, 4800e9),
)
PARTIAL = Work(rate_hz=1.5, window_s=10.0, tokens=17, beam=1)
FINAL = Work(rate_hz=0.35, window_s=15.0, tokens=25, beam=5)
BATCH = 16


def batch_s(model: Model, gpu: Gpu, work: Work, batch: int) -> float:
    """Seconds for a batch of one kind of job."""
    encode = batch * model.encoder_flops(work.window_s) / (gpu.flops * ENCODER_EFFICIENCY)
    step = model.step_bytes(work.window_s, batch * work.beam)
    step_s = step / (gpu.bandwidth * BANDWIDTH_EFFICIENCY) + model.decoder_layers * LAYER_STEP_S
    decode = work.tokens * step_s
    return encode + decode + LAUNCH_S


def sessions(partials_s: float, finals_s: float) -> float:
    """How many fill as much of the time as may be, by the seconds of a full batch of each kind."""
    a_second = (PARTIAL.rate_hz * partials_s + FINAL.rate_hz * finals_s) / BATCH
    return UTILIZATION / a_second


def main() -> None:
    """Compute and print."""
    table = Table(title="Computed, not measured", title_justify="left")
    for column in (
        "model",
        "GPU",
        "final of 15 s, alone, ms",
        "batch of 16 partials, ms",
        "sessions",
    ):
        table.add_column(column, justify="left" if column in ("model", "GPU") else "right")
    for model in MODELS:
        for gpu in GPUS:
            partials, finals = (batch_s(model, gpu, work, BATCH) for work in (PARTIAL, FINAL))
            table.add_row(
                model.name,
                gpu.name,
                f"{1000 * batch_s(model, gpu, FINAL, 1):.0f}",
                f"{1000 * partials:.0f}",
                f"{sessions(partials, finals):.0f}",
            )
    Console().print(table)


if __name__ == "__main__":
    main()
