"""Which pictures there are. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stillness.replay import CHANNEL

PATHS = {
    "page": "/",
    "viewer": f"/watch/{CHANNEL}",
    "overlay": f"/overlay/{CHANNEL}",
    "corrector": f"/edit/{CHANNEL}#token=secret",
}
SIZES = {
    "phone": (390, 844),
    "sideways": (844, 390),
    "laptop": (1366, 768),
    "projector": (1920, 1080),
}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
LANGUAGES = ("ar", "he", "hi", "ja", "zh", "ko", "th")
PAGE_LANGUAGES = ("ar", "de")


@dataclass(frozen=True)
class Picture:
    """A page in one size and one colour scheme, while somebody speaks."""

    page: str
    """A key of PATHS."""
    size: str
    """A key of SIZES."""
    scheme: Scheme = "light"
    """Of an overlay: what it lies over."""
    talk: str = "en"
    page_language: str = "en"
    style: str = "roll-up"

    @property
    def name(self) -> str:
        """Of the file, without its suffix: what is not as usual stands in it."""
        unusual = [
            *([self.talk] if self.talk != self.page_language else []),
            *([f"in-{self.page_language}"] if self.page_language != "en" else []),
            *([self.style] if self.style != "roll-up" else []),
        ]
        return "-".join([self.page, self.size, self.scheme, *unusual])

    @property
    def growing(self) -> str:
        """A selector: where the newest words are."""
        if self.style == "block":
            return "#block"
        return "#text" if self.page == "overlay" else "#open"


def pictures() -> Iterator[Picture]:
    """All of them."""
    for page in PATHS:
        for size in SIZES:
            for scheme in SCHEMES:
                yield Picture(page, size, scheme)
    for talk in ("five", *LANGUAGES):
        for size in ("phone", "laptop"):
            yield Picture("viewer", size, talk=talk)
        yield Picture("overlay", "laptop", "dark", talk)
    for language in PAGE_LANGUAGES:
        for page in ("page", "viewer", "corrector"):
            for size in ("phone", "laptop", "sideways"):
                yield Picture(page, size, talk=language, page_language=language)
    for size in SIZES:
        yield Picture("viewer", size, style="block")
