"""The composition root: builds everything, owns start and stop.

Stopping happens in one place, on the server's own loop: refuse, drain, end the worker. A signal only
asks for it. From the first signal on the default action is back in force, so a second one ends the
process at once, even where the loop is stuck; in native code too, see `secondsignal`. (The worker
follows, see `worker.die_with_parent`.)
"""

import asyncio
import contextlib
import gc
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial

import structlog

from surtitle.archive.archive import Archive
from surtitle.config import Settings
from surtitle.decoding.decoders import Decoders
from surtitle.engine.devices import find_devices
from surtitle.engine.dialing import lane_options
from surtitle.engine.engine import Engine, OnLoad, OnState
from surtitle.engine.local import local_engine
from surtitle.engine.remote import RemoteEngines
from surtitle.engine.states import EngineState
from surtitle.errors import ConfigurationError, SurtitleError
from surtitle.extras import install_command
from surtitle.gateway.access import KeyFile, KeyRing, tokens_alone
from surtitle.gateway.backplane import Backplane
from surtitle.gateway.channels import NOBODY, Channel, Channels
from surtitle.gateway.connection import Timeouts
from surtitle.gateway.hosted import Told
from surtitle.gateway.limits import AddressLimits
from surtitle.gateway.opening import SessionOptions
from surtitle.gateway.origins import Names, OriginPolicy
from surtitle.gateway.proxies import TrustedProxies
from surtitle.gateway.registry import Sessions
from surtitle.gateway.server import Gateway
from surtitle.gateway.tls import Certificates
from surtitle.recognition.bundled_models import is_bundled
from surtitle.recognition.model_files import Report
from surtitle.recognition.models import locate
from surtitle.recognition.worker import WorkerOptions
from surtitle.runtime import memory
from surtitle.runtime.background import in_daemon_thread
from surtitle.runtime.mainloop import heeded_signals, stop_signals
from surtitle.runtime.metrics import Metrics
from surtitle.runtime.secondsignal import ending_at_the_second
from surtitle.runtime.service import ServiceManager
from surtitle.runtime.telemetry import configure_logging
from surtitle.sinks.building import ListedSinks
from surtitle.sinks.sink import Sink, Sinks
from surtitle.vad.rounds import SileroVad, VadRounds
from surtitle.vad.silero import SileroNetwork
from surtitle.vad.weights import load_weights

log = structlog.get_logger("surtitle.app")

WHISPER = "surtitle.recognition.whisper:load"

EXIT_OK = 0
EXIT_ENGINE_FAILED = 3
"""The engine could not start or has given up; the log has the cause. Not 0: a service manager must
see that something is wrong. Not 1 or 2, which Python and the command line use."""

WATCH_TOKEN_S = 12 * 3600.0
"""How long an audience may come in with the token that a speaker hands on: a long day."""
SPARE_FILES = 128
"""File descriptors for anything but sockets."""
SPARE_SOCKETS = 32
"""For those who are neither a session nor a viewer, such as who asks for `/healthz`."""
MIN_DESCRIPTORS = 64
"""Open files without which nothing works: the server itself has about 30."""
DEAD_MAN_SLACK_S = 10.0
"""How long beyond its lease a batch may hold the worker before that takes us for dead."""

MIN_MEMORY_BYTES = 512 * memory.MIB
"""What the server may take at the least where it is not set: twice what it needs by itself. The other
half of what there is is the worker's."""

_NORMAL: Told = ("normal", "Captions are back to normal.")
_OVERLOADED: Told = (
    "overloaded",
    "Many people are speaking at once, so captions grow in larger steps. Finished captions "
    "arrive as usual.",
)
_WITHOUT_WORKER: dict[EngineState, Told] = {
    EngineState.RECOVERING: (
        "recovering",
        "The recognition worker is restarting. Keep speaking: nothing is lost.",
    ),
    EngineState.BROKEN: (
        "recovering",
        "The recognition worker keeps crashing. The server is still trying to restart it, and "
        "keeps what is said.",
    ),
}


