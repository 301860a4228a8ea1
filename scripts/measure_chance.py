"""How much of an error rate is chance? Each recording several times, each time a little later.

    python scripts/measure_chance.py --model tiny.en SPEECH/telephone SPEECH/multispeaker [--shifts 6]

A folder has a manifest.tsv (columns file, seconds, language, transcript). Silence of 0, 7, 14 ... ms is
put before each recording, which no listener would notice. It is then decoded offline, as
`quality_report.py` does it, and streamed, as a session on the audio's clock. Errors in percent of the
words (characters in languages without spaces):

    least, mean, most    over the shifts
    difference           streamed less offline, the means
    +-                   its standard error, from the differences of single shifts
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from load.score import Score, score
from quality.offline import Offline, cache_folder
from quality.recordings import NoRecordings, Recording, read_recordings
from quality.replay import Replayer
from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.jobs import Pcm16, ms_to_samples
from surtitle.messages import Final, Start
from surtitle.recognition.whisper import WhisperDecoder

SHIFT_MS = 7
"""Out of step with the mel frames (10 ms) and the windows of voice activity (32 ms)."""


def shifted(audio: Pcm16, number: int) -> Pcm16:
    """The audio after so many shifts of silence."""
    return np.pad(audio, (ms_to_samples(SHIFT_MS * number), 0))


def streamed(decoder: WhisperDecoder, audio: Pcm16, language: str) -> str:
    """The finals of a session."""
    messages = Replayer(decoder).replay(audio, Start(language=language), EndpointingOptions())
    return " ".join(each.message.text for each in messages if isinstance(each.message, Final))


def measure(
    recordings: Sequence[Recording], decoder: WhisperDecoder, offline: Offline, shifts: int
) -> dict[str, tuple[list[float], list[float]]]:
    """By folder and language: the error rates in percent, streamed and offline, of each shift."""
    scores: dict[str, list[tuple[Score, Score]]] = {}
    for recording in track(recordings, "recordings"):
        label = f"{recording.folder}, {recording.language}"
        totals = scores.setdefault(label, [(Score(), Score()) for _ in range(shifts)])
        whole = recording.clip().audio
        for number, (live, whole_file) in enumerate(totals):
            audio, language = shifted(whole, number), recording.language
            live.add(score(recording.transcript, streamed(decoder, audio, language), language))
            text = offline.text_of(audio, language)
            whole_file.add(score(recording.transcript, text, language))
    return {
        label: ([live.percent for live, _ in totals], [whole.percent for _, whole in totals])
        for label, totals in scores.items()
    }


def rows(found: dict[str, tuple[list[float], list[float]]]) -> Iterator[list[str]]:
    """Of the table."""
    for label, (live, whole) in found.items():
        differences = [one - other for one, other in zip(live, whole, strict=True)]
        error = stdev(differences) / len(differences) ** 0.5
        yield [
            label,
            *[f"{of(rates):.2f}" for rates in (live, whole) for of in (min, fmean, max)],
            f"{fmean(differences):+.2f}",
            f"{error:.2f}",
        ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--shifts", type=int, default=6, help="how often; two at least")
    options = parser.parse_args()
    if options.shifts < 2:
        parser.error("--shifts: two at least, or nothing tells how far they differ.")
    decoder = WhisperDecoder(
        options.model, device="cpu", compute_type="default", replicas=1, threads=1
    )
    recordings = [
        each for each in read_recordings(options.folders, decoder.info.languages) if each.transcript
    ]
    offline = Offline(options.model, cache_folder())
    found = measure(recordings, decoder, offline, options.shifts)
    title = f"{options.model}: {options.shifts} shifts of {SHIFT_MS} ms"
    table = Table(title=title, title_justify="left")
    table.add_column("errors %")
    for name in (
        *("streamed least", "mean", "most"),
        *("offline least", "mean", "most"),
        *("difference", "+-"),
    ):
        table.add_column(name, justify="right")
    for row in rows(found):
        table.add_row(*row)
    Console(width=110).print(table)


if __name__ == "__main__":
    try:
        main()
    except NoRecordings as error:
        sys.exit(str(error))
