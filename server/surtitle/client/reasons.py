"""Why there is no connection, in sentences that say what to do. Facts in, text out.

The JavaScript library says the same of the same reasons (web_demo/client/reasons.js).
"""

import socket
import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

from msgspec import DecodeError, Struct, json
from websockets.exceptions import InvalidMessage
from websockets.http11 import Response

_MAX_CHARACTERS = 200
"""Of an answer that is not the server's own."""
_NO_WEBSOCKET = (
    "It answers, but not as a WebSocket. If that recurs, something in between lets no WebSocket "
    "through: a reverse proxy must pass on the headers Upgrade and Connection."
)
_STRANGER = "What answers there is no Surtitle server. Check the address and its port."


class _Refusal(Struct):
    """The body of a refused handshake."""

    error: str
    code: str = ""


def why_refused(url: str, response: Response) -> str:
    """What to say of an answer that is no handshake."""
    status = response.status_code
    return f"The server at {url} refused the connection (HTTP {status}): {_said(response)}"


def _said(response: Response) -> str:
    status = response.status_code
    body = bytes(response.body or b"")
    try:
        refusal = json.decode(body, type=_Refusal)
    except DecodeError:  # by a proxy, or another server
        if status == HTTPStatus.UPGRADE_REQUIRED:
            return _NO_WEBSOCKET
        if status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.NOT_FOUND:
            return _STRANGER
        return body.decode(errors="replace").strip()[:_MAX_CHARACTERS]
    if refusal.code == "no_handshake":
        return _NO_WEBSOCKET
    return refusal.error


_UNKNOWN_SIGNER = {18, 19, 20, 21}
"""Of OpenSSL (x509_vfy.h): signed by itself, or by an authority that is not known."""
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
"""What OpenSSL says of an answer that is no TLS; an alert, which has another reason, is TLS."""
_TRUST_IT = " If it is your own, name its file in the environment variable SSL_CERT_FILE."


def unreachable(url: str, error: Exception) -> str:
    """What to say where there was no answer."""
    return f"Cannot reach a Surtitle server at {url}: {_why_silent(url, error)}"


def _why_silent(url: str, error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            said = f"its certificate is not trusted ({error.verify_message})."
            return said + _TRUST_IT if error.verify_code in _UNKNOWN_SIGNER else said
        case ssl.SSLError() if error.reason in _NO_TLS:
            return "it has no TLS. Use ws:// instead of wss:// in its address."
        case ssl.SSLError():
            why = (error.reason or str(error)).replace("_", " ").lower()
            return f"TLS cannot be set up with it ({why})."
        case ConnectionRefusedError():
            return "nobody listens there. Check that the server is running, and its port."
        case socket.gaierror():
            return f"there is no host named {urlsplit(url).hostname}."
        case InvalidMessage() if urlsplit(url).scheme == "ws":
            return f"{error}. If the server has TLS, use wss:// instead of ws:// in its address."
    return f"{error}."
