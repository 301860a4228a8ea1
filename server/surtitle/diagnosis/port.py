"""The port to listen on."""

import errno
import os
import socket
from typing import Any, Literal

from surtitle.diagnosis.finding import Finding

PortState = Literal["free", "used", "forbidden", "foreign", "unknown host"]


def probe_port(host: str, port: int) -> PortState:
    """Try to listen on all addresses of `host`, as the server would; the worst that happened."""
    flags = socket.AI_PASSIVE
    try:
        addresses = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        return "unknown host"
    states = {_try_to_bind(family, address) for family, _, _, _, address in addresses}
    for state in ("used", "forbidden", "free"):  # one address that works is enough
        if state in states:
            return state
    return "foreign"


def _try_to_bind(family: int, address: Any) -> PortState:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # as asyncio does: a port that a dead server left is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "used"
        return "forbidden" if error.errno in (errno.EACCES, errno.EPERM) else "foreign"
    return "free"


def judge_port(host: str, port: int, state: PortState) -> Finding:
    """Judge whether the server can listen."""
    where = f"{host}:{port}"
    if state == "free":
        return Finding("Port", "ok", f"{where} is free" if port else f"{host}, any free port")
    if state == "used":
        detail = f"{where} is in use"
        advice = (
            "Stop the program that uses it (perhaps Surtitle itself), or choose another --port."
        )
    elif state == "forbidden":
        detail = f"this user may not listen on {where}"
        advice = "Use a --port of 1024 or higher."
    elif state == "foreign":
        detail = f"{host} is not an address of this machine"
        advice = "Use --host 127.0.0.1 for this machine only, or 0.0.0.0 for all its addresses."
    else:
        detail = f"the host name {host} is unknown"
        advice = "Check the spelling of --host; 127.0.0.1 is this machine only."
    return Finding("Port", "problem", detail, advice)
