"""Types: the modules hold, are what is declared of them, and serve a strict program."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.places import REPOSITORY
from tests.marks import long
from tests.node.conftest import LIBRARY

CONSUMER = REPOSITORY / "tests" / "node" / "consumer.ts"
LIMIT_S = 120.0
DECLARED = ("client", "sources", "viewer")  # modules with a declaration beside them

# What listeners get is declared only, so the methods for them are left out.
CONFORMS = """
import * as declared from "./declared/index.js";
import * as real from "./real/index.js";

type Listening = "addEventListener" | "removeEventListener";
type Made<T> = T extends new (...args: infer A) => infer I
  ? new (...args: A) => Omit<I, Listening>
  : T;
type Library = { [Name in keyof typeof declared]: Made<(typeof declared)[Name]> };
type Same = { [Name in keyof typeof real]: unknown };

export const library: Library = real;
export const all: Same = declared;
"""


def compile_strictly(project: Path, folder: Path, **options: object) -> None:
    """Let TypeScript look at all there is in a folder."""
    settings = {
        "strict": True,
        "noEmit": True,
        "target": "es2022",
        "module": "nodenext",
        "lib": ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
        "types": [],
    }
    described = {"compilerOptions": settings | options, "include": ["."]}
    (folder / "tsconfig.json").write_text(json.dumps(described))
    compiler = project / "node_modules" / ".bin" / "tsc"
    found = subprocess.run(
        [compiler, "-p", folder], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert found.returncode == 0, found.stdout


def test_the_modules_hold_under_strict_rules(project: Path, tmp_path: Path) -> None:
    library = tmp_path / "client"
    shutil.copytree(LIBRARY, library)
    compile_strictly(project, library, allowJs=True, checkJs=True)


@pytest.mark.parametrize("resolution", ["nodenext", long("bundler")])
def test_a_strict_program_uses_all_of_it(project: Path, resolution: str) -> None:
    folder = project / resolution
    folder.mkdir()
    shutil.copy(CONSUMER, folder)
    modules = "nodenext" if resolution == "nodenext" else "esnext"
    compile_strictly(
        project,
        folder,
        module=modules,
        moduleResolution=resolution,
        exactOptionalPropertyTypes=True,
    )


def test_the_modules_are_what_is_declared(project: Path, tmp_path: Path) -> None:
    """Beside a module TypeScript believes its declaration, so the modules go without."""
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "conforms.ts").write_text(CONFORMS)
    for name in ("declared", "real"):
        shutil.copytree(LIBRARY, tmp_path / name)
    for path in (tmp_path / "declared").glob("*.js"):
        path.unlink()
    real = tmp_path / "real"
    (real / "index.d.ts").unlink()
    for name in DECLARED:
        (real / f"{name}.d.ts").unlink()
    for path in real.glob("*.js"):
        text = path.read_text()
        for name in DECLARED:
            text = text.replace(f'import("./{name}.js")', f'import("../declared/{name}.js")')
        path.write_text(text)
    compile_strictly(project, tmp_path, allowJs=True)
