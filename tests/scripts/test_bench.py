"""Where the benchmark finds its speech."""

from pathlib import Path

import pytest

from bench import cpu_model, speech_folder


def test_a_folder_named_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SURTITLE_SPEECH", raising=False)
    assert speech_folder(None) is None
    monkeypatch.setenv("SURTITLE_SPEECH", str(tmp_path))
    assert speech_folder(None) == tmp_path / "librispeech"
    (tmp_path / "manifest.tsv").touch()
    assert speech_folder(None) == tmp_path
    assert speech_folder(Path("other")) == Path("other")


def test_the_processor_is_named_with_its_count() -> None:
    count, _, name = cpu_model().partition(" x ")
    assert int(count) > 0
    assert name
