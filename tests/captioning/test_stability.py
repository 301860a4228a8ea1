import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from surtitle.captioning.stability import (
    ASKED,
    CONTRARY_S,
    Stabilizer,
    confidences,
    join,
    normalize_unit,
    split_units,
)
from surtitle.jobs import Piece

QUICK_S, NEAR_S, USUAL_S = (spacing_s for spacing_s, _ in ASKED)


def show(*hypotheses: str) -> list[tuple[str, str]]:
    stabilizer = Stabilizer()
    return [stabilizer.update(hypothesis) for hypothesis in hypotheses]


# -- units --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", []),
        ("   ", []),
        ("one", ["one"]),
        ("one, two  three.", ["one,", " two", "  three."]),
        (" lead and trail ", ["lead", " and", " trail"]),
        ("今天。天气", ["今", "天。", "天", "气"]),
        ("我 love 你", ["我", " love", " 你"]),
        ("ok好", ["ok", "好"]),
        ("“今”", ["“", "今”"]),
        ("mind-boggling 3.14", ["mind-boggling", " 3.14"]),
    ],
)
def test_text_is_cut_into_units(text: str, units: list[str]) -> None:
    assert split_units(text) == units


@given(st.text())
def test_units_joined_are_the_text(text: str) -> None:
    assert "".join(split_units(text)) == text.strip()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Hello", " hello,"),
        ("it's", "It’s"),
        ("STRASSE", "straße"),
        ("ＡＢＣ", "abc"),
        ("天。", "天"),
        ("don't", "dont"),
    ],
)
def test_units_that_count_as_the_same(left: str, right: str) -> None:
    assert normalize_unit(left) == normalize_unit(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("two", "too"),
        ("-", "…"),
        ("3", "4"),
        ("का", "की"),  # Hindi "of", masculine and feminine: the vowel sign is the difference
        ("कम", "काम"),  # "little", "work"
        ("மடு", "மாடு"),
        ("café", "cafe"),
    ],
)
def test_units_that_differ(left: str, right: str) -> None:
    assert normalize_unit(left) != normalize_unit(right)


@given(st.text(min_size=1))
def test_a_unit_never_compares_as_nothing(text: str) -> None:
    for unit in split_units(text):
        assert normalize_unit(unit) or unit.isspace() or not unit.isprintable()


# -- joining ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("we went out", "and came home", "we went out and came home"),
        ("We went out.", "Then we came home.", "We went out. Then we came home."),
        ("We went out,", "“he said”", "We went out, “he said”"),
        ("", "and then", "and then"),
        ("and then", "", "and then"),
        ("", "", ""),
        ("今天天气", "很好", "今天天气很好"),
        ("今天天气。", "很好", "今天天气。很好"),
        ("我们说", "hello", "我们说hello"),
        ("we say", "你好", "we say你好"),
        ("ทำไม", "ครับ", "ทำไมครับ"),
        ("नमस्ते", "दुनिया", "नमस्ते दुनिया"),
        ("year 20", "26", "year 20 26"),
        ("今天.", "很好", "今天. 很好"),  # a mark that a space follows
    ],
)
def test_two_texts_are_joined_as_their_script_does(first: str, second: str, joined: str) -> None:
    assert join(first, second) == joined


@given(st.text(), st.text())
def test_joining_adds_one_space_at_most_and_loses_nothing(first: str, second: str) -> None:
    assert join(first, second) in (first + second, f"{first} {second}")


# -- agreement ----------------------------------------------------------------------------------


def test_the_first_hypothesis_is_unstable() -> None:
    assert show("the quick brown") == [("", "the quick brown")]


def test_what_two_hypotheses_share_is_stable() -> None:
    assert show("the quick brown", "the quick red fox") == [
        ("", "the quick brown"),
        ("the quick", " red fox"),
    ]


def test_the_last_word_is_held_back() -> None:
    assert show("the quick", "the quick")[-1] == ("the", " quick")
    assert show("one", "one")[-1] == ("", "one")


def test_stable_text_grows_on() -> None:
    assert show("a b", "a b c", "a b c d", "a b c d e") == [
        ("", "a b"),
        ("a b", " c"),
        ("a b c", " d"),
        ("a b c d", " e"),
    ]


def test_disagreement_makes_nothing_stable() -> None:
    assert show("wreck a nice beach", "recognize speech now")[-1] == ("", "recognize speech now")


