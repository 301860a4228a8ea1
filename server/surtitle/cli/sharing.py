"""The address that a speaker gives to an audience."""

from urllib.parse import urlsplit, urlunsplit

import httpx2
import msgspec

from surtitle.client import CAPTIONS_PATH
from surtitle.client.dialing import endpoint
from surtitle.messages import Ready
from surtitle.runtime.addresses import is_local_name, is_loopback

ANSWER_S = 2.0
"""How long the server may take to say where others find it."""


class _Network(msgspec.Struct):
    urls: list[str] = []


async def shared_address(server: str, key: str | None) -> str:
    """Where others find a server, as an HTTP address.

    That is where it was reached, unless this is this machine alone and the server knows better.
    """
    address = urlsplit(endpoint(server, CAPTIONS_PATH))
    scheme = address.scheme.replace("ws", "http", 1)
    path = address.path.removesuffix(CAPTIONS_PATH)
    own = urlunsplit((scheme, address.netloc, path, "", ""))
    host = address.hostname or ""
    if not (is_loopback(host) or is_local_name(host)):
        return own
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with httpx2.AsyncClient(timeout=ANSWER_S, trust_env=False, headers=headers) as client:
            answer = await client.get(f"{own}/v1/network")
            answer.raise_for_status()
        return next(iter(msgspec.json.decode(answer.content, type=_Network).urls), own).rstrip("/")
    except (httpx2.HTTPError, msgspec.MsgspecError):  # it is older, or something stands before it
        return own


def watch_page(address: str, ready: Ready) -> str:
    """The page for the audience of a session."""
    token = f"#token={ready.watch_token}" if ready.watch_token else ""
    return f"{address}/watch/{ready.channel}{token}"
