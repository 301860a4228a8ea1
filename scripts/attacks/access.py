"""As whom clients come: what the server goes by when it counts what somebody has."""

import secrets
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from surtitle.gateway.access import add_key

DOCUMENTATION_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
"""Addresses that nobody has (RFC 5737)."""


class Access(Enum):
    """How clients are told apart."""

    KEYS = "keys"
    """By keys, as on a public server: limits of a key are in force, and no limits of an address, since
    all come from this machine."""
    OPEN = "open"
    """Nobody is asked for a key. Attackers come from another address of this machine, whose limits are
    not in force, so only the order in which the server serves can protect anybody."""
    PROXY = "addresses"
    """Nobody is asked for a key, and a proxy on this machine says where each comes from: limits of an
    address are in force."""


@dataclass(frozen=True)
class Party:
    """Who comes as one."""

    key: str = ""
    address: str = "127.0.0.1"
    forwarded_for: str = ""

    @property
    def headers(self) -> str:
        """What its requests have besides what every request has."""
        lines = [f"Authorization: Bearer {self.key}\r\n"] if self.key else []
        if self.forwarded_for:
            lines.append(f"X-Forwarded-For: {self.forwarded_for}\r\n")
        return "".join(lines)


@dataclass(frozen=True)
class Parties:
    """All who come, and what the server must be told so that it knows them."""

    victims: Party
    attackers: Party
    newcomers: Party
    settings: dict[str, object] = field(default_factory=dict)


def parties(access: Access, folder: Path) -> Parties:
    """Make keys where there are to be some; their file goes to the folder."""
    if access is Access.OPEN:
        return Parties(Party(), Party(address="127.0.0.2"), Party(address="127.0.0.3"))
    if access is Access.PROXY:
        who = (Party(forwarded_for=f"{network}.7") for network in DOCUMENTATION_NETWORKS)
        victims, attackers, newcomers = who
        return Parties(victims, attackers, newcomers, {"trusted_proxies": "127.0.0.1"})
    path = folder / f"keys-{secrets.token_hex(4)}.toml"
    victims, attackers, newcomers = (
        Party(add_key(path, name, ("speak", "watch", "archive", "edit")))
        for name in ("victims", "attackers", "newcomers")
    )
    return Parties(victims, attackers, newcomers, {"keys_file": path})
