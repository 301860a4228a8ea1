"""Names and terms that a speaker is likely to say, and how to write what is heard wrong. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from surtitle.errors import ConfigurationError
from surtitle.messages import CHANNEL_NAME, MAX_HOTWORDS, MAX_NAME_LETTERS

COMMENT = "#"
_SECTION = re.compile(r"\[(.*)\]")


@dataclass(frozen=True, slots=True)
class Glossary:
    """The names and terms of a server."""

    names: tuple[str, ...] = ()
    """For sessions that bring none."""
    by_channel: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For who publishes in these channels, whatever they bring."""


def glossary_in(text: str, source: str) -> Glossary:
    """The names in a file; behind a line [NAME], those of a channel. Raises ConfigurationError."""
    sections: dict[str, list[str]] = {"": []}
    section = sections[""]
    for line in names_in(text):
        if (heading := _SECTION.fullmatch(line)) is None:
            section.append(line)
            continue
        channel = heading[1].strip()
        if not re.fullmatch(CHANNEL_NAME, channel):
            raise ConfigurationError(
                f"{source}: {line[:40]!r} is no heading; write the name of a channel in brackets, such "
                "as [hall]: letters, digits, - and _."
            )
        section = sections.setdefault(channel, [])
    of = {channel: checked(names, source) for channel, names in sections.items()}
    return Glossary(of.pop(""), of)


def names_in(text: str) -> list[str]:
    """The names in a file: one in a line, without comments."""
    lines = (line.partition(COMMENT)[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def pairs_in(text: str, source: str) -> dict[str, str]:
    """The replacements in a file, "WRONG = RIGHT" in a line. Raises ConfigurationError."""
    pairs: dict[str, str] = {}
    for line in names_in(text):
        wrong, sign, right = map(str.strip, line.partition("="))
        if not sign or not wrong:
            raise ConfigurationError(
                f"{source}: write WRONG = RIGHT, such as choppy = Chopin, and not {line[:40]!r}."
            )
        pairs[wrong] = right
    checked(pairs, source)
    checked(pairs.values(), source)
    return pairs


def checked(names: Iterable[str], source: str) -> tuple[str, ...]:
    """The names without repetitions. Raises ConfigurationError, which names their `source`."""
    found = tuple(dict.fromkeys(names))
    if len(found) > MAX_HOTWORDS:
        raise ConfigurationError(
            f"{source} has {len(found)} names; at most {MAX_HOTWORDS} can be given. Keep those that "
            "are most likely to be said."
        )
    for name in found:
        if len(name) > MAX_NAME_LETTERS:
            raise ConfigurationError(
                f"{source}: {name[:40]}… has {len(name)} letters; a name has at most "
                f"{MAX_NAME_LETTERS}."
            )
    return found
