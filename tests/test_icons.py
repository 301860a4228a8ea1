"""The pictures of the page's manifest are those of its icon."""

import json

import pytest
from PIL import Image, ImageChops

from make_icons import PAGES, draw

MANIFEST = json.loads((PAGES / "surtitle.webmanifest").read_text(encoding="utf-8"))
PICTURES = [icon for icon in MANIFEST["icons"] if icon["type"] == "image/png"]


def test_there_are_the_sizes_that_browsers_want() -> None:
    wanted = {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")}
    assert {(icon["sizes"], icon["purpose"]) for icon in PICTURES} == wanted
    for icon in MANIFEST["icons"]:
        assert (PAGES / icon["src"]).is_file()


@pytest.mark.parametrize("icon", PICTURES, ids=lambda icon: icon["src"])
def test_the_pictures_are_those_of_the_icon(icon: dict[str, str]) -> None:
    """Else `scripts/make_icons.py` makes them anew."""
    size = int(icon["sizes"].partition("x")[0])
    with Image.open(PAGES / icon["src"]) as kept:
        assert kept.size == (size, size)
        drawn = draw(size, maskable=icon["purpose"] == "maskable").convert(kept.mode)
        assert ImageChops.difference(drawn, kept).getbbox() is None


def test_what_is_cut_to_a_circle_loses_nothing() -> None:
    size = 512
    picture = draw(size, maskable=True).convert("RGB")
    ground = picture.getpixel((0, 0))
    middle, safe = size / 2, size * 0.4
    for x in range(size):
        for y in range(size):
            if (x - middle) ** 2 + (y - middle) ** 2 > safe**2:
                assert picture.getpixel((x, y)) == ground
