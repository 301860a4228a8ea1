"""What is said in the pictures: the same few sentences in each language, and one that still grows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from stillness.stream import Message

FIVE_SCRIPTS = ("en", "ar", "hi", "ja", "ko")
_UTTERANCE_MS = 4000


@dataclass(frozen=True)
class Talk:
    """Finals, each with its language, and what is known of the sentence after them."""

    finals: tuple[tuple[str, str], ...]
    stable: str
    unstable: str
    meant: str = ""
    """A word that was said, and in the pictures of the corrector was heard as another one."""
    heard: str = ""

    def misheard(self) -> "Talk":
        """With that other word."""
        finals = tuple((tag, text.replace(self.meant, self.heard)) for tag, text in self.finals)
        return replace(self, finals=finals)


@cache
def talks() -> dict[str, Talk]:
    """By language; `five` has a sentence in each of five scripts."""
    kept = json.loads(Path(__file__).with_name("talks.json").read_text(encoding="utf-8"))
    found = {
        language: Talk(**talk | {"finals": tuple((language, text) for text in talk["finals"])})
        for language, talk in kept.items()
    }
    last = found[FIVE_SCRIPTS[-1]]
    finals = tuple(found[language].finals[0] for language in FIVE_SCRIPTS)
    return found | {"five": Talk(finals, last.stable, last.unstable)}


def messages(talk: Talk) -> Iterator[Message]:
    """As a server says it."""
    scores = {"language_probability": 0.99, "confidence": 0.9}
    for number, (language, text) in enumerate(talk.finals, 1):
        yield {"type": "final", "text": text, "language": language, **scores, **_times(number)}
    growing = {"stable": talk.stable, "unstable": talk.unstable}
    yield {"type": "partial", **growing, **_times(len(talk.finals) + 1)}


def _times(number: int) -> Message:
    start_ms = (number - 1) * _UTTERANCE_MS
    return {"utterance": number, "start_ms": start_ms, "end_ms": start_ms + _UTTERANCE_MS - 500}
