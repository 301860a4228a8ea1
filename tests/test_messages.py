from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.errors import BadMessage, BadStart, BadText, UnknownMessage
from surtitle.messages import (
    CONTAINERS,
    Ack,
    ClientMessage,
    Discard,
    Ended,
    Error,
    Failed,
    Final,
    Flush,
    Flushed,
    Partial,
    Pause,
    PauseOver,
    Ready,
    Resume,
    Resumed,
    Revised,
    ServerMessage,
    Speech,
    Start,
    Status,
    Stop,
    Suppressed,
    Update,
    WordTiming,
    format_message,
    json_schema,
    parse_client_message,
    parse_server_message,
    parse_start_query,
)

CLIENT_MESSAGES: list[ClientMessage] = [
    Start(),
    Start(
        encoding="webm",
        sample_rate=48000,
        channels=2,
        language="zh-Hans",
        languages=["en", "zh"],
        task="translate",
        mode="file",
        partials=False,
        words=True,
        revisions=True,
        eager=True,
        hotwords=["Surtitle", "日本語"],
        prompt='A "quoted" prompt.\n',
        endpoint_silence_ms=400,
        max_utterance_ms=15_000,
        endpointing=False,
        silent_after_ms=0,
        channel="stage",
    ),
    Update(),
    Update(language="de", languages=[], hotwords=["x"], prompt="", partials=True),
    Update(endpoint_silence_ms=800, endpointing=True),
    Flush(),
    Discard(),
    Stop(),
    Resume(session="abc", token="t", last_seq=7),
]

SERVER_MESSAGES: list[ServerMessage] = [
    Ready(
        seq=1,
        session="abc",
        token="t",
        model="base",
        sample_rate=16000,
        resume_window_s=30,
        languages=("en", "zh"),
    ),
    Resumed(received=64_000, token="u"),
    Speech(seq=2, utterance=1, start_ms=64),
    Partial(seq=3, utterance=1, start_ms=64, end_ms=900, stable="你好", unstable=" world"),
    Pause(
        seq=4,
        utterance=1,
        start_ms=64,
        end_ms=900,
        text="你好",
        finished=False,
        confidence=0.8,
        words=[WordTiming(text="你好", start_ms=64, end_ms=400, confidence=0.7)],
    ),
    PauseOver(seq=5, utterance=1),
    Final(
        seq=4,
        utterance=1,
        start_ms=64,
        end_ms=900,
        text="你好 world \u2028 \U0001f600",
        language="en",
        language_probability=0.9,
        confidence=0.8,
        words=[WordTiming(text="你好", start_ms=64, end_ms=400, confidence=0.7)],
    ),
    Final(
        seq=4,
        utterance=1,
        start_ms=0,
        end_ms=1,
        text="",
        language="en",
        language_probability=1.0,
        confidence=0.0,
    ),
    Revised(
        seq=5,
        utterance=1,
        start_ms=64,
        end_ms=900,
        text="你好 world",
        confidence=0.8,
        words=[WordTiming(text="你好", start_ms=64, end_ms=400, confidence=0.7)],
    ),
    Revised(seq=5, utterance=1, start_ms=64, end_ms=900, text="", confidence=0.8),
    Suppressed(seq=5, utterance=2, start_ms=0, end_ms=1, reason="no_speech"),
    Failed(seq=6, utterance=3, start_ms=0, end_ms=1, code="quarantined", message="Given up."),
    Flushed(seq=7, audio_ms=1000),
    Status(seq=7, state="recovering", message="Keep speaking."),
    Ack(received=32_000, safe=16_000),
    Error(seq=8, code="bad_message", message="No.", fatal=False),
    Ended(
        seq=9,
        audio_ms=10,
        captioned_ms=4,
        silence_ms=3,
        suppressed_ms=2,
        failed_ms=1,
        utterances=3,
    ),
]


def kind(message: ClientMessage | ServerMessage) -> str:
    return str(message.__struct_config__.tag)


# -- round trips --------------------------------------------------------------------------------


def test_every_type_is_in_the_lists_above() -> None:
    assert {type(message) for message in CLIENT_MESSAGES} == set(get_args(ClientMessage))
    assert {type(message) for message in SERVER_MESSAGES} == set(get_args(ServerMessage))


@pytest.mark.parametrize("message", CLIENT_MESSAGES, ids=kind)
def test_what_a_client_says_arrives(message: ClientMessage) -> None:
    assert parse_client_message(format_message(message).encode()) == message


