"""Make the pictures of the page's manifest from `web_demo/icon.svg`: a square, and strokes on it."""

import re
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, ImageDraw

PAGES = Path(__file__).resolve().parents[1] / "web_demo"
SVG = "{http://www.w3.org/2000/svg}"
FINER = 8
"""So many times as large it is drawn, and then made smaller: that makes its edges smooth."""
SAFE = 0.8
"""Of a picture that is cut to any form, so much in its middle stays (W3C Web Application Manifest)."""


def draw(size: int, maskable: bool = False) -> Image.Image:
    """The icon, `size` pixels wide; one that is maskable fills its square and has more room around."""
    icon = ElementTree.parse(PAGES / "icon.svg").getroot()
    square, strokes = icon.find(f"{SVG}rect"), icon.find(f"{SVG}g")
    assert square is not None
    assert strokes is not None
    edge = float(square.attrib["width"])
    pixels = size * FINER
    scale = pixels / edge
    picture = Image.new("RGBA", (pixels, pixels))
    pen = ImageDraw.Draw(picture)
    radius = 0 if maskable else float(square.attrib["rx"]) * scale
    pen.rounded_rectangle((0, 0, pixels - 1, pixels - 1), radius, fill=square.attrib["fill"])
    zoom = SAFE if maskable else 1.0
    half = float(strokes.attrib["stroke-width"]) / 2
    (path,) = strokes.findall(f"{SVG}path")
    for left, middle, length in _lines(path.attrib["d"]):
        corners = (left - half, middle - half, left + length + half, middle + half)
        box = tuple((edge / 2 + (value - edge / 2) * zoom) * scale for value in corners)
        colour = strokes.attrib["stroke"]
        pen.rounded_rectangle(box, half * zoom * scale, fill=colour)
    return picture.resize((size, size), Image.Resampling.BOX)


def _lines(path: str) -> list[tuple[float, float, float]]:
    """Left end, height and length of each stroke; all of them are level."""
    x, y = 0.0, 0.0
    lines = []
    for command, numbers in re.findall(r"([Mhm])([^Mhm]*)", path):
        values = [float(value) for value in re.findall(r"-?[\d.]+", numbers)]
        if command == "h":
            lines.append((x, y, values[0]))
            x += values[0]
        elif command == "m":
            x, y = x + values[0], y + values[1]
        else:
            x, y = values
    return lines


if __name__ == "__main__":
    draw(192).save(PAGES / "icon-192.png", optimize=True)
    draw(512).save(PAGES / "icon-512.png", optimize=True)
    draw(512, maskable=True).convert("RGB").save(PAGES / "icon-maskable.png", optimize=True)
