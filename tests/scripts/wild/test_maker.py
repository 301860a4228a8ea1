"""Files are made the same each time, and their account says where they are hurt."""

from pathlib import Path

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.places import SAMPLE
from wild import damage
from wild.damage import Span
from wild.expectation import Folder, Utterance, read_folder
from wild.maker import Maker
from wild.talk import Talk, talks

WAVE = read_pcm16(SAMPLE)[: 16_000 * 8].astype(np.float32) / np.float32(32768)
TALK = Talk(WAVE, (Utterance("nothing that matters", 0.5, 7.5),))


def made(folder: Path, seed: int) -> Folder:
    maker = Maker(folder, seed, TALK, TALK, TALK)
    maker.plain("a.mp3", "whole", "-b:a", "64k")
    maker.plain("a.ogg", "whole", "-c:a", "libopus", rate=48_000, lossy=True)
    for name, options in (("b.mp3", ("-b:a", "64k")), ("b.mkv", ("-c:a", "libopus"))):
        source = maker.source(name, 48_000, *options)
        assert source is not None
        maker.damaged(
            f"hurt-{name}",
            "hurt",
            source,
            lambda data, chance: damage.flip(
                data, Span(len(data) // 2, len(data) // 2 + 900), chance
            ),
        )
        maker.damaged(f"cut-{name}", "cut", source, lambda data, _: damage.cut(data, 0.5))
    return maker.write()


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "three")]
    accounts = [made(folder, seed) for folder, seed in zip(folders, (1, 1, 2), strict=True)]
    one, two, three = (
        {file.path: (folder / file.path).read_bytes() for file in account.files}
        for folder, account in zip(folders, accounts, strict=True)
    )
    assert one == two
    assert one["files/hurt-b.mp3"] != three["files/hurt-b.mp3"]
    assert read_folder(folders[0]) == accounts[0]


def test_holes_are_where_the_bytes_are_hurt(tmp_path: Path) -> None:
    files = {file.path.removeprefix("files/"): file for file in made(tmp_path, 1).files}
    assert files["a.mp3"].holes == ()
    assert files["a.mp3"].pieces[0].reference == "short"
    assert files["a.ogg"].pieces[0].reference == "short-a.ogg"
    for name in ("hurt-b.mp3", "hurt-b.mkv"):
        [hole] = files[name].holes
        assert 3.3 < hole.start_s < 4.0 < hole.end_s < 4.7
        assert files[name].missing_s is not None
    for name in ("cut-b.mp3", "cut-b.mkv"):
        [piece] = files[name].pieces
        assert piece.end_s == pytest.approx(4.0, abs=0.5)


def test_a_format_that_cannot_be_written_is_left_out(tmp_path: Path) -> None:
    maker = Maker(tmp_path, 1, TALK, TALK, TALK)
    assert maker.plain("a.mp3", "whole", "-c:a", "no_such_codec") is None
    assert maker.left_out == ["a.mp3"]
    assert maker.write().files == ()


def test_without_recordings_sentences_are_synthesized() -> None:
    long, short = talks(None, 1, (2, 1))
    assert (len(long.utterances), len(short.utterances)) == (2, 1)
    assert long.utterances[0].text != short.utterances[0].text
    for talk in (long, short):
        for utterance in talk.utterances:
            spoken = talk.wave[round(utterance.start_s * 16_000) : round(utterance.end_s * 16_000)]
            assert np.abs(spoken).max() > 0.3
    assert long.first(1).seconds < long.seconds
