"""Word times against known ones, and languages: translated, changed, and in the script asked for."""

import os

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.server_process import ServerProcess
from lab.speech import recordings
from quality.word_times import measure
from surtitle.jobs import SAMPLE_RATE
from surtitle.messages import Final, Start
from tests.marks import needs_speech
from tests.real_speech.scoring import stream

DIGITS_S = float(os.environ.get("SURTITLE_TEST_DIGITS_S", "60"))
"""Length of the joined digits; 3600 for drift over an hour."""


@needs_speech
@pytest.mark.long
async def test_words_are_timed_to_100_ms_and_do_not_drift(tiny: ServerProcess) -> None:
    folder = recordings("digits")[0].path.parent
    times = await measure(tiny.url, folder, DIGITS_S)
    assert times.judged > 20
    assert times.start.p50 < 0.02
    assert times.end.p50 < 0.02
    assert times.good > 0.93
    assert abs(times.drift_s) < 0.02


@needs_speech
async def test_spanish_is_translated(base: ServerProcess) -> None:
    clip = next(r for r in recordings("multilingual") if r.path.name == "fleurs-es-003.ogg")
    start = Start(language="es", task="translate")
    result = await stream(base.url, read_pcm16(clip.path), start)
    assert "Earth" in result.text() or "earth" in result.text()


@needs_speech
async def test_languages_may_change_from_utterance_to_utterance(base: ServerProcess) -> None:
    rows = recordings("multilingual")
    names = ("fleurs-es-003.ogg", "picovoice_test_fr.wav", "picovoice_test_it.wav")
    clips = [next(r for r in rows if r.path.name == name) for name in names]
    pause = np.zeros(2 * SAMPLE_RATE, np.int16)
    audio = np.concatenate([part for c in clips for part in (read_pcm16(c.path), pause)])
    start = Start(language="auto", languages=["en", "es", "fr", "it"])
    finals = (await stream(base.url, audio, start)).of(Final)
    assert list(dict.fromkeys(final.language for final in finals)) == ["es", "fr", "it"]


@needs_speech
async def test_the_tag_says_how_chinese_is_written(base: ServerProcess) -> None:
    clip = next(r for r in recordings("mandarin") if r.path.name == "BAC009S0252W0305.wav")
    audio = read_pcm16(clip.path)
    simplified = (await stream(base.url, audio, Start(language="zh"))).text("")
    traditional = (await stream(base.url, audio, Start(language="zh-TW"))).text("")
    assert "们" in simplified and "們" not in simplified
    assert "們" in traditional and "们" not in traditional