class App:
    """A whole server on the running event loop."""

    def __init__(
        self, settings: Settings, decoder: str = WHISPER, command_for_network: str = ""
    ) -> None:
        """`decoder` ("module:function", loaded in the worker) is replaced in fault tests.
        `command_for_network` starts the same server for all of the network.
        """
        self.settings = settings
        metrics = Metrics()
        self.engine = self._make_engine(decoder, metrics)
        keys = None if settings.keys_file is None else KeyFile(settings.keys_file).ring
        editors = tokens_alone()
        self._backplane = _make_backplane(settings)
        if (backplane := self._backplane) is not None:
            metrics.gauge("backplane_up", "Whether channels are shared.", lambda: backplane.is_up)
        self._archive = _make_archive(settings)
        if (archive := self._archive) is not None:
            metrics.gauge("archive_up", "Whether the database answers.", lambda: archive.is_up)
            waiting = "Entries that wait to be written to the archive."
            metrics.gauge("archive_waiting", waiting, lambda: archive.waiting)
            lost = "Finals that could not be kept, since too many waited."
            metrics.count("archive_lost", lost, lambda: archive.lost)
        self._sinks = _make_sinks(settings)
        if self._sinks is not None:
            _make_sink_figures(self._sinks.sinks, metrics)
        self._rounds = VadRounds(SileroVad(SileroNetwork(load_weights())))
        glossary = settings.names()
        sessions = Sessions(
            self.engine,
            self._rounds,
            settings.layout(),
            resume_window_s=settings.resume_window_s,
            max_waiting=settings.max_sessions,
            metrics=metrics,
            channels=Channels(
                settings.send_timeout_s,
                self._backplane or NOBODY,
                on_new=self._on_new_channel,
                names=glossary.by_channel,
            ),
            decoders=Decoders(),
            watch_token=lambda channel: None if keys is None else _watch_token(keys(), channel),
            edit_token=lambda channel: _edit_token(keys() if keys else editors, channel),
            archive=self._archive,
        )
        max_sockets = min(settings.max_sockets, _most_sockets(settings.max_sessions))
        self.gateway = Gateway(
            self.engine,
            sessions,
            SessionOptions(
                endpointing=settings.endpointing(),
                language=settings.language,
                max_backlog_s=settings.max_backlog_s,
                partial_interval_ms=settings.partial_interval_ms,
                partial_window_ms=settings.partial_window_ms,
                silent_after_ms=settings.silent_after_ms,
                server_name=settings.server_name,
                glossary=glossary.names,
                replacements=settings.replaced_words(),
            ),
            Timeouts(
                start_timeout_s=settings.start_timeout_s,
                idle_timeout_s=settings.idle_timeout_s,
                send_timeout_s=settings.send_timeout_s,
            ),
            max_sessions=settings.max_sessions,
            max_viewers=min(settings.max_viewers, _places_of_viewers(max_sockets, settings)),
            max_frame_bytes=settings.max_frame_bytes,
            max_upload_bytes=settings.max_upload_mb << 20,
            layout=settings.layout(),
            metrics=metrics,
            limits=AddressLimits(
                max_connections=settings.max_sessions_per_address,
                handshakes_per_s=settings.handshakes_per_s,
                burst=max(1, round(10 * settings.handshakes_per_s)),
            ),
            keys=keys,
            keys_in_pages=settings.keys_in_pages,
            editors=editors,
            wyoming_ends_at_pause=settings.wyoming_ends_at_pause,
            max_sessions_per_key=settings.max_sessions_per_key,
            origins=_origins(settings),
            metrics_origins=OriginPolicy(
                tuple(settings.allowed_origins),
                _names_at(settings.metrics_is_local),
                settings.metrics_host,
            ),
            max_memory_bytes=_max_memory_bytes(settings),
            proxies=TrustedProxies(settings.trusted_proxies),
            max_sockets=max_sockets,
            archive=self._archive,
            public_url=settings.public_url,
            command_for_network=command_for_network,
            embedding_sites=settings.embedding_sites,
        )
        self._certificates = _certificates(settings)
        self._watching: list[asyncio.Task[None]] = []
        self.ready = asyncio.Event()
        """Set when the model has been loaded for the first time."""
        self.failed = asyncio.Event()
        """Set when the server cannot go on; `failure` then has the cause."""
        self._failure: str | None = None  # of a task of ours

    def _make_engine(self, decoder: str, metrics: Metrics) -> Engine:
        """Workers of this machine, or engines on others."""
        on_state, settings = self._on_engine_state, self.settings

        def on_load(overloaded: bool) -> None:
            self._tell()

        if not settings.engine:
            return make_local_engine(settings, decoder, metrics, on_state, on_load)
        lanes = lane_options(
            settings.engine,
            settings.name_among_servers,
            settings.engine_secret(),
            settings.engine_ca,
            settings.engine_cert,
            settings.engine_key,
        )
        return RemoteEngines(settings.engine, lanes, on_state, on_load)

    @property
    def url(self) -> str:
        """Where this machine finds the server, as an HTTP address."""
        return self.gateway.local_url

    @property
    def failure(self) -> str | None:
        """Why the server cannot go on, in a sentence."""
        return self._failure or self.engine.failure

    async def start(self) -> None:
        """Listen, and start the worker; returns before the model is loaded.

        Raises ConfigurationError where the address cannot be used.
        """
        tls = self._certificates
        settings = self.settings
        port = settings.metrics_port
        await self.gateway.start(
            settings.host,
            settings.port,
            None if tls is None else tls.context,
            metrics=None if port is None else (settings.metrics_host, port),
            vosk_port=settings.vosk_port,
            wyoming=settings.wyoming_address,
            wyoming_name=settings.wyoming_zeroconf,
        )
        tasks = [self._rounds.start(), self.engine.start()]
        watching = self.gateway.watch_memory()
        self._watching.append(asyncio.create_task(watching, name="memory"))
        if tls is not None:
            self._watching.append(asyncio.create_task(tls.watch(), name="certificates"))
        if self._backplane is not None:
            tasks.append(self._backplane.start())
        if self._archive is not None:
            tasks.append(self._archive.start())
        if self._sinks is not None:
            self._sinks.sinks.start()
            self._watching.append(asyncio.create_task(self._sinks.watch(), name="sinks"))
        for task in tasks + self._watching:
            task.add_done_callback(self._on_task_end)

    async def stop(self) -> None:
        """Drain and end everything."""
        async with contextlib.AsyncExitStack() as rest:  # each, whatever becomes of the others
            rest.push_async_callback(self.engine.stop)
            rest.push_async_callback(self._rounds.stop)
            for task in self._watching:
                rest.callback(task.cancel)
            if self._backplane is not None:
                rest.push_async_callback(self._backplane.stop)
            if self._archive is not None:
                rest.push_async_callback(self._archive.stop)
            if self._sinks is not None:
                rest.push_async_callback(self._sinks.sinks.stop)
            await self.gateway.drain(0.0 if self.failed.is_set() else self.settings.drain_s)

    def _on_new_channel(self, channel: Channel) -> None:
        """A channel is new here: what was said in it before is in the archive; and it may go on."""
        if self._archive is not None:
            self._archive.restore(channel.name, channel.restore)
            channel.on_past = self._archive.correct
        if self._sinks is not None:
            channel.onward = partial(self._sinks.sinks.take, channel.name)

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        """Without voice activity or its watchdog a server only looks alive: better it ends."""
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, SurtitleError):
                self._failure = str(error)
            else:
                log.error("a server task failed", task=task.get_name(), exc_info=error)
                self._failure = f"Internal error in {task.get_name()}."
            self.failed.set()

    def _on_engine_state(self, state: EngineState) -> None:
        if state is EngineState.FAILED:
            self.failed.set()
        elif self.ready.is_set():
            self._tell()
        elif state is EngineState.READY:
            urls = self.gateway.network_urls
            log.info("ready", url=self.url, **({"network": urls} if urls else {}))
            self.ready.set()
            self.gateway.announce()

    def _tell(self) -> None:
        """Tell everybody how the service is, where that has changed."""
        self.gateway.tell(self._service)

    def _service(self, owner: str) -> Told:
        """How the service is for one owner."""
        normal = _OVERLOADED if self.engine.overloaded_for(owner) else _NORMAL
        return _WITHOUT_WORKER.get(self.engine.state, normal)


