"""Three hundred damaged, odd and large files: are they captioned as far as they can be read?

    python scripts/wild_files.py make FOLDER [--speech SPEECH] [--seed 7]
    python scripts/wild_files.py samples FOLDER [--only WORD ...] [--document docs/reliability.md]
    python scripts/wild_files.py judge FOLDER [--only WORD ...] [--document docs/reliability.md]

`make` writes the files with the ffmpeg command, from recorded speech (a folder with manifests, see
docs/testing.md; SURTITLE_SPEECH names one) or, where there is none, from espeak-ng's. The same seed,
speech and ffmpeg make the same files. `samples` only decodes them, and compares what comes with what
they were before they were hurt, second by second: that takes a few minutes. `judge` captions each with
`surtitle caption` against one server of its own, and says which are wrong: the exit status, the words
that can be heard, their times, what is said to be missing, time and memory. The exit status is 1 if
any is. With --part 1/4 a quarter is judged; --results keeps what came of each file, so that the parts
make one table.
"""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from load.target import Target, TargetError, running
from quality.document import NoPlace, fill
from surtitle.cli.caption import EXIT_DAMAGED
from surtitle.client import ClientError
from surtitle.client.media import read_chunks
from wild import broken, changes, clocks, formats, layouts, oddities
from wild.expectation import Folder, WildFile, Word, read_folder
from wild.judge import Limits, Outcome, Verdict, judge, timed_truth
from wild.listener import caption
from wild.maker import Maker
from wild.results import Results
from wild.samples import Compared, Decoded, compare
from wild.table import faults, markdown, samples_markdown
from wild.talk import talks

SENTENCES = (5, 2, 2)
"""Of the long talk, the short one, and the one beside it."""
KINDS = (formats, broken, changes, layouts, clocks, oddities)
LIMIT_S = 300.0
"""For one file; an hour of audio is the longest."""
LIMITS = Limits({"command": 300.0, "decoder": 400.0, "server": 500.0})
PLACES = {"samples": "wild samples", "judge": "wild files"}
"""In the document."""


def make(folder: Path, speech: Path | None, seed: int) -> Folder:
    """Write all files. Raises NoRecordings."""
    maker = Maker(folder, seed, *talks(speech, seed, SENTENCES))
    for kind in KINDS:
        kind.make(maker)
    made = maker.write()
    for name in maker.left_out:
        print(f"This ffmpeg cannot write {name}.", file=sys.stderr)
    return made


async def judge_all(folder: Path, files: Sequence[WildFile], results: Results) -> None:
    """Caption the references and the files, those that are not among the results yet."""
    command = (
        f"{sys.executable} -m surtitle serve --model tiny.en --language en --port {{port}} "
        "--log-level warning"
    )
    console = Console(stderr=True)
    async with running(Target("surtitle", "surtitle", command)) as server:
        assert server.pid is not None
        used = {piece.reference for file in files for piece in file.pieces}
        wanted = [each.path for each in results.folder.references if each.name in used]
        wanted += [each.path for each in files]
        for number, path in enumerate(wanted, 1):
            if path in results.outcomes:
                continue
            arguments = next((each.arguments for each in files if each.path == path), ())
            outcome = await asyncio.to_thread(
                caption, folder / path, server.url, server.pid, arguments, LIMIT_S
            )
            results.keep(path, outcome)
            console.print(
                f"{number}/{len(wanted)} {path}: {outcome.status}, {outcome.seconds:.1f} s"
            )


def caption_all(
    folder: Path, account: Folder, files: Sequence[WildFile], options: argparse.Namespace
) -> list[Verdict]:
    """Caption the files; with --results, all that have some are judged."""
    results = Results(account, None if options.results is None else options.results.resolve())
    if options.again:
        results.forget([file.path for file in files])
    asyncio.run(judge_all(folder, files, results))
    return verdicts(account.files if options.results else files, results)


