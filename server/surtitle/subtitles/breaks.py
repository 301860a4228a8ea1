"""Where a text may be broken, and how well it reads when it is broken there.

Subtitlers break at punctuation first and between phrases second, and keep together what is read as one:
an article and its noun, a number and its unit (BBC Subtitle Guidelines, "Line breaks"; Netflix Timed
Text Style Guide, "Line treatment"). Here that is a cost for each gap between two units of the text.

`web_demo/breaks.js` does the same for the page; one table of cases in the tests holds for both. That is
also why no library for line breaking is used: browsers and Python have different ones.
"""

import re
from unicodedata import category

from surtitle.captioning.abbreviations import may_end_sentence
from surtitle.captioning.writing import CLOSING_MARKS, NO_SPACES, SENTENCE_ENDS

SENTENCE = 0
"""Cost of a break after a finished sentence."""
CLAUSE = 6
"""After a comma, a semicolon, a colon, a dash, or a pause."""
PHRASE = 14
"""Before a word that opens a phrase, such as `and`, `of` or `the`."""
ANYWHERE = 20
"""Between two words that say nothing about the phrase."""
CHARACTER = 36
"""Between two characters of a script without spaces, most often inside a word."""
APART = 60
"""Between what belongs together, or seems to, as after a full stop that hardly ends a sentence; happens
only where a line would be too long otherwise."""
BOUND = 200
"""After an abbreviation: more than all else that a break costs together."""

# What may not end a line: opening marks, vowels written before their consonant; or begin one: closing
# marks are found by not being letters, further ones are small kana, repetition and length marks,
# following vowels.
OPENING_WIDE = "\u3008\u300a\u300c\u300e\u3010\u3014\u3016\uff08\uff3b\uff5b"
OPENING = OPENING_WIDE + "\u201c\u2018(\\[{«¿¡"
BEFORE_CONSONANT = "\u0e40-\u0e44\u0ec0-\u0ec4"
NEVER_FIRST = (
    "\u0e2f\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3\u0ec6\u3005\u303b"
    "\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u308e\u309d\u309e"
    "\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7\u30ee\u30f5\u30f6\u30fc\u30fd\u30fe"
)
_MARK = rf"(?:[^\w\s{OPENING}]|[{NEVER_FIRST}])"
_UNIT = re.compile(
    rf" ?(?:[{OPENING}]*[{BEFORE_CONSONANT}]?[{NO_SPACES}]{_MARK}*"
    rf"|[{OPENING}]*[^ {NO_SPACES}{OPENING_WIDE}]+{_MARK}*|[^ ])"
    r"(?: [?!:;»…%]+(?= |$))*"  # French has a space before these
)
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f"
    "\uff01-\uff60\uffe0-\uffe6\U0001f300-\U0001f64f\U0001f900-\U0001f9ff\U00020000-\U0003fffd]"
)
"""The main blocks of Unicode's wide and full-width characters (UAX 11)."""

CLAUSE_ENDS = ",;:，、\uff1b：،…–—"
_NUMBER = re.compile(r"[^\w\s]?\d[\d.,:]*")

LEADS = {
    "de": "aber als am an auf aus bei bis damit das dass dem den denn der des die durch ein eine "
    "einem einen einer eines für gegen hinter im in ins mit nach oder ob ohne seit sondern über um "
    "und unter vom von vor während weil wenn wie zu zum zur zwischen",
    "en": "a about after although an and are as at because before but by can could during for from "
    "had has have he her his i if in into is its like may might must my nor of on or our over "
    "she should since so than that the their they this through to under until was we were when "
    "where which while who whose will with without would your",
    "es": "a al aunque como con cuando de del desde donde e el en entre hasta la las lo los mi ni "
    "o para pero por porque que se si sin sobre su sus u un una unas unos y",
    "fr": "à au aux avec ce ces cette chez comme dans de des donc du elle en et il je la le les "
    "leur leurs mais mon ne ni nous on ou où par parce pour quand que qui sa sans se ses si son "
    "sous sur un une vers vous",
    "it": "a al alla alle anche che con come da dal dalla dei del della delle di e ed fra gli i il "
    "in la le lo ma nel nella o per perché quando se senza si su sul sulla tra un una uno",
    "nl": "aan als bij dat de die door een en het hun in maar met na naar of om omdat onder op "
    "over te tegen tot uit van voor want wanneer zijn zonder",
    "pt": "a ao aos as até com como da das de do dos e em entre mas na nas no nos o os ou para "
    "pela pelo por porque quando que se sem sobre sua um uma",
}
"""Words that lead into what follows, by language: articles, prepositions, conjunctions and the like."""
_LEADS = {language: frozenset(words.split()) for language, words in LEADS.items()}
_SENTENCE_ENDS, _CLAUSE_ENDS = tuple(SENTENCE_ENDS), tuple(CLAUSE_ENDS)


def text_units(text: str) -> list[str]:
    """Cut text whose only white space is single spaces into what stays whole.

    A unit is a word, or in a script without spaces a character, with the marks that cannot leave it
    and the space before it. Joined they give the text again.
    """
    return _UNIT.findall(text)


def text_width(text: str) -> int:
    """Columns that a text takes: full-width characters count double, combining marks nothing."""
    if text.isascii():
        return len(text)
    return sum(
        2 if _WIDE.match(character) else 0 if category(character) == "Mn" else 1
        for character in text
    )


def break_cost(before: str, after: str, language: str) -> int:
    """What it costs to break between two units of a text; `language` is a code such as `en`."""
    spaced = after.startswith(" ")
    before, after = before.strip(), after.strip()
    bare = before.rstrip(CLOSING_MARKS + " ")
    leads = _LEADS.get(language, frozenset())
    if bare.endswith(_SENTENCE_ENDS):
        if bare.endswith(".") and not bare.endswith(".."):
            return _full_stop_cost(bare, after, language)
        goes_on = after[:1].islower() or bare.endswith("..")
        return CLAUSE if goes_on else SENTENCE
    if bare.endswith(_CLAUSE_ENDS):
        return CLAUSE
    if _NUMBER.fullmatch(before) or before.lower() in leads:
        return APART
    if not spaced:
        return CHARACTER
    return PHRASE if after.lower() in leads else ANYWHERE


def _full_stop_cost(word: str, after: str, language: str) -> int:
    """What it costs to break after a single full stop."""
    if not may_end_sentence(word, after, language):
        return BOUND
    # A sentence hardly begins so: the word is an abbreviation that no table has. Where it is a
    # sentence all the same, the speaker pauses, and that is told by the times.
    counted = after[:1].isdecimal() and not _NUMBER.fullmatch(word)
    return APART if after[:1].islower() or counted else SENTENCE
