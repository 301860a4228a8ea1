"""What holds for the layout of the server and for that of the page, as tables."""

import json
from pathlib import Path
from typing import Any

from surtitle.captioning.breaks import ANYWHERE, APART, CHARACTER, CLAUSE, PHRASE, SENTENCE

LAYOUT_CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
)
"""Each with a `name`, what differs from the usual `layout`, the `finals`, and the `cues` expected."""

WIDTHS = [
    ("", 0),
    ("abc", 3),
    ("你好", 4),
    ("ＡＢ", 4),
    ("a你", 3),
    ("한국", 4),
    ("é", 1),
    ("e\u0301", 1),
    ("ที่", 1),
    ("😀", 2),
]
"""Texts, and how many columns they take."""

UNITS = [
    ("", []),
    ("One two, three.", ["One", " two,", " three."]),
    ("今天，你好。", ["今", "天，", "你", "好。"]),
    ("他说：「明天」吧（好）", ["他", "说：", "「明", "天」", "吧", "（好）"]),
    ("用GPU跑3次", ["用", "GPU", "跑", "3", "次"]),
    ("ちょっとコーヒー", ["ちょっ", "と", "コー", "ヒー"]),
    ("เสียงที่นำ", ["เสี", "ย", "ง", "ที่", "นำ"]),
    ("Quoi ? Oui : 5 % « là » !", ["Quoi ?", " Oui :", " 5 %", " «", " là » !"]),
    ("well-known (so to speak)", ["well-known", " (so", " to", " speak)"]),
    ("ABC「", ["ABC", "「"]),
]
"""Texts, and what of them stays whole."""

COSTS = [
    ("over.", " The", "en", SENTENCE),
    ('over."', " The", "en", SENTENCE),
    ("好。", "他", "zh", SENTENCE),
    ("है।", " वह", "hi", SENTENCE),
    ("ہے۔", " وہ", "ur", SENTENCE),
    ("է։", " Նա", "hy", SENTENCE),
    ("p.m.", " and", "en", CLAUSE),
    ("Well...", " So", "en", CLAUSE),
    ("times,", " it", "en", CLAUSE),
    ("了，", "他", "zh", CLAUSE),
    ("day", " and", "en", PHRASE),
    ("day", " of", "en", PHRASE),
    ("sah", " die", "de", PHRASE),
    ("people", " go", "en", ANYWHERE),
    ("will", " die", "xx", ANYWHERE),
    ("今", "天", "zh", CHARACTER),
    ("the", " day", "en", APART),
    ("The", " day", "en", APART),
    ("of", " the", "en", APART),
    ("5", " kilograms", "en", APART),
    ("$1,200.50", " now", "en", APART),
    ("2008", "年", "zh", APART),
    ("Mr.", " Smith", "en", APART),
    ("F.", " Kennedy", "en", APART),
    ("3.", " Mai", "de", APART),
    ("No.", " I", "en", SENTENCE),
    ("2008.", " We", "en", SENTENCE),
    ("I.", " But", "en", SENTENCE),
]
"""Units before and after a break, language, and what it costs."""
