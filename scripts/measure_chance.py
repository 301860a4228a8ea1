"""How much of an error rate is chance, and what causes the rest? Each recording several times.

    python scripts/measure_chance.py --model tiny.en SPEECH/telephone SPEECH/multispeaker [--shifts 6]

A folder has a manifest.tsv (columns file, seconds, language, transcript). Silence of 0, 7, 14 ... ms is
put before each recording, which no listener would notice. It is then decoded in several ways: offline,
as `quality_report.py` does it, and as a session on the audio's clock. Errors in percent of the words
(characters in languages without spaces):

    offline              all at once, with the text before each window of 30 s
    without context      the same without that text
    live                 a session with partials
    finals alone         without partials, whose text binds the finals
    whole windows        finals alone, each in a window of 30 s instead of one that fits it
    revised              finals alone, with the better texts that came later
    file                 as `surtitle caption --fast` has it: in utterances as long as the window
    least, mean, most    over the shifts
    difference           less offline, the means
    +-                   its standard error, from the differences of single shifts
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from msgspec import structs
from rich.console import Console
from rich.progress import track
from rich.table import Table

from load.score import Score, score
from quality.offline import Offline, cache_folder
from quality.recordings import NoRecordings, Recording, read_recordings
from quality.replay import Replayer
from quality.revisions import revised_text
from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.jobs import Pcm16, ms_to_samples
from surtitle.messages import Start
from surtitle.recognition.whisper import WhisperDecoder

SHIFT_MS = 7
"""Out of step with the mel frames (10 ms) and the windows of voice activity (32 ms)."""


def shifted(audio: Pcm16, number: int) -> Pcm16:
    """The audio after so many shifts of silence."""
    return np.pad(audio, (ms_to_samples(SHIFT_MS * number), 0))


Listen = Callable[[Pcm16, str], str]
"""Audio and its language -> text."""


def ways(model: str, decoder: WhisperDecoder) -> dict[str, Listen]:
    """All ways to get a text, the one that the others are compared with first."""

    def session(start: Start, *, whole_windows: bool = False) -> Listen:
        def listen(audio: Pcm16, language: str) -> str:
            replayer = Replayer(decoder, whole_windows=whole_windows)
            wishes = structs.replace(start, language=language)
            return revised_text(replayer.replay(audio, wishes, EndpointingOptions()))

        return listen

    finals = Start(partials=False)
    return {
        "offline": Offline(model, cache_folder()).text_of,
        "without context": Offline(model, cache_folder(), carries_text=False).text_of,
        "live": session(Start()),
        "finals alone": session(finals),
        "whole windows": session(finals, whole_windows=True),
        "revised": session(Start(partials=False, revisions=True)),
        "file": session(Start(mode="file")),
    }


Rates = dict[str, list[float]]
"""Way -> the error rates in percent, one for each shift."""


def measure(
    recordings: Sequence[Recording], listeners: dict[str, Listen], shifts: int
) -> dict[str, Rates]:
    """By folder and language."""
    scores: dict[str, dict[str, list[Score]]] = {}
    for recording in track(recordings, "recordings"):
        label = f"{recording.folder}, {recording.language}"
        totals = scores.setdefault(
            label, {way: [Score() for _ in range(shifts)] for way in listeners}
        )
        whole = recording.clip().audio
        for number in range(shifts):
            audio = shifted(whole, number)
            for way, listen in listeners.items():
                text = listen(audio, recording.language)
                totals[way][number].add(score(recording.transcript, text, recording.language))
    return {
        label: {way: [each.percent for each in found] for way, found in totals.items()}
        for label, totals in scores.items()
    }


def rows(found: dict[str, Rates]) -> Iterator[list[str]]:
    """Of the table; the first way of each folder is the one that the others are compared with."""
    for label, rates in found.items():
        first, *_ = rates.values()
        for way, each in rates.items():
            row = [label, way, *[f"{of(each):.2f}" for of in (min, fmean, max)]]
            differences = [one - other for one, other in zip(each, first, strict=True)]
            error = stdev(differences) / len(differences) ** 0.5
            is_first = each is first
            yield row + (["", ""] if is_first else [f"{fmean(differences):+.2f}", f"{error:.2f}"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--shifts", type=int, default=6, help="how often; two at least")
    parser.add_argument("--ways", help="names, separated by commas; all unless given")
    options = parser.parse_args()
    if options.shifts < 2:
        parser.error("--shifts: two at least, or nothing tells how far they differ.")
    decoder = WhisperDecoder(
        options.model, device="cpu", compute_type="default", replicas=1, threads=1
    )
    recordings = [
        each for each in read_recordings(options.folders, decoder.info.languages) if each.transcript
    ]
    listeners = ways(options.model, decoder)
    if options.ways is not None:
        wanted = options.ways.split(",")
        if unknown := set(wanted) - set(listeners):
            parser.error(f"--ways: {', '.join(sorted(unknown))}? There are {', '.join(listeners)}.")
        listeners = {way: listeners[way] for way in wanted}
    found = measure(recordings, listeners, options.shifts)
    title = f"{options.model}: {options.shifts} shifts of {SHIFT_MS} ms"
    table = Table(title=title, title_justify="left")
    for name in ("errors %", "way"):
        table.add_column(name)
    for name in ("least", "mean", "most", "difference", "+-"):
        table.add_column(name, justify="right")
    for row in rows(found):
        table.add_row(*row)
    Console(width=110).print(table)


if __name__ == "__main__":
    try:
        main()
    except NoRecordings as error:
        sys.exit(str(error))
