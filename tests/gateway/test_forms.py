"""Forms with a file, however their bytes come."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.gateway.forms import MAX_FIELD_BYTES, MAX_FIELDS, BadForm, Form

HEADER = "multipart/form-data; boundary=XX"


def field(name: str, value: str) -> bytes:
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def file(data: bytes, name: str = "file") -> bytes:
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"; filename="a.wav"\r\n'
    return head.encode() + b"Content-Type: audio/wav\r\n\r\n" + data + b"\r\n"


def read(*pieces: bytes) -> tuple[Form, bytes]:
    data = bytearray()
    form = Form(HEADER, "file", data.extend)
    for piece in pieces:
        form.feed(piece)
    form.finish()
    return form, bytes(data)


END = b"--XX--\r\n"
WHOLE = (
    field("model", "whisper-1")
    + field("timestamp_granularities[]", "word")
    + file(b"RIFF\r\n--X\r\n-- \x00\xff")
    + field("timestamp_granularities[]", "segment")
    + END
)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=9))
def test_wherever_its_bytes_are_parted(places: list[int]) -> None:
    cuts = [0, *sorted(places), len(WHOLE)]
    form, data = read(*(WHOLE[a:b] for a, b in pairwise(cuts)))
    assert data == b"RIFF\r\n--X\r\n-- \x00\xff"
    assert form.fields == {
        "model": ["whisper-1"],
        "timestamp_granularities[]": ["word", "segment"],
    }
    assert form.late_fields == {"timestamp_granularities[]"}
    assert form.early_fields == {"model", "timestamp_granularities[]"}


def test_a_file_may_come_first() -> None:
    form, data = read(file(b"abc") + field("model", "x") + END)
    assert (form.early_fields, form.late_fields, data) == (frozenset(), {"model"}, b"abc")


def test_what_has_no_file_name_is_the_file_all_the_same() -> None:
    assert read(field("file", "abc") + END)[1] == b"abc"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "ends too early"),
        (b"nothing of the kind", "cannot be read"),
        (END, "has no file"),
        (field("model", "x") + END, "has no file"),
        (file(b"abc"), "ends too early"),
        (file(b"abc") + file(b"def") + END, "more than one file"),
        (field("prompt", "x" * (MAX_FIELD_BYTES + 1)) + file(b"") + END, "longer than"),
        (field("a", "") * MAX_FIELDS + file(b"") + END, None),
        (b"".join(field(f"a{i}", "") for i in range(MAX_FIELDS + 2)) + END, "more than 100"),
        (b"--XX\r\nA: b\r\n\r\n\r\n" * 1000 + END, "more than 100"),
        (field("a" * 2000, "") + END, "headers of a field"),
        (b"--XX\r\n" + b"A: b\r\n" * 50 + b"\r\nx\r\n" + END, "cannot be read"),
    ],
)
def test_what_is_no_such_form(body: bytes, why: str | None) -> None:
    if why is None:
        assert read(body)
        return
    with pytest.raises(BadForm, match=why):
        read(body)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "audio/wav",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "text/plain; boundary=X",
    ],
)
def test_a_body_that_is_no_form(header: str) -> None:
    with pytest.raises(BadForm, match="Send a form"):
        Form(header, "file", lambda data: None)


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_any_bytes_are_a_form_or_a_known_mistake(data: bytes, more: bytes) -> None:
    form = Form(HEADER, "file", lambda data: None)
    try:
        for piece in (b"--XX\r\n" + data, more):
            form.feed(piece)
        form.finish()
    except BadForm as error:
        assert len(str(error)) < 300