def test_case_and_punctuation_do_not_count_and_the_newer_form_is_shown() -> None:
    assert show("hello world it", "Hello, world! It is")[-1] == ("Hello, world! It", " is")


def test_stable_text_keeps_its_form() -> None:
    assert show("hello there my", "hello there my friend", "Hello, there! My friend yes")[-1] == (
        "hello there my friend",
        " yes",
    )


def test_chinese_is_agreed_on_character_by_character() -> None:
    assert show("今天天气", "今天天器很好") == [("", "今天天气"), ("今天天", "器很好")]


def test_an_empty_hypothesis_takes_only_the_unstable_text_away() -> None:
    assert show("one two", "one two three", "")[-1] == ("one two", "")
    assert show("") == [("", "")]


def test_after_an_empty_hypothesis_it_goes_on() -> None:
    assert show("a b", "a b c", "", "a b c d", "a b c d e")[-1] == ("a b c d", " e")


# -- hypotheses that reword what is stable ------------------------------------------------------


def test_a_reworded_stable_word_stays_and_the_rest_follows() -> None:
    shown = show("i red the", "i red the book", "I read the book about")
    assert shown[1] == ("i red the", " book")
    assert shown[2] == ("i red the book", " about")


def test_an_inserted_word_is_not_shown_twice() -> None:
    shown = show("we go home now", "we go home now and", "we can go home now and then rest")
    assert shown[-1] == ("we go home now and", " then rest")


def test_a_dropped_word_is_not_missed_later() -> None:
    shown = show("um we go home now", "um we go home now and", "we go home now and then rest")
    assert shown[-1] == ("um we go home now and", " then rest")


def test_a_wholly_different_hypothesis_goes_on_by_count() -> None:
    shown = show("a b c", "a b c d", "x y z u v")
    assert shown[-1] == ("a b c", " u v")


def test_a_shorter_hypothesis_takes_nothing_stable_away() -> None:
    shown = show("a b c d e", "a b c d e f", "a b")
    assert shown[-1] == ("a b c d e", "")


def test_a_switch_of_script_does_not_glue_words() -> None:
    assert show("a b", "a b c", "我们go home")[-1] == ("a b", " go home")


words = st.lists(
    st.sampled_from(
        ["go", "Go,", "home", "now.", "the", "a", "“hm”", "我", "们", "我们", "ok好", "—"]
    ),
    max_size=12,
).map(" ".join)
mixed = st.lists(
    st.sampled_from(["go", " ", "home", "now. ", "我", "们。", " the", "ไทย", "a"]), max_size=14
).map("".join)


spacings = st.sampled_from([0.1, QUICK_S, NEAR_S, USUAL_S, 2.0])


@given(st.lists(st.tuples(st.one_of(words, mixed, st.text(max_size=20)), spacings), max_size=12))
@example([("b", 0.1), ("b c", 0.1), ("a b c", 0.1)])
def test_stable_text_only_grows(hypotheses: list[tuple[str, float]]) -> None:
    stabilizer = Stabilizer()
    before = ""
    for hypothesis, spacing_s in hypotheses:
        stable, unstable = stabilizer.update(hypothesis, spacing_s=spacing_s)
        assert stable.startswith(before)
        assert stable == stabilizer.stable
        assert not (stable + unstable)[:1].isspace()
        before = stable


@given(st.lists(st.tuples(st.one_of(words, mixed), spacings), max_size=12))
@example([("a b", 0.1), ("a b c", 0.1), ("我们go home", 0.1)])
@example([("one b", 0.1), ("one b c", 0.1), ("b c", 0.1)])
def test_no_two_words_are_glued_together(hypotheses: list[tuple[str, float]]) -> None:
    """Latin words that are shown are words of some hypothesis."""
    stabilizer = Stabilizer()
    known: set[str] = set()
    for hypothesis, spacing_s in hypotheses:
        known |= set(re.findall(r"[a-z]+", hypothesis.casefold()))
        shown = "".join(stabilizer.update(hypothesis, spacing_s=spacing_s))
        assert set(re.findall(r"[a-z]+", shown.casefold())) <= known


