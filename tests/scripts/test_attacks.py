"""The campaign of attacks: its figures and criteria, its files, and a short run of it."""

import io
import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from attack_campaign import make_plan, rows
from attacks import files
from attacks.access import Access
from attacks.attacker import attack
from attacks.catalogue import KINDS
from attacks.figures import Figures, judge, later_s, not_run
from attacks.lag import EVERY_S, NOTE, lag_between, read_notes
from attacks.report import table
from attacks.scene import run
from attacks.victims import Account, write_scripts
from attacks.wire import Site, audio_frames, frame
from lab.ledger import converse
from lab.server_process import FAKE_DECODER, start_server
from load.speech import Clip

CALM = Figures(
    name="viewer-texts",
    count=8,
    access="keys",
    delays_s=[{1000: 0.4, 3000: 0.5}],
    lag_p50_ms=1,
    lag_p99_ms=5,
    lag_max_ms=9,
    before_mb=200,
    peak_mb=210,
    after_mb=201,
    after_s=2.0,
    worker_peak_mb=300,
    wer_percent=5.0,
    newcomers=20,
    told={"close 1008": 3},
)


def timer(*lates_s: float) -> list[tuple[float, float]]:
    """What a timer notes that is late by so much in turn, from 100 s on."""
    notes, due = [], 100.0
    for late in lates_s:
        notes.append((due, late))
        due += late + EVERY_S
    return notes


class TestLag:
    def test_a_timer_that_is_on_time(self) -> None:
        lag = lag_between(timer(*[0.001] * 500), 100, 105)
        assert lag.p99_ms == pytest.approx(1)
        assert lag.max_ms == pytest.approx(1)

    def test_turns_that_a_long_one_held_up_count(self) -> None:
        """One of 101 turns is late, by half of the time."""
        lag = lag_between(timer(*[0.0] * 50, 2.0, *[0.0] * 50), 100, 104)
        assert lag.p99_ms > 1900

    def test_a_turn_that_never_came(self) -> None:
        assert lag_between(timer(0.0, 0.0), 100, 110).max_ms == pytest.approx(9960)

    def test_what_was_before_and_after_does_not_count(self) -> None:
        notes = timer(3.0, *[0.0] * 100, 3.0)
        lag = lag_between(notes, 103.5, 104.5)
        assert lag.max_ms == 0

    def test_notes_of_a_server_that_was_killed(self) -> None:
        data = b"".join(NOTE.pack(*note) for note in timer(0.0, 1.0))
        assert read_notes(data + b"half") == timer(0.0, 1.0)


class TestCriteria:
    def test_nothing_is_broken(self) -> None:
        judge(CALM, [CALM])
        assert CALM.misses == []

    @pytest.mark.parametrize(
        ("changes", "broken"),
        [
            ({"delays_s": [{1000: 0.4, 3000: 1.01}]}, "late"),
            ({"delays_s": [{1100: 1.01}]}, "late"),
            ({"lag_p99_ms": 50.0}, "loop"),
            ({"peak_mb": 649.0}, "memory"),
            ({"after_mb": 265.0}, "memory kept"),
            ({"wer_percent": 7.1}, "words"),
            ({"newcomers_refused": 2}, "newcomers"),
            ({"max_sessions": 12, "sessions_most": 13}, "places"),
            ({"orphans": 1}, "orphans"),
            ({"is_ready_after": False}, "not ready"),
            ({"problems": ["no account"]}, "account"),
        ],
    )
    def test_each_criterion_can_be_broken(self, changes: dict[str, object], broken: str) -> None:
        figures = Figures(**(_fields(CALM) | changes))  # type: ignore[arg-type]
        judge(figures, [CALM])
        assert figures.misses == [broken]

    def test_a_run_that_came_to_nothing(self) -> None:
        figures = not_run("tags", 8, "TimeoutError")
        judge(figures, [CALM])
        assert figures.misses == ["account"]
        assert table([], [figures]).count("account") == 1

    def test_a_final_is_compared_with_itself(self) -> None:
        quiet = [[{1000: 0.4, 3000: 2.0}], [{1000: 0.6, 3000: 1.0}]]
        assert later_s([{1000: 1.0, 3000: 2.1}], quiet) == pytest.approx(0.4)

    def test_the_table_has_a_row_for_each_run(self) -> None:
        text = table([CALM], [CALM, CALM])
        assert len(text.splitlines()) == 5
        assert "close 1008 3" in text


def _fields(figures: Figures) -> dict[str, object]:
    return {name: getattr(figures, name) for name in figures.__struct_fields__}


class TestAccount:
    WHOLE = Account(
        opened=[1, 2],
        answers=[(1, "a"), (2, "b")],
        ended={
            "audio_ms": 9,
            "captioned_ms": 5,
            "silence_ms": 4,
            "suppressed_ms": 0,
            "failed_ms": 0,
            "utterances": 2,
        },
    )

    def test_one_that_adds_up(self) -> None:
        assert self.WHOLE.faults == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"answers": [(1, "a")]},
            {"answers": [(1, "a"), (2, "b"), (2, "b")]},
            {"ended": None},
            {"ended": WHOLE.ended | {"audio_ms": 10}},  # type: ignore[operator]
            {"ended": WHOLE.ended | {"utterances": 3}},  # type: ignore[operator]
            {"problems": ["closed with 1011"]},
        ],
    )
    def test_one_that_does_not(self, wrong: dict[str, object]) -> None:
        assert replace(self.WHOLE, **wrong).faults  # type: ignore[arg-type]


