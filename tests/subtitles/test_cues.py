from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.messages import Final, WordTiming
from surtitle.subtitles import cues as module
from surtitle.subtitles.breaks import text_width
from surtitle.subtitles.cues import (
    MAX_UNITS,
    Cue,
    Layout,
    LiveLayout,
    ReadingSpeed,
    Style,
    lay_out,
    lay_out_in_steps,
    reading_speed,
)
from tests.conformance import cases


def final(
    text: str,
    start_ms: int = 0,
    end_ms: int = 1000,
    words: list[WordTiming] | None = None,
    language: str = "en",
) -> Final:
    return Final(
        seq=1,
        utterance=1,
        start_ms=start_ms,
        end_ms=end_ms,
        text=text,
        language=language,
        language_probability=1.0,
        confidence=0.9,
        words=words,
    )


LONG = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age "
    "of foolishness, it was the epoch of belief, it was the epoch of incredulity."
)


@pytest.mark.parametrize("case", cases("layout"), ids=lambda case: case["name"])
def test_the_table(case: dict[str, Any]) -> None:
    finals = [
        final(
            given["text"],
            given["start_ms"],
            given["end_ms"],
            [WordTiming(**word, confidence=1.0) for word in given.get("words", [])] or None,
            given["language"],
        )
        for given in case["finals"]
    ]
    expected = [Cue(c["start_ms"], c["end_ms"], tuple(c["lines"])) for c in case["cues"]]
    assert lay_out(finals, Layout(**case["layout"])) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The talk was held by Assoc. Prof. Lee with Lt.-Col. Smith of Ohio, see Fig. A.", "en"),
        ("They went by Hwy. 101 on Thu. Jan. 5 to a house of Sec. Clinton in the hills.", "en"),
        (
            "Der Vortrag von Dr. med. Müller und Dipl.-Ing. Krause bei Müller & Co. KG ist aus.",
            "de",
        ),
        (
            "Ayer el Gob. Pérez de los EE. UU. Mexicanos habló con el Mtro. López en Av. Juárez.",
            "es",
        ),
        ("Hier soir, le Pdt. Martin a vu p. ex. Paris et le Bd. Voltaire selon l'art. 5.", "fr"),
        ("Ieri sera l'on. Meloni ha parlato con l'avv. Rossi, p. es. Roma e il Pres. Conti.", "it"),
        ("Ontem o Min. Barroso e o Gov. Tarcísio foram, p. ex. Lisboa, com o Des. Silva.", "pt"),
        ("Wczoraj min. Kowalski i ppor. Nowak, ur. w Krakowie, mówili ok. 5 godzin o tym.", "pl"),
        ("Вчера зам. директора Иванова и нач. штаба беседовали ок. 5 часов.", "ru"),
        ("Tegnap este, 2024. január 5. napján a Kft. vezetője kb. 5 órát beszélt erről.", "hu"),
        ("تحدث أمس د. محمد مع م. أحمد طويلا عن كل ما حدث في المدينة القديمة كلها", "ar"),
    ],
)
@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("width", range(28, 45, 4))
def test_no_line_ends_after_an_abbreviation(
    text: str, language: str, width: int, lines: int
) -> None:
    cues = lay_out([final(text, 0, 5200, language=language)], Layout(width=width, lines=lines))
    ends = [line for cue in cues for line in cue.lines]
    assert [line for line in ends[:-1] if line.endswith(".")] == []


# -- what always holds --------------------------------------------------------------------------

TEXTS = st.one_of(
    st.lists(st.sampled_from(LONG.split()), max_size=40).map(" ".join),
    st.text("字幕、。「」ちっー,. ab", max_size=60),
)


@st.composite
def talks(draw: st.DrawFn) -> list[Final]:
    """Finals one after the other, some with times of words, right or wrong."""
    finals, at = [], 0
    for text in draw(st.lists(TEXTS, max_size=5)):
        start_ms = at + draw(st.integers(0, 2000))
        at = start_ms + draw(st.integers(0, 9000))
        times = st.integers(start_ms - 500, at + 500)
        words = [
            WordTiming(text=word, start_ms=draw(times), end_ms=draw(times), confidence=1.0)
            for word in text.split()[: draw(st.integers(0, 50))]
        ]
        finals.append(final(text, start_ms, at, words or None))
    return finals


def letters(texts: list[str]) -> str:
    return "".join("".join(texts).split())


@given(talks(), st.integers(10, 50), st.integers(1, 4), st.sampled_from(["block", "roll-up"]))
def test_lines_fit_times_do_not_overlap_and_nothing_is_lost(
    finals: list[Final], width: int, count: int, style: Style
) -> None:
    cues = lay_out(finals, Layout(width=width, lines=count, style=style))
    for cue in cues:
        assert cue.start_ms < cue.end_ms
        assert 1 <= len(cue.lines) <= count
        for line in cue.lines:
            assert line == line.strip() != ""
            assert text_width(line) <= width or " " not in line
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(cues))
    shown = [line for cue in cues for line in (cue.lines if style == "block" else cue.lines[-1:])]
    assert letters(shown) == letters([final.text for final in finals])


