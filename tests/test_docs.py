"""The documents: every setting with its default, commands that exist, snippets that run."""

import json
import os
import re
import subprocess
import sys
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import click
import pytest

from lab.ledger import read_pcm16
from lab.places import REPOSITORY, SAMPLE, SAMPLE_TEXT
from lab.server_process import running_server
from surtitle.cli.main import cli
from surtitle.config import Settings
from surtitle.jobs import SAMPLE_RATE
from surtitle.messages import json_schema
from tests.alsa import recorded_microphone

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])
EXAMPLE_SERVER = "127.0.0.1:8765"
SNIPPET_LIMIT_S = 60.0
LAST_SENTENCE_SAMPLES = 3 * SAMPLE_RATE
"""The end of the sample: its last sentence with some silence around it, to be quick."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_COMMAND = re.compile(r"(?:^|[\s/|])surtitle((?:[ \t]+[^\s|#;&`]+)+)", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Snippet(NamedTuple):
    """A fenced block of a document."""

    document: str
    language: str
    code: str


def snippets() -> Iterator[Snippet]:
    for document in DOCUMENTS:
        for language, code in _FENCE.findall(document.read_text(encoding="utf-8")):
            yield Snippet(document.name, language, code)


PYTHON_SNIPPETS = [snippet for snippet in snippets() if snippet.language == "python"]


# -- snippets -----------------------------------------------------------------------------------


def test_the_python_snippets_print_what_is_said_in_the_sample(tmp_path: Path) -> None:
    """All of them side by side, each as a program of its own."""
    assert len(PYTHON_SNIPPETS) >= 3
    (tmp_path / "web_demo").mkdir()
    speech = read_pcm16(SAMPLE)[-LAST_SENTENCE_SAMPLES:]
    for path in (tmp_path / "talk.wav", tmp_path / "web_demo" / SAMPLE.name):
        with wave.open(str(path), "wb") as wav:  # whatever the name says, a reader looks inside
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(SAMPLE_RATE)
            wav.writeframes(speech.tobytes())
    with recorded_microphone(tmp_path, speech) as environment, ThreadPoolExecutor() as pool:
        # Those with a server of their own need not wait for ours.
        programs = {
            i: pool.submit(run, tmp_path / f"snippet_{i}.py", snippet.code, environment)
            for i, snippet in enumerate(PYTHON_SNIPPETS)
            if EXAMPLE_SERVER not in snippet.code
        }
        # All at once, on a machine that may be busy: nobody is refused for it.
        with running_server(language="en", overload_wait_ms=60_000) as url:
            for i, snippet in enumerate(PYTHON_SNIPPETS):
                if i not in programs:
                    code = snippet.code.replace(EXAMPLE_SERVER, urlsplit(url).netloc)
                    programs[i] = pool.submit(run, tmp_path / f"snippet_{i}.py", code, environment)
            outcomes = {i: program.result() for i, program in programs.items()}
    last_word = SAMPLE_TEXT.split()[-1]
    for i, outcome in outcomes.items():
        assert outcome.returncode == 0, f"{PYTHON_SNIPPETS[i].document}: {outcome.stderr}"
        assert last_word in outcome.stdout, PYTHON_SNIPPETS[i].document


def run(script: Path, code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    script.write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, script.name],
        cwd=script.parent,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=SNIPPET_LIMIT_S,
    )


# -- commands -----------------------------------------------------------------------------------


def named_commands() -> set[tuple[str, str]]:
    """(document, arguments) of each `surtitle …` in shell blocks, units and code spans."""
    found = set()
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        places = [code for kind, code in _FENCE.findall(text) if kind in ("sh", "ini", "js")]
        places += _CODE_SPAN.findall(_FENCE.sub("", text))
        for place in places:
            found |= {(document.name, match.strip()) for match in _COMMAND.findall(place)}
    return found


def test_the_commands_and_options_in_the_documents_exist() -> None:
    commands = named_commands()
    assert {"caption", "check", "demo", "serve"} <= {c.split()[0] for _, c in commands}
    for document, arguments in sorted(commands):
        name, *rest = arguments.split()
        command = cli.commands.get(name)
        assert command is not None, f"{document}: there is no command `surtitle {name}`"
        while isinstance(command, click.Group):
            name = rest.pop(0)
            command = command.commands.get(name)
            assert command is not None, f"{document}: there is no command `surtitle {arguments}`"
        assert isinstance(command, click.Command)
        known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
        used = {word.partition("=")[0] for word in rest if re.match(r"-+\w", word)}
        assert used <= known | {"--help"}, f"{document}: surtitle {arguments}"


def test_the_make_targets_in_the_documents_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        shell = "".join(code for kind, code in _FENCE.findall(text) if kind == "sh")
        named = re.findall(r"^make ([\w-]+)", shell, re.MULTILINE)
        named += re.findall(r"`make ([\w-]+)", text)
        assert set(named) <= targets, document.name


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert "```sh\nmake test\n```" in readme
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^make (.* )?test( |$)", script, re.MULTILINE)


# -- settings and protocol ----------------------------------------------------------------------


def test_every_setting_is_documented_with_its_default() -> None:
    text = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `([^`]*)` \|.*\| (.+?) \|$", text, re.MULTILINE)
    documented = {name: (default, meaning) for name, default, meaning in rows}
    expected = {
        name: (str(field.default), field.description)
        for name, field in Settings.model_fields.items()
    }
    assert documented == expected


def test_every_option_of_ray_deploy_is_documented_with_its_default() -> None:
    text = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(--[\w-]+)` \| (?:`([^`]*)`)? ?\|", text, re.MULTILINE)
    group = cli.commands["ray"]
    assert isinstance(group, click.Group)
    deploy = group.commands["deploy"]
    own = [option for option in deploy.params if option.name not in Settings.model_fields]
    assert {flag for flag, _ in rows} | {"--config"} == {option.opts[0] for option in own}
    defaults = {option.opts[0]: str(option.default).removesuffix(".0") for option in own}
    del defaults["--route-prefix"]  # it has the name of the application
    for flag, default in rows:
        assert flag not in defaults or not default or defaults[flag] == default, flag


def test_the_published_schema_is_that_of_the_code() -> None:
    path = REPOSITORY / "docs" / "protocol.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(json_schema()))


def test_every_message_and_field_is_in_the_protocol_page() -> None:
    text = (REPOSITORY / "docs" / "protocol.md").read_text(encoding="utf-8")
    spans = set(_CODE_SPAN.findall(_FENCE.sub("", text)))
    for definition in json_schema()["$defs"].values():
        for name, field in definition["properties"].items():
            names = field["enum"] if name == "type" else [name]
            assert set(names) <= spans, names


# -- links --------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in _LINK.findall(document.read_text(encoding="utf-8")):
        link = urlsplit(target)
        if link.scheme:
            continue
        path = document.parent / unquote(link.path) if link.path else document
        assert path.exists(), target
        if link.fragment and path.suffix == ".md":
            assert link.fragment in anchors(path), target


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    text = _FENCE.sub("", document.read_text(encoding="utf-8"))
    titles = (re.sub(r"[^\w\- ]", "", title.casefold()) for title in _HEADING.findall(text))
    return {title.replace(" ", "-") for title in titles}
