"""The server behind a real nginx, with the part of its configuration that docs/operations.md shows."""

import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from lab.ledger import expect
from lab.places import REPOSITORY
from lab.server_process import FAKE_DECODER, start_server
from lab.waiting import wait_until
from surtitle.messages import Ready

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx")

SITE = "captions.example"
AROUND = """
daemon off;
pid nginx.pid;
error_log stderr notice;
events {}
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    %s
}
"""


@contextmanager
def behind_nginx(folder: Path, **settings: Any) -> Iterator[int]:
    """The port of an nginx that has a server behind it."""
    assert NGINX is not None
    server = start_server(decoder=FAKE_DECODER, allowed_origins=f"http://{SITE}", **settings)
    proxy = None
    try:
        with socket.create_server(("127.0.0.1", 0)) as found:
            port = found.getsockname()[1]
        text = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
        shown = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)[0]
        ours = shown.replace("127.0.0.1:8765", f"127.0.0.1:{server.port}")
        ours = ours.replace("server {", f"server {{ listen 127.0.0.1:{port};")
        assert ours != shown
        (folder / "nginx.conf").write_text(AROUND % ours, encoding="utf-8")
        proxy = subprocess.Popen([NGINX, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"])
        wait_until(lambda: answers(port))
        yield port
    finally:
        if proxy is not None:
            proxy.terminate()
            proxy.wait(10)
        server.stop()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def speak(port: int, address: str, **headers: str) -> connect:
    """A client at an address of this machine that asks the site by its name."""
    return connect(
        f"ws://{SITE}/captions/v1/captions",
        host="127.0.0.1",
        port=port,
        local_addr=(address, 0),
        origin=Origin(f"http://{SITE}"),
        additional_headers=headers,
    )


async def is_let_in(socket: ClientConnection) -> bool:
    await socket.send('{"type":"start"}')
    return isinstance(expect(await socket.recv()), Ready)


def test_the_page_comes_through_it(tmp_path: Path) -> None:
    with behind_nginx(tmp_path) as port:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/captions/", headers={"Host": SITE}
        )
        with urllib.request.urlopen(request) as answer:
            assert (answer.status, b"<title" in answer.read()) == (200, True)


async def test_limits_by_address_hold_for_those_behind_it_one_by_one(tmp_path: Path) -> None:
    with behind_nginx(tmp_path, trusted_proxies="127.0.0.1", max_sessions_per_address=1) as port:
        async with speak(port, "127.0.0.5") as first, speak(port, "127.0.0.6") as other:
            assert await is_let_in(first)
            assert await is_let_in(other)
            for pretended in (
                {},
                {"X-Forwarded-For": "203.0.113.9"},
                {"Forwarded": "for=203.0.113.9"},
            ):
                with pytest.raises(InvalidStatus) as refused:
                    await speak(port, "127.0.0.5", **pretended)
                assert refused.value.response.status_code == 429


async def test_without_trusted_proxies_all_of_them_are_this_machine(tmp_path: Path) -> None:
    with behind_nginx(tmp_path, max_sessions_per_address=1) as port:
        async with speak(port, "127.0.0.5") as first, speak(port, "127.0.0.5") as second:
            assert await is_let_in(first)
            assert await is_let_in(second)
