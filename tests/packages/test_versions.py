"""All that is released has one version, and the changelog knows it."""

import itertools
import json
import re
import tomllib

import yaml

from lab.places import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_changelog_begins_with_what_is_not_released_and_then_this_version() -> None:
    first, second = re.findall(r"^## \[([^\]]+)\]", CHANGELOG, re.MULTILINE)[:2]
    assert (first, second) == ("Unreleased", PROJECT["version"])


def test_the_javascript_library_has_the_same_version() -> None:
    package = json.loads((REPOSITORY / "web_demo" / "client" / "package.json").read_text())
    assert package["version"] == PROJECT["version"]
    assert package["license"] == PROJECT["license"]


def test_the_client_alone_has_the_same_version_and_asks_for_no_more() -> None:
    path = REPOSITORY / "packaging" / "client" / "pyproject.toml"
    client = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    for name in ("version", "license", "requires-python"):
        assert client[name] == PROJECT[name]
    extras = client["optional-dependencies"].values()
    known = {*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["mic"]}
    assert {*client["dependencies"], *itertools.chain(*extras)} <= known
    assert (path.parent / "LICENSE").read_text() == (REPOSITORY / "LICENSE").read_text()


def test_the_chart_has_the_same_version() -> None:
    path = REPOSITORY / "deploy" / "helm" / "surtitle" / "Chart.yaml"
    chart = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert chart["version"] == chart["appVersion"] == PROJECT["version"]


def test_so_have_the_commands_of_the_documents() -> None:
    text = (REPOSITORY / "docs" / "installing.md").read_text(encoding="utf-8")
    versions = re.findall(r"surtitle[:-](\d+\.\d+\.\d+)", text)
    assert len(versions) > 5
    assert set(versions) == {PROJECT["version"]}
