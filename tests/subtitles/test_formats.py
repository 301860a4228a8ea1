"""SRT and WebVTT as text, and as the parsers of other projects read them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from surtitle.subtitles.cues import Cue
from surtitle.subtitles.formats import format_srt, format_vtt
from tests.subtitle_readers import READERS, read_with_ffmpeg

CUES = [
    Cue(0, 1500, ("One & two --> <b>.",)),
    Cue(2000, 4000, ("First line,", "second line.")),
    Cue(3_723_004, 3_725_000, ("今天天气很好。", "ＡＢ")),
]


def test_srt() -> None:
    assert "".join(format_srt(CUES[:2])) == (
        "1\n00:00:00,000 --> 00:00:01,500\nOne & two --> <b>.\n\n"
        "2\n00:00:02,000 --> 00:00:04,000\nFirst line,\nsecond line.\n\n"
    )


def test_webvtt_escapes_markup() -> None:
    assert "".join(format_vtt(CUES[:2])) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne &amp; two --&gt; &lt;b&gt;.\n\n"
        "00:00:02.000 --> 00:00:04.000\nFirst line,\nsecond line.\n\n"
    )


def test_no_cues_make_an_empty_file() -> None:
    assert list(format_srt([])) == []
    assert list(format_vtt([])) == ["WEBVTT\n\n"]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_other_parsers_read_the_same_cues(
    kind: str, read: Callable[[Path], list[Cue]], tmp_path: Path
) -> None:
    cues = CUES[1:]  # SRT has no way to write the markup of the first
    path = tmp_path / f"captions.{kind}"
    path.write_text("".join({"srt": format_srt, "vtt": format_vtt}[kind](cues)), "utf-8")
    assert read(path) == cues


def test_a_player_shows_escaped_markup_as_it_was_said(tmp_path: Path) -> None:
    path = tmp_path / "captions.vtt"
    path.write_text("".join(format_vtt(CUES)), "utf-8")
    assert read_with_ffmpeg(path) == CUES
