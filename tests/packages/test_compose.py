"""compose.yaml: right by its schema, and what it mounts, publishes and sets fits the rest."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.places import REPOSITORY
from lab.server_process import FAKE_DECODER, start_server
from lab.waiting import wait_until
from surtitle.config import Settings
from tests.gateway.test_nginx import AROUND, NGINX, answers
from tests.packages.dockerfile import read_dockerfile
from tests.packages.environments import needs_tools, tool
from tests.packages.test_versions import PROJECT

pytestmark = [pytest.mark.packages, pytest.mark.timeout(120)]

FILES = ("compose.yaml", "compose.cuda.yaml")
PARTS = REPOSITORY / "deploy" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))
SERVER = COMPOSE["services"]["surtitle"]


@needs_tools
@pytest.mark.parametrize("name", FILES)
def test_the_schema_of_compose_accepts_it(name: str) -> None:
    said = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", REPOSITORY / name)
    assert "ok" in said


@pytest.mark.parametrize("name", FILES)
def test_images_of_ours_are_stages_and_have_the_version(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    server = yaml.safe_load(text)["services"]["surtitle"]
    assert server["build"]["target"] in read_dockerfile(REPOSITORY / "Dockerfile").stages
    assert server["image"].removeprefix("surtitle:").removesuffix("-cuda") == PROJECT["version"]


def test_all_other_images_have_a_version() -> None:
    images = [each["image"] for name, each in COMPOSE["services"].items() if name != "surtitle"]
    assert len(images) >= 4
    assert all(re.search(r":v?\d+\.\d+", image) for image in images)


def test_what_is_mounted_is_here() -> None:
    mounts = [mount for each in COMPOSE["services"].values() for mount in each.get("volumes", ())]
    for mount in mounts:
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (REPOSITORY / source).is_file(), source
        else:
            assert source in COMPOSE["volumes"]
    image = read_dockerfile(REPOSITORY / "Dockerfile")
    assert f"models:{image.last('cpu', 'VOLUME').text}" in SERVER["volumes"]


def test_ports_are_published_on_this_machine_alone() -> None:
    ports = [port for each in COMPOSE["services"].values() for port in each.get("ports", ())]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_settings_exist() -> None:
    names = {name.removeprefix("SURTITLE_").lower() for name in SERVER["environment"]}
    assert names <= Settings.model_fields.keys()
    assert int(SERVER["stop_grace_period"].removesuffix("s")) > Settings().drain_s + 5


def test_prometheus_asks_where_the_server_has_its_figures() -> None:
    """Under the name of the service, which a server without keys has to be told."""
    (scraped,) = yaml.safe_load((PARTS / "prometheus.yml").read_text())["scrape_configs"]
    (target,) = scraped["static_configs"][0]["targets"]
    name, _, port = target.partition(":")
    assert (name, port) == ("surtitle", SERVER["environment"]["SURTITLE_METRICS_PORT"])
    allowed = SERVER["environment"]["SURTITLE_ALLOWED_ORIGINS"].partition("$")[0]
    with socket.create_server(("127.0.0.1", 0)) as found:
        free = found.getsockname()[1]
    for origins, status in ((allowed, 200), ("", 403)):
        server = start_server(
            decoder=FAKE_DECODER,
            ready=False,
            host="0.0.0.0",
            open_to_network="true",
            metrics_host="0.0.0.0",
            metrics_port=free,
            allowed_origins=origins,
        )
        try:
            url = f"http://127.0.0.1:{free}/metrics"
            asked = urllib.request.Request(url, headers={"Host": f"{name}:{port}"})
            assert status_of(asked) == status
        finally:
            server.stop()


def status_of(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_grafana_finds_the_dashboard_and_the_figures() -> None:
    grafana = COMPOSE["services"]["grafana"]
    (mounted,) = (
        mount.split(":")[1] for mount in grafana["volumes"] if "grafana-dashboard.json" in mount
    )
    (provider,) = yaml.safe_load((PARTS / "grafana" / "dashboards.yml").read_text())["providers"]
    assert str(Path(mounted).parent) == provider["options"]["path"]
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == mounted
    (source,) = yaml.safe_load((PARTS / "grafana" / "datasource.yml").read_text())["datasources"]
    assert source["isDefault"]
    assert source["url"].startswith("http://prometheus:")
    dashboard = json.loads((REPOSITORY / "docs" / "grafana-dashboard.json").read_text())
    (variable,) = dashboard["templating"]["list"]
    assert variable["query"] == source["type"]


@pytest.mark.skipif(NGINX is None, reason="no nginx")
def test_nginx_passes_pages_on(tmp_path: Path) -> None:
    assert NGINX is not None
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    shown = (PARTS / "nginx.conf").read_text(encoding="utf-8")
    server = start_server(decoder=FAKE_DECODER, ready=False)
    ours = shown.replace("surtitle:8765", f"127.0.0.1:{server.port}").replace(
        "listen 8080", f"listen 127.0.0.1:{port}"
    )
    assert ours.count("127.0.0.1") == 2
    (tmp_path / "nginx.conf").write_text(AROUND % ours, encoding="utf-8")
    proxy = subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr"])
    try:
        wait_until(lambda: answers(port))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert b"<title" in answer.read()
    finally:
        proxy.terminate()
        proxy.wait(10)
        server.stop()
