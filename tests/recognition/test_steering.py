"""The examples of docs/steering.md: what a prompt and hotwords change, and what they do not."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.audio import decode_audio

from lab.places import REPOSITORY, speech_folder
from make_sample import speak
from surtitle.jobs import SAMPLE_RATE, DecodeOptions, Job, Pcm16
from tests.marks import needs_speech
from tests.recognition.test_whisper import decoded, decoder

pytestmark = pytest.mark.long

DOCUMENT = REPOSITORY / "docs" / "steering.md"
MODELS = ("tiny.en", "base")
GAP_S = 0.2
"""Between two languages: too short to end an utterance."""
VARIES = "*varies"
"""How a cell begins that has no result to rely on."""
QUIETER = 0.9
LATER_SAMPLES = 40

_BOLD = re.compile(r"\*\*(.+?)\*\*")


@dataclass(frozen=True)
class Example:
    """A row of a table, for one model."""

    said: str
    """A sentence, or a recording in backticks."""
    hotwords: tuple[str, ...]
    prompt: str
    model: str
    captions: tuple[str, ...]
    """What may come."""

    @property
    def id(self) -> str:
        words = f"{self.said.strip('`')[:24]}-{','.join(self.hotwords) or self.prompt[:24]}"
        return f"{self.model}-{words}"


def examples() -> Iterator[Example]:
    columns: list[str] = []
    said = ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        names = [cell.strip("`") for cell in cells]
        if not cells:
            columns = []
        elif not columns:
            columns = names
        elif set(MODELS) < set(columns) and not cells[0].startswith("---"):
            row = dict(zip(columns, cells, strict=True))
            said = row["said"] or said
            hotwords = tuple(word for word in row.get("hotwords", "").split(", ") if word)
            for model in (each for each in MODELS if not row[each].startswith(VARIES)):
                yield Example(said, hotwords, row["prompt"], model, tuple(row[model].split(" / ")))


EXAMPLES = list(examples())


@cache
def audio_of(said: str) -> Pcm16:
    if said.startswith("`"):
        return recording(said.strip("`"))
    return speak([said], seed=7)


@cache
def recording(name: str) -> Pcm16:
    path = (speech_folder() or Path()) / name
    if not path.is_file():
        pytest.skip(f"no recorded speech {name} (docs/testing.md)")
    audio: Pcm16 = np.round(decode_audio(str(path)) * 32767).astype(np.int16)
    return audio


def hardly_changed(audio: Pcm16) -> Iterator[Pcm16]:
    """What nobody hears may turn a small model from one text to another, as another processor does."""
    yield audio
    yield np.round(audio * QUIETER).astype(np.int16)
    yield np.pad(audio, (LATER_SAMPLES, 0))


def text_of(model: str, audio: Pcm16, decode_options: DecodeOptions) -> str:
    window_s = decoder(model).info.windows.fit(len(audio) / SAMPLE_RATE, "final")
    return decoded([Job("1", "s", 1, "final", audio, decode_options, window_s)], model)["1"].text


def has_in_order(text: str, parts: Sequence[str]) -> bool:
    for part in parts:
        _, found, text = text.partition(part)
        if not found:
            return False
    return True


def test_the_tables_are_read() -> None:
    assert len(EXAMPLES) >= 40
    assert all(_BOLD.search(caption) for example in EXAMPLES for caption in example.captions)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_an_example_gives_the_bold_parts(example: Example) -> None:
    options = DecodeOptions(language="en", hotwords=example.hotwords, prompt=example.prompt)
    for audio in hardly_changed(audio_of(example.said)):
        text = text_of(example.model, audio, options)
        assert any(has_in_order(text, _BOLD.findall(caption)) for caption in example.captions), text


@needs_speech
@pytest.mark.parametrize(
    ("language", "present", "absent"),
    [(None, "silly", "tierra"), ("en", "silly", "tierra"), ("es", "tierra", "silly")],
)
def test_of_two_languages_in_an_utterance_one_is_missing(
    language: str | None, present: str, absent: str
) -> None:
    english = recording("librispeech/1688-142285-0002.flac")
    spanish = recording("multilingual/fleurs-es-003.ogg")[: 5 * SAMPLE_RATE]
    gap = np.zeros(round(GAP_S * SAMPLE_RATE), np.int16)
    options = DecodeOptions(language=language, languages=("en", "es"))
    text = text_of("base", np.concatenate([english, gap, spanish]), options).lower()
    assert present in text
    assert absent not in text
