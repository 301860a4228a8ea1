"""The pages in Firefox and WebKit: from speech to text on screen, and what engines do differently.

WebKit here is WebKitGTK. Safari shares its engine, but neither its sound nor its permissions.
"""

from __future__ import annotations

import re
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import jiwer
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Playwright

from browsers.firefox import released_firefox
from browsers.tab import OpenTab, PlaywrightTab, Tab
from browsers.webkit import webkit
from lab.server_process import running_server
from stillness.replay import Replay, replaying
from stillness.stream import made
from stillness.views import View, measure, views
from surtitle.client import sync
from surtitle.messages import Start
from tests.browser.channel import Channel
from tests.browser.conftest import watched_page
from tests.browser.scripted import ScriptedServer
from tests.browser.sound_system import SoundSystem, sound_system
from tests.browser.test_page_axe import RULES_THAT_MUST_HAVE_RUN, RUN
from tests.browser.test_stillness import SECONDS, SEED, assert_still

SPOKEN_LIMIT_S = 45.0  # the sample, and what two cores shared with a browser take beyond it
SAMPLE = "label:has([name=source][value=sample])"
FINALS = "#log .caption"
ENDED = "!document.querySelector('#controls').hasAttribute('data-running')"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundSystem]:
    with sound_system(tmp_path_factory.mktemp("sound")) as running:
        yield running


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def open_tab(
    request: pytest.FixtureRequest,
    playwright: Playwright,
    sound: SoundSystem,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OpenTab]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "firefox":
        with released_firefox(playwright, folder, sound.environment) as browser:

            @contextmanager
            def open_in_firefox() -> Iterator[Tab]:
                with watched_page(browser.new_context(), "127.0.0.1") as page:
                    yield PlaywrightTab(page)

            yield open_in_firefox
    else:
        with webkit(sound.environment, folder) as opening:
            yield opening


@pytest.fixture
def tab(open_tab: OpenTab) -> Iterator[Tab]:
    with open_tab() as opened:
        yield opened


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with running_server() as url:
        yield url


def word_error_rate(said: list[str], read: list[str]) -> float:
    spoken, shown = (
        " ".join(re.findall(r"[a-z']+", " ".join(texts).lower())) for texts in (said, read)
    )
    return float(jiwer.wer(spoken, shown))


def at_pace(wav: Path) -> Iterator[NDArray[np.int16]]:
    """Its samples, as somebody speaks them."""
    with wave.open(str(wav)) as speech:
        due = time.monotonic()
        while samples := speech.readframes(speech.getframerate() // 10):
            yield np.frombuffer(samples, np.int16)
            due += 0.1
            time.sleep(max(0, due - time.monotonic()))


# -- from speech to text, with the real server and the real model ----------------------------------


@pytest.mark.long
def test_the_sample(tab: Tab, server_url: str, sentences: list[str]) -> None:
    tab.open(server_url)
    tab.press(SAMPLE)
    tab.press("#run")
    tab.until("document.querySelector('#open .caption')")
    tab.until("document.querySelector('#level').ariaValueText !== 'silent'")  # it is played
    tab.until(ENDED, SPOKEN_LIMIT_S)
    assert word_error_rate(sentences, tab.texts(FINALS)) == 0
    assert len(tab.texts(FINALS)) == len(sentences)


@pytest.mark.long
@pytest.mark.alone  # a browser that gets too little time leaves sound out
def test_the_microphone(
    tab: Tab, sound: SoundSystem, server_url: str, microphone_wav: Path, sentences: list[str]
) -> None:
    tab.open(server_url)
    tab.press("#run")
    tab.until("document.querySelector('#state').dataset.state === 'ready'")
    with sound.saying(microphone_wav):
        tab.until("document.querySelector('#open .unstable')")
        tab.until(f"document.querySelectorAll('{FINALS}').length === 2", SPOKEN_LIMIT_S)
    tab.press("#run")
    tab.until(ENDED)
    tab.until("document.querySelector('#device').length > 1")  # known once it was allowed
    assert word_error_rate(sentences[:2], tab.texts(FINALS)) < 0.1


@pytest.mark.long
def test_the_audience(
    open_tab: OpenTab, server_url: str, microphone_wav: Path, sentences: list[str]
) -> None:
    """Its page and the overlay, while somebody speaks elsewhere."""
    channel = f"hall-{uuid4().hex}"  # nothing was said there before

    def speak() -> None:
        start = Start(language="en", channel=channel)
        url = server_url.replace("http", "ws", 1)
        for _ in sync.caption(url, at_pace(microphone_wav), start):
            pass

    with open_tab() as page, open_tab() as overlay:
        page.open(f"{server_url}/watch/{channel}")
        page.until("document.querySelector('#state').dataset.state === 'working'")
        overlay.open(f"{server_url}/overlay/{channel}?fade=0&lines=9")
        speaking = threading.Thread(target=speak)
        speaking.start()
        for reading, growing in ((page, "#open .unstable"), (overlay, "#text .unstable")):
            reading.until(f"document.querySelector('{growing}')")
        page.until("document.querySelector('#state').dataset.state === 'idle'", SPOKEN_LIMIT_S)
        speaking.join()
        assert word_error_rate(sentences[:2], page.texts(FINALS)) < 0.1
        assert word_error_rate(sentences[:2], overlay.texts("#text p")) < 0.1


# -- words that stand still ------------------------------------------------------------------------

VIEWS = [view for view in views() if view.name in ("viewer, laptop", "overlay")]


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    with replaying() as running:
        yield running


@pytest.mark.long
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.name}, {view.style}")
def test_words_stand_still_while_they_are_read(
    open_tab: OpenTab, replay: Replay, view: View
) -> None:
    assert_still(measure(open_tab, replay, view, made(SEED, SECONDS)))


