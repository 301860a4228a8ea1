"""Marks for tests that need what not everybody has, and for those that only `make test-all` runs."""

import pytest
from _pytest.mark import ParameterSet

from lab.places import speech_folder

needs_speech = pytest.mark.skipif(
    speech_folder() is None,
    reason="no recorded speech: set SURTITLE_SPEECH to a folder with manifests (docs/testing.md)",
)


def long(*values: object, id: str | None = None) -> ParameterSet:
    """A row of a table whose other rows check almost the same in less time."""
    return pytest.param(*values, id=id, marks=pytest.mark.long)
