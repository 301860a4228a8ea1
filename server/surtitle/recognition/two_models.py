"""Partials by a small model, finals by the large one, in one worker.

A small model has a partial ready in a fraction of the time, and what it gets wrong, the final of the
large one corrects. What it cannot do (another language, a translation) the large one does; and all of
an utterance until its language is known, for which a small model would take another one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from surtitle.jobs import Job, ModelInfo, Result
from surtitle.recognition.worker import Decoder


class TwoModels:
    """See Decoder, which it is made of."""

    def __init__(self, finals: Decoder, partials: Decoder) -> None:
        self._finals = finals
        self._partials = partials
        self.info = _both(finals.info, partials.info)

    def warm_up(self) -> None:
        """See Decoder."""
        self._finals.warm_up()
        self._partials.warm_up()

    def decode(self, jobs: Sequence[Job]) -> Iterator[Result | None]:
        """See Decoder."""
        small = [job for job in jobs if may_decode(self._partials.info, job)]
        large = [job for job in jobs if job not in small]
        return chain.from_iterable(
            decoder.decode(part)
            for decoder, part in ((self._partials, small), (self._finals, large))
            if part
        )


def may_decode(partials: ModelInfo, job: Job) -> bool:
    """Whether a job is one for the model of partials."""
    options = job.decode_options
    if job.kind == "final" or (options.task == "translate" and not partials.multilingual):
        return False
    return options.language in partials.languages


def _both(finals: ModelInfo, partials: ModelInfo) -> ModelInfo:
    """What is told of the two: the large one does everything, so its limits hold."""
    floor_s = max(finals.windows.partial_floor_s, partials.windows.partial_floor_s)
    return replace(
        finals,
        load_s=finals.load_s + partials.load_s,
        windows=replace(finals.windows, partial_floor_s=floor_s),
    )
