"""What holds for the mix to mono in Python and for that in JavaScript, as a table."""

from tests.conformance import cases

DOWNMIX_CASES = cases("downmix")
"""Each with a `name`, the number of `channels`, the `sample_rate` in Hz, the `frames` (a sample of
each channel), the `pushes` (how many frames come at once), and what is `expected` of all of them
and of the end, to 1e-6."""
