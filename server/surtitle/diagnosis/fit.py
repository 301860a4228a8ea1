"""Whether a model fits this machine: its memory, its disk, and how many people may speak at once."""

from collections.abc import Callable, Iterator
from pathlib import Path

from surtitle.diagnosis.finding import Finding
from surtitle.diagnosis.gpu import Gpu
from surtitle.diagnosis.machine import Cpu
from surtitle.diagnosis.needs import (
    CHOICE,
    MEASURED_CORES,
    REST_MB,
    SLOW_FINAL_S,
    Needs,
    beside,
    cpu_speakers,
    gpu_speakers,
    needs_of,
)

_MIB = 1024**2
_GIB = 1024**3
_COMPUTED = "not measured, but computed from the size of its weights"


def judge_memory(
    needs: Needs | None, partial: Needs | None, memory_bytes: int | None
) -> Iterator[Finding]:
    """Judge whether the memory is enough for a model, and for a second one for partials."""
    if memory_bytes is None:
        return
    here = _gib(memory_bytes)
    if needs is None:
        yield Finding("Memory", "ok", f"{here}; how much the model needs is not known")
        return
    if partial is not None:
        needs = beside(needs, partial)
    computed = "" if needs.measured else f" ({_COMPUTED})"
    detail = (
        f"{here}; {needs.name} needs {_gib(needs.worker_mb * 1e6)} while it loads{computed}, and "
        f"the server and the system {_gib(REST_MB * 1e6)}"
    )
    if needs.machine_mb * 1e6 <= memory_bytes:
        yield Finding("Memory", "ok", detail)
    else:
        fitting = _largest(needs, lambda other: other.machine_mb * 1e6 <= memory_bytes)
        needed = _gib(needs.machine_mb * 1e6)
        advice = f"Give this machine or container at least {needed}{fitting}."
        yield Finding("Memory", "warning", f"only {detail}", advice)


def judge_download(needs: Needs | None, free_bytes: int | None, folder: Path) -> Iterator[Finding]:
    """Judge whether there is room for a model that is not here yet."""
    if needs is None:
        return
    size = f"{_mb(needs.weights_mb * 1e6)} for {needs.name}, once, to {folder}"
    if free_bytes is None:
        yield Finding("Download", "ok", size)
    elif free_bytes < needs.weights_mb * 1e6:
        advice = "Free some space, or set HF_HUB_CACHE to another place."
        detail = f"{size}, where only {_mb(free_bytes)} are free"
        yield Finding("Download", "warning", detail, advice)
    else:
        yield Finding("Download", "ok", f"{size}, where {_mb(free_bytes)} are free")


def judge_cpu_speakers(needs: Needs | None, cpu: Cpu) -> Iterator[Finding]:
    """Judge whether the processor keeps up with a model, and with how many speakers."""
    if needs is None:
        return
    if not needs.keeps_up_on_cpu:
        slow = f"a final of small took about {SLOW_FINAL_S} s of CPU time where it was measured"
        if needs.name != "small":
            slow = f"it was not measured, but {slow}"
        yield Finding(
            "Speakers",
            "warning",
            f"{needs.name} is too slow for live captions on a CPU: {slow}",
            "Use a GPU, or --model base or tiny.en.",
        )
        return
    speakers, measured = cpu_speakers(needs.name, cpu.cores)
    number = f"about {speakers} at once"
    if cpu.flags is None:
        number += f" on an x86 processor with AVX-512; {cpu.machine} was not measured"
    elif "avx512f" not in cpu.flags:
        number = f"fewer than {speakers} at once: so many need AVX-512, which this processor lacks"
    elif cpu.cores != MEASURED_CORES:
        number += f", computed from what {MEASURED_CORES} cores served"
    if not measured:
        number += f" ({needs.name} was not measured; this is the figure of base)"
    yield Finding("Speakers", "ok", number)


def judge_gpu_fit(needs: Needs | None, gpu: Gpu, compute_type: str) -> Iterator[Finding]:
    """Judge whether the first GPU has room for a model, and for how many speakers it is good."""
    if needs is None or gpu.smi is None:
        return
    name, _, memory = [*map(str.strip, gpu.smi.partition("\n")[0].split(",")), "", "", ""][:3]
    if memory.isdigit():
        yield _judge_gpu_memory(needs, int(memory) * _MIB, compute_type)
    known = gpu_speakers(needs.name, name)
    if known is None:
        yield Finding("Speakers", "ok", f"not known: {needs.name} was not measured on {name}")
    else:
        yield Finding("Speakers", "ok", f"about {known[0]} at once ({known[1]})")


def _judge_gpu_memory(needs: Needs, memory_bytes: int, compute_type: str) -> Finding:
    needed = _gib(needs.gpu_mb(compute_type) * 1e6)
    detail = f"{_gib(memory_bytes)}; {needs.name} needs about {needed} ({_COMPUTED})"
    if needs.gpu_mb(compute_type) * 1e6 <= memory_bytes:
        return Finding("GPU memory", "ok", detail)
    fitting = _largest(needs, lambda other: other.gpu_mb(compute_type) * 1e6 <= memory_bytes)
    int8_fits = needs.gpu_mb("int8") * 1e6 <= memory_bytes
    smaller = "--compute-type int8_float16, " if int8_fits else ""
    advice = f"Use {smaller}a smaller --batch, or another GPU{fitting}."
    return Finding("GPU memory", "warning", f"only {detail}", advice)


def _largest(needs: Needs, fits: Callable[[Needs], bool]) -> str:
    """The largest model that fits, in words; nothing where none does."""
    for name in CHOICE:
        other = needs_of(name)
        if other is not None and other.weights_mb < needs.weights_mb and fits(other):
            return f", or use --model {name}"
    return ""


def _gib(size: float) -> str:
    return f"{size / _GIB:.1f} GiB"


def _mb(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"
