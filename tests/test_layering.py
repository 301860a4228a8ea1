"""The arrows of docs/architecture.md: who may know whom, and what each process loads."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "server"
PACKAGE = SOURCE / "surtitle"
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@dataclass(frozen=True)
class Import:
    module: str
    """Absolute name; of `from surtitle import app` it is surtitle.app."""
    at_run_time: bool
    """Not only for the type checker."""
    at_import: bool
    """When the file is loaded, not when a function of it is called."""


@cache
def imports(file: str) -> tuple[Import, ...]:
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    return tuple(_imports(tree, at_run_time=True, at_import=True))


def _imports(node: ast.AST, *, at_run_time: bool, at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        names: list[str] = []
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            module = child.module or ""
            # `from surtitle.recognition import worker` names a module, like `import` of it.
            names = [
                full if _is_own_module(full := f"{module}.{alias.name}") else module
                for alias in child.names
            ]
        for name in names:
            yield Import(name, at_run_time, at_import)
        for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from _imports(
            child,
            at_run_time=at_run_time and not for_types,
            at_import=at_import and not deferred,
        )


def _is_own_module(name: str) -> bool:
    path = SOURCE / name.replace(".", "/")
    return name.startswith("surtitle.") and (path.with_suffix(".py").exists() or path.is_dir())


def imported(file: str) -> set[str]:
    """Everything that a file imports at any time."""
    return {each.module for each in imports(file) if each.at_run_time}


def room(folder: str) -> list[str]:
    return [file for file in FILES if file.startswith(folder + "/")]


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def knows(file: str, package: str) -> bool:
    return any(is_in(module, package) for module in imported(file))


def test_there_is_something_to_look_at() -> None:
    assert {"app.py", "captioning/session.py", "recognition/whisper.py"} <= set(FILES)
    assert knows("recognition/whisper.py", "faster_whisper")
    assert knows("engine/process.py", "surtitle.recognition.worker")
    assert knows("app.py", "surtitle.gateway.server")


# -- the pure files -----------------------------------------------------------------------------

IO_MODULES = (
    "asyncio",
    "concurrent",
    "http",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "queue",
    "random",
    "select",
    "shutil",
    "signal",
    "socket",
    "structlog",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "datetime",
    "torch",
    "urllib",
    "uvloop",
    "websockets",
)


def pure_files() -> list[str]:
    """Those whose coverage is measured, as pyproject.toml has them."""
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())
    patterns = project["tool"]["coverage"]["run"]["include"]
    prefix = "server/surtitle/"
    found = [[name for name in FILES if fnmatch(prefix + name, each)] for each in patterns]
    assert all(found)
    return [name for names in found for name in names]


PURE = pure_files()


@pytest.mark.parametrize("file", PURE)
def test_pure_files_know_no_input_output_process_thread_or_clock(file: str) -> None:
    assert [name for name in IO_MODULES if knows(file, name)] == []


@pytest.mark.parametrize("file", PURE)
def test_pure_files_open_and_print_nothing(file: str) -> None:
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    as_script = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
    ]
    allowed = {id(inner) for node in as_script for inner in ast.walk(node)}
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and id(node) not in allowed
    }
    assert called.isdisjoint({"open", "print", "input", "eval", "exec", "__import__"})


# -- the arrows ---------------------------------------------------------------------------------

ROOMS = (
    "archive",
    "captioning",
    "decoding",
    "engine",
    "gateway",
    "recognition",
    "runtime",
    "sinks",
    "subtitles",
    "vad",
)

MAY_KNOW = {
    # What a room may import of the rest of the package. Anything else is an arrow too many.
    "archive": {"archive", "errors", "messages", "runtime.background"},
    "captioning": {"captioning", "errors", "jobs", "messages"},
    "decoding": {
        "decoding",
        "runtime.allowance",
        "runtime.launch",
        "captioning.audio",
        "captioning.downmix",
        "captioning.mpeg_frames",
        "errors",
        "jobs",
        "messages",
    },
    "engine": {
        "engine",
        "errors",
        "jobs",
        "recognition.worker",
        "runtime.metrics",
        "runtime.secondsignal",
    },
    "gateway": {
        "gateway",
        "archive.archive",
        "archive.records",
        "captioning",
        "decoding.decoders",
        "engine.engine",
        "engine.scheduler",
        "engine.states",
        "errors",
        "extras",
        "jobs",
        "messages",
        "runtime",
        "subtitles",
        "vad",
    },
    "recognition": {
        "recognition",
        "errors",
        "extras",
        "jobs",
        "runtime.surroundings",
        "runtime.telemetry",
    },
    "runtime": {"runtime", "jobs", "messages"},
    "sinks": {
        "sinks",
        "errors",
        "messages",
        "runtime.background",
        "runtime.filechange",
        "runtime.filerights",
        "runtime.printable",
        "subtitles.cues",
        "subtitles.formats",
    },
    "subtitles": {
        "subtitles",
        "captioning.abbreviations",
        "captioning.writing",
        "messages",
    },
    "vad": {
        "vad",
        "captioning.endpointing",
        "errors",
        "runtime.allowance",
        "runtime.background",
        "runtime.launch",
        "runtime.surroundings",
    },
}

LEAVES = {
    "errors.py": set[str](),
    "extras.py": set[str](),
    "jobs.py": set[str](),
    "messages.py": {"errors", "jobs"},
    # Settings carry the options of each part, which are declared where they are used.
    "config.py": {
        "errors",
        "captioning.endpointing",
        "captioning.glossary",
        "captioning.language_names",
        "captioning.pacing",
        "engine.policy",
        "runtime.addresses",
        "runtime.telemetry",
        "sinks.places",
        "subtitles.cues",
    },
    "client/__init__.py": {"client", "messages"},
    "client/captions.py": {"client", "errors", "messages"},
    "client/dialing.py": {"client.reasons", "errors", "messages"},
    "client/reasons.py": set[str](),
    "client/simple.py": {"client.captions", "client.media", "messages", "runtime.background"},
    "client/sync.py": {"client.captions", "client.simple", "messages"},
    "client/inbox.py": {"messages"},
    "client/viewer.py": {"client.dialing", "client.inbox", "messages"},
    "client/microphone.py": {
        "captioning.audio",
        "client.dialing",
        "client.inbox",
        "extras",
        "jobs",
    },
    "client/media.py": {
        "client.dialing",
        "extras",
        "decoding.wire",
        "jobs",
        "runtime.background",
        "runtime.launch",
    },
}


def strangers(file: str, allowed: set[str]) -> list[str]:
    own = (module for module in imported(file) if is_in(module, "surtitle"))
    return sorted(
        module
        for module in own
        if not any(is_in(module, f"surtitle.{name}") for name in allowed) and module != "surtitle"
    )


@pytest.mark.parametrize("name", ROOMS)
def test_rooms_know_only_what_they_may(name: str) -> None:
    assert {file: strangers(file, MAY_KNOW[name]) for file in room(name)} == {
        file: [] for file in room(name)
    }


@pytest.mark.parametrize("file", list(LEAVES))
def test_leaves_know_only_what_they_may(file: str) -> None:
    assert strangers(file, LEAVES[file]) == []


def test_only_the_root_knows_gateway_and_engine_both() -> None:
    both = [
        file
        for file in FILES
        if knows(file, "surtitle.gateway.server") and knows(file, "surtitle.engine.local")
    ]
    assert both == ["app.py"]


def test_nobody_inside_knows_the_command_line() -> None:
    entrance = (
        "surtitle.cli.main",
        "surtitle.cli.caption",
        "surtitle.cli.terminal",
        "surtitle.app",
    )
    inside = [file for name in ROOMS for file in room(name)] + list(LEAVES)
    assert [file for file in inside if any(knows(file, module) for module in entrance)] == []


def test_only_the_process_starts_the_worker() -> None:
    users = [file for file in FILES if knows(file, "surtitle.recognition.whisper")]
    assert set(users) <= {"diagnosis/probe.py"}  # in a child of its own


def test_only_whisper_and_the_probe_import_the_model_libraries() -> None:
    for library in ("faster_whisper", "ctranslate2"):
        assert [file for file in FILES if knows(file, library)] == [
            "diagnosis/probe.py",
            "recognition/whisper.py",
        ]
    at_import = [each.module for each in imports("diagnosis/probe.py") if each.at_import]
    assert not {"faster_whisper", "ctranslate2", "surtitle.recognition.whisper"} & set(at_import)


def test_only_the_recording_uses_ffmpeg() -> None:
    """It is native code that parses what strangers send: only in a process that may die."""
    assert [file for file in FILES if knows(file, "av")] == ["decoding/recording.py"]
    programs = {"decoding/child.py", "decoding/forkserver.py", "decoding/recording.py"}
    for program in ("recording", "child", "forkserver"):
        users = {file for file in FILES if knows(file, f"surtitle.decoding.{program}")}
        assert users <= programs


def test_only_config_reads_the_environment() -> None:
    readers = {
        file
        for file in FILES
        for node in ast.walk(ast.parse((PACKAGE / file).read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }
    # The others read or set what libraries look at, and where the service manager listens.
    others = {
        "cli/cluster.py",
        "runtime/launch.py",
        "diagnosis/__init__.py",
        "diagnosis/child.py",
        "engine/process.py",
        "recognition/whisper.py",
        "runtime/service.py",
    }
    assert readers <= {"config.py", *others}


def test_only_the_cluster_imports_ray() -> None:
    users = [file for file in FILES if knows(file, "ray")]
    assert users == [
        "cli/cluster.py",
        "cluster/deployment.py",
        "cluster/replica.py",
        "cluster/routing.py",
    ]
    at_import = [each.module for each in imports("cli/cluster.py") if each.at_import]
    assert not [module for module in at_import if is_in(module, "ray")]


def test_only_the_network_imports_websockets() -> None:
    assert [file for file in FILES if knows(file, "websockets")] == [
        "client/captions.py",
        "client/dialing.py",
        "client/reasons.py",
        "client/viewer.py",
        "engine/dialing.py",
        "engine/lane.py",
        "engine/lane_server.py",
        "gateway/connection.py",
        "gateway/handshake.py",
        "gateway/history.py",
        "gateway/sender.py",
        "gateway/server.py",
        "gateway/translated.py",
        "gateway/websocket.py",
        "gateway/wyoming.py",
    ]


def test_nobody_but_tests_knows_the_tests() -> None:
    root = SOURCE.parent
    files = [*root.glob("server/**/*.py"), *root.glob("scripts/**/*.py")]
    assert len(files) > 100
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    known = {
        file.relative_to(root).as_posix()
        for file, tree in trees.items()
        for each in _imports(tree, at_run_time=True, at_import=True)
        if is_in(each.module, "tests")
    }
    assert known == set()


def test_imports_make_no_circle() -> None:
    graph = {
        "surtitle." + file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): {
            each.module for each in imports(file) if each.at_import and each.at_run_time
        }
        for file in FILES
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module in graph and module not in done:
            for other in graph[module]:
                visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


# -- what a process really loads ----------------------------------------------------------------


def loaded_by(*modules: str) -> set[str]:
    """Top-level names in sys.modules of a fresh interpreter after these imports."""
    code = f"import sys, {', '.join(modules)}; print(*{{m.split('.')[0] for m in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_server_never_loads_the_model_libraries() -> None:
    loaded = loaded_by(
        "surtitle.app", "surtitle.cli.main", "surtitle.cli.caption", "surtitle.diagnosis"
    )
    assert "websockets" in loaded
    assert loaded.isdisjoint(
        {"faster_whisper", "ctranslate2", "onnxruntime", "transformers", "torch", "silero_vad"}
    )


def test_the_server_loads_what_is_optional_only_where_it_is_wanted() -> None:
    loaded = loaded_by("surtitle.app", "surtitle.cli.main", "surtitle.cli.cluster")
    assert loaded.isdisjoint(
        {"wyoming", "zeroconf", "ray", "uvicorn", "sqlalchemy", "redis", "httpx2"}
    )
    loaded = loaded_by("surtitle.gateway.wyoming")
    assert "wyoming" in loaded
    assert "zeroconf" not in loaded


def test_the_server_and_the_client_never_load_ffmpeg() -> None:
    loaded = loaded_by(
        *("surtitle.app", "surtitle.cli.main", "surtitle.cli.caption", "surtitle.client.media"),
        *("surtitle.gateway.server", "surtitle.decoding.decoders", "surtitle.captioning.session"),
    )
    assert "numpy" in loaded
    assert "av" not in loaded


def test_what_decodes_loads_ffmpeg_and_nothing_of_the_server() -> None:
    loaded = loaded_by("surtitle.decoding.forkserver", "surtitle.decoding.child")
    assert {"av", "soxr"} <= loaded
    assert loaded.isdisjoint({"websockets", "torch", "ctranslate2", "uvloop", "asyncio"})


def test_the_worker_never_loads_the_network_or_torch() -> None:
    # The command line too: multiprocessing loads the main module again in the worker.
    loaded = loaded_by(
        "surtitle.recognition.worker", "surtitle.recognition.whisper", "surtitle.__main__"
    )
    assert {"faster_whisper", "ctranslate2"} <= loaded
    assert loaded.isdisjoint({"websockets", "torch", "silero_vad", "uvloop", "soxr"})


def test_the_worker_frame_alone_is_light() -> None:
    """So that it can say why the model's libraries cannot be loaded."""
    loaded = loaded_by("surtitle.recognition.worker")
    assert loaded.isdisjoint({"faster_whisper", "ctranslate2", "websockets", "torch", "pydantic"})


def test_the_pure_rooms_load_no_network_and_no_model() -> None:
    loaded = loaded_by(
        "surtitle.captioning.session", "surtitle.engine.scheduler", "surtitle.engine.policy"
    )
    assert loaded.isdisjoint({"asyncio", "websockets", "torch", "multiprocessing", "ctranslate2"})
