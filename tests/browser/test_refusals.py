"""A page of another origin that cannot connect is told why, and what to do, one sentence a reason."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser
from websockets.sync.client import connect

from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from lab.waiting import wait_until
from surtitle.gateway.access import add_key, read_keys
from tests.browser.conftest import INSECURE_HOST, WEB_DEMO
from tests.browser.hosting import hosted
from tests.gateway.certificates import make_certificate

PAGE = "client/README.md"  # a page with no program of its own

WHY = """async ([url, token, kind]) => {
  const { CaptionClient, ChannelViewer } = await import('/client/index.js');
  const access = () => token;
  if (kind === 'viewer') {
    const viewer = new ChannelViewer(url.replace('captions', 'channels/hall'), { access });
    const told = new Promise((resolve) => {
      viewer.addEventListener('state', ({ detail: { error } }) => error && resolve(error));
    });
    viewer.connect().catch(() => {});
    const { code, message } = await told;
    viewer.close();
    return [code, message];
  }
  const client = new CaptionClient(url, {}, { access });
  const { code, message } = await client.connect().then(() => ({}), (error) => error);
  client.close();
  return [code, message];
}"""


@pytest.fixture(scope="module")
def page_url() -> Iterator[str]:
    """Where the pages of another origin are."""
    with hosted(WEB_DEMO) as url:
        yield url


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One that admits its own pages alone."""
    running = start_server(decoder=FAKE_DECODER)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"), "here")


@contextlib.contextmanager
def started(**settings: Any) -> Iterator[ServerProcess]:
    running = start_server(decoder=FAKE_DECODER, **settings)
    try:
        yield running
        assert not running.errors
    finally:
        running.stop()


def why(browser: Browser, page: str, url: str, token: str = "", kind: str = "speaker") -> list[str]:
    """The code and the sentence of a client on this page that wants to connect there."""
    context = browser.new_context(ignore_https_errors=True)
    try:
        opened = context.new_page()
        opened.goto(f"{page}/{PAGE}")
        found: list[str] = opened.evaluate(WHY, [url, token, kind])
        return found
    finally:
        context.close()


@pytest.mark.parametrize("token", ["", "some-token"])
@pytest.mark.parametrize("kind", ["speaker", "viewer"])
def test_its_origin_is_not_allowed(
    browser: Browser, page_url: str, server: ServerProcess, token: str, kind: str
) -> None:
    code, sentence = why(browser, page_url, server.websocket_url, token, kind)
    host = urlsplit(server.url).netloc
    assert (code, sentence) == (
        "refused",
        f"The server at {host} does not accept pages from {page_url}. Start the server with "
        f"--allowed-origins {page_url}",
    )
    lines = [line for line in server.log if line.get("origin") == page_url]
    assert [line["fix"] for line in lines] == [f"--allowed-origins {page_url}"]


def test_what_the_sentence_advises_helps(browser: Browser, page_url: str) -> None:
    with started(allowed_origins=page_url) as server:
        assert why(browser, page_url, server.websocket_url) == [None, None]


def test_the_server_has_another_name(browser: Browser, page_url: str) -> None:
    with started() as server:
        url = server.websocket_url.replace("127.0.0.1", INSECURE_HOST)
        code, sentence = why(browser, page_url, url)
        place = f"http://{INSECURE_HOST}:{server.port}"
        assert code == "refused"
        assert f"does not answer to the name {INSECURE_HOST}:{server.port}" in sentence
        advice = sentence.rpartition(" ")[2]
        assert advice == f"{place},{page_url}"
    with started(allowed_origins=advice) as server:
        url = server.websocket_url.replace("127.0.0.1", INSECURE_HOST)
        assert why(browser, page_url, url) == [None, None]