@given(st.lists(st.sampled_from(["go", "home", "now", "我", "then"]), min_size=1, max_size=20))
def test_a_hypothesis_that_only_grows_is_shown_as_it_is(units: list[str]) -> None:
    stabilizer = Stabilizer()
    for length in range(1, len(units) + 1):
        hypothesis = " ".join(units[:length])
        stable, unstable = stabilizer.update(hypothesis)
        assert stable + unstable == hypothesis
        if length > 1:
            assert stable == " ".join(units[: length - 1])


# -- words that are not sure yet ----------------------------------------------------------------

UNSURE = 0.2


def heard(
    *hypotheses: tuple[str, list[float]], spacing_s: float = USUAL_S
) -> list[tuple[str, str]]:
    stabilizer = Stabilizer()
    return [
        stabilizer.update(hypothesis, confidences, spacing_s)
        for hypothesis, confidences in hypotheses
    ]


@pytest.mark.parametrize(
    ("confidences", "shown"),
    [
        ([], 5),
        ([1.0, 1.0, 1.0, 1.0, 1.0], 5),
        ([0.91], 5),
        ([0.89], 4),  # the last word must be surest
        ([0.71, 0.71, 0.91], 5),
        ([0.71, 0.69, 0.91], 3),  # and those after an unsure one wait with it
        ([0.69, 0.71, 0.91], 2),
        ([0.31, 0.31, 0.71, 0.71, 0.91], 5),
        ([0.31, 0.29, 0.71, 0.71, 0.91], 1),
        ([0.29, 0.31, 0.71, 0.71, 0.91], 0),
        ([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.31, 0.31, 0.71, 0.71, 0.91], 5),  # of more words
    ],
)
def test_a_word_is_shown_once_the_model_is_sure(confidences: list[float], shown: int) -> None:
    words = ["one", "two", "three", "four", "five"]
    assert heard((" ".join(words), confidences)) == [("", " ".join(words[:shown]))]


@pytest.mark.parametrize(
    ("confidences", "shown"),
    [
        ([0.96], 5),
        ([0.94], 4),
        ([0.81, 0.81, 0.96], 5),
        ([0.81, 0.79, 0.96], 3),
        ([0.51, 0.51, 0.81, 0.81, 0.96], 5),
        ([0.51, 0.49, 0.81, 0.81, 0.96], 1),
    ],
)
def test_where_the_next_hypothesis_is_near_more_is_asked(
    confidences: list[float], shown: int
) -> None:
    words = ["one", "two", "three", "four", "five"]
    found = heard((" ".join(words), confidences), spacing_s=NEAR_S)
    assert found == [("", " ".join(words[:shown]))]


def test_between_them_what_is_asked_lies_between() -> None:
    for short_s, long_s, asked in ((NEAR_S, USUAL_S, 0.925), (QUICK_S, NEAR_S, 0.96)):
        halfway_s = (short_s + long_s) / 2
        assert heard(("one", [asked + 0.001]), spacing_s=halfway_s) == [("", "one")]
        assert heard(("one", [asked - 0.001]), spacing_s=halfway_s) == [("", "")]


@pytest.mark.parametrize("spacing_s", [0.0, 0.1, QUICK_S])
def test_nearer_than_the_nearest_no_more_is_asked(spacing_s: float) -> None:
    assert heard(("one", [0.971]), spacing_s=spacing_s) == [("", "one")]
    assert heard(("one", [0.969]), spacing_s=spacing_s) == [("", "")]


# -- hypotheses that follow each other closely -----------------------------------------------------


def test_what_two_close_ones_agree_on_is_shown_and_stable_only_later() -> None:
    unsure = [UNSURE] * 5
    said = ["this is", "this is a", "this is a talk", "this is a talk about"]
    found = heard(*[(text, unsure) for text in said], spacing_s=0.2)
    assert found == [("", ""), ("", "this is"), ("", "this is a"), ("this is", " a talk")]


def test_until_then_the_newest_spelling_is_shown_and_words_stay() -> None:
    found = heard(
        ("this is. But", [1.0]),
        ("this is. But it", [1.0]),
        ("This is, but it will", [1.0]),
        ("This was, but it will do", [1.0]),
        spacing_s=0.16,
    )
    assert found[1:] == [
        ("", "this is. But it"),
        ("", "This is, but it will"),
        ("", "This is, but it will do"),
    ]


def test_doubted_words_are_not_stable_and_neither_are_those_after_them() -> None:
    said = ["one two three", "one two three", "one too three", "one two three", "one two three"]
    found = heard(*[(text, [1.0]) for text in said], spacing_s=0.3)
    assert found == [
        ("", "one two three"),
        ("", "one two three"),
        ("one", " two three"),
        ("one", " two three"),
        ("one two", " three"),
    ]


