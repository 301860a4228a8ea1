"""The examples of docs/javascript.md and of the package, run in Node or in a browser.

`<!-- browser -->` before one says where.
"""

from __future__ import annotations

import re
import subprocess
import wave
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from lab.ledger import SILENCE_1S, spoken_word
from lab.places import REPOSITORY
from lab.server_process import ServerProcess
from tests.browser.conftest import browser, chromium, microphone_wav, playwright, watched_page
from tests.node.conftest import LIBRARY

__all__ = ["browser", "chromium", "microphone_wav", "playwright"]

DOCUMENTS = (
    REPOSITORY / "README.md",
    REPOSITORY / "docs" / "javascript.md",
    LIBRARY / "README.md",
)
EXAMPLE_SERVER = "127.0.0.1:8765"
LIMIT_S = 60.0
LIMIT_MS = 60_000
_BLOCK = re.compile(r"(?:^<!-- (\w+) -->\n)?^```js\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A program in a document."""

    document: str
    place: str
    code: str


def examples() -> list[Example]:
    found = []
    for document in DOCUMENTS:
        for place, code in _BLOCK.findall(document.read_text(encoding="utf-8")):
            place = place or ("browser" if "openMicrophone" in code else "node")
            found.append(Example(document.name, place, code))
    return found


def placed(place: str) -> list[object]:
    """The examples of a place, each with a name."""
    return [
        pytest.param(example, id=f"{example.document}-{number}")
        for number, example in enumerate(examples())
        if example.place == place
    ]


@pytest.fixture
def talk(project: Path) -> Path:
    """The recording of the examples."""
    path = project / "talk.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(spoken_word() + SILENCE_1S)
    return path


def run_in_node(node: str, folder: Path, code: str) -> str:
    program = folder / "example.mjs"
    program.write_text(code)
    found = subprocess.run(
        [node, program.name], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


# Node 22 has a WebSocket; before that the examples that do not speak of it need one.
SHIM = 'import { WebSocket as OfWs } from "ws";\nglobalThis.WebSocket ??= OfWs;\n'


@pytest.mark.parametrize("example", placed("node"))
def test_it_runs_in_node(
    node_20: str, project: Path, server: ServerProcess, talk: Path, example: Example
) -> None:
    code = example.code.replace(EXAMPLE_SERVER, urlsplit(server.url).netloc)
    if "ChannelViewer" in code and "viewer.close" not in code:
        code += (
            "\nviewer.addEventListener('channel', () => viewer.close());\n"  # or it stays for ever
        )
    output = run_in_node(node_20, project, SHIM + code)
    for saying, sayer in {
        "ms\n": "talk.wav",  # what the scripted decoder says of any sound
        "1000\n": "audio_ms",
        "unreachable\nNo answer from 127.0.0.1:9. Check": "error.code",
    }.items():
        assert saying in output or sayer not in code


@pytest.mark.parametrize("example", placed("browser"))
def test_it_runs_in_a_browser(browser: Browser, server: ServerProcess, example: Example) -> None:
    host = urlsplit(server.url).netloc
    with watched_page(browser.new_context(), "127.0.0.1") as page:
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{server.url}/sample.txt")  # a page with no program of its own
        page.evaluate("document.body.innerHTML = '<button id=stop></button><meter></meter>'")
        code = example.code.replace(EXAMPLE_SERVER, host)
        code = code.replace('"surtitle-client"', '"/client/index.js"')
        page.route(
            "**/example.js",
            lambda route: route.fulfill(body=code, content_type="text/javascript"),
        )
        page.evaluate("void (window.finished = import('/example.js').then(() => 'finished'))")
        hear_a_final(page, said)
        if "#stop" in code:
            page.evaluate("document.querySelector('#stop').click()")
            assert page.evaluate("finished") == "finished"


def hear_a_final(page: Page, said: list[str]) -> None:
    """Until something was said that the scripted decoder says: the microphone plays two sentences."""
    while not any(re.fullmatch(r"\d+ ms", text) for text in said):
        page.wait_for_event("console", timeout=LIMIT_MS)


def test_every_block_is_in_one_of_these_tests() -> None:
    texts = [document.read_text(encoding="utf-8") for document in DOCUMENTS]
    assert sum(text.count("```js\n") for text in texts) == len(examples())
    assert {example.place for example in examples()} == {"node", "browser"}


def test_every_name_of_the_library_is_documented() -> None:
    text = (REPOSITORY / "docs" / "javascript.md").read_text(encoding="utf-8")
    index = (LIBRARY / "index.js").read_text()
    names = {
        name.strip()
        for block in re.findall(r"\{(.*?)\}", index, re.DOTALL)
        for name in block.split(",")
    }
    assert [name for name in sorted(names - {"", "FRAME_MS"}) if name not in text] == []
    codes = set()
    for path in LIBRARY.glob("*.js"):
        codes |= set(
            re.findall(r'CaptionError\(\s*"(\w+)"|^\s+"([a-z_]+)",?\n\s*\)', path.read_text(), re.M)
        )
    found = {code for pair in codes for code in pair if code}
    assert {"unreachable", "no_token", "no_websocket"} <= found
    assert [code for code in sorted(found) if f"`{code}`" not in text] == []
