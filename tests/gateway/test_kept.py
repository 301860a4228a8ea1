"""Messages for a client that comes back."""

import pytest

from surtitle.gateway.kept import KEPT_BYTES, KEPT_MESSAGES, KeptMessages
from surtitle.messages import (
    Error,
    Failed,
    Final,
    ServerMessage,
    Status,
    WordTiming,
    format_message,
)

LONG = "x" * 2000


def final(seq: int, text: str = "yes", words: int = 0) -> Final:
    timings = [WordTiming(text="word", start_ms=0, end_ms=1, confidence=1) for _ in range(words)]
    return Final(
        seq=seq,
        utterance=seq,
        start_ms=0,
        end_ms=1,
        text=text,
        language="en",
        language_probability=1,
        confidence=1,
        words=timings or None,
    )


def test_what_followed_a_message_is_told_in_order() -> None:
    kept = KeptMessages()
    messages = [final(seq) for seq in range(1, 6)]
    for message in messages:
        kept.add(message.seq, message)
    assert kept.after(0) == messages
    assert kept.after(3) == messages[3:]
    assert kept.after(5) == []


def test_so_many_are_kept_and_a_gap_is_told() -> None:
    kept = KeptMessages()
    for seq in range(1, KEPT_MESSAGES + 11):
        kept.add(seq, final(seq))
    assert kept.lost_seq == 10
    assert kept.after(9) is None
    assert len(kept.after(10) or ()) == KEPT_MESSAGES


@pytest.mark.parametrize(
    "message",
    [
        final(1, LONG),
        final(1, words=100),
        Error(seq=1, code="bad_message", message=LONG, fatal=False),
        Failed(seq=1, utterance=1, start_ms=0, end_ms=1, code="quarantined", message=LONG),
        Status(seq=1, state="normal", message=LONG),
    ],
    ids=["text", "words", "error", "failed", "status"],
)
def test_so_many_bytes_are_kept(message: ServerMessage) -> None:
    kept = KeptMessages()
    for seq in range(1, 10_000):
        kept.add(seq, message)
        assert kept.held_bytes <= KEPT_BYTES
    missed = kept.after(kept.lost_seq) or []
    assert sum(len(format_message(each)) for each in missed) == kept.held_bytes
    assert kept.lost_seq + len(missed) == 9999
    assert len(missed) < KEPT_MESSAGES


def test_a_message_beyond_all_bounds_is_lost_and_told() -> None:
    kept = KeptMessages()
    kept.add(1, final(1))
    kept.add(2, final(2, "x" * KEPT_BYTES))
    assert (kept.lost_seq, kept.held_bytes) == (2, 0)
    assert kept.after(1) is None
