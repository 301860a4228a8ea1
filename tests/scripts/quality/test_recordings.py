"""Manifests, and the share of them that is spoken alone."""

from pathlib import Path

import pytest

from quality.recordings import NoRecordings, Recording, read_recordings, sample, word_folders

ROWS = (
    "a.wav\t3.5\ten\tHE SAID \"NO\"\n"
    "b.wav\t2\tzh+en\t你好 okay\n"
    "c.wav\t1\t-\t\n"
    "d.wav\t9\ten\t\n"
)  # fmt: skip


def folder(at: Path, rows: str = ROWS) -> Path:
    at.mkdir()
    (at / "manifest.tsv").write_text(f"file\tseconds\tlanguage\ttranscript\n{rows}", "utf-8")
    return at


def test_what_the_manifest_says(tmp_path: Path) -> None:
    quoted, mixed, noise, unwritten = read_recordings([folder(tmp_path / "talks")])
    assert (quoted.folder, quoted.seconds, quoted.transcript) == ("talks", 3.5, 'HE SAID "NO"')
    assert (mixed.language, mixed.decoded_as) == ("zh", "zh")
    assert (noise.has_speech, noise.decoded_as) == (False, "en")
    assert (unwritten.has_speech, unwritten.transcript) == (True, "")


def test_only_languages_that_the_model_knows(tmp_path: Path) -> None:
    found = read_recordings([folder(tmp_path / "talks")], {"en"})
    assert [each.path.name for each in found] == ["a.wav", "c.wav", "d.wav"]


def test_a_folder_of_folders(tmp_path: Path) -> None:
    folder(tmp_path / "two")
    folder(tmp_path / "one", "e.wav\t1\ten\tyes\n")
    (tmp_path / "without").mkdir()
    assert [each.folder for each in read_recordings([tmp_path])] == ["one", *["two"] * 4]


def test_nothing_to_listen_to_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoRecordings, match=r"no manifest\.tsv"):
        read_recordings([tmp_path])
    folder(tmp_path / "talks")
    with pytest.raises(NoRecordings, match="language of the model"):
        read_recordings([tmp_path], {"fi"})


def test_folders_of_single_words(tmp_path: Path) -> None:
    folder(tmp_path / "digits", "a.wav\t1\ten\tone\nb.wav\t1\ten\tTwo.\n")
    folder(tmp_path / "mixed", "a.wav\t1\ten\tone\nb.wav\t1\ten\ttwo three\n")
    folder(tmp_path / "unwritten", "a.wav\t1\ten\tone\nb.wav\t1\ten\t\n")
    folder(tmp_path / "french", "a.wav\t1\tfr\tdeux\n")
    found = word_folders(read_recordings([tmp_path]))
    assert [each.name for each in found] == ["digits"]


def test_the_share_spoken_alone_is_always_the_same_and_never_longer() -> None:
    recordings = [
        Recording(Path(f"{n}.wav"), seconds, "en", "yes" if n != 3 else "")
        for n, seconds in enumerate((4.0, 5.0, 6.0, 1.0, 7.0, 300.0))
    ]
    chosen = sample(recordings, 12)
    assert chosen == sample(recordings[::-1], 12)
    assert 0 < sum(each.seconds for each in chosen) <= 12
    assert all(each.transcript for each in chosen)
    assert {each.seconds for each in sample(recordings, 1000)} == {4.0, 5.0, 6.0, 7.0, 300.0}
    assert sample(recordings, 0) == []
