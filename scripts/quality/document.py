"""A part of a document that is generated, between two comments that name it."""

import re
from pathlib import Path


class NoPlace(Exception):
    """The document has no place for it, in a sentence for a person."""


def fill(document: Path, name: str, content: str) -> None:
    """Replace what stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. Raises NoPlace."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    text = document.read_text(encoding="utf-8")
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    filled, places = place.subn(lambda _: f"{begin}\n{content.strip()}\n{end}", text)
    if places != 1:
        raise NoPlace(f"{document} must have one place between {begin} and {end}.")
    document.write_text(filled, encoding="utf-8")
