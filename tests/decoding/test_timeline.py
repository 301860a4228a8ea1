from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surtitle.decoding.timeline import (
    FAR_S,
    JITTER_S,
    MAX_HOLE_S,
    MAX_UNCLOCKED_HOLE_S,
    OVERLAP_S,
    SURE_S,
    Piece,
    Placed,
    Timeline,
)

FRAME_S = 0.02


def pieces(begins_s: float | None, count: int, *, damaged: int = 0) -> list[Piece[float]]:
    """Frames in a row; each one's audio is its length. The first few come `damaged`."""
    return [
        Piece(
            None if begins_s is None else begins_s + number * FRAME_S,
            FRAME_S,
            FRAME_S,
            after_damage=number < damaged,
        )
        for number in range(count)
    ]


def placed(
    *runs: Iterable[Piece[float]], origin_s: float | None = None, max_hole_s: float = MAX_HOLE_S
) -> list[Placed[float]]:
    timeline: Timeline[float] = Timeline(origin_s, max_hole_s)
    result = [each for run in runs for piece in run for each in timeline.place(piece)]
    return result + timeline.finish()


def silences(result: list[Placed[float]]) -> list[tuple[float, float]]:
    """(how much audio had come, silence) of each silence, in seconds."""
    heard_s, found = 0.0, []
    for each in result:
        if each.silence_s:
            found.append((round(heard_s, 3), round(each.silence_s, 3)))
        heard_s += each.silence_s + each.audio
    return found


# -- where it begins ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin_s", "begins_s", "silence"),
    [
        (0.0, 5.0, [(0.0, 5.0)]),
        (3600.0, 3605.0, [(0.0, 5.0)]),
        (0.0, 0.0, []),
        (None, 5.0, []),
        (None, 3600.0, []),
        (0.0, None, []),
        (-0.021, 0.0, [(0.0, 0.021)]),
        (1.0, 0.5, []),
        (0.0, 90_000.0, []),  # no recording has so much silence: it is a clock
    ],
    ids=[
        *("offset", "offset-hour", "zero", "unknown", "hour", "no-clock", "priming"),
        *("before", "day"),
    ],
)
def test_audio_begins_where_its_container_says(
    origin_s: float | None, begins_s: float | None, silence: list[tuple[float, float]]
) -> None:
    result = placed(pieces(begins_s, 50), origin_s=origin_s)
    assert silences(result) == silence
    assert not any(each.is_damage for each in result)


@pytest.mark.parametrize("wrong_s", [0.5, 16.4, 3600.0, 1e9, -0.5, -16.4, None])
@pytest.mark.parametrize("begins_s", [0.0, 5.0])
@pytest.mark.parametrize("damaged", [0, 50])
def test_a_first_stamp_that_is_wrong_is_none(
    wrong_s: float | None, begins_s: float, damaged: int
) -> None:
    run = pieces(begins_s, 100, damaged=damaged)
    run[0] = Piece(wrong_s, FRAME_S, FRAME_S, after_damage=damaged > 0)
    result = placed(run, origin_s=0.0)
    assert sum(each.silence_s for each in result) == pytest.approx(begins_s)
    assert len(result) == 100
    # Where nothing says when it begins, it does so with its first audio.
    if wrong_s is None or wrong_s > begins_s:
        assert silences(placed(run)) == []


def test_a_first_stamp_that_is_off_by_little_is_right() -> None:
    """No jitter: audio is late against its picture by so much."""
    assert silences(placed(pieces(0.05, 50), origin_s=0.0)) == [(0.0, 0.05)]


def test_audio_that_begins_before_its_container_is_no_surplus() -> None:
    result = placed(pieces(0.5, 50), pieces(3.5, 50), origin_s=1.0)
    assert silences(result) == [(1.0, 2.0)]


@pytest.mark.parametrize("begins_s", [0.0, None])
def test_audio_that_begins_where_it_should_comes_at_once(begins_s: float | None) -> None:
    timeline: Timeline[float] = Timeline(0.0)
    assert [len(timeline.place(piece)) for piece in pieces(begins_s, 10)] == [1] * 10