def _make_backplane(settings: Settings) -> Backplane | None:
    """By which channels are shared, or None. Raises ConfigurationError."""
    if not settings.backplane:
        return None
    try:
        from surtitle.gateway.redis_store import RedisStore
    except ImportError as error:
        raise ConfigurationError(
            f"The backplane needs a package that is not installed. Run: {install_command('redis')}"
        ) from error
    try:
        store = RedisStore(
            settings.backplane, f"{settings.name_among_servers}-{secrets.token_hex(4)}"
        )
    except ValueError as error:
        raise ConfigurationError(f"The address of the backplane is wrong: {error}") from error
    return Backplane(store)


def _make_archive(settings: Settings) -> Archive | None:
    """Where what is said is kept, or None. Raises ConfigurationError."""
    if not settings.archive:
        return None
    try:
        from surtitle.archive.sql_store import SqlStore
    except ImportError as error:
        raise ConfigurationError(
            "The archive needs packages that are not installed. Run: " + install_command("archive")
        ) from error
    return Archive(SqlStore(settings.archive), settings.archive_days)


def _make_sinks(settings: Settings) -> ListedSinks | None:
    """Where captions go on to, or None. Raises ConfigurationError."""
    if not settings.sinks and settings.sinks_file is None:
        return None
    secret = settings.webhook_secret()
    return ListedSinks(settings.sinks, settings.sinks_file, secret, settings.layout())