def verdicts(files: Sequence[WildFile], results: Results) -> list[Verdict]:
    """Of the files that have a result."""
    heard: dict[str, Sequence[Word]] = {}
    truths: dict[str, Sequence[Word]] = {}
    for reference in results.folder.references:
        outcome = results.outcomes.get(reference.path, Outcome(None, (), 0.0, ""))
        heard[reference.name] = outcome.words
        truths[reference.name] = timed_truth(reference, outcome.words)
    return [
        judge(file, results.outcomes[file.path], truths, heard, LIMITS)
        for file in files
        if file.path in results.outcomes
    ]


def compare_all(folder: Path, account: Folder, files: Sequence[WildFile]) -> list[Compared]:
    """Decode the files, as `surtitle caption` does."""
    references = {each.name: each for each in account.references}
    samples = {
        name: np.frombuffer(b"".join(read_chunks(folder / each.path)), np.int16)
        for name, each in references.items()
    }
    compared = []
    for number, file in enumerate(files, 1):
        compared.append(compare(file, decoded(folder, file), references, samples))
        print(f"{number}/{len(files)} {file.path}", file=sys.stderr)
    return compared


def decoded(folder: Path, file: WildFile) -> Decoded:
    """What is made of a file; the track is the only argument that any of them has."""
    path = folder / file.path
    with contextlib.chdir(path.parent):  # the bare name may look like an address
        recording = read_chunks(Path(path.name), int(file.arguments[1]) if file.arguments else None)
        try:
            samples = np.frombuffer(b"".join(recording), np.int16)
        except ClientError as error:
            return Decoded(1, np.zeros(0, np.int16), 0.0, str(error))
    missing_s = recording.missing_ms / 1000
    return Decoded(EXIT_DAMAGED if missing_s else 0, samples, missing_s, "")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="write the files")
    making.add_argument("folder", type=Path, metavar="FOLDER")
    speech = os.environ.get("SURTITLE_SPEECH")
    making.add_argument("--speech", type=Path, default=Path(speech) if speech else None)
    making.add_argument("--seed", type=int, default=7)
    for command, what in (("samples", "decode and compare them"), ("judge", "caption them")):
        doing = commands.add_parser(command, help=what)
        doing.add_argument("folder", type=Path, metavar="FOLDER")
        doing.add_argument("--only", nargs="+", default=[], help="words of names or kinds")
        doing.add_argument("--part", default="1/1", help="such as 1/4: a quarter")
        doing.add_argument("--document", type=Path, help="put the table into this document")
        if command == "judge":
            doing.add_argument("--results", type=Path, help="keep what came of each file there")
            doing.add_argument("--again", action="store_true", help="not what --results has")
    return parser.parse_args(arguments)


def chosen(options: argparse.Namespace, files: Sequence[WildFile]) -> list[WildFile]:
    """Those that are asked for."""
    part, parts = (int(each) for each in options.part.split("/"))
    return [
        file
        for file in list(files)[part - 1 :: parts]
        if not options.only or any(word in file.path or word in file.kind for word in options.only)
    ]


def main(options: argparse.Namespace) -> int:
    """Make or judge; the exit status."""
    if options.command == "make":
        made = make(options.folder.resolve(), options.speech, options.seed)
        print(f"{len(made.files)} files in {options.folder}")
        return 0
    folder = options.folder.resolve()
    account = read_folder(folder)
    files = chosen(options, account.files)
    judged: Sequence[Verdict | Compared]
    if options.command == "samples":
        judged = compared = compare_all(folder, account, files)
        text = samples_markdown(compared)
    else:
        judged = captioned = caption_all(folder, account, files, options)
        text = markdown(captioned)
    print(text)
    print(faults(judged))
    if options.document:
        fill(options.document, PLACES[options.command], text)
    return int(any(each.faults for each in judged))


if __name__ == "__main__":
    try:
        sys.exit(main(parse_arguments()))
    except (TargetError, NoPlace) as error:
        sys.exit(str(error))
