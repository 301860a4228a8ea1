"""Captions over HTTP, to servers that follow the public descriptions, and to bad ones."""

import asyncio
import hashlib
import hmac
import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from surtitle.sinks.forms import Form, WebHook, YouTube, Zoom
from surtitle.sinks.sink import NotNow, Patience, Refused, Sink
from surtitle.sinks.web import MAX_READ_BYTES, WebOutlet, trusted
from tests.gateway.certificates import make_certificate
from tests.gateway.fakes import everything_logged
from tests.sinks.deliveries import AT, delivery, final, revised, until
from tests.sinks.scripted import OK, Answer, Got, Service, YouTubeStream, ZoomMeeting, serving

QUICK = Patience(first_wait_s=0.005, longest_wait_s=0.02)
SECRET = "0123456789abcdef"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@asynccontextmanager
async def sink_to(form: Form, attempt_s: float = 5) -> AsyncIterator[Sink]:
    sink = Sink("hall test", WebOutlet(form, attempt_s), QUICK, takes_revisions=True)
    sink.start()
    try:
        yield sink
    finally:
        await sink.stop(0)


@asynccontextmanager
async def outlet_to(form: Form, attempt_s: float = 5) -> AsyncIterator[WebOutlet]:
    outlet = WebOutlet(form, attempt_s)
    try:
        yield outlet
    finally:
        await outlet.close()


def hook(service: Service) -> WebHook:
    return WebHook(f"{service.url}/hook?key=s3cret", SECRET)


def zoom(service: Service) -> Zoom:
    return Zoom(f"{service.url}/closedcaption?{ZoomMeeting.QUERY}")


def youtube(service: Service) -> YouTube:
    return YouTube(f"{service.url}/closedcaption?cid=abcd-efgh")


@asynccontextmanager
async def hooked(answer: Answer, attempt_s: float = 5) -> AsyncIterator[tuple[Service, WebOutlet]]:
    """A webhook that always answers so."""
    async with (
        serving(lambda got: answer) as service,
        outlet_to(hook(service), attempt_s) as outlet,
    ):
        yield service, outlet


# -- Zoom ---------------------------------------------------------------------------------------


async def test_a_meeting_shows_each_final_once_and_in_order() -> None:
    meeting = ZoomMeeting()
    async with serving(meeting) as service, sink_to(zoom(service)) as sink:
        for number in range(1, 6):
            sink.put(delivery(final(f"Line {number}.", number), number))
        sink.put(delivery(revised("better"), 6))
        await until(lambda: not sink.waiting)
    assert meeting.shown == [f"Line {number}.\n" for number in range(1, 6)]
    assert meeting.broken == []
    assert service.connections == 1  # one connection for all


async def test_a_meeting_that_loses_answers_gets_nothing_twice() -> None:
    """The caption has come, but the answer breaks off: it is sent again under its number."""
    meeting, lost = ZoomMeeting(), list[Got]()

    def answer(got: Got) -> Answer:
        given = meeting(got)
        if got.method == "POST" and got not in lost:
            lost.append(got)
            return Answer(then="break")
        return given

    async with serving(answer) as service, sink_to(zoom(service)) as sink:
        for number in (1, 2, 3):
            sink.put(delivery(final(f"Line {number}.", number), number))
        await until(lambda: sink.delivered == 3)
    assert meeting.shown == ["Line 1.\n", "Line 2.\n", "Line 3.\n"]
    assert meeting.broken == []
    assert len(service.posts) == 6


async def test_a_server_that_was_started_again_counts_on() -> None:
    meeting = ZoomMeeting(last=41)
    async with serving(meeting) as service, sink_to(zoom(service)) as sink:
        sink.put(delivery(final("On we go.")))
        await until(lambda: sink.delivered)
    assert (meeting.shown, meeting.broken, meeting.last) == (["On we go.\n"], [], 42)


@pytest.mark.parametrize("body", [b"", b"none", b"9" * 40, b"-1"])
async def test_a_meeting_that_tells_no_number_begins_with_1(body: bytes) -> None:
    def answer(got: Got) -> Answer:
        return Answer(404 if not body else 200, body=body) if got.method == "GET" else OK

    async with serving(answer) as service, outlet_to(zoom(service)) as outlet:
        await outlet.deliver(delivery(final("a")))
        assert service.posts[0].query["seq"] == "1"


async def test_captions_wait_for_a_meeting_that_has_not_begun() -> None:
    meeting = ZoomMeeting(begun=False)
    async with serving(meeting) as service, sink_to(zoom(service)) as sink:
        sink.put(delivery(final("Welcome.")))
        await until(lambda: len(service.posts) >= 3)
        assert sink.failing
        meeting.begun = True
        await until(lambda: sink.delivered)
    assert (meeting.shown, meeting.broken) == (["Welcome.\n"], [])


async def test_after_one_that_was_given_up_the_numbers_go_on() -> None:
    """The meeting knows which was the last, and takes the next number alone."""
    meeting = ZoomMeeting()
    async with serving(meeting) as service, outlet_to(zoom(service)) as outlet:
        await outlet.deliver(delivery(final("One.", 1), 1))
        meeting.begun = False  # such as in a break
        for number in (2, 3):
            with pytest.raises(NotNow):
                await outlet.deliver(delivery(final("Lost.", number), number))
        meeting.begun = True
        await outlet.deliver(delivery(final("Four.", 4), 4))
        await outlet.deliver(delivery(final("Five.", 5), 5))
    assert meeting.shown == ["One.\n", "Four.\n", "Five.\n"]
    assert meeting.broken == []
    assert [got.method for got in service.got[-3:]] == ["GET", "POST", "POST"]  # asked once


# -- YouTube ------------------------------------------------------------------------------------


