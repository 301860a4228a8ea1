"""What a server says of a talk, and when: recorded from a real server, or made.

A stream is kept as JSON lines, `[second, message]`, so that one recording serves for every measurement.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from load.target import Target, running
from quality.listen import listen_to_all, speak
from quality.recordings import Recording

Message = dict[str, Any]
SHOWN = ("speech", "partial", "final", "suppressed", "failed")


@dataclass(frozen=True)
class Said:
    """A message, and when it comes."""

    at_s: float
    message: Message


async def record(recording: Recording, server: str) -> list[Said]:
    """Speak a recording to a server of its own, at the pace of speech. `server` is its command."""
    async with running(Target("surtitle", "surtitle", server)) as target:
        (listened,) = await listen_to_all(target.url, [recording], 1, speak, lambda _: None)
    first_s = listened.messages[0].at_s
    typed = [(at_s - first_s, msgspec.to_builtins(message)) for at_s, message in listened.messages]
    return [Said(at_s, message) for at_s, message in typed if message["type"] in SHOWN]


def save(stream: list[Said], path: Path) -> None:
    """Keep it."""
    lines = [json.dumps([round(said.at_s, 3), said.message]) for said in stream]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def load(path: Path) -> list[Said]:
    """What was kept."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Said(*json.loads(line)) for line in lines]


# -- made by chance ------------------------------------------------------------------------------

_WORDS = (
    *("the", "of", "and", "to", "in", "that", "we", "it", "is", "for", "this", "with", "our"),
    *("have", "on", "are", "be", "from", "people", "time", "year", "day", "work", "country"),
    *("important", "decision", "campaign", "vigorous", "future", "government", "responsibility"),
    *("small", "kernel", "colonel", "evening", "morning", "neighbourhood", "road", "water"),
    *("machine", "caption", "sentence", "speaker"),
)
_WORDS_PER_S = 2.6
_PARTIAL_EVERY_S = 0.3
_BEHIND_S = 0.4
_STABLE_AFTER_S = 0.6
"""A word that has been shown for so long is stable."""
_MISHEARD = 0.12
"""Share of words that are first shown as another one."""
_REWRITTEN = 0.05
"""Share of words that the final writes in another way than was read."""


def made(seed: int, seconds: float) -> list[Said]:
    """A talk with pauses, words that are corrected at the end, and finals that rewrite some."""
    chance = random.Random(seed)
    stream: list[Said] = []
    now_s, utterance = 0.5, 0
    while now_s < seconds:
        utterance += 1
        stream += _utterance(chance, utterance, now_s)
        now_s = stream[-1].at_s + chance.choice((0.05, 0.3, 0.3, 1.6))
    return stream


def _utterance(chance: random.Random, number: int, begins_s: float) -> list[Said]:
    """What is said of one utterance; a few of noise are taken back."""
    if chance.random() < 0.05:
        taken_back = {"type": "suppressed", "reason": "no_speech", **_times(number, begins_s, 0.8)}
        return [
            Said(begins_s, {"type": "speech", "utterance": number, "start_ms": _ms(begins_s)}),
            Said(begins_s + 0.8, taken_back),
        ]
    words = [chance.choice(_WORDS) for _ in range(chance.randint(3, 34))]
    words[0] = words[0].capitalize()
    for at in range(4, len(words) - 1, chance.randint(6, 11)):
        words[at - 1] += chance.choice((",", "."))
        if words[at - 1].endswith("."):
            words[at] = words[at].capitalize()
    words[-1] = words[-1].rstrip(".,") + "."
    heard = [_misheard(chance, word, _MISHEARD) for word in words]
    read = [_misheard(chance, word, _REWRITTEN) for word in words]  # what becomes stable
    said_s = len(words) / _WORDS_PER_S
    stream = [Said(begins_s, {"type": "speech", "utterance": number, "start_ms": _ms(begins_s)})]
    spoken_s = _PARTIAL_EVERY_S
    while spoken_s < said_s:
        shown = int(spoken_s * _WORDS_PER_S)
        stable = int(max(spoken_s - _STABLE_AFTER_S, 0) * _WORDS_PER_S)
        if shown:
            text = {
                "stable": " ".join(read[:stable]),
                "unstable": "".join(f" {word}" for word in heard[stable:shown]),
            }
            text["unstable"] = text["unstable"] if stable else text["unstable"].lstrip()
            times = _times(number, begins_s, spoken_s)
            stream.append(
                Said(begins_s + _BEHIND_S + spoken_s, {"type": "partial", **text, **times})
            )
        spoken_s += _PARTIAL_EVERY_S
    final = {"type": "final", "text": " ".join(words), "language": "en", "confidence": 0.9}
    times = _times(number, begins_s, said_s)
    stream.append(
        Said(begins_s + _BEHIND_S + said_s + 0.3, {**final, **times, "language_probability": 1.0})
    )
    return stream


def _misheard(chance: random.Random, word: str, share: float) -> str:
    if chance.random() >= share:
        return word
    return chance.choice((word.rstrip(".,"), word.lower(), word.rstrip("s.,") + "ed", "a"))


def _times(number: int, begins_s: float, lasts_s: float) -> Message:
    return {
        "utterance": number,
        "start_ms": _ms(begins_s),
        "end_ms": _ms(begins_s + lasts_s),
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def until(stream: list[Said], seconds: float) -> Iterator[Said]:
    """Its beginning."""
    return (said for said in stream if said.at_s <= seconds)
