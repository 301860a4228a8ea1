"""Make the page's copy of the server's tables of words and marks, `web_demo/tables.js`."""

import json
from pathlib import Path
from types import ModuleType

from surtitle.captioning import abbreviations, language_names, writing
from surtitle.subtitles import breaks

OUTPUT = Path(__file__).resolve().parents[1] / "web_demo" / "tables.js"
ABBREVIATIONS = (
    "ABBREVIATIONS",
    "STARTERS",
    "PARTICLES",
    "ORDINALS",
    "YEARS",
    "WORDS_OF_A_LETTER",
)
WRITING = ("NO_SPACES", "SENTENCE_ENDS", "CLOSING_MARKS")
COSTS = ("SENTENCE", "CLAUSE", "PHRASE", "ANYWHERE", "CHARACTER", "APART", "BOUND")
BREAKS = ("OPENING_WIDE", "OPENING", "BEFORE_CONSONANT", "NEVER_FIRST", "CLAUSE_ENDS", "LEADS")
LANGUAGES = ("CODES",)
TABLES: list[tuple[ModuleType, tuple[str, ...]]] = [
    (abbreviations, ABBREVIATIONS),
    (writing, WRITING),
    (language_names, LANGUAGES),
    (breaks, COSTS + BREAKS),
]


def as_javascript() -> str:
    """The tables as a module."""
    lines = ["/** Made by `scripts/make_page_tables.py` of the server's tables. */"]
    for module, names in TABLES:
        where = module.__name__.replace(".", "/").removeprefix("surtitle/")
        lines.append(f"\n// `{where}.py` says what is what.")
        for name in names:
            value = getattr(module, name)
            # Ranges of characters are told by number: some look like others, or like nothing.
            ascii_only = isinstance(value, str) and module is not abbreviations
            table = json.dumps(value, ensure_ascii=ascii_only, indent=2)
            lines.append(f"export const {name} = {table};")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(as_javascript(), encoding="utf-8")
