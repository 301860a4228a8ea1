"""Makes files with the ffmpeg command, and keeps account of what must come of them."""

import json
import random
import subprocess
from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import soxr

from surtitle.jobs import SAMPLE_RATE
from wild.damage import Span
from wild.expectation import Folder, Hole, Piece, Reference, WildFile
from wild.talk import Talk, Wave, read_wave

FINE, DAMAGED, UNREADABLE = (0,), (4,), (1,)
EITHER = (0, 4)
"""Where nothing in the file tells that there was more."""
FRAME_S = 0.1
"""A hole reaches so far beyond the packets that are hurt: codecs carry something on to the next."""

Edit = Callable[[bytes, random.Random], tuple[bytes, list[Span]]]


class NoEncoder(Exception):
    """This ffmpeg cannot write the format."""


class Maker:
    """One folder in the making."""

    def __init__(self, folder: Path, seed: int, long: Talk, short: Talk, other: Talk) -> None:
        """`long` is for damage, `short` for formats, `other` for what comes in between."""
        self.folder = folder
        self.long, self.short, self.other = long, short, other
        self.chance = random.Random(seed)
        self._seed = seed
        self._references: list[Reference] = []
        self._files: list[WildFile] = []
        self.left_out: list[str] = []
        """Files that this ffmpeg cannot write."""
        (folder / "reference").mkdir(parents=True, exist_ok=True)
        for name, talk in (("long", long), ("short", short), ("other", other)):
            self.reference(name, talk)

    def talk(self, name: str) -> Talk:
        """One of the three."""
        return {"long": self.long, "short": self.short, "other": self.other}[name]

    def reference(self, name: str, talk: Talk, wave: Wave | None = None) -> str:
        """Add what a talk sounds like, where a codec changes it."""
        if all(each.name != name for each in self._references):
            path = f"reference/{name}.wav"
            encode(talk.wave if wave is None else wave, SAMPLE_RATE, self.folder / path)
            self._references.append(Reference(name, path, talk.utterances))
        return name

    def path(self, name: str) -> Path:
        """Where a file is made."""
        made = self.folder / "files" / name
        made.parent.mkdir(parents=True, exist_ok=True)
        return made

    def add(
        self,
        path: Path,
        kind: str,
        statuses: tuple[int, ...],
        pieces: Sequence[Piece] = (),
        holes: Sequence[Hole] = (),
        missing_s: tuple[float, float] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        """Enter a file that was made."""
        self._files.append(
            WildFile(
                path=str(path.relative_to(self.folder)),
                kind=kind,
                statuses=statuses,
                pieces=tuple(pieces),
                holes=tuple(holes),
                missing_s=(0.0, 0.0) if missing_s is None and statuses == FINE else missing_s,
                arguments=tuple(arguments),
            )
        )

    def whole(self, name: str, at_s: float = 0.0) -> Piece:
        """All of a talk, from `at_s` on."""
        return Piece(name, 0.0, self.talk(name.partition("-")[0]).seconds, at_s)

    def plain(
        self,
        file: str,
        kind: str,
        *options: str,
        talk: str = "short",
        rate: int = SAMPLE_RATE,
        lossy: bool = False,
    ) -> Path | None:
        """A talk in a format; `lossy` codecs have a reference of their own. None if it cannot be."""
        path = self.path(file)
        try:
            encode(self.at(rate, talk), rate, path, *options)
        except NoEncoder:
            self.left_out.append(file)
            return None
        reference = talk
        if lossy:
            reference = self.reference(
                f"{talk}-{Path(file).name}", self.talk(talk), read_wave(path)
            )
        self.add(path, kind, FINE, [self.whole(reference)])
        return path

    def source(self, name: str, rate: int, *options: str) -> Path | None:
        """The long talk in a format, to be damaged; not one of the files. None if it cannot be."""
        path = self.folder / "sources" / name
        path.parent.mkdir(exist_ok=True)
        try:
            encode(self.at(rate, "long"), rate, path, *options)
        except NoEncoder:
            self.left_out.append(name)
            return None
        return path

    def at(self, rate: int, talk: str) -> Wave:
        """A talk at a sample rate."""
        wave = self.talk(talk).wave
        resampled: Wave = wave if rate == SAMPLE_RATE else soxr.resample(wave, SAMPLE_RATE, rate)
        return resampled

    def damaged(
        self,
        file: str,
        kind: str,
        source: Path,
        edit: Edit,
        *,
        reference: str = "long",
        statuses: tuple[int, ...] = DAMAGED,
        moved: bool = False,
        missing: bool = True,
    ) -> None:
        """A file of the long talk with some bytes hurt; holes are where packets have those bytes.

        `moved`: what follows comes earlier by what was taken out, as in a format without a clock.
        """
        data = source.read_bytes()
        hurt, spans = edit(data, self.chance)
        path = self.path(file)
        path.write_bytes(hurt)
        lost = lost_stretches(source, len(data), spans)
        seconds = self.talk(reference.partition("-")[0]).seconds
        whole = self.whole(reference)
        pieces = [whole]
        if lost and lost[-1].end_s >= seconds - FRAME_S:  # broken off
            whole = Piece(reference, 0.0, lost[-1].start_s, 0.0)
            pieces = [whole]
        elif moved and lost:
            shift_s = (len(hurt) - len(data)) / len(data) * seconds
            pieces = [
                Piece(reference, 0.0, lost[0].start_s, 0.0),
                Piece(reference, lost[-1].end_s, seconds, lost[-1].end_s + shift_s),
            ]
        lost_s = sum(min(each.end_s, seconds) - each.start_s for each in lost)
        told = (0.3 * lost_s, 1.5 * lost_s) if missing and statuses == DAMAGED else None
        holes = [Hole(each.start_s - FRAME_S, each.end_s + FRAME_S) for each in lost]
        self.add(path, kind, statuses, pieces, holes, told)

    def write(self) -> Folder:
        """The account of the folder."""
        made = Folder(self._seed, tuple(self._references), tuple(self._files))
        made.write(self.folder)
        return made


def encode(wave: Wave, rate: int, path: Path, *options: str) -> None:
    """Write samples of shape (n,) or (n, channels) in a format. Raises NoEncoder."""
    channels = 1 if wave.ndim == 1 else wave.shape[1]
    raw = ["-f", "f32le", "-ar", str(rate), "-ac", str(channels), "-i", "-"]
    ffmpeg(*raw, *options, f"file:{path}", data=np.ascontiguousarray(wave, "<f4").tobytes())


def ffmpeg(*arguments: str, data: bytes = b"") -> None:
    """Run the command. Raises NoEncoder where it fails."""
    exact = ["-flags", "+bitexact", "-fflags", "+bitexact"]
    command = ["ffmpeg", "-nostdin", "-y", "-v", "error", *arguments[:-1], *exact, arguments[-1]]
    if "-" in arguments:
        command.remove("-nostdin")
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode:
        raise NoEncoder(done.stderr.decode(errors="replace").strip())


def lost_stretches(source: Path, size: int, spans: Sequence[Span]) -> list[Hole]:
    """When the audio of the packets is heard in which these bytes are; joined where they touch."""
    packets = _packets(source)
    if not packets:
        return []
    ends = chain((place for _, place, _ in packets[1:]), [size])
    hurt: list[Hole] = []
    for (start_s, place, length_s), end in zip(packets, ends, strict=True):
        end = max(end, place + 1)
        if any(span.start < end and span.end > place for span in spans):
            stop_s = start_s + length_s
            if hurt and start_s <= hurt[-1].end_s + 0.5:
                hurt[-1] = Hole(hurt[-1].start_s, max(stop_s, hurt[-1].end_s))
            else:
                hurt.append(Hole(start_s, stop_s))
    return hurt


def _packets(source: Path) -> list[tuple[float, int, float]]:
    """Time, place in bytes and length of each audio packet."""
    command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_packets", "-of", "json"]
    done = subprocess.run([*command, f"file:{source}"], capture_output=True, check=True)
    known = [each for each in json.loads(done.stdout)["packets"] if "pos" in each]
    start_s = float(known[0].get("pts_time", 0)) if known else 0.0
    times = [max(float(each.get("pts_time", 0)) - start_s, 0.0) for each in known]
    lengths = [float(each.get("duration_time", 0)) for each in known]
    for index, (here, there) in enumerate(pairwise(times)):
        lengths[index] = lengths[index] or max(there - here, 0.0)
    return [
        (time, int(each["pos"]), length)
        for each, time, length in zip(known, times, lengths, strict=True)
    ]
