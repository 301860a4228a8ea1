"""From speech to text on screen: the page, the real server and the real model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import jiwer
import pytest
from playwright.sync_api import Page, expect

from lab.server_process import running_server
from tests.browser.page_parts import (
    choose_sample,
    final_captions,
    open_caption,
    open_transcript,
    saved,
)
from tests.marks import long
from tests.subtitle_readers import READERS, read_with_ffmpeg

# The sample's length and what the server, two cores shared with a browser, may take beyond it.
SPOKEN_LIMIT_MS = 45_000

# Every text that the growing captions ever show, in order.
WATCH_OPEN = """() => {
  const open = document.querySelector('#open');
  window.grown = [];
  new MutationObserver(() => window.grown.push(open.textContent))
    .observe(open, { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with running_server() as url:
        yield url


def words(text: str) -> str:
    """Text without what a reader aloud does not say: case and punctuation."""
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def test_from_microphone_to_text_on_screen(
    page: Page, server_url: str, sentences: list[str]
) -> None:
    page.goto(server_url)
    page.evaluate(WATCH_OPEN)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#state-words")).to_have_text("Listening · model tiny.en")
    expect(final_captions(page)).to_have_count(2, timeout=SPOKEN_LIMIT_MS)
    expect(page.get_by_label("Microphone", exact=True).locator("option")).not_to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")

    captions = " ".join(final_captions(page).all_inner_texts())
    assert jiwer.wer(words(" ".join(sentences[:2])), words(captions)) < 0.1
    growing = [text for text in page.evaluate("grown") if words(text)]
    assert len(set(growing)) >= 4  # two sentences of about four seconds, a partial every half
    assert len(growing[0]) < len(captions) / 3


@pytest.mark.long
def test_the_sample_is_captioned_word_for_word_and_can_be_saved(
    page: Page, server_url: str, sentences: list[str], tmp_path: Path
) -> None:
    page.goto(server_url)
    page.get_by_role("radio", name="Sample").check()
    page.get_by_role("button", name="Start").click()
    expect(open_caption(page)).to_contain_text(re.compile(r"\w+ \w+"))
    expect(page.locator("#state-words")).to_contain_text("Finished", timeout=SPOKEN_LIMIT_MS)
    expect(open_caption(page)).to_have_count(0)
    assert [words(text) for text in final_captions(page).all_inner_texts()] == [
        words(sentence) for sentence in sentences
    ]

    open_transcript(page)
    files = {name: saved(page, name, tmp_path) for name in ("Text", "SRT", "WebVTT")}
    assert [path.suffix for path in files.values()] == [".txt", ".srt", ".vtt"]
    assert [words(line) for line in files["Text"].read_text().splitlines()] == [
        words(sentence) for sentence in sentences
    ]
    cues = read_with_ffmpeg(files["SRT"])
    for path in (files["SRT"], files["WebVTT"]):
        assert [read(path) for read in READERS] == [cues] * len(READERS), path.suffix
    text = " ".join(line for cue in cues for line in cue.lines)
    assert words(text) == words(" ".join(sentences))
    assert all(cue.start_ms < cue.end_ms for cue in cues)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(cues))
    assert cues[-1].end_ms < 21_000  # the sample takes about 20 s


def recording(wav: Path, path: Path) -> bytes:
    """The file of the microphone in another container; that of MP4 has its index at the end."""
    codec = {".mp3": "libmp3lame", ".m4a": "aac", ".flac": "flac"}[path.suffix]
    with av.open(str(wav)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=16_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode())
    return path.read_bytes()


def caption_file(page: Page, server_url: str, path: Path) -> None:
    page.goto(server_url)
    page.get_by_role("radio", name="File").check()
    page.get_by_label("Sound or video file").set_input_files(path)
    page.get_by_role("button", name="Start").click()


@pytest.mark.parametrize(
    "name",
    ["talk.mp3", *map(long, ("talk.m4a", "talk.flac"))],
)
def test_a_damaged_file_is_captioned_but_for_the_damage_and_that_is_said(
    page: Page,
    server_url: str,
    microphone_wav: Path,
    sentences: list[str],
    tmp_path: Path,
    name: str,
) -> None:
    path = tmp_path / name
    data = bytearray(recording(microphone_wav, path))
    middle = len(data) // 2
    data[middle : middle + 400] = bytes((i * 37 + 11) % 256 for i in range(400))
    path.write_bytes(data)
    caption_file(page, server_url, path)
    expect(page.locator("#state-words")).to_contain_text("Finished", timeout=SPOKEN_LIMIT_MS)
    expect(page.get_by_role("alert")).to_contain_text("of the recording could not be read")
    captions = words(" ".join(final_captions(page).all_inner_texts()))
    assert jiwer.wer(words(" ".join(sentences[:2])), captions) < 0.3


@pytest.mark.long
def test_a_file_whose_index_comes_last_is_captioned_while_it_plays(
    page: Page, server_url: str, microphone_wav: Path, sentences: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "talk.m4a"
    data = recording(microphone_wav, path)
    assert data.index(b"moov") > data.index(b"mdat")
    caption_file(page, server_url, path)
    expect(open_caption(page)).to_contain_text(re.compile(r"\w+ \w+"))
    expect(page.locator("#state-words")).to_contain_text("Captioning “talk.m4a”")
    expect(page.locator("#state-words")).to_contain_text("Finished", timeout=SPOKEN_LIMIT_MS)
    captions = words(" ".join(final_captions(page).all_inner_texts()))
    assert jiwer.wer(words(" ".join(sentences[:2])), captions) < 0.1
    expect(page.get_by_role("alert")).to_be_empty()


def test_a_language_that_the_model_cannot_do_is_refused_in_words(
    page: Page, server_url: str
) -> None:
    page.goto(server_url)
    choose_sample(page)
    page.get_by_label("Spoken language").select_option("de")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("tiny.en")
    expect(page.locator("#state")).to_have_text("Not connected")
    expect(page.get_by_role("button", name="Start")).to_be_visible()
