"""Python, and the libraries that Surtitle stands on."""

import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence

from surtitle.diagnosis.finding import Finding

MINIMUM_PYTHON = (3, 11)

LIBRARIES: dict[str, tuple[str, str] | None] = {
    # name -> the version below which something breaks, and what. Not PyTorch: the package silero-vad
    # requires it, but nothing here loads it, and the container images are without it.
    "ctranslate2": ("4.8.1", "older versions can crash the process when computing word times"),
    "websockets": ("17.4", "older versions use unlimited memory on empty fragments"),
    "huggingface_hub": ("1.3", "older versions cannot report download progress"),
    "faster-whisper": ("1.2.1", "older versions are untested"),
    "silero-vad": None,
    "numpy": None,
    "av": None,
}


def probe_libraries() -> dict[str, str | None]:
    """Versions of Surtitle and the libraries that it stands on; None for what is not installed."""
    own = installed_version("surtitle") or "(not installed, run from its sources)"
    return {"surtitle": own, **{name: installed_version(name) for name in LIBRARIES}}


def installed_version(name: str) -> str | None:
    """Version of an installed package, or None; the package is not imported."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def judge_python(version: Sequence[int]) -> Finding:
    """Judge the version of Python."""
    shown = ".".join(map(str, version))
    if tuple(version) < MINIMUM_PYTHON:
        needed = ".".join(map(str, MINIMUM_PYTHON))
        advice = f"Install Python {needed} or newer, and create a new virtual environment with it."
        return Finding("Python", "problem", f"{shown} is too old", advice)
    return Finding("Python", "ok", shown)


def judge_libraries(versions: Mapping[str, str | None]) -> Iterator[Finding]:
    """Judge versions by name, None for what is not installed: a list, then one for each fault."""
    present = [f"{name} {version}" for name, version in versions.items() if version is not None]
    yield Finding("Libraries", "ok", ", ".join(present))
    for name, version in versions.items():
        minimum = LIBRARIES.get(name)
        if version is None:
            advice = f"Run: pip install {name}"
            yield Finding(name, "problem", "is not installed", advice)
        elif minimum is not None and release_numbers(version) < release_numbers(minimum[0]):
            advice = f'Run: pip install --upgrade "{name}>={minimum[0]}"'
            yield Finding(name, "problem", f"{version} is too old: {minimum[1]}", advice)


def release_numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, enough to compare releases: 2.13.0+cpu is (2, 13)."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:  # 17.4.0 is 17.4
        numbers.pop()
    return tuple(numbers)