@pytest.mark.parametrize("message", SERVER_MESSAGES, ids=kind)
def test_what_the_server_says_arrives(message: ServerMessage) -> None:
    text = format_message(message)
    assert parse_server_message(text) == message
    assert parse_server_message(text.encode()) == message
    assert "\n" not in text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Stop(), '{"type":"stop"}'),
        (
            Speech(seq=2, utterance=1, start_ms=64),
            '{"type":"speech","seq":2,"utterance":1,"start_ms":64}',
        ),
        (Ack(received=3, safe=2), '{"type":"ack","received":3,"safe":2}'),
        (
            Failed(seq=6, utterance=3, start_ms=0, end_ms=1, code="x", message="Y."),
            '{"type":"failed","seq":6,"utterance":3,"start_ms":0,"end_ms":1,"code":"x","message":"Y."}',
        ),
    ],
    ids=lambda value: "",
)
def test_the_form_on_the_wire(message: ClientMessage | ServerMessage, text: str) -> None:
    assert format_message(message) == text


def test_a_final_has_words_only_where_they_were_asked_for() -> None:
    with_words, without = (m for m in SERVER_MESSAGES if isinstance(m, Final))
    assert '"words":[{' in format_message(with_words)
    assert "words" not in format_message(without)


@given(st.text())
def test_any_text_arrives(text: str) -> None:
    partial = Partial(seq=1, utterance=1, start_ms=0, end_ms=1, stable=text, unstable=text)
    try:
        wire = format_message(partial)
    except UnicodeEncodeError:  # half a surrogate pair is no text
        return
    assert parse_server_message(wire) == partial


def test_unknown_fields_are_ignored_by_both_sides() -> None:
    assert parse_client_message(b'{"type":"stop","later":{"a":[1]}}') == Stop()
    text = '{"later":1,"type":"ack","received":1,"safe":0}'
    assert parse_server_message(text) == Ack(received=1, safe=0)


def test_a_message_of_a_later_server_is_none() -> None:
    assert parse_server_message('{"type":"applause","seq":4}') is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"type":"ack"}', '{"type":"ack","received":"1"}']
)
def test_a_server_that_breaks_the_protocol(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        parse_server_message(text)


# -- what clients get wrong ---------------------------------------------------------------------

DEEP = 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"hello",
        b"null",
        b"5",
        b'"start"',
        b"[]",
        b"{}",
        b'[{"type":"stop"}]',
        b'{"type":"stop"',
        b'{"type":"stop"}x',
        b'{"type":"stop"}{"type":"stop"}',
        b"{'type':'stop'}",
        b'{"type":null}',
        b'{"type":5}',
        b'{"type":["stop"]}',
        b'{"type":"start","sample_rate":NaN}',
        b'{"type":"start","later":Infinity}',
        b'{"type":"start","later":01}',
        b'{"type":"\xff"}',
        b'{"type":"stop","later":"\xff"}',
        b'{"type":"stop","later":"\xed\xa0\x80"}',
        b'\xff\xfe{\x00"\x00',
        b'\xef\xbb\xbf{"type":"stop"}',
        b'{"type":"start","prompt":"\\ud800"}',
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'{"a":' * DEEP,
        b'{"type":"stop","later":' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"type":"stop","later":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_json_object_with_a_type(data: bytes) -> None:
    with pytest.raises(BadText, match="must be a JSON object in UTF-8") as caught:
        parse_client_message(data)
    assert caught.value.close_code == 1007
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "name", ["", "Start", "ready", "applause", "start ", "\\u0000", "x" * 9999]
)
def test_a_type_that_is_not_known(name: str) -> None:
    with pytest.raises(
        UnknownMessage, match="the known types are start, update, flush, discard, stop, resume"
    ) as caught:
        parse_client_message(b'{"type":"%s"}' % name.encode())
    assert caught.value.close_code is None
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("encoding", '"midi"'),
        ("encoding", "5"),
        ("sample_rate", "7"),
        ("sample_rate", "7999"),
        ("sample_rate", "96001"),
        ("sample_rate", "-1"),
        ("sample_rate", "16000.5"),
        ("sample_rate", "1e400"),
        ("sample_rate", '"16000"'),
        ("sample_rate", "null"),
        ("sample_rate", "9" * 400),
        ("channels", "0"),
        ("channels", "33"),
        ("channels", "true"),
        ("language", '""'),
        ("language", '"e"'),
        ("language", '"en_US"'),
        ("language", '"en-"'),
        ("language", '"en\\n"'),
        ("language", '"' + "a" * 40 + '"'),
        ("languages", '"en"'),
        ("languages", '["en", 5]'),
        ("languages", '["not a tag"]'),
        ("task", '"summarize"'),
        ("partials", "1"),
        ("words", '"true"'),
        ("hotwords", '["' + "x" * 101 + '"]'),
        ("hotwords", "[" + ",".join(['"x"'] * 101) + "]"),
        ("prompt", '"' + "x" * 1001 + '"'),
        ("endpoint_silence_ms", "99"),
        ("endpoint_silence_ms", "5001"),
        ("max_utterance_ms", "1999"),
        ("max_utterance_ms", "28001"),
        ("channel", "{}"),
    ],
)
def test_a_start_that_cannot_be_used_names_the_field(field: str, value: str) -> None:
    with pytest.raises(BadStart, match=f"`start` cannot be used: .*{field}") as caught:
        parse_client_message(f'{{"type":"start","{field}":{value}}}'.encode())
    assert caught.value.close_code == 4400


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"update","language":5}',
        b'{"type":"update","partials":"no"}',
        b'{"type":"update","hotwords":{}}',
        b'{"type":"resume"}',
        b'{"type":"resume","session":"a","token":"b","last_seq":-1}',
        b'{"type":"resume","session":"a","token":"b","last_seq":1.5}',
        b'{"type":"start","type":"stop"}',
    ],
)
def test_another_message_that_cannot_be_used_is_not_fatal(data: bytes) -> None:
    with pytest.raises(BadMessage) as caught:
        parse_client_message(data)
    assert caught.value.close_code is None


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_a_known_mistake(data: bytes) -> None:
    try:
        parse_client_message(data)
    except (BadText, BadStart, BadMessage, UnknownMessage) as error:
        assert str(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["start", "update", "flush", "discard", "stop", "resume"]),
    st.dictionaries(st.sampled_from([*Start.__struct_fields__, "session", "token"]), json_values),
)
def test_any_fields_are_a_message_or_a_known_mistake(name: str, fields: dict[str, Any]) -> None:
    try:
        data = msgspec.json.encode({**fields, "type": name})
    except (UnicodeEncodeError, OverflowError):
        return
    try:
        message = parse_client_message(data)
    except (BadText, BadStart, BadMessage):
        return
    assert parse_client_message(format_message(message).encode()) == message