# -- holes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("hole_s", [0.2, 7.0, 3600.0])
@pytest.mark.parametrize("begins_s", [0.0, 3600.0])
def test_a_hole_is_silent(hole_s: float, begins_s: float) -> None:
    result = placed(pieces(begins_s, 50), pieces(begins_s + 1 + hole_s, 50))
    assert silences(result) == [(1.0, hole_s)]
    assert len(result) == 100
    assert not any(each.is_damage for each in result)


def test_a_hole_counts_from_the_second_piece_that_agrees() -> None:
    timeline: Timeline[float] = Timeline(0.0)
    for piece in pieces(0.0, 50):
        assert [each.silence_s for each in timeline.place(piece)] == [0.0]
    first, second = pieces(8.0, 2)
    assert timeline.place(first) == []
    assert [each.silence_s for each in timeline.place(second)] == [7.0, 0.0]


def test_a_hole_before_the_last_piece_counts_too() -> None:
    assert silences(placed(pieces(0.0, 50), pieces(8.0, 1))) == [(1.0, 7.0)]


@pytest.mark.parametrize("max_hole_s", [MAX_HOLE_S, MAX_UNCLOCKED_HOLE_S])
def test_a_clock_that_jumps_too_far_has_started_anew(max_hole_s: float) -> None:
    later = pieces(1 + max_hole_s + 1, 50)
    assert silences(placed(pieces(0.0, 50), later, max_hole_s=max_hole_s)) == []
    near = pieces(1 + max_hole_s - 1, 50)
    assert silences(placed(pieces(0.0, 50), near, max_hole_s=max_hole_s)) == [(1.0, max_hole_s - 1)]


SURE = round(SURE_S / FRAME_S)


