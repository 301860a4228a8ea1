"""The models that were downloaded: which there are, and how they go again."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from surtitle.recognition.bundled_models import PACKAGES, is_bundled
from surtitle.recognition.model_files import ModelError
from surtitle.recognition.model_hub import parse_hub_name

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo, HFCacheInfo

_WEIGHTS = "model.bin"


def downloaded_bytes() -> dict[str, int]:
    """The models in the hub's cache that can be loaded here, by repository, with their size on disk."""
    return {
        repo.repo_id: repo.size_on_disk
        for repo in _repos()
        if any(file.file_name == _WEIGHTS for each in repo.revisions for file in each.files)
    }


def remove(name: str) -> int:
    """Delete a model that was downloaded; returns how many bytes are free again. Raises ModelError."""
    if is_bundled(name):
        packages = " ".join(package.partition("==")[0] for package in PACKAGES[name])
        raise ModelError(
            f"The model {name!r} is a Python package. To remove it, run: pip uninstall {packages}"
        )
    repository, revision = parse_hub_name(name)
    cache = _cache()
    wanted = [
        each.commit_hash
        for repo in _repos()
        if repo.repo_id == repository
        for each in repo.revisions
        if revision is None or revision == each.commit_hash or revision in each.refs
    ]
    if cache is None or not wanted:
        raise ModelError(f"The model {name!r} is not on this machine, so it cannot be removed.")
    strategy = cache.delete_revisions(*wanted)
    strategy.execute()
    return int(strategy.expected_freed_size)


def _repos() -> "Iterable[CachedRepoInfo]":
    cache = _cache()
    return () if cache is None else (repo for repo in cache.repos if repo.repo_type == "model")


def _cache() -> "HFCacheInfo | None":
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        return scan_cache_dir()
    except CacheNotFound:
        return None
