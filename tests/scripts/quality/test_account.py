"""Where the audio went, from literal messages."""

from quality.account import Account, Held, account
from surtitle.messages import ServerMessage
from tests.scripts.quality.made import END_MS, START_MS, ended, final, opened, suppressed


def of(*messages: ServerMessage) -> Account:
    return account(messages)


def test_the_four_parts_add_up() -> None:
    found = of(opened(), final("yes"), ended(10_000, 4_000, 3_000, 2_000, 1_000))
    assert (found.sessions, found.unbalanced, found.unended, found.unanswered) == (1, 0, 0, 0)
    assert (found.audio_ms, found.captioned_ms, found.silence_ms) == (10_000, 4_000, 3_000)
    assert (found.suppressed_ms, found.failed_ms) == (2_000, 1_000)


def test_one_millisecond_too_few_or_too_many_is_unbalanced() -> None:
    assert of(ended(10_000, 4_000, 5_999)).unbalanced == 1
    assert of(ended(10_000, 4_000, 6_001)).unbalanced == 1


def test_a_session_that_breaks_has_no_end_and_leaves_utterances_open() -> None:
    found = of(opened(1), final("yes", 1), opened(2))
    assert (found.unended, found.unanswered) == (1, 1)


def test_suppressed_by_reason_with_their_time() -> None:
    one = of(opened(), suppressed("no_speech"), ended(10_000, 0, 8_000, 2_000))
    other = of(
        opened(1),
        suppressed("repetition", 1),
        opened(2),
        suppressed("no_speech", 2),
        ended(10_000, 0, 6_000, 4_000),
    )
    assert (one + other).suppressed == {
        "no_speech": Held(2, 2 * (END_MS - START_MS)),
        "repetition": Held(1, END_MS - START_MS),
    }
    assert (one + other).suppressed_ms == 6_000
    assert (one + other).sessions == 2
