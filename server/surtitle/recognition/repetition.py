"""Does a text repeat itself, and if so, did the speaker?

Whisper loops: it writes a phrase again and again, and the more often it has, the surer it is. People
repeat themselves too: announcements, refrains, a number with equal digits, "no, no, no". The text alone
cannot tell the two apart, but its place in the audio does. What was said takes time: cross-attention
finds a stretch of the audio for each word of it. The copies of a loop have none; they are squeezed into
what is left. The figures are in docs/speech-gate.md.
"""

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median
from unicodedata import category

from surtitle.jobs import Word

MAX_COMPRESSION_RATIO = 2.4
"""Text that deflates better than this repeats itself (OpenAI Whisper, transcribe.py)."""
MIN_COMPRESSIBLE_BYTES = 80
"""Shorter text deflates by chance: a ratio says nothing."""
FIRST_OF_CJK = "\u2e80"
"""Beyond the alphabets: characters of which a text has so many different ones that each counts."""
REPEATED_WORDS = 4
"""So many words said twice in a row are looked at again: Whisper fills short windows like that."""
MAX_TRIGRAM_REPEATS = 3
"""So often may three words in a row come again before it counts as a loop."""
FEWEST_COPIES = 4
"""A single word that Whisper doubles takes a share of the time of the other: of fewer words, times say
nothing."""
LOOPED_LETTERS = 24
"""So many letters of one word that are the same few again and again ("b-b-b-b") are looked at again.
Whoever laughs has fewer."""
MAX_LOOPED_LETTERS_PER_SECOND = 30.0
"""And no more of them in a second: ten syllables."""
FEWEST_STRETCHES = 3
"""A single word may have a pause inside."""
MIN_WORD_MS = 60
"""A word that was said takes longer: three positions of Whisper's encoder."""
MAX_SQUEEZED_SHARE = 0.4
"""Part of the repeated words that may be shorter. Of loops more than half are; of what is really
repeated a third at most, where the model counts one "hello" too many."""
MIN_SHARE_OF_TIME = 0.5
"""Of the usual time of a word, which most words of a copy have if that was said."""
MIN_PROBABILITY = 0.5
"""Mean probability of the repeated words below which the model would not write them by itself."""
# One to eight letters of an alphabet, and the same at least three times more.
_LOOP = re.compile(rf"([^\W\d_{FIRST_OF_CJK}-\U0010ffff]{{1,8}}?)\1{{3,}}")


def repeats_itself(text: str) -> bool:
    """Whether the text looks like a loop: it deflates too well, or three words come too often."""
    if len(text.encode()) >= MIN_COMPRESSIBLE_BYTES:
        data = _letters(text)
        if len(data) / len(zlib.compress(data)) > MAX_COMPRESSION_RATIO:
            return True
    words = text.casefold().split()
    trigrams = Counter(zip(words, words[1:], words[2:], strict=False))
    return max(trigrams.values(), default=0) > MAX_TRIGRAM_REPEATS


