"""An engine server: the workers of this machine, for gateways on others."""

import asyncio
import secrets
import ssl

import structlog

from surtitle.app import (
    EXIT_ENGINE_FAILED,
    EXIT_OK,
    WHISPER,
    fetch_models_until,
    first_of,
    make_engine_gauges,
    make_local_engine,
)
from surtitle.config import Settings
from surtitle.engine.engine import Engine
from surtitle.engine.lane_server import LaneServer
from surtitle.engine.states import EngineState
from surtitle.errors import ConfigurationError
from surtitle.gateway.tls import Certificates
from surtitle.recognition.model_files import Report
from surtitle.runtime import memory
from surtitle.runtime.addresses import is_loopback
from surtitle.runtime.mainloop import heeded_signals, stop_signals
from surtitle.runtime.metrics import Metrics
from surtitle.runtime.secondsignal import ending_at_the_second
from surtitle.runtime.service import ServiceManager
from surtitle.runtime.telemetry import configure_logging

log = structlog.get_logger("surtitle.app")


class EngineServer:
    """An engine and its lanes, on the running event loop."""

    def __init__(self, settings: Settings, host: str, port: int, decoder: str = WHISPER) -> None:
        """Raises ConfigurationError."""
        self.ready, self.failed = asyncio.Event(), asyncio.Event()
        self._settings = settings
        self._address = host, port
        self._certificates = _certificates(settings)
        metrics = Metrics()
        self.engine: Engine = make_local_engine(
            settings, decoder, metrics, self._on_state, lambda overloaded: self._lanes.tell_load()
        )
        self._lanes = LaneServer(
            self.engine,
            settings.name_among_servers,
            secrets.token_hex(8),
            settings.engine_secret(),
            metrics.page,
        )
        make_engine_gauges(self.engine, metrics)

    async def run(self, stopped: asyncio.Event) -> bool:
        """Serve until then, or until the engine fails, which is what is returned.

        Gateways have moved on in the end.
        """
        host, port = self._address
        tls = None if self._certificates is None else self._certificates.context
        try:
            port = await self._lanes.start(host, port, tls)
        except OSError as error:
            raise ConfigurationError(f"Cannot listen on {host} port {port}: {error}.") from error
        manager = ServiceManager()
        url = f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"
        log.info("listening", url=url, model=self._settings.model)
        watching = self.engine.start()
        watching.add_done_callback(lambda task: self.failed.set())
        beside = [asyncio.create_task(self._lanes.run(), name="heartbeats")]
        if self._certificates is not None:
            beside.append(asyncio.create_task(self._certificates.watch(), name="certificates"))
        try:
            await first_of(stopped, self.failed, self.ready)
            if self.ready.is_set():
                manager.tell("READY=1", f"STATUS=Serving on {host} port {port}.")
                await first_of(stopped, self.failed)
            manager.tell("STOPPING=1")
            has_failed = self.failed.is_set()  # before it is stopped, which ends its task, too
            if not has_failed:
                await self._lanes.drain(self._settings.drain_s)
        finally:
            for task in beside:
                task.cancel()
            await self._lanes.stop()
            await self.engine.stop()
        return has_failed

    def _on_state(self, state: EngineState) -> None:
        if state is EngineState.FAILED:
            self.failed.set()
        elif state is EngineState.READY and not self.ready.is_set():
            log.info("ready")
            self.ready.set()
        self._lanes.tell_state()


async def serve_engine(
    settings: Settings,
    host: str,
    port: int,
    report: Report | None = None,
    decoder: str = WHISPER,
) -> int:
    """Run an engine server until a signal; returns the exit status. Raises SurtitleError."""
    if not is_loopback(host) and not settings.engine_secret() and settings.engine_ca is None:
        raise ConfigurationError(
            f"{host} can be reached from other machines, and gateways need no secret: anyone there "
            "could use the engine. Name a file with a secret (--engine-secret-file), or the "
            "certificate authority of the gateways (--engine-ca)."
        )
    stopped = asyncio.Event()
    configure_logging(settings.log(), in_background=True)
    memory.keep_buffers()
    with stop_signals(stopped.set), ending_at_the_second(heeded_signals()):
        if decoder == WHISPER and not await fetch_models_until(stopped, settings, report):
            return EXIT_OK
        server = EngineServer(settings, host, port, decoder)
        if await server.run(stopped):
            return EXIT_ENGINE_FAILED
    log.info("stopped")
    return EXIT_OK


def _certificates(settings: Settings) -> Certificates | None:
    """Those for lanes over TLS; with `engine_ca` gateways are asked for theirs."""
    if settings.tls_cert is None or settings.tls_key is None:
        if settings.engine_ca is not None or settings.tls_cert or settings.tls_key:
            raise ConfigurationError("TLS needs both --tls-cert and --tls-key.")
        return None
    certificates = Certificates(settings.tls_cert, settings.tls_key)
    if settings.engine_ca is not None:
        try:
            certificates.context.load_verify_locations(settings.engine_ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"{settings.engine_ca} cannot be used: {error}.") from error
        certificates.context.verify_mode = ssl.CERT_REQUIRED
    return certificates
