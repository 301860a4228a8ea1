"""As much of a Dockerfile as ours needs: its stages, with their instructions and their environment."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FLAG = re.compile(r"--([\w-]+)=(\S+)\s+")


@dataclass(frozen=True)
class Instruction:
    """One instruction: `COPY --from=build A B` has the flag `from` and the text `A B`."""

    name: str
    flags: dict[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        """As a JSON array, or separated by spaces."""
        if self.text.startswith("["):
            return [str(word) for word in json.loads(self.text)]
        return shlex.split(self.text)


@dataclass
class Stage:
    """One stage: what it is based on, and what is done there."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def of(self, name: str) -> list[Instruction]:
        """All instructions of this name."""
        return [each for each in self.instructions if each.name == name]


@dataclass
class Dockerfile:
    """All stages, by name and in order; the last one is what is built where nothing else is said."""

    stages: dict[str, Stage]

    def with_bases(self, name: str) -> list[Stage]:
        """A stage and what it is based on, the first one first."""
        stage = self.stages[name]
        return [*(self.with_bases(stage.base) if stage.base in self.stages else ()), stage]

    def last(self, stage: str, name: str) -> Instruction:
        """The instruction of this name that counts for a stage. Raises IndexError."""
        return [each for part in self.with_bases(stage) for each in part.of(name)][-1]

    def environment(self, stage: str) -> dict[str, str]:
        """What a process of this stage finds."""
        variables: dict[str, str] = {}
        for part in self.with_bases(stage):
            for each in part.of("ENV"):
                for word in each.words:
                    name, _, value = word.partition("=")
                    variables[name] = value
        return variables


def read_dockerfile(path: Path) -> Dockerfile:
    """Read one. Raises AssertionError at what it does not know."""
    stages: dict[str, Stage] = {}
    current: Stage | None = None
    for name, rest in _instructions(path.read_text(encoding="utf-8")):
        flags: dict[str, str] = {}
        while match := _FLAG.match(rest):
            flags[match[1]] = match[2]
            rest = rest[match.end() :]
        if name == "FROM":
            base, _as, named = rest.split()
            current = stages[named] = Stage(named, base)
            continue
        assert current is not None, f"{name} before FROM"
        current.instructions.append(Instruction(name, flags, rest))
    return Dockerfile(stages)


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, rest = line.partition(" ")
        yield name.upper(), rest.strip()
