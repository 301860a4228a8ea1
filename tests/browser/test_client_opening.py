"""Sources that cannot be opened, are never started, or are stopped more than once: nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import watched_page
from tests.browser.scripted import ScriptedServer
from tests.browser.source_parts import ELEMENT, NOTHING, STREAM, opened

OPENERS = {
    "microphone": "openMicrophone()",
    "stream": "openStream(stream)",
    "copied element": "openElement(element)",
    "rerouted element": "openElement(element)",
}

FAIL = {
    "capture": """() => {
      globalThis.AudioWorkletNode = class {
        constructor() { throw new Error('No node.'); }
      };
    }""",
    "source": """() => {
      for (const name of ['createMediaStreamSource', 'createMediaElementSource']) {
        AudioContext.prototype[name] = () => { throw new Error('No node.'); };
      }
    }""",
}


@pytest.fixture
def page(browser: Browser, scripted: ScriptedServer, short_wav: Path) -> Iterator[Page]:
    with watched_page(browser.new_context(), "127.0.0.1") as page:
        yield opened(page, scripted, short_wav)


def prepare(page: Page, kind: str) -> None:
    page.evaluate(STREAM)
    page.evaluate(ELEMENT)
    if kind == "rerouted element":
        page.evaluate("delete HTMLMediaElement.prototype.captureStream")
    page.evaluate(
        "import('/client/index.js').then((library) => void Object.assign(window, library))"
    )


def left(contexts: int = 0) -> dict[str, object]:
    """What there is when nothing is left: the stream's own context, and some more."""
    return {**NOTHING, "contexts": 1 + contexts}


@pytest.mark.parametrize("what", FAIL)
@pytest.mark.parametrize("kind", OPENERS)
def test_a_source_that_cannot_be_opened_leaves_nothing(page: Page, kind: str, what: str) -> None:
    prepare(page, kind)
    page.evaluate(FAIL[what])
    message = page.evaluate(f"{OPENERS[kind]}.catch(({{ message }}) => message)")
    assert message == "No node."
    # An element that was led into a context is heard through it from then on.
    stays = kind == "rerouted element" and what == "capture"
    assert page.evaluate("leftovers()") == left(contexts=int(stays))


@pytest.mark.parametrize("kind", OPENERS)
def test_a_source_that_was_never_started_is_stopped(page: Page, kind: str) -> None:
    prepare(page, kind)
    stopped = f"{OPENERS[kind]}.then((source) => source.stop()).then(() => 'stopped', String)"
    assert page.evaluate(stopped) == "stopped"
    stays = kind == "rerouted element"
    assert page.evaluate("leftovers()") == left(contexts=int(stays))


@pytest.mark.parametrize("kind", ["microphone", "recording"])
def test_who_stops_a_source_again_waits_for_its_end_too(page: Page, kind: str) -> None:
    prepare(page, kind)
    opener = OPENERS.get(kind, "fetch('tone.wav').then(async (r) => openRecording(await r.blob()))")
    found = page.evaluate(
        f"""async () => {{
          const source = await {opener};
          source.start(() => {{}});
          source.stop();
          await source.stop();
          return leftovers();
        }}"""
    )
    assert found == left()


def test_an_element_without_a_source_is_waited_for_until_the_signal(page: Page) -> None:
    prepare(page, "copied element")
    found = page.evaluate(
        """async () => {
          const bare = new Audio();
          const stop = new AbortController();
          const opening = openElement(bare, { signal: stop.signal }).catch((error) => error);
          await new Promise((resolve) => setTimeout(resolve));
          const waiting = leftovers().listeners.length;
          stop.abort();
          const { name } = await opening;
          const again = await openElement(bare, { signal: stop.signal }).catch((error) => error);
          return [waiting > 0, name, again.name, leftovers()];
        }"""
    )
    assert found == [True, "AbortError", "AbortError", left()]


def test_two_who_hear_a_rerouted_element_share_its_way(page: Page) -> None:
    prepare(page, "rerouted element")
    found = page.evaluate(
        """async () => {
          const sources = await Promise.allSettled([openElement(element), openElement(element)]);
          for (const { value } of sources) await value?.stop();
          return sources.map(({ status, reason }) => reason?.message ?? status);
        }"""
    )
    assert found == ["fulfilled", "fulfilled"]
    assert page.evaluate("leftovers()") == left(contexts=1)
