"""Word (or character) error rate of the stream beside the offline decode of the same files.

    python scripts/measure_accuracy.py FILE.flac ... [--model tiny.en] [--real-time]
    python scripts/measure_accuracy.py --manifest FOLDER [--model base] [--limit 20]

Each file goes through a server of its own, over the socket; the offline side is faster-whisper with
its defaults (beam 5, 30 s windows, temperature fall-back). References come from `manifest.tsv`
beside each file (columns `file` and `transcript`). Prints one line a file and the total.
"""

import argparse
import asyncio
import csv
import time
from dataclasses import dataclass
from pathlib import Path

import jiwer
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from surtitle.app import first_of, running
from surtitle.captionfile import FileStream
from surtitle.client import connect
from surtitle.config import load_settings
from surtitle.media import read_chunks
from surtitle.messages import Ended, Final, ServerMessage, Start
from surtitle.telemetry import configure_logging


@dataclass(frozen=True)
class Case:
    """A file and what is said in it."""

    path: Path
    seconds: float
    language: str
    transcript: str


@dataclass
class Score:
    """Errors of a text against its reference; in characters for languages without spaces."""

    errors: int = 0
    units: int = 0

    def add(self, other: "Score") -> None:
        """Sum up."""
        self.errors += other.errors
        self.units += other.units

    @property
    def percent(self) -> float:
        """Error rate in per cent."""
        return 100 * self.errors / max(self.units, 1)


_english = EnglishTextNormalizer()
_basic = BasicTextNormalizer()


def score(reference: str, text: str, language: str) -> Score:
    """Count the errors after Whisper's own normalization."""
    result: jiwer.WordOutput | jiwer.CharacterOutput
    if language == "zh":
        pair = [_basic(side).replace(" ", "") for side in (reference, text)]
        result = jiwer.process_characters(*pair)
    else:
        normalize = _english if language == "en" else _basic
        result = jiwer.process_words(normalize(reference), normalize(text))
    errors = result.substitutions + result.deletions + result.insertions
    return Score(errors, errors - result.insertions + result.hits)


def read_cases(files: list[Path], manifest: Path | None) -> list[Case]:
    """The cases of a manifest, or of the files named."""
    folders = [manifest] if manifest else sorted({file.parent for file in files})
    wanted = {file.resolve() for file in files}
    cases = []
    for folder in folders:
        with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                path = (folder / row["file"]).resolve()
                if manifest or path in wanted:
                    language = row["language"].split("+")[0]  # of a mix, the first
                    seconds = float(row["seconds"])
                    cases.append(Case(path, seconds, language, row["transcript"]))
    return cases


async def stream(url: str, case: Case, *, real_time: bool) -> tuple[str, Ended]:
    """The text of all finals, through the socket."""
    finals: list[str] = []
    ended: list[Ended] = []

    def collect(message: ServerMessage) -> None:
        if isinstance(message, Final):
            finals.append(message.text)
        elif isinstance(message, Ended):
            ended.append(message)

    async with connect(url, Start(language=case.language)) as captions:
        await FileStream(captions, read_chunks(case.path), real_time=real_time).run(collect)
    return " ".join(finals), ended[0]


async def stream_all(cases: list[Case], model: str, real_time: bool) -> list[tuple[str, Ended]]:
    """Stream every case through one server, one after the other."""
    settings = load_settings({"model": model, "port": 0, "log_level": "warning"})
    configure_logging(settings.log())
    async with running(settings) as app:
        await first_of(app.ready, app.failed)
        return [await stream(app.url, case, real_time=real_time) for case in cases]


def decode_offline(cases: list[Case], model: str) -> list[str]:
    """faster-whisper's own transcription of each whole file, in this process."""
    from faster_whisper import WhisperModel

    from surtitle.recognition.models import locate

    whisper = WhisperModel(**locate(model).arguments(), device="cpu", compute_type="int8")
    texts = []
    for case in cases:
        segments, _ = whisper.transcribe(str(case.path), language=case.language, beam_size=5)
        texts.append(" ".join(segment.text.strip() for segment in segments))
    return texts


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--model", default="base")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--real-time", action="store_true")
    parser.add_argument("--no-offline", action="store_true")
    parser.add_argument("--show", action="store_true", help="print the texts")
    options = parser.parse_args()
    cases = read_cases(options.files, options.manifest)[: options.limit]
    began = time.perf_counter()
    streamed = asyncio.run(stream_all(cases, options.model, options.real_time))
    stream_s = time.perf_counter() - began
    began = time.perf_counter()
    offline = [""] * len(cases) if options.no_offline else decode_offline(cases, options.model)
    offline_s = time.perf_counter() - began
    totals = Score(), Score()
    for case, (text, ended), whole in zip(cases, streamed, offline, strict=True):
        scores = (
            score(case.transcript, text, case.language),
            score(case.transcript, whole, case.language),
        )
        for total, each in zip(totals, scores, strict=True):
            total.add(each)
        print(
            f"{case.path.name:40} stream {scores[0].percent:5.1f} %  "
            f"offline {scores[1].percent:5.1f} %  utterances {ended.utterances}  "
            f"captioned {ended.captioned_ms}  silence {ended.silence_ms}  "
            f"suppressed {ended.suppressed_ms}  failed {ended.failed_ms}  of {ended.audio_ms} ms"
        )
        if options.show:
            print("  stream: ", text, "\n  offline:", whole)
    print(
        f"total ({totals[0].units} units): stream {totals[0].percent:.2f} % in {stream_s:.0f} s, "
        f"offline {totals[1].percent:.2f} % in {offline_s:.0f} s"
    )


if __name__ == "__main__":
    main()
