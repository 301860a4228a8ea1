"""The JavaScript library's client in the browser, from its first message to its last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import watched_page
from tests.browser.scripted import scripted_server


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with scripted_server() as server, watched_page(browser.new_context(), "127.0.0.1") as watched:
        watched.goto(server.url)
        yield watched


CONNECT = """async () => {
  const { CaptionClient } = await import('/client/client.js');
  window.client = new CaptionClient(new URL('/v1/captions', location.href), {
    sample_rate: 16000,
    words: true,
  });
  window.heard = [];
  client.addEventListener('state', ({ detail }) => heard.push(detail.state));
  client.addEventListener('message', ({ detail }) => heard.push(detail.type));
  return (await client.connect()).session;
}"""


def test_a_client_from_connect_to_ended(browser: Browser) -> None:
    with scripted_server() as server, watched_page(browser.new_context(), "127.0.0.1") as page:
        page.goto(server.url)
        assert page.evaluate(CONNECT) == "s1"
        stage = server.next_stage()
        assert stage.start["words"] is True
        assert page.evaluate("client.send(new Int16Array(1600)) && client.state") == "ready"
        assert stage.next_frame_bytes() == 3200
        page.evaluate("client.update({ hotwords: ['Surtitle'] })")
        assert stage.next_command() == {"type": "update", "hotwords": ["Surtitle"]}
        page.evaluate("client.flush()")
        assert stage.next_command() == {"type": "flush"}
        stage.say("a_type_of_tomorrow")
        assert page.evaluate("client.stop().then((ended) => ended.audio_ms)") == 100
        assert page.evaluate("client.send(new Int16Array(1600))") is False
        assert page.evaluate("heard") == [
            "connecting",
            "ready",
            "ready",
            "a_type_of_tomorrow",
            "ended",
            "ended",
        ]


STOP_FIRST = """async () => {
  const { CaptionClient, CaptionError } = await import('/client/client.js');
  const client = new CaptionClient(new URL('/v1/captions', location.href));
  const error = await client.stop().catch((error) => error);
  let again;
  try {
    client.connect();
  } catch ({ message }) {
    again = message;
  }
  const sent = client.send(new Int16Array(1600));
  return [error instanceof CaptionError, error.code, client.state, sent, again];
}"""


def test_a_client_that_is_stopped_before_it_connects_is_closed(page: Page) -> None:
    sentence = "This client has already been used; create a new one"
    assert page.evaluate(STOP_FIRST) == [True, "closed", "closed", False, sentence]


def test_a_client_that_leaves_is_told_so(browser: Browser) -> None:
    with scripted_server() as server, watched_page(browser.new_context(), "127.0.0.1") as page:
        page.goto(server.url)
        page.evaluate(CONNECT)
        code = "(client.close(), client.stop().catch((error) => error.code))"
        assert page.evaluate(code) == "closed"
