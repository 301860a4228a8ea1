"""What `surtitle check` finds out about an installation, in plain words.

Probes gather facts and judge nothing; the `judge_...` functions turn facts into findings and touch
nothing. So each judgement is tested with literals, for machines that the tests do not run on.

Whatever loads native code that may crash runs in a child process, `python -m surtitle.diagnosis
--probe`, so that a crash is a finding and not the end of the check.
"""

import ctypes
import errno
import importlib.metadata
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from surtitle.recognition.models import BUNDLED, ModelError, ModelNotDownloaded, Report, locate

if TYPE_CHECKING:
    from rich.console import Console

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    title: str
    state: State
    detail: str  # what was found
    advice: str | None = None  # what to do about it; None where there is nothing to do


class CheckedSettings(Protocol):
    """The settings that a check depends on."""

    @property
    def model(self) -> str:
        """A model as `surtitle.recognition.models.locate` takes it."""

    @property
    def device(self) -> str:
        """One of auto, cpu, cuda."""

    @property
    def compute_type(self) -> str:
        """`default`, or a type that CTranslate2 knows."""

    @property
    def host(self) -> str:
        """Address to listen on."""

    @property
    def port(self) -> int:
        """TCP port to listen on."""


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
    yield from judge_cpu(probe_cpu(), os.environ)
    yield judge_port(settings.host, settings.port, probe_port(settings.host, settings.port))
    model_finding = _find_model(settings.model, download, report)
    yield model_finding
    loadable = model_finding.state == "ok"
    command = probe_command(settings.model if loadable else None, settings)
    outcome = run_probe(command, probe_timeout_s)
    before = [
        *judge_gpu(probe_gpu(outcome), settings.device),
        *judge_compute_type(outcome, settings),
    ]
    yield from before
    for finding in judge_probe(outcome, PROBE_STEPS if loadable else PROBE_STEPS[:2]):
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


# --- Python and libraries ----------------------------------------------------------------------

MINIMUM_PYTHON = (3, 11)

LIBRARIES: dict[str, tuple[str, str] | None] = {
    # name -> the version below which something breaks, and what
    "ctranslate2": ("4.8.1", "older ones can kill the process while they compute word times"),
    "websockets": ("17.4", "older ones take memory without bound from empty fragments"),
    "huggingface_hub": ("1.3", "older ones cannot report the progress of a download"),
    "faster-whisper": ("1.2.1", "older ones were not tried"),
    "silero-vad": None,
    "torch": None,
    "numpy": None,
    "av": None,
}


def probe_libraries() -> dict[str, str | None]:
    """Versions of Surtitle and the libraries that it stands on; None for what is not installed."""
    own = installed_version("surtitle") or "(not installed, run from its sources)"
    return {"surtitle": own, **{name: installed_version(name) for name in LIBRARIES}}


