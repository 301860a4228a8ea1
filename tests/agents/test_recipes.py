"""The recipes of docs/compatibility.md whose packages are in `.venv-agents`, as they are printed there.

LiveKit Agents and Pipecat bring a hundred packages, in versions of their own: `make test-agents`.
"""

import json
import os
import re
import subprocess
import wave
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.places import REPOSITORY, SAMPLE, SAMPLE_TEXT
from lab.server_process import ServerProcess, start_server
from surtitle.gateway.access import add_key
from surtitle.jobs import SAMPLE_RATE, Pcm16
from tests.real_speech.scoring import word_error_rate

ENVIRONMENT = REPOSITORY / ".venv-agents"

pytestmark = [
    pytest.mark.agents,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (ENVIRONMENT / "installed").exists(), reason="no .venv-agents: run `make test-agents`"
    ),
]

DOCUMENT = (REPOSITORY / "docs" / "compatibility.md").read_text(encoding="utf-8")
ADDRESS, KEY = "127.0.0.1:8765", "any"
"""Of the recipes; those of the server take their places."""
ENDS_HERE = ", turn_detection=None"
"""Without it, Pipecat says where an utterance ends."""

LIVEKIT = re.findall(r"`((?:deepgram|openai)\.STT\w*\([^`]*\))`", DOCUMENT)
PIPECAT = re.findall(r"`(\w+STTService\([^`]*\))`", DOCUMENT)
PIPECAT += [each.replace(ENDS_HERE, "") for each in PIPECAT if ENDS_HERE in each]
RECIPES = {"tests.agents.hear_livekit": LIVEKIT, "tests.agents.hear_pipecat": PIPECAT}
ALL = [recipe for recipes in RECIPES.values() for recipe in recipes]
(OPENAI_SETTINGS,) = re.findall(r"`(OPENAI_BASE_URL=[^`]*)`", DOCUMENT)
(SPEECH_RECOGNITION,) = re.findall(r"`(recognizer\.[^`]*)`", DOCUMENT)

LAST_WORD = SAMPLE_TEXT.rstrip(".").split()[-1]
SILENCE_BEFORE_S, SILENCE_AFTER_S = 1, 2
"""Pipecat connects while it already hears; what is said last has to end."""
LAST_SENTENCE_S = 3
MAX_WRONG = 0.1  # words; the tests of the models say more
LIMIT_S = 120.0


@dataclass(frozen=True)
class Told:
    """What a recognizer has heard."""

    utterances: list[dict[str, Any]]
    unfinished: list[str]
    errors: list[str]


@dataclass(frozen=True)
class Place:
    """A server, and a key that it accepts."""

    server: ServerProcess
    key: str

    def fit(self, recipe: str) -> str:
        """The recipe with this address and key."""
        recipe = recipe.replace(ADDRESS, urlsplit(self.server.url).netloc)
        return re.sub(rf"\b{KEY}\b", self.key, recipe)


@pytest.fixture(scope="module", params=["open", "with keys"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    key, settings = KEY, dict[str, Any]()
    if request.param == "with keys":
        settings["keys_file"] = tmp_path_factory.mktemp("keys") / "keys.toml"
        key = add_key(settings["keys_file"], "studio", ["speak"])
    server = start_server(language="en", overload_wait_ms=60_000, **settings)
    try:
        yield Place(server, key)
        assert not server.errors
    finally:
        server.stop()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with silence around it."""
    around = (SILENCE_BEFORE_S * SAMPLE_RATE, SILENCE_AFTER_S * SAMPLE_RATE)
    return write_wav(tmp_path_factory.mktemp("recording"), np.pad(read_pcm16(SAMPLE), around))


@pytest.fixture
def sentence(tmp_path: Path) -> Path:
    """Its end."""
    speech = read_pcm16(SAMPLE)[-LAST_SENTENCE_S * SAMPLE_RATE :]
    return write_wav(tmp_path, np.pad(speech, (0, SILENCE_AFTER_S * SAMPLE_RATE)))


def write_wav(folder: Path, samples: Pcm16) -> Path:
    path = folder / "talk.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(samples.tobytes())
    return path


def run(module: str, *arguments: str | Path, told: object = None, **environment: str) -> Any:
    """What a program says, as JSON. It has to end by itself, without an error."""
    done = subprocess.run(
        [ENVIRONMENT / "bin" / "python", "-m", module, *arguments],
        cwd=REPOSITORY,
        env=os.environ | environment,
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def hear(module: str, recipes: Sequence[str], recording: Path) -> list[Told]:
    """What the recognizers hear, side by side."""
    return [Told(**each) for each in run(module, recording, LAST_WORD, told=recipes)]


@pytest.fixture(scope="module")
def told(place: Place, recording: Path) -> dict[str, Told]:
    """What each recipe hears. All speak at once: it takes as long as the sample."""
    with ThreadPoolExecutor() as pool:
        running = {
            module: pool.submit(hear, module, list(map(place.fit, recipes)), recording)
            for module, recipes in RECIPES.items()
        }
    return {
        recipe: heard
        for module, recipes in RECIPES.items()
        for recipe, heard in zip(recipes, running[module].result(), strict=True)
    }


def is_of_files(recipe: str) -> bool:
    """Whether an utterance is sent as a file once it has ended."""
    return recipe.startswith(("openai.STT", "OpenAISTTService")) and "realtime" not in recipe


def is_realtime(recipe: str) -> bool:
    """Whether it is OpenAI's, whose text comes once it is stable: of short sentences all at once."""
    return "realtime" in recipe


def test_both_frameworks_have_recipes() -> None:
    assert len(LIVEKIT) >= 4
    assert len(PIPECAT) >= 4


@pytest.mark.parametrize("recipe", ALL)
def test_a_recipe_hears_all_that_is_said(told: dict[str, Told], recipe: str) -> None:
    heard = told[recipe]
    assert heard.errors == []
    assert heard.unfinished == []
    finals = [utterance["final"] for utterance in heard.utterances]
    assert len(finals) > 1  # on one connection
    assert word_error_rate(SAMPLE_TEXT, " ".join(finals)) <= MAX_WRONG, finals


@pytest.mark.parametrize("recipe", [each for each in ALL if not is_of_files(each)])
def test_text_grows_while_somebody_speaks(told: dict[str, Told], recipe: str) -> None:
    partials = [utterance["interims"] for utterance in told[recipe].utterances]
    assert any(partials)
    if not is_realtime(recipe):
        assert any(len(texts) > 1 and len(texts[0]) < len(texts[-1]) for texts in partials)


@pytest.mark.parametrize("place", ["with keys"], indirect=True)
def test_a_key_that_the_server_does_not_know(place: Place, sentence: Path) -> None:
    recipes = [Place(place.server, "no-key-of-this-server").fit(recipe) for recipe in LIVEKIT]
    for told in hear("tests.agents.hear_livekit", recipes, sentence):
        assert told.utterances == []
        assert "401" in told.errors[0]


def test_programs_on_the_python_package_of_openai(place: Place, recording: Path) -> None:
    """Here, SpeechRecognition."""
    environment = dict(setting.split("=") for setting in place.fit(OPENAI_SETTINGS).split())
    text = run("tests.agents.hear_speech_recognition", recording, SPEECH_RECOGNITION, **environment)
    assert word_error_rate(SAMPLE_TEXT, text) <= MAX_WRONG, text
