"""A folder with a model in CTranslate2 form: is it whole?"""

import json
from pathlib import Path

from surtitle.recognition.model_files import PREPROCESSOR, VOCABULARIES, ModelError

_LFS_POINTER = b"version https://git-lfs"
CONVERT = (
    "convert other formats with: ct2-transformers-converter --model NAME --output_dir FOLDER "
    "--copy_files tokenizer.json preprocessor_config.json"
)


def missing_files(folder: Path) -> list[str]:
    """What `folder` lacks to be loadable without a network.

    Without `tokenizer.json` faster-whisper would fetch one from the hub, and not always one that
    fits.
    """
    required = ("model.bin", "config.json", "tokenizer.json")
    missing = [name for name in required if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in VOCABULARIES):
        missing.append(" or ".join(VOCABULARIES))
    return missing


def complete_folder(folder: Path) -> Path:
    """The folder, if it holds all of a model. Raises ModelError."""
    missing = missing_files(folder)
    if not missing:
        with (folder / "model.bin").open("rb") as file:
            if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                raise ModelError(
                    f"{folder / 'model.bin'} is only a Git LFS pointer. Run `git lfs pull` there."
                )
        for name in ("config.json", "tokenizer.json", PREPROCESSOR, *VOCABULARIES):
            if (folder / name).is_file():
                _check_text(folder / name)
        return folder
    if "model.bin" not in missing:
        advice = "Copy what is missing from where the model came from."
    elif any(folder.glob("*.safetensors")) or any(folder.glob("pytorch_model*")):
        advice = f"It contains a model in another format; {CONVERT}"
    else:
        advice = "Specify a folder that contains a Whisper model in CTranslate2 format."
    raise ModelError(f"The folder {folder} lacks {', '.join(missing)}. {advice}")


def _check_text(path: Path) -> None:
    """Whether a file of a model can be read; the libraries' own words about one say little."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} is damaged: it is not valid {'JSON' if path.suffix == '.json' else 'UTF-8'}. "
            "Copy it again from where the model came from."
        ) from error
