"""What a slow reader misses, and what it does not."""

import pytest

from surtitle.gateway.unsent import MAX_UNSENT, SKIPPED_WHILE_UNSENT, Unsent, unsent_messages
from surtitle.messages import Ack, Error, Partial, ServerMessage, format_message


def partial(seq: int) -> Partial:
    return Partial(seq=seq, utterance=1, start_ms=0, end_ms=100, stable="", unstable=f"{seq}")


def error(seq: int) -> Error:
    return Error(seq=seq, code="x", message="It is.", fatal=False)


def ack(received: int) -> Ack:
    return Ack(received=received, safe=0)


def waiting(*messages: ServerMessage) -> list[ServerMessage]:
    """What is left to be sent of these."""
    unsent = unsent_messages()
    assert all(unsent.add(message) for message in messages)
    return [unsent.take() for _ in range(len(unsent))]


def test_what_waits_keeps_its_order() -> None:
    few: list[ServerMessage] = [error(1), partial(2), ack(3), partial(4), error(5)]
    assert waiting(*few) == few


def test_partials_give_way_where_many_wait() -> None:
    early: list[ServerMessage] = [
        error(0),
        *(partial(seq) for seq in range(1, SKIPPED_WHILE_UNSENT)),
    ]
    assert waiting(*early) == early
    assert waiting(*early, error(90)) == [error(0), error(90)]
    assert waiting(*early, partial(91)) == [error(0), partial(91)]


def test_of_acknowledgements_the_newest_counts_where_many_wait() -> None:
    early: list[ServerMessage] = [*(error(seq) for seq in range(SKIPPED_WHILE_UNSENT)), ack(1)]
    assert waiting(*early, error(90)) == [*early, error(90)]
    assert waiting(*early, ack(2), ack(3)) == [*early[:-1], ack(3)]


def test_what_gives_way_is_looked_for_only_where_something_may() -> None:
    """A client that reads a trickle has hundreds of messages wait, and more come all the time."""
    asked = 0

    def gives_way(waiting: str, new: str) -> bool:
        nonlocal asked
        asked += 1
        return waiting == "partial"

    unsent = Unsent[str](gives_way, len)
    unsent.add("partial")
    for number in range(MAX_UNSENT):
        assert unsent.add(str(number))
    assert len(unsent) == MAX_UNSENT  # the partial is gone
    assert asked < 3 * MAX_UNSENT


def test_so_many_wait_and_no_more() -> None:
    unsent = unsent_messages()
    assert all(unsent.add(error(seq)) for seq in range(MAX_UNSENT))
    for message in (error(0), partial(0), ack(0)):
        assert not unsent.add(message)
    assert len(unsent) == MAX_UNSENT
    unsent.take()
    assert unsent.add(error(0))


def test_what_waits_is_counted_until_it_need_not_be_sent() -> None:
    unsent = unsent_messages()
    for message in (error(1), ack(2)):
        unsent.add(message)
    assert unsent.held_bytes == len(format_message(error(1))) + len(format_message(ack(2)))
    unsent.clear()
    assert (len(unsent), unsent.held_bytes) == (0, 0)
    with pytest.raises(IndexError):
        unsent.take()
