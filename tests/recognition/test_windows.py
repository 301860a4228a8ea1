"""What is decoded together and in how long a window: numbers in, numbers out, no model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.jobs import MAX_WINDOW_S, DecodeOptions, Job, JobKind, ModelInfo, Windows
from surtitle.recognition.attempt import begin
from surtitle.recognition.budget import (
    MAX_LENGTH,
    WINDOWS,
    max_batch_square_s2,
    new_tokens,
    token_budget,
    window_frames,
)
from surtitle.recognition.whisper import _alike, _Decoding

# -- the window of a job ------------------------------------------------------------------------

ENGLISH = Windows(final_floor_s=12.5, partial_floor_s=7.5, margin_s=2.0, step_s=2.5)


@pytest.mark.parametrize(
    ("seconds", "kind", "window_s"),
    [
        (0.0, "final", 12.5),
        (10.5, "final", 12.5),  # 2 s of margin fit exactly
        (10.51, "final", 15.0),
        (13.0, "final", 15.0),
        (0.0, "partial", 7.5),
        (5.5, "partial", 7.5),
        (5.51, "partial", 10.0),
        (25.5, "partial", 27.5),
        (25.6, "final", 30.0),
        (28.0, "final", 30.0),
        (29.5, "final", 30.0),  # no window is longer, whatever the margin
        (45.0, "final", 30.0),
    ],
)
def test_a_window_is_the_audio_its_margin_and_full_steps(
    seconds: float, kind: JobKind, window_s: float
) -> None:
    assert ENGLISH.fit(seconds, kind) == window_s


def test_a_floor_that_is_no_full_step_is_rounded_up() -> None:
    assert Windows(final_floor_s=11.0, step_s=2.5).fit(1.0, "final") == 12.5


def test_telephone_speech_has_a_floor_of_its_own_in_finals() -> None:
    windows = Windows(final_floor_s=12.5, partial_floor_s=7.5, telephone_floor_s=20.0)
    assert windows.fit(4.0, "final", telephone=True) == 20.0
    assert windows.fit(19.0, "final", telephone=True) == 22.5
    assert windows.fit(4.0, "partial", telephone=True) == 7.5
    assert Windows(final_floor_s=12.5).fit(4.0, "final", telephone=True) == 12.5


def test_a_model_of_which_nothing_is_known_gets_whispers_own_window() -> None:
    kinds: tuple[JobKind, ...] = ("final", "partial")
    assert {Windows().fit(seconds, kind) for seconds in (0.0, 9.0) for kind in kinds} == {30.0}


@given(st.floats(0, 40), st.sampled_from(["partial", "final"]), st.sampled_from([*WINDOWS]))
def test_a_window_holds_the_audio_and_is_one_of_few(
    seconds: float, kind: JobKind, model: str
) -> None:
    windows = WINDOWS[model]
    window_s = windows.fit(seconds, kind)
    assert window_s >= min(seconds + windows.margin_s, MAX_WINDOW_S)
    assert window_s >= (windows.final_floor_s if kind == "final" else windows.partial_floor_s)
    assert window_s <= MAX_WINDOW_S
    assert window_s % windows.step_s == 0
    assert window_frames(window_s) == window_s * 100
    assert window_frames(window_s) not in (159, 160)  # CTranslate2 takes these for encoded


def test_a_longer_job_never_has_a_shorter_window() -> None:
    found = [ENGLISH.fit(tenths / 10, "final") for tenths in range(320)]
    assert found == sorted(found)


# -- how many jobs a batch holds ----------------------------------------------------------------


def model(max_batch: int, max_batch_square_s2: float) -> ModelInfo:
    info = ModelInfo("m", "cpu", "int8", ("en",), 0.0, max_batch=max_batch)
    return replace(info, max_batch_square_s2=max_batch_square_s2)


@pytest.mark.parametrize(
    ("window_s", "jobs"), [(5.0, 4), (10.0, 4), (12.5, 2), (14.0, 2), (15.0, 1), (30.0, 1)]
)
def test_longer_windows_make_smaller_batches(window_s: float, jobs: int) -> None:
    assert model(4, max_batch_square_s2=400.0).batch_limit(window_s) == jobs


def test_one_job_is_always_allowed() -> None:
    assert model(1, max_batch_square_s2=1.0).batch_limit(30.0) == 1


def test_without_a_limit_of_memory_the_device_alone_decides() -> None:
    info = ModelInfo("m", "cuda", "float16", ("en",), 0.0, max_batch=16)
    assert info.batch_limit(30.0) == 16


@pytest.mark.parametrize(
    ("units", "heads"), [(384, 6), (512, 8), (768, 12), (1024, 16), (1280, 20)]
)
def test_the_memory_of_a_batch_is_that_of_its_attention_scores(units: int, heads: int) -> None:
    """Every Whisper model from tiny to large: the scores of the largest batch fit in 32 MiB."""
    square_s2 = max_batch_square_s2(units)
    for window_s in (7.5, 10.0, 12.5, 15.0, 20.0, 30.0):
        jobs = model(1000, max_batch_square_s2=square_s2).batch_limit(window_s)
        positions = window_s * 50
        score_bytes = heads * positions**2 * 4
        assert jobs == max(1, int(2**25 / score_bytes))


# -- how much may be written --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "prompt", "length"),
    [
        (0.0, 4, 48),
        (1.0, 4, 76),
        (1.0, 38, 76),
        (1.0, 39, 77),
        (1.0, 164, 202),
        (15.0, 4, 448),
        (5.0, 100, 194),
        (30.0, 164, 448),
    ],
)
def test_the_budget_grows_with_the_audio_and_makes_room_for_the_prompt(
    seconds: float, prompt: int, length: int
) -> None:
    assert token_budget(seconds, prompt) == length


@given(st.floats(0, 30), st.integers(1, 170), st.sampled_from([("", 14), ("en", 14), ("te", 45)]))
def test_the_budget_allows_fast_speech(
    seconds: float, prompt: int, language: tuple[str, int]
) -> None:
    budget = token_budget(seconds, prompt, language[0])
    assert budget <= MAX_LENGTH
    new = new_tokens(budget, prompt)
    assert new >= min(round(seconds * language[1]) + 24, MAX_LENGTH // 2)


# -- what is decoded in one call ----------------------------------------------------------------


def decoding(
    name: str,
    kind: JobKind = "final",
    window_s: float = 15.0,
    options: DecodeOptions | None = None,
) -> _Decoding:
    audio = np.zeros(160, np.int16)
    job = Job(name, "s", 1, kind, audio, options or DecodeOptions(language="en"), window_s)
    mel = np.zeros((80, 1), np.float32)
    return _Decoding(job, mel, begin(kind, job.seconds), features_s=0.0, started=0.0)


def groups(*decodings: _Decoding) -> list[list[str]]:
    return [[each.job.id for each in group] for group in _alike(decodings)]


def test_jobs_that_are_alike_are_one_group() -> None:
    assert groups(decoding("a"), decoding("b"), decoding("c")) == [["a", "b", "c"]]
    assert groups() == []


@pytest.mark.parametrize(
    "other",
    [
        decoding("b", kind="partial"),
        decoding("b", window_s=17.5),
        decoding("b", options=DecodeOptions(language="en", prompt="An opera.")),
        decoding("b", options=DecodeOptions(language="en", hotwords=("Surtitle",))),
        decoding("b", options=DecodeOptions(language="en", words=True)),
    ],
)
def test_jobs_that_differ_in_what_holds_for_a_call_are_apart(other: _Decoding) -> None:
    assert groups(decoding("a"), other, decoding("c")) == [["a", "c"], ["b"]]


def test_languages_and_tasks_may_differ() -> None:
    wanted = [
        DecodeOptions(language="en"),
        DecodeOptions(language="de"),
        DecodeOptions(),
        DecodeOptions(language="de", task="translate"),
        DecodeOptions(languages=("en", "de")),
    ]
    decodings = [decoding(str(n), options=options) for n, options in enumerate(wanted)]
    assert groups(*decodings) == [["0", "1", "2", "3", "4"]]


def test_the_same_context_by_prompt_or_by_hotwords_is_the_same() -> None:
    first = DecodeOptions(language="en", hotwords=("La", "Traviata"))
    second = DecodeOptions(language="en", prompt="La Traviata ")
    assert groups(decoding("a", options=first), decoding("b", options=second)) == [["a", "b"]]


def test_each_job_that_wants_words_is_by_itself() -> None:
    options = DecodeOptions(language="en", words=True)
    assert groups(decoding("a", options=options), decoding("b", options=options)) == [
        ["a"],
        ["b"],
    ]