def installed_version(name: str) -> str | None:
    """Version of an installed package, or None; the package is not imported."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def judge_python(version: Sequence[int]) -> Finding:
    """Judge the version of Python."""
    shown = ".".join(map(str, version))
    if tuple(version) < MINIMUM_PYTHON:
        needed = ".".join(map(str, MINIMUM_PYTHON))
        advice = f"Install Python {needed} or newer, and make a new virtual environment with it."
        return Finding("Python", "problem", f"{shown} is too old", advice)
    return Finding("Python", "ok", shown)


def judge_libraries(versions: Mapping[str, str | None]) -> Iterator[Finding]:
    """Judge versions by name, None for what is not installed: a list, then one for each fault."""
    present = [f"{name} {version}" for name, version in versions.items() if version is not None]
    yield Finding("Libraries", "ok", ", ".join(present))
    for name, version in versions.items():
        minimum = LIBRARIES.get(name)
        if version is None:
            advice = f"Run: pip install {name}"
            yield Finding(name, "problem", "is not installed", advice)
        elif minimum is not None and _release(version) < _release(minimum[0]):
            advice = f'Run: pip install --upgrade "{name}>={minimum[0]}"'
            yield Finding(name, "problem", f"{version} is too old: {minimum[1]}", advice)


def _release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, enough to compare releases: 2.13.0+cpu is (2, 13)."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:  # 17.4.0 is 17.4
        numbers.pop()
    return tuple(numbers)


# --- Processor and memory ----------------------------------------------------------------------

_X86 = ("x86_64", "amd64", "i386", "i686")
_GIB = 1024**3
# The base model takes up to 0.6 GiB while it loads; the server with torch needs as much again.
LITTLE_MEMORY_BYTES = 2 * _GIB


@dataclass(frozen=True)
class Cpu:
    """The processor as this process may use it."""

    machine: str  # as `platform.machine()` says it
    cores: int
    vendor: str | None = None  # the CPUID vendor, as AuthenticAMD; None: unknown
    flags: frozenset[str] | None = None  # instruction sets in the kernel's words; None: unknown
    memory_bytes: int | None = None  # None: unknown


def probe_cpu() -> Cpu:
    """Look at processor and memory, with the limits of a container where there are some."""
    vendor, flags = _parse_cpuinfo(_read_text("/proc/cpuinfo"))
    return Cpu(platform.machine(), _usable_cores(), vendor, flags, _usable_memory_bytes())


def _read_text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _parse_cpuinfo(text: str) -> tuple[str | None, frozenset[str] | None]:
    """Vendor and instruction sets from /proc/cpuinfo; other systems and processors have none."""
    vendor = re.search(r"^vendor_id\s*:\s*(\S+)", text, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.+)$", text, re.MULTILINE)
    return vendor[1] if vendor else None, frozenset(flags[1].split()) if flags else None


def _usable_cores() -> int:
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    quota = re.fullmatch(r"(\d+) (\d+)\s*", _read_text("/sys/fs/cgroup/cpu.max"))
    if quota is not None:
        cores = min(cores, max(1, int(quota[1]) // int(quota[2])))
    return cores


def _usable_memory_bytes() -> int | None:
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    limit = _read_text("/sys/fs/cgroup/memory.max").strip()
    return min(memory, int(limit)) if limit.isdigit() else memory


def judge_cpu(cpu: Cpu, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Judge the processor, the memory, and what the environment makes of the processor."""
    cores = f"{cpu.cores} core{'s' * (cpu.cores != 1)}"
    known = cpu.flags if cpu.machine.lower() in _X86 else None
    if known is None:
        yield Finding("Processor", "ok", f"{cpu.machine}, {cores}")
    elif "avx2" in known:
        best = "AVX-512" if "avx512f" in known else "AVX2"
        yield Finding("Processor", "ok", f"{cpu.machine}, {cores}, {best}")
    else:
        yield Finding(
            "Processor",
            "warning",
            f"{cpu.machine}, {cores}, no AVX2: recognition will be several times slower",
            "In a virtual machine, pass the host's processor through (in QEMU: -cpu host). "
            "Otherwise use a GPU, or the smallest model, tiny.en.",
        )
    if cpu.vendor == "AuthenticAMD" and environment.get("CT2_USE_MKL", "0") == "1":
        yield Finding(
            "CT2_USE_MKL",
            "warning",
            "is 1 on an AMD processor, which makes recognition slower",
            "Unset it; CTranslate2 then chooses by itself.",
        )
    if cpu.memory_bytes is not None:
        yield _judge_memory(cpu.memory_bytes)


def _judge_memory(memory_bytes: int) -> Finding:
    shown = f"{memory_bytes / _GIB:.1f} GiB"
    if memory_bytes < LITTLE_MEMORY_BYTES:
        advice = f"Give it at least {LITTLE_MEMORY_BYTES // _GIB} GiB, or use --model tiny.en."
        return Finding("Memory", "warning", f"{shown} is little", advice)
    return Finding("Memory", "ok", shown)


# --- Port --------------------------------------------------------------------------------------

PortState = Literal["free", "used", "forbidden", "foreign", "unknown host"]


def probe_port(host: str, port: int) -> PortState:
    """Try to listen on all addresses of `host`, as the server would; the worst that happened."""
    flags = socket.AI_PASSIVE
    try:
        addresses = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        return "unknown host"
    states = {_try_to_bind(family, address) for family, _, _, _, address in addresses}
    for state in ("used", "forbidden", "free"):  # one address that works is enough
        if state in states:
            return state
    return "foreign"


def _try_to_bind(family: int, address: Any) -> PortState:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # as asyncio does: a port that a dead server left is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "used"
        return "forbidden" if error.errno in (errno.EACCES, errno.EPERM) else "foreign"
    return "free"


def judge_port(host: str, port: int, state: PortState) -> Finding:
    """Judge whether the server can listen."""
    where = f"{host}:{port}"
    if state == "free":
        return Finding("Port", "ok", f"{where} is free" if port else f"{host}, any free port")
    if state == "used":
        detail = f"{where} is in use"
        advice = "Stop the program that listens there (perhaps Surtitle itself), or give --port."
    elif state == "forbidden":
        detail = f"this user may not listen on {where}"
        advice = "Give --port a number of 1024 or more."
    elif state == "foreign":
        detail = f"{host} is not an address of this machine"
        advice = "Give --host 127.0.0.1 for this machine only, or 0.0.0.0 for all its addresses."
    else:
        detail = f"the host name {host} is not known"
        advice = "Check the spelling of --host; 127.0.0.1 is this machine only."
    return Finding("Port", "problem", detail, advice)


