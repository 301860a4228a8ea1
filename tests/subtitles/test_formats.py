"""SRT, WebVTT and ASS as text, and as the parsers of other projects read them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from surtitle.subtitles.cues import Cue
from surtitle.subtitles.formats import cue_format, format_srt, format_vtt
from surtitle.subtitles.substation import MAX_MS, format_events
from tests.subtitle_readers import READERS, read_with_ffmpeg, read_with_pysubs2

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


def in_a_file(kind: str, cues: list[Cue]) -> str:
    form = cue_format(kind)
    assert form is not None
    return form.header + "".join(form.blocks(cues, 1))


def test_each_format_of_cues_grows_by_whole_blocks() -> None:
    for kind in ("srt", "vtt", "ass"):
        form = cue_format(kind)
        assert form is not None
        parts = [part for at, cue in enumerate(CUES) for part in form.blocks([cue], at + 1)]
        assert form.header + "".join(parts) == in_a_file(kind, CUES)
    assert cue_format("text") is None


def test_ass() -> None:
    assert list(format_events(CUES[:2])) == [
        "Dialogue: 0,0:00:00.00,0:00:01.50,Default,,0,0,0,,One & two --> <b>.\n",
        "Dialogue: 0,0:00:02.00,0:00:04.00,Default,,0,0,0,,First line,\\Nsecond line.\n",
    ]


@pytest.mark.parametrize("read", [read_with_ffmpeg, read_with_pysubs2])
def test_players_and_editors_read_ass(read: Callable[[Path], list[Cue]], tmp_path: Path) -> None:
    path = tmp_path / "captions.ass"
    said = r"{\i1}Go to C:\New, he said. \hm"
    cues = [
        *CUES[:2],
        Cue(3_723_000, 3_725_000, ("今天天气很好。", "ＡＢ")),
        Cue(MAX_MS - 1, MAX_MS, (said,)),
    ]
    path.write_text(in_a_file("ass", [*cues, Cue(MAX_MS, MAX_MS + 1, ("later",))]), "utf-8")
    *others, special = read(path)
    assert others == cues[:-1]
    assert special.lines[0].replace("\u2060", "") == said.replace("{", "\uff5b").replace(
        "}", "\uff5d"
    )
