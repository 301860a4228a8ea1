"""Names and terms that a speaker is likely to say, and how to write what is heard wrong. Pure."""

from collections.abc import Iterable

from surtitle.errors import ConfigurationError
from surtitle.messages import MAX_HOTWORDS, MAX_NAME_LETTERS

COMMENT = "#"


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
