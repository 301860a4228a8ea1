import json

import pytest

from surtitle.runtime.printable import printable, printable_event, printable_json

UNFIT = {
    "clears the screen": "\x1b[2J",
    "sets the title": "\x1b]0;owned\x07",
    "control sequence of one byte": "\x9b31m",
    "device control string": "\x90+q\x9c",
    "writes over": "home\b\b\b\bgone",
    "deletes": "a\x7f",
    "turned round": "\u202egnp.exe",
    "isolated": "\u2066a\u2069",
    "no letter": "\x00\ufeff",
    "hidden": "\U000e0041",
    "half a surrogate": "\ud800",
}


@pytest.mark.parametrize("text", UNFIT.values(), ids=UNFIT)
def test_nothing_is_left_that_a_terminal_acts_on(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert set(shown) - set(text) == {"\ufffd"}
    assert all(char == "\ufffd" or char.isprintable() for char in shown)


@pytest.mark.parametrize("gap", ["\n", "\r", "\t", "\x0b", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_text_is_one_line(gap: str) -> None:
    assert printable(f"one{gap}two") == "one two"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "He said: “Yes.”",
        "今天",
        "مرحبا\u200f!",
        "نمی\u200cروم",
        "👩\u200d💻",
        "e\u0301",
        "नमस्ते",
        "\u00a0",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("text", UNFIT.values(), ids=UNFIT)
def test_json_means_the_same(text: str) -> None:
    line = printable_json(json.dumps({"text": text}, ensure_ascii=False))
    assert line.isascii()
    assert json.loads(line) == {"text": text}


def test_a_log_line_cannot_be_forged_and_a_stack_keeps_its_lines() -> None:
    event = {"event": "x\n[error] y", "port": 1, "stack": "one\n\x1b[31mtwo"}
    assert printable_event(event) == {
        "event": "x [error] y",
        "port": 1,
        "stack": "one\n\ufffd[31mtwo",
    }
