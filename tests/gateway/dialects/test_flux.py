"""Deepgram's Flux: turns, and ends that are not sure."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.errors import InternalError
from surtitle.gateway.dialects.deepgram_query import BadQuery, read_flux_query
from surtitle.gateway.dialects.dialect import Audio, Change, Close, Flush, Open, Stop
from surtitle.gateway.dialects.flux import Flux
from surtitle.messages import Update
from tests.captioning.driver import BASE
from tests.gateway.dialects.talking import (
    any_message,
    ended,
    events,
    final,
    flushed,
    frames,
    others,
    over,
    partial,
    pause,
    speech,
    suppressed,
    survives,
    told,
)

RAW = {"encoding": ["linear16"], "sample_rate": ["16000"], "model": ["flux-general-en"]}


def flux(**fields: str) -> Flux:
    return Flux(read_flux_query(RAW | {name: [v] for name, v in fields.items()}, BASE), "0f0f")


def turns(dialect: Flux, *messages: Any) -> list[tuple[str, int, str]]:
    found = frames(told(dialect, *messages))
    return [(each["event"], each["turn_index"], each["transcript"]) for each in found]


def test_it_connects_first() -> None:
    opened, connected = list(flux().begin())
    assert isinstance(opened, Open)
    assert frames([connected]) == [{"type": "Connected", "request_id": "0f0f", "sequence_id": 0}]


def test_a_minute_of_silence_is_borne_and_pings_prolong_it() -> None:
    """LiveKit pings every 30 s; no client of Flux has a `KeepAlive`."""
    assert (flux().idle_timeout_s, flux().hears_pings) == (60.0, True)


def test_a_turn_from_its_first_words_to_its_end() -> None:
    dialect = flux()
    assert turns(
        dialect,
        speech(),
        partial("so ", "it"),
        partial("so it ", "is"),
        final("So it is."),
        partial("well", utterance=2),
        final("Well.", 2),
    ) == [
        ("StartOfTurn", 0, "so it"),
        ("Update", 0, "so it is"),
        ("EndOfTurn", 0, "So it is."),
        ("StartOfTurn", 1, "well"),
        ("EndOfTurn", 1, "Well."),
    ]


def test_an_end_says_what_has_ended_it() -> None:
    dialect = flux()
    (_, end) = frames(told(dialect, final("So it is.")))
    assert end["trigger"] == "model"
    assert (end["audio_window_start"], end["audio_window_end"]) == (0.5, 1.5)
    assert [word["word"] for word in end["words"]] == ["So", "it", "is."]
    assert end["end_of_turn_confidence"] >= 0.7
    assert list(dialect.take_text('{"type":"ForceEndTurn"}')) == [Flush()]
    (start, end) = frames(told(dialect, final("Well", 2, ended_by="flush"), flushed()))
    assert "trigger" not in start
    assert end["trigger"] == "manual"
    (_, end) = frames(told(dialect, final("Well", 3, ended_by="flush")))
    assert end["trigger"] == "model"  # muted, say


def test_all_messages_are_counted() -> None:
    dialect = flux()
    said = frames([*dialect.begin(), *told(dialect, partial("so"), final("so"))])
    said += frames(dialect.take_text('{"type":"Configure"}'))
    assert [each["sequence_id"] for each in said] == [0, 1, 2, 3]


def test_what_is_cut_is_one_turn() -> None:
    dialect = flux()
    assert turns(
        dialect, final("so it", ended_by="length"), partial("is", utterance=2), final("is.", 2)
    ) == [
        ("StartOfTurn", 0, "so it"),
        ("Update", 0, "so it is"),
        ("EndOfTurn", 0, "so it is."),
    ]


def test_a_turn_whose_last_part_was_cut_ends_with_the_stream_and_where_that_is_forced() -> None:
    for forced in (False, True):
        dialect = flux()
        told(dialect, partial("so"), final("so it is.", ended_by="length"))
        if forced:
            assert not told(dialect, flushed())  # nobody wants the end
            list(dialect.take_text('{"type":"ForceEndTurn"}'))
            (end,) = frames(told(dialect, flushed()))
            assert told(dialect, ended()) == [Close()]
        else:
            said = told(dialect, ended())
            (end,) = frames(said)
            assert others(said) == [Close()]
        assert (end["event"], end["transcript"]) == ("EndOfTurn", "so it is.")
        assert end["trigger"] == ("manual" if forced else "model")


def test_an_end_that_is_forced_is_not_that_of_the_next_turn() -> None:
    dialect = flux()
    told(dialect, partial("so"))
    list(dialect.take_text('{"type":"ForceEndTurn"}'))
    assert turns(
        dialect, final("so", ended_by="flush"), partial("well", utterance=2), flushed()
    ) == [
        ("EndOfTurn", 0, "so"),
        ("StartOfTurn", 1, "well"),
    ]


def test_a_turn_without_a_pause_ends_all_the_same() -> None:
    dialect = flux()
    for number in range(1, 5):
        end_ms = number * 30_000
        said = turns(dialect, final("so", number, end_ms - 30_000, end_ms, ended_by="length"))
    assert said == [("EndOfTurn", 0, "so so so so")]
    assert turns(dialect, final("it", 5, 120_000, 150_000))[0] == ("StartOfTurn", 1, "it")


def test_eager_ends_only_for_who_asks_and_only_as_sure_as_he_wants() -> None:
    assert not told(flux(), pause("So it is."))
    assert not told(flux(eager_eot_threshold="0.6"), pause("so it is and", finished=False))
    dialect = flux(eager_eot_threshold="0.4")
    (opened, _) = list(dialect.begin())
    assert isinstance(opened, Open)
    assert opened.start.eager
    assert turns(dialect, partial("so"), pause("so it is and", finished=False), over()) == [
        ("StartOfTurn", 0, "so"),
        ("EagerEndOfTurn", 0, "so it is and"),
        ("TurnResumed", 0, "so it is and"),
    ]
    assert turns(dialect, pause("So it is."), partial("So it is."), final("So it is.")) == [
        ("EagerEndOfTurn", 0, "So it is."),
        ("EndOfTurn", 0, "So it is."),
    ]


def test_a_pause_before_the_first_words_were_shown_begins_the_turn() -> None:
    dialect = flux(eager_eot_threshold="0.4")
    assert [event for event, *_ in turns(dialect, pause("So."), final("So."))] == [
        "StartOfTurn",
        "EagerEndOfTurn",
        "EndOfTurn",
    ]


def test_noise_is_no_turn_and_ends_one_that_was_begun() -> None:
    dialect = flux()
    assert not told(dialect, speech(), suppressed())
    assert turns(dialect, partial("so", utterance=2), suppressed(2)) == [
        ("StartOfTurn", 0, "so"),
        ("EndOfTurn", 0, ""),
    ]


def test_the_end_and_configuring() -> None:
    dialect = flux(eot_threshold="0.8")
    configured = list(dialect.take_text('{"type":"Configure","keyterms":["post-mortem"]}'))
    assert others(configured) == [Change(Update(hotwords=["post-mortem"]))]
    (success,) = frames(configured)
    assert (success["type"], success["keyterms"]) == ("ConfigureSuccess", ["post-mortem"])
    assert success["thresholds"] == {"eot_threshold": 0.8, "eager_eot_threshold": None}
    assert list(dialect.take_bytes(b"ab")) == [Audio(b"ab")]
    assert list(dialect.take_text('{"type":"CloseStream"}')) == [Stop()]
    assert not list(dialect.take_bytes(b"ab"))
    assert told(dialect, ended()) == [Close()]


def test_a_stream_that_fails_says_so() -> None:
    error, close = flux().fail(InternalError("It broke."))
    assert frames([error])[0]["code"] == "INTERNAL"
    assert close == Close(1011, "internal")


def test_after_the_end_it_closes_as_wanted_whatever_fails() -> None:
    dialect = flux()
    list(dialect.take_bytes(b"ab"))
    list(dialect.take_text('{"type":"CloseStream"}'))
    assert list(dialect.leave()) == [Close()]
    error, close = dialect.fail(InternalError("It broke."))
    assert frames([error])[0]["type"] == "Error"
    assert close == Close()


def test_thresholds_may_change() -> None:
    dialect = flux()
    text = '{"type":"Configure","thresholds":{"eot_threshold":0.8,"eager_eot_threshold":0.4}}'
    (success,) = frames(dialect.take_text(text))
    assert success["thresholds"] == {"eot_threshold": 0.8, "eager_eot_threshold": 0.4}
    assert "EagerEndOfTurn" in [event for event, *_ in turns(dialect, pause("so it is."))]
    (failure,) = frames(dialect.take_text('{"type":"Configure","thresholds":{"eot_threshold":7}}'))
    assert failure["type"] == "ConfigureFailure"


@pytest.mark.parametrize(
    "fields",
    [
        {"eot_threshold": "0.5", "eot_timeout_ms": "500"},
        {"eot_threshold": "1.0", "eot_timeout_ms": "60000"},
        {"eager_eot_threshold": "0.9"},
    ],
)
def test_all_that_its_documentation_allows_is_taken(fields: dict[str, str]) -> None:
    assert flux(**fields)
    thresholds = {name: float(value) for name, value in fields.items()}
    thresholds = {name: int(v) if name == "eot_timeout_ms" else v for name, v in thresholds.items()}
    text = json.dumps({"type": "Configure", "thresholds": thresholds})
    assert frames(flux().take_text(text))[0]["type"] == "ConfigureSuccess"


def test_no_pause_ends_a_turn_whose_end_nobody_is_sure_of() -> None:
    dialect = flux(eot_threshold="1.0")
    (opened, _) = list(dialect.begin())
    assert isinstance(opened, Open)
    assert not opened.start.endpointing
    # An utterance of the greatest length may still end in a silence.
    assert turns(dialect, partial("so it"), final("So it is."), partial("well", utterance=2)) == [
        ("StartOfTurn", 0, "so it"),
        ("Update", 0, "So it is. well"),
    ]
    told(dialect, final("Well.", 2))
    list(dialect.take_text('{"type":"ForceEndTurn"}'))
    (end,) = frames(told(dialect, flushed()))
    assert (end["event"], end["trigger"], end["transcript"]) == (
        "EndOfTurn",
        "manual",
        "So it is. Well.",
    )


def test_ends_by_pauses_are_turned_off_and_on() -> None:
    dialect = flux()
    configure = '{"type":"Configure","thresholds":{"eot_threshold":%s}}'
    for threshold, changes in (
        ("1.0", [Change(Update(endpointing=False))]),
        ("1", []),
        ("0.8", [Change(Update(endpointing=True))]),
    ):
        assert others(dialect.take_text(configure % threshold)) == changes


def test_a_turn_that_has_paused_already_ends_when_pauses_end_turns_again() -> None:
    dialect = flux(eot_threshold="1")
    told(dialect, final("So it is.", ended_by="pause"))
    said = frames(dialect.take_text('{"type":"Configure","thresholds":{"eot_threshold":0.7}}'))
    assert [each.get("event", each["type"]) for each in said] == ["EndOfTurn", "ConfigureSuccess"]
    assert said[0]["transcript"] == "So it is."


def test_null_turns_eager_ends_off() -> None:
    """As Pipecat says it; what is not named stays."""
    dialect = flux(eager_eot_threshold="0.4")
    configure = '{"type":"Configure","thresholds":%s}'
    for thresholds, eager in (
        ("{}", 0.4),
        ('{"eot_threshold":null}', 0.4),
        ('{"eager_eot_threshold":null}', None),
    ):
        (success,) = frames(dialect.take_text(configure % thresholds))
        assert success["thresholds"] == {"eot_threshold": 0.7, "eager_eot_threshold": eager}
    assert not told(dialect, pause("So it is."))


@pytest.mark.parametrize(
    "fields",
    [
        {"encoding": "bogus"},
        {"eot_threshold": "7"},
        {"eot_threshold": "high"},
        {"eager_eot_threshold": "0.1"},
        {"eot_timeout_ms": "1"},
        {"redact": "pci"},
    ],
)
def test_what_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(BadQuery):
        flux(**fields)


@given(
    st.lists(
        events(["CloseStream", "ForceEndTurn", "Configure", "KeepAlive", "x"], ["keyterms", "y"])
        | st.binary(max_size=20)
        | any_message
    )
)
def test_anything_in_any_order(inputs: list[Any]) -> None:
    survives(flux(eager_eot_threshold="0.4"), inputs)
