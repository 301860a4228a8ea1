"""The worker's promise: exactly one result for each job, whatever the decoder does."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from surtitle.errors import EngineError
from surtitle.jobs import Job, ModelInfo, Recipe, Result
from surtitle.recognition.worker import WorkerOptions, _explain, answer
from surtitle.telemetry import LogOptions


def make_job(name: str) -> Job:
    return Job(name, "s", 1, "final", np.zeros(160, np.int16), Recipe())


class Scripted:
    """Decodes a batch up to the job whose name is `poison`, where it raises."""

    info = ModelInfo("scripted", "cpu", "none", ("en",), 0.0, batch_size=4)

    def __init__(self, poison: str = "", error: Exception | None = None) -> None:
        self.poison = poison
        self.error = error or ValueError("a secret of the inside")
        self.batches: list[list[str]] = []

    def warm_up(self) -> None:
        """Nothing to warm."""

    def decode(self, jobs: Sequence[Job]) -> Iterator[Result]:
        self.batches.append([job.id for job in jobs])
        for job in jobs:
            if job.id == self.poison:
                raise self.error
            yield Result(job.id, text=job.id)


def answers(decoder: Scripted, *names: str) -> list[Result]:
    results: list[Result] = []
    answer(decoder, [make_job(name) for name in names], results.append)
    return results


def test_a_batch_is_answered_as_it_is_decoded() -> None:
    decoder = Scripted()
    assert [result.text for result in answers(decoder, "a", "b")] == ["a", "b"]
    assert decoder.batches == [["a", "b"]]


def test_an_exception_is_the_answer_of_its_job() -> None:
    (result,) = answers(Scripted("a"), "a")
    assert (result.job_id, result.error_code) == ("a", "decode_error")
    assert "secret" not in result.error  # it goes to a client


def test_one_that_spoils_a_batch_is_found_and_the_others_are_decoded() -> None:
    decoder = Scripted("b")
    results = answers(decoder, "a", "b", "c")
    assert [(r.job_id, r.error_code) for r in results] == [
        ("a", None),
        ("b", "decode_error"),
        ("c", None),
    ]
    assert decoder.batches == [["a", "b", "c"], ["b"], ["c"]]  # "a" is not decoded twice


def test_a_parent_that_has_gone_is_no_decode_error() -> None:
    def send(result: Result) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        answer(Scripted(), [make_job("a"), make_job("b")], send)


def test_why_it_cannot_start_is_a_sentence() -> None:
    assert _explain(EngineError("No such device.")) == "No such device."
    assert _explain(OSError("libcudnn.so")).startswith("OSError: libcudnn.so. `surtitle check`")


def test_what_it_needs_to_know_fits_through_a_pipe() -> None:
    import pickle

    options = WorkerOptions("module:function", {"name": "x"}, LogOptions())
    assert pickle.loads(pickle.dumps(options)) == options
