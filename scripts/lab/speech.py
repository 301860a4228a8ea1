"""Recorded speech for those who have some."""

from lab.places import speech_folder
from quality.recordings import Recording, read_recordings


def recordings(name: str) -> list[Recording]:
    """The recordings of one folder, in order of its manifest."""
    folder = speech_folder()
    assert folder is not None
    return read_recordings([folder / name])
