"""What counts as moved, as a jump, and as gone too soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillness.motion import Figures, Moment, Word, figures
from stillness.stream import Said, load, made, save

END_S = 60.0


def line(text: str, top: float = 0, left: float = 0) -> list[Word]:
    """Words of ten pixels a letter."""
    words = []
    for word in text.split():
        words.append(Word(word, left, top))
        left += 10 * (len(word) + 1)
    return words


def seen(*moments: tuple[float, list[Word]]) -> Figures:
    return figures([Moment(at_s, words) for at_s, words in moments], END_S)


def test_text_that_grows_stands_still() -> None:
    found = seen((0, line("one")), (1, line("one two")), (2, line("one two three")))
    assert (found.words, found.moved, found.jumps) == (3, 0, 0)


def test_a_word_that_is_pushed_aside_moves_with_those_after_it() -> None:
    found = seen((0, line("one two three four")), (1, line("one second three four")))
    assert (found.moved, found.jumps) == (2, 1)
    assert found.moves == ["1.00 s: three four"]


def test_a_word_that_nobody_has_read_yet_may_move() -> None:
    found = seen((0, line("one two three")), (0.3, line("one second three")))
    assert found.jumps == 0


def test_lines_that_go_up_together_are_a_scroll_and_down_is_a_jump() -> None:
    two = line("one two") + line("three four", top=20)
    up = line("one two", top=-20) + line("three four")
    assert seen((0, two), (1, up + line("five", top=20))).jumps == 0
    assert seen((0, up), (1, two)).moved == 4


def test_a_line_that_goes_up_alone_moves() -> None:
    two = line("one two three") + line("four five", top=40)
    assert seen((0, two), (1, line("one two three") + line("four five", top=20))).moved == 2


def test_what_is_said_twice_is_not_taken_for_what_stands_elsewhere() -> None:
    copy = line("and every vote", top=20)
    found = seen((0, line("we say and every vote") + copy), (1, line("we say") + copy))
    assert found.jumps == 0


def test_a_block_that_is_replaced_moves_nothing() -> None:
    found = seen(
        (0, line("one of the two people who came")), (2, line("after months of debate the time"))
    )
    assert (found.moved, found.words) == (0, 13)


@pytest.mark.parametrize(("gone_s", "short", "brief"), [(1.9, 1, 4), (2.2, 0, 1), (3, 0, 0)])
def test_words_that_are_gone_too_soon(gone_s: float, short: int, brief: int) -> None:
    found = seen(
        (0.6, line("one two three")), (1, line("one two three four")), (gone_s, line("five"))
    )
    assert (found.short, found.brief) == (short, brief)


def test_what_was_taken_back_is_not_gone_too_soon() -> None:
    found = seen((0, line("one two three four")), (0.5, line("one two four")))
    assert (found.short, found.brief) == (0, 0)


def test_a_word_written_anew_goes_on() -> None:
    found = seen((0, line("one too")), (0.9, line("one two")), (1.8, line("three")))
    assert (found.short, found.words) == (0, 3)


def test_a_made_talk_is_always_the_same_and_can_be_kept(tmp_path: Path) -> None:
    stream = made(3, 30)
    assert stream == made(3, 30)
    assert stream != made(4, 30)
    assert [said.at_s for said in stream] == sorted(said.at_s for said in stream)
    kept = tmp_path / "talk.jsonl"
    save(stream, kept)
    assert load(kept) == [Said(round(said.at_s, 3), said.message) for said in stream]
