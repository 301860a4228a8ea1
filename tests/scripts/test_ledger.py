"""What the ledger calls a fault."""

from msgspec.structs import replace

from lab.ledger import NO_FAULTS, Ledger
from surtitle.messages import Final, Revised, ServerMessage, Speech, Suppressed
from tests.client.scenes import ENDED


def opened(utterance: int) -> Speech:
    return Speech(seq=1, utterance=utterance, start_ms=1000 * utterance)


def final(utterance: int) -> Final:
    return Final(
        seq=1,
        utterance=utterance,
        start_ms=1000 * utterance,
        end_ms=1000 * utterance + 500,
        text="so",
        language="en",
        language_probability=1.0,
        confidence=1.0,
    )


def revised(utterance: int) -> Revised:
    return Revised(
        seq=1,
        utterance=utterance,
        start_ms=1000 * utterance,
        end_ms=1000 * utterance + 500,
        text="sew",
        confidence=1.0,
    )


SAID: list[ServerMessage] = [opened(1), final(1), opened(2), final(2)]


def faults(*messages: ServerMessage) -> dict[str, int]:
    """Those that there are."""
    ledger = Ledger()
    for message in messages:
        ledger.take(message)
    assert ledger.faults.keys() == NO_FAULTS.keys()
    return {name: count for name, count in ledger.faults.items() if count}


def test_answers_once_and_in_order_are_none() -> None:
    suppressed = Suppressed(seq=1, utterance=3, start_ms=3000, end_ms=3500, reason="no_speech")
    assert faults(*SAID, opened(3), suppressed, ENDED) == {}


def test_answers_that_are_missing_or_wrong() -> None:
    assert faults(opened(1), opened(2), final(2)) == {"lost": 1}
    assert faults(*SAID, final(2)) == {"doubled": 1}
    assert faults(*SAID, final(3)) == {"unexpected": 1}
    assert faults(opened(1), opened(2), final(2), final(1)) == {"disorder": 1}


def test_better_texts_follow_their_finals() -> None:
    assert faults(*SAID, revised(1), revised(2), ENDED) == {}
    assert faults(opened(1), final(1), revised(1), opened(2), final(2), revised(2)) == {}


def test_better_texts_that_nobody_expects() -> None:
    assert faults(opened(1), revised(1), final(1)) == {"unexpected": 1}
    assert faults(*SAID, replace(revised(1), end_ms=1600)) == {"unexpected": 1}
    assert faults(*SAID, ENDED, revised(1)) == {"unexpected": 1}
    suppressed = Suppressed(seq=1, utterance=1, start_ms=1000, end_ms=1500, reason="no_speech")
    assert faults(opened(1), suppressed, revised(1)) == {"unexpected": 1}
    assert faults(*SAID, revised(1), revised(1)) == {"doubled": 1}
    assert faults(*SAID, revised(2), revised(1)) == {"disorder": 1}