# --- Model -------------------------------------------------------------------------------------


def _find_model(name: str, download: bool, report: Report | None) -> Finding:
    try:
        model = locate(name, report=report, offline=not download)
    except ModelNotDownloaded as error:
        return Finding("Model", "warning", str(error))
    except ModelError as error:
        return Finding("Model", "problem", str(error))
    where = "bundled" if name in BUNDLED else str(model.path)
    trust = "hash verified" if model.verified else "its hash is not known, so not verified"
    detail = f"{name}, {model.size_bytes / 1e6:.0f} MB, {where}, {trust}"
    return Finding("Model", "ok", detail)


# --- The child: load and decode ----------------------------------------------------------------

ProbeStep = Literal["import", "libraries", "load", "decode"]
PROBE_STEPS: tuple[ProbeStep, ...] = ("import", "libraries", "load", "decode")
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
# What the CUDA build of CTranslate2 opens at run time. cuDNN only before CTranslate2 4.7, whose
# Whisper encoder has its own convolution (OpenNMT/CTranslate2#1949).
_CUDA_LIBRARIES = {
    "linux": ("libcublas.so.12", "libcudnn.so.9"),
    "win32": ("cublas64_12.dll", "cudnn64_9.dll"),
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
    source = str(Path(__file__).resolve().parents[1])
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
        detail = f"{words} did not end within {outcome.timeout_s:g} s"
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
    "Run `pip install nvidia-cublas-cu12`, then `surtitle check` again: it says how to make the "
    "library known. Or use --device cpu."
)
_INSTALL_CUDNN = (
    "Run `pip install --upgrade ctranslate2`, which needs no cuDNN any more; or `pip install "
    "nvidia-cudnn-cu12` and put its lib folder into LD_LIBRARY_PATH; or use --device cpu."
)
# Words in an error, and what to do about it. The first that fits counts.
_ADVICE: tuple[tuple[str, str], ...] = (
    (r"cublas.*(not found|cannot be loaded)|cannot open.*cublas", _INSTALL_CUBLAS),
    (r"cudnn", _INSTALL_CUDNN),
    (
        r"out of memory|bad_alloc|cannot allocate",
        "Use a smaller model or --compute-type int8, or close other programs; `nvidia-smi` shows "
        "what uses the GPU's memory.",
    ),
    (
        r"driver version is insufficient",
        "Update the NVIDIA driver to one for CUDA 12 (525 or newer), or use --device cpu.",
    ),
    (
        r"no kernel image|not supported on this (gpu|device)|arch_mismatch",
        "This GPU is not one that CTranslate2 is built for. Use --device cpu.",
    ),
    (
        r"no cuda-capable device|cuda driver|cuda support|cuda failed with error",
        "Make sure that `nvidia-smi` works here (in a container: start it with --gpus all), or "
        "use --device cpu.",
    ),
    (
        r"compute type",
        "Use --compute-type default, which fits every device.",
    ),
    (
        r"invalid input features shape|expected an input with shape",
        "The model's folder lacks preprocessor_config.json. Copy it from where the model came "
        "from.",
    ),
    (
        r"executable stack",
        "Run: pip install --upgrade ctranslate2 (an old build, which newer kernels refuse).",
    ),
    (
        r"no module named|dll load failed|dll not found",
        "Install Surtitle again in a fresh virtual environment; on Windows install the Microsoft "
        "Visual C++ Redistributable too.",
    ),
    (
        r"vocabulary|model\.bin|unsupported model|json\.exception",
        "The model's files are damaged or not a Whisper model. Fetch them again, or use --model "
        "base.",
    ),
)


def advise(error: str, outcome: ProbeOutcome) -> str:
    """What to do about an error of the child, from its words and from how the child ended."""
    for pattern, advice in _ADVICE:
        if re.search(pattern, error, re.IGNORECASE):
            return advice
    if outcome.timeout_s is not None:
        return "Use a smaller model, or look what else keeps this machine busy."
    if outcome.exit_status == -9:
        return "The system killed it, most likely for lack of memory. Use a smaller model."
    if outcome.exit_status in (-4, 0xC000001D):
        return "This processor lacks instructions that CTranslate2 needs. Use another machine."
    return (
        "Run `pip install --upgrade ctranslate2 faster-whisper`, try --device cpu and --model "
        "tiny.en; if one of them works, the other is at fault."
    )


