"""Tags of Chinese, and when the language of an utterance is fixed."""

import pytest

from surtitle.captioning.language import chinese_script, fits, may_show, with_language
from surtitle.jobs import DecodeOptions, Result

SURE = Result("1", text="hola", language="es", language_probability=0.95)
UNSURE = Result("2", text="olá", language="pt", language_probability=0.4, language_sure=False)


@pytest.mark.parametrize(
    ("tags", "script"),
    [
        (["zh"], "hans"),
        (["zh-CN"], "hans"),
        (["zh-Hans-HK"], "hans"),
        (["zh-Hant"], "hant"),
        (["zh-TW"], "tw"),
        (["zh-Hant-TW"], "tw"),
        (["zh-HK"], "hk"),
        (["zh-MO"], "hk"),
        (["auto", "en", "zh-TW"], "tw"),
        (["auto"], "hans"),
        (["en-HK"], "hans"),
    ],
)
def test_the_tag_says_how_chinese_is_written(tags: list[str], script: str) -> None:
    assert chinese_script(tags) == script


def test_the_first_sure_text_settles_the_language_and_no_other() -> None:
    open_ = DecodeOptions()
    assert with_language(open_, UNSURE) is open_
    assert with_language(open_, Result("3", language="es", suppressed="no_speech")) is open_
    assert with_language(open_, Result("4", error_code="decode_error")) is open_
    fixed = with_language(open_, SURE)
    assert fixed.language == "es"
    assert with_language(fixed, UNSURE) is fixed


def test_text_is_shown_once_its_language_will_not_change() -> None:
    assert may_show(DecodeOptions(), SURE)
    assert not may_show(DecodeOptions(), UNSURE)
    assert may_show(DecodeOptions(language="pt"), UNSURE)
    assert not may_show(
        DecodeOptions(language="es"), Result("5", text="x", suppressed="repetition")
    )


def test_only_what_is_in_the_settled_language_fits() -> None:
    assert fits(DecodeOptions(), UNSURE)
    assert fits(DecodeOptions(language="es"), SURE)
    assert not fits(DecodeOptions(language="es"), UNSURE)
    assert fits(DecodeOptions(language="es"), Result("6", error_code="decode_error"))
