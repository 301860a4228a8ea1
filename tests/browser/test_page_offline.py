"""The page as an application: its manifest, and what it says where the server cannot be reached."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from tests.browser.channel import Channel
from tests.browser.conftest import INSECURE_HOST
from tests.browser.scripted import ScriptedServer, scripted_server

# Until the page has kept what it keeps, in its own language.
KEPT = """async (lang) => {
  const name = new URL('offline.html', document.baseURI.replace(/watch\\/.*/, ''));
  for (let text = ''; !text.includes(`<html lang="${lang}"`); ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const cache = await caches.open('surtitle-offline');
    text = await (await cache.match(name))?.text() ?? '';
  }
  await navigator.serviceWorker.ready;
}"""
NAMES = """async () => {
  const requests = await (await caches.open('surtitle-offline')).keys();
  return requests.map(({ url }) => new URL(url).pathname).sort();
}"""
OLD = """async () => {
  const cache = await caches.open('surtitle-offline');
  for (const { url } of await cache.keys()) await cache.put(url, new Response('old'));
}"""
WORKERS = "async () => (await navigator.serviceWorker?.getRegistrations() ?? []).length"


@contextmanager
def context_of(browser: Browser, locale: str = "en-US", **options: Any) -> Iterator[BrowserContext]:
    context = browser.new_context(locale=locale, **options)
    yield context
    context.close()


def wait_until_kept(page: Page, language: str) -> None:
    """Until the page for later is there, and the worker that shows it."""
    page.evaluate(KEPT, language)


def test_the_manifest_is_one_that_browsers_accept(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    session = page.context.new_cdp_session(page)
    found = session.send("Page.getAppManifest")
    assert found["errors"] == []
    assert found["url"] == f"{scripted.url}/surtitle.webmanifest"
    manifest = json.loads(found["data"])
    assert manifest["name"] == "Surtitle"
    for icon in manifest["icons"]:
        answer = page.request.get(f"{scripted.url}/{icon['src']}")
        assert (answer.status, answer.headers["content-type"]) == (200, icon["type"])


def wait_until_made(page: Page) -> None:
    """Until the script has run: it fills the menu in the turn in which it registers the worker."""
    page.wait_for_function("() => document.querySelector('#language').length > 50")


@pytest.mark.parametrize(
    ("locale", "title"), [("en-US", "No connection"), ("de-DE", "Keine Verbindung")]
)
def test_where_the_server_is_gone_the_page_says_so(
    browser: Browser, locale: str, title: str
) -> None:
    with context_of(browser, locale) as context, ExitStack() as running:
        page = context.new_page()
        server = running.enter_context(scripted_server())
        page.goto(f"{server.url}/#token=kept")
        wait_until_kept(page, locale[:2])
        running.close()
        page.reload()
        expect(page.get_by_role("heading")).to_have_text(title)
        expect(page.locator("main")).to_have_css("max-width", "576px")  # its style is there, too
        assert page.url == f"{server.url}/#token=kept"  # so that loading it again is enough
        page.goto(f"{server.url}/watch/main-hall")
        expect(page.get_by_role("heading")).to_have_text(title)
        expect(page.locator("main")).to_have_css("max-width", "576px")


def test_it_speaks_the_language_that_was_chosen(browser: Browser) -> None:
    with context_of(browser) as context, ExitStack() as running:
        page = context.new_page()
        server = running.enter_context(scripted_server())
        page.goto(server.url)
        wait_until_kept(page, "en")
        page.locator("#page-language").select_option("ar")
        wait_until_kept(page, "ar")
        running.close()
        page.reload()
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        expect(page.get_by_role("heading")).to_have_text("لا يوجد اتصال")


def test_nothing_else_is_kept_or_answered(browser: Browser) -> None:
    with context_of(browser) as context, ExitStack() as running:
        page = context.new_page()
        server = running.enter_context(scripted_server())
        page.goto(server.url)
        wait_until_kept(page, "en")
        page.reload()  # from now on the worker hears of everything
        wait_until_kept(page, "en")
        assert page.evaluate(NAMES) == ["/offline.html", "/problem.css", "/style.css"]
        running.close()
        for path in ("v1/captions", "overlay/main-hall", "metrics", "app.js"):
            with pytest.raises(Error, match="ERR_CONNECTION_REFUSED"):
                page.goto(f"{server.url}/{path}")


def test_what_is_new_on_the_server_comes_at_once(browser: Browser) -> None:
    """Whatever is kept."""
    with context_of(browser) as context, scripted_server() as server:
        page = context.new_page()
        page.goto(server.url)
        wait_until_kept(page, "en")
        page.evaluate(OLD)
        page.reload()
        expect(page.locator("#run")).to_have_text("Start")
        expect(page.locator("body")).to_have_css("display", "grid")


def test_the_audience_has_it_too(browser: Browser, channel: Channel) -> None:
    with context_of(browser) as context:
        page = context.new_page()
        page.goto(channel.watch_url)
        wait_until_kept(page, "en")
        assert page.evaluate(WORKERS) == 1


def test_no_worker_for_electron(browser: Browser, scripted: ScriptedServer) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Electron/38.0.0 Safari/537.36"
    with context_of(browser, user_agent=agent) as context:
        page = context.new_page()
        page.goto(scripted.url)
        wait_until_made(page)
        assert page.evaluate(WORKERS) == 0


def test_no_worker_over_plain_http_from_elsewhere(
    browser: Browser, scripted: ScriptedServer
) -> None:
    asked: list[str] = []
    with context_of(browser) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        address = scripted.url.replace("127.0.0.1", INSECURE_HOST)
        page.goto(address)
        wait_until_made(page)
        assert not [url for url in asked if "service-worker" in url or "offline.html" in url]
