"""The certificate for TLS: whether a client would take it, and for how long."""

import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from surtitle.diagnosis.finding import CheckedSettings, Finding
from surtitle.errors import ConfigurationError
from surtitle.gateway.tls import load

SOON_DAYS = 14
"""Authorities that renew certificates by themselves do so a month before the end."""
_TITLE = "Certificate"
_DAY_S = 86_400


def examine_certificate(settings: CheckedSettings) -> Iterator[Finding]:
    """A finding where the server is to use TLS. That its key is there is another's finding."""
    certificate, key = settings.tls_cert, settings.tls_key
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        yield Finding(_TITLE, "problem", "TLS needs both --tls-cert and --tls-key")
        return
    try:
        shown = _probe(certificate, key)
    except ConfigurationError as error:
        yield Finding(_TITLE, "problem", str(error).rstrip("."))
    except ssl.SSLError as error:
        cause = getattr(error, "verify_message", "") or error.reason
        yield Finding(_TITLE, "problem", f"clients do not accept {certificate}: {cause}")
    else:
        left_s = ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()
        yield judge(certificate, left_s, signs_itself=shown["issuer"] == shown["subject"])


def judge(certificate: Path, left_s: float, *, signs_itself: bool) -> Finding:
    """What it means that the certificate is valid for so long, and who has signed it."""
    days = int(left_s // _DAY_S)
    detail = f"{certificate} is valid for {days} more day{'' if days == 1 else 's'}"
    if signs_itself:
        detail += "; it signs itself, so browsers warn of it until they are told to trust it"
    if days >= SOON_DAYS:
        return Finding(_TITLE, "ok", detail)
    return Finding(
        _TITLE,
        "warning",
        detail,
        "Renew it. A server that is running takes the new files by itself.",
    )


def _probe(certificate: Path, key: Path) -> Mapping[str, object]:
    """The certificate as a client sees it that trusts this one alone; see ssl.SSLSocket.getpeercert.

    Raises ConfigurationError where the two files do not fit, ssl.SSLError where the client refuses.
    """
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(serving, certificate, key)
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False  # by which name the server is reached is not known here
    asking.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # whoever signed it need not be known
    asking.load_verify_locations(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    while waiting:
        for side in tuple(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
    shown = client.getpeercert()
    assert shown is not None
    return shown
