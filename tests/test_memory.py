"""How much memory there is."""

import gc
import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lab.places import PYTHON_PATH
from lab.waiting import wait_until
from surtitle.runtime import memory

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0

pytestmark = pytest.mark.skipif(not MACHINE, reason="needs os.sysconf")


def machine(root: Path, groups: str, **files: str) -> Path:
    """A file system with these control groups; in names of files / is written __."""
    for name, text in {"proc__self__cgroup": groups, **files}.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_control_groups_it_is_what_the_machine_has(tmp_path: Path) -> None:
    assert memory.usable_bytes(tmp_path) == MACHINE


@pytest.mark.parametrize(
    ("groups", "limits"),
    [
        ("0::/\n", {"memory.max": "104857600\n"}),
        ("0::/system.slice/x.service\n", {"system.slice/x.service/memory.max": "104857600\n"}),
        (
            "0::/system.slice/x.service\n",
            {
                "system.slice/memory.max": "104857600\n",
                "system.slice/x.service/memory.max": "max\n",
            },
        ),
        ("0::/../outer\n", {"memory.max": "104857600\n"}),
        ("4:memory:/job\n0::/\n", {"memory/job/memory.limit_in_bytes": "104857600\n"}),
        (
            "5:cpu,memory:/docker/abc\n",
            {
                "memory/docker/abc/memory.limit_in_bytes": "9223372036854771712\n",
                "memory/memory.limit_in_bytes": "104857600\n",
            },
        ),
    ],
    ids=["container", "service", "slice", "namespace", "version 1", "version 1 in a container"],
)
def test_the_least_of_all_control_groups_counts(
    tmp_path: Path, groups: str, limits: dict[str, str]
) -> None:
    files = {f"sys/fs/cgroup/{name}": text for name, text in limits.items()}
    assert memory.usable_bytes(machine(tmp_path, groups, **files)) == 104857600


@pytest.mark.parametrize("text", ["max\n", "", "9223372036854771712\n", "nonsense"])
def test_no_limit_is_none(tmp_path: Path, text: str) -> None:
    root = machine(tmp_path, "0::/\n", **{"sys/fs/cgroup/memory.max": text})
    assert memory.usable_bytes(root) == MACHINE


def test_what_this_process_uses_grows_with_what_it_takes_and_is_given_back() -> None:
    gc.collect()
    memory.give_back_free()  # what tests before have left, which may go at any time
    before = memory.used_bytes() or 0
    assert before > 0
    taken = b"x" * (128 * memory.MIB)
    wait_until(lambda: (memory.used_bytes() or 0) - before > 64 * memory.MIB)
    del taken
    memory.give_back_free()
    wait_until(lambda: (memory.used_bytes() or 0) - before < 64 * memory.MIB)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("there", ["nothing", "empty", "other processes", "an odd file"])
def test_where_nothing_can_be_measured_it_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    proc = tmp_path / "proc"
    if there == "an odd file":
        proc.write_bytes(b"")
    elif there != "nothing":
        (proc / ("1" if there == "other processes" else "")).mkdir(parents=True)
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(proc))
    assert memory.used_bytes() is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_without_a_free_descriptor_it_is_unknown_for_that_moment() -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        used = memory.used_bytes()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert used is None and memory.used_bytes()


ALLOCATING = """
import resource, sys
from surtitle.runtime import memory
if sys.argv[1] == "keep":
    memory.keep_buffers()
def allocate():
    for _ in range(200):
        [bytes(300_000) for _ in range(4)]
allocate()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
allocate()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not the GNU library")
def test_buffers_that_are_kept_are_not_cleared_by_the_system_each_time() -> None:
    def faults(how: str) -> int:
        command = [sys.executable, "-c", ALLOCATING, how]
        environment = os.environ | {"PYTHONPATH": PYTHON_PATH}
        return int(subprocess.check_output(command, env=environment, text=True))

    assert faults("keep") < 1000 < faults("give back")
