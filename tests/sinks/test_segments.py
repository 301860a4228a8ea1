"""What is written into the folder of a stream, step by step."""

import io
import re

import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from surtitle.messages import WordTiming
from surtitle.sinks.places import Segmenting
from surtitle.sinks.playlist import PLAYLIST
from surtitle.sinks.segments import MAX_AHEAD_MS, MAX_SESSIONS, Segments, Step
from surtitle.subtitles.cues import Layout
from tests.sinks.deliveries import final, revised

ZERO_MS = 1_777_897_812_000  # 2026-05-04 12:30:12, where a segment of 6 s begins
S6 = Segmenting(segment_seconds=6, delay_seconds=12, segments=3)


class Folder:
    """The files that are there after the steps so far."""

    def __init__(self, segmenting: Segmenting = S6, now_ms: int = ZERO_MS) -> None:
        self.segments = Segments(segmenting, Layout(), now_ms)
        self.files: dict[str, str] = {}
        self.written: dict[str, str] = {}  # all segments that ever were, in order
        self.playlists: list[str] = []

    def do(self, step: Step) -> None:
        for name, text in step.written:
            self.files[name] = text
            if name == PLAYLIST:
                self.playlists.append(text)
                listed = re.findall(r"^captions-.*", text, re.MULTILINE)
                assert set(listed) <= self.files.keys()  # what it names is there
            else:
                assert name not in self.written  # a segment never changes
                self.written[name] = text
        for name in step.removed:
            self.files.pop(name, None)

    def pass_to(self, now_ms: int) -> None:
        while self.segments.due_ms <= now_ms:
            self.do(self.segments.advance())

    def end(self, now_ms: int) -> None:
        for step in self.segments.end(now_ms):
            self.do(step)

    def texts(self) -> list[list[str]]:
        """What is said in each segment."""
        return [[cue.text for cue in cues(text)] for text in self.written.values()]


def cues(segment: str) -> list[webvtt.Caption]:
    return list(webvtt.from_buffer(io.StringIO(segment)).captions)


def say(folder: Folder, text: str, end_ms: int, length_ms: int = 1000, utterance: int = 1) -> None:
    """It comes at once after it was said."""
    message = final(text, utterance, end_ms - length_ms, end_ms=end_ms)
    assert folder.segments.take("one", message, ZERO_MS + end_ms)


def test_segments_come_as_time_passes_though_nothing_is_said() -> None:
    folder = Folder(now_ms=ZERO_MS + 2500)
    assert folder.segments.due_ms == ZERO_MS + 6000 + 12_000
    folder.pass_to(ZERO_MS + 17_999)
    assert folder.files == {}
    folder.pass_to(ZERO_MS + 24_000)
    assert folder.files.keys() == {"captions-296316302.vtt", "captions-296316303.vtt", PLAYLIST}
    assert folder.files["captions-296316302.vtt"] == (
        f"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{ZERO_MS * 90 % 2**33},LOCAL:00:00:00.000\n\n"
    )
    assert "LOCAL:00:00:06.000\n\n" in folder.files["captions-296316303.vtt"]
    assert folder.texts() == [[], []]


def test_a_cue_over_a_boundary_is_in_both_segments_with_its_whole_time() -> None:
    folder = Folder()
    say(folder, "Over the boundary.", 7000, 2000)
    folder.pass_to(ZERO_MS + 30_000)
    assert folder.texts() == [["Over the boundary."], ["Over the boundary."], []]
    for text in list(folder.written.values())[:2]:
        assert "00:00:05.000 --> 00:00:07.000\n" in text


def test_a_cue_that_ends_at_the_boundary_is_before_it() -> None:
    folder = Folder()
    say(folder, "One.", 6000)
    say(folder, "Two.", 7000, utterance=2)
    folder.pass_to(ZERO_MS + 24_000)
    assert folder.texts() == [["One."], ["Two."]]