# --- GPU ---------------------------------------------------------------------------------------

# The oldest driver for CUDA 12: NVIDIA, "CUDA Toolkit Release Notes", minor version compatibility.
MINIMUM_DRIVER = "525.60" if sys.platform != "win32" else "527.41"


@dataclass(frozen=True)
class Gpu:
    """What is known about GPUs and the libraries that they need."""

    visible: int | None  # how many CTranslate2 sees; None: it could not be asked
    smi: str | None  # lines "name, driver, memory in MiB" of nvidia-smi; None: not there, or failed
    ctranslate2: str | None = None  # its version
    library_errors: Mapping[str, str] = field(default_factory=dict)  # of those that do not load
    pip_folders: Sequence[str] = ()  # folders of NVIDIA libraries that pip installed


def probe_gpu(outcome: ProbeOutcome) -> Gpu:
    """Gather what the child, nvidia-smi and pip know about GPUs."""
    return Gpu(
        outcome.fact("import", "cuda_devices"),
        _ask_nvidia_smi(),
        installed_version("ctranslate2"),
        outcome.fact("libraries", "errors") or {},
        _pip_library_folders(),
    )


def _ask_nvidia_smi() -> str | None:
    query = "--query-gpu=name,driver_version,memory.total"
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None


def _pip_library_folders() -> list[str]:
    folders = []
    for package, inside in (
        ("nvidia-cublas-cu12", "nvidia/cublas"),
        ("nvidia-cudnn-cu12", "nvidia/cudnn"),
    ):
        try:
            root = Path(str(importlib.metadata.distribution(package).locate_file(inside)))
        except importlib.metadata.PackageNotFoundError:
            continue
        folders += [str(folder) for folder in (root / "lib", root / "bin") if folder.is_dir()]
    return folders


def judge_gpu(gpu: Gpu, device: str) -> Iterator[Finding]:
    """Judge GPU, driver and CUDA libraries: only what the device that is wanted depends on."""
    if device == "cpu":
        unused = f"{gpu.visible} visible, but not used: the device is cpu"
        yield Finding("GPU", "ok", unused if gpu.visible else "not used: the device is cpu")
    elif gpu.visible:
        yield Finding("GPU", "ok", _describe_gpus(gpu))
        yield from _judge_driver(gpu.smi)
        yield from _judge_cuda_libraries(gpu)
    elif gpu.visible is None:
        yield Finding("GPU", "warning", "CTranslate2 could not be asked, see below")
    elif gpu.smi is None:
        yield _no_gpu(
            device,
            "no NVIDIA GPU or no driver: nvidia-smi is not there or fails",
            "Install the NVIDIA driver until `nvidia-smi` works (in a container: start it with "
            "--gpus all and the NVIDIA Container Toolkit), or use --device cpu.",
        )
    else:
        yield Finding(
            "GPU",
            "problem" if device == "cuda" else "warning",
            f"nvidia-smi shows {_describe_gpus(gpu)}, but CTranslate2 sees none",
            f"Update the driver to {MINIMUM_DRIVER} or newer, see that CUDA_VISIBLE_DEVICES does "
            "not hide the GPU and that this is a CUDA build of CTranslate2 (the x86-64 wheels "
            "for Linux and Windows are), or use --device cpu.",
        )
        yield from _judge_driver(gpu.smi)


def _no_gpu(device: str, detail: str, advice: str) -> Finding:
    if device == "cuda":
        return Finding("GPU", "problem", detail, advice)
    return Finding("GPU", "ok", "none, Surtitle uses the processor")


def _describe_gpus(gpu: Gpu) -> str:
    if gpu.smi is None:
        return f"{gpu.visible} visible (nvidia-smi is not there)"
    shown = []
    for line in gpu.smi.splitlines():
        name, driver, memory = [*(part.strip() for part in line.split(",")), "", "", ""][:3]
        size = f"{int(memory) / 1024:.0f} GiB" if memory.isdigit() else "unknown memory"
        shown.append(f"{name} ({size}, driver {driver})")
    return ", ".join(shown)


def _judge_driver(smi: str | None) -> Iterator[Finding]:
    fields = (smi or "").partition("\n")[0].split(",")
    driver = fields[1].strip() if len(fields) > 1 else ""
    if driver and _release(driver) < _release(MINIMUM_DRIVER):
        yield Finding(
            "GPU driver",
            "problem",
            f"{driver} is too old for CUDA 12",
            f"Update the NVIDIA driver to {MINIMUM_DRIVER} or newer, or use --device cpu.",
        )


