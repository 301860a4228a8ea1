"""A Ray cluster on this machine, with engines on it. Ray itself is in processes of its own."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import psutil

from lab.places import PYTHON_PATH, REPOSITORY
from lab.server_process import FAKE_DECODER
from lab.waiting import left_over
from surtitle.runtime.addresses import LOOPBACK

DEPLOY_LIMIT_S = 60.0
END_LIMIT_S = 30.0


@dataclass
class RayCluster:
    """Nodes with a raylet each, the first of them with the GCS, too."""

    nodes: subprocess.Popen[str]
    wishes: IO[str]
    answers: IO[str]
    address: str
    port: int
    """Of Ray Serve's ingress on the first node."""
    other_port: int
    """Of that on the others."""
    environment: dict[str, str]
    orphans: list[psutil.Process]
    """Processes of nodes that have lost their raylet, and may be there all the same."""

    @property
    def urls(self) -> list[str]:
        """Where a gateway finds the engines."""
        return [f"lb+ws://{LOOPBACK}:{port}/captions" for port in (self.port, self.other_port)]

    def add_node(self) -> None:
        """One more."""
        self.wishes.write("\n")
        self.wishes.flush()
        assert self.answers.readline() == "added\n"

    def deploy(self, *options: str, decoder: str | None = FAKE_DECODER) -> None:
        """Deploy with these options of `surtitle ray deploy`; None is the real decoder."""
        command = ["-m", "surtitle", "ray", "deploy"]
        if decoder is not None:
            command = ["-m", "lab.deploy_with", decoder]
        done = subprocess.run(
            [
                sys.executable,
                *command,
                "--address",
                self.address,
                f"--http-port={self.port}",
                *options,
            ],
            env=self.environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=DEPLOY_LIMIT_S,
        )
        if done.returncode != 0:
            raise AssertionError(f"not deployed: {done.stdout} {done.stderr}")

    @property
    def processes(self) -> list[psutil.Process]:
        """All of the cluster, but those whose raylet has died."""
        return psutil.Process(self.nodes.pid).children(recursive=True)

    def named(self, name: str) -> list[psutil.Process]:
        """Those with this in their command line: gcs_server, raylet, ray::ProxyActor."""
        found = []
        for process in self.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                if name in " ".join(process.cmdline()[:1]):
                    found.append(process)
        return found

    def kill_node(self) -> None:
        """SIGKILL to the raylet of one that is not the first."""
        raylet = next(each for each in self.named("raylet") if "--head" not in each.cmdline())
        self.orphans += raylet.children(recursive=True)
        raylet.kill()

    @property
    def engines(self) -> list[psutil.Process]:
        """The replicas of Ray Serve."""
        return self.named("ray::ServeReplica:captions")


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def ray_cluster(nodes: int) -> Iterator[RayCluster]:
    """A cluster of so many nodes."""
    port, other_port = _free_port(), _free_port()
    environment = os.environ | {
        "PYTHONPATH": PYTHON_PATH,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray then keeps to loopback
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(other_port),
        "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.ray_nodes", str(nodes)],
        env=environment,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin as wishes, process.stdout as answers:
        address = answers.readline().strip()
        assert address, "the cluster does not start"
        cluster = RayCluster(process, wishes, answers, address, port, other_port, environment, [])
        try:
            yield cluster
        finally:
            processes = cluster.processes + cluster.orphans
            for each in cluster.engines:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.send_signal(signal.SIGCONT)
            wishes.close()
            process.wait(END_LIMIT_S)
            left_over(processes)