def test_what_comes_too_late_begins_with_what_is_not_written_yet() -> None:
    """As an utterance does that is longer than the delay."""
    folder = Folder()
    folder.pass_to(ZERO_MS + 18_000)
    long = "word " * 20
    assert folder.segments.take("one", final(long, 1, 0, end_ms=18_500), ZERO_MS + 18_500)
    folder.end(ZERO_MS + 18_500)
    assert folder.texts()[0] == []
    assert cues(list(folder.written.values())[1])[0].start == "00:00:06.000"
    shown = [text for texts in folder.texts() for text in texts]
    assert " ".join(shown).split().count("word") >= 20


def test_a_better_text_is_in_segments_that_are_not_written() -> None:
    folder = Folder()
    say(folder, "Won.", 1000, utterance=1)
    say(folder, "Too over the boundary.", 7000, 2000, utterance=2)
    say(folder, "Free.", 9000, utterance=3)
    folder.pass_to(ZERO_MS + 18_000)
    for number, text in enumerate(["One.", "Two over the boundary.", "Three."], 1):
        words = [WordTiming(text=text, start_ms=8000, end_ms=9000, confidence=1.0)]
        better = revised(text, number, words if number == 3 else None)
        assert folder.segments.take("one", better, ZERO_MS + 18_500)
    folder.segments.take("two", revised("Of another session.", 3), ZERO_MS + 18_500)
    folder.pass_to(ZERO_MS + 24_000)
    # The second is half written, and stays as it is: a player shows it once.
    assert folder.texts() == [
        ["Won.", "Too over the boundary."],
        ["Too over the boundary.", "Three."],
    ]
    assert "00:00:08.000 --> 00:00:09.000\nThree." in list(folder.written.values())[1]


def test_a_final_without_a_text_can_get_one() -> None:
    folder = Folder()
    say(folder, "", 2000)
    folder.segments.take("one", revised("There."), ZERO_MS + 2500)
    folder.end(ZERO_MS + 3000)
    assert folder.texts() == [[]]  # it had no time on the screen, so it gets none


def test_the_end_has_a_short_segment_and_says_so() -> None:
    folder = Folder()
    say(folder, "Good night.", 6500)
    folder.end(ZERO_MS + 7250)
    assert folder.texts() == [["Good night."], ["Good night."]]
    assert folder.playlists[-1].endswith(
        "#EXTINF:6.000,\ncaptions-296316302.vtt\n#EXTINF:1.250,\ncaptions-296316303.vtt\n"
        "#EXT-X-ENDLIST\n"
    )
    assert "ENDLIST" not in "".join(folder.playlists[:-1])


def test_times_follow_the_audio_until_it_stands_still() -> None:
    """A final may be late, but not early; and after a pause without audio, the next is in its place."""
    folder = Folder(Segmenting(segment_seconds=6, delay_seconds=12, segments=100))
    for text, end_ms, came_ms in [
        ("A", 2000, 2500),
        ("B", 10_000, 12_000),  # the engine was slow
        ("C", 20_000, 20_200),  # it is faster than it ever was
        ("D", 30_000, 90_000),  # nothing was sent for a minute
    ]:
        message = final(text, end_ms, end_ms - 1000, end_ms=end_ms)
        assert folder.segments.take("one", message, ZERO_MS + came_ms)
    folder.end(ZERO_MS + 90_000)
    starts = {cue.text: cue.start for text in folder.written.values() for cue in cues(text)}
    assert starts == {
        "A": "00:00:01.500",
        "B": "00:00:09.500",
        "C": "00:00:19.200",
        "D": "00:01:29.000",
    }


def test_captions_that_come_faster_than_they_can_be_shown_are_left_out() -> None:
    """Those of a file that is sent as fast as it goes."""
    folder = Folder()
    taken = [
        folder.segments.take("one", final("a b", n, 5000 * n, end_ms=5000 * n + 4000), ZERO_MS)
        for n in range(200)
    ]
    assert taken[0]
    assert not taken[-1]
    assert sum(taken) <= MAX_AHEAD_MS // 1000 + 1
    folder.end(ZERO_MS + 1000)
    assert len(folder.written) <= S6.segments + 2


def test_what_is_remembered_is_bounded() -> None:
    folder = Folder()
    for number in range(MAX_SESSIONS + 10):
        now_ms = 6000 * number
        folder.pass_to(ZERO_MS + now_ms)
        assert folder.segments.take(f"session {number}", final("a", number), ZERO_MS + now_ms)
    assert len(folder.segments._shifts) == MAX_SESSIONS
    assert len(folder.segments._blocks) < 10


