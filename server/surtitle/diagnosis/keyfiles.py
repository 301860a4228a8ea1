"""The files with secrets that a server is started with."""

from collections.abc import Iterator

from surtitle.diagnosis.finding import CheckedSettings, Finding
from surtitle.runtime.filerights import loose_rights


def examine_key_files(settings: CheckedSettings) -> Iterator[Finding]:
    """A finding for each file that there is."""
    for title, path, group_may_read in (
        ("Key file", settings.keys_file, False),
        ("TLS key", settings.tls_key, True),
    ):
        if path is None:
            continue
        if not path.is_file():
            yield Finding(title, "problem", f"there is no file {path}")
        elif (rights := loose_rights(path, group_may_read=group_may_read)) is not None:
            detail, _, advice = rights.partition(". ")
            yield Finding(title, "warning", detail, advice)
        else:
            yield Finding(title, "ok", f"{path} is not accessible to others")
