"""What a Dockerfile says, done without Docker: in a root of its own, above the one of this machine.

Each RUN is executed as it is written, in an overlay above `/`, so this machine's Debian and Python take
the place of the base image. What is not shown by this: that the base image has what is used, and what a
container runtime does. It needs root, and a kernel that lets it mount.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.packages.dockerfile import Dockerfile, Instruction

RUN_LIMIT_S = 600.0
UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
PYTHON = Path(sys.executable).resolve()
BUILD_PATH = f"{PYTHON.parent}:/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
MOUNTS = """
set -eu
mount -t overlay overlay -o lowerdir=/,upperdir={files},workdir={work} {root}
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
"""


def can_mount(folder: Path) -> bool:
    """Whether roots can be made here."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    image = Image(folder)
    return subprocess.run(image.entering("true"), capture_output=True).returncode == 0


@dataclass(frozen=True)
class Limits:
    """What a process of a container has: a user, variables, and no right of root's."""

    user: str  # USER:GROUP, in numbers
    environment: dict[str, str]

    def applied_to(self, command: Sequence[str]) -> list[str]:
        """A command line."""
        number, _, group = self.user.partition(":")
        drop = ["setpriv", f"--reuid={number}", f"--regid={group}", "--clear-groups"]
        drop += ["--bounding-set=-all", "--no-new-privs"]
        return [*drop, "env", "-i", *(f"{n}={v}" for n, v in self.environment.items()), *command]


def beside(first: int, command: Sequence[str], limits: Limits) -> list[str]:
    """A command line for another process of the container whose first process has this number."""
    enter = ["nsenter", f"--target={first}", "--mount", "--pid", "--root", "--wd"]
    return [*enter, *limits.applied_to(command)]


@dataclass(frozen=True)
class Image:
    """The root of an image, as the files that are not this machine's."""

    folder: Path

    @property
    def files(self) -> Path:
        """Where what was written to the root is."""
        return self.folder / "files"

    def build(self, dockerfile: Dockerfile, context: Path, arguments: dict[str, str]) -> None:
        """Do what all stages say, each into the same root. Raises CalledProcessError."""
        self._open_python()
        for stage in dockerfile.stages.values():
            workdir = "/"
            variables = {name: os.environ[name] for name in os.environ if name.startswith("PIP_")}
            variables |= {"PATH": BUILD_PATH, "HOME": "/root"} | dockerfile.environment(stage.name)
            for each in stage.instructions:
                if each.name == "WORKDIR":
                    workdir = each.text
                    self._at(workdir).mkdir(parents=True, exist_ok=True)
                elif each.name == "ARG":
                    name, _, default = each.text.partition("=")
                    variables[name] = arguments.get(name, default)
                elif each.name == "COPY":
                    self._copy(each, context, workdir)
                elif each.name == "RUN":
                    self._run(each.text, workdir, variables)

    def entering(
        self, command: str, *, volumes: dict[str, Path] | None = None, writable: bool = False
    ) -> list[str]:
        """A command line whose process is the first of its own processes, with this root.

        The root is read-only but for volumes and `/tmp`, unless it is `writable`.
        """
        root, work = self.folder / "root", self.folder / "work"
        for folder in (root, work, self.files):
            folder.mkdir(parents=True, exist_ok=True)
        script = MOUNTS.format(files=self.files, work=work, root=root)
        if writable:
            script += f"mount --bind /tmp {root}/tmp\n"
        else:
            script += f"mount -o remount,bind,ro {root}\nmount -t tmpfs tmpfs {root}/tmp\n"
        for place, kept in (volumes or {}).items():
            self._at(place).mkdir(parents=True, exist_ok=True)
            script += f"mount --bind {shlex.quote(str(kept))} {root}{place}\n"
        return [*UNSHARE, "bash", "-c", f"{script}exec chroot {root} {command}"]

    def process(
        self, command: Sequence[str], limits: Limits, volumes: dict[str, Path]
    ) -> list[str]:
        """A command line for the first process of a container."""
        return self.entering(shlex.join(limits.applied_to(command)), volumes=volumes)

    def _at(self, place: str) -> Path:
        return self.files / place.lstrip("/")

    def _open_python(self) -> None:
        """The Python of the base image may be run by everybody."""
        for folder in reversed(PYTHON.parents[:-1]):
            self._at(str(folder)).mkdir(exist_ok=True, parents=True)
            self._at(str(folder)).chmod(0o755)

    def _copy(self, each: Instruction, context: Path, workdir: str) -> None:
        *sources, target = each.words
        if "from" in each.flags:  # all stages have one root
            assert sources == [target]
            assert self._at(target).exists()
            return
        place = self._at(workdir) / target
        for source in sources:
            if (context / source).is_dir():
                shutil.rmtree(place, ignore_errors=True)
                shutil.copytree(context / source, place, ignore=IGNORED)
            else:
                shutil.copy(context / source, place)

    def _run(self, command: str, workdir: str, variables: dict[str, str]) -> None:
        shell = shlex.join(["sh", "-c", f"cd {workdir} && {command}"])
        done = subprocess.run(
            self.entering(shell, writable=True),
            env=variables,
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT_S,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


IGNORED = shutil.ignore_patterns("electron", "__pycache__", "*.egg-info", "node_modules")
"""What .dockerignore keeps out of the folders that are copied."""