def _judge_cuda_libraries(gpu: Gpu) -> Iterator[Finding]:
    needs_cudnn = gpu.ctranslate2 is not None and _release(gpu.ctranslate2) < (4, 7)
    missing = [name for name in gpu.library_errors if "cudnn" not in name or needs_cudnn]
    if not missing:
        yield Finding("CUDA libraries", "ok", "cuBLAS 12 can be loaded")
        return
    variable = "PATH" if any(name.endswith(".dll") for name in missing) else "LD_LIBRARY_PATH"
    if gpu.pip_folders:
        separator = ";" if variable == "PATH" else ":"
        advice = (
            f"They are installed where the system does not look. Set {variable}="
            f"{separator.join(gpu.pip_folders)} before starting Surtitle, or use --device cpu."
        )
    else:
        packages = "nvidia-cublas-cu12 nvidia-cudnn-cu12" if needs_cudnn else "nvidia-cublas-cu12"
        advice = (
            f"Run `pip install {packages}`, then `surtitle check` again: it says what to put into "
            f"{variable}. Or use --device cpu."
        )
    errors = "; ".join(f"{name}: {gpu.library_errors[name]}" for name in missing)
    yield Finding("CUDA libraries", "problem", f"not loadable: {errors}", advice)


def judge_compute_type(outcome: ProbeOutcome, settings: CheckedSettings) -> Iterator[Finding]:
    """Judge whether the chosen device can compute with the chosen type."""
    device = settings.device
    if device == "auto":
        device = "cuda" if outcome.fact("import", "cuda_devices") else "cpu"
    supported = (outcome.fact("import", "compute_types") or {}).get(device)
    if not supported:
        return  # already said: no such device, or CTranslate2 could not be asked
    wanted = settings.compute_type
    listed = ", ".join(sorted(supported))
    if wanted in ("default", "auto", *supported):
        detail = f"{wanted}; {device} can compute with {listed}"
        yield Finding("Compute type", "ok", detail)
    else:
        yield Finding(
            "Compute type",
            "problem",
            f"{wanted} does not work on {device}",
            f"Give --compute-type default, or one of {listed}.",
        )


# --- In the child ------------------------------------------------------------------------------


def _probe_import() -> dict[str, Any]:
    import ctranslate2
    import faster_whisper  # noqa: F401 - that it can be imported is what is asked

    devices = ctranslate2.get_cuda_device_count()
    kinds = {"cpu": sorted(ctranslate2.get_supported_compute_types("cpu"))}
    if devices:
        kinds["cuda"] = sorted(ctranslate2.get_supported_compute_types("cuda"))
    return {"cuda_devices": devices, "compute_types": kinds}


def _probe_libraries() -> dict[str, Any]:
    errors = {}
    for name in _CUDA_LIBRARIES.get(sys.platform, ()):
        try:
            ctypes.CDLL(name)
        except OSError as error:
            errors[name] = str(error)
    return {"errors": errors}


def _probe_load(model: str, device: str, compute_type: str) -> tuple[Any, dict[str, Any]]:
    # The server's own decoder, so that what is tried is what will run.
    from surtitle.recognition.whisper import WhisperDecoder

    decoder = WhisperDecoder(model, device=device, compute_type=compute_type, replicas=0, threads=0)
    return decoder, {"device": decoder.info.device, "compute_type": decoder.info.compute_type}


def _probe_decode(decoder: Any) -> None:
    decoder.warm_up()  # one second


def _say(step: ProbeStep, started_s: float, facts: Mapping[str, Any] | None = None) -> None:
    seconds = round(time.perf_counter() - started_s, 3)
    print(json.dumps({"step": step, "seconds": seconds, "facts": facts or {}}), flush=True)


def _probe(arguments: Sequence[str]) -> None:
    """Go through the steps, one line of JSON each, so that a crash shows which one it was."""
    step: ProbeStep = "import"
    try:
        started_s = time.perf_counter()
        _say(step, started_s, _probe_import())
        step, started_s = "libraries", time.perf_counter()
        _say(step, started_s, _probe_libraries())
        if not arguments:
            return
        step, started_s = "load", time.perf_counter()
        decoder, facts = _probe_load(*arguments)
        _say(step, started_s, facts)
        step, started_s = "decode", time.perf_counter()
        _probe_decode(decoder)
        _say(step, started_s)
    except Exception as error:
        print(json.dumps({"step": step, "error": f"{error}" or type(error).__name__}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] != ["--probe"] or len(sys.argv) not in (2, 5):
        sys.exit("usage: python -m surtitle.diagnosis --probe [MODEL DEVICE COMPUTE_TYPE]")
    _probe(sys.argv[2:])