def says_twice(text: str) -> bool:
    """Whether some REPEATED_WORDS or more words are followed by the same words again.

    Fewer count where they are all there is: a short word alone is doubled most.
    """
    words = bare_words(text)
    return times_said(text) > 1 or any(
        words[start : start + size] == words[start + size : start + 2 * size]
        for size in range(REPEATED_WORDS, len(words) // 2 + 1)
        for start in range(len(words) - 2 * size + 1)
    )


def loops_in_a_word(text: str) -> bool:
    """Whether LOOPED_LETTERS or more of a word are the same few letters again and again."""
    return any(
        len(loop[0]) >= LOOPED_LETTERS for word in bare_words(text) for loop in _LOOP.finditer(word)
    )


def says_again(text: str) -> bool:
    """Whether REPEATED_WORDS words in a row come a second time, wherever in the text."""
    words = bare_words(text)
    starts = range(len(words) - REPEATED_WORDS + 1)
    runs = [tuple(words[start : start + REPEATED_WORDS]) for start in starts]
    return len(set(runs)) < len(runs)


def times_said(text: str) -> int:
    """How many times the text is one phrase; 1 where it is not one again and again."""
    words = bare_words(text)
    sizes = range(1, len(words) // 2 + 1)
    size = next((n for n in sizes if words == words[:n] * (len(words) // n)), len(words))
    return len(words) // max(size, 1)


def was_repeated(words: Sequence[Word]) -> bool:
    """Whether the audio has room for what the text repeats, by FEWEST_COPIES words or more.

    `words` are those of the text, with times and probabilities by cross-attention.
    """
    said = [word for word in words if bare_words(word.text)]
    if any(loops_in_a_word(word.text) and _is_squeezed_loop(word) for word in said):
        return False
    again = copies(["".join(bare_words(word.text)) for word in said])
    judged = [said[index] for index in sorted(again)] or said
    if len(judged) < FEWEST_COPIES:
        return False
    squeezed = sum(word.end_ms - word.start_ms < MIN_WORD_MS for word in judged)
    probability = sum(word.confidence for word in judged) / len(judged)
    return squeezed <= MAX_SQUEEZED_SHARE * len(judged) and probability >= MIN_PROBABILITY


def _is_squeezed_loop(word: Word) -> bool:
    """Whether a word has more letters than can be said in its time."""
    room = MAX_LOOPED_LETTERS_PER_SECOND * (word.end_ms - word.start_ms) / 1000
    return len("".join(bare_words(word.text))) > room


def words_heard(words: Sequence[Word], stretches: int) -> int:
    """How many of the words of a text were said, if it is one phrase again; 0 where nothing tells.

    A phrase that really is repeated is often written too often. Voice activity says how often it was
    said, by its `stretches` of speech; the audio must have time for that many, give or take one. It
    may miss a short pause: where more copies than that have their own time, one more was said.
    """
    places = [index for index, word in enumerate(words) if bare_words(word.text)]
    names = ["".join(bare_words(words[index].text)) for index in places]
    sizes = range(1, len(names) // 2 + 1)
    size = next((n for n in sizes if names[n:] == names[:-n]), 0)  # the last one may be cut off
    said = size * stretches
    if not size or stretches < FEWEST_STRETCHES or said >= len(names):
        return 0
    lengths = [words[index].end_ms - words[index].start_ms for index in places]
    timed = sum(length >= MIN_WORD_MS for length in lengths)
    if abs(round(timed / size) - stretches) > 1:
        return 0
    least_ms = max(MIN_SHARE_OF_TIME * median(lengths[:said]), MIN_WORD_MS)
    starts = range(0, len(names), size)
    if sum(median(lengths[start : start + size]) >= least_ms for start in starts) > stretches:
        said += size
    return places[said - 1] + 1 if said < len(names) else len(words)


def copies(words: Sequence[str]) -> set[int]:
    """Indexes of the words that come again: right after the same words, or in the same three."""
    found: set[int] = set()
    for period in range(1, len(words) // 2 + 1):
        run = 0
        for index in range(period, len(words) + 1):
            if index < len(words) and words[index] == words[index - period]:
                run += 1
                continue
            if run >= period:
                found.update(range(index - run, index))
            run = 0
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index in range(len(words) - 2):
        places[tuple(words[index : index + 3])].append(index)
    for starts in places.values():
        if len(starts) > MAX_TRIGRAM_REPEATS:
            found.update(start + offset for start in starts[1:] for offset in range(3))
    return found


def bare_words(text: str) -> list[str]:
    """The words of a text without case and marks.

    Where no spaces are written, marks part the words. Signs of vowels are no marks: in Hindi or Thai
    they may be all that tells two words apart.
    """
    folded = text.casefold()
    around = zip(f" {folded}", folded, f"{folded[1:]} ", strict=False)
    kept = "".join(_bare(*each) for each in around)
    return [word for word in kept.split() if any(map(str.isalnum, word))]


def _bare(before: str, character: str, after: str) -> str:
    """What stands for a character between two others in `bare_words`."""
    if character.isalnum() or category(character).startswith("M"):
        return character
    return " " if character.isspace() or max(before, character, after) >= FIRST_OF_CJK else ""


def _letters(text: str) -> bytes:
    """UTF-8, but with one byte for each letter of an alphabet, as English has.

    In the three bytes of a letter of Hindi or Thai two are always the same: whoever speaks for 15
    seconds would seem to repeat himself.
    """
    if text.isascii():
        return text.encode()
    return b"".join(c.encode() if c >= FIRST_OF_CJK else bytes([ord(c) & 0xFF]) for c in text)
