"""How still do captions stand while they are read?

    python scripts/measure_stillness.py --seconds 120
    python scripts/measure_stillness.py --speech talk.flac [--model tiny.en] [--keep talk.jsonl]
    python scripts/measure_stillness.py --stream talk.jsonl [--only overlay] [--verbose]
    python scripts/measure_stillness.py --engine firefox --only "viewer, laptop"

Plays what a server says of a talk to the pages in a real browser: the speaker's page, the
audience's, the overlay, and the subtitles of the Electron example; on a laptop and on a phone, upright
and held sideways; rolling up and in blocks. The talk is recorded from a real server once (--speech;
--keep keeps it, --stream plays it again), or made by chance (--seed). Every 60 ms the places of all
words are noted.

moved       share of the words that shifted after they had been read for 0.4 s, other than with all
            others straight up
jumps       moments at which words moved, a minute
< 1 s       words that were gone in less than a second, though nobody had taken them back; and in 1.5 s
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from browsers.engines import ENGINES
from load.target import TargetError
from quality.recordings import Recording
from stillness.replay import replaying
from stillness.stream import Said, load, made, record, save, until
from stillness.views import View, measure, views


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--speech", type=Path, help="a recording, spoken to a real server")
    add("--model", default="tiny.en", help="of that server (tiny.en)")
    add("--keep", type=Path, help="keep what the server said there")
    add("--stream", type=Path, help="what was kept earlier")
    add("--seed", type=int, default=1, help="of the talk that is made by chance (1)")
    add("--seconds", type=float, default=120, help="of the talk (120)")
    add("--only", default="", help="the views whose names and styles contain this")
    add("--engine", choices=ENGINES, default="chromium", help="of the browser (chromium)")
    add("--verbose", action="store_true", help="also print what moved")
    return parser.parse_args(arguments)


def talk(options: argparse.Namespace) -> list[Said]:
    """The stream that was asked for. Raises TargetError where the server does not start."""
    if options.stream:
        return list(until(load(options.stream), options.seconds))
    if not options.speech:
        return made(options.seed, options.seconds)
    command = f"{sys.executable} -m surtitle serve --model {options.model} --port {{port}}"
    recording = Recording(options.speech, 0.0, "en", "")
    stream = asyncio.run(record(recording, f"{command} --log-level warning"))
    if options.keep:
        save(stream, options.keep)
    return list(until(stream, options.seconds))


def main(options: argparse.Namespace) -> None:
    """Measure, print."""
    stream = talk(options)
    print("| captions | style | words | moved | jumps a minute | < 1 s | < 1.5 s |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        ENGINES[options.engine](playwright, Path(folder)) as open_tab,
        replaying() as replay,
    ):
        for view in views():
            if options.only in _title(view):
                found = measure(open_tab, replay, view, stream)
                print(
                    f"| {view.name} | {view.style} | {found.words} | {found.moved_share:.1%} | "
                    f"{found.jumps_a_minute:.1f} | {found.short} | {found.brief} |",
                    flush=True,
                )
                if options.verbose:
                    print(*found.moves, sep="\n")


def _title(view: View) -> str:
    return f"{view.name}, {view.style}"


if __name__ == "__main__":
    try:
        main(parse_arguments())
    except TargetError as error:
        sys.exit(str(error))
