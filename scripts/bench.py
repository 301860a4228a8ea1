"""The benchmarks, as ratios measured in one run, and what changed since the run before.

    python scripts/bench.py [--manifest FOLDER] [--history benchmarks/history.jsonl]

Runs bench_direct_path.py, then the load test of our server beside naive_server.py, with the same
speech. FOLDER is one with a manifest.tsv; else the `librispeech` folder in SURTITLE_SPEECH; else the
sample of the demo page is spoken. Appends one line to the history.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from load.history import Entry, previous, ratios, worse

SCRIPTS = Path(__file__).resolve().parent
REPOSITORY = SCRIPTS.parent


def speech_folder(manifest: Path | None) -> Path | None:
    """The folder to speak; None for the sample."""
    if manifest is None and (named := os.environ.get("SURTITLE_SPEECH")):
        manifest = Path(named)
        if not (manifest / "manifest.tsv").exists():
            manifest /= "librispeech"
    return manifest


def run(script: str, *arguments: str) -> Any:
    """What a script writes to its --json file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, str(SCRIPTS / script), *arguments, "--json", str(file)]
        subprocess.run(command, check=True)
        return json.loads(file.read_text())


def measure(folder: Path | None, seconds: float, sessions: str) -> dict[str, float]:
    """Both benchmarks."""
    direct = {
        name: statistics.median(all_of) for name, all_of in run("bench_direct_path.py").items()
    }
    python = sys.executable
    load = run(
        "load_test.py",
        *([] if folder is None else ["--manifest", str(folder)]),
        *("--seconds", str(seconds), "--sessions", sessions),
        "--target",
        f"ours=surtitle={python} -m surtitle serve --model tiny.en --language en --port {{port}}",
        "--target",
        f"naive=surtitle={python} {SCRIPTS / 'naive_server.py'} --model tiny.en --port {{port}}",
    )
    return ratios(load["rows"], direct["served"] / direct["bare"])


def revision() -> str:
    """The commit, with a + where the tree has changes."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(REPOSITORY), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")


def cpu_model() -> str:
    """The processor and how many of it there are."""
    name = platform.processor() or platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        models = [line for line in listing.read_text().split("\n") if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return f"{os.cpu_count()} x {name}"


def show(before: Entry | None, now: Entry) -> None:
    """A table against the entry before, and a warning for what got worse."""
    console = Console()
    table = Table(box=box.SIMPLE_HEAD, title="ours / naive: less is better", title_justify="left")
    for column in ("", "before", "now"):
        table.add_column(column, justify="right" if column else "left")
    for name, value in now.ratios.items():
        old = before.ratios.get(name) if before else None
        table.add_row(name, "–" if old is None else f"{old:.2f}", f"{value:.2f}")
    console.print(table)
    if before is None:
        console.print("No earlier entry has this processor and this speech.")
        return
    console.print(f"Before: {before.date}, {before.revision}.", style="dim", highlight=False)
    for name in worse(before, now):
        console.print(f"Warning: {name} got worse by more than noise.", style="yellow")


def main() -> None:
    """Measure, compare, append."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--history", type=Path, default=REPOSITORY / "benchmarks" / "history.jsonl")
    parser.add_argument("--seconds", type=float, default=30, help="of speech in each session")
    parser.add_argument("--sessions", default="1,4")
    options = parser.parse_args()
    folder = speech_folder(options.manifest)
    now = Entry(
        date=datetime.date.today().isoformat(),
        revision=revision(),
        cpu=cpu_model(),
        speech=f"{folder.name if folder else 'sample'}, {options.seconds:g} s",
        ratios=measure(folder, options.seconds, options.sessions),
    )
    lines = options.history.read_bytes().splitlines() if options.history.exists() else []
    show(previous([msgspec.json.decode(line, type=Entry) for line in lines], now), now)
    options.history.parent.mkdir(parents=True, exist_ok=True)
    with options.history.open("ab") as history:
        history.write(msgspec.json.encode(now) + b"\n")


if __name__ == "__main__":
    main()