BEGINS = {
    "flac": b"fLaC",
    "webm": b"\x1aE\xdf\xa3",
    "mp4": b"\x00\x00\x00\x18ftyp",
    "auto": b"G@",
}


class TestFiles:
    @pytest.mark.parametrize("name", sorted(files.MADE))
    def test_each_is_of_its_kind_to_ffmpeg(self, name: str) -> None:
        """By its first bytes alone: to open some of them takes minutes."""
        encoding, make = files.MADE[name]
        begins = {
            "flac": b"fLaC",
            "webm": b"\x1aE\xdf\xa3",
            "mp4": b"\x00\x00\x00\x18ftyp",
            "auto": b"G@",
        }
        assert make(1).startswith(begins[encoding])

    def test_little_holds_much(self) -> None:
        data = files.packed_silence()
        assert len(data) < 10_500
        with av.open(io.BytesIO(data), "r") as source:
            first = next(source.decode(source.streams.audio[0]))
        assert first.samples == files.BOMB_S * files.BOMB_RATE

    def test_tracks_by_the_hundred(self) -> None:
        for data in (files.many_tracks(30), files.transport_stream(300)):
            with av.open(io.BytesIO(data), "r") as source:
                assert len(source.streams.audio) in (30, 300)

    @pytest.mark.parametrize("form", ["webm", "ogg"])
    def test_live_speech_comes_piece_by_piece(self, form: str) -> None:
        pieces = files.live_speech(files.speech_like(3, 1), form)
        assert sum(len(piece) > 100 for piece in pieces) >= 28
        with av.open(io.BytesIO(b"".join(pieces)), "r") as source:
            frames = source.decode(source.streams.audio[0])
            assert sum(frame.samples for frame in frames) / 48_000 == pytest.approx(3, abs=0.05)


def test_attacks_for_places_are_also_run_behind_a_proxy() -> None:
    assert rows(["silent", "tags"], [1, 8], None) == [
        ("silent", 1, Access.KEYS),
        ("silent", 8, Access.KEYS),
        ("silent", 8, Access.PROXY),
        ("tags", 1, Access.KEYS),
        ("tags", 8, Access.KEYS),
    ]
    assert rows(["silent"], [8], Access.OPEN) == [("silent", 8, Access.OPEN)]


def test_frames_of_any_length() -> None:
    assert frame(1, b"x") == b"\x81\x81\0\0\0\0x"
    assert frame(2, bytes(200)).startswith(b"\x82\xfe\x00\xc8")
    assert frame(2, bytes(70_000)).startswith(b"\x82\xff\0\0\0\0\0\x01\x11\x70")
    assert audio_frames(b"abcde", 2) == frame(2, b"ab") + frame(2, b"cd") + frame(2, b"e")


def test_victims_speak_whole_clips_in_several_forms() -> None:
    clips = [Clip(Path(str(n)), f"word {n}", np.full(8000, n, np.int16)) for n in range(3)]
    scripts = write_scripts(clips, 8, 5.0)
    assert {script.form for script in scripts} == {"pcm", "ogg", "webm"}
    assert scripts[1].reference.startswith("word 1 word 2 word 0")
    assert all(5.0 <= script.seconds <= 7.5 for script in scripts)


@pytest.mark.long
async def test_every_attack_is_made(tmp_path: Path) -> None:
    """Each for a moment, on one server with a scripted decoder, which is of use afterwards."""
    make_plan(tmp_path, None, set(KINDS), victims=1, seconds=1, seed=1, model="tiny.en")
    server = start_server(decoder=FAKE_DECODER, wyoming="tcp://127.0.0.1:0")
    try:
        site = Site(
            server.port,
            server.process.pid,
            0.3,
            1,
            str(tmp_path),
            bystanders=tuple(process.pid for process in server.tree()),
            wyoming_port=server.events("listening")[0]["wyoming_port"],
        )
        for name in KINDS:
            await attack(name, 1, site)
        ledger = await converse(server.websocket_url, "say:hello")
    finally:
        server.stop()
    assert ledger.outcomes == ["hello"]
    assert not server.errors


@pytest.mark.long
def test_a_short_campaign(tmp_path: Path) -> None:
    """Timing is for a quiet machine; all else holds here too."""
    names = ["packed-silence", "viewer-texts"]
    plan = make_plan(tmp_path, None, set(names), victims=2, seconds=3, seed=1, model="tiny.en")
    for name in names:
        figures = run(plan, name, KINDS[name], 1, Access.KEYS)
        judge(figures, [])
        assert figures.problems == []
        assert not {"words", "memory", "orphans", "not ready"} & set(figures.misses)
        assert len(figures.all_delays_s) >= 2
        assert json.dumps(figures.told)
