"""One thing that was looked at, and the settings that a check depends on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    title: str
    state: State
    detail: str  # what was found
    advice: str | None = None  # what to do about it; None where there is nothing to do


class CheckedSettings(Protocol):
    """The settings that a check depends on."""

    @property
    def model(self) -> str:
        """A model as `surtitle.recognition.models.locate` takes it."""

    @property
    def partial_model(self) -> str | None:
        """The same for partials; None for the same one."""

    @property
    def device(self) -> str:
        """One of auto, cpu, cuda."""

    @property
    def compute_type(self) -> str:
        """`default`, or a type that CTranslate2 knows."""

    @property
    def host(self) -> str:
        """Address to listen on."""

    @property
    def port(self) -> int:
        """TCP port to listen on."""

    @property
    def keys_file(self) -> Path | None:
        """The file with the server's keys."""

    @property
    def tls_cert(self) -> Path | None:
        """The certificate chain for TLS."""

    @property
    def tls_key(self) -> Path | None:
        """The private key for TLS."""

    @property
    def archive(self) -> str:
        """Where what is captioned is kept, or nothing."""

    @property
    def backplane(self) -> str:
        """Redis by which channels are shared, or nothing."""

    @property
    def engine(self) -> list[str]:
        """Engines on other machines."""

    @property
    def engine_ca(self) -> Path | None:
        """Who certifies them; None is whom the system trusts."""

    @property
    def engine_cert(self) -> Path | None:
        """What this server shows to them."""

    @property
    def engine_key(self) -> Path | None:
        """Its private key."""

    @property
    def name_among_servers(self) -> str:
        """What this server is called by them."""

    def engine_secret(self) -> str:
        """What they know it by, or nothing. Raises ConfigurationError."""

    @property
    def sinks(self) -> list[str]:
        """Where captions go on to."""

    @property
    def sinks_file(self) -> Path | None:
        """More of them."""

    def webhook_secret(self) -> str:
        """What web hooks are signed with, or nothing. Raises ConfigurationError."""
