"""What npm would publish: all that is needed and nothing else, without dependencies."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

from lab.places import REPOSITORY
from tests.node.conftest import LIBRARY, npm

BESIDE_CODE = {"package.json", "README.md", "LICENSE"}


def files_of(packed: Path) -> dict[str, str]:
    """Name -> text."""
    with tarfile.open(packed) as archive:
        texts = {}
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            texts[member.name.removeprefix("package/")] = file.read().decode()
        return texts


def test_the_package_holds_the_modules_their_types_and_what_explains_them(packed: Path) -> None:
    modules = {path.name for path in LIBRARY.glob("*.js")}
    types = {path.name for path in LIBRARY.glob("*.d.ts")}
    assert files_of(packed).keys() == modules | types | BESIDE_CODE
    assert sum(map(len, files_of(packed).values())) < 200_000


def test_nothing_in_the_package_needs_anything_outside_it(packed: Path) -> None:
    files = files_of(packed)
    needed = set()
    for name, text in files.items():
        if name.endswith((".js", ".ts")):
            needed |= set(re.findall(r'(?:from|import\(|new URL\()\s?"([^"?]+)', text))
    allowed = {f"./{name}" for name in files}
    allowed |= {f"./{name.replace('.d.ts', '.js')}" for name in files if name.endswith(".d.ts")}
    assert needed - allowed == set()
    described = json.loads(files["package.json"])
    assert not {"dependencies", "peerDependencies", "scripts"} & described.keys()
    assert files["LICENSE"] == (REPOSITORY / "LICENSE").read_text()


def test_every_module_is_needed(packed: Path) -> None:
    files = files_of(packed)
    reached: set[str] = set()
    open_ = {"index.js"}
    while open_:
        name = open_.pop()
        reached.add(name)
        used = re.findall(r'(?:from|new URL\() ?"\./([^"?]+\.js)', files[name])
        open_ |= set(used) - reached
    assert {name for name in files if name.endswith(".js")} == reached


def test_npm_would_publish_it(node_20: str) -> None:
    published = npm("publish", "--dry-run", cwd=LIBRARY)
    assert published.returncode == 0, published.stderr
    assert "surtitle-client@" in published.stdout
    corrections = [line for line in published.stderr.splitlines() if "auto-corrected" in line]
    assert corrections == []
