"""The picture is drawn whatever there is; a warning of its layout fails these tests."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from quality.figures import report
from quality.picture import draw
from tests.scripts.quality.made import ALONE, NOISE, RESULT


@pytest.mark.parametrize("real_time", [True, False])
def test_a_picture(real_time: bool, tmp_path: Path) -> None:
    first = replace(RESULT, delays=ALONE if real_time else None)
    results = [first, replace(RESULT, folder="calls"), NOISE]
    draw(
        report("base", results, real_time=real_time, sessions=4, word_times={}, others_cores=0),
        tmp_path / "picture.png",
    )
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_of_noise_alone(tmp_path: Path) -> None:
    draw(
        report("base", [NOISE], real_time=True, sessions=4, word_times={}, others_cores=0),
        tmp_path / "picture.svg",
    )
    assert (tmp_path / "picture.svg").exists()
