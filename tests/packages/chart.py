"""The Helm chart, rendered."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.places import REPOSITORY
from tests.packages.environments import RUN_LIMIT_S, TOOLS

CHART = REPOSITORY / "deploy" / "helm" / "surtitle"
PROGRAM = Path(__file__).with_name("render_chart.py")

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """What Helm makes of the chart, and what it finds wrong with it."""

    findings: dict[str, Any]
    notes: str
    manifests: list[Manifest]

    def of(self, kind: str) -> dict[str, Manifest]:
        """All manifests of this kind, by name."""
        found = [each for each in self.manifests if each["kind"] == kind]
        return {each["metadata"]["name"]: each for each in found}

    @property
    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """The pods of each deployment, by its name."""
        for name, each in self.of("Deployment").items():
            yield name, each["spec"]["template"]

    @property
    def own_pods(self) -> Iterator[tuple[str, Manifest]]:
        """Those that run Surtitle."""
        return (each for each in self.pods if not each[0].endswith("-redis"))


@functools.cache
def render(values: str = "{}") -> Rendered:
    """Render with values, as JSON, in the namespace `talks` as the release `captions`."""
    done = subprocess.run(
        [TOOLS / "bin" / "python", PROGRAM, CHART],
        input=values,
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    texts = {name.rpartition("/")[2]: text for name, text in told["rendered"].items()}
    notes = texts.pop("NOTES.txt")
    manifests = [each for text in texts.values() for each in yaml.safe_load_all(text) if each]
    return Rendered(told["findings"], notes, manifests)


def variables_of(pod: Manifest) -> dict[str, str]:
    """What the process of a pod finds in its environment."""
    (container,) = pod["spec"]["containers"]
    return {
        each["name"]: each["value"] if "value" in each else str(each["valueFrom"])
        for each in container["env"]
    }