# -- what engines do differently, on what a test says ----------------------------------------------

MARKED = """(({ textDecorationLine, textDecorationStyle, textDecorationThickness }) =>
  [textDecorationLine, textDecorationStyle, parseFloat(textDecorationThickness) > 0])
  (getComputedStyle(document.querySelector('.unstable')))"""


def check(tab: Tab, least: int = RULES_THAT_MUST_HAVE_RUN) -> None:
    """Nothing is wrong with the page as it is now."""
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    tab.look(f"(() => {{ {axe} }})()")
    found: dict[str, Any] = tab.look(f"({RUN})()")
    assert found["violations"] == []
    assert found["passed"] >= least


def test_the_speakers_page(tab: Tab, scripted: ScriptedServer) -> None:
    tab.open(scripted.url)
    tab.press("#run")
    stage = scripted.next_stage()
    stage.final(1, "Said.")
    stage.partial(2, "And", " more")
    tab.until("document.querySelector('.unstable')")
    assert tab.look(MARKED) == ["underline", "dotted", True]
    check(tab)


@pytest.mark.long
def test_sound_of_a_tab_is_offered_by_chromium_alone(tab: Tab, scripted: ScriptedServer) -> None:
    tab.open(scripted.url)
    tab.until("document.querySelector('#language').options.length > 1")
    assert tab.look("document.querySelector('#display-choice').checkVisibility()") is False


@pytest.mark.long
def test_a_chosen_microphone_that_is_gone_is_named(tab: Tab, scripted: ScriptedServer) -> None:
    """What WebKit throws is no DOMException."""
    tab.open(scripted.url)
    failure = (
        "import('/client/index.js').then((c) => c.openMicrophone('gone')).catch((e) => e.code)"
    )
    assert tab.look(failure) == "not_found"


@pytest.mark.long
def test_the_audiences_page(tab: Tab, channel: Channel) -> None:
    tab.open(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("live")
    viewer.final(1, "Said.")
    viewer.partial(2, "And", " more")
    tab.until("document.querySelector('.unstable')")
    assert tab.look(MARKED) == ["underline", "dotted", True]
    check(tab)


@pytest.mark.long
def test_the_overlay(tab: Tab, channel: Channel) -> None:
    tab.open(
        channel.overlay_url("?unstable=mark&background=000000")
    )  # else the picture behind is unknown
    viewer = channel.next_viewer()
    viewer.channel("live")
    viewer.channel("live")  # the history ends here
    viewer.partial(1, "And", " more")
    tab.until("document.querySelector('.unstable')")
    assert tab.look(MARKED) == ["underline", "dotted", True]
    check(tab, least=8)
