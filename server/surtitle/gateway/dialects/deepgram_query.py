"""What the query string of a Deepgram URL asks for. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from msgspec import structs

from surtitle.captioning.decode_options import make_decode_options
from surtitle.errors import BadStart
from surtitle.gateway.dialects.words import hotwords
from surtitle.jobs import ModelInfo
from surtitle.messages import MAX_HOTWORDS, MAX_NAME_LETTERS, Encoding, Start

MIN_ENDPOINTING_MS, MAX_ENDPOINTING_MS = 300, 5000
"""After less silence, finals are worse: with 100 ms, 0.305 instead of 0.242 words are wrong."""
MIN_UTTERANCE_END_MS, MAX_UTTERANCE_END_MS = 1000, 5000
DEFAULT_EOT_THRESHOLD = 0.7
MANUAL_EOT_THRESHOLD = 1.0
"""So sure nobody is: only the client ends turns."""
MAX_CHANNELS = 8
"""Of `multichannel`, each of which has a session."""

_RAW: dict[str, Encoding] = {
    "linear16": "pcm_s16le",
    "linear32": "pcm_f32le",
    "mulaw": "mulaw",
    "alaw": "alaw",
}
_CONTAINERS: dict[str, Encoding] = {"flac": "flac", "ogg-opus": "ogg", "opus": "ogg"}
_UNSAFE = ("redact", "callback")
"""Whoever asks for these relies on them."""
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
_KNOWN = {
    *("model", "language", "encoding", "sample_rate", "channels", "multichannel", "endpointing"),
    *("interim_results", "utterance_end_ms", "vad_events", "keyterm", "keywords", "replace"),
    *("eot_threshold", "eager_eot_threshold", "eot_timeout_ms", "language_hint"),
}


class BadQuery(Exception):
    """A parameter that cannot be used, in a sentence."""


Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a client of `/v1/listen` asks for."""

    start: Start
    channels: int
    """Of `multichannel`; 1 without."""
    interim_results: bool
    vad_events: bool
    utterance_end_ms: int | None
    ignored: tuple[str, ...] = ()
    """Parameters that change nothing here."""


def read_query(query: Query, model: ModelInfo, *, is_file: bool = False) -> Wishes:
    """What a query comes to. Raises BadQuery for what it would be unsafe to ignore, and for nonsense.

    `is_file`: the recording is the body of a request.
    """
    for name in _UNSAFE:
        if _one(query, name) not in (None, *_FALSE):
            raise BadQuery(f"`{name}` is not supported.")
    channels = _number(query, "channels", 1, 1, 32)
    multichannel = _flag(query, "multichannel") and channels > 1
    interim = _flag(query, "interim_results")
    end_ms = _one(query, "utterance_end_ms")
    if end_ms is not None and not interim:
        raise BadQuery("`utterance_end_ms` needs `interim_results=true`.")
    if is_file:
        multichannel = False  # it is mixed down
    start = make_start(query, model, is_file=is_file, multichannel=multichannel)
    if multichannel:
        if start.encoding not in _RAW.values():
            raise BadQuery("`multichannel` needs raw audio with an `encoding`.")
        if channels > MAX_CHANNELS:
            raise BadQuery(f"`multichannel` supports up to {MAX_CHANNELS} channels.")
    return Wishes(
        start,
        channels if multichannel else 1,
        interim,
        _flag(query, "vad_events"),
        None
        if end_ms is None
        else _number(query, "utterance_end_ms", 0, MIN_UTTERANCE_END_MS, MAX_UTTERANCE_END_MS),
        tuple(sorted(name[:40] for name in query if name not in _KNOWN)),
    )


def make_start(
    query: Query, model: ModelInfo, *, is_file: bool = False, multichannel: bool = False
) -> Start:
    """The session that a query asks for, of one channel where it is `multichannel`. Raises BadQuery."""
    language, languages = _language(query)
    encoding, rate = _encoding(query, is_file=is_file)
    endpointing = _one(query, "endpointing")
    silence_ms = None
    if endpointing is not None and endpointing not in ("true", "false"):
        wanted = _number(query, "endpointing", 0, 0, 100_000)
        silence_ms = min(max(wanted, MIN_ENDPOINTING_MS), MAX_ENDPOINTING_MS)
    start = Start(
        encoding=encoding,
        sample_rate=rate,
        channels=1 if multichannel else _number(query, "channels", 1, 1, 32),
        language=language,
        languages=languages,
        mode="file" if is_file else "live",
        partials=not is_file,
        words=True,
        replacements=_replacements(query.get("replace", ())),
        hotwords=hotwords([*query.get("keyterm", ()), *map(_keyword, query.get("keywords", ()))]),
        endpoint_silence_ms=silence_ms,
        endpointing=endpointing != "false" or is_file,
    )
    try:
        make_decode_options(start, model)
    except BadStart as error:
        raise BadQuery(str(error)) from error
    return start


