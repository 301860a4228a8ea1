"""`surtitle ray deploy` with another decoder: python -m lab.deploy_with MODULE:FUNCTION [OPTIONS]."""

import sys
from functools import partial

from surtitle.cli import cluster, main

if __name__ == "__main__":
    cluster.deploy = partial(cluster.deploy, decoder=sys.argv.pop(1))
    sys.argv[1:1] = ["ray", "deploy"]
    main.main()
