"""Who may use the server from a browser: pages with a token, and no pages of others."""

from __future__ import annotations

import http.server
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from surtitle.gateway.access import KeyRing, add_key, read_keys
from tests.browser.page_parts import choose_sample, share


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    add_key(path, "studio", ["speak"])
    return path


@pytest.fixture(scope="module")
def server(keys_file: Path) -> Iterator[ServerProcess]:
    running = start_server(decoder=FAKE_DECODER, keys_file=keys_file)
    yield running
    assert running.stop() == 0
    assert not running.errors


@pytest.fixture
def keys(keys_file: Path) -> KeyRing:
    return read_keys(keys_file)


def start(page: Page, address: str) -> None:
    page.goto(address)
    choose_sample(page)
    page.get_by_role("button", name="Start").click()


def test_a_page_with_a_token_is_captioned(page: Page, server: ServerProcess, keys: KeyRing) -> None:
    token = keys.make_token("guest", ["speak"], time.time() + 60)
    start(page, f"{server.url}/#token={token}")
    expect(page.locator("#open .caption").first).to_contain_text("ms")
    assert not [line for line in server.log if token in str(line)]
    assert not [line for line in server.stray if token in line]


@pytest.mark.parametrize("lifetime_s", [None, -60])
def test_a_page_without_one_that_holds_is_told(
    page: Page, server: ServerProcess, keys: KeyRing, lifetime_s: int | None
) -> None:
    token = ""
    if lifetime_s is not None:
        token = keys.make_token("guest", ["speak"], time.time() + lifetime_s)
    start(page, f"{server.url}/#token={token}")
    expect(page.get_by_role("alert")).to_contain_text("A valid key or token is required")


def test_a_page_has_a_field_for_a_key_where_the_server_asks_for_one(
    page: Page, server: ServerProcess, keys_file: Path
) -> None:
    key = add_key(keys_file, "desk", ["speak"])
    page.goto(server.url)
    field = page.get_by_label("Key for this server")
    field.fill("st_wrong")
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("The server does not know this key.")
    field.fill(key)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#open .caption").first).to_contain_text("ms")
    expect(field).to_be_hidden()
    assert key not in page.url  # an address is seen, sent around and kept
    page.reload()
    page.get_by_role("button", name="Start").wait_for()
    expect(field).to_be_hidden()
    assert not [line for line in server.log if key in str(line)]


def test_a_key_that_was_typed_while_the_server_was_away_is_tried_again(
    page: Page, server: ServerProcess, keys_file: Path
) -> None:
    page.route("**/v1/token", lambda route: route.abort())
    page.goto(server.url)
    page.get_by_label("Key for this server").fill(add_key(keys_file, "hall", ["speak"]))
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    bad_gateway = {"status": 502, "body": "<h1>Bad Gateway</h1>", "content_type": "text/html"}
    page.route("**/v1/token", lambda route: route.fulfill(**bad_gateway))  # the newest one counts
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached through its proxy.")
    page.unroute("**/v1/token")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#open .caption").first).to_contain_text("ms")


def test_links_are_shown_when_they_have_their_tokens(
    page: Page, server: ServerProcess, keys: KeyRing
) -> None:
    """Whoever sent one around before would send the audience to a refusal."""
    token = keys.make_token("desk", ["speak"], time.time() + 60)
    for address in (server.url, f"{server.url}/?again#token={token}"):
        page.goto(address)
        panel = share(page, "main-hall")
        expect(panel).to_contain_text("Sharing begins when you press Start.")
        expect(panel.get_by_label("Link for the audience", exact=True)).to_be_hidden()
        expect(panel.get_by_text("Open the page at the server’s own name")).to_be_hidden()
        page.keyboard.press("Escape")
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="0 watching").click()
    link = page.get_by_label("Link for the audience", exact=True)
    expect(link).to_have_value(re.compile("/watch/main-hall#token="))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stop").click()
    expect(share(page).get_by_label("Link for the audience", exact=True)).to_be_visible()
    page.get_by_label("Channel name").fill("other-hall")
    expect(link).to_be_hidden()


def test_without_keys_there_is_no_such_field(page: Page) -> None:
    local = start_server(decoder=FAKE_DECODER)
    with page.expect_response("**/v1/network"):
        page.goto(local.url)
    expect(page.get_by_label("Key for this server")).to_be_hidden()
    assert local.stop() == 0


@pytest.mark.parametrize("kind", ["watch", "overlay"])
def test_a_viewer_without_a_token_is_told_whom_to_ask(
    page: Page, server: ServerProcess, kind: str
) -> None:
    page.goto(f"{server.url}/{kind}/hall")
    said = page.get_by_text("None was given. Ask the speaker for the whole link.")
    expect(said).to_be_visible()
    expect(page.locator("main")).to_have_css("opacity", "1")
    assert said.evaluate("({ parentElement: box }) => box.scrollHeight <= box.clientHeight")


ATTACK = b"""<script>
  const socket = new WebSocket("ADDRESS");
  socket.onopen = () => (document.title = "in");
  socket.onclose = ({ code }) => (document.title = `out ${code}`);
</script>"""


def test_a_page_of_another_origin_cannot_use_a_server_without_keys(browser: Browser) -> None:
    """Such a page could listen in on the microphone's captions, or use up the machine."""
    local = start_server(decoder=FAKE_DECODER)

    class Attacker(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(ATTACK.replace(b"ADDRESS", local.websocket_url.encode()))

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Attacker)) as attacker:
        threading.Thread(target=attacker.serve_forever, daemon=True).start()
        page = browser.new_page()
        try:
            page.goto(f"http://127.0.0.1:{attacker.server_address[1]}/")
            expect(page).to_have_title("out 1006")
        finally:
            page.close()
            attacker.shutdown()
            local.stop()