@pytest.mark.parametrize("wrong_s", [20.0, 3000.0, 4.5 * 3600, 1e9, -15.0, -3000.0])
@pytest.mark.parametrize("wrong", [2, SURE // 2, SURE - 1])
@pytest.mark.parametrize("damaged", [0, 1, 500])
def test_what_may_have_its_time_from_one_wrong_stamp_makes_no_far_jump(
    wrong_s: float, wrong: int, damaged: int
) -> None:
    right = pieces(20.0, 100)
    wrong_ones = pieces(22.0 + wrong_s, wrong, damaged=damaged)
    again = pieces(22.0 + wrong * FRAME_S, 100, damaged=damaged)
    for runs in ((right, wrong_ones, again), (right, wrong_ones), (wrong_ones, again)):
        result = placed(*runs, origin_s=22.0 if runs[0] is wrong_ones else None)
        assert silences(result) == []
        assert len(result) == sum(map(len, runs))


@pytest.mark.parametrize("hole_s", [FAR_S + 1, 3000.0])
@pytest.mark.parametrize("damaged", [0, 500])
def test_a_far_jump_counts_once_it_is_sure(hole_s: float, damaged: int) -> None:
    later = pieces(1 + hole_s, SURE + 2, damaged=damaged)
    result = placed(pieces(0.0, 50), later)
    assert silences(result) == [(1.0, hole_s)]
    assert [each.is_damage for each in result].count(True) == (damaged > 0)
    assert silences(placed(later, origin_s=0.0)) == [(0.0, 1 + hole_s)]


@pytest.mark.parametrize("programme_s", [100.0, 1200.0, 3000.0])
@pytest.mark.parametrize("spots", [1, 3])
@pytest.mark.parametrize("is_live", [True, False], ids=["live", "inserted"])
@pytest.mark.parametrize("spot_clock_s", [0.0, 40.0, 50_000.0])
def test_a_clock_that_another_took_the_place_of_goes_on_without_a_hole(
    programme_s: float, spots: int, is_live: bool, spot_clock_s: float
) -> None:
    """An advertisement has a clock of its own; behind it the programme is where it was, or where it
    would be by now."""
    spot_s = 20.0
    left_s = programme_s + 10.0
    again_s = left_s + spots * spot_s if is_live else left_s
    runs = [
        pieces(programme_s, 500),
        *[pieces(spot_clock_s, 1000)] * spots,
        pieces(again_s, 500),
        pieces(again_s + 10 + 30, 500),
    ]
    assert silences(placed(*runs, max_hole_s=MAX_UNCLOCKED_HOLE_S)) == [
        (20.0 + spots * spot_s, 30.0)
    ]


# -- clocks that are not exact ------------------------------------------------------------------


@pytest.mark.parametrize("off_s", [0.001, 0.02, JITTER_S - 0.005])
def test_jitter_is_no_hole(off_s: float) -> None:
    shaken = [
        Piece((piece.begins_s or 0.0) + (off_s if number % 2 else -off_s) / 2, FRAME_S, FRAME_S)
        for number, piece in enumerate(pieces(1.0, 200))
    ]
    assert silences(placed(shaken)) == []


@pytest.mark.parametrize("wrong_s", [0.0, 500.0, -20.0, 1e9])
def test_one_wrong_stamp_is_none(wrong_s: float) -> None:
    run = pieces(10.0, 100)
    run[40] = Piece(wrong_s, FRAME_S, FRAME_S)
    result = placed(run)
    assert silences(result) == []
    assert len(result) == 100


@pytest.mark.parametrize("wrong", [3, 10])
def test_several_wrong_stamps_in_a_row_that_disagree_are_none(wrong: int) -> None:
    run = pieces(10.0, 100)
    for number in range(wrong):
        run[40 + number] = Piece(1000.0 * (number + 1), FRAME_S, FRAME_S)
    result = placed(run)
    assert silences(result) == []
    assert len(result) == 100


@pytest.mark.parametrize("again_s", [0.0, 3.0, -100.0])
def test_a_clock_that_starts_anew_runs_on(again_s: float) -> None:
    first = pieces(10.0, 500)
    result = placed(first, pieces(again_s, 500), pieces(again_s + 17, 100))
    assert silences(result) == [(20.0, 7.0)]
    assert len(result) == 1100


def test_pieces_without_a_stamp_follow_each_other() -> None:
    result = placed(pieces(0.0, 50), pieces(None, 50), pieces(2.0, 50))
    assert silences(result) == []
    assert silences(placed(pieces(0.0, 50), pieces(None, 50), pieces(4.0, 50))) == [(2.0, 2.0)]


def test_a_clock_that_is_slow_does_not_lose_what_it_lacks_twice() -> None:
    """It says less time than audio has come; the next hole is shorter by so much."""
    overlap_s = OVERLAP_S / 2
    result = placed(pieces(0.0, 100), pieces(2.0 - overlap_s, 100), pieces(10.0, 50))
    heard_before_s = 4.0
    assert silences(result) == [(heard_before_s, 10.0 - heard_before_s)]


# -- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("hole_s", [0.021, 0.06, 0.5, 7.0])
def test_after_damage_a_small_hole_is_one_and_is_told(hole_s: float) -> None:
    result = placed(pieces(0.0, 50), pieces(1 + hole_s, 50, damaged=50))
    assert silences(result) == [(1.0, hole_s)]
    assert [each.is_damage for each in result] == [False] * 50 + [True] + [False] * 49


def test_after_damage_no_hole_is_none() -> None:
    result = placed(pieces(0.0, 50), pieces(1.001, 50, damaged=50))
    assert silences(result) == []
    assert not any(each.is_damage for each in result)


def test_a_hole_that_was_there_before_is_no_damage() -> None:
    result = placed(pieces(0.0, 50), pieces(3.0, 50), pieces(4.06, 50, damaged=50))
    assert [(each.silence_s > 0, each.is_damage) for each in result if each.silence_s] == [
        (True, False),
        (True, True),
    ]


# -- anything -----------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.floats(-1e5, 1e5)), st.integers(1, 5), st.booleans()),
        max_size=20,
    ),
    st.one_of(st.none(), st.floats(-10, 10)),
)
def test_every_piece_comes_once_and_in_order(
    runs: list[tuple[float | None, int, bool]], origin_s: float | None
) -> None:
    given_in = [
        Piece(None if begins_s is None else begins_s + index, 1.0, (number, index), damaged)
        for number, (begins_s, count, damaged) in enumerate(runs)
        for index in range(count)
    ]
    timeline: Timeline[tuple[int, int]] = Timeline(origin_s)
    result = [each for piece in given_in for each in timeline.place(piece)] + timeline.finish()
    assert [each.audio for each in result] == [piece.audio for piece in given_in]
    assert all(0 <= each.silence_s <= MAX_HOLE_S for each in result)
