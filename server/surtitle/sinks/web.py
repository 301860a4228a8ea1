"""A sink behind an address: one POST for each caption.

Its certificate must be right, it is not followed elsewhere, and whatever it answers is only looked at
for its status.
"""

import asyncio
import logging
import ssl
import time
from functools import cache
from http import HTTPStatus

import httpx2

from surtitle.sinks.forms import Delivery, Form, Request
from surtitle.sinks.sink import NotNow, Outlet, Refused

CONNECT_S = 5.0
ATTEMPT_S = 10.0
"""For the whole of a request and its answer, however slowly that comes."""
MAX_READ_BYTES = 1 << 16
"""Of an answer. Beyond that the connection is closed."""
MAX_DIGITS = 15
"""Of the number of a caption."""

_TRY_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)

# It tells whole addresses, which may hold secrets, whoever has set up logs.
logging.getLogger("httpx2").setLevel(logging.WARNING)


class WebOutlet(Outlet):
    """See Outlet."""

    def __init__(self, form: Form, attempt_s: float = ATTEMPT_S) -> None:
        self._form = form
        self._attempt_s = attempt_s
        self._failed_id: str | None = ""  # of a caption that may not be there; None if all are
        self._client = httpx2.AsyncClient(
            verify=trusted(),
            follow_redirects=False,
            timeout=httpx2.Timeout(attempt_s, connect=CONNECT_S),
            headers={"User-Agent": "surtitle"},
        )

    async def deliver(self, delivery: Delivery) -> None:
        """See Outlet."""
        url = self._form.counter_url
        if url is not None and self._failed_id not in (None, delivery.id):
            await self._ask_for_number(url)
        request = self._form.request(delivery, int(time.time()))
        if request is None:
            return
        self._failed_id = delivery.id
        response, _ = await self._send("POST", request)
        status = response.status_code
        if response.is_success:
            self._failed_id = None
            return
        why = _sentence(status)
        is_redirect = response.is_redirect
        if (self._form.retries_all and not is_redirect) or status >= 500 or status in _TRY_AGAIN:
            raise NotNow(why, _retry_after_s(response))
        raise Refused(why)

    async def close(self) -> None:
        """See Outlet."""
        await self._client.aclose()

    async def _ask_for_number(self, url: str) -> None:
        """Go on after what has come, from an earlier server or before one was given up."""
        response, body = await self._send("GET", Request(url, {}, b""))
        if response.status_code >= 500 or response.status_code in _TRY_AGAIN:
            raise NotNow(_sentence(response.status_code), _retry_after_s(response))
        digits = body.strip()[: MAX_DIGITS + 1]
        if response.is_success and digits.isdigit() and len(digits) <= MAX_DIGITS:
            self._form.go_on_after(int(digits))
        # Else it does not know, and captions are counted from 1, or from where they were.

    async def _send(self, method: str, request: Request) -> tuple[httpx2.Response, bytes]:
        body = b""
        try:
            async with (
                asyncio.timeout(self._attempt_s),
                self._client.stream(
                    method, request.url, headers=request.headers, content=request.body
                ) as response,
            ):
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MAX_READ_BYTES:
                        break
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise NotNow("no answer in time") from error
        except httpx2.ConnectError as error:
            raise NotNow(f"no connection: {error}") from error
        except httpx2.HTTPError as error:
            raise NotNow(f"the connection broke ({type(error).__name__})") from error
        finally:
            self._client.cookies.clear()  # nothing is kept of what others want us to keep
        return response, body


@cache
def trusted() -> ssl.SSLContext:
    """Whose certificates are right. Reading them all takes a while."""
    return httpx2.create_ssl_context()


def _sentence(status: int) -> str:
    try:
        name = f" ({HTTPStatus(status).phrase})"
    except ValueError:
        name = ""
    if 300 <= status < 400:
        return f"it answers with {status}{name}, and no redirect is followed"
    return f"it answers with {status}{name}"


def _retry_after_s(response: httpx2.Response) -> float:
    """What the header says in seconds; dates are not looked at."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0