def _language(query: Query) -> tuple[str | None, list[str]]:
    hints = [hint for hint in query.get("language_hint", ()) if hint]
    language = _one(query, "language")
    if language in (None, ""):
        return (hints[0], []) if len(hints) == 1 else (("auto", hints) if hints else (None, []))
    if language in ("multi", "auto"):
        return "auto", hints
    if len(language) > 35 or not language.replace("-", "").isalnum():
        raise BadQuery(f"`language` must be a code such as `en`, not {language[:40]!r}.")
    return language, []


def _encoding(query: Query, *, is_file: bool) -> tuple[Encoding, int]:
    name = _one(query, "encoding")
    if name in _RAW:
        if _one(query, "sample_rate") is None:
            raise BadQuery("`sample_rate` is required with this encoding.")
        return _RAW[name], _number(query, "sample_rate", 0, 8000, 96_000)
    if name is not None and name not in _CONTAINERS:
        known = ", ".join((*_RAW, *_CONTAINERS))
        raise BadQuery(f"The encoding {name[:40]!r} is not supported; use one of {known}.")
    _number(query, "sample_rate", 16_000, 1, 1_000_000)  # a container says it itself
    return ("auto" if name is None or is_file else _CONTAINERS[name]), 16_000


@dataclass(frozen=True, slots=True)
class FluxWishes:
    """What a client of `/v2/listen` asks for."""

    start: Start
    eot_threshold: float
    eager_eot_threshold: float | None
    keyterms: tuple[str, ...]


def read_flux_query(query: Query, model: ModelInfo) -> FluxWishes:
    """The same of Flux. Raises BadQuery."""
    if _one(query, "redact") not in (None, *_FALSE):
        raise BadQuery("`redact` is not supported.")
    eot_threshold, eager = read_thresholds(query)
    return FluxWishes(
        # Eager ends may be configured later.
        structs.replace(
            make_start(query, model), eager=True, endpointing=eot_threshold != MANUAL_EOT_THRESHOLD
        ),
        DEFAULT_EOT_THRESHOLD if eot_threshold is None else eot_threshold,
        eager,
        tuple(query.get("keyterm", ())),
    )


def read_thresholds(query: Query) -> tuple[float | None, float | None]:
    """How sure the end of a turn is to be, and an eager one. Raises BadQuery."""
    _number(query, "eot_timeout_ms", 5000, 500, 60_000)
    return (
        _fraction(query, "eot_threshold", 0.5, MANUAL_EOT_THRESHOLD),
        _fraction(query, "eager_eot_threshold", 0.3, 0.9),
    )


def _fraction(query: Query, name: str, least: float, most: float) -> float | None:
    value = _one(query, name)
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise BadQuery(f"`{name}` must be a number from {least} to {most}, not {value[:40]!r}.")
    return number


def _keyword(keyword: str) -> str:
    """Without the weight that older clients give it."""
    return keyword.rpartition(":")[0] or keyword


def _replacements(values: Iterable[str]) -> dict[str, str]:
    """Of FIND:REPLACE, as many as a session takes; one without a colon is deleted."""
    pairs = (value.partition(":") for value in values)
    found = {
        find.strip()[:MAX_NAME_LETTERS]: text.strip()[:MAX_NAME_LETTERS] for find, _, text in pairs
    }
    return dict(islice(((find, text) for find, text in found.items() if find), MAX_HOTWORDS))


def _one(query: Query, name: str) -> str | None:
    if not (values := query.get(name)):
        return None
    value = values[-1].strip()
    return value if name == "language" else value.lower()


def _flag(query: Query, name: str) -> bool:
    value = _one(query, name)
    if value is None or value in _FALSE:
        return False
    if value not in _TRUE:
        raise BadQuery(f"`{name}` must be true or false, not {value[:40]!r}.")
    return True


def _number(query: Query, name: str, default: int, least: int, most: int) -> int:
    value = _one(query, name)
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
        raise BadQuery(f"`{name}` must be a number from {least} to {most}, not {value[:40]!r}.")
    return int(value)
