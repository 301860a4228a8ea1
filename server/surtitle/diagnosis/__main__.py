"""`python -m surtitle.diagnosis --probe`: the child of a check."""

import sys

from surtitle.diagnosis.probe import probe

if __name__ == "__main__":
    if sys.argv[1:2] != ["--probe"] or len(sys.argv) not in (2, 5):
        sys.exit("usage: python -m surtitle.diagnosis --probe [MODEL DEVICE COMPUTE_TYPE]")
    probe(sys.argv[2:])