@pytest.mark.parametrize(("by_s", "is_lost"), [(0, False), (-30, False), (-90, True), (90, True)])
def test_a_jump_in_time_is_noticed(by_s: int, is_lost: bool) -> None:
    """Such as that of a clock that is set right after the start."""
    folder = Folder()
    folder.pass_to(ZERO_MS + 60_000)
    assert folder.segments.has_lost_touch(ZERO_MS + 60_000 + 1000 * by_s) is is_lost


# -- whatever is said -----------------------------------------------------------------------------

UTTERANCES = st.lists(
    st.tuples(
        st.integers(0, 9000),  # ms of silence before it
        st.integers(100, 20_000),  # ms of its length
        st.integers(0, 3000),  # ms until it comes
        st.integers(1, 40),  # words
    ),
    max_size=12,
)
SEGMENTINGS = st.builds(
    Segmenting,
    segment_seconds=st.integers(1, 10),
    delay_seconds=st.integers(0, 20),
    segments=st.integers(3, 6),
)


@settings(deadline=None)  # a talk takes as long as its layout
@given(UTTERANCES, SEGMENTINGS, st.integers(0, 10_000))
def test_each_cue_is_in_each_segment_that_it_touches(
    utterances: list[tuple[int, int, int, int]], segmenting: Segmenting, offset_ms: int
) -> None:
    start_ms = ZERO_MS + offset_ms
    folder, spoken_ms, now_ms, said = Folder(segmenting, start_ms), 0, start_ms, list[str]()
    for number, (silence_ms, length_ms, late_ms, words) in enumerate(utterances):
        begin_ms, spoken_ms = spoken_ms + silence_ms, spoken_ms + silence_ms + length_ms
        now_ms = max(now_ms, start_ms + spoken_ms + late_ms)
        folder.pass_to(now_ms)
        text = " ".join(f"w{number}.{word}" for word in range(words))
        said += text.split()
        assert folder.segments.take("one", final(text, number, begin_ms, end_ms=spoken_ms), now_ms)
    folder.pass_to(now_ms + 120_000)
    folder.end(now_ms + 120_000)

    length_ms = 1000 * segmenting.segment_seconds
    places: dict[tuple[int, int, str], list[int]] = {}
    for at, segment in enumerate(folder.written.values()):
        for cue in cues(segment):
            places.setdefault((_ms(cue.start), _ms(cue.end), cue.text), []).append(at)
    for (begin_ms, end_ms, _), segments in places.items():
        assert segments == list(range(begin_ms // length_ms, (end_ms - 1) // length_ms + 1))
    assert [word for _, _, text in sorted(places) for word in text.split()] == said
    assert len(folder.files) <= folder.segments.kept + 1
    _check(folder.playlists, segmenting)


def _ms(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    return round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)


def _check(playlists: list[str], segmenting: Segmenting) -> None:
    """What RFC 8216 asks of playlists that are read one after the other."""
    before: list[str] = []
    before_first = None
    for at, playlist in enumerate(playlists):
        target = int(re.findall(r"^#EXT-X-TARGETDURATION:(\d+)$", playlist, re.MULTILINE)[0])
        durations = re.findall(r"^#EXTINF:([\d.]+),$", playlist, re.MULTILINE)
        assert target == segmenting.segment_seconds
        assert all(0 < float(each) <= target for each in durations)
        (first,) = re.findall(r"^#EXT-X-MEDIA-SEQUENCE:(\d+)$", playlist, re.MULTILINE)
        names = re.findall(r"^captions-\d+\.vtt$", playlist, re.MULTILINE)
        assert len(names) == len(durations) <= segmenting.segments
        if before_first is not None:
            removed = int(first) - int(before_first)
            assert removed in (0, 1)
            assert names[:-1] == before[removed:]
        before, before_first = names, first
        is_last = at == len(playlists) - 1
        assert playlist.endswith("#EXT-X-ENDLIST\n") is is_last
