"""What the tests of sources have in common: a page with the library alone, and how to hear a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.scripted import ScriptedServer

LEFTOVERS = Path(__file__).with_name("leftovers.js")
NOTHING: dict[str, Any] = {"timers": 0, "contexts": 0, "tracks": [], "listeners": []}
TONE_MS = 1250
TONE_RMS = 0.1 / 2**0.5

# What a source gives: until `enough` says so, or it ends. `started` is called when it is running.
HEAR = """window.hear = async (open, { enough = () => false, started = () => {} } = {}) => {
  const before = leftovers();
  const source = await open(await import('/client/index.js'));
  const { sampleRate, label, durationMs } = source;
  const during = leftovers();
  const frames = [];
  let ended;
  await new Promise((resolve) => {
    source.start((frame) => {
      frames.push(frame);
      if (enough(frame, frames)) resolve();
    });
    ended = source.ended.then(() => 'ended', ({ code, message }) => [code, message]);
    void ended.then(resolve);
    started(source);
  });
  await source.stop();
  await source.stop(); // which changes nothing
  const after = leftovers();
  return {
    sampleRate, label, durationMs, during, after, before,
    ended: await Promise.race([ended, null]),
    sizes: [...new Set(frames.map(({ samples }) => samples.length))],
    ms: frames.reduce((sum, { samples }) => sum + samples.length, 0) * 1000 / sampleRate,
    rms: Math.max(...frames.map(({ rms }) => rms)),
    peak: Math.max(...frames.map(({ peak }) => peak)),
  };
};
window.loud = ({ rms }) => rms > 0.05;"""


STREAM = """() => {
  const context = new AudioContext();
  const destination = context.createMediaStreamDestination();
  const tone = context.createOscillator();
  const volume = context.createGain();
  volume.gain.value = 0.1;
  tone.connect(volume).connect(destination);
  tone.start();
  Object.assign(window, { own: context, stream: destination.stream });
}"""


ELEMENT = """() => {
  window.element = new Audio('tone.wav');
  element.title = 'Tone';
}"""

# Starts a source, and keeps what it gives in `heard` until `heard.source.stop()`.
LISTEN = """window.listen = async (open) => {
  const source = await open(await import('/client/index.js'));
  const heard = { source, frames: [], notices: [], ended: null };
  source.ended.then(() => (heard.ended = 'ended'), ({ code }) => (heard.ended = code));
  source.start((frame) => heard.frames.push(frame), (notice) => heard.notices.push(notice));
  window.heard = heard;
};
window.soundsAgain = () => {
  const before = heard.frames.length;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!heard.frames.slice(before).some(loud)) return;
      clearInterval(timer);
      resolve();
    }, 20);
  });
};"""


def opened(page: Page, scripted: ScriptedServer, wav: Path) -> Page:
    """A page with nothing on it but the library and a tone to be played."""
    page.add_init_script(path=LEFTOVERS)
    page.add_init_script(HEAR)
    page.add_init_script(LISTEN)
    page.route("**/tone.wav*", lambda route: route.fulfill(path=wav, content_type="audio/wav"))
    page.route(
        "**/empty.html",
        lambda route: route.fulfill(
            body="<title>Empty</title><button>Start</button>", content_type="text/html"
        ),
    )
    page.set_default_timeout(10_000)
    page.goto(f"{scripted.url}/empty.html")
    page.get_by_role("button").click()  # browsers want that before sound
    return page


def tone_was_heard(heard: dict[str, Any]) -> None:
    assert heard["rms"] == pytest.approx(TONE_RMS, rel=0.1)
    assert heard["peak"] == pytest.approx(0.1, rel=0.1)
