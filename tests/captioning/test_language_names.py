import pytest

from surtitle.captioning.language_names import CODES, OTHER_NAMES, code_meant, is_code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("english", "en"),
        (" German", "de"),
        ("deutsch", "de"),
        ("Cantonese", "yue"),
        ("mandarin", "zh"),
        ("portugese", "pt"),
        ("klingon", None),
        ("", None),
    ],
)
def test_a_name_stands_for_a_code(name: str, code: str | None) -> None:
    assert code_meant(name) == code


@pytest.mark.parametrize("tag", ["auto", "en", "pt-BR", "zh-Hant-TW", "haw", "yue"])
def test_tags_are_left_alone(tag: str) -> None:
    assert is_code(tag)


@pytest.mark.parametrize("text", ["english", "e", "", "Brazilian-Portuguese"])
def test_what_is_no_tag(text: str) -> None:
    assert not is_code(text)


def test_every_language_of_the_model_has_a_name() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert set(CODES.values()) == set(_LANGUAGE_CODES)
    assert set(OTHER_NAMES.values()) <= set(CODES.values())
