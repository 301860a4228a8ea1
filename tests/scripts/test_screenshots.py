"""Which pictures of the pages there are, and what is said in them."""

from __future__ import annotations

import pytest

from lab.places import REPOSITORY
from screenshots.pictures import PATHS, pictures
from screenshots.talks import messages, talks


def test_each_picture_has_a_name_of_its_own() -> None:
    names = [picture.name for picture in pictures()]
    assert len(set(names)) == len(names)
    assert {"page-phone-light", "viewer-laptop-light-five", "page-laptop-light-in-ar"} <= set(names)


def test_the_pictures_in_the_documents_can_be_taken_again() -> None:
    images = (REPOSITORY / "docs" / "images").glob("*-*-*.png")
    kept = {path.stem for path in images if path.stem.partition("-")[0] in PATHS}
    assert kept
    assert kept <= {picture.name for picture in pictures()}


def test_the_last_thing_said_is_still_growing() -> None:
    *finals, growing = messages(talks()["five"])
    assert [final["language"] for final in finals] == ["en", "ar", "hi", "ja", "ko"]
    assert growing["type"] == "partial"
    assert growing["start_ms"] > finals[-1]["end_ms"]


@pytest.mark.parametrize("language", ["en", "ar", "de"])
def test_the_corrector_has_something_to_correct(language: str) -> None:
    talk = talks()[language]
    right, wrong = talk.finals[1][1], talk.misheard().finals[1][1]
    assert right != wrong
    assert wrong.replace(talk.heard, talk.meant) == right
