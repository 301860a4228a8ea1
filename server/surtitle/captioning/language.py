"""The language of an utterance while its results come in. Pure.

The worker says which language it heard and whether it is sure. The first sure answer fixes the
language of the utterance: later jobs are told it, and what was decoded in another one is not used, so
that the captions of an utterance are in one language.
"""

from collections.abc import Iterable
from dataclasses import replace

from surtitle.jobs import DecodeOptions, Result, Script

_TRADITIONAL: dict[str, Script] = {"hant": "hant", "tw": "tw", "hk": "hk", "mo": "hk"}
"""Subtags of BCP 47 (script or region) that ask for traditional characters."""


def chinese_script(tags: Iterable[str]) -> Script:
    """How to write Chinese, by the first of these BCP 47 tags that is Chinese; simplified otherwise.

    A region says more than a script: zh-Hant-TW is as in Taiwan. zh-Hans-HK is simplified.
    """
    for tag in tags:
        language, *subtags = tag.lower().replace("_", "-").split("-")
        if language in ("zh", "cmn"):
            asked = [_TRADITIONAL[subtag] for subtag in subtags if subtag in _TRADITIONAL]
            return asked[-1] if asked and "hans" not in subtags else "hans"
    return "hans"


def with_language(decode_options: DecodeOptions, result: Result) -> DecodeOptions:
    """The decode_options with its language fixed, if it was open and this text is sure of it."""
    if (
        decode_options.language is None
        and _is_text(result)
        and result.language
        and result.language_sure
    ):
        return replace(decode_options, language=result.language)
    return decode_options


def fits(decode_options: DecodeOptions, result: Result) -> bool:
    """Whether a result is in the language of its utterance, as far as either is known."""
    return decode_options.language is None or result.language in ("", decode_options.language)


def may_show(decode_options: DecodeOptions, result: Result) -> bool:
    """Whether a result has text to show before the final: its language will not change any more."""
    return _is_text(result) and (decode_options.language is not None or result.language_sure)


def _is_text(result: Result) -> bool:
    return result.error_code is None and result.suppressed is None
