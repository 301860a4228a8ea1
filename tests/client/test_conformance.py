"""The tables that the client shares with its twin in JavaScript (tests/node/unit)."""

from typing import Any

import msgspec
import pytest

from surtitle.client.dialing import close_passes, refusal_passes
from surtitle.client.inbox import Inbox, superseded_by
from surtitle.client.outbox import Command, Outbox, Silence
from surtitle.client.timeline import Timeline, bytes_before
from surtitle.messages import Flush, ServerMessage, Stop
from tests.conformance import cases

COMMANDS: dict[str, Command] = {"flush": Flush(), "stop": Stop()}


@pytest.mark.parametrize("case", cases("timeline"), ids=lambda case: case["name"])
def test_the_timeline(case: dict[str, Any]) -> None:
    timeline = Timeline()
    for step in case["steps"]:
        match step:
            case {"go_on": byte, "bytes_per_second": rate}:
                timeline.go_on(byte, rate)
            case {"start_over": True}:
                timeline.start_over()
            case {"bytes_before_ms": ms, "bytes_per_second": rate, "frame_bytes": size}:
                assert bytes_before(ms, rate, size) == step["gives"]
            case {"place": data, "gives": expected}:
                message: ServerMessage = msgspec.convert(data, ServerMessage)
                if timeline.is_repeated(message):
                    assert expected is None
                else:
                    assert timeline.place(message) == msgspec.convert(expected, ServerMessage)
            case _:
                pytest.fail(f"no such step: {step}")


@pytest.mark.parametrize("case", cases("outbox"), ids=lambda case: case["name"])
def test_the_outbox(case: dict[str, Any]) -> None:
    outbox = Outbox(case["max_bytes"])
    for step in case["steps"]:
        match step:
            case ["audio", size]:
                outbox.add_audio(bytes(size))
                outbox.drop_oldest()
            case ["forget", byte, expected]:
                passed = outbox.forget_before(byte)
                assert passed == [COMMANDS[name] for name in expected]
            case ["number_at", byte, expected]:
                assert outbox.number_at(byte) == expected
            case ["kept", expected]:
                assert [outbox.safe, outbox.start, outbox.end] == expected
            case ["go_back", byte]:
                outbox.go_back(byte)
            case ["take", expected]:
                assert told(outbox.take(case["most_bytes"])) == expected
            case ["gap", expected]:
                gap = outbox.take_gap()
                assert (None if gap is None else list(gap)) == expected
            case [name]:
                outbox.add_command(COMMANDS[name])
            case _:
                pytest.fail(f"no such step: {step}")


def told(piece: bytes | Silence | Command | None) -> list[str | int] | None:
    """What is sent, as the table has it."""
    match piece:
        case None:
            return None
        case bytes():
            return ["audio", len(piece)]
        case Silence(length):
            return ["silence", length]
    return [next(name for name, command in COMMANDS.items() if command == piece)]


@pytest.mark.parametrize("case", cases("inbox"), ids=lambda case: case["name"])
async def test_the_inbox(case: dict[str, Any]) -> None:
    inbox: Inbox[ServerMessage] = Inbox(superseded_by)
    messages = [message(*each) for each in case["put"]]
    for each in messages:
        inbox.put(each)
    inbox.end()
    places = {id(each): place for place, each in enumerate(messages)}
    assert [places[id(each)] async for each in inbox] == case["left"]


def message(kind: str, utterance: int = 0) -> ServerMessage:
    """One of a kind, whose other fields do not matter."""
    times = {"start_ms": 0, "end_ms": 9}
    texts = {"text": "", "stable": "", "unstable": "", "language": "en"}
    figures = {"seq": 1, "received": 0, "safe": 0, "confidence": 1, "language_probability": 1}
    fields = {"type": kind, "utterance": utterance, **times, **texts, **figures}
    made: ServerMessage = msgspec.convert(fields, ServerMessage)
    return made


@pytest.mark.parametrize("case", cases("refusals"), ids=lambda case: case["name"])
def test_after_which_ends_it_makes_sense_to_connect_again(case: dict[str, Any]) -> None:
    match case:
        case {"status": status}:
            assert refusal_passes(status) == case["passes"]
        case {"close": code}:
            assert close_passes(code) == case["passes"]
