"""How often should partials come, and which of their words be shown? Recordings on the audio's clock.

    python scripts/measure_partials.py --speech FOLDER --model tiny.en [--intervals 352,608]

FOLDER has folders with a manifest.tsv (columns file, seconds, language, transcript); those with
English are replayed, each in a session of its own, with a partial for each so many milliseconds of
new speech. Columns:

    shown        which words are shown before two hypotheses agree: all, all but the newest one or
                 three, or those of which the model is sure, as the server does it
    word shown   from the end of a word to its being shown at its place, in seconds
    erased       words shown and then changed or removed, by words of the text
    by finals    of these, what the final's own decode changes
    partials     processor seconds of their decodes by second of audio
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from load.metrics import Change, Spoken, measure
from load.speech import speech_bounds
from load.summary import Spread
from load.wordtimes import cache_folder, word_ends
from measure_windows import FOLDERS
from quality.calm import Calm, calm
from quality.recordings import NoRecordings, read_recordings
from quality.replay import Replayer
from quality.utterances import Received
from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.captioning.stability import split_units
from surtitle.jobs import SAMPLE_RATE, Job, Pcm16, Piece, Result
from surtitle.messages import Final, Partial, Start
from surtitle.recognition.whisper import WhisperDecoder

Edit = Callable[[Job, Result], Result]


def all_but(newest: int) -> Edit:
    """A model that is sure of all words but so many of the newest."""

    def edit(job: Job, result: Result) -> Result:
        if job.kind == "final":
            return result
        units = split_units(result.text)[-newest:] if newest else []
        return replace(result, newest=tuple(Piece(unit, 0.0) for unit in units))

    return edit


RULES: dict[str, Edit] = {
    "all": all_but(0),
    "all but one": all_but(1),
    "all but three": all_but(3),
    "sure words": lambda job, result: result,
}


@dataclass
class Figures:
    """Of one rule at one interval."""

    calm: Calm = field(default_factory=Calm)
    word_shown_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """A recording and when what is said in it."""

    audio: Pcm16
    spoken: Spoken


def read_cases(speech: Path, limit: int | None) -> list[Case]:
    """The English recordings in which more than single words are said."""
    folders = [speech / name for name in FOLDERS if name != "digits" and (speech / name).is_dir()]
    recordings = [
        each for each in read_recordings(folders) if each.language == "en" and each.transcript
    ][:limit]
    clips = [recording.clip() for recording in recordings]
    ends = word_ends(clips, cache_folder(), lambda clip: print(f"word times of {clip.path.name}"))
    cases = []
    for clip in clips:
        first, last = speech_bounds(clip.audio)
        start_s, end_s = first / SAMPLE_RATE, last / SAMPLE_RATE
        word_ends_s = tuple(end - start_s for end in ends[clip.path])
        spoken = Spoken(clip.path.name, clip.transcript, start_s, end_s, word_ends_s)
        cases.append(Case(clip.audio, spoken))
    return cases


def changes(messages: Sequence[Received]) -> Iterator[Change]:
    """All text from each message on: the finals, then what the utterances without one show."""
    finals: dict[int, str] = {}
    shown: dict[int, str] = {}
    for at_s, message in messages:
        if isinstance(message, Partial):
            shown[message.utterance] = message.stable + message.unstable
        elif isinstance(message, Final):
            shown.pop(message.utterance, None)
            finals[message.utterance] = message.text
        else:
            continue
        texts = [" ".join(each[number] for number in sorted(each)) for each in (finals, shown)]
        yield Change(at_s, *texts)


def replay_all(cases: Sequence[Case], options: argparse.Namespace) -> Iterator[list[str]]:
    """The rows of the table, interval by interval."""
    decoder = WhisperDecoder(
        options.model, device="cpu", compute_type="default", replicas=1, threads=1
    )
    start = Start(language="en")
    seconds = sum(len(case.audio) for case in cases) / SAMPLE_RATE
    for interval_ms in options.intervals:
        endpointing = EndpointingOptions()
        figures = {rule: Figures() for rule in RULES}
        cpu_s = 0.0
        for case in track(cases, f"a partial each {interval_ms} ms"):
            replayer = Replayer(decoder)
            for rule, edit in RULES.items():
                replayer.cpu_s["partial"] = 0.0
                messages = replayer.replay(case.audio, start, endpointing, interval_ms, edit)
                figures[rule].calm += calm(messages)
                (words,) = measure([case.spoken], list(changes(messages))).utterances
                figures[rule].word_shown_s += words.word_shown_s
            cpu_s += replayer.cpu_s["partial"]
        for rule, found in figures.items():
            shown = Spread.of(found.word_shown_s)
            by_finals = found.calm.erased_by_finals / max(found.calm.words, 1)
            yield [
                f"{interval_ms}",
                rule,
                f"{shown.p50:.2f}",
                f"{shown.p90:.2f}",
                f"{found.calm.erasure:.3f}",
                f"{by_finals:.3f}",
                f"{cpu_s / seconds:.3f}",
            ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--limit", type=int, help="files at most")
    parser.add_argument(
        "--intervals",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[160, 320, 608, 1408],
        help="least milliseconds of new speech between two partials",
    )
    options = parser.parse_args()
    cases = read_cases(options.speech, options.limit)
    columns = ("every ms", "shown", "word shown p50", "p90", "erased", "by finals", "partials")
    table = Table(title=f"{options.model}: {len(cases)} recordings", title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 1 else "right")
    for row in replay_all(cases, options):
        table.add_row(*row)
    Console(width=100).print(table)


if __name__ == "__main__":
    try:
        main()
    except NoRecordings as error:
        sys.exit(str(error))
