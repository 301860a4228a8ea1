"""From what came of each recording to the rows of the report, and to its tables."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from load.metrics import UtteranceFigures
from load.score import Score
from load.session import Heard
from load.summary import Spread
from quality.calm import Calm
from quality.figures import Report, Result, report, result_of
from quality.listen import Listened
from quality.lost import Lost
from quality.recordings import Recording
from quality.revisions import Revisions
from quality.tables import markdown
from quality.word_times import WordTimes
from tests.scripts.quality.made import (
    ALONE,
    NOISE,
    RESULT,
    ended,
    final,
    opened,
    received,
    revised,
    spoken,
)

FRENCH = replace(
    RESULT, folder="calls", file="f.wav", language="fr", streamed_score=Score(2, 8),
    offline_score=Score(4, 8), calm=Calm(words=10, erased_by_finals=3),
)  # fmt: skip
TIMES = WordTimes(
    spoken=75, judged=70, start=Spread(0.02, 0.04, 0.05, 70), end=Spread(0.03, 0.06, 0.07, 70),
    good=0.974, drift_s=-0.01,
)  # fmt: skip
CALL = replace(
    RESULT, folder="calls", file="c.wav", streamed_score=Score(3, 16), offline_score=Score(1, 16),
    calm=Calm(words=16, erased_by_partials=2, erased_by_finals=2),
)  # fmt: skip


def of(*results: Result, real_time: bool = True) -> Report:
    return report(
        "tiny.en",
        results,
        real_time=real_time,
        sessions=4,
        word_times={"digits": TIMES},
        others_cores=0.25,
    )


def test_one_recording() -> None:
    recording = Recording(Path("/talks/a.wav"), 2.0, "en", "THE CAT SAT DOWN")
    messages = [*spoken("the cap", answer=final("The cat sat.")), ended(2000, 2000, 0)]
    heard = Heard(0, late_s=0.5, problems=["late"])
    result = result_of(Listened(recording, heard, received(messages)), "The cat sat down.", None)
    assert (result.folder, result.file, result.streamed) == ("talks", "a.wav", "The cat sat.")
    assert result.streamed_score == Score(1, 4)
    assert result.offline_score == Score(0, 4)
    assert (result.calm.erased_by_finals, result.account.captioned_ms) == (1, 2000)
    assert (result.shown, result.late_s, result.problems) == ("the cap", 0.5, ["late"])


def test_one_recording_with_better_texts() -> None:
    recording = Recording(Path("/talks/a.wav"), 2.0, "en", "THE CAT SAT DOWN")
    said = (("The cap.", "The cat sat"), ("Sad down.", "down."))
    messages = [
        *(m for n, (first, _) in enumerate(said) for m in (opened(n), final(first, n))),
        *(revised(better, n) for n, (_, better) in enumerate(said)),
        ended(2000, 2000, 0),
    ]
    listened = Listened(recording, Heard(0), received(messages))
    result = result_of(listened, "The cat sat down.", None, with_revisions=True)
    assert (result.streamed, result.revised) == ("The cap. Sad down.", "The cat sat down.")
    assert (result.streamed_score, result.revised_score) == (Score(2, 4), Score(0, 4))
    assert result.revisions == Revisions(finals=2, revised=2)
    assert result.calm.erased_by_finals == 0  # it is not on the screen
    plain = result_of(listened, "The cat sat down.", None)
    assert (plain.revised, plain.revised_score, plain.revisions) == (None, None, None)


def test_a_recording_without_a_transcript_is_not_rated() -> None:
    recording = Recording(Path("/talks/a.wav"), 2.0, "en", "")
    result = result_of(Listened(recording, Heard(0, refused="HTTP 503"), []), "Hello.", None)
    assert result.streamed_score is None
    assert result.problems == ["refused: HTTP 503"]
    assert of(result, RESULT).errors == of(RESULT).errors


def test_errors_of_each_folder_and_language_and_of_a_language_in_all_folders() -> None:
    rows = {(row.label, row.language): row for row in of(RESULT, FRENCH, CALL).errors}
    assert list(rows) == [("calls", "en"), ("calls", "fr"), ("talks", "en"), ("all", "en")]
    whole = rows["all", "en"]
    assert (whole.recordings, whole.seconds, whole.units) == (2, 20.0, 20)
    # By words, not the mean of the folders.
    assert (whole.streamed_percent, whole.offline_percent) == (20.0, 5.0)
    assert whole.points == pytest.approx(15.0)
    assert rows["calls", "fr"].points == pytest.approx(-25.0)


def test_errors_and_delays_of_better_texts_stand_beside() -> None:
    talk = replace(
        RESULT, revised="one two three four", revised_score=Score(0, 4),
        revisions=Revisions(3, 2, [9.0, 12.0], [8.0, 8.5]),
    )  # fmt: skip
    call = replace(CALL, revised="x", revised_score=Score(1, 16), revisions=Revisions(5, 1))
    whole = of(talk, call)
    assert [row.revised_percent for row in whole.errors] == [1 / 16 * 100, 0.0, 5.0]
    assert [row.revised_percent for row in of(RESULT, CALL).errors] == [None] * 3
    assert of(RESULT).revisions == []
    calls, talks, both = whole.revisions
    assert (calls.timed, calls.after_end_max_s) == (0, float("inf"))
    assert (both.finals, both.revised, both.timed) == (8, 3, 2)
    assert (talks.after_end_p50_s, talks.after_end_max_s) == (9.0, 12.0)
    assert (talks.after_final_p50_s, talks.after_final_max_s) == (8.0, 8.5)
    lines = markdown(whole).splitlines()
    assert "| all, en | 2 | 20 | 20 words | 20.00 | 5.00 | 5.00 | +15.00 | – |" in lines
    assert "| talks, en | 2 of 3 | 2 | 9.00 | 12.00 | 8.00 | 8.50 |" in lines
    assert "| calls, en | 1 of 5 | 0 | – | – | – | – |" in lines


def test_how_sure_a_difference_is() -> None:
    def interval(*errors: int) -> tuple[float, float] | None:
        results = [
            replace(RESULT, file=str(n), streamed_score=Score(more, 10), offline_score=Score(2, 10))
            for n, more in enumerate(errors)
        ]
        return of(*results).errors[0].interval

    assert interval(3, 3, 3, 3) is None
    assert interval(3, 3, 3, 3, 3) == (10.0, 10.0)
    wide, narrow = interval(0, 4, 2, 2, 2), interval(*[0, 4, 2, 2, 2] * 20)
    assert wide is not None and narrow is not None
    assert wide[0] < narrow[0] < 0 < narrow[1] < wide[1]


def test_what_was_lost_of_each_folder_and_of_all() -> None:
    silent = replace(CALL, streamed="", offline="One two")
    rows = {(row.label, row.language): row for row in of(RESULT, FRENCH, silent).lost}
    assert rows["talks", "en"].streamed == Lost(1, 0, 0, 1)
    assert rows["talks", "en"].offline == Lost(1)
    assert rows["all", "en"].streamed == Lost(2, 1, 1, 2)
    assert rows["all", "en"].offline == Lost(2, 0, 0, 1)


def test_erasure_of_each_folder_and_of_all() -> None:
    rows = {(row.label, row.language): row for row in of(RESULT, FRENCH, CALL).calm}
    assert rows["talks", "en"].erasure == 1 / 4
    assert rows["calls", "fr"].erasure == 3 / 10
    assert rows["all", "en"].erasure == 5 / 20
    assert rows["all", "en"].calm.erased_by_finals == 2


def test_reading_speed_of_each_folder_and_of_all() -> None:
    slow = replace(CALL, finals=[replace(final("one two three for"), end_ms=4000)])
    rows = {(row.label, row.language): row.speed for row in of(RESULT, FRENCH, slow, NOISE).reading}
    assert list(rows) == [("calls", "en"), ("calls", "fr"), ("talks", "en"), ("all", "en")]
    assert rows["talks", "en"].characters_per_second == pytest.approx(17 / 2)
    assert rows["talks", "en"].words_per_minute == pytest.approx(4 / 2 * 60)
    assert rows["all", "en"].characters_per_second == pytest.approx(34 / 6)
    assert rows["all", "en"].fastest == pytest.approx(17 / 2)


def test_only_recordings_spoken_alone_have_delays() -> None:
    alone = replace(RESULT, delays=ALONE)
    delays = of(alone, CALL).delays
    assert delays is not None
    assert (delays.recordings, delays.word_shown.p50, delays.word_kept.p90) == (1, 0.4, 1.6)
    assert of(alone, CALL).alone == RESULT.calm
    assert of(CALL).delays is None


def test_text_where_nobody_speaks_is_invented_also_if_only_a_partial_showed_it() -> None:
    thanks = replace(NOISE, file="t.wav", streamed="Thanks.", shown="Thanks.", offline="")
    flash = replace(NOISE, file="p.wav", shown="You")
    silent = of(NOISE, thanks, flash, RESULT).silent
    assert [(each.file, each.final, each.shown) for each in silent.invented] == [
        ("p.wav", "", "You"),
        ("t.wav", "Thanks.", "Thanks."),
    ]
    assert (silent.recordings, silent.invented_offline) == (3, 2)
    assert silent.account.silence_ms == 30_000


def test_noise_is_neither_in_errors_nor_in_calm_nor_in_the_account_of_speech() -> None:
    whole, without = of(NOISE, RESULT), of(RESULT)
    assert (whole.errors, whole.calm, whole.account) == (
        without.errors,
        without.calm,
        without.account,
    )


def test_problems_name_their_recording() -> None:
    assert of(replace(RESULT, problems=["closed"])).problems == ["a.wav: closed"]


def test_a_disturbed_measurement_says_so() -> None:
    disturbed = of(replace(RESULT, late_s=0.5), CALL)
    assert (disturbed.late_s, disturbed.others_cores) == (0.5, 0.25)
    line = "Audio was sent at most 0.50 s late; other programs used 0.25 cores in the meantime."
    assert line in markdown(disturbed).splitlines()


def test_without_real_time_there_is_no_calm() -> None:
    assert of(RESULT, real_time=False).calm == []


def test_the_tables_have_every_figure() -> None:
    thanks = replace(NOISE, streamed="Thanks.")
    never = UtteranceFigures("c.wav", 1, 1, float("inf"), True, True, [0.3], [0.3])
    text = markdown(
        of(replace(RESULT, delays=ALONE), replace(CALL, delays=never, problems=["late"]), thanks)
    )
    for line in (
        "| all, en | 2 | 20 | 20 words | 20.00 | 5.00 | +15.00 | – |",
        "| all, en | 2 | 0 / 0 | 0 / 0 | 2 / 0 |",
        "| all, en | 0.250 | 0.150 | 0.100 | 0 of 0 | 0 | 0 |",
        "| of these, one at a time: 2 | 0.250 | 0.150 | 0.100 | 0 of 0 | 0 | 0 |",
        "| word spoken → shown | 4 | 0.30 | 0.60 | 0.60 |",
        "| word spoken → shown for good | 4 | 0.30 | 1.60 | 1.60 |",
        "| start of speech → first text | 2 | 0.50 | 1.00 | 1.00 |",
        "| end of speech → final | 2 | 0.60 | – | – |",
        "| all, en | 8.5 | 120 | 8.5 |",
        "| digits | 70 of 75 | 20 | 50 | 30 | 70 | 97.4% | -10 |",
        "| with speech | 20.0 | 18.0 | 2.0 | 0.0 | 0.0 | 0 of 2 | 0 | – |",
        "| n.wav | Thanks. | – |",
        "- c.wav: late",
    ):
        assert line in text.splitlines(), line
