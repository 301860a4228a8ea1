"""What captions must know of scripts and their punctuation. `web_demo/tables.js` is made of it, too."""

NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts that are written without spaces (Thai, Lao, Burmese, Khmer, kana, Han), as ranges of a
set in a regular expression."""
SENTENCE_ENDS = ".?!。？！؟।۔։።፧။។"
"""Also of Arabic, Hindi, Urdu, Armenian, Amharic, Burmese and Khmer."""
CLOSING_MARKS = "\"'”’»)]\uff09\u300d\u300f\u3011"
"""Quotation marks and brackets that may stand behind the end of a sentence."""
OPENING_MARKS = '"“\u2018«„\u201a\u2039¿¡(['
"""What may stand before its first word."""
