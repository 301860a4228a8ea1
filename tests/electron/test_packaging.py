"""What is packed into the application is all that it needs, and no more."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Response

from tests.electron.conftest import EXAMPLE, HERE, serving

BUILD = json.loads((EXAMPLE / "package.json").read_text(encoding="utf-8"))["build"]


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """The files that `build.files` of package.json names, where electron-builder puts them."""
    packed = tmp_path / "app"
    for entry in ["package.json", *BUILD["files"]]:
        rule: dict[str, Any] = (
            {"from": ".", "to": ".", "filter": [entry]} if isinstance(entry, str) else entry
        )
        source = EXAMPLE / rule["from"]
        for pattern in rule["filter"]:
            for file in source.glob(pattern + "/*" if pattern.endswith("**") else pattern):
                if file.is_file():
                    target = packed / rule["to"] / file.relative_to(source)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, target)
    return packed


def test_the_packaged_application_runs(node: str, application: Path) -> None:
    done = subprocess.run(
        [node, "--test", str(HERE / "main" / "composition.test.mjs")],
        env=os.environ | {"SURTITLE_TEST_APPLICATION": str(application)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_pages_have_all_their_modules(node: str, application: Path, browser: Browser) -> None:
    answers: list[Response] = []
    context = browser.new_context()
    context.add_init_script(path=HERE / "hosts.js")
    with serving(node, application / "web_demo") as url:
        for name in ("control", "subtitles"):
            page = context.new_page()
            page.on("response", lambda answer: answers.append(answer))
            page.goto(f"{url}/{name}.html", wait_until="networkidle")
    context.close()
    assert {answer.status for answer in answers} == {200}
    served = {Path(answer.url).name for answer in answers}
    assert {"control.js", "subtitles.js", "client.js", "block-view.js"} <= served


def test_what_belongs_to_the_repository_alone_is_not_packed(application: Path) -> None:
    packed = {path.relative_to(application).as_posix() for path in application.rglob("*.*")}
    assert not {name for name in packed if "README" in name or "node_modules" in name}
    assert not {name for name in packed if name.startswith("web_demo/electron/main")}
