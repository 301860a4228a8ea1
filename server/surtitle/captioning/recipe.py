"""What a client asks for, as the model takes it."""

from surtitle.captioning.language import chinese_script
from surtitle.errors import BadStart
from surtitle.jobs import ModelInfo, Recipe
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
            f"The model {model.name} does not know the language {tag!r}; it knows {known}. "
            "Choose one of these, or start the server with a multilingual model."
        )
    return code


def recipe_bytes(recipe: Recipe) -> int:
    """How much memory a recipe takes at most: what the client wrote."""
    texts = (recipe.prompt, *recipe.hotwords)
    return sum(TEXT_BYTES + LETTER_BYTES * len(text) for text in texts)


def make_recipe(start: Start, model: ModelInfo) -> Recipe:
    """What of a `start` reaches the model. Raises BadStart for what the model cannot do."""
    if start.task == "translate" and not model.multilingual:
        raise BadStart(
            f"The model {model.name} is for {model.languages[0]} only and cannot translate; "
            "start the server with a multilingual model such as base."
        )
    allowed = tuple(
        code for tag in start.languages if (code := whisper_language(tag, model)) is not None
    )
    return Recipe(
        language=whisper_language(start.language, model),
        languages=allowed,
        script=chinese_script([start.language or _AUTO, *start.languages]),
        task=start.task,
        hotwords=tuple(start.hotwords),
        prompt=start.prompt,
        words=start.words,
    )
