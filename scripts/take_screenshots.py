"""Takes pictures of the pages, for the documents and to look at.

    python scripts/take_screenshots.py FOLDER [--only viewer-phone]
    python scripts/take_screenshots.py docs/images --again

The pages run in Chromium, and are told made captions: the speaker's page, the audience's, the
overlay and the corrector's; on phones, a laptop and a projector; light and dark; in several scripts,
and in Arabic and German. The fonts are those of the machine. The pictures in the documents have
Debian's `fonts-noto-core` and `fonts-noto-cjk`; without such fonts, some scripts are boxes.
"""

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

from browsers.engines import chromium
from screenshots.pictures import pictures
from screenshots.taking import take
from stillness.replay import replaying


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=Path, help="where the PNG files go")
    add("--only", default="", help="the pictures whose names contain this")
    add("--again", action="store_true", help="only those that the folder has already")
    return parser.parse_args(arguments)


def main(options: argparse.Namespace) -> None:
    """Take them one after the other."""
    options.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, chromium(playwright) as browser, replaying() as replay:
        replay.model = "base"
        for picture in pictures():
            path = options.folder / f"{picture.name}.png"
            if options.only in picture.name and (path.exists() or not options.again):
                take(browser, replay, picture, path)
                print(path, flush=True)


if __name__ == "__main__":
    main(parse_arguments())
