"""The nodes of a Ray cluster on this machine: python -m lab.ray_nodes NUMBER.

It prints the cluster's address. Each line that it reads is a wish for one more node, and each line that
it prints then says that it is there. The nodes end with its standard input.
"""

import sys

from ray.cluster_utils import Cluster


def main(number: int) -> None:
    cluster = Cluster()
    try:
        for _ in range(number):
            _add_node(cluster)
        print(cluster.address, flush=True)
        for _ in sys.stdin:
            _add_node(cluster)
            print("added", flush=True)
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


def _add_node(cluster: Cluster) -> None:
    # One core is what Ray keeps for an engine: there is one on each node. It is only counted.
    cluster.add_node(num_cpus=1, include_dashboard=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
