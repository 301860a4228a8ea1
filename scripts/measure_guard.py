"""What does the guard hold back? Quick speech, real repetition, loops, and sounds that are no speech.

    python scripts/measure_guard.py --model base --speech FOLDER [--parts quick,noise,repeated,loops]

FOLDER has folders with a manifest.tsv (columns file, seconds, language, transcript). Sessions are on
the audio's clock, with the real model; everything made is always the same. Parts:

    quick       the recordings at so many times their pace (--paces): error rate, utterances that
                were suppressed, decodes that were done once more, sessions that showed a partial
    noise       recordings in which nobody speaks, at these paces: how many got a text
    repeated    the same said several times: the same columns
    loops       texts that go in a circle: those that the model writes in windows that are too short
                for it, and made ones; how many of them the audio is said to bear out
"""

import argparse
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from load.score import Score, score
from quality.made import KINDS, PHRASE, looped, quicker, repeated, silence
from quality.recordings import NoRecordings, Recording, read_recordings
from quality.replay import Replayer
from quality.utterances import utterances
from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.jobs import SAMPLE_RATE, DecodeOptions, Job, Pcm16
from surtitle.messages import Final, Start, Suppressed
from surtitle.recognition.attempt import Decoded
from surtitle.recognition.guard import Evidence
from surtitle.recognition.repetition import repeats_itself
from surtitle.recognition.whisper import WhisperDecoder, _Decoding

PARTS = ("quick", "noise", "repeated", "loops")
WINDOW_STEP_S = 0.5
LONGEST_S = 30.0


@dataclass
class Heard:
    """What came of a kind of audio."""

    sessions: int = 0
    score: Score = field(default_factory=Score)
    utterances: int = 0
    suppressed: int = 0
    reasons: set[str] = field(default_factory=set)
    looks: int = 0
    with_text: int = 0
    with_partial: int = 0

    def row(self) -> Iterator[str]:
        """The cells of a table."""
        yield str(self.sessions)
        yield f"{self.score.percent:.1f}"
        held = f" ({', '.join(sorted(self.reasons))})" if self.reasons else ""
        yield f"{self.suppressed} of {self.utterances}{held}"
        yield str(self.looks)
        yield str(self.with_text)
        yield str(self.with_partial)


