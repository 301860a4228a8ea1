"""Make the page's copy of the server's tables of abbreviations, `web_demo/abbreviations.js`."""

import json
from pathlib import Path

from surtitle.captioning import abbreviations

OUTPUT = Path(__file__).resolve().parents[1] / "web_demo" / "abbreviations.js"
TABLES = ("ABBREVIATIONS", "STARTERS", "PARTICLES", "ORDINALS", "YEARS", "WORDS_OF_A_LETTER")


def as_javascript() -> str:
    """The tables as a module."""
    lines = [
        "/** Made from the server's `captioning/abbreviations.py`, which says what is what. */"
    ]
    for name in TABLES:
        table = json.dumps(getattr(abbreviations, name), ensure_ascii=False, indent=2)
        lines.append(f"\nexport const {name} = {table};")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(as_javascript(), encoding="utf-8")
