"""TLS with a certificate that is renewed while the server runs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from surtitle.client import ClientError, connect
from surtitle.errors import ConfigurationError
from surtitle.gateway.tls import Certificates
from tests.gateway.certificates import make_certificate
from tests.gateway.fakes import FakeEngine, everything_logged, make_gateway

PASSPHRASE = "secret of the key"
ENCRYPTED = {
    "PKCS 8": ("pkcs8", "-topk8"),
    "an older form": ("ec", "-aes256"),
}


def encrypt(key: Path, form: str) -> None:
    """Give a key a passphrase."""
    command = ["openssl", *ENCRYPTED[form], "-in", str(key), "-out", f"{key}.new"]
    subprocess.run([*command, "-passout", f"pass:{PASSPHRASE}"], check=True, capture_output=True)
    Path(f"{key}.new").replace(key)


async def test_a_renewed_certificate_holds_for_who_comes_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (make_certificate(tmp_path, name) for name in ("first", "second"))
    used = tmp_path / "used.pem", tmp_path / "used.key"
    for file, target in zip(first, used, strict=True):
        shutil.copy(file, target)
    certificates = Certificates(*used)
    gateway = make_gateway(FakeEngine(), max_sessions=10)
    await gateway.start("127.0.0.1", 0, certificates.context)
    url = f"https://127.0.0.1:{gateway.port}"
    try:
        monkeypatch.setenv("SSL_CERT_FILE", str(first[0]))
        async with connect(url) as captions:
            assert captions.ready.session
        for file, target in zip(second, used, strict=True):
            shutil.copy(file, target)
        certificates.refresh()
        with pytest.raises(ClientError, match="Cannot reach"):  # it trusts the first one alone
            async with connect(url):
                pass
        monkeypatch.setenv("SSL_CERT_FILE", str(second[0]))
        async with connect(url):
            pass
        used[1].write_text("no key")
        certificates.refresh()
        async with connect(url):
            pass
        with pytest.raises(ClientError, match="Cannot reach"):
            async with connect(url.replace("https", "http")):
                pass
    finally:
        await gateway.drain(0)


@pytest.mark.parametrize("wrong", ["missing", "no certificate", "the key of another"])
def test_files_that_cannot_be_used_are_told_at_the_start(tmp_path: Path, wrong: str) -> None:
    certificate, key = make_certificate(tmp_path, "one")
    if wrong == "missing":
        certificate.unlink()
    elif wrong == "no certificate":
        certificate.write_text("hello")
    else:
        key = make_certificate(tmp_path, "other")[1]
    with pytest.raises(ConfigurationError, match=r"one\.pem with the key .* cannot be used"):
        Certificates(certificate, key)


@pytest.mark.parametrize("form", ENCRYPTED)
@pytest.mark.parametrize("in_one_file", [False, True])
def test_a_key_with_a_passphrase_is_told_at_the_start(
    tmp_path: Path, form: str, in_one_file: bool
) -> None:
    certificate, key = make_certificate(tmp_path, "one")
    encrypt(key, form)
    if in_one_file:
        key.write_bytes(key.read_bytes() + certificate.read_bytes())
        certificate = key
    with pytest.raises(ConfigurationError) as raised:
        Certificates(certificate, key)
    assert str(raised.value) == f"The key {key} has a passphrase; store it without one."


START = """
import pathlib, sys
from surtitle.gateway.tls import Certificates
Certificates(*map(pathlib.Path, sys.argv[1:]))
"""


@pytest.mark.parametrize("form", ENCRYPTED)
def test_nobody_is_asked_for_a_passphrase(tmp_path: Path, form: str) -> None:
    files = make_certificate(tmp_path, "one")
    encrypt(files[1], form)
    ended = subprocess.run(
        [sys.executable, "-c", START, *files],
        input=PASSPHRASE + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,  # without a terminal
    )
    assert ended.returncode == 1 and "has a passphrase; store it without one." in ended.stderr
    assert "Enter" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("form", ENCRYPTED)
async def test_a_renewal_with_a_passphrase_changes_nothing_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    certificate, key = make_certificate(tmp_path, "used")
    monkeypatch.setenv("SSL_CERT_FILE", str(shutil.copy(certificate, tmp_path / "trusted.pem")))
    certificates = Certificates(certificate, key)
    for renewed, file in zip(make_certificate(tmp_path, "new"), (certificate, key), strict=True):
        renewed.replace(file)
    encrypt(key, form)
    with everything_logged() as logged:
        certificates.refresh()
        certificates.refresh()
    (error,) = (line for line in logged if line["log_level"] == "error")
    assert error["event"] == "the new certificate cannot be used"
    assert error["cause"] == f"The key {key} has a passphrase; store it without one."
    gateway = make_gateway(FakeEngine())
    await gateway.start("127.0.0.1", 0, certificates.context)
    try:
        async with connect(f"https://127.0.0.1:{gateway.port}") as captions:
            assert captions.ready.session
    finally:
        await gateway.drain(0)


@pytest.mark.parametrize(("mode", "warned"), [(0o600, 0), (0o640, 0), (0o644, 1), (0o620, 1)])
def test_a_key_that_others_may_read_is_warned_of(tmp_path: Path, mode: int, warned: int) -> None:
    certificate, key = make_certificate(tmp_path, "own")
    key.chmod(0o600)
    with everything_logged() as logged:
        certificates = Certificates(certificate, key)
        assert logged == []
        key.chmod(mode)
        certificates.refresh()
        Certificates(certificate, key)
    warnings = [line["rights"] for line in logged if line["log_level"] == "warning"]
    assert ["chmod 640" in each for each in warnings] == [True] * 2 * warned
