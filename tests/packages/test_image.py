"""The Dockerfile: linted, and each of its commands executed; then the image runs as a container would.

That is: as the user of the image, as the first process, with a root that is read-only, without a home
and without a network for models.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab.places import REPOSITORY, SAMPLE, SAMPLE_TEXT
from lab.server_process import is_ready
from lab.waiting import wait_until
from tests.balancing.redis_server import REDIS, RedisServer
from tests.packages.chart import Manifest, render, variables_of
from tests.packages.dockerfile import Dockerfile, read_dockerfile
from tests.packages.environments import TOOLS, needs_tools, run, tool
from tests.packages.image import Image, Limits, beside, can_mount
from tests.packages.test_distributions import tracked
from tests.real_speech.scoring import word_error_rate

pytestmark = [pytest.mark.packages, pytest.mark.timeout(600), needs_tools]

PATH = REPOSITORY / "Dockerfile"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 20.0
MAX_WRONG = 0.1


@pytest.fixture(scope="module")
def dockerfile() -> Dockerfile:
    return read_dockerfile(PATH)


def test_hadolint_finds_nothing() -> None:
    assert tool("hadolint", PATH) == ""


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_it_runs_as_a_user_with_a_number(dockerfile: Dockerfile, target: str) -> None:
    user, _, group = dockerfile.last(target, "USER").text.partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert dockerfile.last(target, "ENTRYPOINT").words == ["surtitle"]


def test_what_is_built_where_nothing_is_said_needs_no_gpu(dockerfile: Dockerfile) -> None:
    assert list(dockerfile.stages)[-1] == "cpu"


def test_what_the_image_needs_is_in_the_context_and_little_else(dockerfile: Dockerfile) -> None:
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        source
        for stage in dockerfile.stages.values()
        for each in stage.of("COPY")
        if "from" not in each.flags
        for source in each.words[:-1]
    }
    assert "*" in lines
    assert copied == allowed
    assert {"web_demo/electron", "**/node_modules", "**/__pycache__"} <= set(lines)


@pytest.fixture(scope="module")
def image(dockerfile: Dockerfile, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Built anew where anything has changed that it is made of, as Docker does it; two minutes."""
    if not can_mount(tmp_path_factory.mktemp("root")):
        pytest.skip("no root in which overlays can be mounted")
    digest = hashlib.sha256()
    inputs = tracked("server", "web_demo", "Dockerfile", "constraints.txt", "pyproject.toml")
    for name in sorted(inputs):
        digest.update(name.encode() + (REPOSITORY / name).read_bytes())
    kept, stamp = TOOLS / "image", TOOLS / "image" / "built"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        shutil.rmtree(kept, ignore_errors=True)
        Image(kept).build(dockerfile, REPOSITORY, {"TORCH_INDEX": ""})
        stamp.write_text(digest.hexdigest())
    return Image(kept)


@dataclass
class Container:
    """A process of an image, and how it is asked."""

    url: str
    process: subprocess.Popen[str]
    limits: Limits
    health: list[str]
    rest: str = ""  # of its log

    @property
    def first(self) -> psutil.Process:
        """The process that is the first one inside, once it is there."""
        outside = psutil.Process(self.process.pid)
        wait_until(outside.children)
        return outside.children()[0]

    def is_healthy(self) -> bool:
        """Whether the command of HEALTHCHECK says so."""
        return run(beside(self.first.pid, self.health, self.limits)).returncode == 0

    def stop(self) -> int:
        """End it as a container is ended; the exit status."""
        self.first.send_signal(signal.SIGTERM)
        _, self.rest = self.process.communicate(timeout=STOP_LIMIT_S)
        return self.process.returncode


def limits_of(dockerfile: Dockerfile, **settings: str) -> Limits:
    """What the image `cpu` says of its processes, and these settings."""
    user = dockerfile.last("cpu", "USER").text
    return Limits(user, dockerfile.environment("cpu") | {"SURTITLE_DEVICE": "cpu"} | settings)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def container(
    image: Image,
    dockerfile: Dockerfile,
    port: int,
    volumes: dict[str, Path],
    *arguments: str,
    **settings: str,
) -> Iterator[Container]:
    """A container of the image `cpu` that will listen on a port; without arguments, its CMD."""
    limits = limits_of(dockerfile, **settings)
    health = dockerfile.last("cpu", "HEALTHCHECK").text.removeprefix("CMD ")
    entry = dockerfile.last("cpu", "ENTRYPOINT").words
    command = entry + (list(arguments) or dockerfile.last("cpu", "CMD").words)
    line = image.process(command, limits, volumes)
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Container(f"http://127.0.0.1:{port}", process, limits, json.loads(health))
        finally:
            process.kill()  # and with it, all that it has started


@pytest.fixture
def volume(tmp_path: Path, dockerfile: Dockerfile) -> Path:
    """What Docker makes of /models: a folder that belongs to the user of the image."""
    folder = tmp_path / "models"
    folder.mkdir()
    user, _, group = dockerfile.last("cpu", "USER").text.partition(":")
    os.chown(folder, int(user), int(group))
    return folder


def test_a_container_serves_is_healthy_and_stops(
    image: Image, dockerfile: Dockerfile, volume: Path
) -> None:
    port = free_port()
    with container(
        image, dockerfile, port, {"/models": volume}, SURTITLE_PORT=str(port), HF_HUB_OFFLINE="1"
    ) as running:
        wait_until(running.is_healthy, START_LIMIT_S, every_s=0.5)
        wait_until(lambda: is_ready(running.url), START_LIMIT_S, every_s=0.1)  # bundled: base
        check_captions(running.url)
        assert running.stop() == 0
    assert faults(running) == []
    assert list(volume.iterdir()) == []


