"""The worker's promise: exactly one result for each job, whatever the decoder does."""

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing import Pipe

import numpy as np
import pytest

from surtitle.errors import EngineError
from surtitle.jobs import DecodeOptions, Job, ModelInfo, Result
from surtitle.recognition.worker import Decoder, WorkerOptions, _explain, device_failed, serve
from surtitle.runtime.telemetry import LogOptions


def make_job(name: str) -> Job:
    return Job(name, "s", 1, "final", np.zeros(160, np.int16), DecodeOptions())


class Scripted:
    """Decodes a batch up to the job whose name is `poison`, where it raises."""

    info = ModelInfo("scripted", "cpu", "none", ("en",), 0.0)

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


def answer(decoder: Decoder, batch: Sequence[Job], send: Callable[[Result], None]) -> None:
    """Decode one batch and wait for its end."""
    receiving, sending = Pipe(duplex=False)
    with receiving:
        with sending:
            sending.send(batch)
        serve(decoder, receiving, send)


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


# -- several batches under way ------------------------------------------------------------------


class Patient:
    """Decodes a job named "b<a" only once "a" is done, "a!" never, "a2" twice; others at once."""

    info = ModelInfo("patient", "cpu", "none", ("en",), 0.0, parallel=2, max_batch=4)

    def __init__(self) -> None:
        self.done: list[str] = []
        self.begun: list[list[str]] = []

    def warm_up(self) -> None:
        """Nothing to warm."""

    def decode(self, jobs: Sequence[Job]) -> Iterator[Result | None]:
        self.begun.append([job.id for job in jobs])
        for job in jobs:
            name, _, after = job.id.partition("<")
            while after and after not in self.done:
                yield None
            if name.endswith("!"):
                raise ValueError
            self.done.append(name)
            for _ in range(2 if name.endswith("2") else 1):
                yield Result(job.id, text=name)


def served(decoder: Patient, *batches: Iterable[str]) -> list[tuple[str, str | None]]:
    """What is sent for these batches, which lie in the pipe when the worker begins."""
    receiver, sender = Pipe(duplex=False)
    for names in batches:
        sender.send([make_job(name) for name in names])
    sender.close()
    results: list[Result] = []
    serve(decoder, receiver, results.append)
    receiver.close()
    return [(result.job_id, result.error_code) for result in results]


def test_a_batch_does_not_wait_for_the_one_before_it() -> None:
    decoder = Patient()
    assert served(decoder, ["a<b", "c"], ["b"]) == [("b", None), ("a<b", None), ("c", None)]
    assert decoder.begun == [["a<b", "c"], ["b"]]


def test_everything_is_answered_before_the_worker_ends() -> None:
    """Also what is still under way when the parent has closed its end."""
    batches = [["a<d"], ["b<a"], ["c<b"], ["d"]]
    assert [name for name, _ in served(Patient(), *batches)] == ["d", "a<d", "b<a", "c<b"]
    assert served(Patient()) == []


def test_a_batch_that_fails_leaves_the_others_under_way_alone() -> None:
    decoder = Patient()
    assert served(decoder, ["a<b"], ["c!"], ["b"]) == [
        ("c!", "decode_error"),
        ("b", None),
        ("a<b", None),
    ]
    assert decoder.begun == [["a<b"], ["c!"], ["b"]]


def test_the_rest_of_a_spoiled_batch_is_decoded_one_by_one_beside_the_others() -> None:
    decoder = Patient()
    results = served(decoder, ["a", "b!", "c<e", "d"], ["e"])
    assert sorted(results) == [
        ("a", None),
        ("b!", "decode_error"),
        ("c<e", None),
        ("d", None),
        ("e", None),
    ]
    assert [begun for begun in decoder.begun if len(begun) == 1 and begun != ["e"]] == [
        ["b!"],
        ["c<e"],
        ["d"],
    ]


@pytest.mark.parametrize("batch", [["a2"], ["a2", "b"], ["b", "a2"]])
def test_a_result_that_comes_twice_is_sent_once(batch: list[str]) -> None:
    assert sorted(served(Patient(), batch)) == sorted((name, None) for name in batch)


def test_a_job_that_the_decoder_leaves_out_is_answered_all_the_same() -> None:
    class Forgetful(Patient):
        def decode(self, jobs: Sequence[Job]) -> Iterator[Result | None]:
            yield None
            yield from super().decode([job for job in jobs if job.id != "b"])

    assert sorted(served(Forgetful(), ["a", "b", "c"])) == [
        ("a", None),
        ("b", "decode_error"),
        ("c", None),
    ]


def test_a_decoder_that_fails_before_it_begins_is_answered_too() -> None:
    class Abrupt(Patient):
        def decode(self, jobs: Sequence[Job]) -> Iterator[Result | None]:
            if any(job.id == "b" for job in jobs):
                raise ValueError
            return super().decode(jobs)

    assert sorted(served(Abrupt(), ["a", "b"])) == [("a", None), ("b", "decode_error")]


def test_a_parent_that_has_gone_ends_it_in_the_middle_of_a_batch() -> None:
    def send(result: Result) -> None:
        raise BrokenPipeError

    receiver, sender = Pipe(duplex=False)
    sender.send([make_job("a"), make_job("b")])
    with pytest.raises(BrokenPipeError):
        serve(Patient(), receiver, send)
    sender.close()
    receiver.close()


def test_one_batch_is_waited_for_to_its_end() -> None:
    class Slow(Patient):
        def decode(self, jobs: Sequence[Job]) -> Iterator[Result | None]:
            for job in jobs:
                yield from (None, None, Result(job.id))

    results: list[Result] = []
    answer(Slow(), [make_job("a"), make_job("b")], results.append)
    assert [result.job_id for result in results] == ["a", "b"]


def test_why_it_cannot_start_is_a_sentence() -> None:
    assert _explain(EngineError("No such device.")) == "No such device."
    assert _explain(OSError("libcudnn.so")).startswith("OSError: libcudnn.so. `surtitle check`")
    full = _explain(RuntimeError("CUDA failed with error out of memory"))
    assert full.startswith("There is not enough memory for the model (CUDA failed")


@pytest.mark.parametrize(
    ("message", "failed"),
    [
        ("CUDA failed with error unspecified launch failure", True),
        ("cuBLAS failed with status CUBLAS_STATUS_EXECUTION_FAILED", True),
        ("parallel_for failed: cudaErrorInvalidDevice: invalid device ordinal", True),
        ("CUDA failed with error out of memory", False),
        ("max_length must be greater than 0", False),
    ],
)
def test_what_says_that_the_device_has_failed(message: str, failed: bool) -> None:
    assert device_failed(RuntimeError(message)) == failed


def test_what_it_needs_to_know_fits_through_a_pipe() -> None:
    options = WorkerOptions("module:function", {"name": "x"}, LogOptions(), give_up_s=60)
    assert pickle.loads(pickle.dumps(options)) == options
