"""A replica of Ray Serve that is an engine server, for gateways anywhere."""

import asyncio
from collections.abc import Callable

import structlog
from ray import serve
from ray.serve._private.replica import Replica

from surtitle.app import WHISPER, fetch_models, first_of, make_engine_gauges, make_local_engine
from surtitle.cluster.scaling import OWED_JOBS
from surtitle.config import load_settings
from surtitle.engine.asgi import LanesApp
from surtitle.engine.lanes import Lanes
from surtitle.engine.states import EngineState
from surtitle.errors import EngineError
from surtitle.runtime import memory
from surtitle.runtime.background import in_daemon_thread
from surtitle.runtime.metrics import Metrics
from surtitle.runtime.telemetry import configure_logging

log = structlog.get_logger("surtitle.app")


@serve.ingress()
class EngineReplica:
    """An engine and its lanes, on the event loop that Ray Serve has for it."""

    async def __init__(  # type: ignore[misc]  # Ray Serve awaits it
        self, given: dict[str, str], decoder: str = WHISPER
    ) -> None:
        """Returns when the model is loaded: no gateway comes before. `given` are settings by name; the
        others are those of the machine that it runs on. Raises SurtitleError.
        """
        settings = load_settings(given)
        configure_logging(settings.log())
        memory.keep_buffers()
        if decoder == WHISPER:
            await in_daemon_thread(fetch_models, settings, None)
        self._ready, self._failed = asyncio.Event(), asyncio.Event()
        self._drain_s = settings.drain_s
        metrics = Metrics()
        self._engine = make_local_engine(
            settings, decoder, metrics, self._on_state, lambda overloaded: self._lanes.tell_load()
        )
        self._lanes = Lanes(
            self._engine,
            settings.name_among_servers,
            serve.get_replica_context().replica_tag,
            settings.engine_secret(),
            metrics.page,
        )
        make_engine_gauges(self._engine, metrics)
        watching = self._engine.start()
        watching.add_done_callback(lambda task: self._failed.set())
        await first_of(self._ready, self._failed)
        if self._failed.is_set():
            raise EngineError(f"The engine cannot start. {self._engine.failure}")
        self._beating = asyncio.create_task(self._lanes.run(), name="heartbeats")
        self._leaving: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        _at_shutdown(lambda: loop.call_soon_threadsafe(self._leave))

    def __serve_build_asgi_app__(self) -> LanesApp:
        """What Ray Serve has answer requests."""
        return LanesApp(self._lanes)

    def check_health(self) -> None:
        """Ray Serve asks this, and replaces a replica that is not well. Raises EngineError."""
        if self._failed.is_set():
            raise EngineError(f"The engine has failed. {self._engine.failure}")
        if self._engine.state is EngineState.BROKEN:  # it may fare better on another machine
            raise EngineError("The worker of the engine keeps crashing.")

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What the number of replicas depends on, see scaling."""
        return {OWED_JOBS: float(self._lanes.owed_jobs)}

    async def __del__(self) -> None:
        """Ray Serve calls this when no lane is left, or at the end of its patience."""
        self._beating.cancel()
        await self._engine.stop()

    def _on_state(self, state: EngineState) -> None:
        if state is EngineState.FAILED:
            self._failed.set()
        elif state is EngineState.READY:
            self._ready.set()
        self._lanes.tell_state()

    def _leave(self) -> None:
        log.info("leaving", owed_jobs=self._lanes.owed_jobs)
        self._leaving = asyncio.create_task(self._drain(), name="drain")

    async def _drain(self) -> None:
        """Ray Serve waits until there is no lane any more."""
        await self._lanes.drain(self._drain_s)
        self._lanes.end()


def _at_shutdown(call: Callable[[], object]) -> None:
    """Call this when the replica begins to shut down, on a thread of Ray Serve's.

    By itself it tells nobody, and waits until all requests have ended. A lane is a request that ends
    only when both sides know that it should.
    """
    shut_down = Replica.perform_graceful_shutdown

    async def tell_first(replica: Replica) -> None:
        call()
        await shut_down(replica)  # type: ignore[no-untyped-call]

    Replica.perform_graceful_shutdown = tell_first  # type: ignore[method-assign]