def test_the_final_decides_on_what_is_not_stable_yet() -> None:
    for spacing_s, text in ((0.16, "For its own secret."), (USUAL_S, "For it's own secret.")):
        stabilizer = Stabilizer()
        for _ in range(3):
            stabilizer.update("For it's own secret", spacing_s=spacing_s)
        assert stabilizer.finalize("For its own secret.") == (text, True)


# -- a hypothesis that says something else ---------------------------------------------------------


def test_one_that_comes_soon_takes_nothing_back() -> None:
    found = heard(
        ("one two three", [1.0]),
        ("one two free", [1.0]),
        ("one two three four", [1.0]),
        spacing_s=0.16,
    )
    assert found == [("", "one two three"), ("", "one two three"), ("", "one two three four")]


def test_what_is_said_again_is_believed() -> None:
    found = heard(("one", [1.0]), ("two", [1.0]), ("two three", [1.0]), spacing_s=0.25)
    assert found[1:] == [("", "one"), ("", "two three")]
    assert heard(("one", [1.0]), ("two", [1.0]), spacing_s=CONTRARY_S) == [("", "one"), ("", "two")]


def test_doubts_that_are_past_count_no_more() -> None:
    said = ["one two", "one to", "one two", "one to", "one two three"]
    found = heard(*[(text, [1.0]) for text in said], spacing_s=0.16)
    assert [stable + unstable for stable, unstable in found] == [
        "one two", "one two", "one two", "one two", "one two three",
    ]  # fmt: skip


def test_what_is_not_shown_yet_may_change_at_once() -> None:
    found = heard(("one two", [1.0, 0.1]), ("one three", [1.0]), spacing_s=0.16)
    assert found == [("", "one"), ("", "one three")]


def test_at_a_pause_the_newest_is_believed() -> None:
    stabilizer = Stabilizer()
    stabilizer.update("one two", [1.0], 0.16)
    stabilizer.update("one too many", [1.0], 0.16)
    assert stabilizer.show_all() == ("", "one too many")


@pytest.mark.parametrize(
    ("spacing_s", "shown"), [(0.0, 0), (0.9, 0), (1.2, 1), (1.5, 1), (1.8, 2), (9.0, 3)]
)
def test_of_rare_hypotheses_less_is_asked(spacing_s: float, shown: int) -> None:
    stabilizer = Stabilizer()
    assert stabilizer.update("one two three", [0.6, 0.4, 0.2], spacing_s) == (
        "",
        " ".join(["one", "two", "three"][:shown]),
    )


def test_no_words_and_no_confidences_are_fine() -> None:
    assert heard(("", []), ("", [0.5]), ("one", [])) == [("", ""), ("", ""), ("", "one")]


def test_what_is_agreed_on_is_shown_however_unsure() -> None:
    unsure = [UNSURE] * 3
    assert heard(("one two three", unsure), ("one two three four", unsure))[-1] == (
        "one two three",
        "",
    )


def test_what_was_shown_stays_while_it_is_said() -> None:
    all_of_it: tuple[str, list[float]] = ("one two three four", [])
    unsure = [UNSURE] * 4
    assert heard(all_of_it, ("one two three four", unsure))[-1] == ("one two three", " four")
    assert heard(all_of_it, ("one two three for", unsure))[-1] == ("one two three", "")


def test_an_unsure_word_is_compared_all_the_same() -> None:
    assert heard(("one two", [UNSURE] * 2), ("one two three four", [1.0, UNSURE]))[-1] == (
        "one two",
        " three",
    )


def test_a_pause_reveals_all_and_makes_nothing_stable() -> None:
    stabilizer = Stabilizer()
    assert stabilizer.update("one two three", [UNSURE, 1.0]) == ("", "one")
    assert stabilizer.hypothesis == "one two three"
    assert stabilizer.show_all() == ("", "one two three")
    assert stabilizer.update("one too", [UNSURE] * 2) == ("one", "")


