"""Run the probe in a child process, and judge how far it got and how it ended."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surtitle.diagnosis.finding import CheckedSettings, Finding
from surtitle.diagnosis.probe import ProbeStep

_STEP_WORDS: dict[ProbeStep, str] = {
    "import": "importing ctranslate2 and faster-whisper",
    "libraries": "loading the CUDA libraries",
    "load": "the model load",
    "decode": "decoding one second",
}
_STEP_TITLES: dict[ProbeStep, str] = {
    "import": "Speech library",
    "libraries": "CUDA libraries",
    "load": "Model load",
    "decode": "Decoding",
}
_OUTPUT_CHARACTERS = 2000  # of the child's error output: enough for a traceback


@dataclass(frozen=True)
class StepResult:
    """One step that the child got through, or failed at without crashing."""

    seconds: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class ProbeOutcome:
    """How far the child got, and how it ended."""

    steps: Mapping[str, StepResult]  # by step; what is missing was not reached, or not left
    exit_status: int  # as `subprocess` gives it: negative for a signal
    timeout_s: float | None = None  # the limit that ended it; None: it ended by itself
    output: str = ""  # the end of its error output

    def fact(self, step: ProbeStep, name: str) -> Any:
        """What the child found out in `step`; None if it did not."""
        result = self.steps.get(step)
        return None if result is None else result.facts.get(name)


def probe_command(model: str | None, settings: CheckedSettings) -> list[str]:
    """The command that starts the child. Without a model it stops before loading one."""
    # -P: what lies in the current folder is not imported in place of a library.
    command = [sys.executable, "-P", "-m", "surtitle.diagnosis", "--probe"]
    return command if model is None else [*command, model, settings.device, settings.compute_type]


def run_probe(command: Sequence[str], timeout_s: float) -> ProbeOutcome:
    """Run the child to its end, `timeout_s` seconds at most, and read what it reported."""
    source = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    try:
        child = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            env={**os.environ, "PYTHONPATH": search, "PYTHONIOENCODING": "utf-8"},
        )
    except subprocess.TimeoutExpired as expired:
        steps = parse_probe_output(_decoded(expired.stdout))
        return ProbeOutcome(steps, 0, timeout_s, _decoded(expired.stderr)[-_OUTPUT_CHARACTERS:])
    output = _decoded(child.stderr)[-_OUTPUT_CHARACTERS:]
    return ProbeOutcome(parse_probe_output(_decoded(child.stdout)), child.returncode, output=output)


def _decoded(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace")


def parse_probe_output(text: str) -> dict[str, StepResult]:
    """Read the lines of the child, one JSON object a step; what libraries print is passed over."""
    steps = {}
    for line in text.splitlines():
        try:
            fields = json.loads(line)
            step = str(fields.pop("step"))
            steps[step] = StepResult(**fields)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return steps


def judge_probe(outcome: ProbeOutcome, expected: Sequence[ProbeStep]) -> Iterator[Finding]:
    """Judge how far the child got of the `expected` steps: up to the first that failed."""
    for step in expected:
        result = outcome.steps.get(step)
        if result is None or result.error is not None:
            yield _failed_step(step, result, outcome)
            return
        if step == "load":
            device, kind = outcome.fact("load", "device"), outcome.fact("load", "compute_type")
            detail = f"on {device} as {kind} in {result.seconds:.1f} s"
            yield Finding(_STEP_TITLES[step], "ok", detail)
        elif step == "decode":
            detail = f"one second of audio in {result.seconds:.2f} s"
            yield Finding(_STEP_TITLES[step], "ok", detail)


def _failed_step(step: ProbeStep, result: StepResult | None, outcome: ProbeOutcome) -> Finding:
    words = _STEP_WORDS[step]
    if result is not None:
        error = result.error or ""
        detail = f"{words} failed: {error}"
    elif outcome.timeout_s is not None:
        error = ""
        detail = f"{words} did not finish within {outcome.timeout_s:g} s"
    else:
        lines = [line.strip() for line in outcome.output.splitlines()]
        lines = [line for line in lines if line and "[warning]" not in line]
        error = "\n".join(lines)
        detail = ": ".join([f"{words} {describe_exit(outcome.exit_status)}", *lines[-1:]])
    return Finding(_STEP_TITLES[step], "problem", detail, advise(error, outcome))


_WINDOWS_CRASHES = {  # NTSTATUS values, as `GetExitCodeProcess` gives them
    0xC0000005: "an access violation",
    0xC000001D: "an illegal instruction",
    0xC0000135: "a DLL that was not found",
    0xC0000409: "a stack buffer overrun",
}


def describe_exit(status: int) -> str:
    """How a process ended that should not have: `crashed with signal SEGV`, and the like."""
    if status < 0:
        try:
            name = signal.Signals(-status).name.removeprefix("SIG")
        except ValueError:  # a real-time signal has a number only
            name = str(-status)
        return f"crashed with signal {name}"
    if status in _WINDOWS_CRASHES:
        return f"crashed with {_WINDOWS_CRASHES[status]} (0x{status:08X})"
    return f"ended early with exit status {status}"


_INSTALL_CUBLAS = (
    "Run `pip install nvidia-cublas-cu12`, then `surtitle check` again, which explains how to "
    "make the library available. Or use --device cpu."
)
_INSTALL_CUDNN = (
    "Run `pip install --upgrade ctranslate2`, which no longer needs cuDNN; or `pip install "
    "nvidia-cudnn-cu12` and add its lib folder to LD_LIBRARY_PATH; or use --device cpu."
)
# Words in an error, and what to do about it. The first that fits counts.
_ADVICE: tuple[tuple[str, str], ...] = (
    (r"cublas.*(not found|cannot be loaded)|cannot open.*cublas", _INSTALL_CUBLAS),
    (r"cudnn", _INSTALL_CUDNN),
    (
        r"out of memory|bad_alloc|cannot allocate",
        "Use a smaller model or --compute-type int8, or close other programs; `nvidia-smi` shows "
        "which ones use the GPU's memory.",
    ),
    (
        r"driver version is insufficient",
        "Update the NVIDIA driver to one for CUDA 12 (525 or newer), or use --device cpu.",
    ),
    (
        r"no kernel image|not supported on this (gpu|device)|arch_mismatch",
        "CTranslate2 is not built for this GPU. Use --device cpu.",
    ),
    (
        r"no cuda-capable device|cuda driver|cuda support|cuda failed with error",
        "Make sure that `nvidia-smi` works here (in a container: start it with --gpus all), or "
        "use --device cpu.",
    ),
    (
        r"compute type",
        "Use --compute-type default, which works on every device.",
    ),
    (
        r"invalid input features shape|expected an input with shape",
        "The model's folder lacks preprocessor_config.json. Copy it from where the model came "
        "from.",
    ),
    (
        r"executable stack",
        "Run: pip install --upgrade ctranslate2 (newer kernels refuse this old build).",
    ),
    (
        r"no module named|dll load failed|dll not found",
        "Reinstall Surtitle in a fresh virtual environment; on Windows, also install the "
        "Microsoft Visual C++ Redistributable.",
    ),
    (
        r"vocabulary|model\.bin|unsupported model|json\.exception",
        "The model's files are damaged or not a Whisper model. Download them again, or use "
        "--model base.",
    ),
)


def advise(error: str, outcome: ProbeOutcome) -> str:
    """What to do about an error of the child, from its words and from how the child ended."""
    for pattern, advice in _ADVICE:
        if re.search(pattern, error, re.IGNORECASE):
            return advice
    if outcome.timeout_s is not None:
        return "Use a smaller model, or check what else keeps this machine busy."
    if outcome.exit_status == -9:
        return "The system killed it, most likely for lack of memory. Use a smaller model."
    if outcome.exit_status in (-4, 0xC000001D):
        return "This processor lacks instructions that CTranslate2 needs. Use another machine."
    return (
        "Run `pip install --upgrade ctranslate2 faster-whisper`. Then try --device cpu and "
        "--model tiny.en: if one of them works, the device or the model is at fault."
    )
