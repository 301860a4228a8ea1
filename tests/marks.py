"""Marks for tests that need what not everybody has."""

import pytest

from lab.places import speech_folder

needs_speech = pytest.mark.skipif(
    speech_folder() is None,
    reason="no recorded speech: set SURTITLE_SPEECH to a folder with manifests (docs/testing.md)",
)
