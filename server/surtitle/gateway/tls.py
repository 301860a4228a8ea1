"""TLS from certificate files, which may be replaced while the server runs."""

import asyncio
import ssl
from pathlib import Path

import structlog

from surtitle.errors import ConfigurationError
from surtitle.runtime.filechange import FileChange
from surtitle.runtime.filerights import loose_rights

log = structlog.get_logger("surtitle.tls")

LOOK_EVERY_S = 10.0
"""How often the files are looked at: a renewed certificate comes weeks before the old one ends."""


class Certificates:
    """A server's context for TLS. Handshakes take the newest certificate that could be read."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises ConfigurationError where the two cannot be used."""
        self._files = (certificate, key)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._change = FileChange(certificate, key)
        load(self.context, certificate, key)
        self._warn()

    async def watch(self) -> None:
        """Take new files when they come, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.refresh()

    def refresh(self) -> None:
        """Read the files again if they have changed; those that cannot be used change nothing."""
        if not self._change.is_new():
            return
        try:
            # Not into the context in use: a key that does not fit would stay there with it.
            load(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), *self._files)
            load(self.context, *self._files)
        except ConfigurationError as error:
            log.error("the new certificate cannot be used", cause=str(error))
        else:
            log.info("new certificate")
        self._warn()

    def _warn(self) -> None:
        if (rights := loose_rights(self._files[1], group_may_read=True)) is not None:
            log.warning("the TLS key is accessible to other users", rights=rights)


def load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Raises ConfigurationError where the two cannot be used."""

    def passphrase() -> str:
        # Without this OpenSSL would ask at the terminal, or read standard input, and wait.
        raise ConfigurationError(f"The key {key} has a passphrase; store it without one.")

    try:
        context.load_cert_chain(certificate, key, passphrase)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The certificate {certificate} with the key {key} cannot be used: {error}."
        ) from error