@given(talks(), st.sampled_from(["block", "roll-up"]))
def test_in_steps_the_cues_are_the_same(finals: list[Final], style: Style) -> None:
    with patch.object(module, "MAX_UNITS", 10_000):
        steps = list(lay_out_in_steps(finals, Layout(style=style)))
    assert steps == lay_out(finals, Layout(style=style))


@given(
    talks(),
    st.integers(10, 50),
    st.integers(1, 4),
    st.sampled_from(["block", "roll-up"]),
    st.integers(2, 12),
)
def test_in_steps_of_a_few_words_nothing_is_lost_either(
    finals: list[Final], width: int, count: int, style: Style, most: int
) -> None:
    with patch.object(module, "MAX_UNITS", most), patch.object(module, "LOOK_AHEAD", most // 2):
        cues = list(lay_out_in_steps(finals, Layout(width=width, lines=count, style=style)))
    for cue in cues:
        assert cue.start_ms < cue.end_ms
        assert 1 <= len(cue.lines) <= count
        for line in cue.lines:
            assert line == line.strip() != ""
            assert text_width(line) <= width or " " not in line
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(cues))
    shown = [line for cue in cues for line in (cue.lines if style == "block" else cue.lines[-1:])]
    assert letters(shown) == letters([final.text for final in finals])


def test_a_talk_without_a_pause_is_laid_out_in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """And hardly worse than at once."""
    laid_out: list[int] = []

    def counting(units: Sequence[Any], layout: Layout) -> Any:
        laid_out.append(len(units))
        return whole(units, layout)

    whole = module._cues
    finals = [final(LONG, 10_000 * i, 10_000 * (i + 1)) for i in range(60)]
    at_once = lay_out(finals)
    monkeypatch.setattr(module, "_cues", counting)
    cues = list(lay_out_in_steps(finals))
    assert max(laid_out) <= MAX_UNITS + len(LONG.split())
    assert sum(laid_out) <= 3 * len(LONG.split()) * len(finals)
    assert len(set(cues) & set(at_once)) >= 0.95 * len(at_once)


@given(talks(), st.sampled_from(["block", "roll-up"]))
def test_live_cues_lose_nothing_and_do_not_overlap_either(
    finals: list[Final], style: Style
) -> None:
    live = LiveLayout(Layout(style=style))
    cues = [cue for final in finals for cue in live.add(final)]
    assert all(cue.start_ms < cue.end_ms for cue in cues)
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(cues))
    shown = [line for cue in cues for line in (cue.lines if style == "block" else cue.lines[-1:])]
    assert letters(shown) == letters([final.text for final in finals])


def test_a_live_cue_waits_until_the_one_before_has_had_its_time() -> None:
    live = LiveLayout()
    assert live.add(final("Yes.", 0, 300)) == [Cue(0, 1000, ("Yes.",))]
    assert live.add(final("I think so.", 800, 2000)) == [Cue(1000, 2000, ("I think so.",))]
    assert live.add(final("So do I.", 9000, 11_000)) == [Cue(9000, 11_000, ("So do I.",))]


def test_long_talks_without_a_pause_break_at_punctuation_alone() -> None:
    finals = [final(LONG, 10_000 * i, 10_000 * (i + 1)) for i in range(60)]
    cues = lay_out(finals)
    assert {cue.lines[-1][-1] for cue in cues} <= set(",.")
    assert cues[-1].end_ms == 600_000


# -- reading speed ------------------------------------------------------------------------------


def test_reading_speed_is_that_on_screen() -> None:
    cues = [Cue(0, 1000, ("Twenty characters at", "one second")), Cue(5000, 7000, ("Slow.",))]
    assert reading_speed(cues) == ReadingSpeed(
        characters_per_second=36 / 3, words_per_minute=6 * 20, fastest=31
    )


def test_lines_that_rolled_up_are_not_read_again() -> None:
    block = [Cue(0, 1000, ("One",)), Cue(1000, 2000, ("Two",)), Cue(2000, 3000, ("Three",))]
    rolling = [Cue(0, 1000, ("One",)), Cue(1000, 2000, ("One", "Two"))]
    rolling += [Cue(2000, 3000, ("Two", "Three"))]
    assert reading_speed(rolling) == reading_speed(block)


def test_characters_of_a_script_without_spaces_count_as_words() -> None:
    speed = reading_speed([Cue(0, 2000, ("今天天气，", "很好。"))])
    assert speed is not None
    assert (speed.characters_per_second, speed.words_per_minute) == (4.5, 180)


def test_without_cues_there_is_no_reading_speed() -> None:
    assert reading_speed([]) is None
