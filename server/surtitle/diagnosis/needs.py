"""What models need, and how many speakers they serve: the figures of docs/performance.md.

Memory is that of the worker on a CPU, in int8, at its peak while it loads (section "What a model
needs"): measured with the bundled weights, and for small and medium with random weights of their
shapes. The peak was close to the size of the weights and 250 MB, so this is taken for the others.
A model beside another adds its weights.

Speakers are the most that met the service level: finals within 2 s of the end of speech (p95), words
within 1.5 s (median). On CPUs: "Many speakers at once, beside other servers", on two cores. On GPUs:
"What a GPU changes"; those of the larger models and of the smaller GPUs are computed there.

Memory of a GPU was not measured. faster-whisper's README has 4.5 GB for large-v2 as float16, 2.9 GB
as int8, and 6.1 GB in batches of eight windows of 30 s: 1.4 GB and the weights, and half the size of
the weights for the batch. Here a batch has up to 16 windows of 20 s, a third more.
"""

import re
from dataclasses import dataclass
from typing import Literal

from surtitle.recognition.model_hub import REPOSITORIES
from surtitle.recognition.published_models import PUBLISHED

MEASURED_CORES = 2
MAX_REPLICAS = 8
"""As many cores decode by default, see `replicas` in docs/configuration.md."""
REST_MB = 1400
"""For the server (300 MB after start), its decoders of containers, and the system."""
SLOW_FINAL_S = 4
"""CPU time that small took for a final of 15 s, on an AMD EPYC with AVX2."""

_WORKER_BASE_MB = 250
_GPU_BASE_MB = 1400
_GPU_BATCH = 0.67
_LARGEST_ON_CPU_MB = 150  # of the weights: base keeps up, small does not
_WORKER_MB = {"tiny.en": 250, "base": 620, "small": 680, "medium": 1590}
_CPU_SPEAKERS = {"tiny.en": 32, "base": 6}
_SHORT_NAMES = {repository: name for name, repository in reversed(REPOSITORIES.items())}

Known = Literal["measured", "computed"]


@dataclass(frozen=True)
class Needs:
    """One model."""

    name: str
    weights_mb: float  # as float16, which is also what is downloaded
    worker_mb: float
    measured: bool  # its memory; if not, it is computed from the weights

    @property
    def machine_mb(self) -> float:
        """Memory of the machine, with all that runs beside the worker."""
        return self.worker_mb + REST_MB

    @property
    def keeps_up_on_cpu(self) -> bool:
        """Whether a CPU has captions ready while people speak."""
        return self.weights_mb <= _LARGEST_ON_CPU_MB

    def gpu_mb(self, compute_type: str = "default") -> float:
        """Memory of the GPU."""
        part = 0.5 if "int8" in compute_type else 2.0 if compute_type == "float32" else 1.0
        return _GPU_BASE_MB + (part + _GPU_BATCH) * self.weights_mb


def needs_of(model: str, weights_bytes: int | None = None) -> Needs | None:
    """What a model needs; `weights_bytes` where it is here. None: nothing is known of it."""
    repository = REPOSITORIES.get(model, model.partition("@")[0])
    published = PUBLISHED.get(repository)
    if weights_bytes is not None:
        weights_mb = weights_bytes / 1e6
    elif published is not None:
        weights_mb = published.weights_mb
    else:
        return None
    name = _SHORT_NAMES.get(repository, model)
    # base is measured as bundled, with its files in memory, so not as Systran/faster-whisper-base.
    measured = _WORKER_MB.get(name) if model in REPOSITORIES else None
    return Needs(name, weights_mb, measured or weights_mb + _WORKER_BASE_MB, measured is not None)


def beside(needs: Needs, partial: Needs) -> Needs:
    """Two models in one worker."""
    return Needs(
        f"{needs.name} with {partial.name} for partials",
        needs.weights_mb + partial.weights_mb,
        needs.worker_mb + partial.weights_mb,
        needs.measured and partial.measured,
    )


CHOICE = ("large-v3", "large-v3-turbo", "medium", "small", "base", "tiny.en")
"""What is suggested in place of a model that does not fit: the largest that does."""


def cpu_speakers(name: str, cores: int) -> tuple[int, bool]:
    """Speakers on so many cores with AVX-512, and whether they were measured with this model.

    Only for models that keep up. Those that were not measured are no slower than base.
    """
    measured = _CPU_SPEAKERS.get(name)
    speakers = _CPU_SPEAKERS["base"] if measured is None else measured
    return speakers * min(cores, MAX_REPLICAS) // MEASURED_CORES, measured is not None


_GPU_SPEAKERS: dict[str, dict[str, tuple[int, Known]]] = {
    "T4": {
        "base": (51, "computed"),
        "small": (17, "computed"),
        "large-v3-turbo": (5, "computed"),
    },
    "L4": {
        "base": (59, "computed"),
        "small": (21, "computed"),
        "large-v3-turbo": (8, "computed"),
        "large-v3": (4, "computed"),
    },
    "A100": {
        "base": (117, "computed"),
        "small": (49, "computed"),
        "large-v3-turbo": (21, "computed"),
        "large-v3": (12, "computed"),
    },
    "H100": {
        "tiny.en": (384, "measured"),
        "base": (128, "measured"),
        "large-v3": (20, "computed"),
    },
    "H200": {
        "tiny.en": (512, "measured"),
        "base": (256, "measured"),
        "large-v3-turbo": (51, "computed"),
        "large-v3": (24, "computed"),
    },
}
_GPU = re.compile(rf"\b({'|'.join(_GPU_SPEAKERS)})\b")


def gpu_speakers(name: str, gpu: str) -> tuple[int, Known] | None:
    """Speakers on a GPU of this name, and how that is known; None: it is not."""
    match = _GPU.search(gpu)
    return None if match is None else _GPU_SPEAKERS[match[1]].get(name)
