"""Processor and memory."""

import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from surtitle.diagnosis.finding import Finding
from surtitle.runtime.memory import usable_bytes

_X86 = ("x86_64", "amd64", "i386", "i686")


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
    return Cpu(platform.machine(), _usable_cores(), vendor, flags, usable_bytes())


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


def judge_cpu(cpu: Cpu, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Judge the processor, and what the environment makes of it."""
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
            "In a virtual machine, pass through the host's processor (in QEMU: -cpu host). "
            "Otherwise use a GPU, or the smallest model, tiny.en.",
        )
    if cpu.vendor == "AuthenticAMD" and environment.get("CT2_USE_MKL", "0") == "1":
        yield Finding(
            "CT2_USE_MKL",
            "warning",
            "is 1 on an AMD processor, which makes recognition slower",
            "Unset it, and CTranslate2 chooses by itself.",
        )


def probe_free_disk(folder: Path) -> int | None:
    """Bytes that are free where a folder is, or would be made; None: it cannot be told."""
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
    try:
        return None if there is None else shutil.disk_usage(there).free
    except OSError:
        return None