def check_captions(url: str) -> None:
    """The sample is heard, as a file over HTTP."""
    curl = ["curl", "-sf", f"{url}/v1/audio/transcriptions", "-F", f"file=@{SAMPLE}"]
    heard = json.loads(run(curl).stdout)["text"]
    assert word_error_rate(SAMPLE_TEXT, heard) <= MAX_WRONG, heard


def faults(ended: Container) -> list[dict[str, Any]]:
    """What a container without a fault never says."""
    said = [json.loads(line) for line in ended.rest.splitlines()]
    return [each for each in said if each["level"] in ("error", "warning")]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    if REDIS is None:
        pytest.skip("no redis-server")
    with RedisServer(tmp_path) as running:
        yield running


def test_pods_of_the_chart_work_together(
    image: Image, dockerfile: Dockerfile, volume: Path, tmp_path: Path, redis: RedisServer
) -> None:
    """A server and an engine, with the arguments, variables and mounts that the chart gives them.

    Only ports are others, and the names of the engines and of Redis are of this machine.
    """
    values = {"engine": {"model": "tiny.en"}, "gateway": {"drainSeconds": 4}}
    rendered = render(json.dumps(values | {"redis": {"enabled": True}}))
    (secret,) = rendered.of("Secret").values()
    lanes = tmp_path / "lanes"
    lanes.mkdir()
    (lanes / "secret").write_bytes(base64.b64decode(secret["data"]["secret"]))
    os.chown(lanes / "secret", 0, int(dockerfile.last("cpu", "USER").text.partition(":")[2]))
    (lanes / "secret").chmod(0o440)
    pods = dict(rendered.pods)
    engine, gateway = pods["captions-surtitle-engine"], pods["captions-surtitle"]
    port, lane_port = free_port(), free_port()
    ours = {
        "SURTITLE_PORT": str(port),
        "SURTITLE_METRICS_PORT": str(free_port()),
        "SURTITLE_ENGINE": f"dns+ws://localhost:{lane_port}",
        "SURTITLE_BACKPLANE": redis.url,
    }

    def run_pod(pod: Manifest, at: int, **settings: str) -> AbstractContextManager[Container]:
        (described,) = pod["spec"]["containers"]
        folders = {"lanes": lanes, "models": volume}
        volumes = {
            each["mountPath"]: folders[each["name"]]
            for each in described["volumeMounts"]
            if each["name"] != "tmp"
        }
        arguments = [each.replace(":8766", f":{at}") for each in described["args"]]
        variables = variables_of(pod) | settings
        return container(image, dockerfile, at, volumes, *arguments, **variables)

    with ExitStack() as stack:
        decoding = stack.enter_context(run_pod(engine, lane_port))
        probe_until_all_is_well(decoding, engine)
        serving = stack.enter_context(run_pod(gateway, port, **ours))
        probe_until_all_is_well(serving, gateway)
        check_captions(serving.url)
        assert "surtitle_owed_jobs 0.0\n" in run(["curl", "-s", f"{decoding.url}/metrics"]).stdout
        assert serving.stop() == 0
        assert decoding.stop() == 0
    assert faults(serving) == []
    assert faults(decoding) == []
    assert "the channels are shared with other servers" in serving.rest


def probe_until_all_is_well(container: Container, pod: Manifest) -> None:
    (described,) = pod["spec"]["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = ["curl", "-sf", container.url + described[probe]["httpGet"]["path"]]
        wait_until(lambda asked=asked: run(asked).returncode == 0, START_LIMIT_S, every_s=0.1)


def test_nothing_can_be_written_but_models(
    image: Image, dockerfile: Dockerfile, volume: Path
) -> None:
    code = (
        "import os, sys\n"
        "for place in ('/', '/opt/surtitle', '/models', '/tmp'):\n"
        "    try: open(place + '/written', 'w').close(); print(place)\n"
        "    except OSError: pass\n"
        "print(os.getpid(), os.getuid(), 'HOME' in os.environ)"
    )
    limits = limits_of(dockerfile)
    told = run(image.process(["python", "-c", code], limits, {"/models": volume}))
    assert told.stdout.splitlines() == [
        "/models",
        "/tmp",
        f"1 {limits.user.partition(':')[0]} False",
    ]


def test_the_image_finds_nothing_wrong_with_itself(
    image: Image, dockerfile: Dockerfile, volume: Path
) -> None:
    command = ["surtitle", "check", "--port", "0"]
    limits = limits_of(dockerfile, COLUMNS="200")
    told = run(image.process(command, limits, {"/models": volume}))
    assert told.returncode == 0, told.stdout
    assert "base, 145 MB, bundled, hash verified" in told.stdout


def test_pytorch_is_not_in_the_image(image: Image) -> None:
    (site,) = image.files.glob("opt/surtitle/lib/python3.*/site-packages")
    assert not (site / "torch").exists()
    assert (site / "surtitle" / "web_demo" / "index.html").exists()
    assert not (site / "surtitle" / "web_demo" / "electron").exists()
    cublas = site / "nvidia" / "cublas" / "lib" / "libcublas.so.12"
    assert cublas.exists()  # of the stage `build-cuda`, in the same root


def test_the_gpu_image_finds_cublas_where_the_loader_looks(dockerfile: Dockerfile) -> None:
    folder = dockerfile.environment("cuda")["LD_LIBRARY_PATH"]
    version = dockerfile.stages["base"].base.partition(":")[2].partition("-")[0]
    assert folder == f"/opt/surtitle/lib/python{version}/site-packages/nvidia/cublas/lib"
