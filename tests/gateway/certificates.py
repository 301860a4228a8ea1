"""Certificates for tests."""

import shutil
import subprocess
from pathlib import Path

import pytest


def make_certificate(folder: Path, name: str, *extensions: str) -> tuple[Path, Path]:
    """A certificate that signs itself and lasts two days, and its key; for 127.0.0.1, unless there
    is another `subjectAltName`.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl: install Debian's `openssl` package")
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", f"/CN={name}"]
    if not any(extension.startswith("subjectAltName=") for extension in extensions):
        extensions = ("subjectAltName=IP:127.0.0.1", *extensions)
    for extension in extensions:
        command += ["-addext", extension]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key
