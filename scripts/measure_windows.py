"""How short may Whisper's window be? Error rate and cost by window, on the utterances of a folder.

    python scripts/measure_windows.py --speech FOLDER --model tiny.en [--floors 10,12.5,15] [--limit 40]

FOLDER has folders with a manifest.tsv (columns file, seconds, language, transcript); those with
English are read. Each file is cut by voice activity as in the server, and each utterance decoded as
a final: beam 5, and the second looks that the guard asks for. The last row is the full window of 30 s.
Then the partials: the beginnings of the utterances, decoded greedily in shorter windows; their words
but the last are compared with the best-fitting beginning of the final in the full window. Columns:

    error        word error rate after Whisper's English normalization
    looks        utterances that the guard had decoded once more, or partials that it held back
    loops        finals that the guard held back after the last look
    cost         processor time of all decodes, second looks included, beside the full window's
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from load.score import Score, score
from quality.recordings import Recording, read_recordings
from surtitle.captioning.endpointing import (
    WINDOW_SAMPLES,
    Closed,
    Endpointer,
    EndpointingOptions,
    Opened,
)
from surtitle.captioning.stability import normalize_unit, split_units
from surtitle.client.media import read_chunks
from surtitle.jobs import (
    MAX_WINDOW_S,
    SAMPLE_RATE,
    DecodeOptions,
    Job,
    JobKind,
    Pcm16,
    Result,
    Windows,
)
from surtitle.recognition.whisper import WhisperDecoder
from surtitle.vad.rounds import SileroVad
from surtitle.vad.silero import SileroNetwork
from surtitle.vad.weights import load_weights

FOLDERS = (
    "librispeech",
    "english_other",
    "longform",
    "spontaneous",
    "telephone",
    "multispeaker",
    "digits",
)
PREFIXES_S = (1.0, 1.5, 2.0, 3.0, 4.5, 6.0, 8.0)
"""Lengths of the beginnings that stand for partials."""
PREFIXES = 400
SLACK_WORDS = 2
"""A beginning of the final that much longer or shorter than the partial may fit it best."""
POLL_S = 0.002


@dataclass(frozen=True)
class Utterance:
    """Audio to decode, and the number of the case it is from."""

    case: int
    audio: Pcm16


@dataclass
class Decoded:
    """What a window gave: a result for each job, and the processor seconds of all."""

    results: list[Result]
    looks: int
    cpu_s: float


def cut(path: Path, vad: SileroVad) -> Iterator[Pcm16]:
    """The utterances of a file, as the server would cut it with a fixed endpoint."""
    audio = np.frombuffer(b"".join(read_chunks(path)), np.int16)
    audio = np.pad(audio, (0, -len(audio) % WINDOW_SAMPLES))
    windows = audio.reshape(-1, WINDOW_SAMPLES)
    slot = vad.open()
    probabilities, levels = vad.score([slot], [len(windows)], windows)
    vad.close(slot)
    endpointer = Endpointer(EndpointingOptions(finished_ratio=1.0, unfinished_ratio=1.0))
    start = 0
    events = [
        event
        for window in zip(probabilities.tolist(), levels.tolist(), strict=True)
        for event in endpointer.push(*window)
    ]
    for event in events + endpointer.flush():
        if isinstance(event, Opened):
            start = event.start_sample
        elif isinstance(event, Closed):
            yield audio[start : event.end_sample]


def decode(
    decoder: WhisperDecoder, audios: Sequence[Pcm16], kind: JobKind, fit: Windows
) -> Decoded:
    """Decode each audio by itself, one for each replica at a time."""
    decode_options = DecodeOptions(language="en")
    jobs = [
        Job(str(n), "", n, kind, audio, decode_options, fit.fit(len(audio) / SAMPLE_RATE, kind))
        for n, audio in enumerate(audios)
    ]
    results: dict[str, Result] = {}
    looks_before, began = decoder.second_looks, time.process_time()
    waiting = iter(jobs)
    under_way: list[Iterator[Result | None]] = []
    while len(results) < len(jobs):
        while len(under_way) < decoder.info.parallel and (job := next(waiting, None)) is not None:
            under_way.append(decoder.decode([job]))
        for each in list(under_way):
            if (result := next(each, None)) is not None:
                results[result.job_id] = result
                under_way.remove(each)
        time.sleep(POLL_S)
    cpu_s = time.process_time() - began
    ordered = [results[job.id] for job in jobs]
    return Decoded(ordered, decoder.second_looks - looks_before, cpu_s)


def error_rate(cases: Sequence[Recording], utterances: Sequence[Utterance], done: Decoded) -> Score:
    """Over all cases, each with its utterances joined."""
    texts: list[list[str]] = [[] for _ in cases]
    for utterance, result in zip(utterances, done.results, strict=True):
        if not result.suppressed:
            texts[utterance.case].append(result.text)
    total = Score()
    for case, parts in zip(cases, texts, strict=True):
        total.add(score(case.transcript, " ".join(parts), "en"))
    return total


def partial_errors(partial: str, final: str) -> Score:
    """Errors of a partial's words but the last against the beginning of the final that fits best."""
    shown = [normalize_unit(unit) for unit in split_units(partial)][:-1]
    said = [normalize_unit(unit) for unit in split_units(final)]
    if not shown or not said:
        return Score(len(shown), len(shown))
    sizes = {
        min(max(len(shown) + more, 1), len(said)) for more in range(-SLACK_WORDS, SLACK_WORDS + 1)
    }
    outputs = [jiwer.process_words(" ".join(said[:size]), " ".join(shown)) for size in sizes]
    return Score(min(o.substitutions + o.deletions + o.insertions for o in outputs), len(shown))


