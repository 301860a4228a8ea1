"""What is in the file after each step."""

import io

import pytest
import webvtt

from surtitle.messages import Final, Revised, WordTiming
from surtitle.sinks.growing import MAX_KEPT, MAX_SESSIONS, Growing
from surtitle.subtitles.cues import Layout
from tests.sinks.deliveries import final, revised


class File:
    """The bytes of a file that is edited."""

    def __init__(self, extension: str) -> None:
        self.growing = Growing(extension, Layout())
        self.data = b""

    def take(self, message: Final | Revised, session: str = "one", at_ms: int = 0) -> "File":
        edit = self.growing.take(session, message, at_ms)
        if edit is not None:
            assert edit.keep_bytes <= len(self.data)
            self.data = self.data[: edit.keep_bytes] + edit.data
        return self

    @property
    def text(self) -> str:
        return self.data.decode()


FIRST = "00:00:01.000 --> 00:00:02.000\nGood morning.\n\n"
SECOND = "00:00:03.000 --> 00:00:04.000\nGrüße &amp; Küsse.\n\n"


def test_webvtt_has_a_header_and_grows_by_whole_cues() -> None:
    file = File("vtt").take(final("Good morning."))
    assert file.text == "WEBVTT\n\n" + FIRST
    file.take(final("Grüße & Küsse.", 2, 3000))
    assert file.text == "WEBVTT\n\n" + FIRST + SECOND


def test_subrip_is_numbered_on() -> None:
    file = File("srt").take(final("One.")).take(final("Two.", 2, 3000))
    assert file.text == (
        "1\n00:00:01,000 --> 00:00:02,000\nOne.\n\n2\n00:00:03,000 --> 00:00:04,000\nTwo.\n\n"
    )


def test_text_has_a_line_for_each_final() -> None:
    file = File("txt").take(final("One.")).take(final(" ", 2)).take(final("Three\nlines.", 3))
    assert file.text == "One.\nThree lines.\n"


@pytest.mark.parametrize("extension", ["vtt", "srt", "txt"])
def test_a_correction_changes_its_final_and_leaves_the_others(extension: str) -> None:
    """As if it had been said so, whether it becomes longer, shorter, or nothing."""
    for better in (
        "Two and a half, or rather more than that, as some of you may remember.",
        "2",
        "",
    ):
        file, expected = File(extension), File(extension)
        for number, text in enumerate(["One.", "Two.", "Three."], 1):
            file.take(final(text, number, 6000 * number, end_ms=6000 * number + 5000))
            text = better if number == 2 else text
            expected.take(final(text, number, 6000 * number, end_ms=6000 * number + 5000))
        file.take(revised(better, 2))
        assert file.data == expected.data
        file.take(final("Four.", 4, 30_000))
        expected.take(final("Four.", 4, 30_000))
        assert file.data == expected.data


def test_a_correction_is_for_its_own_session() -> None:
    file = File("txt").take(final("One.")).take(final("Other.", 1), "two")
    assert file.take(revised("Better.")).text == "Better.\nOther.\n"
    assert file.growing.take("three", revised("nobody"), 0) is None


def test_the_next_session_is_where_it_was_said() -> None:
    """The first began at 100 s of some clock, the second 60 s later: both have times of their own."""
    file = File("vtt")
    file.take(final("One.", start_ms=1000), "one", 102_000)
    file.take(final("Two.", start_ms=1000), "two", 162_000)
    file.take(final("Three.", 2, 5000), "two", 999_000)  # that a final came late changes nothing
    starts = [cue.start for cue in webvtt.from_string(file.text).captions]
    assert starts == ["00:00:01.000", "00:01:01.000", "00:01:05.000"]


def test_times_never_go_back() -> None:
    """A file is faster than its audio, so the next session seems to begin before the end of it."""
    file = File("vtt")
    file.take(final("One.", start_ms=100_000), "one", 0)
    file.take(final("Two."), "two", 0)
    first, second = webvtt.from_string(file.text).captions
    assert second.start >= first.end


def test_words_are_moved_with_their_final() -> None:
    words = [
        WordTiming(text="Two", start_ms=1000, end_ms=1500, confidence=1.0),
        WordTiming(text="words.", start_ms=1500, end_ms=2000, confidence=1.0),
    ]
    file = File("vtt").take(final("One."), "one", 2000)
    file.take(final("Two words.", words=words), "two", 62_000)
    assert webvtt.from_string(file.text)[1].start == "00:01:01.000"
    file.take(revised("Two words!", words=words), "two")
    assert webvtt.from_string(file.text)[1].start == "00:01:01.000"


def test_what_is_remembered_is_bounded() -> None:
    file = File("txt")
    for number in range(MAX_KEPT + 1):
        file.take(final("a", number), f"session {number}")
    before = file.data
    assert file.take(revised("b", 0), "session 0").data == before  # too long ago
    assert file.take(revised("b", 1), "session 1").data != before
    assert len(file.growing._shifts) == MAX_SESSIONS


def test_it_is_read_by_others() -> None:
    file = File("vtt")
    for number in range(20):
        file.take(final(f"Sentence {number} -->", number, 1000 + 500 * number))
    assert len(webvtt.from_buffer(io.StringIO(file.text))) == 20
