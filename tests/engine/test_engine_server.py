"""An engine server as the command line runs it."""

import asyncio
import shutil
import ssl
from pathlib import Path

import pytest

from lab.server_process import FAKE_DECODER
from surtitle.cli.engine import EngineServer
from surtitle.config import Settings
from surtitle.gateway import tls
from tests.engine.serving import until
from tests.gateway.certificates import make_certificate
from tests.gateway.fakes import everything_logged


def shown_at(port: int) -> str:
    """The certificate, as PEM."""
    return ssl.get_server_certificate(("127.0.0.1", port))


async def test_a_renewed_certificate_holds_for_who_comes_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_EVERY_S", 0.01)
    first, second = (make_certificate(tmp_path, name) for name in ("first", "second"))
    used = tmp_path / "used.pem", tmp_path / "used.key"
    for file, target in zip(first, used, strict=True):
        shutil.copy(file, target)
    settings = Settings(tls_cert=used[0], tls_key=used[1], log_level="error")
    server, stopped = EngineServer(settings, "127.0.0.1", 0, FAKE_DECODER), asyncio.Event()
    with everything_logged() as log:
        running = asyncio.create_task(server.run(stopped))
        try:
            await until(lambda: any(line["event"] == "listening" for line in log))
            (url,) = (line["url"] for line in log if line["event"] == "listening")
            port = int(url.rpartition(":")[2])
            assert await asyncio.to_thread(shown_at, port) == first[0].read_text()
            for file, target in zip(second, used, strict=True):
                shutil.copy(file, target)
            await until(lambda: any(line["event"] == "new certificate" for line in log))
            assert await asyncio.to_thread(shown_at, port) == second[0].read_text()
        finally:
            stopped.set()
            assert not await running
