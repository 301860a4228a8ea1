"""Which engine Ray Serve gives to a gateway that connects."""

from ray.serve.request_router import FIFOMixin, PendingRequest, RequestRouter, RunningReplica


class InTurn(FIFOMixin, RequestRouter):
    """Each in its turn, so that a gateway that connects again and again meets all of them soon.

    By itself, Ray Serve prefers the engines of the machine that a gateway has connected to, which would
    never meet those of others.
    """

    _turn = 0

    async def choose_replicas(
        self,
        candidate_replicas: list[RunningReplica],
        pending_request: PendingRequest | None = None,
    ) -> list[list[RunningReplica]]:
        """Which are asked, one after the other, until one can take the connection."""
        engines = sorted(candidate_replicas, key=lambda engine: engine.replica_id.unique_id)
        self._turn += 1
        first = self._turn % max(1, len(engines))
        return [[engine] for engine in engines[first:] + engines[:first]]
