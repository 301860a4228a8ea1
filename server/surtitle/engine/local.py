"""The engine of this machine: one worker, or one on each of several devices."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from surtitle.engine.engine import Engine, OnLoad, OnState
from surtitle.engine.policy import WatchdogOptions
from surtitle.engine.pool import EnginePool
from surtitle.engine.supervisor import Supervisor
from surtitle.recognition.worker import WorkerOptions
from surtitle.runtime.metrics import Metrics


def local_engine(
    devices: Sequence[str],
    worker: WorkerOptions,
    watchdog: WatchdogOptions,
    on_state: OnState,
    on_load: OnLoad,
    *,
    overload_wait_s: float,
    metrics: Metrics,
) -> Engine:
    """A worker with these options for each device; the other arguments as for Supervisor."""

    def supervise(number: int, device: str, on_state: OnState, on_load: OnLoad) -> Supervisor:
        of_device = {"device": device, "beside": sum(other == device for other in devices)}
        options = worker.decoder_options | of_device
        return Supervisor(
            replace(worker, decoder_options=options, name=f"worker-{number}"),
            watchdog,
            on_state,
            on_load,
            overload_wait_s=overload_wait_s,
            metrics=metrics,
        )

    workers = [partial(supervise, number, device) for number, device in enumerate(devices, 1)]
    if len(workers) == 1:
        return workers[0](on_state, on_load)
    return EnginePool(workers, on_state, on_load)