def test_a_key_is_missing_or_wrong(browser: Browser, page_url: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak"])
    old = read_keys(path).make_token("guest", ["speak"], time.time() - 60)
    with started(keys_file=path, allowed_origins=page_url) as server:
        url = server.websocket_url
        asked = "A valid key or token is required."
        assert why(browser, page_url, url) == ["refused", f"{asked} None was given."]
        wrong = ["refused", f"{asked} The one that was given is wrong, or has expired."]
        assert why(browser, page_url, url, "wrong") == wrong
        assert why(browser, page_url, url, old) == wrong


def test_the_server_is_full(browser: Browser, page_url: str) -> None:
    with (
        started(max_sessions=1, allowed_origins=page_url) as server,
        connect(server.websocket_url) as other,
    ):
        other.send('{"type":"start"}')
        other.recv()
        code, sentence = why(browser, page_url, server.websocket_url)
    assert code == "refused"
    assert sentence == "The server has reached its session limit. Try again in 5 s."


def test_the_server_expects_tls(
    browser: Browser, page_url: str, certificate: tuple[Path, Path]
) -> None:
    with started(
        tls_cert=certificate[0], tls_key=certificate[1], allowed_origins=page_url, ready=False
    ) as server:
        place = urlsplit(server.url).netloc
        code, sentence = why(browser, page_url, f"ws://{place}/v1/captions")
    assert code == "unreachable"
    assert sentence == (
        f"The server at {place} expects TLS. Use wss:// instead of ws:// in its address."
    )


def test_the_server_has_no_tls(browser: Browser, page_url: str, server: ServerProcess) -> None:
    place = urlsplit(server.url).netloc
    code, sentence = why(browser, page_url, f"wss://{place}/v1/captions")
    assert code == "unreachable"
    assert sentence == (
        f"The server at {place} has no TLS. Use ws:// instead of wss:// in its address."
    )


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_nobody_listens(browser: Browser, page_url: str, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
    code, sentence = why(browser, page_url, f"{scheme}://{place}/v1/captions")
    assert code == "unreachable"
    assert sentence.startswith(f"No answer from {place}. Check that the server is running")
    assert ("certificate" in sentence) == (scheme == "wss")


def test_something_else_listens(browser: Browser, page_url: str) -> None:
    with hosted(WEB_DEMO) as other:
        place = urlsplit(other).netloc
        code, sentence = why(browser, page_url, f"ws://{place}/v1/captions")
    assert code == "unreachable"
    assert sentence.startswith(f"Something answers at {place}, but no Surtitle server.")


def test_the_page_asks_its_own_host(browser: Browser, page_url: str) -> None:
    """As one does who forgets the port of the server."""
    place = urlsplit(page_url).netloc
    code, sentence = why(browser, page_url, f"ws://{place}/{PAGE}")
    assert code == "refused"
    assert sentence.startswith(f"Something answers at {place}, but no Surtitle server.")


def test_a_page_over_https_may_not_connect_without_tls(
    browser: Browser, certificate: tuple[Path, Path]
) -> None:
    with hosted(WEB_DEMO, certificate=certificate) as page:
        code, sentence = why(browser, page, f"ws://{INSECURE_HOST}:8765/v1/captions")
    assert code == "no_socket"
    assert sentence.startswith(
        f"This page was loaded over https, so the browser does not let it connect to "
        f"ws://{INSECURE_HOST}:8765. "
    )


def test_the_policy_of_the_page_allows_no_connection(
    browser: Browser, server: ServerProcess
) -> None:
    with hosted(WEB_DEMO, headers={"Content-Security-Policy": "default-src 'self'"}) as page:
        code, sentence = why(browser, page, server.websocket_url)
    place = urlsplit(server.url).netloc
    assert code == "no_socket"
    assert sentence == (
        f"The Content-Security-Policy of this page does not let it connect to {place}. Add "
        f"ws://{place} and http://{place} to its connect-src"
    )


PROXY = """
daemon off;
pid nginx.pid;
error_log stderr error;
events {}
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {
        listen 127.0.0.1:PORT;
        location / { proxy_pass http://127.0.0.1:SERVER; }
    }
}
"""


def test_a_proxy_lets_no_websocket_through(browser: Browser, page_url: str, tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("no nginx")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with started(allowed_origins=page_url) as server:
        config = PROXY.replace("PORT", str(port)).replace("SERVER", str(server.port))
        (tmp_path / "nginx.conf").write_text(config)
        proxy = subprocess.Popen([nginx, "-p", tmp_path, "-c", "nginx.conf", "-e", "stderr"])
        try:
            wait_until(lambda: listens(port))
            code, sentence = why(browser, page_url, f"ws://127.0.0.1:{port}/v1/captions")
        finally:
            proxy.terminate()
            proxy.wait(10)
    assert code == "refused"
    assert "a reverse proxy must pass on the headers Upgrade and Connection" in sentence


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