def make_local_engine(
    settings: Settings, decoder: str, metrics: Metrics, on_state: OnState, on_load: OnLoad
) -> Engine:
    """The workers of this machine. Raises ConfigurationError."""
    worker = WorkerOptions(
        decoder=decoder,
        decoder_options={
            "name": settings.model,
            "partial_model": settings.partial_model,
            "compute_type": settings.compute_type,
            "replicas": settings.replicas,
            "threads": settings.threads,
            "batch": settings.batch,
        },
        log=settings.log(),
        give_up_s=settings.lease_s + DEAD_MAN_SLACK_S,
        nice=settings.worker_nice,
    )
    return local_engine(
        find_devices(settings.devices) or [settings.device],
        worker,
        settings.watchdog(),
        on_state,
        on_load,
        overload_wait_s=settings.overload_wait_ms / 1000,
        metrics=metrics,
    )


def make_engine_gauges(engine: Engine, metrics: Metrics) -> None:
    """Of a gateway's figures those that an engine has; `owed_jobs` is what to scale by."""
    ready = EngineState.READY
    metrics.gauge("ready", "Whether jobs are decoded.", lambda: float(engine.state is ready))
    metrics.gauge("owed_jobs", "Jobs not answered yet.", lambda: engine.owed_jobs)
    metrics.gauge(
        "engine_utilization",
        "How much of the engine's time was taken in the last seconds, from 0 to 1; all of it "
        "where jobs waited.",
        lambda: engine.utilization,
    )


def _make_sink_figures(sinks: Sinks, metrics: Metrics) -> None:
    def each(of: Callable[[Sink], float]) -> Callable[[], dict[str, float]]:
        return lambda: {sink.name: of(sink) for sink in sinks}

    waiting, delivered = "Captions that wait for a sink.", "Captions that a sink has taken."
    dropped, failing = "Captions that a sink has not got.", "Whether the last attempt went wrong."
    metrics.gauges("sink_waiting", waiting, "sink", each(lambda sink: sink.waiting))
    metrics.counts("sink_delivered", delivered, "sink", each(lambda sink: sink.delivered))
    metrics.counts("sink_dropped", dropped, "sink", each(lambda sink: sink.dropped))
    metrics.gauges("sink_failing", failing, "sink", each(lambda sink: sink.failing))


