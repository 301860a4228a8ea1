"""What is sent, byte by byte."""

import hashlib
import hmac
import json
import re
from typing import Any

import pytest

from lab.places import REPOSITORY
from surtitle.sinks.forms import Form, Request, WebHook, YouTube, Zoom
from tests.sinks.deliveries import delivery, final, revised

ZOOM = "https://wmcc.zoom.us/closedcaption?id=1&ns=GZ==&sparams=id%2Cns%2Cexpire&signature=a.b-c_d"
YOUTUBE = "http://upload.youtube.com/closedcaption?cid=abcd-efgh"


def sent(form: Form, *messages: str) -> list[Request]:
    requests = [
        form.request(delivery(final(text, number), number), 0)
        for number, text in enumerate(messages, 1)
    ]
    return [request for request in requests if request is not None]


def test_zoom_gets_a_line_under_a_number_that_counts_up() -> None:
    first, second = sent(Zoom(ZOOM), "Good morning.", "Grüße.")
    assert first.url == f"{ZOOM}&seq=1&lang=en-US"  # signed, so it is not written anew
    assert second.url == f"{ZOOM}&seq=2&lang=en-US"
    assert first.headers == {"Content-Type": "text/plain; charset=utf-8"}
    assert (first.body, second.body) == (b"Good morning.\n", "Grüße.\n".encode())


def test_a_number_is_not_used_up_by_sending_again() -> None:
    for form in (Zoom(ZOOM), YouTube(YOUTUBE)):
        again = [form.request(delivery(final("a"), number), 0) for number in (1, 1, 1, 2)]
        assert [r.url.partition("seq=")[2][0] for r in again if r] == ["1", "1", "1", "2"]


def test_zoom_goes_on_with_the_number_that_it_tells() -> None:
    form = Zoom(ZOOM)
    assert form.counter_url == ZOOM.replace("/closedcaption?", "/closedcaption/seq?")
    form.go_on_after(17)
    assert "&seq=18&" in sent(form, "a")[0].url


@pytest.mark.parametrize(
    ("language", "lang"),
    [("de", "&lang=de-DE"), ("ja", "&lang=jp-JP"), ("zh-Hant", "&lang=zh-CN"), ("sv", "")],
)
def test_zoom_is_told_the_languages_that_it_names(language: str, lang: str) -> None:
    request = Zoom(ZOOM).request(delivery(final("a", language=language)), 0)
    assert request is not None
    assert request.url == f"{ZOOM}&seq=1{lang}"


def test_a_language_in_the_address_stays() -> None:
    (request,) = sent(Zoom(ZOOM + "&lang=pt-BR"), "a")
    assert request.url == f"{ZOOM}&lang=pt-BR&seq=1"


def test_youtube_gets_the_time_at_which_it_was_said() -> None:
    """In UTC: it came at 12:30:15.250, and took a second to say."""
    first, second = sent(YouTube(YOUTUBE), "Good morning.", "Grüße.")
    assert (first.url, second.url) == (f"{YOUTUBE}&seq=1", f"{YOUTUBE}&seq=2")
    assert first.body == b"2026-05-04T12:30:14.250\nGood morning.\n"
    assert second.body == "2026-05-04T12:30:14.250\nGrüße.\n".encode()
    assert first.headers == {"Content-Type": "text/plain; charset=utf-8"}


def test_a_whole_second_has_its_milliseconds() -> None:
    request = YouTube(YOUTUBE).request(delivery(final("a", start_ms=0, end_ms=250)), 0)
    assert request is not None
    assert request.body.startswith(b"2026-05-04T12:30:15.000\n")


@pytest.mark.parametrize("form", [Zoom(ZOOM), YouTube(YOUTUBE)])
def test_what_a_service_cannot_use_is_left_out(form: Form) -> None:
    assert form.request(delivery(revised("better")), 0) is None
    assert form.request(delivery(final(" ")), 0) is None
    (request,) = sent(form, "a")
    assert "seq=1" in request.url  # no number is lost by that


@pytest.mark.parametrize("form", [Zoom(ZOOM), YouTube(YOUTUBE)])
def test_a_caption_has_no_lines_but_its_own(form: Form) -> None:
    """Else somebody who dictates could put a caption under another time."""
    (request,) = sent(form, "a\n2026-01-01T00:00:00.000\r\nb\x1b[2J")
    assert request.body.splitlines()[-1] == "a 2026-01-01T00:00:00.000  b�[2J".encode()
    assert request.body.count(b"\n") == (1 if isinstance(form, Zoom) else 2)


def test_a_query_is_begun_where_there_is_none() -> None:
    assert sent(YouTube("https://h/c"), "a")[0].url == "https://h/c?seq=1"
    assert sent(YouTube("https://h/c?"), "a")[0].url == "https://h/c?seq=1"


def test_a_webhook_gets_the_message_signed() -> None:
    request = WebHook("https://h/hook?token=x", "secret").request(
        delivery(final("Grüße.")), 1_700_000_000
    )
    assert request is not None
    assert request.url == "https://h/hook?token=x"
    assert json.loads(request.body) == {
        "id": "id-1",
        "channel": "hall",
        "session": "one",
        "at": "2026-05-04T12:30:15.250000Z",
        "message": {
            **{"type": "final", "seq": 1, "utterance": 1, "start_ms": 1000, "end_ms": 2000},
            **{"text": "Grüße.", "language": "en", "language_probability": 1.0, "confidence": 1.0},
        },
    }
    expected = hmac.digest(b"secret", b"1700000000." + request.body, hashlib.sha256).hex()
    assert request.headers == {
        "Content-Type": "application/json",
        "Surtitle-Id": "id-1",
        "Surtitle-Signature": f"t=1700000000,v1={expected}",
    }


def test_receivers_can_check_it_as_the_document_says() -> None:
    text = (REPOSITORY / "docs" / "sinks.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"hmac": hmac, "hashlib": hashlib}
    exec(code, names)
    is_genuine = names["is_genuine"]
    request = WebHook("https://h/", "secret").request(delivery(final("a")), 1_700_000_000)
    assert request is not None
    signature, now_s = request.headers["Surtitle-Signature"], 1_700_000_010.5
    assert is_genuine(b"secret", signature, request.body, now_s)
    assert not is_genuine(b"other", signature, request.body, now_s)
    assert not is_genuine(b"secret", signature, request.body + b" ", now_s)
    assert not is_genuine(b"secret", signature, request.body, now_s + 600)
    later = signature.replace("t=1700000000", "t=1700000600")
    assert not is_genuine(b"secret", later, request.body, now_s + 600)


def test_a_webhook_gets_corrections() -> None:
    request = WebHook("https://h/", "secret").request(delivery(revised("better"), 2), 0)
    assert request is not None
    assert json.loads(request.body)["message"]["type"] == "revised"


def test_an_address_is_not_in_what_is_printed() -> None:
    assert "signature" not in repr(sent(Zoom(ZOOM), "a"))
