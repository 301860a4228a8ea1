"""Partials by a small model, finals by the large one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from surtitle.jobs import DecodeOptions, Job, JobKind, ModelInfo, Result, Windows
from surtitle.recognition.two_models import TwoModels
from surtitle.recognition.whisper import load
from surtitle.recognition.worker import Decoder
from tests.recognition.test_whisper import sample

LARGE = ModelInfo("base", "cpu", "int8", ("en", "de"), 2.0, parallel=2, windows=Windows(20.0, 7.5))
ENGLISH_ONLY = ModelInfo("tiny.en", "cpu", "int8", ("en",), 1.0, windows=Windows(12.5, 10.0))
SMALL = replace(LARGE, name="tiny")


class Named:
    """Answers with its own name."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self.warm = False

    def warm_up(self) -> None:
        self.warm = True

    def decode(self, jobs: Sequence[Job]) -> Iterator[Result | None]:
        yield None
        for job in jobs:
            yield Result(job.id, text=self.info.name)


def job(name: str, kind: JobKind = "partial", **options: str | None) -> Job:
    chosen = DecodeOptions(**({"language": "en"} | options))  # type: ignore[arg-type]
    return Job(name, "s", 1, kind, np.zeros(16_000, np.int16), chosen)


def decoded(both: Decoder, *jobs: Job) -> dict[str, str]:
    return {r.job_id: r.text for r in both.decode(jobs) if r is not None}


@pytest.mark.parametrize(
    ("partials", "asked", "by"),
    [
        (ENGLISH_ONLY, job("a"), "tiny.en"),
        (ENGLISH_ONLY, job("a", "final"), "base"),
        (ENGLISH_ONLY, job("a", language="de"), "base"),
        (ENGLISH_ONLY, job("a", language=None), "base"),
        (ENGLISH_ONLY, job("a", task="translate"), "base"),
        (SMALL, job("a", language="de"), "tiny"),
        (SMALL, job("a", language=None), "base"),
        (SMALL, job("a", language="de", task="translate"), "tiny"),
        (SMALL, job("a", "final", language="de"), "base"),
    ],
)
def test_the_small_one_decodes_partials_that_it_can(
    partials: ModelInfo, asked: Job, by: str
) -> None:
    assert decoded(TwoModels(Named(LARGE), Named(partials)), asked) == {"a": by}


def test_jobs_of_one_batch_are_shared_out_and_each_is_answered_once() -> None:
    both = TwoModels(Named(LARGE), Named(ENGLISH_ONLY))
    results = list(both.decode([job("a", language="de"), job("b"), job("c", language="de")]))
    answers = [(r.job_id, r.text) for r in results if r is not None]
    assert sorted(answers) == [("a", "base"), ("b", "tiny.en"), ("c", "base")]


def test_it_is_told_as_the_large_one_which_can_do_everything() -> None:
    large, small = Named(LARGE), Named(ENGLISH_ONLY)
    both = TwoModels(large, small)
    assert both.info == replace(LARGE, load_s=3.0, windows=Windows(20.0, 10.0))
    both.warm_up()
    assert large.warm and small.warm


def test_the_real_models_write_what_each_writes_alone() -> None:
    # With the same threads: where two texts are nearly as likely, the order of a sum decides.
    options = {"device": "cpu", "compute_type": "default", "replicas": 1, "threads": 1}
    both = load({"name": "base", "partial_model": "tiny.en", **options})
    for kind, name in (("partial", "tiny.en"), ("final", "base")):
        asked = Job("a", "s", 1, kind, sample()[: 16_000 * 4], DecodeOptions(language="en"), 20.0)  # type: ignore[arg-type]
        alone = load({"name": name, "partial_model": None, **options})
        assert decoded(both, asked) == decoded(alone, asked)


def test_the_same_model_is_loaded_once() -> None:
    options = {"device": "cpu", "compute_type": "default", "replicas": 1, "threads": 1}
    for partial_model in (None, "tiny.en"):
        one = load({"name": "tiny.en", "partial_model": partial_model, **options})
        assert not isinstance(one, TwoModels)
