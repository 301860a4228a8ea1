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
    def tls_key(self) -> Path | None:
        """The private key for TLS."""

    @property
    def archive(self) -> str:
        """Where what is captioned is kept, or nothing."""

    @property
    def backplane(self) -> str:
        """Redis by which channels are shared, or nothing."""
