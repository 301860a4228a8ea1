from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.captioning.cues import (
    LINE_CHARACTERS,
    LINES,
    Cue,
    cues,
    format_srt,
    format_vtt,
    text_width,
    wrap,
)
from surtitle.messages import Final, WordTiming


def final(
    text: str, start_ms: int = 0, end_ms: int = 1000, words: list[WordTiming] | None = None
) -> Final:
    return Final(
        seq=1,
        utterance=1,
        start_ms=start_ms,
        end_ms=end_ms,
        text=text,
        language="en",
        language_probability=1.0,
        confidence=0.9,
        words=words,
    )


def timed(*words: tuple[str, int, int]) -> list[WordTiming]:
    return [WordTiming(text=w, start_ms=s, end_ms=e, confidence=1.0) for w, s, e in words]


LONG = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age "
    "of foolishness, it was the epoch of belief, it was the epoch of incredulity."
)


# -- lines --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("abc", 3), ("你好", 4), ("ＡＢ", 4), ("a你", 3), ("é", 1)]
)
def test_full_width_characters_count_double(text: str, width: int) -> None:
    assert text_width(text) == width


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("   ", []),
        ("one two", ["one two"]),
        ("one two three", ["one two", "three"]),
        ("one two th", ["one two th"]),
        ("internationalization", ["internationalization"]),
        ("an internationalization it", ["an", "internationalization", "it"]),
        ("今天天气很好", ["今天天气很", "好"]),
        ("今天天气。很好", ["今天天气。", "很好"]),
        ("  a  ", ["a"]),
    ],
)
def test_text_is_wrapped(text: str, lines: list[str]) -> None:
    assert wrap(text, 10) == lines


@given(st.lists(st.text("abcdefg,.", min_size=1, max_size=LINE_CHARACTERS), max_size=30))
def test_lines_fit_and_lose_nothing(words: list[str]) -> None:
    lines = wrap(" ".join(words))
    assert all(0 < text_width(line) <= LINE_CHARACTERS for line in lines)
    assert " ".join(lines).split() == words


# -- cues ---------------------------------------------------------------------------------------


def test_a_short_final_is_one_cue() -> None:
    assert cues(final("Hello there.", 500, 1900)) == [Cue(500, 1900, ("Hello there.",))]


def test_no_text_makes_no_cue() -> None:
    assert cues(final("")) == []
    assert cues(final("  ")) == []


def test_a_long_final_is_shown_two_lines_at_a_time_in_proportion() -> None:
    result = cues(final(LONG, 1000, 11_000))
    assert [len(cue.lines) for cue in result] == [2, 2, 1]
    assert " ".join(line for cue in result for line in cue.lines) == LONG
    assert result[0].start_ms == 1000
    assert result[-1].end_ms == 11_000
    assert all(left.end_ms == right.start_ms for left, right in pairwise(result))
    assert result[0].end_ms == pytest.approx(5500, abs=700)


def test_cues_change_where_a_word_begins() -> None:
    words = LONG.split()
    times = timed(*((word, 1000 + 200 * i, 1100 + 200 * i) for i, word in enumerate(words)))
    result = cues(final(LONG, 1000, 1000 + 200 * len(words), times))
    counts = [sum(len(line.split()) for line in cue.lines) for cue in result]
    assert result[1].start_ms == 1000 + 200 * counts[0]
    assert result[2].start_ms == 1000 + 200 * (counts[0] + counts[1])
    assert result[-1].end_ms == 1000 + 200 * len(words)


@given(
    words=st.lists(st.text("abcde", min_size=1, max_size=12), min_size=1, max_size=60),
    start_ms=st.integers(0, 10_000),
    lengths=st.lists(st.integers(0, 900), min_size=60, max_size=60),
    with_words=st.booleans(),
)
def test_cues_cover_the_time_of_the_final(
    words: list[str], start_ms: int, lengths: list[int], with_words: bool
) -> None:
    at = start_ms
    times = []
    for word, length in zip(words, lengths, strict=False):
        times.append((word, at, at + length))
        at += length
    text = " ".join(words)
    result = cues(final(text, start_ms, at, timed(*times) if with_words else None))
    assert result[0].start_ms == start_ms
    assert result[-1].end_ms == at
    for cue in result:
        assert cue.start_ms <= cue.end_ms
        assert 1 <= len(cue.lines) <= LINES
    assert all(left.end_ms == right.start_ms for left, right in pairwise(result))
    assert " ".join(line for cue in result for line in cue.lines) == text


@given(
    times=st.lists(
        st.tuples(st.integers(-500, 9000), st.integers(-500, 9000)), min_size=60, max_size=60
    ),
    count=st.integers(0, 60),
)
def test_word_times_that_are_wrong_do_not_make_a_cue_run_backwards(
    times: list[tuple[int, int]], count: int
) -> None:
    words = ["word"] * 60
    timings = timed(*((w, *t) for w, t in zip(words, times, strict=True)))[:count]
    result = cues(final(" ".join(words), 1000, 7000, timings))
    assert result[0].start_ms == 1000
    assert result[-1].end_ms == 7000
    for cue in result:
        assert 1000 <= cue.start_ms <= cue.end_ms <= 7000


# -- files --------------------------------------------------------------------------------------


def test_srt() -> None:
    finals = [final("One & two.", 0, 1500), final("Three <i>.", 3_723_004, 3_725_000)]
    assert "".join(format_srt(finals)) == (
        "1\n00:00:00,000 --> 00:00:01,500\nOne & two.\n\n"
        "2\n01:02:03,004 --> 01:02:05,000\nThree <i>.\n\n"
    )


def test_webvtt_escapes_markup() -> None:
    finals = [final("One & two --> <b>.", 0, 1500)]
    assert "".join(format_vtt(finals)) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne &amp; two --&gt; &lt;b&gt;.\n\n"
    )


def test_two_lines_stand_under_one_time() -> None:
    text = "".join(format_srt([final(" ".join(["word"] * 12))]))
    assert text.count("-->") == 1
    assert text.splitlines()[2:] == [" ".join(["word"] * 8), " ".join(["word"] * 4), ""]


def test_numbers_run_through_all_finals() -> None:
    blocks = list(format_srt([final(LONG), final(""), final("End.", 1000, 2000)]))
    assert [block.split("\n")[0] for block in blocks] == ["1", "2", "3", "4"]


def test_no_finals_make_an_empty_file() -> None:
    assert list(format_srt([])) == []
    assert list(format_vtt([])) == ["WEBVTT\n\n"]


@pytest.mark.parametrize("text", ["one\n\ntwo", "one\r\n\r\ntwo", "one\u2028two", "one\n2\n"])
def test_a_line_break_in_the_text_does_not_end_the_cue(text: str) -> None:
    (block,) = format_srt([final(text)])
    assert "\n\n" not in block[:-2]
    assert len(block.splitlines()) == 4