class Listener:
    """Sessions with one model, and what the guard makes of them."""

    def __init__(self, model: str, *, verbose: bool = False) -> None:
        self.verbose = verbose
        self.decoder = WhisperDecoder(
            model, device="cpu", compute_type="default", replicas=1, threads=2
        )

    def hear(self, heard: Heard, audio: Pcm16, language: str, text: str = "") -> None:
        """A session that is sent the audio; counts what comes back against the text."""
        looks = self.decoder.second_looks
        replayer = Replayer(self.decoder)
        start = Start(language=language)
        messages = [each.message for each in replayer.replay(audio, start, EndpointingOptions())]
        found = utterances(messages)
        answers = [each.answer for each in found.values()]
        held = [answer.reason for answer in answers if isinstance(answer, Suppressed)]
        said = " ".join(answer.text for answer in answers if isinstance(answer, Final))
        heard.sessions += 1
        heard.score.add(score(text, said, language))
        heard.utterances += len(found)
        heard.suppressed += len(held)
        heard.reasons |= set(held)
        heard.looks += self.decoder.second_looks - looks
        shown = any(p.stable + p.unstable for each in found.values() for p in each.partials)
        heard.with_partial += shown
        heard.with_text += bool(said)
        if self.verbose:
            print(
                f"{', '.join(held) or 'shown'}{'' if shown else ', no partial'}: {said}", flush=True
            )

    def is_borne_out(self, audio: Pcm16, language: str, text: str) -> bool:
        """Whether the decoder takes a text that repeats itself for what was said in the audio."""
        seconds = len(audio) / SAMPLE_RATE
        window_s = self.decoder.info.windows.fit(seconds, "final")
        decoding = self._decoding(Job("", "", 0, "final", audio, DecodeOptions(language), window_s))
        tokens = self.decoder._tokenizer(decoding).encode(" " + text)
        decoded = Decoded(tokens, Evidence(text, seconds, -0.1, 0.0))
        return self.decoder._aligned(decoding, decoded).evidence.repeated

    def own_loop(self, audio: Pcm16, language: str) -> tuple[str, bool] | None:
        """What the model writes in a window that has no margin, if it goes in a circle; and whether
        the decoder takes that for what was said."""
        window_s = -(-len(audio) / SAMPLE_RATE // WINDOW_STEP_S) * WINDOW_STEP_S
        job = Job("", "", 0, "partial", audio, DecodeOptions(language), window_s)
        decoding = self._decoding(job)
        self.decoder._start([decoding])
        decoded = self.decoder._read(decoding)
        if not repeats_itself(decoded.evidence.text):
            return None
        return decoded.evidence.text, self.decoder._aligned(decoding, decoded).evidence.repeated

    def _decoding(self, job: Job) -> _Decoding:
        decoding = self.decoder._begin(job)
        decoding.language, decoding.window_s = job.decode_options.language or "", job.window_s
        return decoding


def table(title: str, heard: Iterable[tuple[str, Heard]]) -> Table:
    """A row for each kind."""
    made = Table(title=title, title_justify="left")
    columns = ("kind", "sessions", "errors %", "suppressed", "looks", "with text", "with partials")
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left")
    for label, each in heard:
        made.add_row(label, *each.row())
    return made


def replay(listener: Listener, recordings: Sequence[Recording], paces: Sequence[float]) -> Table:
    """Recordings at several paces."""
    heard: dict[str, Heard] = {}
    for pace in paces:
        for recording in track(recordings, f"{pace:g} times"):
            kind = f"{recording.folder}, {recording.language}, {pace:g} times"
            audio = np.concatenate([quicker(recording.clip().audio, pace), silence(1.5)])
            of = heard.setdefault(kind, Heard())
            listener.hear(of, audio, recording.decoded_as, recording.transcript)
    return table("at a quicker pace", heard.items())


def repeat(listener: Listener, speech: Path, kinds: Collection[str]) -> Table:
    """People who repeat themselves."""
    heard: dict[str, Heard] = {}
    known = listener.decoder.info.languages
    cases = [c for c in repeated(speech) if c.language in known and c.kind in kinds]
    for case in track(cases, "repeated"):
        of = heard.setdefault(case.kind, Heard())
        listener.hear(of, case.audio, case.language, case.text)
    return table("said several times", heard.items())


def loop(listener: Listener, speech: Path) -> Table:
    """Texts in a circle, and how many of them pass for what was said."""
    made = Table(title="loops", title_justify="left")
    for column in ("kind", "loops", "caught"):
        made.add_column(column)
    cases = list(looped(speech))
    passed = [each for each in cases if listener.is_borne_out(each.audio, each.language, each.text)]
    made.add_row("written", str(len(cases)), str(len(cases) - len(passed)))
    own = []
    for case in track(cases, "own loops"):
        for share in (0.25, 0.5, 0.75, 1.0):
            audio = case.audio[: round(share * len(case.audio))]
            if (found := listener.own_loop(audio, case.language)) is not None:
                own.append(found)
    made.add_row("the model's", str(len(own)), str(sum(not passed for _, passed in own)))
    for each in passed:
        print("passed:", each.text)
    for text in (text for text, was_passed in own if was_passed):
        print("passed:", text)
    return made


def measure(options: argparse.Namespace) -> Iterator[Table]:
    """The tables asked for."""
    listener = Listener(options.model, verbose=options.verbose)
    every = read_recordings([options.speech], listener.decoder.info.languages)
    if options.folders:
        every = [each for each in every if each.folder in options.folders]
    every = [each for each in every if each.seconds < LONGEST_S or not each.has_speech]
    quick = [each for each in every if each.has_speech and each.transcript][:: options.every]
    if "quick" in options.parts:
        yield replay(listener, quick, options.paces)
    if "noise" in options.parts:
        yield replay(listener, [each for each in every if not each.has_speech], options.paces)
    if "repeated" in options.parts:
        yield repeat(listener, options.speech, options.kinds)
    if "loops" in options.parts:
        yield loop(listener, options.speech)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What does the guard hold back?")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--folders", type=lambda text: text.split(","), default=[])
    parser.add_argument(
        "--paces", type=lambda text: [float(p) for p in text.split(",")], default=[1.5, 2.0]
    )
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=[*KINDS, PHRASE])
    parser.add_argument("--verbose", action="store_true", help="print the text of each session")
    parser.add_argument("--every", type=int, default=1, help="only each n-th recording")
    console = Console(width=120)
    try:
        for made in measure(parser.parse_args()):
            console.print(made)
    except NoRecordings as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
