"""Where the captions of one or several files go."""

from collections.abc import Sequence
from pathlib import Path

from surtitle.errors import ConfigurationError

STANDARD_INPUT = "-"
SUFFIXES = {"text": ".txt", "jsonl": ".jsonl", "srt": ".srt", "vtt": ".vtt", "ass": ".ass"}


def is_folder(output: str | None) -> bool:
    """Whether captions are to go into a folder, each under the name of its file."""
    return output is not None and (output.endswith("/") or Path(output).is_dir())


def outputs_of(files: Sequence[str], output: str | None, kind: str) -> list[tuple[str, str | None]]:
    """Each file with where its captions are written; None is standard output.

    One file goes where `output` says. Several go into the folder `output`, or else beside the files,
    under their names. Raises ConfigurationError where that cannot be.
    """
    if len(files) == 1 and not is_folder(output):
        return [(files[0], output)]
    if output is not None and not is_folder(output):
        raise ConfigurationError(
            f"With several files, -o is the name of a folder, such as {output}/. Without it, the "
            "captions go beside the files."
        )
    if STANDARD_INPUT in files:
        raise ConfigurationError(
            "Standard input has no name for its captions: caption it alone, with -o FILE."
        )
    found: dict[str, str] = {}  # by what is written
    for file in files:
        path = Path(file).with_suffix(SUFFIXES[kind])
        target = str(path if output is None else Path(output) / path.name)
        if target in found:
            raise ConfigurationError(
                f"The captions of {found[target]} and {file} would both be {target}. Caption them one "
                "after the other, each with -o."
            )
        found[target] = file
    if mixed := sorted(set(found) & set(files)):
        raise ConfigurationError(
            f"{mixed[0]} would be replaced by captions. Choose another folder with -o, or another "
            "--format."
        )
    return [(file, target) for target, file in found.items()]


def make_folder(output: str) -> None:
    """Make it where it is not there. Raises ConfigurationError."""
    try:
        Path(output).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"Cannot make the folder {output}: {error.strerror}.") from error
