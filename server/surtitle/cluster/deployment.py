"""Engine servers as an application of Ray Serve: how many, where, and how they are replaced."""

from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, RequestRouterConfig
from ray.serve.deployment import Application

from surtitle.app import WHISPER
from surtitle.cluster.plan import Plan
from surtitle.cluster.replica import EngineReplica
from surtitle.cluster.routing import InTurn
from surtitle.cluster.scaling import OwedJobs

MAX_LANES = 10_000
"""Of one engine. To Ray Serve a lane is a request, of which it would have a replica take five."""
HEALTH_PERIOD_S, HEALTH_TIMEOUT_S = 2.0, 5.0
"""How often Ray Serve looks after a replica, and how long that may take to answer; three times in a row
without an answer, it is replaced.
"""
LOOK_BACK_S = 15.0
"""Over so much time the owed jobs are averaged; replicas report every ten seconds."""
SHUTDOWN_SLACK_S = 5.0
"""What a replica may take to end, beside what it may take to answer what it owes."""
SHUTDOWN_LOOK_S = 0.2
"""How often Ray Serve looks whether all lanes of a replica that leaves have ended."""


def application(plan: Plan, given: dict[str, str], decoder: str = WHISPER) -> Application:
    """The application. `given` are the settings of the engines, see EngineReplica."""
    scaling = AutoscalingConfig(
        min_replicas=plan.least,
        max_replicas=plan.most,
        upscale_delay_s=plan.scale_up_s,
        downscale_delay_s=plan.scale_down_s,
        look_back_period_s=LOOK_BACK_S,
        policy=AutoscalingPolicy(  # type: ignore[no-untyped-call]
            policy_function=OwedJobs, policy_kwargs={"target": plan.owed_jobs}
        ),
    )
    deployment = serve.deployment(
        name="engine",
        autoscaling_config=scaling,
        ray_actor_options={"num_cpus": plan.num_cpus, "num_gpus": plan.num_gpus},
        max_ongoing_requests=MAX_LANES,
        request_router_config=RequestRouterConfig(
            request_router_class=InTurn,  # type: ignore[arg-type]
        ),
        health_check_period_s=HEALTH_PERIOD_S,
        health_check_timeout_s=HEALTH_TIMEOUT_S,
        graceful_shutdown_timeout_s=plan.drain_s + SHUTDOWN_SLACK_S,
        graceful_shutdown_wait_loop_s=SHUTDOWN_LOOK_S,
    )(EngineReplica)
    return deployment.bind(given, decoder)
