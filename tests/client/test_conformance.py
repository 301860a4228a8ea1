"""The tables that the client shares with its twin in JavaScript (tests/node/test_conformance.py)."""

from typing import Any

import msgspec
import pytest

from surtitle.client.outbox import Command, Outbox
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
            case ["forget", byte, expected]:
                passed = outbox.forget_before(byte)
                assert passed == [COMMANDS[name] for name in expected]
            case ["number_at", byte, expected]:
                assert outbox.number_at(byte) == expected
            case ["kept", expected]:
                assert [outbox.safe, outbox.start, outbox.end] == expected
            case [name]:
                outbox.add_command(COMMANDS[name])
            case _:
                pytest.fail(f"no such step: {step}")
