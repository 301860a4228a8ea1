"""The files with secrets that a server is started with."""

from collections.abc import Callable, Iterator
from pathlib import Path

from surtitle.diagnosis.finding import CheckedSettings, Finding
from surtitle.errors import ConfigurationError
from surtitle.gateway.access import read_keys
from surtitle.runtime.filerights import loose_rights


def examine_key_files(settings: CheckedSettings) -> Iterator[Finding]:
    """A finding for each file that there is to be. That a TLS key is one is another's finding."""
    if settings.keys_file is not None:
        yield _judge("Key file", settings.keys_file, read_keys, group_may_read=False)
    if settings.tls_key is not None:
        yield _judge("TLS key", settings.tls_key, _look_at, group_may_read=True)


def _judge(
    title: str, path: Path, read: Callable[[Path], object], *, group_may_read: bool
) -> Finding:
    try:
        read(path)
        rights = loose_rights(path, group_may_read=group_may_read)
    except ConfigurationError as error:
        return Finding(title, "problem", str(error).rstrip("."))
    if rights is None:
        return Finding(title, "ok", f"{path} is not accessible to others")
    detail, _, advice = rights.partition(". ")
    return Finding(title, "warning", detail, advice)


def _look_at(path: Path) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
