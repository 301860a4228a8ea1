"""The examples in deploy/ for a site with TLS and a service, each read by its own program."""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin

from lab.ledger import expect
from lab.places import REPOSITORY
from lab.server_process import FAKE_DECODER, start_server
from lab.waiting import wait_until
from surtitle.messages import Ready
from tests.gateway.certificates import make_certificate
from tests.gateway.test_nginx import AROUND, NGINX, SITE, answers

DEPLOY = REPOSITORY / "deploy"
CADDY = shutil.which("caddy")
SYSTEMD = shutil.which("systemd-analyze")
SERVER = "127.0.0.1:8765"
CADDY_ALONE = """{
	admin off
	auto_https disable_redirects
	skip_install_trust
}
"""
"""What leaves the rest of the machine as it is."""


def read_by(command: list[str]) -> subprocess.CompletedProcess[str]:
    """What a program says of a file."""
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def changed(text: str, **parts: str) -> str:
    """A text with some parts replaced, each of which it must have."""
    for old, new in parts.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def running(command: list[str], port: int, home: Path) -> Iterator[None]:
    """A proxy, as long as the block runs."""
    environment = os.environ | {"XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: answers(port), 30)
        yield
    finally:
        process.terminate()
        process.wait(10)


async def assert_serves(port: int, certificate: Path) -> None:
    """The page and captions come through TLS, under the name of the site."""
    trusting = ssl.create_default_context(cafile=str(certificate))
    trusting.check_hostname = False  # the test's is for an address
    request = urllib.request.Request(f"https://127.0.0.1:{port}/", headers={"Host": SITE})

    def fetch() -> tuple[int, bool, bool]:
        with urllib.request.urlopen(request, context=trusting) as answer:
            is_strict = "Strict-Transport-Security" in answer.headers
            return answer.status, b"<title" in answer.read(), is_strict

    assert await asyncio.to_thread(fetch) == (200, True, True)
    async with connect(
        f"wss://{SITE}/v1/captions",
        host="127.0.0.1",
        port=port,
        ssl=trusting,
        server_hostname=SITE,
        origin=Origin(f"https://{SITE}"),
    ) as client:
        await client.send('{"type":"start"}')
        assert isinstance(expect(await client.recv()), Ready)


@pytest.mark.skipif(NGINX is None, reason="no nginx")
async def test_nginx_serves_a_site_with_tls(tmp_path: Path) -> None:
    assert NGINX is not None
    certificate, key = make_certificate(tmp_path, SITE)
    server = start_server(
        decoder=FAKE_DECODER, allowed_origins=f"https://{SITE}", trusted_proxies="127.0.0.1"
    )
    port, other = free_port(), free_port()
    parts = {
        SERVER: f"127.0.0.1:{server.port}",
        "/etc/ssl/captions.example/fullchain.pem": str(certificate),
        "/etc/ssl/captions.example/privkey.pem": str(key),
        "listen 80;": f"listen 127.0.0.1:{other};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
    }
    site = changed((DEPLOY / "nginx" / "surtitle.conf").read_text(), **parts)
    (tmp_path / "nginx.conf").write_text(AROUND % site)
    command = [NGINX, "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr"]
    try:
        said = await asyncio.to_thread(read_by, [*command, "-t"])
        assert said.returncode == 0 and "[warn]" not in said.stderr, said.stderr
        with running(command, port, tmp_path):
            await assert_serves(port, certificate)
    finally:
        server.stop()


@pytest.mark.skipif(CADDY is None, reason="no caddy")
def test_caddy_takes_the_example_as_it_is() -> None:
    assert CADDY is not None
    file = DEPLOY / "caddy" / "Caddyfile"
    command = [CADDY, "validate", "--adapter", "caddyfile", "--config", str(file)]
    said = read_by(command)
    assert said.returncode == 0 and "Valid configuration" in said.stdout, said.stderr
    assert '"warn"' not in said.stderr.replace("not formatted", ""), said.stderr
    formatted = read_by([CADDY, "fmt", str(file)]).stdout
    assert formatted == file.read_text()


@pytest.mark.skipif(CADDY is None, reason="no caddy")
async def test_caddy_serves_a_site_with_tls(tmp_path: Path) -> None:
    assert CADDY is not None
    certificate, key = make_certificate(tmp_path, SITE)
    server = start_server(
        decoder=FAKE_DECODER, allowed_origins=f"https://{SITE}", trusted_proxies="127.0.0.1"
    )
    port = free_port()
    parts = {
        SERVER: f"127.0.0.1:{server.port}",
        f"\n{SITE} {{\n": f"\nhttps://{SITE}:{port}, https://127.0.0.1:{port} {{\n"
        f"\ttls {certificate} {key}\n",
    }
    site = changed((DEPLOY / "caddy" / "Caddyfile").read_text(), **parts)
    (tmp_path / "Caddyfile").write_text(CADDY_ALONE + site)
    config = str(tmp_path / "Caddyfile")
    try:
        with running([CADDY, "run", "--adapter", "caddyfile", "--config", config], port, tmp_path):
            await assert_serves(port, certificate)
    finally:
        server.stop()


def unit() -> str:
    """The example without its first comment."""
    return (DEPLOY / "systemd" / "surtitle.service").read_text().partition("\n\n")[2]


@pytest.mark.skipif(SYSTEMD is None, reason="no systemd-analyze")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    assert SYSTEMD is not None
    program = shutil.which("true")
    assert program is not None
    path = tmp_path / "surtitle.service"
    parts = {"/opt/surtitle/.venv/bin/surtitle": program, "User=surtitle": "User=root"}
    path.write_text(changed(unit(), **parts))
    said = read_by([SYSTEMD, "verify", "--man=no", str(path)])
    ours = [line for line in said.stderr.splitlines() if "surtitle.service" in line]
    assert (said.returncode, ours) == (0, [])
    path.write_text(path.read_text().replace("KillMode=mixed", "KillMode=gently"))
    said = read_by([SYSTEMD, "verify", "--man=no", str(path)])
    assert "gently" in said.stderr  # it does look


def test_the_unit_is_the_one_that_is_explained() -> None:
    assert unit() in (REPOSITORY / "docs" / "operations.md").read_text()