async def test_a_stream_shows_each_final_with_its_time() -> None:
    stream = YouTubeStream()
    async with (
        serving(stream) as service,
        sink_to(YouTube(f"{service.url}/closedcaption?cid=abcd-efgh")) as sink,
    ):
        for number, text in enumerate(["Good morning.", "Grüße.", "両方"], 1):
            sink.put(delivery(final(text, number), number))
        await until(lambda: sink.delivered == 3)
    assert [text for _, text in stream.shown] == ["Good morning.", "Grüße.", "両方"]
    assert stream.broken == []
    for time, _ in stream.shown:
        assert (AT - datetime.fromisoformat(time + "+00:00")).total_seconds() == 1


# -- webhooks -----------------------------------------------------------------------------------


async def test_a_receiver_can_check_who_sent_it_and_whether_it_has_it_already() -> None:
    answers = iter([Answer(503), Answer(then="break"), OK, OK])
    async with serving(lambda got: next(answers)) as service, sink_to(hook(service)) as sink:
        sink.put(delivery(final("One."), 1))
        sink.put(delivery(revised("One!"), 2))
        await until(lambda: sink.delivered == 2)
    for got in service.got:
        fields = dict(part.split("=", 1) for part in got.headers["surtitle-signature"].split(","))
        signed = fields["t"].encode() + b"." + got.body
        assert fields["v1"] == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert got.headers["content-type"] == "application/json"
        assert got.target == "/hook?key=s3cret"
        assert json.loads(got.body)["id"] == got.headers["surtitle-id"]
    ids = [got.headers["surtitle-id"] for got in service.got]
    assert ids == ["id-1", "id-1", "id-1", "id-2"]
    assert [json.loads(got.body)["message"]["text"] for got in service.got[2:]] == ["One.", "One!"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_what_may_work_later_is_tried_again(status: int) -> None:
    async with hooked(Answer(status, {"Retry-After": "7"})) as (_service, outlet):
        with pytest.raises(NotNow, match=str(status)) as raised:
            await outlet.deliver(delivery(final("a")))
    assert raised.value.after_s == 7


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
async def test_what_will_never_work_is_not(status: int) -> None:
    async with hooked(Answer(status)) as (_service, outlet):
        with pytest.raises(Refused, match=str(status)):
            await outlet.deliver(delivery(final("a")))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nobody_is_followed_to_another_place(status: int) -> None:
    async with serving() as other:
        to = {"Location": other.url + "/elsewhere"}
        async with serving(lambda got: Answer(status, to)) as service:
            for form in (hook(service), zoom(service)):
                async with outlet_to(form) as outlet:
                    with pytest.raises(Refused, match="no redirect is followed"):
                        await outlet.deliver(delivery(final("a")))
    assert other.got == []


# -- servers that do harm -----------------------------------------------------------------------


@pytest.mark.parametrize("then", ["hang", "drip"])
async def test_an_answer_has_its_time(then: str) -> None:
    """Also one that always has one more byte."""
    async with hooked(Answer(then=then), attempt_s=0.2) as (_, outlet), asyncio.timeout(2):
        with pytest.raises(NotNow, match="no answer in time"):
            await outlet.deliver(delivery(final("a")))


async def test_an_answer_without_end_is_not_read() -> None:
    async with hooked(Answer(then="flood")) as (service, outlet), asyncio.timeout(5):
        await outlet.deliver(delivery(final("a")))  # the status is all that counts
    assert service.sent_bytes < 400 * MAX_READ_BYTES  # what sockets hold


async def test_headers_without_end_are_not_read() -> None:
    headers = {f"x-{number}": "y" * 1000 for number in range(300)}
    async with hooked(Answer(headers=headers)) as (_service, outlet):
        with pytest.raises(NotNow, match="the connection broke"):
            await outlet.deliver(delivery(final("a")))


async def test_nothing_is_kept_that_a_server_asks_us_to_keep() -> None:
    def answer(got: Got) -> Answer:
        return Answer(headers={"Set-Cookie": f"a{len(service.got)}=b"})

    async with serving(answer) as service, outlet_to(hook(service)) as outlet:
        for number in (1, 2):
            await outlet.deliver(delivery(final("a"), number))
    assert "cookie" not in service.got[1].headers


async def test_a_wrong_certificate_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path, "own")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    async with serving(tls=tls) as service:
        form = WebHook(f"https://127.0.0.1:{service.port}/hook?key=s3cret", SECRET)
        async with outlet_to(form) as outlet:
            with pytest.raises(NotNow, match=r"no connection: .*CERTIFICATE_VERIFY_FAILED"):
                await outlet.deliver(delivery(final("a")))
        assert service.got == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusted.cache_clear()
        async with outlet_to(form) as outlet:
            await outlet.deliver(delivery(final("a")))
        assert len(service.got) == 1
    trusted.cache_clear()


async def test_where_nobody_listens_it_is_tried_again() -> None:
    async with serving() as service:
        pass
    async with outlet_to(hook(service)) as outlet:
        with pytest.raises(NotNow, match="no connection"):
            await outlet.deliver(delivery(final("a")))


async def test_no_log_has_an_address(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever becomes of a caption, and however much everybody logs."""
    caplog.set_level(logging.DEBUG)
    answers = iter([Answer(500), Answer(then="break"), Answer(404), Answer(302), OK])
    with everything_logged() as logs:
        async with serving(lambda got: next(answers)) as service, sink_to(hook(service)) as sink:
            for number in (1, 2, 3):
                sink.put(delivery(final("a", number), number))
            await until(lambda: sink.delivered)
        async with sink_to(hook(service)) as sink:
            sink.put(delivery(final("a")))
            await until(lambda: sink.failing)
    assert len(logs) >= 4
    assert "s3cret" not in str(logs) + caplog.text
