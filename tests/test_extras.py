"""The command that installs an extra names what is there."""

import json
import re
import sys
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from lab.places import REPOSITORY
from surtitle import extras
from surtitle.extras import install_command

HERE = f"{Path(sys.executable).name} -m pip install"


def installed(folder: Path, name: str, origin: object) -> Distribution:
    """A distribution as pip leaves one, with what it says of where that came from."""
    info = folder / f"{name.replace('-', '_')}-0.2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.2.0\n")
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))
    return Distribution.at(info)


@pytest.mark.parametrize(
    ("name", "origin", "expected"),
    [
        ("surtitle", None, "'surtitle[mic]'"),
        ("surtitle-client", None, "'surtitle-client[mic]'"),
        ("surtitle", {"url": "file:///tmp/a.whl", "archive_info": {}}, "'surtitle[mic]'"),
        ("surtitle", {"url": "file:///a%20b/c", "dir_info": {}}, "'/a b/c[mic]'"),
        (
            "surtitle",
            {"url": "file:///srv/surtitle", "dir_info": {"editable": True}},
            "--editable '/srv/surtitle[mic]'",
        ),
    ],
)
def test_what_is_installed_is_named_by_where_it_came_from(
    name: str, origin: object, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = installed(tmp_path, name, origin)
    monkeypatch.setattr(extras, "_installed", lambda: found)
    assert install_command("mic").endswith(f"{HERE} {expected}")


def test_a_checkout_that_is_not_installed_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_installed", lambda: None)
    monkeypatch.chdir(REPOSITORY.parent)
    assert install_command("mic").endswith(f"{HERE} '{REPOSITORY.name}[mic]'")
    monkeypatch.chdir(REPOSITORY)
    assert install_command("mic").endswith(f"{HERE} '.[mic]'")


def test_no_text_installs_by_name_what_no_index_has() -> None:
    """The documents install from a checkout or from the wheel; programs say what `extras` says."""
    named = re.compile(
        r"(?:pip|pipx|uv) install [^`\n]*?(?<![\w./-])'?surtitle(?![\w./-])|uvx surtitle"
    )
    texts = [
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("docs/*.md"),
        *REPOSITORY.glob("web_demo/**/*.md"),
        *REPOSITORY.glob("server/**/*.py"),
        *REPOSITORY.glob("web_demo/*.js"),
    ]
    found = {
        (text.name, match[0])
        for text in texts
        if text.name != "extras.py"
        for match in named.finditer(text.read_text(encoding="utf-8"))
    }
    assert found == set()