def _max_memory_bytes(settings: Settings) -> int:
    """What this process may take: as set, or its share of what there is."""
    if settings.max_memory_mb:
        return settings.max_memory_mb * memory.MIB
    usable = memory.usable_bytes()
    return sys.maxsize if usable is None else max(usable // 2, min(usable, MIN_MEMORY_BYTES))


def _origins(settings: Settings) -> OriginPolicy:
    names = _names_at(settings.is_local) if settings.keys_file is None else Names.ANY
    return OriginPolicy(tuple(settings.allowed_origins), names, settings.host)


def _names_at(is_local: bool) -> Names:
    """Under which names a port answers that asks for no key."""
    return Names.LOOPBACK if is_local else Names.ADDRESSES


def _certificates(settings: Settings) -> Certificates | None:
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise ConfigurationError("TLS needs both --tls-cert and --tls-key.")
    return Certificates(settings.tls_cert, settings.tls_key)


async def first_of(*events: asyncio.Event) -> None:
    """Wait until one of the events is set."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def running(
    settings: Settings, decoder: str = WHISPER, command_for_network: str = ""
) -> AsyncIterator[App]:
    """A server inside another program, on its event loop and main thread."""
    app = App(settings, decoder, command_for_network)
    try:
        await app.start()
        yield app
    finally:
        await app.stop()


def fetch_models(settings: Settings, report: Report | None) -> None:
    """Download hub models before the worker wants them. Raises ModelError."""
    for name in settings.models:
        if not is_bundled(name):
            locate(name, report=report)


async def fetch_models_until(
    stopped: asyncio.Event, settings: Settings, report: Report | None
) -> bool:
    """The same, unless the server is stopped before; whether they are there. Raises ModelError."""
    fetching = asyncio.ensure_future(in_daemon_thread(fetch_models, settings, report))
    stopping = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({fetching, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not fetching.done():
        log.info("stopped before the model was available")
        return False
    stopping.cancel()
    fetching.result()
    return True


async def serve(
    settings: Settings,
    report: Report | None = None,
    decoder: str = WHISPER,
    *,
    command_for_network: str = "",
    on_ready: Callable[[App], None] = lambda app: None,
) -> int:
    """Run a server until a signal; returns the exit status. Raises SurtitleError at start-up."""
    stopped = asyncio.Event()
    _allow_many_connections()
    configure_logging(settings.log(), in_background=True)
    manager = ServiceManager()
    manager.start_feeding()
    awaited = "Connecting to engines" if settings.engine else f"Loading the model {settings.model}"
    manager.tell(f"STATUS={awaited}.")
    with (
        stop_signals(stopped.set),
        ending_at_the_second(heeded_signals()),
        contextlib.ExitStack() as stack,
    ):
        stack.callback(manager.stop_feeding)
        if settings.engine:
            memory.keep_buffers()
        needs_models = decoder == WHISPER and not settings.engine
        if needs_models and not await fetch_models_until(stopped, settings, report):
            return EXIT_OK
        async with running(settings, decoder, command_for_network) as app:
            gc.freeze()  # the libraries' objects stay; a look at them all holds the loop for 70 ms
            gateway = app.gateway
            others = {"vosk_port": gateway.vosk_port, "wyoming_port": gateway.wyoming_port}
            used = {name: port for name, port in others.items() if port}
            engine = {"engines": settings.engine} if settings.engine else {"model": settings.model}
            log.info("listening", url=app.url, **engine, **used)
            await first_of(stopped, app.failed, app.ready)
            if app.ready.is_set():
                on_ready(app)
                manager.tell("READY=1", f"STATUS=Serving at {app.url}.")
                await first_of(stopped, app.failed)
            manager.tell("STOPPING=1", f"STATUS={app.failure or 'Stopping.'}")
        if app.failure is not None:
            return EXIT_ENGINE_FAILED
    log.info("stopped")
    return EXIT_OK


def _allow_many_connections() -> None:
    """Take as many file descriptors as we may: the usual limit of 1024 is less than an audience.

    Raises ConfigurationError where that is too little for anything.
    """
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        with contextlib.suppress(OSError, ValueError):  # macOS has a lower one of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if 0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[0] < MIN_DESCRIPTORS:
            raise ConfigurationError(
                f"At most {hard} files may be open at once, but a server needs "
                f"{MIN_DESCRIPTORS}, plus one for each connection. Raise the limit with ulimit "
                "-n, or with LimitNOFILE= in systemd."
            )


def _most_sockets(sessions: int) -> int:
    """How many may be open beside the files and pipes that a server needs, and the sockets of the
    decoders of so many sessions, if that leaves half of them."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    left = limit - SPARE_FILES
    return max(left - min(sessions, left // 2), 16)


def _places_of_viewers(max_sockets: int, settings: Settings) -> int:
    """How many can watch so that those who speak, or ask how the server is, have a place too."""
    places = max(max_sockets - settings.max_sessions - SPARE_SOCKETS, max_sockets // 2)
    if places < settings.max_viewers:
        log.info("fewer viewers than `max_viewers`: there are too few sockets", viewers=places)
    return places


def _watch_token(keys: KeyRing, channel: str) -> str:
    """What the audience of a channel needs where the server asks for keys."""
    expires_at = time.time() + WATCH_TOKEN_S
    return keys.make_token(f"audience of {channel}", ["watch"], expires_at, channel=channel)


def _edit_token(keys: KeyRing, channel: str) -> str:
    """What somebody needs who corrects the captions of a channel."""
    expires_at = time.time() + WATCH_TOKEN_S
    return keys.make_token("corrector", ["watch", "edit"], expires_at, channel=channel)
