"""The real decoder, with a GPU that fails: a prompt "trap:F" once spoils it, and creates the file F."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from surtitle.jobs import Job, Result
from surtitle.recognition import whisper
from tests.gpu.driver import Gpu


class Trapping(whisper.WhisperDecoder):
    """See the module."""

    def decode(self, jobs: Sequence[Job]) -> Iterator[Result | None]:
        """Decode without the prompt, on a GPU that may have failed by then."""
        for job in jobs:
            word, _, flag = job.decode_options.prompt.partition(":")
            if word == "trap" and not Path(flag).exists():
                Path(flag).touch()
                Gpu().trap()
        return super().decode(
            [replace(job, decode_options=replace(job.decode_options, prompt="")) for job in jobs]
        )


def load(options: dict[str, Any]) -> Trapping:
    """What the worker calls."""
    return Trapping(**options)
