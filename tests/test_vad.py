"""Voice activity: a row in a batch is the row alone; rounds keep order and do not hold the loop."""

import asyncio
import io
import os
import pickle
import sys
import threading
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from silero_vad import load_silero_vad

from lab.ledger import read_pcm16
from lab.places import SAMPLE
from surtitle.captioning.endpointing import WINDOW_SAMPLES
from surtitle.errors import SurtitleError
from surtitle.vad.rounds import (
    FEW_WINDOWS,
    PATIENT_SHARE,
    SPOKE_S,
    WINDOWS_BESIDE,
    WINDOWS_PER_CALL,
    WINDOWS_PER_TURN,
    SileroVad,
    VadRounds,
)
from surtitle.vad.silero import SileroNetwork
from surtitle.vad.weights import load_weights

# What silero-vad loads its model with.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.load`:DeprecationWarning")

Windows = NDArray[np.int16]
TOLERANCE = 1e-5
SPEECH = read_pcm16(SAMPLE)


@cache
def network() -> SileroNetwork:
    return SileroNetwork(load_weights())


def silero() -> SileroVad:
    return SileroVad(network())


def windows(count: int, first: int = 0) -> Windows:
    """Some of the sample, from window `first` on."""
    audio = SPEECH[first * WINDOW_SAMPLES : (first + count) * WINDOW_SAMPLES]
    assert len(audio) == count * WINDOW_SAMPLES
    return audio.reshape(count, WINDOW_SAMPLES)


def alone(audio: Windows) -> NDArray[np.float32]:
    """The probabilities of a stream that is the only one, a window a call."""
    vad = silero()
    slot = vad.open()
    return np.concatenate([vad.score([slot], [1], window[None])[0] for window in audio])


# -- the weights --------------------------------------------------------------------------------


def test_the_weights_are_those_that_the_package_loads() -> None:
    read = load_weights()
    package = load_silero_vad()._model.state_dict()
    assert read.keys() == package.keys()
    assert all(np.array_equal(read[name], package[name].numpy()) for name in package)


