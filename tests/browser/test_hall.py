"""A laptop in a hall: a page on localhost, and phones in the same network. Real servers and pages."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from rich.text import Text

from lab.places import REPOSITORY
from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from surtitle.runtime.addresses import LOOPBACK
from surtitle.runtime.network import main_address
from tests.browser.conftest import watched_page
from tests.browser.page_parts import choose_sample, scanned, share


@contextmanager
def served(**settings: Any) -> Iterator[ServerProcess]:
    """A server that is stopped in the end."""
    server = start_server(decoder=FAKE_DECODER, **settings)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def hall() -> str:
    """The address of this machine in its network."""
    address = main_address()
    if address is None or address == LOOPBACK:
        pytest.skip("this machine is in no network")
    return address


def test_a_page_on_localhost_shares_what_phones_can_open(
    browser: Browser, page: Page, hall: str, tmp_path: Path
) -> None:
    with served(host="0.0.0.0", open_to_network=True) as server:
        (ready,) = server.events("ready")
        assert ready["url"] == f"http://127.0.0.1:{server.port}"
        assert f"http://{hall}:{server.port}" in ready["network"]
        page.goto(server.url)
        panel = share(page, "main-hall")
        link = f"http://{hall}:{server.port}/watch/main-hall"
        expect(panel.get_by_label("Link for the audience", exact=True)).to_have_value(link)
        expect(panel.get_by_label("Overlay for OBS")).to_have_value(
            f"{server.url}/overlay/main-hall"
        )
        expect(panel.get_by_role("img", name="QR code")).to_be_visible()
        assert scanned(page, tmp_path) == link
        page.keyboard.press("Escape")
        choose_sample(page)
        page.get_by_role("button", name="Start").click()
        with watched_page(browser.new_context(), hall) as phone:
            phone.goto(link)
            expect(page.get_by_role("button", name="1 watching")).to_be_visible()
            expect(phone.locator("#state-words")).to_contain_text("Live")


def test_a_server_on_loopback_says_how_to_open_it_to_the_network(page: Page) -> None:
    with served() as server:
        page.goto(server.url)
        panel = share(page, "main-hall")
        command = "surtitle serve --host 0.0.0.0 --open-to-network"
        page.route(
            "**/v1/network", lambda route: route.fulfill(json={"urls": [], "command": command})
        )
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Share").click()
        expect(panel.get_by_label("Only this machine can open the link")).to_have_value(command)
        expect(panel.get_by_text("Open the page at the server’s own name")).to_be_hidden()


def test_a_machine_in_several_networks_leaves_the_choice(page: Page) -> None:
    urls = ["http://192.168.1.5:8765", "http://10.0.0.7:8765"]
    with served() as server:
        page.route("**/v1/network", lambda route: route.fulfill(json={"urls": urls, "command": ""}))
        page.goto(server.url)
        panel = share(page, "main-hall")
        link = panel.get_by_label("Link for the audience", exact=True)
        expect(link).to_have_value("http://192.168.1.5:8765/watch/main-hall")
        panel.get_by_label("Address in the network").select_option("10.0.0.7:8765")
        expect(link).to_have_value("http://10.0.0.7:8765/watch/main-hall")


def test_the_terminal_says_where_it_is_found(hall: str) -> None:
    serve = ["serve", "--port", "0", "--host", "0.0.0.0", "--open-to-network", "--model", "tiny.en"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.terminal", sys.executable, "-m", "surtitle", *serve],
        cwd=REPOSITORY,
        env=os.environ | {"NO_COLOR": "1", "COLUMNS": "40"},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = ""
    for line in process.stderr:  # ends with the server, whatever becomes of it
        said += line
        if "In the network:" in line:
            break
    process.kill()
    process.wait()
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()
    said = Text.from_ansi(said).plain
    assert "On this machine:  http://127.0.0.1:" in said
    assert f"In the network:   http://{hall}:" in said
    assert "//0.0.0.0" not in said


OBS = """css => {
  const style = document.createElement("style");
  style.innerHTML = css;
  document.head.appendChild(style);
}"""
"""What OBS does with its field *Custom CSS*."""


def test_custom_css_of_obs_works_on_the_overlay(page: Page) -> None:
    with served() as server:
        page.goto(f"{server.url}/overlay/main-hall")
        page.evaluate(OBS, "#text { color: rgb(1, 2, 3); }")
        expect(page.locator("#text")).to_have_css("color", "rgb(1, 2, 3)")


@contextmanager
def site_that_embeds(address: str) -> Iterator[str]:
    """The origin of a site with a page in a frame."""

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{address}"></iframe>'.encode())

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_address[1]}"
        site.shutdown()


def test_sites_that_are_named_may_show_the_captions_in_a_frame(browser: Browser) -> None:
    page = browser.new_page()
    with (
        served(embedding_sites="http://127.0.0.1:*") as friend,
        served() as server,
        site_that_embeds(f"{friend.url}/watch/hall") as allowed,
        site_that_embeds(f"{server.url}/watch/hall") as refused,
    ):
        page.goto(allowed)
        expect(page.frame_locator("iframe").locator("#channel")).to_have_text("hall")
        page.goto(refused)
        expect(page.frame_locator("iframe").locator("body")).to_be_visible()
        assert page.frame_locator("iframe").locator("#channel").count() == 0
    page.close()