def table_of(title: str, *columns: str) -> Table:
    """An empty table whose first column is a label."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def measure(options: argparse.Namespace) -> Iterator[Table]:
    """The two tables."""
    cases = [
        case
        for folder in FOLDERS
        if (options.speech / folder).is_dir()
        for case in read_recordings([options.speech / folder])
        if case.language == "en" and case.transcript
    ][: options.limit]
    vad = SileroVad(SileroNetwork(load_weights()))
    utterances = [
        Utterance(number, audio)
        for number, case in enumerate(track(cases, "cutting"))
        for audio in cut(case.path, vad)
    ]
    arguments: dict[str, Any] = {"device": "cpu", "compute_type": "default"}
    decoder = WhisperDecoder(options.model, **arguments, replicas=0, threads=0)
    audios = [utterance.audio for utterance in utterances]
    full = Windows(MAX_WINDOW_S, MAX_WINDOW_S)
    whole = decode(decoder, audios, "final", full)
    seconds = sum(map(len, audios)) / SAMPLE_RATE
    finals = table_of(
        f"{options.model}: {len(audios)} finals, {seconds:.0f} s",
        *("floor, margin s", "error %", "looks", "loops", "cost"),
    )
    margin_s = decoder.info.windows.margin_s
    rows = [(f"{floor:g}, {margin_s:g}", Windows(floor, floor)) for floor in options.floors]
    for label, windows in [*rows, ("30", full)]:
        done = whole if windows is full else decode(decoder, audios, "final", windows)
        finals.add_row(
            label,
            f"{error_rate(cases, utterances, done).percent:.2f}",
            str(done.looks),
            str(sum(result.suppressed == "repetition" for result in done.results)),
            f"{done.cpu_s / whole.cpu_s:.2f}",
        )
    yield finals
    beginnings = [
        (audio[: int(length_s * SAMPLE_RATE)], result.text)
        for audio, result in zip(audios, whole.results, strict=True)
        for length_s in PREFIXES_S
        if len(audio) > (length_s + 0.3) * SAMPLE_RATE and not result.suppressed
    ]
    chosen = np.random.default_rng(1).permutation(len(beginnings))[:PREFIXES]
    audios = [beginnings[number][0] for number in chosen]
    texts = [beginnings[number][1] for number in chosen]
    partials = table_of(
        f"{options.model}: {len(audios)} partials", "floor, margin s", "error %", "looks", "cost"
    )
    whole = decode(decoder, audios, "partial", full)
    rows = [(f"{f:g}, {margin_s:g}", replace(full, partial_floor_s=f)) for f in options.floors]
    for label, windows in [*rows, ("30", full)]:
        done = whole if windows is full else decode(decoder, audios, "partial", windows)
        total, held = Score(), 0
        for result, text in zip(done.results, texts, strict=True):
            if result.suppressed:
                held += 1
            else:
                total.add(partial_errors(result.text, text))
        cost = done.cpu_s / whole.cpu_s
        partials.add_row(label, f"{total.percent:.1f}", str(held), f"{cost:.2f}")
    yield partials


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--limit", type=int, help="files at most")
    parser.add_argument(
        "--floors",
        type=lambda text: [float(part) for part in text.split(",")],
        default=[5.0, 7.5, 10.0, 12.5, 15.0, 20.0],
    )
    for table in measure(parser.parse_args()):
        Console(width=100).print(table)


if __name__ == "__main__":
    main()