def pieces(*named: tuple[str, float]) -> list[Piece]:
    return [Piece(text, probability) for text, probability in named]


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        ([], []),
        ([(" one", 0.9), (" two", 0.8)], [0.9, 0.8]),
        ([(" thir", 0.9), ("teen", 0.4), (" men", 0.7)], [0.4, 0.7]),
        ([(" one", 0.9), (",", 0.1), (" two", 0.8), (".", 0.2)], [0.9, 0.8]),
        ([("teen", 0.4), (" men", 0.7)], [0.4, 0.7]),  # the end of a longer word
        ([(" don", 0.9), ("'t", 0.5)], [0.5]),
        ([("今天", 0.9), ("天气", 0.6), ("。", 0.1)], [0.9, 0.9, 0.6, 0.6]),
        ([("ok", 0.9), ("好", 0.5)], [0.9, 0.5]),
        ([(" ", 0.1), ("one", 0.9)], [0.9]),
        ([(" -", 0.1)], [1.0]),
    ],
)
def test_a_word_is_as_sure_as_its_least_sure_piece(
    newest: list[tuple[str, float]], expected: list[float]
) -> None:
    assert confidences(pieces(*newest)) == expected


@given(st.lists(st.builds(Piece, st.text(max_size=5), st.floats(0, 1)), max_size=10))
def test_each_word_has_a_confidence(newest: list[Piece]) -> None:
    text = "".join(piece.text for piece in newest)
    assert len(confidences(newest)) == len(split_units(text))


# -- the final ----------------------------------------------------------------------------------

STABLE = "So we went, out and came home"


def finalize(final: str, stable: str = STABLE, *, cut: bool = False) -> tuple[str, bool]:
    stabilizer = Stabilizer()
    stabilizer.update(f"{stable} x")
    stabilizer.update(f"{stable} x y")
    stabilizer.update(f"{stable} z y")
    assert stabilizer.stable == f"{stable} x"
    return stabilizer.finalize(final.replace("|", "x"), cut=cut)


@pytest.mark.parametrize(
    ("final", "text"),
    [
        # What was read keeps its form, and what follows is the final's.
        ("So we went out, and came Home |.", f"{STABLE} x."),
        # Where sentences begin and end the final knows better.
        ("so we went out. And came home |.", "so we went, out. And came home x."),
        ("So we went out and came home | at last.", f"{STABLE} x at last."),
        # One word more or less inside it is not worth a change.
        ("So we all went out and came home | at last.", f"{STABLE} x at last."),
        ("So we went and came home | at last.", f"{STABLE} x at last."),
    ],
)
def test_a_final_begins_with_what_was_stable(final: str, text: str) -> None:
    assert finalize(final) == (text, True)


@pytest.mark.parametrize(
    "final",
    [
        "So he went out and came home x.",  # another word
        "So we went out and came home.",  # the last word was never said
        "So we really all went out and came home x.",  # two words
        "Thank you.",
        "",
    ],
)
def test_words_that_were_wrong_are_corrected(final: str) -> None:
    assert finalize(final) == (final, False)


def test_a_word_is_a_large_part_of_a_short_text() -> None:
    assert finalize("Yes, he |.", stable="Yes") == ("Yes, he x.", False)


def test_a_final_before_a_cut_is_held_to_its_part_of_the_stable_text() -> None:
    assert finalize("So we went out, and", cut=True) == ("So we went, out and", True)
    assert finalize("so we went out, and") == ("so we went out, and", False)


def test_without_stable_text_the_final_is_as_it_is() -> None:
    assert Stabilizer().finalize("Anything.") == ("Anything.", True)


def test_a_full_stop_that_came_too_early_goes() -> None:
    stabilizer = Stabilizer()
    for hypothesis in ("It ends here. Or", "It ends here. Or does", "It ends here. Or does it"):
        stabilizer.update(hypothesis)
    assert stabilizer.stable == "It ends here. Or does"
    assert stabilizer.finalize("It ends here or does it not?") == (
        "It ends here or does it not?",
        True,
    )


@given(st.lists(st.one_of(words, mixed), max_size=8), st.one_of(words, mixed))
def test_a_kept_final_begins_with_the_stable_words(hypotheses: list[str], final: str) -> None:
    stabilizer = Stabilizer()
    for hypothesis in hypotheses:
        stabilizer.update(hypothesis, [UNSURE] * 2)
    text, kept = stabilizer.finalize(final)
    shown = [normalize_unit(unit) for unit in split_units(stabilizer.stable)]
    finalized = [normalize_unit(unit) for unit in split_units(text)]
    assert finalized[: len(shown)] == shown if kept else text == final
