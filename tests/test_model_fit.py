"""Whether a model fits a machine: machines and GPUs that the tests do not run on, as literals."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from surtitle.diagnosis.finding import Finding
from surtitle.diagnosis.fit import (
    judge_cpu_speakers,
    judge_download,
    judge_gpu_fit,
    judge_memory,
)
from surtitle.diagnosis.gpu import Gpu
from surtitle.diagnosis.machine import Cpu, probe_free_disk
from surtitle.diagnosis.needs import CHOICE, Needs, beside, cpu_speakers, gpu_speakers, needs_of
from surtitle.recognition.model_hub import REPOSITORIES

GIB = 1024**3
WIDE = frozenset({"avx2", "avx512f"})
CACHE = Path("/cache/hub")


def known(model: str, weights_bytes: int | None = None) -> Needs:
    needs = needs_of(model, weights_bytes)
    assert needs is not None
    return needs


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding


# --- Needs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", REPOSITORIES)
def test_of_every_well_known_model_the_needs_are_known(model: str) -> None:
    needs = known(model)
    assert needs.weights_mb < needs.worker_mb < needs.machine_mb
    assert needs.weights_mb < needs.gpu_mb()


def test_what_is_suggested_becomes_smaller() -> None:
    needed = [known(name).machine_mb for name in CHOICE]
    assert needed == sorted(needed, reverse=True)
    assert all(known(name).name == name for name in CHOICE)


@pytest.mark.parametrize(
    ("model", "measured"),
    [("tiny.en", True), ("base", True), ("medium", True), ("large-v3", False), ("turbo", False)],
)
def test_what_was_measured_is_told_from_what_was_computed(model: str, measured: bool) -> None:
    assert known(model).measured is measured


def test_names_of_the_same_model() -> None:
    assert known("large").name == known("Systran/faster-whisper-large-v3").name == "large-v3"
    revision = "536b0662742c02347bc0e980a01041f333bce120"
    assert known(f"Systran/faster-whisper-small@{revision}").name == "small"


def test_base_from_the_hub_is_not_base_as_bundled() -> None:
    """Its files are not held in memory."""
    hub = known("Systran/faster-whisper-base")
    assert hub.worker_mb < known("base").worker_mb
    assert not hub.measured


def test_a_folder_is_judged_by_its_size() -> None:
    needs = known("/srv/models/mine", 1_000_000_000)
    assert (needs.weights_mb, needs.worker_mb, needs.measured) == (1000, 1250, False)


def test_of_an_unknown_model_that_is_not_here_nothing_is_known() -> None:
    assert needs_of("someone/whisper-mine") is None
    assert needs_of("/srv/models/mine") is None


def test_two_models_in_one_worker() -> None:
    both = beside(known("base"), known("tiny.en"))
    assert both.worker_mb == known("base").worker_mb + 76
    assert both.measured
    assert not beside(known("large-v3"), known("tiny.en")).measured


# --- Memory -------------------------------------------------------------------------------------


def test_enough_memory() -> None:
    finding = only(judge_memory(known("base"), None, 4 * GIB))
    assert finding.state == "ok"
    assert finding.detail == (
        "4.0 GiB; base needs 0.6 GiB while it loads, and the server and the system 1.3 GiB"
    )


@pytest.mark.parametrize(
    ("model", "memory", "advice"),
    [
        ("large-v3", 4 * GIB, "at least 4.4 GiB, or use --model large-v3-turbo."),
        ("large-v3", 2.5 * GIB, "at least 4.4 GiB, or use --model small."),
        ("base", 1.6 * GIB, "at least 1.9 GiB, or use --model tiny.en."),
        ("base", 1 * GIB, "at least 1.9 GiB."),
        ("tiny.en", 1 * GIB, "at least 1.5 GiB."),
    ],
)
def test_too_little_memory_says_which_model_fits(model: str, memory: float, advice: str) -> None:
    finding = only(judge_memory(known(model), None, int(memory)))
    assert finding.state == "warning"
    assert finding.detail.startswith(f"only {memory / GIB:.1f} GiB; {model} needs")
    assert finding.advice == f"Give this machine or container {advice}"


def test_what_was_not_measured_is_said_to_be_computed() -> None:
    detail = only(judge_memory(known("large-v3"), None, 64 * GIB)).detail
    assert "not measured, but computed from the size of its weights" in detail


def test_a_second_model_needs_memory_as_well() -> None:
    memory = int(1.9 * GIB)
    assert only(judge_memory(known("base"), None, memory)).state == "ok"
    finding = only(judge_memory(known("base"), known("tiny.en"), memory))
    assert finding.state == "warning"
    assert "base with tiny.en for partials needs 0.6 GiB" in finding.detail


def test_memory_where_something_is_not_known() -> None:
    finding = only(judge_memory(None, None, 4 * GIB))
    assert (finding.state, finding.detail) == (
        "ok",
        "4.0 GiB; how much the model needs is not known",
    )
    assert list(judge_memory(known("base"), None, None)) == []


# --- Download -----------------------------------------------------------------------------------


def test_download() -> None:
    room = only(judge_download(known("small"), 10_000_000_000, CACHE))
    assert (room.state, room.detail) == (
        "ok",
        "484 MB for small, once, to /cache/hub, where 10,000 MB are free",
    )
    full = only(judge_download(known("small"), 100_000_000, CACHE))
    assert (full.state, full.detail) == (
        "warning",
        "484 MB for small, once, to /cache/hub, where only 100 MB are free",
    )
    assert full.advice is not None
    assert "HF_HUB_CACHE" in full.advice


def test_download_where_something_is_not_known() -> None:
    assert only(judge_download(known("small"), None, CACHE)).state == "ok"
    assert list(judge_download(None, 10_000_000_000, CACHE)) == []


def test_free_disk_of_a_folder_that_will_be_made(tmp_path: Path) -> None:
    free = probe_free_disk(tmp_path / "not" / "yet")
    assert free is not None
    assert free > 0


# --- Speakers on a CPU --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "cpu", "detail"),
    [
        ("tiny.en", Cpu("x86_64", 2, flags=WIDE), "about 32 at once"),
        ("base", Cpu("x86_64", 2, flags=WIDE), "about 6 at once"),
        (
            "base",
            Cpu("x86_64", 4, flags=WIDE),
            "about 12 at once, computed from what 2 cores served",
        ),
        (
            "base",
            Cpu("x86_64", 2, flags=frozenset({"avx2"})),
            "fewer than 6 at once: so many need AVX-512, which this processor lacks",
        ),
        (
            "tiny.en",
            Cpu("arm64", 2),
            "about 32 at once on an x86 processor with AVX-512; arm64 was not measured",
        ),
        (
            "base.en",
            Cpu("x86_64", 2, flags=WIDE),
            "about 6 at once (base.en was not measured; this is the figure of base)",
        ),
    ],
)
def test_a_cpu_that_keeps_up(model: str, cpu: Cpu, detail: str) -> None:
    finding = only(judge_cpu_speakers(known(model), cpu))
    assert (finding.state, finding.detail) == ("ok", detail)


@pytest.mark.parametrize("model", ["small", "distil-small.en", "large-v3", "turbo"])
def test_a_model_that_is_too_slow_for_a_cpu(model: str) -> None:
    finding = only(judge_cpu_speakers(known(model), Cpu("x86_64", 64, flags=WIDE)))
    assert finding.state == "warning"
    assert "too slow for live captions on a CPU" in finding.detail
    assert "4 s of CPU time" in finding.detail
    assert ("it was not measured" in finding.detail) == (model != "small")
    assert finding.advice == "Use a GPU, or --model base or tiny.en."


def test_a_folder_is_as_slow_as_its_size() -> None:
    processor = Cpu("x86_64", 2, flags=WIDE)
    assert only(judge_cpu_speakers(known("mine", 145_000_000), processor)).state == "ok"
    assert only(judge_cpu_speakers(known("mine", 500_000_000), processor)).state == "warning"
    assert list(judge_cpu_speakers(None, processor)) == []


def test_more_cores_than_replicas_do_not_help() -> None:
    assert cpu_speakers("base", 64) == cpu_speakers("base", 8) == (24, True)


# --- GPU ----------------------------------------------------------------------------------------


def fit(model: str, smi: str | None, compute_type: str = "default") -> dict[str, Finding]:
    gpu = Gpu(visible=1, smi=smi)
    return {finding.title: finding for finding in judge_gpu_fit(known(model), gpu, compute_type)}


@pytest.mark.parametrize(
    ("model", "gpu", "detail"),
    [
        ("base", "NVIDIA H200", "about 256 at once (measured)"),
        ("turbo", "NVIDIA L4", "about 8 at once (computed)"),
        ("large-v3", "NVIDIA A100-SXM4-80GB", "about 12 at once (computed)"),
        ("base", "NVIDIA L40S", "not known: base was not measured on NVIDIA L40S"),
        ("large-v3", "Tesla T4", "not known: large-v3 was not measured on Tesla T4"),
    ],
)
def test_speakers_on_a_gpu(model: str, gpu: str, detail: str) -> None:
    found = fit(model, f"{gpu}, 570.1, 81559")
    assert found["GPU memory"].state == "ok"
    assert found["Speakers"].detail == detail


def test_a_gpu_with_too_little_memory_says_which_model_fits() -> None:
    found = fit("large-v3", "NVIDIA GeForce GTX 1650, 570.1, 4096")["GPU memory"]
    assert found.state == "warning"
    assert found.detail.startswith("only 4.0 GiB; large-v3 needs about 6.1 GiB")
    assert found.advice == "Use a smaller --batch, or another GPU, or use --model large-v3-turbo."


def test_a_smaller_type_is_suggested_where_it_fits() -> None:
    found = fit("large-v3", "NVIDIA GeForce RTX 2060, 570.1, 6144")["GPU memory"]
    assert found.state == "warning"
    assert found.advice is not None
    assert found.advice.startswith("Use --compute-type int8_float16, a smaller --batch")


def test_the_compute_type_counts() -> None:
    needs = known("large-v3")
    small, usual, large = map(needs.gpu_mb, ("int8_float16", "float16", "float32"))
    assert small < usual == needs.gpu_mb() < large
    assert fit("large-v3", "Tesla P4, 570.1, 6144", "int8")["GPU memory"].state == "ok"


def test_where_nvidia_smi_says_nothing() -> None:
    assert fit("base", None) == {}
    assert list(fit("base", "Some GPU, 570.1, [N/A]")) == ["Speakers"]
    assert list(judge_gpu_fit(None, Gpu(1, "NVIDIA H200, 570.1, 1"), "default")) == []
    assert gpu_speakers("base", "") is None
