"""What people call the languages that Whisper knows: some write `english` where `en` is meant."""

from difflib import get_close_matches

# fmt: off
CODES: dict[str, str] = {
    "afrikaans": "af", "albanian": "sq", "amharic": "am", "arabic": "ar", "armenian": "hy",
    "assamese": "as", "azerbaijani": "az", "bashkir": "ba", "basque": "eu", "belarusian": "be",
    "bengali": "bn", "bosnian": "bs", "breton": "br", "bulgarian": "bg", "cantonese": "yue",
    "catalan": "ca", "chinese": "zh", "croatian": "hr", "czech": "cs", "danish": "da",
    "dutch": "nl", "english": "en", "estonian": "et", "faroese": "fo", "finnish": "fi",
    "french": "fr", "galician": "gl", "georgian": "ka", "german": "de", "greek": "el",
    "gujarati": "gu", "haitian creole": "ht", "hausa": "ha", "hawaiian": "haw", "hebrew": "he",
    "hindi": "hi", "hungarian": "hu", "icelandic": "is", "indonesian": "id", "italian": "it",
    "japanese": "ja", "javanese": "jw", "kannada": "kn", "kazakh": "kk", "khmer": "km",
    "korean": "ko", "lao": "lo", "latin": "la", "latvian": "lv", "lingala": "ln",
    "lithuanian": "lt", "luxembourgish": "lb", "macedonian": "mk", "malagasy": "mg",
    "malay": "ms", "malayalam": "ml", "maltese": "mt", "maori": "mi", "marathi": "mr",
    "mongolian": "mn", "myanmar": "my", "nepali": "ne", "norwegian": "no", "nynorsk": "nn",
    "occitan": "oc", "pashto": "ps", "persian": "fa", "polish": "pl", "portuguese": "pt",
    "punjabi": "pa", "romanian": "ro", "russian": "ru", "sanskrit": "sa", "serbian": "sr",
    "shona": "sn", "sindhi": "sd", "sinhala": "si", "slovak": "sk", "slovenian": "sl",
    "somali": "so", "spanish": "es", "sundanese": "su", "swahili": "sw", "swedish": "sv",
    "tagalog": "tl", "tajik": "tg", "tamil": "ta", "tatar": "tt", "telugu": "te", "thai": "th",
    "tibetan": "bo", "turkish": "tr", "turkmen": "tk", "ukrainian": "uk", "urdu": "ur",
    "uzbek": "uz", "vietnamese": "vi", "welsh": "cy", "yiddish": "yi", "yoruba": "yo",
}
"""By English name; both as in Whisper's tokenizer."""

OTHER_NAMES: dict[str, str] = {
    "burmese": "my", "castilian": "es", "deutsch": "de", "español": "es", "farsi": "fa",
    "filipino": "tl", "flemish": "nl", "français": "fr", "haitian": "ht", "italiano": "it",
    "mandarin": "zh", "moldovan": "ro", "nederlands": "nl", "polski": "pl", "português": "pt",
    "pushto": "ps", "sinhalese": "si", "svenska": "sv", "türkçe": "tr", "valencian": "ca",
}
"""More names of the same."""
# fmt: on

LONGEST_SUBTAG = 3
"""A code of a language; what is longer is a name."""


def code_meant(text: str) -> str | None:
    """The code of a language by its name, or by one that is nearly right."""
    names = CODES | OTHER_NAMES
    near = get_close_matches(text.strip().lower(), names, 1, cutoff=0.8)
    return names[near[0]] if near else None


def is_code(tag: str) -> bool:
    """Whether this looks like a tag of BCP 47, or `auto`: its first part is short."""
    return tag == "auto" or 1 < len(tag.partition("-")[0]) <= LONGEST_SUBTAG
