"""What holds for the layout of the server and for that of the page, as tables."""

import json
from pathlib import Path
from typing import Any

from surtitle.captioning.breaks import ANYWHERE, APART, BOUND, CHARACTER, CLAUSE, PHRASE, SENTENCE

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
    ("p.m.", " and", "en", BOUND),
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
    ("Mr.", " Smith", "en", BOUND),
    ("F.", " Kennedy", "en", BOUND),
    ("3.", " Mai", "de", BOUND),
    ("No.", " I", "en", SENTENCE),
    ("2008.", " We", "en", SENTENCE),
    ("I.", " But", "en", SENTENCE),
    ("l'on.", " Meloni", "it", BOUND),
]
"""Units before and after a break, language, and what it costs."""

STOPS = [
    # what follows belongs to it
    ("Gov.", "Jones", "en", False),
    ("(Dr.", "Smith", "en", False),
    ("DR.", "SMITH", "en", False),
    ("Prof.", "Horáková", "cs", False),
    ("Hr.", "Jensen", "da", False),
    ("bzw.", "die", "de", False),
    ("z.B.", "Der", "de", False),
    ("Srta.", "García", "es", False),
    ("esim.", "Turku", "fi", False),
    ("M.", "Dupont", "fr", False),
    ("Mme.", "Curie", "fr", False),
    ("डॉ.", "सिंह", "hi", False),
    ("özv.", "Kovács", "hu", False),
    ("Dott.", "Rossi", "it", False),
    ("mevr.", "Jansen", "nl", False),
    ("św.", "Jan", "pl", False),
    ("Exmo.", "Senhor", "pt", False),
    ("проф.", "Иванов", "ru", False),
    ("Doç.", "Demir", "tr", False),
    ("вул.", "Шевченка", "uk", False),
    ("Dr.", "Okafor", "xx", False),
    ("Gen.", "Miller", "en", False),
    # joined to another word
    ("Maj.-Gen.", "Smith", "en", False),
    ("Lt.-Col.", "Smith", "en", False),
    ("Dipl.-Ing.", "Krause", "de", False),
    ("Art.-Nr.", "5", "de", False),
    ("l'on.", "Meloni", "it", False),
    ("l’ing.", "Bianchi", "it", False),
    ("dell'art.", "5", "it", False),
    ("l'art.", "5", "fr", False),
    ("d'env.", "Paris", "fr", False),
    ("Sr./Sra.", "García", "es", False),
    ("l'art.", "Il", "fr", True),
    ("vas-y.", "Il", "fr", True),
    ("so-and-so.", "Peter", "en", True),
    ("John's.", "Peter", "en", True),
    ("Ankara'da.", "Ali", "tr", True),
    # unless a sentence begins
    ("Jan.", "5", "en", False),
    ("Jan.", "", "en", False),
    ("St.", "Paul", "en", False),
    ("St.", "The", "en", True),
    ("R.", "R.", "en", False),
    ("R.", "Tolkien", "en", False),
    ("B.", "We", "en", True),
    ("C.", "De", "nl", False),
    ("А.", "Пушкин", "ru", False),
    ("z.", "B.", "de", False),
    ("т.", "е.", "ru", False),
    ("ene.", "de", "es", False),
    ("févr.", "et", "fr", False),
    ("3.", "Mai", "de", False),
    ("3.", "Das", "de", True),
    ("VIII.", "ist", "de", False),
    ("3.", "sierpnia", "pl", False),
    # before a number
    ("No.", "5", "en", False),
    ("No.", "I", "en", True),
    ("no.", "The", "en", True),
    ("Vol.", "II", "en", False),
    ("Nr.", "7", "de", False),
    ("art.", "12", "pl", False),
    ("mar.", "3", "es", False),
    ("mar.", "La", "es", True),
    ("Jan.", "2020", "de", False),
    ("Jan.", "Er", "de", True),
    # inside a sentence or at its end
    ("p.m.", "Eastern", "en", False),
    ("p.m.", "The", "en", True),
    ("p.m.", "", "en", True),
    ("U.S.", "Senate", "en", False),
    ("U.S.", "In", "en", True),
    ("etc.", "and", "en", False),
    ("etc.", "But", "en", True),
    ("usw.", "Dann", "de", True),
    ("usw.", "und", "de", False),
    ("ecc.", "Poi", "it", True),
    ("EE.UU.", "y", "es", False),
    ("г.", "В", "ru", True),
    ("г.", "Москва", "ru", False),
    ("vb.", "İçin", "tr", True),
    ("osv.", "Vi", "sv", True),
    # ordinary words
    ("I.", "Peter", "en", True),
    ("home.", "Smith", "en", True),
    ("gov.", "Jones", "de", True),
    ("2008.", "Peter", "de", True),
    ("я.", "Пётр", "ru", True),
    (".", "Smith", "en", True),
    ("example.com.", "Peter", "en", True),
]
"""A word, the next one, the language, and whether the full stop may end a sentence."""
