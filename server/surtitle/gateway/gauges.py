"""The figures of a gateway that are looked up when somebody asks."""

import asyncio
from collections.abc import Callable

from surtitle.engine.engine import Engine, Member
from surtitle.engine.states import EngineState
from surtitle.gateway.memory_watch import MemoryWatch
from surtitle.gateway.registry import Sessions
from surtitle.runtime.metrics import Metrics
from surtitle.runtime.telemetry import LoopLag


def make_gauges(
    metrics: Metrics,
    engine: Engine,
    sessions: Sessions,
    memory: MemoryWatch,
    lag: LoopLag,
    *,
    connections: Callable[[], int],
    is_ready: Callable[[], bool],
) -> None:
    """All of them; `connections` are those that are open."""
    gauge, channels = metrics.gauge, sessions.channels
    gauge("connections", "Open connections.", connections)
    gauge("sessions", "Sessions, connected or not.", lambda: len(sessions))
    gauge(
        "sessions_waiting", "Sessions that are waiting for their client.", lambda: sessions.waiting
    )
    gauge("channels", "Channels.", lambda: len(channels))
    gauge("viewers", "Channel viewers.", lambda: channels.viewers)
    gauge(
        "engine_utilization",
        "How much of the engine's time was taken in the last seconds, from 0 to 1; all of it "
        "where jobs waited.",
        lambda: engine.utilization,
    )
    _make_gauges_of_members(metrics, engine)
    gauge("tasks", "Tasks on the event loop.", lambda: len(asyncio.all_tasks()))
    gauge("ready", "Whether captions can be made.", is_ready)
    gauge(
        "loop_lag_seconds",
        "Delay of the event loop (p99 over half a minute).",
        lambda: lag.milliseconds()["p99"] / 1000,
    )
    gauge("memory_limit_bytes", "Memory limit of the server.", lambda: memory.limit_bytes)
    gauge(
        "memory_pressure",
        "0: normal; 1: new sessions are refused; 2: the largest sessions are ended.",
        lambda: memory.pressure.value,
    )
    held = "Memory held by sessions."
    gauge("held_bytes", held, lambda: sum(hosted.held_bytes for hosted in sessions))


def _make_gauges_of_members(metrics: Metrics, engine: Engine) -> None:
    def gauges(name: str, text: str, value: Callable[[Member], float]) -> None:
        metrics.gauges(name, text, "member", lambda: {m.name: value(m) for m in engine.members})

    gauges(
        "member_ready", "Whether a worker decodes.", lambda m: float(m.state is EngineState.READY)
    )
    gauges("member_utilization", "As engine_utilization, by worker.", lambda m: m.utilization)
    gauges("member_owed_jobs", "Jobs not answered yet, by worker.", lambda m: m.owed_jobs)
