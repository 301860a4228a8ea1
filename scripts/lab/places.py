"""Where things are in this checkout."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "web_demo" / "sample.flac"
SAMPLE_TEXT = (REPOSITORY / "web_demo" / "sample.txt").read_text().strip()
PYTHON_PATH = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "server", REPOSITORY / "scripts")))
"""For processes that are started: this checkout, whichever one is installed."""


def speech_folder() -> Path | None:
    """The folder with recorded speech: SURTITLE_SPEECH, or `../shared/speech`; None without."""
    named = os.environ.get("SURTITLE_SPEECH")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "speech"
    return folder if folder.is_dir() else None
