"""GPUs, the libraries that they need, and the type to compute with."""

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from surtitle.diagnosis.child import ProbeOutcome
from surtitle.diagnosis.finding import CheckedSettings, Finding
from surtitle.diagnosis.libraries import installed_version, release_numbers

# The oldest driver for CUDA 12: NVIDIA, "CUDA Toolkit Release Notes", minor version compatibility.
MINIMUM_DRIVER = "525.60" if sys.platform != "win32" else "527.41"


@dataclass(frozen=True)
class Gpu:
    """What is known about GPUs and the libraries that they need."""

    visible: int | None  # how many CTranslate2 sees; None: it could not be asked
    smi: str | None  # lines "name, driver, memory in MiB" of nvidia-smi; None: not there, or failed
    ctranslate2: str | None = None  # its version
    library_errors: Mapping[str, str] = field(default_factory=dict)  # of those that do not load
    pip_folders: Sequence[str] = ()  # folders of NVIDIA libraries that pip installed


def probe_gpu(outcome: ProbeOutcome) -> Gpu:
    """Gather what the child, nvidia-smi and pip know about GPUs."""
    return Gpu(
        outcome.fact("import", "cuda_devices"),
        _ask_nvidia_smi(),
        installed_version("ctranslate2"),
        outcome.fact("libraries", "errors") or {},
        _pip_library_folders(),
    )


def _ask_nvidia_smi() -> str | None:
    query = "--query-gpu=name,driver_version,memory.total"
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None


def _pip_library_folders() -> list[str]:
    folders = []
    for package, inside in (
        ("nvidia-cublas-cu12", "nvidia/cublas"),
        ("nvidia-cudnn-cu12", "nvidia/cudnn"),
    ):
        try:
            root = Path(str(importlib.metadata.distribution(package).locate_file(inside)))
        except importlib.metadata.PackageNotFoundError:
            continue
        folders += [str(folder) for folder in (root / "lib", root / "bin") if folder.is_dir()]
    return folders


def judge_gpu(gpu: Gpu, device: str) -> Iterator[Finding]:
    """Judge GPU, driver and CUDA libraries: only what the device that is wanted depends on."""
    if device == "cpu":
        unused = f"{gpu.visible} visible, but not used: the device is cpu"
        yield Finding("GPU", "ok", unused if gpu.visible else "not used: the device is cpu")
    elif gpu.visible:
        yield Finding("GPU", "ok", _describe_gpus(gpu))
        yield from _judge_driver(gpu.smi)
        yield from _judge_cuda_libraries(gpu)
    elif gpu.visible is None:
        yield Finding("GPU", "warning", "CTranslate2 could not be queried; see below")
    elif gpu.smi is None:
        yield _no_gpu(
            device,
            "no NVIDIA GPU or no driver: nvidia-smi is missing or fails",
            "Install the NVIDIA driver so that `nvidia-smi` works (in a container: start it with "
            "--gpus all and the NVIDIA Container Toolkit), or use --device cpu.",
        )
    else:
        yield Finding(
            "GPU",
            "problem" if device == "cuda" else "warning",
            f"nvidia-smi shows {_describe_gpus(gpu)}, but CTranslate2 sees none",
            f"Update the driver to {MINIMUM_DRIVER} or newer, check that CUDA_VISIBLE_DEVICES "
            "does not hide the GPU and that this is a CUDA build of CTranslate2 (the x86-64 "
            "wheels for Linux and Windows are), or use --device cpu.",
        )
        yield from _judge_driver(gpu.smi)


def _no_gpu(device: str, detail: str, advice: str) -> Finding:
    if device == "cuda":
        return Finding("GPU", "problem", detail, advice)
    return Finding("GPU", "ok", "none; Surtitle uses the CPU")


def _describe_gpus(gpu: Gpu) -> str:
    if gpu.smi is None:
        return f"{gpu.visible} visible (nvidia-smi is missing)"
    shown = []
    for line in gpu.smi.splitlines():
        name, driver, memory = [*(part.strip() for part in line.split(",")), "", "", ""][:3]
        size = f"{int(memory) / 1024:.0f} GiB" if memory.isdigit() else "unknown memory"
        shown.append(f"{name} ({size}, driver {driver})")
    return ", ".join(shown)


def _judge_driver(smi: str | None) -> Iterator[Finding]:
    fields = (smi or "").partition("\n")[0].split(",")
    driver = fields[1].strip() if len(fields) > 1 else ""
    if driver and release_numbers(driver) < release_numbers(MINIMUM_DRIVER):
        yield Finding(
            "GPU driver",
            "problem",
            f"{driver} is too old for CUDA 12",
            f"Update the NVIDIA driver to {MINIMUM_DRIVER} or newer, or use --device cpu.",
        )


def _judge_cuda_libraries(gpu: Gpu) -> Iterator[Finding]:
    needs_cudnn = gpu.ctranslate2 is not None and release_numbers(gpu.ctranslate2) < (4, 7)
    missing = [name for name in gpu.library_errors if "cudnn" not in name or needs_cudnn]
    if not missing:
        yield Finding("CUDA libraries", "ok", "cuBLAS 12 can be loaded")
        return
    variable = "PATH" if any(name.endswith(".dll") for name in missing) else "LD_LIBRARY_PATH"
    if gpu.pip_folders:
        separator = ";" if variable == "PATH" else ":"
        advice = (
            "They are installed where the system does not look for them. Set "
            f"{variable}={separator.join(gpu.pip_folders)} before starting Surtitle, or use "
            "--device cpu."
        )
    else:
        packages = "nvidia-cublas-cu12 nvidia-cudnn-cu12" if needs_cudnn else "nvidia-cublas-cu12"
        advice = (
            f"Run `pip install {packages}`, then `surtitle check` again, which shows what to put "
            f"in {variable}. Or use --device cpu."
        )
    errors = "; ".join(f"{name}: {gpu.library_errors[name]}" for name in missing)
    yield Finding("CUDA libraries", "problem", f"cannot be loaded: {errors}", advice)


def judge_compute_type(outcome: ProbeOutcome, settings: CheckedSettings) -> Iterator[Finding]:
    """Judge whether the chosen device can compute with the chosen type."""
    device = settings.device
    if device == "auto":
        device = "cuda" if outcome.fact("import", "cuda_devices") else "cpu"
    supported = (outcome.fact("import", "compute_types") or {}).get(device)
    if not supported:
        return  # already said: no such device, or CTranslate2 could not be asked
    wanted = settings.compute_type
    listed = ", ".join(sorted(supported))
    if wanted in ("default", "auto", *supported):
        detail = f"{wanted}; {device} supports {listed}"
        yield Finding("Compute type", "ok", detail)
    else:
        yield Finding(
            "Compute type",
            "problem",
            f"{wanted} does not work on {device}",
            f"Use --compute-type default, or one of {listed}.",
        )
