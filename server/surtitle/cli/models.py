"""What `surtitle models` does."""

from rich.console import Console
from rich.table import Table

from surtitle.cli.terminal import byte_progress
from surtitle.recognition import model_cache
from surtitle.recognition.bundled_models import is_bundled
from surtitle.recognition.model_hub import REPOSITORIES
from surtitle.recognition.models import locate
from surtitle.recognition.published_models import PUBLISHED

MB = 1_000_000


def list_models(console: Console) -> None:
    """Show the models by their usual names, and others that were downloaded, with where each is."""
    downloaded = model_cache.downloaded_bytes()
    table = Table(box=None, pad_edge=False)
    for title in ("model", "size", "on this machine"):
        table.add_column(title, justify="right" if title == "size" else "left", no_wrap=True)
    for name, repository in REPOSITORIES.items():
        published = PUBLISHED.get(repository)
        size = f"{published.weights_mb} MB" if published else ""
        table.add_row(name, size, _place(name, repository in downloaded))
    for repository in sorted(downloaded.keys() - set(REPOSITORIES.values())):
        table.add_row(repository, f"{downloaded[repository] / MB:.0f} MB", _place("", True))
    console.print(table)


def get_model(name: str, console: Console) -> None:
    """Download a model, unless it is there, and check it. Raises ModelError."""
    with byte_progress(console) as report:
        locate(name, report=report)
    console.print(f"{name} is on this machine.", highlight=False, markup=False)


def remove_model(name: str, console: Console) -> None:
    """Delete a model that was downloaded. Raises ModelError."""
    freed = model_cache.remove(name)
    said = f"{name} was removed; {freed / MB:.0f} MB are free again."
    console.print(said, highlight=False, markup=False)


def _place(name: str, is_downloaded: bool) -> str:
    if is_bundled(name):
        return "as a Python package"
    return "downloaded" if is_downloaded else "–"
