"""Where a model comes from: a bundled package, a folder, or a hub; and that it is the right one.

    locate("base")                     from its Python packages where they are installed, as is
                                       "tiny.en"; otherwise from the hub
    locate("/srv/models/my-whisper")   a folder with a model in CTranslate2 form
    locate("small")                    a usual name; downloaded once, then taken from the cache
    locate("org/repository@revision")  any other model on the hub, in CTranslate2 form

Nothing here loads a model or imports a library that could, because the process that serves clients
uses this module too. Nothing of a model is executed or unpickled: files are found, hashed and read.
"""

import os
from pathlib import Path

from surtitle.recognition.bundled_models import LOADERS, is_bundled
from surtitle.recognition.model_files import ModelError, ModelFiles, Report, Stage
from surtitle.recognition.model_folder import CONVERT, complete_folder
from surtitle.recognition.model_hub import REPOSITORIES, from_hub

_LONGEST_NAME = 255  # of a file, and longer than any name of a model


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
    if is_bundled(name):
        return LOADERS[name](report)
    try:
        if name and name not in REPOSITORIES:  # the empty path would be the current folder
            folder = _folder(name)
            if folder is not None:
                return ModelFiles(name, complete_folder(folder), None)
        return from_hub(name, report, offline=offline, endpoint=endpoint, cache_dir=cache_dir)
    except OSError as error:
        where = error.filename or name
        raise ModelError(
            f"The model cannot be read: {where}: {error.strerror or error}. Allow the user that "
            "Surtitle runs as to read its folder and all files in it."
        ) from error


def _folder(name: str) -> Path | None:
    """The folder of this name, or None where there is none."""
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in name.split("/")):
        raise ModelError(
            f"No folder or model has a name as long as {name[:40]}… ({len(name)} characters). "
            "Specify a model's folder or name."
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
            f"format; {CONVERT}"
        )
    return None


def _report_nothing(stage: Stage, done: int, total: int) -> None:
    pass
