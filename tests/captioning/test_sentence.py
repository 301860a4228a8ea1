import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.captioning.sentence import begun, is_finished
from surtitle.captioning.stability import normalize_unit, split_units


@pytest.mark.parametrize(
    "text",
    [
        "We went home.",
        "Did we?",
        "We did!",
        " We went home. ",
        'He said: "We went home."',
        "He said: “We went home.”",
        "(We went home.)",
        "Il a dit : « Oui. »",
        "我们回家了。",
        "真的吗？",
        "真的！",
        "他说：「回家。」",
        "هل ذهبنا؟",
        "हम घर गए।",
        "ہم گھر گئے۔",
        "Մենք տուն գնացինք։",
        "ወደ ቤት ሄድን።",
        "အိမ်ပြန်ခဲ့တယ်။",
        "យើងបានទៅផ្ទះ។",
    ],
)
def test_a_sentence_with_its_mark_is_finished(text: str) -> None:
    assert is_finished(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "and then",
        "We went home,",
        "First:",
        "First;",
        "and then...",
        "and then..",
        "and then…",
        "We wen-",
        "We went –",
        "We went —",
        '"We went home',
        "我们回家了",
        "我们回家了，",
        "3.14",
        '"',
        "then...”",
    ],
)
def test_what_breaks_off_is_not(text: str) -> None:
    assert not is_finished(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("We asked Dr.", "en"),
        ("We asked Gov.", "en"),
        ("He was born on Jan.", "en"),
        ("We read J. R. R.", "en"),
        ("Wir nehmen z. B.", "de"),
        ("Am 3.", "de"),
        ("J'ai vu M.", "fr"),
        ("Ho visto il dott.", "it"),
        ("Это был проф.", "ru"),
        ('He said: "Mr.', ""),
        ("He met Gen.", "en"),
        ("Parla l'on.", "it"),
        ("Das ist Dipl.-Ing.", "de"),
        ("تحدث د.", "ar"),
        ("דיבר ד.", "he"),
        ("আজ ড.", "bn"),
        ("Rekao je dr.", "hr"),
    ],
)
def test_a_pause_after_an_abbreviation_is_no_end(text: str, language: str) -> None:
    assert not is_finished(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("We met at 5 p.m.", "en"),
        ("Apples, pears, etc.", "en"),
        ("The answer is no.", "en"),
        ("We have 12.", "en"),
        ("Äpfel, Birnen usw.", "de"),
        ("Это я.", "ru"),
        ("Él mira el mar.", "es"),
        ("She was charged by the SEC.", "en"),
        ("He works for Acme Inc.", "en"),
        ("That was my prof.", "en"),
        ("Ça, c'est de l'art.", "fr"),
        ("C'est mon ex.", "fr"),
        ("Vas-y.", "fr"),
        ("Vive em EE. UU.", "es"),
        ("Ok.", "pl"),
        ("Řekl to nám.", "cs"),
        ("Я сказал им.", "ru"),
        ("Ez történt 2024.", "hu"),
        ("好.", "zh"),
        ("네.", "ko"),
    ],
)
def test_what_may_end_a_sentence_does(text: str, language: str) -> None:
    assert is_finished(text, language)


@pytest.mark.parametrize(
    ("text", "language", "capital"),
    [
        ("and then, we went", "en", "And then, we went"),
        ("a", "en", "A"),
        ("well-known, they say", "en", "Well-known, they say"),
        ("don't.", "en", "Don't."),
        ("“and then” we", "en", "“And then” we"),
        ("¿y luego?", "es", "¿Y luego?"),
        ("élan vital", "fr", "Élan vital"),
        ("и тогда", "ru", "И тогда"),
        ("\u0131srar", "tr", "Israr"),
        ("ilk", "tr", "İlk"),
        ("ilk", "en", "Ilk"),
        ("ijs en weder", "nl", "IJs en weder"),
        ("ijs", "de", "Ijs"),
    ],
)
def test_a_sentence_begins_with_a_capital(text: str, language: str, capital: str) -> None:
    assert begun(text, language) == capital
    assert begun(capital, language) == capital


@pytest.mark.parametrize(
    "text",
    [
        "",
        "iPhones are",
        "eBay",
        "e.g. this",
        "www.example.org",
        "info@example.org",
        "3rd",
        "x2",
        "...and then",
        "…and then",
        "- and",
        "'s avonds",
        "ßum",
        "და მერე",
        "然后我们",
        "ثم ذهبنا",
        "फिर हम",
    ],
)
def test_what_has_no_capital_or_another_is_left_alone(text: str) -> None:
    assert begun(text) == text


@given(st.text(), st.sampled_from(["", "en", "tr", "nl", "de"]))
def test_a_beginning_differs_in_its_case_alone(text: str, language: str) -> None:
    capital = begun(text, language)
    assert len(capital) == len(text)
    assert begun(capital, language) == capital
    if language != "tr":  # İ is another letter where case is folded without its language
        folded = ([normalize_unit(unit) for unit in split_units(each)] for each in (text, capital))
        assert next(folded) == next(folded)