def test_a_mistake_is_not_repeated_at_length() -> None:
    long = "A" * 1_000_000
    with pytest.raises(BadStart) as told:
        parse_client_message(f'{{"type":"start","encoding":"{long}"}}'.encode())
    assert len(str(told.value)) < 300
    with pytest.raises(BadStart) as told:
        parse_start_query({"encoding": [long]})
    assert len(str(told.value)) < 300


# -- the query string ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "start"),
    [
        ({}, Start()),
        ({"language": ["en"], "sample_rate": ["48000"]}, Start(language="en", sample_rate=48000)),
        ({"encoding": ["webm"]}, Start(encoding="webm")),
        ({"words": ["true"], "partials": ["false"]}, Start(words=True, partials=False)),
        ({"words": ["1"], "partials": ["0"]}, Start(words=True, partials=False)),
        ({"languages": ["en,de", "fr"]}, Start(languages=["en", "de", "fr"])),
        ({"hotwords": ["New York,Boston,"]}, Start(hotwords=["New York", "Boston"])),
        ({"language": ["en", "de"]}, Start(language="de")),
        ({"prompt": ["5"]}, Start(prompt="5")),
        ({"prompt": ["null"]}, Start(prompt="null")),
        ({"channel": ["stage"]}, Start(channel="stage")),
        ({"max_utterance_ms": ["9000"]}, Start(max_utterance_ms=9000)),
        ({"type": ["stop"], "later": ["1"]}, Start()),
    ],
)
def test_a_start_in_the_query_string(query: dict[str, list[str]], start: Start) -> None:
    assert parse_start_query(query) == start


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample_rate", "7"),
        ("sample_rate", "x"),
        ("sample_rate", ""),
        ("sample_rate", "nan"),
        ("sample_rate", "1e400"),
        ("channels", "1.5"),
        ("encoding", "midi"),
        ("language", "not a tag"),
        ("languages", "en,not a tag"),
        ("partials", "perhaps"),
        ("task", ""),
        ("endpoint_silence_ms", "0"),
    ],
)
def test_a_query_string_that_cannot_be_used_names_the_field(name: str, value: str) -> None:
    with pytest.raises(BadStart, match=f"The query string cannot be used: .*{name}"):
        parse_start_query({name: [value]})


# -- the schema ---------------------------------------------------------------------------------


def test_the_schema_knows_every_message_by_its_type() -> None:
    schema = json_schema()
    tags = {
        direction: set(schema[direction]["discriminator"]["mapping"])
        for direction in ("client_to_server", "server_to_client")
    }
    assert tags["client_to_server"] == {kind(message) for message in CLIENT_MESSAGES}
    assert tags["server_to_client"] == {kind(message) for message in SERVER_MESSAGES}


def test_the_schema_gives_the_limits() -> None:
    start = json_schema()["$defs"]["Start"]["properties"]
    assert start["sample_rate"] == {
        "type": "integer",
        "minimum": 8000,
        "maximum": 96000,
        "default": 16000,
    }
    encodings = {name for each in start["encoding"]["anyOf"] for name in each["enum"]}
    assert encodings == {
        "pcm_s16le",
        "pcm_f32le",
        "mulaw",
        "alaw",
        *CONTAINERS,
    }
