"""Models with random weights, on the processor: they write as many tokens as they should."""

import sys
from dataclasses import replace

import ctranslate2
import pytest

from estimate_gpu import FINAL, PARTIAL, Model
from measure_gpu import load, main, measure_s


@pytest.mark.long
def test_a_model_of_random_weights_writes_as_many_tokens_as_asked_for() -> None:
    whisper = load(Model("small", 128, 1, 2), "cpu", "float32")
    for work in (FINAL, PARTIAL):  # which asserts that so many tokens came
        assert measure_s(whisper, replace(work, window_s=1.0), batch=2) > 0


@pytest.mark.skipif(bool(ctranslate2.get_cuda_device_count()), reason="there is a GPU here")
def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["measure_gpu.py"])
    with pytest.raises(SystemExit, match="CTranslate2 sees no GPU here"):
        main()
