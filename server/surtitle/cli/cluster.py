"""Engine servers on a Ray cluster: what `surtitle ray deploy` does."""

import asyncio
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import click

from surtitle.app import EXIT_OK, WHISPER
from surtitle.cluster.plan import Plan
from surtitle.config import Settings
from surtitle.errors import ConfigurationError, EngineError
from surtitle.extras import install_command
from surtitle.runtime.addresses import is_loopback
from surtitle.runtime.mainloop import run_on_loop, stop_signals

LOCAL = "local"
"""The address of a cluster that is started for the purpose."""
KNOCK_S = 5.0
"""How long a cluster may take to accept a connection."""
TRAVELLING = (
    "model",
    "partial_model",
    "device",
    "compute_type",
    "replicas",
    "threads",
    "batch",
    "worker_nice",
    "overload_wait_ms",
    "engine_secret_file",
    "lease_s",
    "startup_s",
    "drain_s",
    "log_level",
    "log_format",
)
"""The settings that engines on other machines get from here; they look for the rest themselves."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where engines are deployed, and found."""

    address: str
    """Of the cluster: what `ray.init` takes."""
    host: str
    port: int
    """Of Ray Serve's ingress, unless it is running."""


def deploy(settings: Settings, plan: Plan, where: Where, decoder: str = WHISPER) -> int:
    """Deploy, and wait until engines are ready; with a cluster of our own, until a signal. Returns the
    exit status. Raises SurtitleError.
    """
    _check_reach(where.host, settings)
    if where.address == LOCAL:
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray then keeps to loopback
    try:
        import ray
        from ray import serve
        from ray.serve.context import _get_global_client
    except ImportError as error:
        raise ConfigurationError(f"Ray is not installed. Run: {install_command('ray')}") from error
    from surtitle.cluster.deployment import application

    try:
        _knock(where.address)
        ray.init(address=where.address, include_dashboard=False, log_to_driver=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(_not_reached(where.address, error)) from error
    try:
        serve.start(http_options={"host": where.host, "port": where.port})
        client = _get_global_client()
        assert client is not None
        ingress = client.http_config  # it may have been there, with other options
        _check_reach(ingress.host, settings)
        try:
            serve.run(
                application(plan, travelling(settings, plan), decoder),
                name=plan.name,
                route_prefix=plan.prefix,
            )
        except RuntimeError as error:
            raise EngineError(f"The engines cannot start. {error}") from error
        url = f"lb+ws://{ingress.host}:{ingress.port}{plan.prefix.rstrip('/')}"
        click.echo(f"Engines are ready: surtitle serve --engine {url}")
        if where.address == LOCAL:
            return run_on_loop(_until_stopped())
    finally:
        ray.shutdown()
    return EXIT_OK


def travelling(settings: Settings, plan: Plan) -> dict[str, str]:
    """The settings that were made, for engines: by name, as text. Without a GPU, an engine uses as many
    cores as Ray keeps for it.
    """
    given = {
        name: getattr(settings, name) for name in TRAVELLING if name in settings.model_fields_set
    }
    if plan.num_gpus == 0:
        given = {"device": "cpu", "replicas": max(1, int(plan.num_cpus)), "threads": 1} | given
    return {name: _text(value) for name, value in given.items() if value is not None}


def _text(value: object) -> str:
    return str(value.resolve()) if isinstance(value, Path) else str(value)


def _check_reach(host: str | None, settings: Settings) -> None:
    if host is not None and not is_loopback(host) and not settings.engine_secret():
        raise ConfigurationError(
            f"Ray Serve's ingress at {host} can be reached from other machines, and gateways need no "
            "secret: anyone there could use the engines. Name a file with a secret "
            "(--engine-secret-file)."
        )


def _knock(address: str) -> None:
    """Ray would try for minutes. Raises OSError where nobody is there."""
    host, _, port = address.rpartition(":")
    if port.isdecimal() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()


def _not_reached(address: str, error: Exception) -> str:
    if address == "auto":
        why = "There is no Ray cluster on this machine."
    else:
        said = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
        why = f"There is no Ray cluster at {address}: {said}."
    return (
        f"{why} Start one with `ray start --head`, name its address with --address HOST:PORT, or use "
        "--local."
    )


async def _until_stopped() -> int:
    stopped = asyncio.Event()
    with stop_signals(stopped.set):
        await stopped.wait()
    return EXIT_OK
