"""Two servers behind a real nginx or HAProxy, with the configurations of deploy/balancing."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.places import REPOSITORY
from lab.server_process import FAKE_DECODER, ServerProcess, is_ready, start_server
from lab.waiting import wait_until

CONFIGURATIONS = REPOSITORY / "deploy" / "balancing"
PORTS = {"one": "127.0.0.1:8765", "two": "127.0.0.1:8766"}
"""Where the configurations look for the servers."""
AROUND_NGINX = """
daemon off;
pid nginx.pid;
error_log stderr notice;
worker_processes 1;
events {}
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    %s
}
"""


def found(command: str) -> str | None:
    """Where a balancer is, which need not be where everybody looks for programs."""
    return shutil.which(command) or shutil.which(command, path="/usr/sbin")


BALANCERS = [
    pytest.param(name, marks=pytest.mark.skipif(found(name) is None, reason=f"no {name}"))
    for name in ("nginx", "haproxy")
]


@dataclass
class Site:
    """The port of a balancer, and the servers behind it by their names."""

    port: int
    ports: dict[str, int]
    settings: dict[str, Any]
    servers: dict[str, ServerProcess] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start a server, again where it was before."""
        self.servers[name] = start_server(
            decoder=FAKE_DECODER,
            port=self.ports[name],
            server_name=name,
            trusted_proxies="127.0.0.1",
            **self.settings,
        )

    def stop(self, name: str) -> None:
        """Let a server end as a rolling update does."""
        assert self.servers[name].stop() == 0

    def end(self, name: str) -> None:
        """It is not needed any more, whatever became of it."""
        self.servers[name].stop()


@contextmanager
def balanced(balancer: str, folder: Path, **settings: Any) -> Iterator[Site]:
    """Two servers with the names of the configurations, and the balancer before them."""
    port, one, two = free_ports(3)
    site = Site(port, {"one": one, "two": two}, settings)
    with ExitStack() as stack:
        for name in site.ports:
            site.start(name)
            stack.callback(site.end, name)
        command = _nginx(site, folder) if balancer == "nginx" else _haproxy(site, folder)
        process = subprocess.Popen(command)
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        wait_until(lambda: is_ready(f"http://127.0.0.1:{port}"))
        yield site


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [each.getsockname()[1] for each in sockets]


def _nginx(site: Site, folder: Path) -> list[str]:
    shown = _with_ports(site, "nginx.conf")
    ours = shown.replace("server {\n", f"server {{\n listen 127.0.0.1:{site.port};\n")
    assert ours != shown
    (folder / "nginx.conf").write_text(AROUND_NGINX % ours, encoding="utf-8")
    return [found("nginx") or "", "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]


def _haproxy(site: Site, folder: Path) -> list[str]:
    shown = _with_ports(site, "haproxy.cfg")
    ours = shown.replace("bind :8080", f"bind 127.0.0.1:{site.port}")
    assert ours != shown
    (folder / "haproxy.cfg").write_text(ours, encoding="utf-8")
    return [found("haproxy") or "", "-f", str(folder / "haproxy.cfg")]


def _with_ports(site: Site, name: str) -> str:
    text = (CONFIGURATIONS / name).read_text(encoding="utf-8")
    for server, address in PORTS.items():
        assert address in text
        text = text.replace(address, f"127.0.0.1:{site.ports[server]}")
    return text
