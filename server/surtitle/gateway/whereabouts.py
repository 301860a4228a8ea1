"""Where a server is found: by this machine, and by others in its network. Pure.

A speaker's page must be on this machine, or behind TLS: elsewhere browsers allow no microphone. Its
audience reads along from anywhere, so the page shares another address than its own.
"""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import zip_longest
from pathlib import PurePath

from surtitle.runtime.addresses import LOOPBACK, in_url, is_loopback, likeliest_first, reachable

AUTO = "auto"
NONE = "none"
IPV4 = 4
LOOPBACK_6 = "::1"
_AS_MODULE = "__main__.py"
_WITH_SECRETS = ("--archive", "--backplane", "--sinks")
"""Options whose addresses may hold one."""
_SWITCHES = ("true", "false", "yes", "no", "on", "off", "1", "0")


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of it once it listens."""

    listening: tuple[str, ...]
    """Addresses of its sockets."""
    port: int
    scheme: str = "http"
    public_url: str = AUTO
    """As the setting has it."""
    command: str = ""
    """What opens it to the network; empty where nobody can say."""

    @property
    def local_url(self) -> str:
        """Where this machine finds it. Nobody can go to 0.0.0.0."""
        host = self.listening[0]
        if (address := ip_address(host)).is_unspecified:
            host = LOOPBACK if address.version == IPV4 else LOOPBACK_6
        return self._url(host)

    def network_urls(self, own: Collection[str], main: str | None) -> list[str]:
        """Where others find it, the likeliest first. `own` addresses are those of this machine now."""
        if self.public_url == NONE:
            return []
        if self.public_url != AUTO:
            return [self.public_url.rstrip("/")]
        return [self._url(host) for host in likeliest_first(reachable(self.listening, own), main)]

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return all(map(is_loopback, self.listening))

    def told(self, own: Collection[str], main: str | None) -> dict[str, object]:
        """What its page wants to know."""
        urls = self.network_urls(own, main)
        return {"urls": urls, "command": self.command if self.is_local and not urls else ""}

    def _url(self, host: str) -> str:
        return f"{self.scheme}://{in_url(host)}:{self.port}"


def command_for_network(arguments: Sequence[str], *, has_keys: bool, has_archive: bool) -> str:
    """The command that starts the same server once more, for all of the network.

    `arguments` are those of the process, its program first. A server with keys asks for them; without,
    it does not start in the network where it has an archive. Empty then, and where the command has an
    address that may hold a secret: whoever may speak can read it.
    """
    if has_archive and not has_keys:
        return ""
    program, *given = arguments
    for word, following in zip_longest(given, given[1:], fillvalue=""):
        name, has_value, own = word.partition("=")
        if name in _WITH_SECRETS and "://" in (own if has_value else following):
            return ""
    words = ["python", "-m", "surtitle"] if PurePath(program).name == _AS_MODULE else [program]
    rest = iter(given)
    for word in rest:
        if word == "--host":
            next(rest, None)
        elif word == "--open-to-network":
            value = next(rest, None)
            if value is not None and value.lower() not in _SWITCHES:
                words.append(value)
        elif not word.startswith(("--host=", "--open-to-network=")):
            words.append(word)
    words += ["--host", "0.0.0.0"]
    return shlex.join(words if has_keys else [*words, "--open-to-network"])