DAMAGE: dict[str, Callable[[bytes], bytes] | None] = {
    "missing": None,
    "no_archive": lambda whole: b"It is broken.",
    "cut": lambda whole: whole[: len(whole) // 2],
    "another_archive": lambda whole: zipped({"other.txt": b"hello"}),
    "short_tensors": lambda whole: zipped(
        {name: data[:8] if "/data/" in name else data for name, data in unzipped(whole).items()}
    ),
    "a_pickle_that_runs_code": lambda whole: zipped({"x/data.pkl": pickle.dumps(os.getcwd)}),
    "a_pickle_cut": lambda whole: zipped({"x/data.pkl": pickle.dumps([1, 2])[:-1]}),
}


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def unzipped(whole: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_package_that_cannot_be_read_is_a_sentence(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find_spec("silero_vad")
    assert spec is not None and spec.submodule_search_locations is not None
    whole = Path(spec.submodule_search_locations[0], "data", "silero_vad.jit").read_bytes()
    package = tmp_path / "silero_vad"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").touch()
    if (make := DAMAGE[damage]) is not None:
        (package / "data" / "silero_vad.jit").write_bytes(make(whole))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "silero_vad", raising=False)
    with pytest.raises(SurtitleError, match=r"silero-vad cannot be read: .*`surtitle check`"):
        load_weights()


# -- the model ----------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [1, 2, 8, 9, 40])
def test_a_row_in_a_batch_is_the_row_alone(streams: int) -> None:
    vad = silero()
    slots = [vad.open() for _ in range(streams)]
    audio = [windows(24, first=5 * i) for i in range(streams)]
    got: list[list[float]] = [[] for _ in slots]
    position = [0] * streams
    for turn in range(16):
        # Now two windows, now one, now none: batches of all sizes, and rows that change place.
        counts = [(i + turn) % 3 for i in range(streams)]
        chosen = [i for i in np.random.default_rng(turn).permutation(streams) if counts[i]]
        if not chosen:
            continue
        batch = np.concatenate([audio[i][position[i] : position[i] + counts[i]] for i in chosen])
        probabilities, _ = vad.score([slots[i] for i in chosen], [counts[i] for i in chosen], batch)
        start = 0
        for i in chosen:
            got[i] += probabilities[start : start + counts[i]].tolist()
            start += counts[i]
            position[i] += counts[i]
    for i in {0, streams // 2, streams - 1}:
        assert len(got[i]) >= 14
        np.testing.assert_allclose(got[i], alone(audio[i][: len(got[i])]), atol=TOLERANCE, rtol=0)
    assert max(max(each) for each in got) > 0.8 > 0.1 > min(min(each) for each in got)


def test_the_network_is_the_one_of_the_package() -> None:
    reference = load_silero_vad()
    audio = windows(200)
    with torch.inference_mode():
        expected = [
            reference(torch.from_numpy(window.astype(np.float32) / 32768), 16000).item()
            for window in audio
        ]
    vad = silero()
    probabilities, _ = vad.score([vad.open()], [200], audio)
    np.testing.assert_allclose(probabilities, expected, atol=TOLERANCE, rtol=0)
    assert max(expected) > 0.9 > 0.1 > min(expected)


def test_windows_beyond_one_call_of_the_network_are_no_different() -> None:
    vad = silero()
    many, _ = vad.score([vad.open()], [300], windows(300))
    np.testing.assert_allclose(many, alone(windows(300)), atol=TOLERANCE, rtol=0)


def test_full_scale_noise_overflows_nowhere() -> None:
    loud = np.random.default_rng(5).choice(np.array([-32768, 32767], np.int16), (50, 512))
    vad = silero()
    probabilities, _ = vad.score([vad.open()], [50], loud)
    assert np.isfinite(probabilities).all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_a_slot_that_is_used_again_remembers_nothing() -> None:
    vad = silero()
    first = vad.open()
    vad.score([first], [20], windows(20, first=40))
    vad.close(first)
    again = vad.open()
    assert again == first
    probabilities, _ = vad.score([again], [10], windows(10))
    np.testing.assert_allclose(probabilities, alone(windows(10)), atol=TOLERANCE, rtol=0)


def test_room_for_more_streams_keeps_the_memory_of_those_there_are() -> None:
    vad = silero()
    slot = vad.open()
    before, _ = vad.score([slot], [10], windows(10))
    others = [vad.open() for _ in range(100)]
    after, _ = vad.score([slot], [10], windows(10, first=10))
    assert len({slot, *others}) == 101
    np.testing.assert_allclose(
        np.concatenate([before, after]), alone(windows(20)), atol=TOLERANCE, rtol=0
    )


def test_levels_are_root_mean_squares_of_full_scale() -> None:
    vad = silero()
    half = np.full((1, WINDOW_SAMPLES), 16384, np.int16)
    half[0, ::2] *= -1
    _, levels = vad.score([vad.open(), vad.open()], [2, 1], np.concatenate([half, half // 2, half]))
    assert levels.tolist() == pytest.approx([0.5, 0.25, 0.5])


# -- the rounds ---------------------------------------------------------------------------------


class GatedVad(SileroVad):
    """The real one, which waits before each call until the test lets it go."""

    def __init__(self) -> None:
        super().__init__(network())
        self.calls: list[list[int]] = []  # the counts of each
        self.threads: list[int] = []  # in which each was made
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.open_slots = 0

    def open(self) -> int:
        self.open_slots = getattr(self, "open_slots", 0) + 1  # the model is warmed before our part
        return super().open()

    def close(self, slot: int) -> None:
        self.open_slots -= 1
        super().close(slot)

    def score(self, slots, counts, windows):  # type: ignore[no-untyped-def]
        if hasattr(self, "gate"):
            self.calls.append(list(counts))
            self.threads.append(threading.get_ident())
            self.begun.set()
            assert self.gate.wait(10)
        return super().score(slots, counts, windows)


class Client:
    """Has audio, and keeps what was said of it."""

    def __init__(self, audio: Windows, *, patient: bool = False) -> None:
        self.audio = audio
        self.patient = patient
        self.taken = 0
        self.probabilities: list[float] = []
        self.levels: list[float] = []

    def take_windows(self, limit: int) -> Windows:
        part = self.audio[self.taken : self.taken + limit]
        self.taken += len(part)
        return part

    def receive_probabilities(self, probabilities: list[float], levels: list[float]) -> None:
        self.probabilities += probabilities
        self.levels += levels


class Scoring:
    """Rounds that go on."""

    def __init__(self) -> None:
        self.vad = GatedVad()
        self.rounds = VadRounds(self.vad)
        self.task = self.rounds.start()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.001)


@asynccontextmanager
async def scoring() -> AsyncIterator[Scoring]:
    running = Scoring()
    try:
        yield running
    finally:
        running.vad.gate.set()
        await running.rounds.stop()


async def test_windows_are_judged_in_order_however_many_come_at_once() -> None:
    async with scoring() as t:
        client = Client(windows(5 * WINDOWS_PER_TURN + 3))
        t.rounds.request(client)
        await t.until(lambda: len(client.probabilities) == len(client.audio))
        np.testing.assert_allclose(
            client.probabilities, alone(client.audio), atol=TOLERANCE, rtol=0
        )
        loudness = np.sqrt(np.mean(np.square(client.audio / 32768.0), axis=1))
        np.testing.assert_allclose(client.levels, loudness, rtol=1e-4, atol=1e-7)
        assert max(max(counts) for counts in t.vad.calls) == WINDOWS_PER_TURN


async def test_a_file_sent_at_once_does_not_starve_a_live_session() -> None:
    async with scoring() as t:
        file, live = Client(windows(10 * WINDOWS_PER_TURN)), Client(windows(3))
        t.rounds.request(file)
        t.rounds.request(live)
        await t.until(lambda: live.probabilities)
        assert len(file.probabilities) <= 2 * WINDOWS_PER_TURN


async def test_many_files_do_not_keep_one_who_speaks_waiting() -> None:
    async with scoring() as t:
        files = [Client(windows(6 * WINDOWS_PER_TURN)) for _ in range(200)]
        for file in files:
            t.rounds.request(file)
        await t.until(lambda: all(file.probabilities for file in files))
        calls, live = len(t.vad.calls), Client(windows(3))
        t.rounds.request(live)
        await t.until(lambda: live.probabilities)
        # The two under way, and then the one that it is in; more may have been made since.
        its_own = next(number for number, counts in enumerate(t.vad.calls) if 3 in counts)
        assert its_own - calls < 3
        assert sum(t.vad.calls[its_own]) <= WINDOWS_BESIDE + WINDOWS_PER_TURN
        await t.until(lambda: all(len(file.probabilities) == len(file.audio) for file in files))


@pytest.mark.alone
async def test_who_can_wait_leaves_the_time_to_those_who_speak() -> None:
    async with scoring() as t:
        files = [Client(np.tile(windows(200), (20, 1)), patient=True) for _ in range(64)]
        live, spent_s = Client(windows(0)), list[float]()
        score: Callable[..., Any] = t.vad.score

        def slow(slots: Any, counts: Any, batch: Any) -> Any:
            began_s = time.perf_counter()
            time.sleep(0.005)
            result = score(slots, counts, batch)
            if max(counts) == WINDOWS_PER_TURN:
                spent_s.append(time.perf_counter() - began_s)
            return result

        t.vad.score = slow  # type: ignore[method-assign]
        for file in files:
            t.rounds.request(file)
        began_s = time.perf_counter()
        for number in range(1, 41):
            live.audio = windows(4 * number)
            t.rounds.request(live)
            await asyncio.sleep(0.05)
            assert len(live.probabilities) >= 4 * (number - 2)
        assert 0 < sum(spent_s) < 2 * PATIENT_SHARE * (time.perf_counter() - began_s)


async def test_who_can_wait_has_all_the_time_where_nobody_speaks() -> None:
    async with scoring() as t:
        files = [Client(windows(200), patient=True) for _ in range(8)]
        for file in files:
            t.rounds.request(file)
        rested = list[float]()
        rest_s = t.rounds._rest_s

        def watched(now_s: float) -> float:
            rested.append(rest_s(now_s))
            return rested[-1]

        t.rounds._rest_s = watched  # type: ignore[method-assign]
        await t.until(lambda: all(len(file.probabilities) == 200 for file in files))
        assert set(rested) == {0.0}


async def test_what_was_done_while_nobody_spoke_is_not_held_against_anybody() -> None:
    async with scoring() as t:
        files = [Client(np.tile(windows(200), (20, 1)), patient=True) for _ in range(8)]
        for file in files:
            t.rounds.request(file)
        await t.until(lambda: all(len(file.probabilities) > 1000 for file in files))
        assert t.rounds._share.good_at_s < time.perf_counter()
        t.rounds.request(Client(windows(3)))
        await t.until(lambda: t.rounds._spoke_at > 0)
        done = sum(len(file.probabilities) for file in files)
        await asyncio.sleep(0.3)
        assert sum(len(file.probabilities) for file in files) > done


async def test_what_is_patient_goes_on_as_soon_as_nobody_speaks_any_more() -> None:
    async with scoring() as t:
        live, file = Client(windows(3)), Client(windows(40), patient=True)
        t.rounds.request(live)
        await t.until(lambda: live.probabilities)
        t.rounds._share.take(1000.0, time.perf_counter())
        t.rounds.request(file)
        began_s = time.perf_counter()
        await t.until(lambda: file.probabilities)
        assert 0.5 * SPOKE_S < time.perf_counter() - began_s < 5 * SPOKE_S


async def test_one_who_speaks_in_large_pieces_is_not_rationed() -> None:
    async with scoring() as t:
        t.rounds._share.take(1000.0, time.perf_counter())
        files = [Client(windows(200), patient=True) for _ in range(64)]
        for file in files:
            t.rounds.request(file)
        live = Client(windows(5 * WINDOWS_PER_TURN + 3))
        t.rounds.request(live)
        await t.until(lambda: len(live.probabilities) == len(live.audio))
        assert not any(file.probabilities for file in files)


async def test_one_who_comes_back_is_no_longer_patient() -> None:
    async with scoring() as t:
        first = Client(windows(3))
        t.rounds.request(first)
        await t.until(lambda: first.probabilities)
        t.rounds._share.take(1000.0, time.perf_counter())
        client = Client(windows(40), patient=True)
        t.rounds.request(client)
        client.patient = False
        t.rounds.request(client)
        await t.until(lambda: len(client.probabilities) == 40)


async def test_a_round_is_bounded_and_everybody_gets_a_turn() -> None:
    async with scoring() as t:
        clients = [Client(windows(2 * WINDOWS_PER_TURN)) for _ in range(100)]
        for client in clients:
            t.rounds.request(client)
        await t.until(lambda: all(len(c.probabilities) == len(c.audio) for c in clients))
        assert max(map(sum, t.vad.calls)) < WINDOWS_PER_CALL + WINDOWS_PER_TURN
        assert len(t.vad.calls) >= 4
        expected = alone(clients[0].audio)
        for client in clients:
            np.testing.assert_allclose(client.probabilities, expected, atol=TOLERANCE, rtol=0)


async def test_scoring_does_not_hold_the_event_loop() -> None:
    async with scoring() as t:
        t.vad.gate.clear()
        client = Client(windows(FEW_WINDOWS + 1))
        t.rounds.request(client)
        await t.until(t.vad.begun.is_set)
        for _ in range(100):
            await asyncio.sleep(0)
        assert client.probabilities == []
        t.vad.gate.set()
        await t.until(lambda: len(client.probabilities) == FEW_WINDOWS + 1)


async def test_a_few_windows_are_scored_without_another_thread() -> None:
    async with scoring() as t:
        client = Client(windows(FEW_WINDOWS))
        t.rounds.request(client)
        await t.until(lambda: len(client.probabilities) == FEW_WINDOWS)
        assert t.vad.threads == [threading.get_ident()]
        client.audio = windows(2 * FEW_WINDOWS + 1)
        t.rounds.request(client)
        await t.until(lambda: len(client.probabilities) == len(client.audio))
        assert len(set(t.vad.threads)) == 2


async def test_audio_that_comes_while_its_session_is_scored_is_judged_after_that() -> None:
    async with scoring() as t:
        t.vad.gate.clear()
        client = Client(windows(FEW_WINDOWS + 1))
        t.rounds.request(client)
        await t.until(t.vad.begun.is_set)
        client.audio = windows(FEW_WINDOWS + 6)
        t.rounds.request(client)
        for _ in range(30):
            await asyncio.sleep(0.002)
        assert len(t.vad.calls) == 1  # never two scorings at once
        t.vad.gate.set()
        await t.until(lambda: len(client.probabilities) == FEW_WINDOWS + 6)
        np.testing.assert_allclose(
            client.probabilities, alone(client.audio), atol=TOLERANCE, rtol=0
        )


async def test_who_goes_while_being_scored_gets_nothing_and_leaves_a_clean_slot() -> None:
    async with scoring() as t:
        t.vad.gate.clear()
        gone, stays = Client(windows(16, first=40)), Client(windows(6))
        t.rounds.request(gone)
        await t.until(t.vad.begun.is_set)
        t.rounds.forget(gone)
        t.rounds.request(stays)
        t.vad.gate.set()
        await t.until(lambda: len(stays.probabilities) == 6)
        assert gone.probabilities == []
        assert t.vad.open_slots == 1
        np.testing.assert_allclose(stays.probabilities, alone(stays.audio), atol=TOLERANCE, rtol=0)


async def test_who_is_forgotten_before_a_round_is_not_asked() -> None:
    async with scoring() as t:
        gone, stays = Client(windows(4)), Client(windows(4))
        t.rounds.request(gone)
        t.rounds.request(stays)
        t.rounds.forget(gone)
        await t.until(lambda: stays.probabilities)
        assert gone.taken == 0
        assert t.vad.open_slots == 1


async def test_sessions_that_come_and_go_take_no_more_slots() -> None:
    async with scoring() as t:
        for _ in range(50):
            client = Client(windows(1))
            t.rounds.request(client)
            probabilities = client.probabilities
            await t.until(probabilities.__len__)
            t.rounds.forget(client)
        assert t.vad.open_slots <= 2
        assert len(t.vad._context) <= 16


async def test_a_failure_ends_the_task_so_that_somebody_notices() -> None:
    async with scoring() as t:
        t.rounds.request(Client(np.zeros((2, 7), np.int16)))  # no window of the model
        async with asyncio.timeout(10):
            await asyncio.wait({t.task})
        assert t.task.exception() is not None
        t.rounds._task = None


async def test_stopping_does_not_wait_for_a_call_that_hangs() -> None:
    t = Scoring()
    t.vad.gate.clear()
    t.rounds.request(Client(windows(FEW_WINDOWS + 1)))
    await t.until(t.vad.begun.is_set)
    async with asyncio.timeout(2):
        await t.rounds.stop()
    t.vad.gate.set()
