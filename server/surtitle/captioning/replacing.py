"""What a model keeps on writing in one way is shown in another: "choppy" as "Chopin". Pure.

Whole words alone are replaced. A key in small letters stands for any case, and what replaces it begins
with a capital where that began with one; a key with a capital is meant as it is written.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import category

from msgspec import structs

from surtitle.captioning.writing import NO_SPACES
from surtitle.errors import BadStart
from surtitle.messages import Final, Partial, Pause, Revised, ServerMessage, WordTiming

_WITHOUT_SPACES = re.compile(f"[{NO_SPACES}]")
KEY_BYTES = 300
"""What a replacement takes beside its characters."""


@dataclass(frozen=True, slots=True)
class _Match:
    """Part of a text, and what stands for it."""

    start: int
    end: int
    text: str


class Replacements:
    """Replaces words in texts and in the messages that have them."""

    def __init__(self, replacements: Mapping[str, str]) -> None:
        """By what is replaced; an empty text deletes it. Raises BadStart for keys that are no words."""
        for key in replacements:
            if key != key.strip() or not key:
                raise BadStart(
                    f"`replacements` cannot replace {key!r}: name words, without space around them."
                )
        self._texts = dict(replacements)
        self._keys: dict[str, list[str]] = defaultdict(list)
        """By the first character in small letters, the longest first."""
        for key in sorted(replacements, key=len, reverse=True):
            self._keys[key[0].lower()].append(key)
        self._longest = max(map(len, replacements), default=0)

    @property
    def held_bytes(self) -> int:
        """About how much memory they take."""
        return sum(KEY_BYTES + 2 * len(key) + len(text) for key, text in self._texts.items())

    def apply(self, text: str) -> str:
        """The text with its replacements."""
        return _rendered(text, list(self._matches(text)), 0, len(text))

    def on(self, message: ServerMessage) -> ServerMessage:
        """A message, where it has a text with that."""
        match message:
            case Partial():
                stable, unstable = self._growing(message.stable, message.unstable)
                return structs.replace(message, stable=stable, unstable=unstable)
            case Final() | Revised() | Pause():
                matches = list(self._matches(message.text))
                if not matches:
                    return message
                text = _rendered(message.text, matches, 0, len(message.text))
                words = message.words
                if words is not None:
                    words = _with_words(message.text, words, matches)
                return structs.replace(message, text=text, words=words)
        return message

    def _growing(self, stable: str, unstable: str) -> tuple[str, str]:
        """A stable text only grows, so the end of it that might yet be replaced is not stable here."""
        whole = stable + unstable
        matches = list(self._matches(whole))
        # What begins before it ends, with the character after it, in what cannot change any more.
        sure = max(len(stable) - self._longest - 1, 0)
        while _goes_on(whole, sure) or whole[max(sure - 1, 0) : sure] == " ":
            sure -= 1
        for found in matches:
            if found.start < sure:
                sure = max(sure, found.end)
        return _rendered(whole, matches, 0, sure), _rendered(whole, matches, sure, len(whole))

    def _matches(self, text: str) -> Iterator[_Match]:
        at = 0
        bare = 0  # Up to here, nothing of the text is left.
        while at < len(text):
            key = self._key_at(text, at)
            if key is None:
                at += 1
                continue
            start, end = at, at + len(key)
            new = self._texts[key]
            if key == key.lower() and text[at].isupper():
                new = new[:1].upper() + new[1:]
            if not new:  # The space before it goes too, or the one after it at the beginning.
                if at == bare:
                    end += text[end : end + 1] == " "
                    bare = end
                else:
                    start -= text[at - 1 : at] == " "
            yield _Match(start, end, new)
            at = end

    def _key_at(self, text: str, at: int) -> str | None:
        """What is replaced here: the longest key that is whole words."""
        if _goes_on(text, at):
            return None
        for key in self._keys.get(text[at].lower(), ()):
            end = at + len(key)
            said = text[at:end]
            is_it = said == key or (key == key.lower() and said.lower() == key)
            if is_it and not _goes_on(text, end):
                return key
        return None


def _goes_on(text: str, at: int) -> bool:
    """Whether a word stands on both sides of a place."""
    return 0 < at < len(text) and _is_of_word(text[at - 1]) and _is_of_word(text[at])


@lru_cache(maxsize=4096)
def _is_of_word(character: str) -> bool:
    """Letters, digits and marks of scripts with spaces: in others, words end anywhere."""
    return category(character)[0] in "LMN" and _WITHOUT_SPACES.match(character) is None


def _rendered(text: str, matches: Sequence[_Match], start: int, end: int) -> str:
    """Part of a text with its replacements; none of them lies across its ends."""
    parts, at = [], start
    for found in matches:
        if start <= found.start and found.end <= end:
            parts += [text[at : found.start], found.text]
            at = found.end
    return "".join([*parts, text[at:end]])


def _with_words(
    text: str, words: Sequence[WordTiming], matches: Sequence[_Match]
) -> list[WordTiming]:
    """The words of the new text: those that are new share the time of those that they replace."""
    places, at = [], 0
    for word in words:
        at = text.index(word.text, at)
        places.append((at, at + len(word.text)))
        at += len(word.text)
    made: list[WordTiming] = []
    number = 0
    while number < len(words):
        last = number
        inside: list[_Match] = []
        for found in matches:
            # One that takes the space before a word with it joins what is left to the word before.
            begins = found.start < places[last][1] + (not found.text)
            if begins and found.end > places[number][0]:
                inside.append(found)
                while last + 1 < len(words) and places[last + 1][0] < found.end:
                    last += 1
        if inside:
            end = max(places[last][1], inside[-1].end)
            new = _rendered(text, inside, places[number][0], end)
            made += share_time(new.split(), words[number : last + 1])
        else:
            made.append(words[number])
        number = last + 1
    return made


def share_time(texts: Sequence[str], words: Sequence[WordTiming]) -> list[WordTiming]:
    """New words in the time of others, each as long as it has characters."""
    start_ms, length_ms = words[0].start_ms, words[-1].end_ms - words[0].start_ms
    characters = sum(map(len, texts))
    confidence = round(sum(word.confidence for word in words) / len(words), 3)
    made: list[WordTiming] = []
    before = 0
    for text in texts:
        begins_ms = start_ms + length_ms * before // characters
        before += len(text)
        ends_ms = start_ms + length_ms * before // characters
        made.append(
            WordTiming(text=text, start_ms=begins_ms, end_ms=ends_ms, confidence=confidence)
        )
    return made
