"""What `surtitle check` finds out about an installation, in plain words.

Probes gather facts and judge nothing; the `judge_...` functions turn facts into findings and touch
nothing. So each judgement is tested with literals, for machines that the tests do not run on.

Whatever loads native code that may crash runs in a child process, `python -m surtitle.diagnosis
--probe`, so that a crash is a finding and not the end of the check.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.diagnosis.certificate import examine_certificate
from surtitle.diagnosis.child import judge_probe, probe_command, run_probe
from surtitle.diagnosis.engines import examine_engines
from surtitle.diagnosis.finding import CheckedSettings, Finding, State
from surtitle.diagnosis.fit import (
    judge_cpu_speakers,
    judge_download,
    judge_gpu_fit,
    judge_memory,
)
from surtitle.diagnosis.gpu import judge_compute_type, judge_gpu, probe_gpu
from surtitle.diagnosis.keyfiles import examine_key_files
from surtitle.diagnosis.libraries import judge_libraries, judge_python, probe_libraries
from surtitle.diagnosis.machine import judge_cpu, probe_cpu, probe_free_disk
from surtitle.diagnosis.needs import Needs, needs_of
from surtitle.diagnosis.onward import examine_sinks
from surtitle.diagnosis.port import judge_port, probe_port
from surtitle.diagnosis.probe import PROBE_STEPS
from surtitle.diagnosis.stores import examine_stores
from surtitle.recognition.bundled_models import is_bundled
from surtitle.recognition.model_files import ModelError, ModelNotDownloaded, Report
from surtitle.recognition.models import locate

if TYPE_CHECKING:
    from rich.console import Console


def diagnose(
    settings: CheckedSettings,
    *,
    download: bool = False,
    report: Report | None = None,
    probe_timeout_s: float = 180.0,
) -> list[Finding]:
    """Look at everything; the findings in the order in which they are best read.

    Args:
        settings: what Surtitle would be started with.
        download: fetch a model that is not on this machine, as a start would.
        report: told about the progress of that, and of checking the model's hash.
        probe_timeout_s: how long loading the model and one decode may take.
    """
    return list(
        examine(settings, download=download, report=report, probe_timeout_s=probe_timeout_s)
    )


def examine(
    settings: CheckedSettings,
    *,
    download: bool = False,
    report: Report | None = None,
    probe_timeout_s: float = 180.0,
) -> Iterator[Finding]:
    """Like `diagnose`, but each finding as soon as it is known; the last ones take seconds."""
    yield judge_python(sys.version_info[:3])
    yield from judge_libraries(probe_libraries())
    cpu = probe_cpu()
    yield from judge_cpu(cpu, os.environ)
    yield judge_port(settings.host, settings.port, probe_port(settings.host, settings.port))
    yield from examine_key_files(settings)
    yield from examine_certificate(settings)
    yield from examine_stores(settings)
    yield from examine_engines(settings)
    yield from examine_sinks(settings)
    model = _find_model(settings.model, download, report)
    yield from model.findings
    partial = None
    if settings.partial_model is not None:
        partial = _find_model(settings.partial_model, download, report, title="Partial model")
        yield from partial.findings
    yield from judge_memory(model.needs, partial.needs if partial else None, cpu.memory_bytes)
    command = probe_command(settings.model if model.loadable else None, settings)
    outcome = run_probe(command, probe_timeout_s)
    gpu = probe_gpu(outcome)
    before = [*judge_gpu(gpu, settings.device), *judge_compute_type(outcome, settings)]
    yield from before
    if settings.device != "cpu" and gpu.visible:
        yield from judge_gpu_fit(model.needs, gpu, settings.compute_type)
    elif settings.device != "cuda":
        yield from judge_cpu_speakers(model.needs, cpu)
    for finding in judge_probe(outcome, PROBE_STEPS if model.loadable else PROBE_STEPS[:2]):
        # A load or decode that failed for a reason already given is not one more problem.
        if finding.state == "ok" or not exit_status(before):
            yield finding


def exit_status(findings: Iterable[Finding]) -> int:
    """Exit status of a check: 1 if any finding is a problem, else 0. Warnings are no problem."""
    return int(any(finding.state == "problem" for finding in findings))


_MARKS: dict[State, tuple[str, str, str]] = {  # mark, mark where only ASCII can be shown, style
    "ok": ("✓", "ok", "green"),
    "warning": ("!", "!", "yellow"),
    "problem": ("✗", "X", "bold red"),
}
_TITLE_WIDTH = 18


def render(findings: Iterable[Finding], console: "Console") -> list[Finding]:
    """Print findings one below the other as they come, and a line that sums them up.

    The findings are handed back, so that `render(examine(settings), console)` shows each as soon as
    it is known and still tells what came out.
    """
    from rich.table import Table
    from rich.text import Text

    seen: list[Finding] = []
    for finding in findings:
        seen.append(finding)
        mark, ascii_mark, style = _MARKS[finding.state]
        row = Table.grid(padding=(0, 1))
        row.add_column(width=2)
        row.add_column(width=_TITLE_WIDTH)
        row.add_column(ratio=1, overflow="fold")
        shown = ascii_mark if console.options.ascii_only else mark
        row.add_row(Text(shown, style), Text(finding.title, "bold"), Text(finding.detail))
        if finding.advice is not None:
            row.add_row("", "", Text(finding.advice, "italic"))
        console.print(row)
    console.print(_summary(seen))
    return seen


def _summary(findings: Sequence[Finding]) -> str:
    counts = {
        state: sum(finding.state == state for finding in findings)
        for state in ("problem", "warning")
    }
    parts = [f"{count} {state}{'s' * (count != 1)}" for state, count in counts.items() if count]
    return f"{' and '.join(parts) or 'No problems'} found."


@dataclass(frozen=True)
class _Found:
    """What there is of a model."""

    findings: Sequence[Finding]
    needs: Needs | None
    loadable: bool


def _find_model(name: str, download: bool, report: Report | None, title: str = "Model") -> _Found:
    try:
        model = locate(name, report=report, offline=not download)
    except ModelNotDownloaded as error:
        needs = needs_of(name)
        folder = _hub_cache()
        room = judge_download(needs, probe_free_disk(folder), folder)
        return _Found([Finding(title, "warning", str(error)), *room], needs, loadable=False)
    except ModelError as error:
        return _Found([Finding(title, "problem", str(error))], None, loadable=False)
    where = "bundled" if is_bundled(name) else str(model.path)
    trust = "hash verified" if model.verified else "not verified, because its hash is unknown"
    detail = f"{name}, {model.size_bytes / 1e6:.0f} MB, {where}, {trust}"
    needs = needs_of(name, model.size_bytes)
    return _Found([Finding(title, "ok", detail)], needs, loadable=True)


def _hub_cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)
