"""Better texts of a session: how many, and when."""

from pathlib import Path

from load.metrics import Spoken
from load.session import Heard
from quality.revisions import Revisions, revised_text, revisions
from quality.utterances import Received
from tests.scripts.quality.made import END_MS, final, opened, revised

BEGAN_S = 100.0
SPOKEN = Spoken(Path("a.wav").name, "one two", BEGAN_S, BEGAN_S + 5, ())
MESSAGES = [
    Received(102.5, opened(1)),
    Received(103.0, final("One.", 1)),
    Received(104.0, final("Tow.", 2)),
    Received(110.0, revised("One", 1)),
    Received(110.5, revised("two.", 2)),
]


def test_the_text_in_the_end() -> None:
    assert revised_text(MESSAGES[:3]) == "One. Tow."
    assert revised_text(MESSAGES) == "One two."
    assert revised_text([*MESSAGES[:4], Received(111.0, revised("", 2))]) == "One"


def test_delays_at_the_pace_of_speech() -> None:
    heard = Heard(0, spoken=[SPOKEN], goodbye_s=200.0)
    found = revisions(heard, MESSAGES)
    ended_s = BEGAN_S + END_MS / 1000
    assert (found.finals, found.revised) == (2, 2)
    assert found.after_end_s == [110.0 - ended_s, 110.5 - ended_s]
    assert found.after_final_s == [7.0, 6.5]


def test_the_goodbye_hurries() -> None:
    found = revisions(Heard(0, spoken=[SPOKEN], goodbye_s=110.2), MESSAGES)
    assert (found.revised, found.after_final_s) == (2, [7.0])


def test_there_are_no_delays_of_what_was_sent_at_once() -> None:
    assert revisions(Heard(0), MESSAGES) == Revisions(finals=2, revised=2)


def test_they_add_up() -> None:
    one = revisions(Heard(0, spoken=[SPOKEN], goodbye_s=200.0), MESSAGES)
    assert one + Revisions(3) == Revisions(5, 2, one.after_end_s, one.after_final_s)
