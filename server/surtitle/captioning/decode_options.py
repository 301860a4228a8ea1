"""What a client asks for, as the model takes it."""

from surtitle.captioning.language import chinese_script
from surtitle.errors import BadStart
from surtitle.jobs import DecodeOptions, ModelInfo
from surtitle.messages import Start

TEXT_BYTES = 80
"""What Python takes for a text without its letters."""
LETTER_BYTES = 4
"""And for a letter at most."""
_AUTO = "auto"
_WHISPER_NAMES = {
    "cmn": "zh",
    "fil": "tl",
    "in": "id",
    "iw": "he",
    "ji": "yi",
    "jv": "jw",
    "nb": "no",
}
"""Subtags of BCP 47, as browsers have them in their locales, that Whisper knows by another name."""


def whisper_language(tag: str | None, model: ModelInfo) -> str | None:
    """A BCP 47 tag as the model's language code; None to detect. Raises BadStart."""
    code = (tag or _AUTO).split("-")[0].lower()
    if code == _AUTO:
        return None if model.multilingual else model.languages[0]
    code = _WHISPER_NAMES.get(code, code)
    if code not in model.languages:
        known = ", ".join(model.languages[:8]) + (" …" if len(model.languages) > 8 else "")
        raise BadStart(
            f"The model {model.name} does not support the language {tag!r}, only {known}. "
            "Choose one of these, or start the server with a multilingual model."
        )
    return code


def decode_options_bytes(decode_options: DecodeOptions) -> int:
    """How much memory the options take at most: what the client wrote."""
    texts = (decode_options.prompt, *decode_options.hotwords)
    return sum(TEXT_BYTES + LETTER_BYTES * len(text) for text in texts)


def make_decode_options(start: Start, model: ModelInfo) -> DecodeOptions:
    """What of a `start` reaches the model. Raises BadStart for what the model cannot do."""
    if start.task == "translate" and not model.multilingual:
        raise BadStart(
            f"The model {model.name} is for {model.languages[0]} only and cannot translate; "
            "start the server with a multilingual model such as base."
        )
    allowed = tuple(
        code for tag in start.languages if (code := whisper_language(tag, model)) is not None
    )
    return DecodeOptions(
        language=whisper_language(start.language, model),
        languages=allowed,
        script=chinese_script([start.language or _AUTO, *start.languages]),
        task=start.task,
        hotwords=tuple(start.hotwords),
        prompt=start.prompt,
        words=start.words,
    )
