"""A real PostgreSQL, which can be ended and started again."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.waiting import wait_until
from tests.balancing.balanced import free_ports


def found(command: str) -> str | None:
    """Where Debian keeps its servers, or anywhere else."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{command}"))
    return str(places[-1]) if places else shutil.which(command)


AVAILABLE = found("initdb") is not None and found("postgres") is not None


class PostgresServer:
    """On a port of its own, for who connects to this machine."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        # It refuses to run as root.
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user is not None:
            shutil.chown(folder, self._user)
        command = [found("initdb") or "", "-D", str(folder / "data"), "-U", "surtitle"]
        options = ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run(
            command + options, check=True, capture_output=True, user=self._user, cwd=folder
        )

    @property
    def url(self) -> str:
        return f"postgresql://surtitle@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        command = [found("postgres") or "", "-D", str(self._folder / "data")]
        options = ["-p", str(self.port), "-h", "127.0.0.1", "-k", str(self._folder)]
        quick = ["-c", "fsync=off", "-c", "log_min_messages=fatal"]
        self._process = subprocess.Popen(
            command + options + quick, user=self._user, cwd=self._folder, stderr=subprocess.DEVNULL
        )
        wait_until(self._answers)

    def kill(self) -> None:
        """At once, with all connections."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)
        self._process = None

    def end(self) -> None:
        if self._process is not None:
            self.kill()

    def _answers(self) -> bool:
        command = [found("pg_isready") or "", "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        return subprocess.run(command, check=False).returncode == 0


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory() as folder:  # where its own user may go
        server = PostgresServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.end()
