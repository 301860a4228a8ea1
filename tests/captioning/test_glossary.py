import pytest

from surtitle.captioning.glossary import Glossary, checked, glossary_in, names_in, pairs_in
from surtitle.errors import ConfigurationError
from surtitle.messages import MAX_HOTWORDS, MAX_NAME_LETTERS


def test_a_name_is_a_line() -> None:
    assert names_in("# speakers\nKjell Ünal\n\n  Surtitle  # us\r\n") == ["Kjell Ünal", "Surtitle"]


def test_a_name_counts_once() -> None:
    assert checked(["b", "a", "b"], "names.txt") == ("b", "a")


def test_too_many_are_told() -> None:
    assert len(checked(map(str, range(MAX_HOTWORDS)), "names.txt")) == MAX_HOTWORDS
    with pytest.raises(ConfigurationError, match=r"names.txt has 101 names; at most 100"):
        checked(map(str, range(MAX_HOTWORDS + 1)), "names.txt")


def test_one_that_is_too_long_is_told() -> None:
    assert checked(["x" * MAX_NAME_LETTERS], "names.txt")
    with pytest.raises(ConfigurationError, match=r"names.txt: x{40}… has 101 letters"):
        checked(["x" * (MAX_NAME_LETTERS + 1)], "names.txt")


def test_channels_have_names_of_their_own() -> None:
    text = "Kjell\n[hall]  # upstairs\nÜnal\nKjell\n[ stage-2 ]\n[hall]\nOslo\n"
    found = glossary_in(text, "names.txt")
    assert found == Glossary(("Kjell",), {"hall": ("Ünal", "Kjell", "Oslo"), "stage-2": ()})
    assert glossary_in("", "names.txt") == Glossary()


@pytest.mark.parametrize("heading", ["[my hall]", "[]", "[a/b]"])
def test_a_heading_that_names_no_channel_is_told(heading: str) -> None:
    with pytest.raises(ConfigurationError, match=r"names.txt: .* is no heading; write the name"):
        glossary_in(f"Kjell\n{heading}\n", "names.txt")


def test_replacements_are_pairs() -> None:
    text = "# heard = written\nchoppy = Chopin\nsir title=Surtitle  # us\num =\n\n"
    assert pairs_in(text, "words.txt") == {"choppy": "Chopin", "sir title": "Surtitle", "um": ""}


@pytest.mark.parametrize("line", ["choppy", "= Chopin", "choppy: Chopin"])
def test_a_line_that_is_no_pair_is_told(line: str) -> None:
    with pytest.raises(ConfigurationError, match=r"words.txt: write WRONG = RIGHT"):
        pairs_in(line, "words.txt")


def test_too_many_and_too_long_replacements_are_told() -> None:
    many = "\n".join(f"word{number} = x" for number in range(MAX_HOTWORDS + 1))
    with pytest.raises(ConfigurationError, match="101 names; at most 100"):
        pairs_in(many, "words.txt")
    with pytest.raises(ConfigurationError, match="has 101 letters"):
        pairs_in(f"word = {'x' * (MAX_NAME_LETTERS + 1)}", "words.txt")
