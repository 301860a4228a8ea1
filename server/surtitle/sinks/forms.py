"""What is sent for a caption to each kind of service. Nothing here reads a clock or opens anything.

Zoom: https://support.zoom.com/hc/en/article?id=zm_kb&sysparm_article=KB0060368. YouTube:
https://support.google.com/youtube/answer/6077032.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from surtitle.messages import Final, Revised
from surtitle.runtime.printable import printable

SIGNATURE_HEADER = "Surtitle-Signature"
ID_HEADER = "Surtitle-Id"

ZOOM_LANGUAGES = {
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "ja": "jp-JP",
    "zh": "zh-CN",
}
"""Those that Zoom names, in its own writing. Others are sent without one."""

_TEXT = {"Content-Type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A caption on its way."""

    id: str
    """Another one for each, and the same however often it is sent."""
    channel: str
    session: str
    message: Final | Revised
    at: datetime
    """When the server had it, in UTC."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to POST."""

    url: str = field(repr=False)
    """It may hold a secret."""
    headers: dict[str, str]
    body: bytes


class Form(Protocol):
    """How a service wants captions."""

    @property
    def counter_url(self) -> str | None:
        """Where it tells the number of the last caption that it has got; None where it does not."""
        ...

    @property
    def retries_all(self) -> bool:
        """Whether a caption that it refuses may be taken later."""
        ...

    def go_on_after(self, number: int) -> None:
        """Of the last caption that the service has got."""
        ...

    def request(self, delivery: Delivery, unix_s: int) -> Request | None:
        """What to send at this time; None where the service cannot use it.

        What is sent again has its number again: captions come one after the other.
        """
        ...


class _Numbers:
    """A number for each caption, which stays the same where it is sent again."""

    def __init__(self) -> None:
        self.last = 0
        self._id = ""

    def of(self, delivery: Delivery) -> int:
        if delivery.id != self._id:
            self._id = delivery.id
            self.last += 1
        return self.last


class Zoom:
    """A meeting. One line for each final; what was sent stays."""

    retries_all = True  # 400 is a meeting that has not begun; Zoom asks for all to be sent again

    def __init__(self, url: str) -> None:
        self._url = url
        path, mark, query = url.partition("?")
        self.counter_url: str | None = f"{path.rstrip('/')}/seq{mark}{query}"
        self._numbers = _Numbers()

    def go_on_after(self, number: int) -> None:
        """See Form."""
        self._numbers.last = number

    def request(self, delivery: Delivery, unix_s: int) -> Request | None:
        """See Form."""
        message = delivery.message
        if not isinstance(message, Final) or not message.text.strip():
            return None
        more = {"seq": str(self._numbers.of(delivery))}
        language = ZOOM_LANGUAGES.get(message.language.partition("-")[0])
        if language is not None and "lang=" not in self._url:
            more["lang"] = language
        text = printable(message.text).strip() + "\n"  # it joins what has no line break between
        return Request(_with_query(self._url, more), _TEXT, text.encode())


class YouTube:
    """A live stream: each final with the time at which it began."""

    counter_url = None
    retries_all = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = _Numbers()

    def go_on_after(self, number: int) -> None:
        """See Form."""
        self._numbers.last = number

    def request(self, delivery: Delivery, unix_s: int) -> Request | None:
        """See Form."""
        message = delivery.message
        if not isinstance(message, Final) or not message.text.strip():
            return None
        # A final comes at the end of its utterance. How far the audio is behind, nobody knows here.
        began = delivery.at - timedelta(milliseconds=message.end_ms - message.start_ms)
        stamp = began.replace(tzinfo=None).isoformat(timespec="milliseconds")
        text = printable(message.text).strip()
        url = _with_query(self._url, {"seq": str(self._numbers.of(delivery))})
        return Request(url, _TEXT, f"{stamp}\n{text}\n".encode())


class WebHook:
    """Any service: messages as viewers of the channel get them, signed."""

    counter_url = None
    retries_all = False

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret.encode()

    def go_on_after(self, number: int) -> None:
        """See Form."""

    def request(self, delivery: Delivery, unix_s: int) -> Request | None:
        """See Form. The signature is of the time at which it is sent, so that receivers can refuse
        what somebody sends once more much later.
        """
        body = msgspec.json.encode(
            {
                "id": delivery.id,
                "channel": delivery.channel,
                "session": delivery.session,
                "at": delivery.at,
                "message": delivery.message,
            }
        )
        headers = {
            "Content-Type": "application/json",
            ID_HEADER: delivery.id,
            SIGNATURE_HEADER: sign(self._secret, unix_s, body),
        }
        return Request(self._url, headers, body)


def sign(secret: bytes, unix_s: int, body: bytes) -> str:
    """HMAC-SHA256 over the time, a dot and the body, in hexadecimal digits."""
    code = hmac.new(secret, f"{unix_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={unix_s},v1={code}"


def _with_query(url: str, more: dict[str, str]) -> str:
    """The address as it is, byte by byte, since it is signed, and what is added to its query."""
    added = "&".join(f"{name}={value}" for name, value in more.items())
    path, mark, query = url.partition("?")
    return f"{path}?{query}&{added}" if mark and query else f"{path}?{added}"
